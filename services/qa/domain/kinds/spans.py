"""`spans`: clustered by overlap, voted on one by one; exact edges by weighted vote.

Distance: 1 - the mean of exact and overlap span F1 (relations count as members of the set that they hold between).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from services.qa.domain import parts
from services.qa.domain.dawid_skene import Floats
from services.qa.domain.estimates import Estimates
from services.qa.domain.kinds.kind import QuestionEstimates
from services.qa.domain.matching import assign, f1, interval_overlap
from services.qa.domain.parts import FACET, TIE, Cluster, Part
from services.qa.domain.voting import Answer, Consensus, Distribution, ItemVotes, Outcome, Vote
from shared.contracts.answers.kinds.spans import SpansQuestion

OVERLAP = 0.5
"""Two spans of one label are the same span from this intersection over union on."""

HIT_F1 = 0.8
"""An answer counts as right from this overlap F1 with the truth on."""


class Spans:
    def __init__(self, question: SpansQuestion) -> None:
        self._overlapping = question.overlapping

    def distance(self, one: Answer, other: Answer) -> float:
        return 1.0 - (_f1(one, other, 1.0) + _f1(one, other, OVERLAP)) / 2.0

    def hit(self, answer: Answer, truth: Answer) -> bool:
        return _f1(answer, truth, OVERLAP) >= HIT_F1

    def unknown(self) -> QuestionEstimates:
        return {FACET: parts.unknown()}

    def estimate(self, items: Sequence[ItemVotes]) -> QuestionEstimates:
        return {FACET: parts.estimate_presence(items, _all_parts, interval_overlap, OVERLAP)}

    def consensus(
        self, votes: Sequence[Vote], estimates: QuestionEstimates, prior: Distribution | None = None
    ) -> Consensus:
        del prior  # a model's spans come without a probability each
        facet = estimates[FACET]
        votes = sorted(votes, key=lambda vote: vote.voter)
        clusters = parts.cluster([_parts(vote.answer) for vote in votes], interval_overlap, OVERLAP)
        if not clusters:
            return Consensus({"spans": []}, parts.nothing(votes, facet), False, "quorum")
        chances = [parts.presence(found, votes, facet) for found in clusters]
        tied = any(abs(chance - 0.5) <= TIE for chance in chances)
        kept: list[tuple[float, Cluster, tuple[int, int, str]]] = []
        for chance, found in zip(chances, clusters, strict=True):
            if chance > 0.5:  # noqa: PLR2004  # more likely there than not
                edges, even = _edges(found, parts.weights_of(found, votes, facet))
                kept.append((chance, found, (*edges, found[0].part.label)))
                tied = tied or even
        kept = self._without_conflicts(kept)
        answer: dict[str, Any] = {
            "spans": [{"start": start, "end": end, "label": label} for _, _, (start, end, label) in kept]
        }
        relations, confidences = _relations(votes, [found for _, found, _ in kept], facet)
        if relations:
            answer["relations"] = relations
        confidence = min([max(chance, 1.0 - chance) for chance in chances] + confidences)
        return Consensus(answer, confidence, tied, "quorum")

    def outcomes(self, items: Sequence[ItemVotes], estimates: QuestionEstimates) -> list[list[Outcome]]:
        return parts.outcomes(items, _all_parts, interval_overlap, OVERLAP, estimates[FACET], self.hit)

    def _without_conflicts(
        self, kept: list[tuple[float, Cluster, tuple[int, int, str]]]
    ) -> list[tuple[float, Cluster, tuple[int, int, str]]]:
        """No span twice and, if the question forbids it, none that overlaps a surer one; in reading order."""
        chosen: list[tuple[float, Cluster, tuple[int, int, str]]] = []
        for candidate in sorted(kept, key=lambda item: (-item[0], item[2])):
            start, end, _ = candidate[2]
            twice = any(candidate[2] == other for _, _, other in chosen)
            crossed = any(start < other[1] and other[0] < end for _, _, other in chosen)
            if not twice and (self._overlapping or not crossed):
                chosen.append(candidate)
        return sorted(chosen, key=lambda item: item[2])


def _parts(answer: Answer) -> list[Part]:
    spans: Any = answer["spans"]
    return [Part(span["label"], (float(span["start"]), float(span["end"])), index) for index, span in enumerate(spans)]


def _all_parts(item: ItemVotes) -> tuple[Sequence[Sequence[Part]], Sequence[Part] | None]:
    return [_parts(vote.answer) for vote in item.votes], None if item.truth is None else _parts(item.truth)


def _edges(found: Cluster, weights: Floats) -> tuple[tuple[int, int], bool]:
    """The pair of edges with most weight, and whether another has as much."""
    support: dict[tuple[float, ...], float] = {}
    for member, weight in zip(found, weights, strict=True):
        support[member.part.extent] = support.get(member.part.extent, 0.0) + float(weight)
    most = max(support.values())
    best = {extent for extent, weight in support.items() if weight >= most - TIE}
    start, end = min(best)
    return (int(start), int(end)), len(best) > 1


def _matched(one: Answer, other: Answer, at_least: float) -> dict[int, int]:
    """Spans of `one` to their partners in `other`, by index, per label."""
    mine, theirs = _parts(one), _parts(other)
    found: dict[int, int] = {}
    for label in {part.label for part in mine} & {part.label for part in theirs}:
        left = [part for part in mine if part.label == label]
        right = [part for part in theirs if part.label == label]
        alike = interval_overlap(np.array([part.extent for part in left]), np.array([part.extent for part in right]))
        for row, column in assign(alike, at_least):
            found[left[row].index] = right[column].index
    return found


def _f1(one: Answer, other: Answer, at_least: float) -> float:
    partner = _matched(one, other, at_least)
    mine: Any = one.get("relations") or []
    theirs: Any = other.get("relations") or []
    known = {(relation["head"], relation["tail"], relation["label"]) for relation in theirs}
    related = sum(
        (partner.get(relation["head"]), partner.get(relation["tail"]), relation["label"]) in known for relation in mine
    )
    spans_mine: Any = one["spans"]
    spans_theirs: Any = other["spans"]
    return f1(len(partner) + related, len(spans_mine) + len(mine), len(spans_theirs) + len(theirs))


def _relations(
    votes: Sequence[Vote], clusters: Sequence[Cluster], facet: Estimates
) -> tuple[list[dict[str, Any]], list[float]]:
    """Relations between kept spans, voted on like parts by whoever marked both ends."""
    place = {(member.vote, member.part.index): at for at, found in enumerate(clusters) for member in found}
    claims: dict[tuple[int, int, str], set[int]] = {}
    for at, vote in enumerate(votes):
        given: Any = vote.answer.get("relations") or []
        for relation in given:
            head, tail = place.get((at, relation["head"])), place.get((at, relation["tail"]))
            if head is not None and tail is not None and head != tail:
                claims.setdefault((head, tail, relation["label"]), set()).add(at)
    kept: list[dict[str, Any]] = []
    confidences: list[float] = []
    for (head, tail, label), who in sorted(claims.items()):
        could = {member.vote for member in clusters[head]} & {member.vote for member in clusters[tail]}
        said = [(votes[at].voter, parts.PRESENT if at in who else parts.ABSENT) for at in sorted(could)]
        chance = float(facet.posterior(said)[1])
        confidences.append(max(chance, 1.0 - chance))
        if chance > 0.5:  # noqa: PLR2004  # more likely there than not
            kept.append({"head": head, "tail": tail, "label": label})
    return kept, confidences


KIND = Spans
