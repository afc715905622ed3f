"""Bounds of an error rate where people label every record and an expert labels some of them again.

Two-phase (double) sampling: Neyman 1938; Tenenbein 1970, "A double sampling scheme for estimating from binomial data with
misclassifications", JASA 65. Where a model and people differ an expert decides. Where they agree, people may share the
model's mistake: that is found only on the share of these records that chance hands to an expert. So a record is one of
three: a *known* mistake (rate p), a *shared* one (rate s, found with the probability of the share), or none. The model's
error rate is p + s, and nothing is assumed of how the two divide.

The test orders outcomes by `errors + 1.5 * shared / share` and takes the largest chance of the outcome or one below it over
all p + s = budget. Any order is valid; Horvitz & Thompson's, `errors + shared / share`, is noisy where few are checked, and
the heavier weight lets the common outcome, no shared mistake, count for more. With a share of 1 it is the exact binomial
test.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.special import bdtr, gammaln, xlog1py, xlogy

WEIGHT: Final = 1.5
"""A shared mistake that was found counts so many times what it stands for."""

_DIVISIONS: Final = np.linspace(0.0, 1.0, 17)
"""The parts of the budget that may be shared mistakes, over which the worst is taken; it is smooth in between."""

_SHARES: Final = 500
"""Where not all that was drawn was checked, the share is rounded down to so many parts."""

_ROUNDING: Final = 1e-9
_BISECTIONS: Final = 24


@dataclass(frozen=True, slots=True)
class Counts:
    """What is known of the records from a threshold up.

    `errors`: known mistakes of the `tested` records. Of the records where people's label is the model's answer, an expert
    labelled `checked`, because chance had drawn them, and found `shared` of them wrong; `missed` were drawn in vain.
    """

    tested: int
    errors: int
    checked: int = 0
    shared: int = 0
    missed: int = 0

    @property
    def wrong(self) -> int:
        """All mistakes that were found."""
        return self.errors + self.shared


def p_value(counts: Counts, error_budget: float, share: float) -> float:
    """The largest chance of so few mistakes, were the error rate at `error_budget` or above.

    Args:
        counts: What was found.
        error_budget: In (0, 1).
        share: The probability with which an agreement was to be checked. Where it is 0, agreements count as right.
    """
    drawn = counts.checked + counts.missed
    reached = share
    if counts.missed:
        reached = int(share * counts.checked / drawn * _SHARES) / _SHARES
        if reached == 0.0 < share:
            return 1.0
    if reached in {0.0, 1.0}:
        return float(bdtr(counts.wrong, counts.tested, error_budget))
    return _largest(counts.tested, counts.errors, counts.shared, reached, error_budget)


@lru_cache(maxsize=100_000)
def _largest(tested: int, errors: int, shared: int, share: float, error_budget: float) -> float:
    weight = WEIGHT / share
    counted = errors + weight * shared
    found = np.arange(int(counted / weight + _ROUNDING) + 1)[:, np.newaxis]
    left = np.floor(counted - weight * found + _ROUNDING)
    of_shared = error_budget * _DIVISIONS
    chosen = gammaln(tested + 1) - gammaln(found + 1) - gammaln(tested - found + 1)
    by_chance = np.exp(chosen + xlogy(found, share * of_shared) + xlog1py(tested - found, -share * of_shared))
    known = bdtr(left, tested - found, (error_budget - of_shared) / (1.0 - share * of_shared))
    return float((by_chance * known).sum(axis=0).max())


def upper_bound(counts: Counts, level: float, share: float) -> float:
    """One-sided upper bound of the error rate: the largest that the test at `level` does not reject; 1 without labels.

    With a share of 0 or 1 this is Clopper & Pearson's.
    """
    if counts.wrong >= counts.tested:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if p_value(counts, middle, share) <= 1.0 - level else (middle, high)
    return high


@lru_cache(maxsize=1_000)
def step_sizes(most: int, error_budget: float, level: float, share: float) -> tuple[int, ...]:
    """How many records a test takes to pass with 0, 1, 2, … known mistakes, ascending, up to `most`.

    Between two of them a test allows no more mistakes than at the lower one, and only fails more often.
    """
    sizes: list[int] = []
    low = 1
    for errors in range(most):
        if p_value(Counts(most, errors), error_budget, share) > 1.0 - level:
            break
        low, high = max(low, errors + 1), most
        while low < high:
            middle = (low + high) // 2
            if p_value(Counts(middle, errors), error_budget, share) <= 1.0 - level:
                high = middle
            else:
                low = middle + 1
        sizes.append(low)
    return tuple(dict.fromkeys(sizes))
