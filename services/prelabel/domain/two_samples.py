"""Do two samples come from the same distribution? Tests whose p-values hold for whatever distribution that is.

`before` and `now` are independent random samples; a p-value is at most as often below a level as the level says where
both come from the same distribution.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import chdtrc, gammaincc, kolmogorov

from services.prelabel.domain.calibration import Floats

_FEWEST_EXPECTED: Final = 5.0
_STILL: Final = 1e-9
_PERMUTATIONS: Final = 2_000
_MOST_PERMUTATIONS: Final = 100_000
_RESOLUTION: Final = 4.0
_FEWEST_EXCEEDING: Final = 20
_LEAST_SKEWNESS: Final = 0.01


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


def compare_features(before: Floats, now: Floats, level: float, generator: np.random.Generator) -> SampleComparison:
    """Whether vectors come from the same distribution, by the means of their features: shapes [n, d] and [m, d].

    The maximum mean discrepancy with the linear kernel (Gretton et al. 2012, JMLR 13) on features of unit variance, so that
    rare ones count as common ones do, without the products of a record with itself. Its distribution where nothing differs is
    that over permutations of the records, whatever the features are like. They end once 20 have given as much as was seen
    (Besag and Clifford 1991, Biometrika 78), or enough for `level`; beyond 100,000 the tail is a Pearson type III with their
    mean, variance and skewness (Mielke and Berry 2007, Permutation Methods, section 2.3).
    `size` is the root mean square shift of the features, in standard deviations, and 1 at most.
    """
    rows = np.vstack([before, now])
    spread = rows.std(axis=0)
    moving = spread > _STILL * np.maximum(1.0, np.abs(rows).max(axis=0))
    if not moving.any():
        return SampleComparison(1.0, 0.0)
    rows = (rows[:, moving] - rows[:, moving].mean(axis=0)) / spread[moving]
    seen = np.zeros((1, len(rows)))
    seen[0, len(before) :] = 1.0
    p_value = _permuted(rows, len(now), float(_products(rows, seen)[0]), level, generator)
    return SampleComparison(p_value, _shift(rows, len(before)))


def _products(rows: Floats, chosen: Floats) -> Floats:
    """The sum of the products of each two different ones of the chosen rows, for each choice: [choices, n] to [choices]."""
    products: Floats = ((chosen @ rows) ** 2).sum(axis=1) - chosen @ (rows**2).sum(axis=1)
    return products


def _permuted(rows: Floats, size: int, seen: float, level: float, generator: np.random.Generator) -> float:
    """How often so many rows that are chosen by chance give as much as was seen."""
    most = min(_MOST_PERMUTATIONS, math.ceil(_RESOLUTION / level))
    given = np.empty(0)
    while len(given) < most:
        chosen = np.zeros((_PERMUTATIONS, len(rows)))
        for permuted in chosen:
            permuted[generator.choice(len(rows), size, replace=False)] = 1.0
        given = np.append(given, _products(rows, chosen))
        exceeding = int((given >= seen).sum())
        if exceeding >= _FEWEST_EXCEEDING:
            return (1 + exceeding) / (1 + len(given))
    shown = (1 + exceeding) / (1 + len(given))
    return shown if most < _MOST_PERMUTATIONS else min(shown, _tail(seen, given))


def _tail(seen: float, given: Floats) -> float:
    spread = float(given.std())
    if spread == 0.0:
        return 1.0
    skewness = max(_LEAST_SKEWNESS, float((((given - given.mean()) / spread) ** 3).mean()))
    shape = 4.0 / skewness**2
    distance = (seen - float(given.mean())) / spread
    return float(gammaincc(shape, max(0.0, shape + distance * math.sqrt(shape))))


def _shift(rows: Floats, first: int) -> float:
    """The root of the unbiased mean square of the differences of the means; rows before `first` are of one sample."""
    total = 0.0
    means = []
    for sample in (rows[:first], rows[first:]):
        mean, count = sample.mean(axis=0), len(sample)
        means.append(mean)
        total += (count**2 * float(mean @ mean) - float((sample**2).sum())) / (count * (count - 1))
    return min(1.0, math.sqrt(max(0.0, (total - 2.0 * float(means[0] @ means[1])) / rows.shape[1])))
