"""What a posterior promises: on real crowds and in simulation so many labels are right as their confidence says.

Each set is replayed with a prior of the calibration that was learnt on the other sets (`bench/calibration_prior.py`).
`POSTERIOR_SEEDS` replays each set so many times. Sets that are not beside the checkout are left out.
"""

import os
from functools import cache

import numpy as np
import pytest

from services.qa.domain.calibration import PRIOR, CalibrationPrior
from tests.gates.qa.crowd_replay import (
    GOLD,
    SETS,
    Replayed,
    calibration_error,
    replay,
    thinned,
    together,
    until_target,
)
from tests.gates.qa.test_real_crowds import Crowd

SEEDS = int(os.environ.get("POSTERIOR_SEEDS", "2"))
MOST_ITEMS = 900
ENOUGH = 100
"""Of fewer finalized records the share that is right is left out: it would be chance."""

OF_THE_OTHERS = {
    "bluebird": (0.0, 0.6, 0.6, 0.02),
    "rte": (0.0, 0.6, 0.6, 0.02),
    "zencrowd_us": (0.0, 0.6, 0.6, 0.02),
    "d_possent": (0.0, 0.6, 0.6, 0.02),
    "weather_cf_amt": (0.0, 0.8, 0.4, 0.02),
    "dog": (0.0, 0.8, 0.5, 0.02),
    "sp": (0.0, 0.6, 0.5, 0.01),
    "trec": (0.0, 0.3, 0.5, 0.02),
    "s_adult": (0.0, 0.6, 0.5, 0.02),
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


def simulated(seed: int, *, hard: float, gold_hard: float, classes: int, people: int = 15, items: int = 500) -> Crowd:
    """People right in .85 who share a mistake on `hard` of the records; of the first `GOLD` records, on `gold_hard`.

    Five votes a record, ten on the first ones.
    """
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, items)
    share = np.where(np.arange(items) < GOLD, gold_hard, hard)
    is_hard = generator.random(items) < share
    sizes = np.where(np.arange(items) < GOLD, 10, 5)
    item = np.repeat(np.arange(items), sizes)
    voters = np.concatenate([generator.choice(people, size, replace=False) for size in sizes])
    skills = generator.uniform(0.75, 0.95, people)
    right = generator.random(len(item)) < np.where(is_hard[item], 0.2, skills[voters])
    tempting = np.where(
        is_hard[item] & (generator.random(len(item)) < 0.8), 1, generator.integers(1, classes, len(item))
    )
    answered = np.where(right, truth[item], (truth[item] + tempting) % classes)
    return Crowd(item, voters, answered, (items, people, classes), truth)


def outcome_of(*, hard: float, gold_hard: float, classes: int) -> Replayed:
    found = [
        replay(
            "simulated",
            simulated(seed, hard=hard, gold_hard=gold_hard, classes=classes),
            seed,
            until_target(0.9, 5),
            prior=PRIOR,
            first_are_gold=True,
        )
        for seed in range(6)
    ]
    return together(found)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize(("hard", "short"), [(0.0, 0.03), (0.1, 0.03), (0.25, 0.1)])
def test_people_who_err_together_are_believed_as_far_as_gold_shows(hard: float, short: float, classes: int) -> None:
    """Where a quarter of the records misleads everybody alike, sixty gold records do not show all of it."""
    found = outcome_of(hard=hard, gold_hard=hard, classes=classes)
    assert calibration_error(found.confidence, found.right) <= 0.07
    if found.final.sum() >= ENOUGH:
        assert found.right[found.final].mean() >= 0.9 - short


def test_gold_that_is_easier_than_the_rest_makes_too_sure() -> None:
    """The limit that the documents name: nothing in the votes shows it."""
    found = outcome_of(hard=0.25, gold_hard=0.0, classes=2)
    assert found.confidence.mean() - found.right.mean() >= 0.08
