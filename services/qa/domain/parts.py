"""Consensus over answers that are sets of parts (spans, boxes): cluster what several annotators mark, then vote on each.

A cluster holds at most one part of each annotator. Whoever did not mark it voted for its absence, so each cluster is a
two-class item of Dawid-Skene, and an annotator has a sensitivity and a specificity.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.qa.domain.dawid_skene import Floats
from services.qa.domain.estimates import CodedVotes, Estimates, estimate
from services.qa.domain.voting import STRANGER, Answer, ItemVotes, Outcome, Vote

ABSENT, PRESENT = "absent", "present"
FACET = ""
UNKNOWN_SENSITIVITY = 0.88
UNKNOWN_SPECIFICITY = 0.97
"""A stranger misses one part in eight and seldom marks, by chance, what another marks by chance too: one mark alone has
posterior .96, two that agree .998, two strangers who both find nothing .98, one mark of two .77."""

TIE = 1e-9

Similarity = Callable[[Floats, Floats], Floats]
"""(n, d) x (m, d) extents -> (n, m) in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Part:
    """`extent`: the numbers that `Similarity` compares. `index`: its place in the answer."""

    label: str
    extent: tuple[float, ...]
    index: int


@dataclass(frozen=True, slots=True)
class Member:
    """A part in a cluster and the position of the vote that it comes from."""

    vote: int
    part: Part


Cluster = tuple[Member, ...]


def unknown() -> Estimates:
    """Presence and absence before any estimate."""
    pool = np.array([[UNKNOWN_SPECIFICITY, 1 - UNKNOWN_SPECIFICITY], [1 - UNKNOWN_SENSITIVITY, UNKNOWN_SENSITIVITY]])
    return replace(Estimates.unknown((ABSENT, PRESENT), UNKNOWN_SENSITIVITY), pool=pool)


def cluster(answers: Sequence[Sequence[Part]], similarity: Similarity, at_least: float) -> list[Cluster]:
    """Group parts of one label that are at least `at_least` alike, the most alike first, one a vote.

    The same whatever the order of parts within an answer.
    """
    members = [
        Member(vote, part)
        for vote, parts in enumerate(answers)
        for part in sorted(parts, key=lambda part: (part.label, part.extent))
    ]
    group = {at: [at] for at in range(len(members))}
    home = list(range(len(members)))
    for _, one, other in _candidates(members, similarity, at_least):
        a, b = home[one], home[other]
        if a == b or {members[at].vote for at in group[a]} & {members[at].vote for at in group[b]}:
            continue
        for at in group[b]:
            home[at] = a
        group[a] += group.pop(b)
    return [tuple(members[at] for at in sorted(found)) for found in group.values()]


def _candidates(members: Sequence[Member], similarity: Similarity, at_least: float) -> list[tuple[float, int, int]]:
    by_label_and_vote: dict[str, dict[int, list[int]]] = {}
    for at, member in enumerate(members):
        by_label_and_vote.setdefault(member.part.label, {}).setdefault(member.vote, []).append(at)
    found: list[tuple[float, int, int]] = []
    for by_vote in by_label_and_vote.values():
        groups = sorted(by_vote.items())
        for place, (_, left) in enumerate(groups):
            for _, right in groups[place + 1 :]:
                alike = similarity(_extents(members, left), _extents(members, right))
                found += [
                    (-float(alike[row, column]), left[int(row)], right[int(column)])
                    for row, column in np.argwhere(alike >= at_least)
                ]
    return sorted(found)


def _extents(members: Sequence[Member], chosen: Sequence[int]) -> Floats:
    return np.array([members[at].part.extent for at in chosen], np.float64)


def presence(found: Cluster, votes: Sequence[Vote], estimates: Estimates) -> float:
    """P(the cluster is really there | who marked it and who did not)."""
    marked = {member.vote for member in found}
    said = [(vote.voter, PRESENT if at in marked else ABSENT) for at, vote in enumerate(votes)]
    return float(estimates.posterior(said)[1])


