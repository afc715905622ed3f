"""How good a model is on labels made by people, and whether a challenger replaces the champion."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.prelabel.domain import calibration, calibration_error
from services.prelabel.domain.calibration import Floats, Indices, Tempering
from services.prelabel.domain.calibration_error import CalibrationError

_Z: Final = 1.959964
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One model on `records` labels made by people. `log_loss` in nats and `calibration_error` are after tempering.

    `tempering`: what was found when its temperature was chosen here; None of one that had its temperature.
    """

    records: int
    accuracy: float
    log_loss: float
    calibration_error: CalibrationError
    temperature: float
    tempering: Tempering | None = None


@dataclass(frozen=True, slots=True)
class PromotionDecision:
    promote: bool
    reason: str


def measure(probabilities: Floats, truth: Indices, temperature: float | None = None) -> Measured:
    """Measure a model by the temperature that it has; where it has none yet, one is chosen on all of the rows.

    It is fitted where tempering gains, and 1 where that is not shown. Log loss and calibration error of a model that is
    tempered here are cross-fitted: no row is judged by a temperature that saw its label. A model that was measured before
    keeps its temperature, because thresholds stand on it; whether it saw some of the rows is not known here.
    `probabilities`: [n, classes]; `truth`: [n], -1 for a right class that the model doesn't have, which is always wrong.
    """
    known = truth >= 0
    tempering = None
    if temperature is None:
        by_others = calibration.temper_by_others(probabilities, truth)
        tempering = calibration.tempering(probabilities, by_others, truth)
        gains = tempering.gains
        temperature = calibration.fit_temperature(probabilities[known], truth[known]) if gains else 1.0
        tempered = by_others if gains else calibration.temper(probabilities, 1.0)
    else:
        tempered = calibration.temper(probabilities, temperature)
    loss = np.full(len(truth), -np.log(calibration.SMALLEST))
    loss[known] = -np.log(np.clip(tempered[known, truth[known]], calibration.SMALLEST, 1.0))
    return Measured(
        records=len(truth),
        accuracy=calibration.accuracy(tempered, truth),
        log_loss=float(loss.mean()) if len(truth) else 0.0,
        calibration_error=calibration_error.estimate(tempered.max(axis=1), tempered.argmax(axis=1) == truth),
        temperature=temperature,
        tempering=tempering,
    )


def decide(challenger: Measured, champion: Measured | None, margin: float) -> PromotionDecision:
    """Promote what is better by more than `margin` in accuracy; equally right, the one with the smaller log loss.

    Both must be measured on the same records. The champion's temperature may have been fitted on some of them when it was
    a challenger, which favours the champion.
    """
    if champion is None:
        return PromotionDecision(
            promote=True,
            reason=f"first model, {_share(challenger.accuracy)} right on {challenger.records} validation labels",
        )
    gain = challenger.accuracy - champion.accuracy - margin
    shares = f"{_share(challenger.accuracy)} right against {_share(champion.accuracy)} on {challenger.records} validation labels"
    if gain > 0:
        return PromotionDecision(promote=True, reason=shares)
    if gain == 0 and challenger.log_loss < champion.log_loss:
        return PromotionDecision(
            promote=True, reason=f"{shares}, log loss {challenger.log_loss:.4f} against {champion.log_loss:.4f}"
        )
    return PromotionDecision(promote=False, reason=shares)


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` (Wilson 1927); (0, 1) of none."""
    if count == 0:
        return 0.0, 1.0
    spread = _Z**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def _share(value: float) -> str:
    return f"{value:.4f}"
