"""The mean of an outcome over a population, from a drawn sample of outcomes and a prediction for everybody.

The estimator is the difference (or "prediction-powered") estimator with a tuned share of the predictions and weights by
inverse probabilities:

    mean = lambda F + sum w (y - lambda f) / sum w

F is the mean prediction of the whole population, y and f the outcome and the prediction of a drawn record, w = 1 / pi the
inverse of the probability with which it was drawn. lambda = 0 is the weighted mean of the outcomes alone (Hajek 1971).
With equal weights and the variance-minimising lambda it is PPI++ (Angelopoulos, Duchi & Zrnic 2023, sections 3 and 6), with
unequal ones active statistical inference (Zrnic & Candes 2024, equation 2) in Hajek's form. Both are in survey sampling the
regression estimator (Cochran 1977, chapter 7; Saerndal, Swensson & Wretman 1992, chapter 6).

An estimate is kept as what any interval can be made from: the value, and of how many independent outcomes without any
prediction it is worth (the effective sample of Korn & Graubard 1998). The interval is Wilson's (1927) for that sample with a
quantile of Student's t, so that it keeps its level near 0 and 1, where the normal one is empty.
"""

from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Floats = NDArray[np.float64]

PSEUDO_ERROR: Final = 0.5
"""So many wholly wrong predictions are added to those that were seen when it is judged what predictions are worth.

A model of which no error was seen among n records would else make an interval of no width. See `_pseudo_error`.
"""

FEWEST: Final = 10
"""Of fewer drawn records nothing is estimated."""


@dataclass(frozen=True, slots=True)
class DrawnOutcomes:
    """Drawn records, in rows of alike ones: all arrays have the shape [rows].

    `outcome` and `predicted` in [0, 1]; `weight` > 0: how many of the population one record stands for, up to a factor that
    is common to all; `records`: how many are alike; `group`: the post-stratum, by number, within which records are compared.
    `variation` >= 0: by what the variance of a record's outcome counts: 1 in a population without end; 1 - pi in one that
    holds the drawn records; 1 + n / N if n drawn records stand for N others.
    """

    outcome: Floats
    predicted: Floats
    weight: Floats
    records: Floats
    group: NDArray[np.intp]
    variation: Floats

    @property
    def size(self) -> int:
        """How many records were drawn."""
        return int(self.records.sum())


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """A mean in [0, 1]. It is as sure as that of `effective` independent outcomes. `drawn` outcomes were seen, in `groups`;
    `reliance` in [0, 1] is how far the predictions were used (lambda).
    """

    value: float
    effective: float
    drawn: int
    groups: int
    reliance: float

    @property
    def standard_error(self) -> float:
        return sqrt(self.value * (1.0 - self.value) / self.effective)


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """Both ends in [0, 1]."""

    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2.0


def estimate_mean(drawn: DrawnOutcomes, predicted_mean: float, *, reliance: float | None = None) -> MeanEstimate:
    """Return the mean outcome of the population whose mean prediction is `predicted_mean`.

    `reliance`: the share of the predictions that is used, by default the one of least variance.
    """
    weight = drawn.weight * drawn.records / float((drawn.weight * drawn.records).sum())
    squared = drawn.weight**2 * drawn.records / float((drawn.weight * drawn.records).sum()) ** 2
    spread = squared * drawn.variation
    outcome, predicted = _centred(drawn.outcome, weight, drawn), _centred(drawn.predicted, weight, drawn)
    size, groups = drawn.size, int(drawn.group.max()) + 1
    if reliance is None:
        reliance = _reliance(outcome, predicted, spread)
    rectified = drawn.outcome - reliance * drawn.predicted
    value = min(1.0, max(0.0, reliance * predicted_mean + float((weight * rectified).sum())))
    left = _small_sample(drawn) * spread * (outcome - reliance * predicted) ** 2
    free = max(1, size - groups)
    variance = float(left.sum()) * (free / max(1, free - 1) if reliance else 1.0)
    per_outcome = float(spread.sum())
    if per_outcome <= 0.0:
        return MeanEstimate(value, inf, size, groups, reliance)
    pseudo = _pseudo_error(drawn, spread, left)
    worth = (variance + pseudo) / (value * (1.0 - value) * per_outcome + pseudo)
    if reliance:
        concentration = (float((left**2 / drawn.records).sum()) + pseudo**2) / (float(left.sum()) + pseudo) ** 2
        worth *= _widening(concentration, value, size)
    return MeanEstimate(value, 1.0 / (per_outcome * worth), size, groups, reliance)


