"""How good a model is on held-out labels, and whether a challenger replaces the champion."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.prelabel.domain import calibration
from services.prelabel.domain.calibration import Floats, Indices

FEWEST_TO_MEASURE: Final = 30
"""Calibration is measured on records it was not fitted on, if there are this many of them, else on all."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One model on `held_out` labels made by people. `log_loss` in nats and `calibration_error` are after tempering."""

    held_out: int
    accuracy: float
    log_loss: float
    calibration_error: float
    temperature: float


@dataclass(frozen=True, slots=True)
class PromotionDecision:
    promote: bool
    reason: str


def measure(
    probabilities: Floats, truth: Indices, fitting: NDArray[np.bool_], temperature: float | None = None
) -> Measured:
    """Measure a model; `fitting` marks the rows of the validation split, on which the temperature is fitted.

    A champion's `temperature` is given: it was fitted when the model was compared and stays, because thresholds stand
    on it. A right class that the model doesn't have is a row of `truth` with -1: always wrong.
    """
    known = truth >= 0
    if temperature is None:
        rows = fitting & known
        temperature = calibration.fit_temperature(probabilities[rows], truth[rows])
    tempered = calibration.temper(probabilities, temperature)
    unfitted = ~fitting if int((~fitting).sum()) >= FEWEST_TO_MEASURE else np.ones_like(fitting)
    loss = np.full(len(truth), -np.log(calibration.SMALLEST))
    loss[known] = -np.log(np.clip(tempered[known, truth[known]], calibration.SMALLEST, 1.0))
    return Measured(
        held_out=len(truth),
        accuracy=calibration.accuracy(tempered, truth),
        log_loss=float(loss[unfitted].mean()) if len(truth) else 0.0,
        calibration_error=calibration.calibration_error(tempered[unfitted], truth[unfitted]),
        temperature=temperature,
    )


def decide(challenger: Measured, champion: Measured | None, margin: float) -> PromotionDecision:
    """Promote what is better by more than `margin` in accuracy; equally right, the one with the smaller log loss.

    Both must be measured on the same records.
    """
    if champion is None:
        return PromotionDecision(
            promote=True, reason=f"first model, {_share(challenger.accuracy)} right on held-out labels"
        )
    gain = challenger.accuracy - champion.accuracy - margin
    shares = (
        f"{_share(challenger.accuracy)} right against {_share(champion.accuracy)} on {challenger.held_out} held-out"
    )
    if gain > 0:
        return PromotionDecision(promote=True, reason=shares)
    if gain == 0 and challenger.log_loss < champion.log_loss:
        return PromotionDecision(
            promote=True, reason=f"{shares}, log loss {challenger.log_loss:.4f} against {champion.log_loss:.4f}"
        )
    return PromotionDecision(promote=False, reason=shares)


def _share(value: float) -> str:
    return f"{value:.4f}"
