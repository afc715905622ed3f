"""Whether estimates have changed so much that records which wait for another vote are decided again."""

import numpy as np

from services.qa.domain.arrays import Floats
from services.qa.domain.estimates import Estimates, Facets

LEAST_ACCURACY_CHANGE = 0.02
LEAST_PRIOR_CHANGE = 0.05
"""In total variation."""
LEAST_CONFIDENCE_CHANGE = 0.01
_PROBES = (0.8, 0.9, 0.98, 0.995, 0.9995)
"""Posteriors of which the calibrated confidence is compared."""
_PROBED_VOTES = 3


def moved(before: Facets, after: Facets) -> bool:
    """Whether what holds for everybody differs much: how right people are, how common classes are, how sure votes make."""
    return before.keys() != after.keys() or any(_facet_moved(one, after[name]) for name, one in before.items())


def _facet_moved(before: Estimates, after: Estimates) -> bool:
    if before.selection.method is not after.selection.method or before.classes != after.classes:
        return True
    priors = float(np.abs(before.class_prior - after.class_prior).sum()) / 2
    sureness = np.abs(_probed(before) - _probed(after)).max()
    return (
        abs(before.pool_accuracy - after.pool_accuracy) > LEAST_ACCURACY_CHANGE
        or priors > LEAST_PRIOR_CHANGE
        or float(sureness) > LEAST_CONFIDENCE_CHANGE
    )


def _probed(facet: Estimates) -> Floats:
    """The calibrated confidence in one of two equally common classes."""
    chances = np.array([[one, 1.0 - one] for one in _PROBES])
    return facet.calibration.apply_all(chances, np.full(len(_PROBES), _PROBED_VOTES))[:, 0]
