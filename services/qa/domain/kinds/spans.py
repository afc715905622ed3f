"""`spans`: the same span from an overlap of .5 on, voted on one by one; exact edges by weighted vote.

Distance: 1 - the mean of exact and overlap span F1 (relations count as members of the set that they hold between).
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any

import numpy as np

from services.qa.domain import presence
from services.qa.domain.estimates import Facets
from services.qa.domain.geometry import INTERVALS
from services.qa.domain.matching import assign, count_like, f1
from services.qa.domain.presence import PresenceEvidence, WeighedObjects, objects_of
from services.qa.domain.regions import Regions, cluster
from services.qa.domain.stored_estimates import EstimatedByFacets
from services.qa.domain.votes import TIE, Answer, Consensus, Distribution, ItemVotes, Vote, VoteOutcome
from shared.contracts.answers.kinds.spans import SpansQuestion

FACET = ""

OVERLAP = 0.5
"""Two spans are the same span from this intersection over union on."""

HIT_F1 = 0.8
"""An answer counts as right from this overlap F1 with the truth on."""

Span = tuple[int, int, str]
"""Start, end and label."""


class SpansKind(EstimatedByFacets):
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
        return 300.0 + spans * (10.0 + 0.02 * spans)  # all overlapping

    def unknown(self) -> Facets:
        return {FACET: presence.unknown()}

    def estimate(self, items: Sequence[ItemVotes]) -> Facets:
        return {FACET: presence.estimate_presence(items, _regions, INTERVALS, OVERLAP)}

    def consensus(self, votes: Sequence[Vote], estimates: Facets, prior: Distribution | None = None) -> Consensus:
        del prior  # a model's spans come without a probability each
        votes = sorted(votes, key=lambda vote: vote.voter)
        clusters = cluster([_regions(vote.answer) for vote in votes], INTERVALS, OVERLAP)
        evidence = PresenceEvidence.of([vote.voter for vote in votes], estimates[FACET])
        if not len(clusters.votes):
            return Consensus({"spans": []}, evidence.nothing(), False, "quorum")
        found = objects_of(clusters, evidence, self._label_count)
        tied = bool(found.tied.any())
        candidates: list[tuple[float, Span, int]] = []
        members = found.members
        for at in np.flatnonzero(found.chances > 0.5).tolist():  # noqa: PLR2004
            (start, end), even = _edges(found, members[at].tolist())
            tied = tied or even
            candidates.append((float(found.chances[at]), (start, end, found.labels[at]), at))
        kept = self._without_conflicts(candidates)
        answer: dict[str, Any] = {
            "spans": [{"start": start, "end": end, "label": label} for (start, end, label), _ in kept]
        }
        relations, confidences = _relations(votes, found, [at for _, at in kept], evidence)
        if relations:
            answer["relations"] = relations
        return Consensus(answer, min([found.confidence, *confidences]), tied, "quorum")

    def outcomes(self, items: Sequence[ItemVotes], estimates: Facets) -> list[list[VoteOutcome]]:
        return presence.outcomes(items, _regions, INTERVALS, OVERLAP, estimates[FACET], self.hit)

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


def _edges(found: WeighedObjects, members: Sequence[int]) -> tuple[tuple[int, int], bool]:
    """The pair of edges with most weight, and whether another has as much."""
    support: dict[tuple[int, int], float] = {}
    for member in members:
        start, end = found.clusters.extents[member].tolist()
        edges = (int(start), int(end))
        support[edges] = support.get(edges, 0.0) + float(found.weights[member])
    most = max(support.values())
    best = [edges for edges, weight in support.items() if weight >= most - TIE]
    return min(best), len(best) > 1


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


def _relations(
    votes: Sequence[Vote], found: WeighedObjects, kept: Sequence[int], evidence: PresenceEvidence
) -> tuple[list[dict[str, Any]], list[float]]:
    """Relations between kept spans, voted on like objects by whoever drew both ends."""
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
    kept_relations: list[dict[str, Any]] = []
    confidences: list[float] = []
    for (head, tail, label), who in sorted(claims.items()):
        could = drew[kept[head]] & drew[kept[tail]]
        log_odds = evidence.prior + sum(
            float(evidence.drawn[at] if at in who else evidence.missing[at]) for at in np.flatnonzero(could).tolist()
        )
        chance = 1.0 / (1.0 + float(np.exp(-log_odds)))
        confidences.append(max(chance, 1.0 - chance))
        if chance > 0.5:  # noqa: PLR2004  # more likely there than not
            kept_relations.append({"head": head, "tail": tail, "label": label})
    return kept_relations, confidences


KIND = SpansKind
