"""The objects of one record, weighed by its votes; and of all records, how right each vote is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.geometry import Shape
from services.qa.domain.presence import as_strangers, learnt, presence
from services.qa.domain.region_edges import EdgeModel
from services.qa.domain.region_estimates import RegionEstimates, RegionRates
from services.qa.domain.region_names import learnt_naming, named, shared_by
from services.qa.domain.region_votes import RecordRegions, RegionVotes
from services.qa.domain.regions import Clusters, Regions, cluster
from services.qa.domain.votes import TIE, Answer, ItemVotes, VoteOutcome

RegionsOf = Callable[[Answer], Regions]

EVEN = 0.5
KEPT_FROM = 0.5
"""What is more probably there than not belongs to the consensus.

The set with the best expected F1 would hold what is there with half of that F1 or more (Lipton, Elkan & Naryanaswamy
2014, "Optimal thresholding of classifiers to maximize F1 measure"), if the probabilities were exact; lower values lose
in simulation."""

_NAMING_SUPPORT = 6.0
"""How much more slowly than the rest a record corrects how well its annotators name: most records hold few objects."""

_ROUNDS = 3
"""How often a record's own marks correct what is known of its annotators and of how much there is to see."""


@dataclass(frozen=True, slots=True)
class WeighedObjects:
    """The objects of a record as its votes have them.

    `chances` (O): P(it is there). `labels` (O): the likeliest of each, of equally likely ones the first by name;
    `label_chances` (O) its probability. `tied` (O): presence, label or number stands at even votes. `rates`: of its
    voters, corrected by this record. `nothing_missed`: P(all missed none).
    """

    clusters: Clusters
    votes: RegionVotes
    rates: RegionRates
    decay: float
    chances: Floats
    labels: Sequence[str]
    label_chances: Floats
    tied: Flags
    nothing_missed: float

    @property
    def kept(self) -> Integers:
        """The objects that belong to the consensus."""
        return np.flatnonzero(self.chances > KEPT_FROM)

    @property
    def members(self) -> list[Integers]:
        """By object, the places of its members in `clusters`."""
        of_member = self.clusters.objects[self.clusters.groups]
        order = np.argsort(of_member, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(of_member[order])) + 1)

    def member_weights(self, of_voters: Floats) -> Floats:
        """By member of `clusters`: its voter's weight (V), shared among the regions that they drew of one object."""
        objects, votes = self.clusters.objects[self.clusters.groups], self.clusters.votes
        cell = objects * len(of_voters) + votes
        times = np.bincount(cell)[cell] if len(cell) else cell
        return np.asarray(of_voters[votes] / times, np.float64)

    def confidence(self, edge_chances: Floats, kept: Sequence[int]) -> float:
        """P(the answer is right in all its parts): every kept object is there, so named and so drawn, no other is.

        `edge_chances` (O): P(an object's edges are right).
        """
        right = 1.0 - self.chances
        at = np.asarray(kept, np.int64)
        right[at] = (self.chances * self.label_chances * edge_chances)[at]
        return float(np.prod(right) * self.nothing_missed)


def weigh(
    clusters: Clusters, voters: Sequence[str], estimates: RegionEstimates, label_count: int, edges: EdgeModel
) -> WeighedObjects:
    """Weigh the votes on each object of a record.

    What is known of the annotators is the prior, and the record's own marks correct it: two strangers who agree on a
    thousand regions are careful people. They also correct how many objects such a record holds.
    """
    votes = RegionVotes.of([RecordRegions(clusters, np.arange(len(voters)))], len(voters))
    prior = rates = estimates.of(voters)
    densities = np.array([estimates.objects])
    for _ in range(_ROUNDS):
        found = presence(votes, rates, estimates, densities)
        rates, densities = learnt(votes, found, estimates, prior), found.densities
    found = presence(votes, rates, estimates, densities)
    names = named(votes, prior.naming, label_count)
    naming = learnt_naming(votes, names, found.chances, prior.naming, _NAMING_SUPPORT * prior.support)
    names = named(votes, naming, label_count)
    worth = edge_worth(votes, found.chances)
    exactness, decay = edges.learnt(votes, worth, prior.edges, prior.edges, prior.support, estimates.decay)
    return WeighedObjects(
        clusters=clusters,
        votes=votes,
        rates=replace(rates, naming=naming, edges=exactness),
        decay=decay,
        chances=found.chances,
        labels=[votes.labels[label] for label in names.labels.tolist()],
        label_chances=names.chances,
        tied=(np.abs(found.chances - EVEN) <= TIE) | names.tied | clusters.doubtful,
        nothing_missed=float(found.nothing_missed[0]),
    )


