"""How far a model's confidence can be believed.

Rows of `probabilities` are distributions over the classes: shape [n, classes]. `truth` holds the index of the right
class per row: shape [n].
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SMALLEST: Final = 1e-9
"""No answer is impossible: a probability of zero would make the log loss infinite by one mislabelled record."""

_LOG_RANGE: Final = (math.log(0.05), math.log(20.0))
_PRIOR_WEIGHT: Final = 1.0
_STEPS: Final = 60
_FOLDS: Final = 5
_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0


def temper(probabilities: Floats, temperature: float) -> Floats:
    """Sharpen (below 1) or soften (above 1): softmax(log p / T), Guo et al. 2017, section 4.2."""
    logs = np.log(np.clip(probabilities.astype(np.float64), SMALLEST, 1.0)) / temperature
    logs -= logs.max(axis=1, keepdims=True)
    powers = np.exp(logs)
    tempered: Floats = powers / powers.sum(axis=1, keepdims=True)
    return tempered


def log_loss(probabilities: Floats, truth: Indices) -> float:
    """The mean of -log p(right class), in nats. Zero rows have no loss."""
    if len(truth) == 0:
        return 0.0
    right = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.clip(right, SMALLEST, 1.0)).mean())


def accuracy(probabilities: Floats, truth: Indices) -> float:
    if len(truth) == 0:
        return 0.0
    return float((probabilities.argmax(axis=1) == truth).mean())


def calibration_error(probabilities: Floats, truth: Indices, bins: int = 15) -> float:
    """Expected calibration error over `bins` bins of equal width (Naeini et al. 2015): mean |confidence - accuracy|."""
    if len(truth) == 0:
        return 0.0
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    gap = np.bincount(bin_of, weights=confidence - right, minlength=bins)
    return float(np.abs(gap[count > 0]).sum() / len(truth))


def fit_temperature(probabilities: Floats, truth: Indices) -> float:
    """The temperature with the least log loss, found by golden-section search on log T (the loss is unimodal in it).

    A weak prior at T = 1, worth about one record, keeps a handful of right answers from making the model certain.
    Without rows the answer is 1.
    """
    if len(truth) == 0:
        return 1.0

    def penalised(log_temperature: float) -> float:
        loss = log_loss(temper(probabilities, math.exp(log_temperature)), truth) * len(truth)
        return loss + _PRIOR_WEIGHT * log_temperature**2

    return math.exp(_least(penalised, *_LOG_RANGE))


def temper_by_others(probabilities: Floats, truth: Indices) -> Floats:
    """Temper each row by a temperature that its own label had no part in (cross-fitting, Hastie et al. 2009, section 7.10).

    Row i is of fold i mod 5, and tempered by what is fitted on the other folds. Nothing is fitted on rows whose `truth` is
    -1: those have a right class that the model doesn't have.
    """
    fold = np.arange(len(truth)) % _FOLDS
    tempered = np.empty(probabilities.shape)
    for each in range(min(_FOLDS, len(truth))):
        inside = fold == each
        others = ~inside & (truth >= 0)
        tempered[inside] = temper(probabilities[inside], fit_temperature(probabilities[others], truth[others]))
    return tempered


def _least(function: Callable[[float], float], low: float, high: float) -> float:
    left = high - _GOLDEN * (high - low)
    right = low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(_STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2.0
