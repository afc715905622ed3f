"""`spans`: the same span from an overlap of .5 on, voted on one by one; each edge where it is likeliest to be.

Distance: 1 - the mean of exact and overlap span F1 (relations count as members of the set that they hold between).
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any

import numpy as np

from services.qa.domain.geometry import INTERVALS
from services.qa.domain.matching import assign, count_like, f1
from services.qa.domain.presence import sigmoid
from services.qa.domain.region_consensus import EVEN, WeighedObjects, outcomes, weigh
from services.qa.domain.region_edges import SPAN_EDGES, span_edges
from services.qa.domain.region_estimates import EstimatedByRegions, RegionEstimates
from services.qa.domain.region_estimation import estimate_regions
from services.qa.domain.regions import Regions, cluster
from services.qa.domain.votes import Answer, Consensus, Distribution, ItemVotes, Vote, VoteOutcome
from shared.contracts.answers.kinds.spans import SpansQuestion

UNKNOWN_EXACTNESS = 0.94
"""How often a stranger puts an edge exactly."""

OVERLAP = 0.5
"""Two spans are the same span from this intersection over union on."""

HIT_F1 = 0.8
"""An answer counts as right from this overlap F1 with the truth on."""

SPURIOUS_RELATION = 0.03
"""How often somebody who drew both ends gives a relation that does not hold."""

Span = tuple[int, int, str]
"""Start, end and label."""


class SpansKind(EstimatedByRegions):
    """Consensus and disagreement of `spans`: each span is voted on by itself, at an overlap of `OVERLAP` or more."""

    NAME = "spans"

    def __init__(self, question: SpansQuestion) -> None:
        self._overlapping = question.overlapping
        self._label_count = len(question.labels)

    def distance(self, one: Answer, other: Answer) -> float:
        return 1.0 - (_exact_f1(one, other) + _overlap_f1(one, other)) / 2.0

    def hit(self, answer: Answer, truth: Answer) -> bool:
        return _overlap_f1(answer, truth) >= HIT_F1

    def work_us(self, answers: Sequence[Answer]) -> float:
        spans = sum(len(_spans(answer)) for answer in answers)
        return 600.0 + spans * (10.0 + 0.02 * spans)  # all overlapping

    def unknown(self) -> RegionEstimates:
        return RegionEstimates.unknown(UNKNOWN_EXACTNESS)

    def estimate(self, items: Sequence[ItemVotes]) -> RegionEstimates:
        return estimate_regions(items, _regions, INTERVALS, OVERLAP, self.unknown(), self._label_count, SPAN_EDGES)

    def consensus(
        self, votes: Sequence[Vote], estimates: RegionEstimates, prior: Distribution | None = None
    ) -> Consensus:
        del prior  # a model's spans come without a probability each
        votes = sorted(votes, key=lambda vote: vote.voter)
        clusters = cluster([_regions(vote.answer) for vote in votes], INTERVALS, OVERLAP)
        found = weigh(clusters, [vote.voter for vote in votes], estimates, self._label_count, SPAN_EDGES)
        if not len(clusters.votes):
            return Consensus({"spans": []}, found.nothing_missed, False, "quorum")
        edges = span_edges(found.votes, found.rates.edges, found.decay)
        tied = bool(found.tied.any() or edges.tied[found.kept].any())
        candidates: list[tuple[float, Span, int]] = []
        for at in found.kept.tolist():
            start, end = edges.values[at].tolist()
            candidates.append((float(found.chances[at]), (int(start), int(end), found.labels[at]), at))
        kept = self._without_conflicts(candidates)
        answer: dict[str, Any] = {
            "spans": [{"start": start, "end": end, "label": label} for (start, end, label), _ in kept]
        }
        relations, chance = _relations(votes, found, [at for _, at in kept])
        if relations:
            answer["relations"] = relations
        confidence = found.confidence(edges.chances, [at for _, at in kept]) * chance
        return Consensus(answer, confidence, tied, "quorum")

    def outcomes(self, items: Sequence[ItemVotes], estimates: RegionEstimates) -> list[list[VoteOutcome]]:
        return outcomes(items, _regions, INTERVALS, OVERLAP, estimates, self._label_count, self.hit)

    def _without_conflicts(self, candidates: Sequence[tuple[float, Span, int]]) -> list[tuple[Span, int]]:
        """No span twice and, if the question forbids it, none that overlaps a surer one; in reading order."""
        chosen: dict[Span, int] = {}
        taken: list[tuple[int, int]] = []
        for _, span, at in sorted(candidates, key=lambda candidate: (-candidate[0], candidate[1])):
            place = bisect_left(taken, span[:2])
            crosses = any(span[0] < end and start < span[1] for start, end in taken[max(place - 1, 0) : place + 1])
            if span not in chosen and (self._overlapping or not crosses):
                chosen[span] = at
                if not self._overlapping:
                    insort(taken, span[:2])
        return sorted(chosen.items())


def _spans(answer: Answer) -> list[dict[str, Any]]:
    spans: Any = answer["spans"]
    return list(spans)


def _regions(answer: Answer) -> Regions:
    spans = _spans(answer)
    extents = [(span["start"], span["end"]) for span in spans]
    return Regions([span["label"] for span in spans], np.array(extents, np.float64).reshape(-1, 2))


def _exact_f1(one: Answer, other: Answer) -> float:
    mine: Any = one["spans"]
    theirs: Any = other["spans"]
    places: dict[Span, list[int]] = {}
    for index, span in reversed(list(enumerate(theirs))):
        places.setdefault((span["start"], span["end"], span["label"]), []).append(index)
    partners: dict[int, int] = {}
    for index, span in enumerate(mine):
        same = places.get((span["start"], span["end"], span["label"]))
        if same:
            partners[index] = same.pop()
    return _f1_with(len(partners), partners, one, other)


def _overlap_f1(one: Answer, other: Answer) -> float:
    mine, theirs = _regions(one), _regions(other)
    related = bool(one.get("relations") and other.get("relations"))
    partners: dict[int, int] = {}
    matched = 0
    for label in set(mine.labels) & set(theirs.labels):
        left = np.flatnonzero([name == label for name in mine.labels])
        right = np.flatnonzero([name == label for name in theirs.labels])
        if related:
            found = assign(INTERVALS.overlap(mine.extents[left], theirs.extents[right]), OVERLAP)
            partners.update((int(left[row]), int(right[column])) for row, column in found)
            matched += len(found)
        else:
            matched += count_like(mine.extents[left], theirs.extents[right], INTERVALS, OVERLAP)
    return _f1_with(matched, partners, one, other)


def _f1_with(matched: int, partners: dict[int, int], one: Answer, other: Answer) -> float:
    """F1 of spans and relations together; `partners`: spans of `one` to spans of `other`, by index."""
    mine: Any = one.get("relations") or []
    theirs: Any = other.get("relations") or []
    known = {(relation["head"], relation["tail"], relation["label"]) for relation in theirs}
    related = sum(
        (partners.get(relation["head"]), partners.get(relation["tail"]), relation["label"]) in known
        for relation in mine
    )
    spans_mine: Any = one["spans"]
    spans_theirs: Any = other["spans"]
    return f1(matched + related, len(spans_mine) + len(mine), len(spans_theirs) + len(theirs))


def _relations(votes: Sequence[Vote], found: WeighedObjects, kept: Sequence[int]) -> tuple[list[dict[str, Any]], float]:
    """Relations between kept spans, voted on like objects by whoever drew both ends, and P(all of them are right)."""
    clusters = found.clusters
    position = {at: position for position, at in enumerate(kept)}
    of_member = clusters.objects[clusters.groups].tolist()
    place = {
        (vote, index): position[at]
        for vote, index, at in zip(clusters.votes.tolist(), clusters.indices.tolist(), of_member, strict=True)
        if at in position
    }
    claims: dict[Span, set[int]] = {}
    for at, vote in enumerate(votes):
        given: Any = vote.answer.get("relations") or []
        for relation in given:
            head, tail = place.get((at, relation["head"])), place.get((at, relation["tail"]))
            if head is not None and tail is not None and head != tail:
                claims.setdefault((head, tail, relation["label"]), set()).add(at)
    drew = clusters.objects_marked
    sensitivity = found.rates.sensitivity
    drawn = np.log(sensitivity / SPURIOUS_RELATION)
    missing = np.log((1.0 - sensitivity) / (1.0 - SPURIOUS_RELATION))
    kept_relations: list[dict[str, Any]] = []
    right = 1.0
    for (head, tail, label), who in sorted(claims.items()):
        could = np.flatnonzero(drew[kept[head]] & drew[kept[tail]])
        chance = float(sigmoid(np.where(np.isin(could, list(who)), drawn[could], missing[could]).sum()))
        right *= max(chance, 1.0 - chance)
        if chance > EVEN:
            kept_relations.append({"head": head, "tail": tail, "label": label})
    return kept_relations, right


KIND = SpansKind
