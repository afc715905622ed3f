"""`boxes`: the same object from an IoU of .5 on, voted on one by one, fused by weighted mean (upright) or medoid (turned).

Distance: 1 - F1 at IoU .5 with the best one-to-one matching per label. Fusion: Solovyev et al. 2021, "Weighted boxes
fusion".
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from services.qa.domain import presence
from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.estimates import Facets
from services.qa.domain.geometry import BOXES
from services.qa.domain.matching import count_like, f1
from services.qa.domain.presence import PresenceEvidence, WeighedObjects, objects_of
from services.qa.domain.regions import Regions, cluster
from services.qa.domain.stored_estimates import EstimatedByFacets
from services.qa.domain.votes import TIE, Answer, Consensus, Distribution, ItemVotes, Vote, VoteOutcome
from shared.contracts.answers.kinds.boxes import BoxesQuestion

FACET = ""

SAME = 0.5
"""Two boxes are the same box from this intersection over union on."""

HIT_F1 = 0.8
"""An answer counts as right from this F1 with the truth on."""

_SIDES = ("x", "y", "width", "height")


class BoxesKind(EstimatedByFacets):
    """Consensus and disagreement of `boxes`: each box is voted on by itself, at an IoU of `SAME` or more."""

    NAME = "boxes"

    def __init__(self, question: BoxesQuestion) -> None:
        self._label_count = len(question.labels)
        self._required = frozenset(attribute.name for attribute in question.attributes if attribute.required)

    def distance(self, one: Answer, other: Answer) -> float:
        return 1.0 - _f1(one, other)

    def hit(self, answer: Answer, truth: Answer) -> bool:
        return _f1(answer, truth) >= HIT_F1

    def work_us(self, answers: Sequence[Answer]) -> float:
        boxes = sum(len(_boxes(answer)) for answer in answers)
        return 300.0 + boxes * (10.0 + 0.15 * boxes)  # all like one another and turned otherwise

    def unknown(self) -> Facets:
        return {FACET: presence.unknown()}

    def estimate(self, items: Sequence[ItemVotes]) -> Facets:
        return {FACET: presence.estimate_presence(items, _regions, BOXES, SAME)}

    def consensus(self, votes: Sequence[Vote], estimates: Facets, prior: Distribution | None = None) -> Consensus:
        del prior  # a model's boxes come without a probability each
        votes = sorted(votes, key=lambda vote: vote.voter)
        clusters = cluster([_regions(vote.answer) for vote in votes], BOXES, SAME)
        evidence = PresenceEvidence.of([vote.voter for vote in votes], estimates[FACET])
        if not len(clusters.votes):
            return Consensus({"boxes": []}, evidence.nothing(), False, "quorum")
        found = objects_of(clusters, evidence, self._label_count)
        drawn = [_boxes(vote.answer) for vote in votes]
        originals = [
            drawn[vote][index] for vote, index in zip(clusters.votes.tolist(), clusters.indices.tolist(), strict=True)
        ]
        fused, even = self._fuse(found, originals)
        answer: dict[str, Any] = {"boxes": fused}
        return Consensus(answer, found.confidence, even or bool(found.tied.any()), "quorum")

    def outcomes(self, items: Sequence[ItemVotes], estimates: Facets) -> list[list[VoteOutcome]]:
        return presence.outcomes(items, _regions, BOXES, SAME, estimates[FACET], self.hit)

    def _fuse(self, found: WeighedObjects, originals: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
        """One box for each object that is more likely there than not, and whether an attribute stands at even votes."""
        members = found.members
        kept = np.flatnonzero(found.chances > 0.5).tolist()  # noqa: PLR2004
        central = _medoids(found, [members[at] for at in kept])
        fused: list[dict[str, Any]] = []
        any_even = False
        for at, medoid in zip(kept, central, strict=True):
            box: dict[str, Any]
            own = members[at]
            if medoid is None:
                weights = found.weights[own]
                mean = (found.clusters.extents[own, :4] * weights[:, None]).sum(axis=0) / weights.sum()
                box = dict(zip(_SIDES, mean.tolist(), strict=True))
            else:
                box = {name: originals[medoid][name] for name in (*_SIDES, "rotation") if name in originals[medoid]}
            box["label"] = found.labels[at]
            attributes, even = self._attributes([originals[member] for member in own], found.weights[own])
            if attributes:
                box["attributes"] = attributes
            fused.append(box)
            any_even = any_even or even
        return sorted(fused, key=lambda box: (box["label"], *(box[name] for name in _SIDES))), any_even

    def _attributes(self, originals: Sequence[dict[str, Any]], weights: Floats) -> tuple[dict[str, str], bool]:
        """Each attribute by weighted vote of the members; not giving an optional one is a vote for its absence."""
        names = sorted({name for box in originals for name in box.get("attributes") or {}})
        chosen: dict[str, str] = {}
        even = False
        for name in names:
            support: dict[str | None, float] = {}
            for box, weight in zip(originals, weights.tolist(), strict=True):
                value = (box.get("attributes") or {}).get(name)
                if value is not None or name not in self._required:
                    support[value] = support.get(value, 0.0) + weight
            most = max(support.values())
            best = [value for value, weight in support.items() if weight >= most - TIE]
            even = even or len(best) > 1
            value = min(best, key=lambda value: (value is None, value or ""))
            if value is not None:
                chosen[name] = value
        return chosen, even


def _medoids(found: WeighedObjects, objects: Sequence[Integers]) -> list[int | None]:
    """Of each object of which a member is turned the member most like the others, weighted; of equals the first by extent.

    None where all are upright. All pairs of members are compared at once.
    """
    extents = found.clusters.extents
    is_turned = extents[:, 4] % 360.0 != 0
    turned = [at for at, own in enumerate(objects) if is_turned[own].any()]
    central: list[int | None] = [None] * len(objects)
    if not turned:
        return central
    one = np.concatenate([np.repeat(objects[at], len(objects[at])) for at in turned])
    other = np.concatenate([np.tile(objects[at], len(objects[at])) for at in turned])
    alike = BOXES.overlap_of_pairs(extents[one], extents[other])
    score = np.bincount(one, weights=alike * found.weights[other], minlength=len(extents))
    for at in turned:
        own = objects[at]
        best = own[score[own] >= score[own].max() - TIE].tolist()
        central[at] = min(best, key=lambda member: extents[member].tolist())
    return central


def _boxes(answer: Answer) -> list[dict[str, Any]]:
    boxes: Any = answer["boxes"]
    return list(boxes)


def _regions(answer: Answer) -> Regions:
    boxes = _boxes(answer)
    extents = [(box["x"], box["y"], box["width"], box["height"], box.get("rotation") or 0.0) for box in boxes]
    return Regions([box["label"] for box in boxes], np.array(extents, np.float64).reshape(-1, 5))


def _f1(one: Answer, other: Answer) -> float:
    mine, theirs = _regions(one), _regions(other)
    matched = 0
    for label in set(mine.labels) & set(theirs.labels):
        left = mine.extents[[name == label for name in mine.labels]]
        right = theirs.extents[[name == label for name in theirs.labels]]
        matched += count_like(left, right, BOXES, SAME)
    return f1(matched, len(mine.labels), len(theirs.labels))


KIND = BoxesKind
