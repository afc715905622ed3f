"""Bounds of an error rate where people label every record and an expert labels some of them again.

Two-phase (double) sampling: Neyman 1938; Tenenbein 1970, "A double sampling scheme for estimating from binomial data with
misclassifications", JASA 65. Where a model and people differ an expert decides. Where they agree, people may share the
model's mistake: that is found out only on the share of these records that chance hands to an expert. So a record is one of
three: a *known* mistake (rate p), a *shared* one (rate s, found with the probability of the share), or none. The model's
error rate is p + s, and nothing is assumed of how the two divide.

The test orders outcomes by `errors + shared / share` (Horvitz & Thompson 1952, an unbiased count of the mistakes) and takes
the largest probability of the outcome or a smaller one over all p + s = budget. With a share of 1 it is the exact binomial
test. Without a shared mistake that was found, the largest is at least `(1 - share * budget) ** tested`: so many records must
have been tested whatever people are like.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.special import bdtr
from scipy.stats import binom

_DIVISIONS: Final = np.linspace(0.0, 1.0, 17)
"""The parts of the budget that may be shared mistakes, over which the worst is taken; it is smooth in between."""

_SHARES: Final = 200
"""Shares are rounded down to so many parts."""

_BISECTIONS: Final = 24


@dataclass(frozen=True, slots=True)
class Counts:
    """What is known of the records from a threshold up.

    `errors`: known mistakes of the `tested` records. `agreements`: records where people's label is the model's answer and
    that were for chance to check, `checked` of which an expert labelled and `shared` of which were found wrong.
    """

    tested: int
    errors: int
    agreements: int = 0
    checked: int = 0
    shared: int = 0

    @property
    def wrong(self) -> int:
        """All mistakes that were found."""
        return self.errors + self.shared

    def share(self, wanted: float) -> float:
        """The share of agreements that were checked, at most `wanted`: what was checked beyond it only adds mistakes."""
        return min(wanted, self.checked / self.agreements) if self.agreements else wanted


def p_value(counts: Counts, error_budget: float, share: float) -> float:
    """The largest chance of so few mistakes, were the error rate at `error_budget` or above.

    Args:
        counts: What was found.
        error_budget: In (0, 1).
        share: The probability with which an agreement was to be checked. Where it is 0, agreements count as right.
    """
    if share <= 0.0:
        return float(bdtr(counts.wrong, counts.tested, error_budget))
    reached = counts.share(share)
    if reached >= 1.0:
        return float(bdtr(counts.wrong, counts.tested, error_budget))
    reached = np.floor(reached * _SHARES) / _SHARES if reached < share else share
    return _largest(counts.tested, counts.errors, counts.shared, float(reached), error_budget)


@lru_cache(maxsize=100_000)
def _largest(tested: int, errors: int, shared: int, share: float, error_budget: float) -> float:
    if share <= 0.0:
        return 1.0
    counted = errors + shared / share
    of_shared = error_budget * _DIVISIONS
    found = np.arange(int(counted * share + 1e-9) + 1)[:, np.newaxis]
    left = np.floor(counted - found / share + 1e-9)
    by_chance = binom.pmf(found, tested, share * of_shared)
    known = bdtr(left, tested - found, (error_budget - of_shared) / (1.0 - share * of_shared))
    return float((by_chance * known).sum(axis=0).max())


def upper_bound(counts: Counts, level: float, share: float) -> float:
    """One-sided upper bound of the error rate: the largest that the test at `level` doesn't reject; 1 without labels.

    With a share of 0 or 1 this is Clopper & Pearson's.
    """
    if counts.wrong >= counts.tested:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if p_value(counts, middle, share) <= 1.0 - level else (middle, high)
    return high
