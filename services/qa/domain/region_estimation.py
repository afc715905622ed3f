"""Estimation of who misses objects, who draws what is none, who names and draws how well: EM over all of a project."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.qa.domain.arrays import Floats
from services.qa.domain.geometry import Shape
from services.qa.domain.presence import LEAST_SPURIOUS, MISLED, SENSITIVITIES, Presence, learnt, presence
from services.qa.domain.region_consensus import RegionsOf, edge_worth, flattened
from services.qa.domain.region_edges import EdgeModel
from services.qa.domain.region_estimates import RegionEstimates, RegionRates
from services.qa.domain.region_names import learnt_naming, named
from services.qa.domain.region_votes import RegionVotes
from services.qa.domain.votes import ItemVotes

LEAST_OVERLAP = 10
"""Without so many records on which two speak nothing is estimated."""

STRENGTH = 60.0
"""Objects that pull an annotator's rates towards everybody's."""

START = (0.85, 0.22)
"""Sensitivity and spurious rate that EM starts from."""

INVENTED = 0.4
"""Of the regions that one of two voters draws, the share that is taken to be invented by one, not missed by the other.

Two votes a record don't identify it: as many objects, fewer misses and more inventions give the same counts."""

_PAIRS_AGAINST_MORE = 1.0 / 3.0
"""What a record with two votes counts against one with three, or with known truth, when it is asked what identifies it."""

POOL_STRENGTH = 1.0
"""How many annotators of the rates of strangers the pool starts with."""

_ROUNDS, _LATER_ROUNDS = 40, 5
_SHAPES = (0.5, 20.0)
_LEAST_OBJECTS = 0.05
_LOOKALIKE_STRENGTH = 50.0
_MOST_LOOKALIKES = 0.3
_OVERLOOKED_STRENGTH, _MOST_OVERLOOKED = 2.0, 20.0
_ENOUGH_OBJECTS = 4_000


def estimate_regions(
    items: Sequence[ItemVotes],
    regions_of: RegionsOf,
    shape: Shape,
    at_least: float,
    unknown: RegionEstimates,
    label_count: int,
    edges: EdgeModel,
) -> RegionEstimates:
    """Estimate all annotators of a question; with too little overlap `unknown` stays, else it starts the pool.

    Where the truth is known, what it holds and nobody drew counts as missed by all; elsewhere so does what must have been
    missed by all for so much to be missed by some.
    """
    names: dict[str, int] = {}
    votes = flattened(items, regions_of, shape, at_least, names)
    speakers = np.bincount(votes.seat_records, minlength=votes.record_count) + votes.is_known
    if np.count_nonzero(speakers > 1) < LEAST_OVERLAP:
        return unknown
    found, rates, estimates = _presences(votes, unknown)
    pool = estimates.pool
    answers = np.bincount(votes.seat_voters, minlength=votes.voter_count)
    naming = rates.naming
    for _ in range(_LATER_ROUNDS):
        labels = named(votes, naming, label_count)
        prior = np.full(votes.voter_count, pool[2])
        naming = learnt_naming(votes, labels, found.chances, prior, np.full(votes.voter_count, STRENGTH))
        pool[2] = _pooled(naming, answers, unknown.pool[2])
    exactness, decay = _edges(votes, found, unknown, pool, answers, edges)
    return replace(
        estimates,
        voters=names,
        answers=answers,
        rates=replace(rates, naming=naming, edges=exactness, support=STRENGTH + _seen(votes, found)),
        pool=pool,
        decay=decay,
    )


def _presences(votes: RegionVotes, unknown: RegionEstimates) -> tuple[Presence, RegionRates, RegionEstimates]:
    start = np.array([*START, *unknown.pool[2:]])
    estimates = replace(unknown, pool=start)
    rates = RegionRates.same(votes.voter_count, estimates.pool.tolist(), STRENGTH)
    densities = np.full(votes.record_count, unknown.objects)
    answers = np.bincount(votes.seat_voters, minlength=votes.voter_count)
    open_share = _open_share(votes)
    for _ in range(_ROUNDS):
        found = presence(votes, rates, estimates, densities)
        densities = found.densities
        centre = RegionRates.same(votes.voter_count, estimates.pool.tolist(), STRENGTH)
        rates, densities = _split(votes, found, learnt(votes, found, estimates, centre), densities, open_share)
        pool = estimates.pool.copy()
        pool[0] = _pooled(rates.sensitivity, answers, START[0])
        pool[1] = _pooled(rates.spurious, answers, START[1])
        estimates = _of_records(votes, found, rates, replace(estimates, pool=pool), unknown)
    return presence(votes, rates, estimates, densities), rates, estimates


