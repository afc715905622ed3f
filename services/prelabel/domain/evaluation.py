"""How good a model is on labels made by people, and whether a challenger replaces the champion."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.prelabel.domain import calibration
from services.prelabel.domain.calibration import Floats, Indices

_Z: Final = 1.959964
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One model on `records` labels made by people. `log_loss` in nats and `calibration_error` are after tempering."""

    records: int
    accuracy: float
    log_loss: float
    calibration_error: float
    temperature: float


@dataclass(frozen=True, slots=True)
class PromotionDecision:
    promote: bool
    reason: str


def measure(probabilities: Floats, truth: Indices, temperature: float | None = None) -> Measured:
    """Measure a model by the temperature that it has; where it has none yet, one is fitted on all of the rows.

    Log loss and calibration error of a model whose temperature is fitted here are cross-fitted: no row is judged by a
    temperature that saw its label. A model that was measured before keeps its temperature, because thresholds stand on it;
    whether it saw some of the rows is not known here. `probabilities`: [n, classes]; `truth`: [n], -1 for a right class
    that the model doesn't have, which is always wrong.
    """
    known = truth >= 0
    if temperature is None:
        temperature = calibration.fit_temperature(probabilities[known], truth[known])
        tempered = calibration.temper_by_others(probabilities, truth)
    else:
        tempered = calibration.temper(probabilities, temperature)
    loss = np.full(len(truth), -np.log(calibration.SMALLEST))
    loss[known] = -np.log(np.clip(tempered[known, truth[known]], calibration.SMALLEST, 1.0))
    return Measured(
        records=len(truth),
        accuracy=calibration.accuracy(tempered, truth),
        log_loss=float(loss.mean()) if len(truth) else 0.0,
        calibration_error=calibration.calibration_error(tempered, truth),
        temperature=temperature,
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