def edge_worth(votes: RegionVotes, chances: Floats) -> Floats:
    """(M): how much each member teaches of edges: nothing where nobody else drew its object."""
    several = shared_by(votes) > 1
    return np.asarray(votes.member_weights * (chances * several)[votes.member_objects], np.float64)


def flattened(
    items: Sequence[ItemVotes], regions_of: RegionsOf, shape: Shape, at_least: float, names: dict[str, int]
) -> RegionVotes:
    """The votes of all items, whose voters are added to `names`; truth is clamped where it is known."""
    records = []
    for item in items:
        answers = [regions_of(vote.answer) for vote in item.votes]
        truth = [] if item.truth is None else [regions_of(item.truth)]
        clusters = cluster([*answers, *truth], shape, at_least, last_is_true=bool(truth))
        who = np.array([names.setdefault(vote.voter, len(names)) for vote in item.votes], np.int64)
        records.append(RecordRegions(clusters, who, with_truth=bool(truth)))
    return RegionVotes.of(records, len(names))


def outcomes(
    items: Sequence[ItemVotes],
    regions_of: RegionsOf,
    shape: Shape,
    at_least: float,
    estimates: RegionEstimates,
    label_count: int,
    hit: Callable[[Answer, Answer], bool],
) -> list[list[VoteOutcome]]:
    """How right each vote is: by the truth if known, else the expected share of a record's objects that it is right about.

    The vote itself counts as a stranger's, as in `class_votes.leave_one_out`.
    """
    names: dict[str, int] = {}
    open_items = [replace(item, truth=None) for item in items]
    votes = flattened(open_items, regions_of, shape, at_least, names)
    shares = _shares_right(votes, estimates, estimates.of(list(names)), label_count).tolist()
    found: list[list[VoteOutcome]] = []
    seat = 0
    for item in items:
        own = shares[seat : seat + len(item.votes)]
        seat += len(item.votes)
        if item.truth is None:
            found.append([VoteOutcome(share, float(len(item.votes) > 1)) for share in own])
        else:
            truth = item.truth
            found.append([VoteOutcome(float(hit(vote.answer, truth)), 1.0) for vote in item.votes])
    return found


def _shares_right(votes: RegionVotes, estimates: RegionEstimates, rates: RegionRates, label_count: int) -> Floats:
    """(S): the mean probability that a vote is right about an object; of no object, that there is nothing."""
    found = presence(votes, rates, estimates, np.full(votes.record_count, estimates.objects))
    chances = as_strangers(votes, rates, estimates, found)
    names = named(votes, rates.naming, label_count)
    named_right = _by_cell(votes, names.right)
    right = np.where(votes.marked, chances * named_right, 1.0 - chances)
    seats = len(votes.seat_records)
    count = np.bincount(votes.cell_seats, minlength=seats)
    mean = np.bincount(votes.cell_seats, right, seats) / np.maximum(count, 1)
    return np.where(count > 0, mean, found.nothing_missed[votes.seat_records])


def _by_cell(votes: RegionVotes, right: Floats) -> Floats:
    """(M) -> (C): the mean over a voter's regions of an object; 0 where there is none."""
    stride = max(votes.voter_count, 1) + 1
    cells = votes.cell_objects * stride + votes.cell_voters
    order = np.argsort(cells, kind="stable")
    at = np.searchsorted(cells[order], votes.member_objects * stride + votes.member_voters)
    return np.asarray(np.bincount(order[at], votes.member_weights * right, len(cells)), np.float64)
