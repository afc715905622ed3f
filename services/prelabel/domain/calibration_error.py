"""By how much a model's confidence is off, from few labels: without the noise of binning, and with an interval.

The error is the root of the mean squared gap between confidence and accuracy. The familiar mean of absolute gaps over bins
counts the noise of every bin as a gap, so that a model which is calibrated perfectly has .1 on 50 labels. Of squares the
noise can be taken off without bias.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chndtr

from services.prelabel.domain.calibration import Floats

_TAIL: Final = 0.025
"""What each end of the 95 % interval leaves out."""

_STEPS: Final = 60
_WIDEST: Final = 1.0


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """The root mean square of confidence minus accuracy, in [0, 1], with its 95 % interval; (0, 0, 1) without labels."""

    value: float
    low: float
    high: float


def estimate(confidence: Floats, right: NDArray[np.bool_]) -> CalibrationError:
    """The calibration error of confidences in [0, 1], by whether each answer was right; both of shape [n].

    Labels are sorted by confidence into n^(2/5) bins of equal size (the rate at which gaps that change smoothly with the
    confidence are told from none: Lee, Huang, Hassani and Dobriban 2023, "T-Cal", section 3). The square of a bin's gap is
    the mean product of the gaps of two different labels: unbiased, as a label's own square is what holds the noise (Ferro
    and Fricker 2012; Bröcker 2012; the debiased estimator of Kumar, Liang and Ma 2019, section 5). What falls below 0 is 0.

    The interval inverts tests of the weighted sum of squared gaps, which is distributed about as a multiple of noncentral
    chi-square (Satterthwaite 1946; Patnaik 1949, Biometrika 36). Variances are of the accuracy (right + 1/2)/(n + 1): a bin
    without a mistake is not known to have none.
    """
    count = len(confidence)
    if count == 0:
        return CalibrationError(0.0, 0.0, 1.0)
    gap = confidence - right
    order = np.argsort(confidence, kind="stable")
    starts = np.linspace(0, count, _bins(count) + 1).astype(np.int64)[:-1]
    size = np.diff(np.append(starts, count)).astype(np.float64)
    mean = np.add.reduceat(gap[order], starts) / size
    own = np.add.reduceat(gap[order] ** 2, starts)
    hits = np.add.reduceat(right[order].astype(np.float64), starts)
    share, accuracy = size / count, (hits + 0.5) / (size + 1.0)
    variance = accuracy * (1.0 - accuracy) / size
    low, high = _interval(share * mean**2, share * variance)
    pairs = np.maximum(1.0, size * (size - 1.0))  # a single label has no other to be multiplied with
    square = float((share * ((size * mean) ** 2 - own) / pairs).sum())
    value = math.sqrt(min(max(square, low), high))
    return CalibrationError(value, math.sqrt(low), math.sqrt(high))


def _bins(count: int) -> int:
    return max(1, min(count // 2, round(math.pow(count, 0.4))))


def _interval(squares: Floats, noise: Floats) -> tuple[float, float]:
    """Between which squares of the error the sum of the `squares` of the bins' gaps is no surprise, in [0, 1].

    `noise`: what each bin's variance adds to the sum on average. The scale is the mean noise of the bins, weighed by their
    noise, or by their gaps where that gives more: gaps in noisy bins are known less well. A sum below what noise alone
    gives counts as that for the upper end, since luck is no proof.
    """
    seen, expected = float(squares.sum()), float(noise.sum())
    scale = max(float((noise**2).sum()) / expected, float((squares * noise).sum()) / max(seen, expected))
    freedom = expected / scale

    def below(total: float, square: float) -> float:
        """How probable a sum below `total` is, if this is the square of the error; falls as that grows."""
        return float(chndtr(total / scale, freedom, square / scale))

    low = _where(partial(below, seen), 1.0 - _TAIL)
    return low, _where(partial(below, max(seen, expected)), _TAIL)


def _where(falling: Callable[[float], float], level: float) -> float:
    """The square in [0, 1] at which the probability falls to the level."""
    low, high = 0.0, _WIDEST
    if falling(low) <= level:
        return low
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if falling(middle) > level:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
