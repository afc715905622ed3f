"""The interval of an annotator's accuracy on gold holds the accuracy as often as it says, whatever the accuracy is."""

import numpy as np
import pytest
from scipy.stats import binom

from services.qa.domain.assessment import clopper_pearson
from services.qa.domain.drift import PoolError
from tests.gates.qa.annotator_lives import ConsensusDraws, live


@pytest.mark.parametrize("answers", [10, 30, 100])
def test_the_interval_covers_every_accuracy(answers: int) -> None:
    """Summed over all outcomes, not simulated."""
    intervals = [clopper_pearson(hits, answers) for hits in range(answers + 1)]
    low, high = np.array([(one.low, one.high) for one in intervals]).T
    accuracies = np.linspace(0.02, 0.998, 490)[:, None]
    chances = binom.pmf(np.arange(answers + 1), answers, accuracies)
    assert (chances * ((low <= accuracies) & (accuracies <= high))).sum(axis=1).min() >= 0.95 - 1e-9


@pytest.mark.parametrize("error", [0.05, 0.15])
def test_more_gold_for_who_is_warned_does_not_spoil_it(error: float) -> None:
    """How much gold somebody gets depends on their answers, and when it is looked at does not."""
    draws = ConsensusDraws.of(np.random.default_rng(0))
    pool = PoolError(gold=0.08, consensus=draws.mean(0.08))
    covered = []
    for seed in range(200):
        life = live(np.random.default_rng([3, seed]), lambda _: error, 40, pool, draws)
        interval = clopper_pearson(life.gold - life.gold_wrong, life.gold)
        covered.append(interval.low <= 1.0 - error <= interval.high)
    assert np.mean(covered) >= 0.93
