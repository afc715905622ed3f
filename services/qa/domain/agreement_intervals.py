"""Intervals for coefficients of agreement: what further records of the same kind may show, drawn from a Dirichlet posterior.

Each draw gives every record a random weight (Rubin 1981, the Bayesian bootstrap) and computes the coefficient of the records so
weighted. Two things are added, so that few records don't look like certainty:

- one record and a half that were never answered: one on which everybody agrees, shared out between the classes, and half a one
  on which they differ. With two answers to a record and two classes this is Jeffreys' prior of the three outcomes, whose
  intervals hold a proportion as often as promised, also at none out of n (Brown, Cai and DasGupta 2001, Statistical Science
  16); with perfect agreement on n records it leaves room for what n records can't rule out;
- percentiles are taken as far out as Student's t asks for that many records (Hesterberg 2015, The American Statistician 69,
  the expanded percentile interval), because weights drawn from n records spread too little.

An interval is widened to hold the value, so perfect agreement has 1 as its upper end. The same counts give the same draws.
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Final

import numpy as np
from scipy import special

from services.qa.domain.arrays import Floats
from services.qa.domain.class_tables import Estimate

AGREEING_MASS: Final = 1.0
"""How many records on which all agree are added."""
DIFFERING_MASS: Final = 0.5
"""How many records on which the answers differ are added."""

_SEED: Final = 20_240_229
_ROUNDS: Final = 1000
_LEAST_ROUNDS: Final = 100
_MOST_DRAWS: Final = 20_000_000
_CELLS_AT_ONCE: Final = 2_000_000
_TAIL: Final = 0.025
_LEAST_TAIL: Final = 0.0025
"""Two or three records ask for more than some thousand draws can show."""

Interval = tuple[float | None, float | None]
Statistics = Callable[[Floats], Floats]
"""From (R, columns) weights to (C, R) values of C coefficients; what is not finite is left out."""


def intervals(
    masses: Floats, estimates: Sequence[Estimate], statistics: Statistics, rounds: int = _ROUNDS
) -> list[Interval]:
    """Return the 95 % interval of each of C coefficients; (None, None) where its value is None.

    `masses`: of each column of the weights, how many records it stands for.
    """
    rounds = min(rounds, max(_LEAST_ROUNDS, _MOST_DRAWS // len(masses)))
    generator = np.random.default_rng(_SEED)
    at_once = max(1, _CELLS_AT_ONCE // len(masses))
    found = []
    with np.errstate(all="ignore"):
        for first in range(0, rounds, at_once):
            size = min(at_once, rounds - first)
            found.append(statistics(generator.standard_gamma(masses, size=(size, len(masses)))))
    drawn = np.concatenate(found, axis=1)
    return [_interval(*one) for one in zip(drawn, estimates, strict=True)]


def differing(size: float, observed: float, records: float, most: float = 1.0) -> float:
    """Return the disagreement of an added record: what the differing records show, beginning from one with any split.

    `size`: the mean number of answers; `observed`: the disagreement of all records that differ, summed; `records`: how many
    they are; `most`: the disagreement of two answers that differ. An even choice among all splits of the answers in two has
    the mean disagreement (size + 1) / (3 (size - 1)): 1 for two answers, falling to a third.
    """
    unknown = most * min(1.0, (size + 1.0) / (3.0 * (size - 1.0)))
    return (unknown + observed) / (1.0 + records)


def widening(records: float) -> float:
    """By how much further out percentiles are taken than of a normal distribution, for an interval that rests on so many."""
    freedom = max(1.0, records - 1.0)
    return float(special.stdtrit(freedom, _TAIL) / special.ndtri(_TAIL)) * sqrt((freedom + 1.0) / freedom)


def _expanded_tail(records: float) -> float:
    """The share of draws to leave out on each side."""
    return max(_LEAST_TAIL, float(special.ndtr(special.ndtri(_TAIL) * widening(records))))


def _interval(drawn: Floats, estimate: Estimate) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    if estimate.value is None or len(drawn) == 0:
        return None, None
    tail = _expanded_tail(estimate.effective_records)
    low, high = np.quantile(drawn, (tail, 1.0 - tail))
    return min(float(low), estimate.value), max(float(high), estimate.value)
