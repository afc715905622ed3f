"""Whether a region that some annotators drew is really an object, and how many objects nobody drew.

A record holds a Poisson number of objects. Annotator w draws each with probability s_w, and a Poisson number of regions
of mean l_w that are none and lie where nobody else draws. Some places mislead anybody alike (look-alikes, of a mean v a
record): each annotator draws them with probability q. By the splitting of a Poisson process the regions with a pattern
m of who drew them are Poisson too, and one of them is an object with odds

    mu prod_w s_w^m_w (1 - s_w)^(1 - m_w)  :  [one drew it] l_w + v prod_w q^m_w (1 - q)^(1 - m_w).

Objects that nobody drew are never seen, but their mean is known: mu prod_w (1 - s_w). They count as missed by all, as in
capture and recapture (Dawid & Skene 1979 for the latent classes; Sanathanan 1972, "Estimating the size of a multinomial
population", for the cell that is never seen).
"""

from dataclasses import dataclass, replace

import numpy as np

from services.qa.domain.arrays import Flags, Floats
from services.qa.domain.region_estimates import RegionEstimates, RegionRates
from services.qa.domain.region_votes import RegionVotes

MISLED = 0.4
"""The probability that an annotator draws a look-alike."""

SENSITIVITIES = (0.02, 0.995)
LEAST_SPURIOUS = 0.003
_MOST_MISSED = 0.9
_SPURIOUS_SUPPORT = 1.0 / 3.0
"""Records that a spurious rate stands for, by object that a sensitivity stands for."""


@dataclass(frozen=True, slots=True)
class Presence:
    """`chances` (O): P(it is an object). `lone` (O): P(it is none, and nobody else was misled).

    `densities` (R): objects expected in a record of this kind; `unseen` (R) how many of them nobody drew; `nothing_missed`
    (R): P(none was missed by all).
    """

    chances: Floats
    lone: Floats
    densities: Floats
    unseen: Floats
    nothing_missed: Floats


def presence(votes: RegionVotes, rates: RegionRates, estimates: RegionEstimates, densities: Floats) -> Presence:
    """One E-step. `densities` (R): the objects that each record is taken to hold; they come back as the votes have them."""
    chances, lone = _chances(votes, rates, estimates, densities)
    missed = np.log1p(-rates.sensitivity)[votes.seat_voters]
    missed = np.exp(np.bincount(votes.seat_records, missed, votes.record_count)) * estimates.overlooked
    missed = np.where(votes.is_known, 0.0, np.minimum(missed, _MOST_MISSED))
    found = np.bincount(votes.records, chances, votes.record_count)
    shape, rate = estimates.shape, estimates.shape / estimates.objects
    densities = (shape + found) / (rate + 1.0 - missed)
    return Presence(
        chances=chances,
        lone=lone,
        densities=densities,
        unseen=densities * missed,
        nothing_missed=((rate + 1.0 - missed) / (rate + 1.0)) ** (shape + found),
    )


def learnt(votes: RegionVotes, found: Presence, estimates: RegionEstimates, before: RegionRates) -> RegionRates:
    """One M-step: sensitivities and spurious rates of all voters, `before` as the prior with its support.

    The mean of a Beta and of a Gamma posterior; bounded.
    """
    drawn = _of_voters(votes, found.chances[votes.cell_objects] * votes.marked)
    there = _of_voters(votes, found.chances[votes.cell_objects]) + _of_seats(votes, found.unseen)
    spurious = _of_voters(votes, found.lone[votes.cell_objects] * votes.marked)
    exposure = _of_seats(votes, _scale(found.densities, estimates))
    support = np.maximum(before.support, 1.0)
    records = support * _SPURIOUS_SUPPORT
    return replace(
        before,
        sensitivity=np.clip((support * before.sensitivity + drawn) / (support + there), *SENSITIVITIES),
        spurious=np.maximum((records * before.spurious + spurious) / (records + exposure), LEAST_SPURIOUS),
    )


def as_strangers(votes: RegionVotes, rates: RegionRates, estimates: RegionEstimates, found: Presence) -> Floats:
    """(C): P(the object is there) where the cell's own voter counts as a stranger."""
    stranger = estimates.of([""])
    own = _log_marks(votes.marked, rates.sensitivity[votes.cell_voters])
    other = _log_marks(votes.marked, np.full(len(own), stranger.sensitivity[0]))
    total = np.bincount(votes.cell_objects, own, votes.object_count)[votes.cell_objects] - own + other
    records = votes.records[votes.cell_objects]
    scale = _scale(found.densities, estimates)[records]
    lone, alike = _none(votes, rates, estimates, found.densities)
    lone = lone[votes.cell_objects]
    lone = np.where(votes.marked & (lone > 0), stranger.spurious[0] * scale, lone)
    odds = np.log(found.densities[records]) + total - np.log(lone + alike[votes.cell_objects])
    return sigmoid(np.asarray(odds, np.float64))


def sigmoid(log_odds: Floats) -> Floats:
    """1 / (1 + exp(-x))."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -700.0, 700.0))), np.float64)


def _chances(
    votes: RegionVotes, rates: RegionRates, estimates: RegionEstimates, densities: Floats
) -> tuple[Floats, Floats]:
    marks = _log_marks(votes.marked, rates.sensitivity[votes.cell_voters])
    lone, alike = _none(votes, rates, estimates, densities)
    odds: Floats = np.log(densities)[votes.records] + np.bincount(votes.cell_objects, marks, votes.object_count)
    chances = sigmoid(odds - np.log(lone + alike))
    chances = np.where(votes.truth >= 0, votes.truth, chances)
    return chances, (1.0 - chances) * lone / (lone + alike)


def _none(
    votes: RegionVotes, rates: RegionRates, estimates: RegionEstimates, densities: Floats
) -> tuple[Floats, Floats]:
    """(O), (O): how often a region with these marks is one annotator's whim, and how often it is a look-alike."""
    count = np.bincount(votes.cell_objects, votes.marked, votes.object_count)
    seats = np.bincount(votes.seat_records, minlength=votes.record_count)[votes.records]
    scale = _scale(densities, estimates)[votes.records]
    whims = np.bincount(votes.cell_objects, votes.marked * rates.spurious[votes.cell_voters], votes.object_count)
    alike = np.log(estimates.lookalikes) + count * np.log(MISLED) + (seats - count) * np.log1p(-MISLED)
    return np.where(count == 1, whims * scale, 0.0), np.exp(np.maximum(alike, -700.0))


def _scale(densities: Floats, estimates: RegionEstimates) -> Floats:
    """(R): how much more is drawn by mistake where there is more to see: half way between not at all and as much more."""
    return np.sqrt(densities / estimates.objects)


def _log_marks(marked: Flags, sensitivity: Floats) -> Floats:
    return np.where(marked, np.log(sensitivity), np.log1p(-sensitivity))


def _of_voters(votes: RegionVotes, per_cell: Floats) -> Floats:
    return np.asarray(np.bincount(votes.cell_voters, per_cell, votes.voter_count), np.float64)


def _of_seats(votes: RegionVotes, per_record: Floats) -> Floats:
    found = np.bincount(votes.seat_voters, per_record[votes.seat_records], votes.voter_count)
    return np.asarray(found, np.float64)
