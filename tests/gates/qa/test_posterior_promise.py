"""What a posterior promises: on real crowds and in simulation so many labels are right as their confidence says.

Each set is replayed with a prior of the calibration that was learnt on the other sets (`bench/calibration_prior.py`).
`POSTERIOR_SEEDS` replays each set so many times. Sets that are not beside the checkout are left out.
"""

import os
from functools import cache

import numpy as np
import pytest

from services.qa.domain.calibration import CalibrationPrior
from tests.gates.qa.crowd_replay import SETS, Replayed, calibration_error, replay, thinned, together, until_target

SEEDS = int(os.environ.get("POSTERIOR_SEEDS", "2"))
MOST_ITEMS = 900
ENOUGH = 100
"""Of fewer finalized records the share that is right is left out: it would be chance."""

OF_THE_OTHERS = {
    "bluebird": (0.0, 0.6, 0.6, 0.01),
    "rte": (0.0, 0.6, 0.6, 0.01),
    "zencrowd_us": (0.0, 0.6, 0.6, 0.01),
    "d_possent": (0.0, 0.6, 0.6, 0.01),
    "weather_cf_amt": (0.0, 0.8, 0.4, 0.02),
    "dog": (0.0, 0.6, 0.5, 0.02),
    "sp": (0.0, 0.6, 0.5, 0.005),
    "trec": (0.0, 0.3, 0.5, 0.01),
    "s_adult": (0.0, 0.6, 0.5, 0.01),
}
"""By set what is learnt on all others: log T, its deviation, r, e."""


def prior_without(name: str) -> CalibrationPrior:
    log_temperature, deviation, exponent, share = OF_THE_OTHERS[name]
    return CalibrationPrior(log_temperature, deviation, exponent, 0.25, share)


@cache
def replayed(name: str, target: float) -> Replayed:
    data = thinned(name, MOST_ITEMS)
    return together(
        [replay(name, data, seed, until_target(target, 5), prior=prior_without(name)) for seed in range(SEEDS)]
    )


def right_of_final(target: float) -> dict[str, float]:
    found = {name: replayed(name, target) for name in SETS}
    return {name: float(one.right[one.final].mean()) for name, one in found.items() if one.final.sum() >= ENOUGH}


@pytest.mark.parametrize("target", [0.9, 0.98])
def test_a_target_means_what_it_says(target: float) -> None:
    found = right_of_final(target)
    assert len(found) >= 3
    assert np.mean(list(found.values())) >= target - 0.02
    assert {name: share for name, share in found.items() if share < target - 0.06} == {}


def test_confidence_is_as_true_as_its_bins_can_show() -> None:
    errors = [calibration_error(one.confidence, one.right) for one in (replayed(name, 0.98) for name in SETS)]
    assert np.mean(errors) <= 0.055
