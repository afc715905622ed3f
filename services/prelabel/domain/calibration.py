"""How far a model's confidence can be believed.

Rows of `probabilities` are distributions over the classes: shape [n, classes]. `truth` holds the index of the right
class per row: shape [n].
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, stdtr

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SMALLEST: Final = 1e-9
"""No answer is impossible: a probability of zero would make the log loss infinite by one mislabelled record."""

_LOG_RANGE: Final = (math.log(0.05), math.log(20.0))
_PRIOR_WEIGHT: Final = 1.0
_STEPS: Final = 60
_FOLDS: Final = 5
_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0
_FEWEST_LABELS: Final = 20
_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Tempering:
    """Whether tempering gains, on labels that had no part in the temperature that they judge.

    `gain`: in nats a label, cross-fitted; below 0 it loses. `p_value`: how often so much would be gained on labels of a
    model that needs no tempering. `error_gain`: by how much the mean squared error of the confidence falls, less one standard
    error. `gains`: it is used.
    """

    gain: float
    p_value: float
    error_gain: float

    @property
    def gains(self) -> bool:
        return self.gain > 0.0 and self.p_value <= _LEVEL and self.error_gain > 0.0


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
    return float(-_log_right(probabilities, truth).mean())


def accuracy(probabilities: Floats, truth: Indices) -> float:
    if len(truth) == 0:
        return 0.0
    return float((probabilities.argmax(axis=1) == truth).mean())


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


def tempering(probabilities: Floats, by_others: Floats, truth: Indices) -> Tempering:
    """What tempering gains: `by_others` is what `temper_by_others` makes of the `probabilities`.

    Two tests must show that the likelihood gains, and `p_value` is the larger of the two. The paired t test of the
    cross-fitted gains: where the model's shape is such that no temperature helps, what is fitted on some labels gains nothing
    on others. The likelihood ratio of the fitted temperature against 1 (Wilks 1938; Cox 1958 for calibration): a model that
    is nearly always right, of which no mistake was seen, gains on every label by being made surer, which the t test takes
    for proof. And the squared error of the confidence (Brier 1950) must fall by more than a standard error: of a monotone
    change that is the change of the squared calibration error. A few mistakes of which the model is sure, or labels that are
    wrong, ask for a temperature that gains in likelihood and spoils the confidence of all the rest. With fewer than 20
    labels nothing is shown.
    """
    known = truth >= 0
    count = int(known.sum())
    if count < _FEWEST_LABELS:
        return Tempering(0.0, 1.0, 0.0)
    right = probabilities.argmax(axis=1) == truth
    error, standard = _mean((probabilities.max(axis=1) - right) ** 2 - (by_others.max(axis=1) - right) ** 2)
    raw = _log_right(probabilities[known], truth[known])
    mean, spread = _mean(_log_right(by_others[known], truth[known]) - raw)
    paired = float(stdtr(count - 1, -mean / spread)) if spread > 0.0 else float(mean <= 0.0)
    fitted = temper(probabilities[known], fit_temperature(probabilities[known], truth[known]))
    ratio = 2.0 * float((_log_right(fitted, truth[known]) - raw).sum())
    return Tempering(mean, max(paired, float(chdtrc(1.0, max(0.0, ratio)))), error - standard)


def _mean(values: Floats) -> tuple[float, float]:
    """The mean and its standard error."""
    return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))


def _log_right(probabilities: Floats, truth: Indices) -> Floats:
    """Log p(right class), shape [n]."""
    logs: Floats = np.log(np.clip(probabilities[np.arange(len(truth)), truth], SMALLEST, 1.0))
    return logs


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
