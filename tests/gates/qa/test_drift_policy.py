"""Drift as the whole policy finds it: charts, warning, more gold for who is warned, alarm.

`ANNOTATOR_LIVES=10` simulates ten times as many.
"""

import os

import numpy as np
import pytest

from services.qa.domain.drift import PoolError
from tests.gates.qa.annotator_lives import ConsensusDraws, Life, live

TIMES = int(os.environ.get("ANNOTATOR_LIVES", "1"))
DRAWS = ConsensusDraws.of(np.random.default_rng(0))
POOL = PoolError(gold=0.08, consensus=DRAWS.mean(0.08))
STEADY = (0.02, 0.05, 0.1, 0.2, 0.3)
GOLD_OF_A_LIFE, CHANGES_AFTER, WITHIN = 1_000, 120, 400


def steady_lives(error: float, pool: PoolError, draws: ConsensusDraws | None, lives: int) -> list[Life]:
    return [
        live(np.random.default_rng([1, seed]), lambda _: error, GOLD_OF_A_LIFE, pool, draws) for seed in range(lives)
    ]


def delays(error: float, draws: ConsensusDraws | None, lives: int) -> np.ndarray:
    """Gold answers from the doubling to the alarm; infinite where there was none."""
    found = []
    for seed in range(lives):
        life = live(
            np.random.default_rng([2, seed]),
            lambda given: error if given < CHANGES_AFTER else 2 * error,
            CHANGES_AFTER + WITHIN,
            POOL,
            draws,
            until_alarm=True,
        )
        if not life.alarms or life.alarms[0] >= CHANGES_AFTER:  # else a false alarm came first
            found.append(life.alarms[0] - CHANGES_AFTER if life.alarms else np.inf)
    assert len(found) >= 0.9 * lives
    return np.array(found)


@pytest.mark.parametrize("error", STEADY)
def test_a_steady_error_raises_few_alarms(error: float) -> None:
    lives = steady_lives(error, POOL, DRAWS, 10 * TIMES)
    per_thousand = 1_000 * sum(len(one.alarms) for one in lives) / sum(one.gold for one in lives)
    assert per_thousand <= 0.2


@pytest.mark.parametrize("error", [0.05, 0.08, 0.15])
def test_a_doubled_error_is_found(error: float) -> None:
    found = delays(error, DRAWS, 40 * TIMES)
    assert np.median(found) <= 120
    assert (found <= WITHIN).mean() >= 0.9
