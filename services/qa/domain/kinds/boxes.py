"""`boxes`: the same object from an IoU of .5 on, voted on one by one, fused by weighted mean (upright) or medoid (turned).

Distance: 1 - F1 at IoU .5 with the best one-to-one matching per label. Fusion: Solovyev et al. 2021, "Weighted boxes
fusion".
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.geometry import BOXES
from services.qa.domain.matching import count_like, f1
from services.qa.domain.region_consensus import WeighedObjects, outcomes, weigh
from services.qa.domain.region_edges import BOX_EDGES, box_chances
from services.qa.domain.region_estimates import EstimatedByRegions, RegionEstimates
from services.qa.domain.region_estimation import estimate_regions
from services.qa.domain.regions import Regions, cluster
from services.qa.domain.votes import TIE, Answer, Consensus, Distribution, ItemVotes, Vote, VoteOutcome
from shared.contracts.answers.kinds.boxes import BoxesQuestion

UNKNOWN_SPREAD = 0.06
"""The standard deviation of a side that a stranger draws, in units of the box's width or height."""

SAME = 0.5
"""Two boxes are the same box from this intersection over union on."""

HIT_F1 = 0.8
"""An answer counts as right from this F1 with the truth on."""

_SIDES = ("x", "y", "width", "height")


class BoxesKind(EstimatedByRegions):
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
        return 600.0 + boxes * (10.0 + 0.15 * boxes)  # all like one another and turned otherwise

    def unknown(self) -> RegionEstimates:
        return RegionEstimates.unknown(UNKNOWN_SPREAD)

    def estimate(self, items: Sequence[ItemVotes]) -> RegionEstimates:
        return estimate_regions(items, _regions, BOXES, SAME, self.unknown(), self._label_count, BOX_EDGES)

    def consensus(
        self, votes: Sequence[Vote], estimates: RegionEstimates, prior: Distribution | None = None
    ) -> Consensus:
        del prior  # a model's boxes come without a probability each
        votes = sorted(votes, key=lambda vote: vote.voter)
        clusters = cluster([_regions(vote.answer) for vote in votes], BOXES, SAME)
        found = weigh(clusters, [vote.voter for vote in votes], estimates, self._label_count, BOX_EDGES)
        if not len(clusters.votes):
            return Consensus({"boxes": []}, found.nothing_missed, False, "quorum")
        drawn = [_boxes(vote.answer) for vote in votes]
        originals = [
            drawn[vote][index] for vote, index in zip(clusters.votes.tolist(), clusters.indices.tolist(), strict=True)
        ]
        fused, even = self._fuse(found, originals)
        answer: dict[str, Any] = {"boxes": fused}
        confidence = found.confidence(box_chances(found.votes, found.rates.edges), found.kept.tolist())
        return Consensus(answer, confidence, even or bool(found.tied.any()), "quorum")

    def outcomes(self, items: Sequence[ItemVotes], estimates: RegionEstimates) -> list[list[VoteOutcome]]:
        return outcomes(items, _regions, BOXES, SAME, estimates, self._label_count, self.hit)

    def _fuse(self, found: WeighedObjects, originals: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
        """One box for each object that is more likely there than not, and whether an attribute stands at even votes."""
        members = found.members
        kept = found.kept.tolist()
        weights_of = found.member_weights((found.rates.edges.min() / found.rates.edges) ** 2)
        votes_of = found.member_weights(found.rates.naming)
        central = _medoids(found.clusters.extents, [members[at] for at in kept], weights_of)
        fused: list[dict[str, Any]] = []
        any_even = False
        for at, medoid in zip(kept, central, strict=True):
            box: dict[str, Any]
            own = members[at]
            if medoid is None:
                weights = weights_of[own]
                mean = (found.clusters.extents[own, :4] * weights[:, None]).sum(axis=0) / weights.sum()
                box = dict(zip(_SIDES, mean.tolist(), strict=True))
            else:
                box = {name: originals[medoid][name] for name in (*_SIDES, "rotation") if name in originals[medoid]}
            box["label"] = found.labels[at]
            attributes, even = self._attributes([originals[member] for member in own], votes_of[own])
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


def _medoids(extents: Floats, objects: Sequence[Integers], weights: Floats) -> list[int | None]:
    """Of each object of which a member is turned the member most like the others, weighted; of equals the first by extent.

    None where all are upright. All pairs of members are compared at once.
    """
    is_turned = extents[:, 4] % 360.0 != 0
    turned = [at for at, own in enumerate(objects) if is_turned[own].any()]
    central: list[int | None] = [None] * len(objects)
    if not turned:
        return central
    one = np.concatenate([np.repeat(objects[at], len(objects[at])) for at in turned])
    other = np.concatenate([np.tile(objects[at], len(objects[at])) for at in turned])
    alike = BOXES.overlap_of_pairs(extents[one], extents[other])
    score = np.bincount(one, weights=alike * weights[other], minlength=len(extents))
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
