"""Do two samples come from the same distribution? Tests whose p-values hold for whatever distribution that is.

`before` and `now` are independent random samples; a p-value is at most as often below a level as the level says where
both come from the same distribution.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, kolmogorov, ndtr

from services.prelabel.domain.calibration import Floats

_FEWEST_EXPECTED: Final = 5.0
_RIDGE: Final = 1.0


@dataclass(frozen=True, slots=True)
class SampleComparison:
    """`p_value`, and `size`: how large the difference is, in [0, 1]; see each test."""

    p_value: float
    size: float


def compare_shares(before: Mapping[str, int], now: Mapping[str, int]) -> SampleComparison:
    """Pearson's chi-square test of homogeneity on counts by class. `size` is the total variation between the shares.

    Classes of which fewer than 5 are expected in a sample are counted together, the rarest first: which classes these are
    depends on both samples' sum alone, which says nothing of a difference (Cochran 1954).
    """
    classes = sorted(before.keys() | now.keys())
    table = np.array([[of.get(label, 0) for label in classes] for of in (before, now)], dtype=np.float64)
    sizes = table.sum(axis=1)
    if not sizes.all():
        return SampleComparison(1.0, 0.0)
    distance = float(np.abs(table[0] / sizes[0] - table[1] / sizes[1]).sum() / 2.0)
    merged = _merged(table, float(sizes.min() / sizes.sum()))
    if merged.shape[1] < 2:  # noqa: PLR2004
        return SampleComparison(1.0, distance)
    expected = np.outer(sizes, merged.sum(axis=0)) / sizes.sum()
    statistic = float(((merged - expected) ** 2 / expected).sum())
    return SampleComparison(float(chdtrc(merged.shape[1] - 1, statistic)), distance)


def _merged(table: Floats, share: float) -> Floats:
    """Columns with rare ones put together; `share`: of the smaller sample among all."""
    columns = table[:, np.argsort(table.sum(axis=0), kind="stable")]
    expected = columns.sum(axis=0) * share
    rare = 0
    while rare < columns.shape[1] and (
        expected[rare] < _FEWEST_EXPECTED or 0.0 < expected[:rare].sum() < _FEWEST_EXPECTED
    ):
        rare += 1
    if rare <= 1:
        return columns
    merged: Floats = np.hstack([columns[:, :rare].sum(axis=1, keepdims=True), columns[:, rare:]])
    return merged


def compare_values(before: Floats, now: Floats) -> SampleComparison:
    """The test of Kolmogorov and Smirnov for numbers, by its limit, which errs on the safe side for small samples and for
    ties. `size` is the largest difference of the distribution functions.
    """
    if len(before) == 0 or len(now) == 0:
        return SampleComparison(1.0, 0.0)
    places = np.concatenate([before, now])
    difference = np.searchsorted(np.sort(before), places, side="right") / len(before)
    difference = difference - np.searchsorted(np.sort(now), places, side="right") / len(now)
    size = float(np.abs(difference).max())
    count = len(before) * len(now) / (len(before) + len(now))
    return SampleComparison(float(kolmogorov(size * math.sqrt(count))), size)


def compare_features(before: Floats, now: Floats) -> SampleComparison:
    """The classifier two-sample test (Friedman 2003; Lopez-Paz and Oquab 2017) for vectors: shapes [n, d] and [m, d].

    On every other row of both samples a regularised linear discriminant learns to tell them apart; the rank sum of its
    values on the remaining rows (Mann and Whitney 1947) says whether it can. Then the halves change places, and the smaller
    p-value counts twice (Bonferroni). What was learnt from one half is fixed for the other, so the test holds whatever the
    features are, and no permutation is needed for small levels. `size` is 2 AUC - 1, the mean of both, at least 0.
    """
    p_values, sizes = [], []
    for learning in (0, 1):
        direction = _discriminant(before[learning::2], now[learning::2])
        judged = 1 - learning
        p_value, auc = _rank_sum(before[judged::2] @ direction, now[judged::2] @ direction)
        p_values.append(p_value)
        sizes.append(2.0 * auc - 1.0)
    return SampleComparison(min(1.0, 2.0 * min(p_values)), max(0.0, sum(sizes) / 2.0))


def _discriminant(before: Floats, now: Floats) -> Floats:
    """(S + r I)^-1 (mean of now - mean of before), S the covariance within and r the mean of its diagonal (Friedman 1989)."""
    centred = np.vstack([before - before.mean(axis=0), now - now.mean(axis=0)])
    covariance = centred.T @ centred / len(centred)
    ridge = _RIDGE * float(np.trace(covariance)) / len(covariance) + np.finfo(np.float64).tiny
    direction: Floats = np.linalg.solve(
        covariance + ridge * np.eye(len(covariance)), now.mean(axis=0) - before.mean(axis=0)
    )
    return direction


def _rank_sum(before: Floats, now: Floats) -> tuple[float, float]:
    """How often `now` would lie so high by chance, and the probability that one of `now` lies above one of `before`."""
    count, first, second = len(before) + len(now), len(before), len(now)
    values = np.concatenate([before, now])
    _, place, ties = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(ties) - (ties - 1) / 2.0)[place]
    above = float(ranks[first:].sum()) - second * (second + 1) / 2.0
    pairs = float(first * second)
    tied = float((ties.astype(np.float64) ** 3 - ties).sum()) / (count * (count - 1.0))
    variance = pairs / 12.0 * (count + 1.0 - tied)
    if variance <= 0.0:
        return 1.0, 0.5
    return float(ndtr(-(above - pairs / 2.0 - 0.5) / math.sqrt(variance))), above / pairs
