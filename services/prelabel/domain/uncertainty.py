"""How unsure a distribution is, three ways, each in [0, 1] with 1 the most unsure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.prelabel.domain.calibration import SMALLEST, Floats


@dataclass(frozen=True, slots=True)
class Unsureness:
    """One array per measure, shape [n]."""

    entropy: Floats
    margin: Floats
    least_confidence: Floats


def unsureness(probabilities: Floats) -> Unsureness:
    """Entropy over log(classes); 1 - (best - second best); 1 - best (Settles 2009, section 3.1). Needs two classes."""
    p = np.clip(probabilities.astype(np.float64), 0.0, 1.0)
    entropy = -(p * np.log(np.clip(p, SMALLEST, 1.0))).sum(axis=1) / np.log(p.shape[1])
    two_best = np.partition(p, p.shape[1] - 2, axis=1)[:, -2:]
    best, second = two_best[:, 1], two_best[:, 0]
    return Unsureness(_unit(entropy), _unit(1.0 - (best - second)), _unit(1.0 - best))


def _unit(values: NDArray[np.float64]) -> Floats:
    clipped: Floats = np.clip(values, 0.0, 1.0)
    return clipped