def nothing(votes: Sequence[Vote], estimates: Estimates) -> float:
    """P(there is nothing | nobody marked anything): as if one part had been missed by all."""
    return float(estimates.posterior([(vote.voter, ABSENT) for vote in votes])[0])


def estimate_presence(
    items: Sequence[ItemVotes],
    parts_of: Callable[[ItemVotes], tuple[Sequence[Sequence[Part]], Sequence[Part] | None]],
    similarity: Similarity,
    at_least: float,
) -> Estimates:
    """Estimate sensitivities and specificities over all clusters of all items.

    `parts_of` gives the parts of each vote and of the truth where it is known; truth is clamped, and what it holds and
    nobody marked counts as missed by all.
    """
    names: dict[str, int] = {}
    at_item: list[int] = []
    at_voter: list[int] = []
    at_class: list[int] = []
    clamps: list[int] = []
    for item in items:
        answers, truth = parts_of(item)
        certain = len(answers)
        for found in cluster([*answers, *([] if truth is None else [truth])], similarity, at_least):
            marked = {member.vote for member in found}
            for at, vote in enumerate(item.votes):
                at_item.append(len(clamps))
                at_voter.append(names.setdefault(vote.voter, len(names)))
                at_class.append(int(at in marked))
            clamps.append(-1 if truth is None else int(certain in marked))
    coded = CodedVotes(
        items=np.array(at_item, np.int64),
        voters=np.array(at_voter, np.int64),
        classes=np.array(at_class, np.int64),
        item_count=len(clamps),
        voter_names=tuple(names),
        clamps=np.array(clamps, np.int64),
    )
    return estimate(unknown(), coded)


def outcomes(
    items: Sequence[ItemVotes],
    parts_of: Callable[[ItemVotes], tuple[Sequence[Sequence[Part]], Sequence[Part] | None]],
    similarity: Similarity,
    at_least: float,
    estimates: Estimates,
    hit: Callable[[Answer, Answer], bool],
) -> list[list[Outcome]]:
    """How right each vote is: by the truth if known, else the expected share of an item's parts that it is right about.

    The vote itself counts as a stranger's, as in `coding.leave_one_out`.
    """
    found: list[list[Outcome]] = []
    for item in items:
        if item.truth is not None:
            truth = item.truth
            found.append([Outcome(float(hit(vote.answer, truth)), 1.0) for vote in item.votes])
            continue
        clusters = cluster(parts_of(item)[0], similarity, at_least)
        found.append(
            [
                Outcome(
                    _share_right(at, clusters, _with_stranger(item.votes, at), estimates), float(len(item.votes) > 1)
                )
                for at in range(len(item.votes))
            ]
        )
    return found


def _with_stranger(votes: Sequence[Vote], at: int) -> list[Vote]:
    return [replace(vote, voter=STRANGER) if place == at else vote for place, vote in enumerate(votes)]


def _share_right(at: int, clusters: Sequence[Cluster], votes: Sequence[Vote], estimates: Estimates) -> float:
    if not clusters:
        return nothing(votes, estimates)
    chances = [(presence(found, votes, estimates), any(member.vote == at for member in found)) for found in clusters]
    return sum(chance if marked else 1.0 - chance for chance, marked in chances) / len(chances)


def weights_of(found: Cluster, votes: Sequence[Vote], estimates: Estimates) -> Floats:
    """How much each member's version of the part counts: its annotator's shrunk balanced accuracy."""
    return np.array([max(estimates.diagonal(votes[member.vote].voter), 0.01) for member in found])


def medoid(found: Cluster, weights: Floats, similarity: Similarity) -> Member:
    """The member most like the others, weighted; of equals the first by extent."""
    extents = np.array([member.part.extent for member in found], np.float64)
    score = similarity(extents, extents) @ weights
    return min(
        (member for member, value in zip(found, score, strict=True) if value >= score.max() - TIE),
        key=lambda member: member.part.extent,
    )