def interval_of(estimate: MeanEstimate, level: float) -> MeanInterval:
    """Return the interval that holds the mean with probability `level`."""
    if estimate.effective == inf:
        return MeanInterval(estimate.value, estimate.value)
    quantile = _quantile(estimate, level)
    penalty = quantile**2 / estimate.effective
    centre = (estimate.value + penalty / 2.0) / (1.0 + penalty)
    half = quantile * sqrt(
        estimate.value * (1.0 - estimate.value) / estimate.effective + (penalty / estimate.effective) / 4
    )
    half /= 1.0 + penalty
    return MeanInterval(max(0.0, centre - half), min(1.0, centre + half))


def labels_needed(estimate: MeanEstimate, half_width: float, level: float) -> int:
    """Return how many drawn outcomes an interval of this half width takes, if they vary as those that were seen.

    Where the mean seems to be 0 or 1, the middle of its interval says better how outcomes may vary.
    """
    if estimate.effective == inf:
        return estimate.drawn
    value = estimate.value
    if value in {0.0, 1.0}:
        interval = interval_of(estimate, level)
        value = (interval.low + interval.high) / 2.0
    wanted = value * (1.0 - value) * (float(ndtri(0.5 + level / 2.0)) / half_width) ** 2
    return ceil(wanted * estimate.drawn / estimate.effective)


def _centred(values: Floats, weight: Floats, drawn: DrawnOutcomes) -> Floats:
    """The values less the weighted mean of their group."""
    total = np.bincount(drawn.group, weight)
    return values - (np.bincount(drawn.group, weight * values) / np.where(total > 0.0, total, 1.0))[drawn.group]


def _reliance(outcome: Floats, predicted: Floats, spread: Floats) -> float:
    """The lambda of least variance, within [0, 1]: the slope of the outcomes on the predictions."""
    across = float((spread * predicted**2).sum())
    return 0.0 if across <= 0.0 else min(1.0, max(0.0, float((spread * outcome * predicted).sum()) / across))


def _pseudo_error(drawn: DrawnOutcomes, spread: Floats, left: Floats) -> float:
    """What `PSEUDO_ERROR` adds to the variance, of which the rows have the parts `left`. `spread` sums over their records.

    Half of it is added where predictions are unsure, half anywhere, as far as few records make the variance; and as far as
    errors where the model is sure would count more than elsewhere, for such are seldom seen, that in any case.
    """
    each = spread / drawn.records
    anywhere = float(spread.sum()) / drawn.size
    unsure = drawn.records * drawn.predicted * (1.0 - drawn.predicted)
    where_unsure = float((each * unsure).sum() / unsure.sum()) if unsure.any() else anywhere
    seen = float(left.sum())
    few = float((left**2 / drawn.records).sum()) / seen**2 if seen > 0.0 else 1.0
    return PSEUDO_ERROR * (few * (anywhere + where_unsure) + max(0.0, anywhere - where_unsure)) / 2.0


def _widening(concentration: float, value: float, size: int) -> float:
    """By what the variance counts more because few records make most of it, so that it is badly known itself.

    `concentration` is the sum of the squared parts of the variance over its square, 1 / m where m records make all of it in
    equal parts. By Satterthwaite (1946) a variance with a concentration c is known as well as one with 2 / (c - 1 / n)
    degrees of freedom. Wilson's interval allows for what a share has by itself: only what exceeds that counts.
    """
    own = max(value * (1.0 - value), 0.5 / size)
    of_share = (1.0 - 3.0 * own) / (size * own)
    if concentration <= of_share:
        return 1.0
    free = [2.0 / max(1e-9, one - 1.0 / size) for one in (concentration, of_share)]
    quantiles = [float(stdtrit(max(2.0, one), 0.95)) for one in free]
    return (quantiles[0] / quantiles[1]) ** 2


def _small_sample(drawn: DrawnOutcomes) -> Floats:
    """Of each row's group with n records, n / (n - 1)."""
    size = np.bincount(drawn.group, drawn.records)
    factor: Floats = size / np.maximum(1.0, size - 1.0)
    return factor[drawn.group]


def _quantile(estimate: MeanEstimate, level: float) -> float:
    free = max(1, estimate.drawn - estimate.groups - 1)
    return float(stdtrit(free, 0.5 + level / 2.0))
