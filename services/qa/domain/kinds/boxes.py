"""`boxes`: clustered by intersection over union, voted on one by one, fused by weighted mean (upright) or medoid (turned).

Distance: 1 - F1 at IoU .5 with Hungarian matching per label. Fusion: Solovyev et al. 2021, "Weighted boxes fusion".
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from services.qa.domain import parts
from services.qa.domain.dawid_skene import Floats
from services.qa.domain.kinds.kind import QuestionEstimates
from services.qa.domain.matching import assign, box_overlap, f1
from services.qa.domain.parts import FACET, TIE, Cluster, Part
from services.qa.domain.voting import Answer, Consensus, Distribution, ItemVotes, Outcome, Vote
from shared.contracts.answers.kinds.boxes import BoxesQuestion

SAME = 0.5
"""Two boxes of one label are the same box from this intersection over union on."""

HIT_F1 = 0.8
"""An answer counts as right from this F1 with the truth on."""


class Boxes:
    def __init__(self, question: BoxesQuestion) -> None:
        self._required = frozenset(attribute.name for attribute in question.attributes if attribute.required)

    def distance(self, one: Answer, other: Answer) -> float:
        return 1.0 - _f1(one, other)

    def hit(self, answer: Answer, truth: Answer) -> bool:
        return _f1(answer, truth) >= HIT_F1

    def unknown(self) -> QuestionEstimates:
        return {FACET: parts.unknown()}

    def estimate(self, items: Sequence[ItemVotes]) -> QuestionEstimates:
        return {FACET: parts.estimate_presence(items, _all_parts, box_overlap, SAME)}

    def consensus(
        self, votes: Sequence[Vote], estimates: QuestionEstimates, prior: Distribution | None = None
    ) -> Consensus:
        del prior  # a model's boxes come without a probability each
        facet = estimates[FACET]
        votes = sorted(votes, key=lambda vote: vote.voter)
        clusters = parts.cluster([_parts(vote.answer) for vote in votes], box_overlap, SAME)
        if not clusters:
            return Consensus({"boxes": []}, parts.nothing(votes, facet), False, "quorum")
        chances = [parts.presence(found, votes, facet) for found in clusters]
        tied = any(abs(chance - 0.5) <= TIE for chance in chances)
        fused: list[dict[str, Any]] = []
        for chance, found in zip(chances, clusters, strict=True):
            if chance > 0.5:  # noqa: PLR2004  # more likely there than not
                box, even = self._fuse(found, votes, parts.weights_of(found, votes, facet))
                fused.append(box)
                tied = tied or even
        fused.sort(key=lambda box: (box["label"], box["x"], box["y"], box["width"], box["height"]))
        answer: dict[str, Any] = {"boxes": fused}
        return Consensus(answer, min(max(chance, 1.0 - chance) for chance in chances), tied, "quorum")

    def outcomes(self, items: Sequence[ItemVotes], estimates: QuestionEstimates) -> list[list[Outcome]]:
        return parts.outcomes(items, _all_parts, box_overlap, SAME, estimates[FACET], self.hit)

    def _fuse(self, found: Cluster, votes: Sequence[Vote], weights: Floats) -> tuple[dict[str, Any], bool]:
        originals = [_boxes(votes[member.vote].answer)[member.part.index] for member in found]
        extents = np.array([member.part.extent for member in found])
        box: dict[str, Any]
        if (extents[:, 4] % 360.0 != 0).any():
            best = found.index(parts.medoid(found, weights, box_overlap))
            box = {
                key: originals[best][key] for key in ("x", "y", "width", "height", "rotation") if key in originals[best]
            }
        else:
            mean = np.average(extents, axis=0, weights=weights)
            box = {key: float(value) for key, value in zip(("x", "y", "width", "height"), mean, strict=False)}
        box["label"] = found[0].part.label
        attributes, even = self._attributes(originals, weights)
        if attributes:
            box["attributes"] = attributes
        return box, even

    def _attributes(self, originals: Sequence[dict[str, Any]], weights: Floats) -> tuple[dict[str, str], bool]:
        """Each attribute by weighted vote of the members; not giving an optional one is a vote for its absence."""
        names = sorted({name for box in originals for name in box.get("attributes") or {}})
        chosen: dict[str, str] = {}
        even = False
        for name in names:
            support: dict[str | None, float] = {}
            for box, weight in zip(originals, weights, strict=True):
                value = (box.get("attributes") or {}).get(name)
                if value is not None or name not in self._required:
                    support[value] = support.get(value, 0.0) + float(weight)
            most = max(support.values())
            best = [value for value, weight in support.items() if weight >= most - TIE]
            even = even or len(best) > 1
            value = min(best, key=lambda value: (value is None, value or ""))
            if value is not None:
                chosen[name] = value
        return chosen, even


def _boxes(answer: Answer) -> list[dict[str, Any]]:
    boxes: Any = answer["boxes"]
    return list(boxes)


def _parts(answer: Answer) -> list[Part]:
    return [
        Part(
            box["label"],
            (
                float(box["x"]),
                float(box["y"]),
                float(box["width"]),
                float(box["height"]),
                float(box.get("rotation") or 0.0),
            ),
            index,
        )
        for index, box in enumerate(_boxes(answer))
    ]


def _all_parts(item: ItemVotes) -> tuple[Sequence[Sequence[Part]], Sequence[Part] | None]:
    return [_parts(vote.answer) for vote in item.votes], None if item.truth is None else _parts(item.truth)


def _f1(one: Answer, other: Answer) -> float:
    mine, theirs = _parts(one), _parts(other)
    matched = 0
    for label in {part.label for part in mine} & {part.label for part in theirs}:
        left = np.array([part.extent for part in mine if part.label == label])
        right = np.array([part.extent for part in theirs if part.label == label])
        matched += len(assign(box_overlap(left, right), SAME))
    return f1(matched, len(mine), len(theirs))


KIND = Boxes