def _open_share(votes: RegionVotes) -> float:
    """How far it is left open who errs where one of two draws a region: 1 where all records have two votes at most."""
    seats = np.bincount(votes.seat_records, minlength=votes.record_count)
    telling = votes.is_known | (seats > 2)  # noqa: PLR2004  # with a third vote the counts tell
    pairs = _PAIRS_AGAINST_MORE * np.count_nonzero(~telling)
    return float(pairs / (pairs + np.count_nonzero(telling)))


def _split(
    votes: RegionVotes, found: Presence, rates: RegionRates, densities: Floats, open_share: float
) -> tuple[RegionRates, Floats]:
    """Move all rates along the ridge of the likelihood to where `INVENTED` holds, as far as that is left open.

    How many objects two draw alike (mu s^2) stays as it is.
    """
    single = np.bincount(votes.cell_objects, votes.marked, votes.object_count) == 1
    invented, missed = float(found.lone[single].sum()), float(found.chances[single].sum())
    if not invented > 0 or not missed > 0:
        return rates, densities
    share = invented / (invented + missed)
    wanted = open_share * INVENTED + (1.0 - open_share) * share
    misses = (1.0 - rates.sensitivity) * (1.0 - wanted) / (1.0 - share)
    sensitivity = np.clip(1.0 - misses, *SENSITIVITIES)
    spurious = np.maximum(rates.spurious * wanted / share, LEAST_SPURIOUS)
    answers = np.bincount(votes.seat_voters, minlength=votes.voter_count)
    fewer = (answers @ rates.sensitivity**2) / (answers @ sensitivity**2)
    return replace(rates, sensitivity=sensitivity, spurious=spurious), densities * fewer


def _of_records(
    votes: RegionVotes, found: Presence, rates: RegionRates, estimates: RegionEstimates, unknown: RegionEstimates
) -> RegionEstimates:
    """What the records hold: how many objects, how unevenly, how many look-alikes; what all overlook."""
    counts = np.bincount(votes.records, found.chances, votes.record_count) + found.unseen
    mean = max(float(counts.mean()), _LEAST_OBJECTS)
    surplus = max(float(counts.var()) - mean, mean**2 / _SHAPES[1])
    seats = np.bincount(votes.seat_records, minlength=votes.record_count)
    misled = float((1.0 - (1.0 - MISLED) ** seats).sum())
    alike = float((1.0 - found.chances - found.lone).sum())
    lookalikes = (_LOOKALIKE_STRENGTH * unknown.lookalikes + alike) / (_LOOKALIKE_STRENGTH + misled)
    marks = np.log1p(-rates.sensitivity)[votes.cell_voters]
    missed = np.exp(np.bincount(votes.cell_objects, marks, votes.object_count))[votes.truth == 1].sum()
    drawn = np.bincount(votes.cell_objects, votes.marked, votes.object_count)
    by_all = np.count_nonzero((votes.truth == 1) & (drawn == 0))
    overlooked = (_OVERLOOKED_STRENGTH + by_all) / (_OVERLOOKED_STRENGTH + missed)
    return replace(
        estimates,
        objects=mean,
        shape=float(np.clip(mean**2 / surplus, *_SHAPES)),
        lookalikes=min(lookalikes, _MOST_LOOKALIKES * mean),
        overlooked=float(np.clip(overlooked, 1.0, _MOST_OVERLOOKED)),
    )


def _edges(
    votes: RegionVotes,
    found: Presence,
    unknown: RegionEstimates,
    pool: Floats,
    answers: np.ndarray,
    edges: EdgeModel,
) -> tuple[Floats, float]:
    worth = edge_worth(votes, found.chances)
    kept = worth > 0
    step = -(-len(np.unique(votes.member_objects[kept])) // _ENOUGH_OBJECTS)
    if step > 1:
        kept &= votes.member_objects % step == 0
    few = votes.of_members(kept)
    exactness, decay = np.full(votes.voter_count, pool[3]), unknown.decay
    strength = np.full(votes.voter_count, STRENGTH)
    for _ in range(_LATER_ROUNDS):
        prior = np.full(votes.voter_count, pool[3])
        exactness, decay = edges.learnt(few, worth[kept], exactness, prior, strength, decay)
        pool[3] = _pooled(exactness, answers, unknown.pool[3])
    return exactness, decay


def _seen(votes: RegionVotes, found: Presence) -> Floats:
    """(V): the objects that each annotator had before them."""
    seen = np.bincount(votes.cell_voters, found.chances[votes.cell_objects], votes.voter_count)
    return np.asarray(seen, np.float64)


def _pooled(values: Floats, answers: np.ndarray, of_stranger: float) -> float:
    weights = answers / (answers + 20.0)
    return float((POOL_STRENGTH * of_stranger + weights @ values) / (POOL_STRENGTH + weights.sum()))
