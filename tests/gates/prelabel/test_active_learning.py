"""Active learning needs fewer labels than chance, and no more than the plain margin, on real sets.

`ACTIVE_SEEDS` gives the number of trials of each set; `bench/active_learning.py` shows the figures of all.
"""

import os
import time
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from services.prelabel.compute import choices
from services.prelabel.domain import acquisition
from services.prelabel.domain.acquisition import ChanceWindow
from tests.gates.prelabel import replay
from tests.gates.prelabel.replay import LabelledSet, Trial

SHARE_OF_ALL = 0.95
"""Of the accuracy that all labels of the pool give."""

POOL, TESTED = 2_000, 800

MOST_SECONDS = 20
"""Of CPU; a worker process may take 60."""


@dataclass(frozen=True)
class Setting:
    """`of_chance`: the most labels, as a share of those that chance needs, for the accuracy and for its mean over classes."""

    name: str
    batch: int
    cold: int
    seeds: int
    of_chance: tuple[float, float]


SETTINGS = (
    Setting("sms_spam", 20, 20, 3, (0.55, 0.3)),
    Setting("digits", 20, 20, 3, (0.75, 0.75)),
    Setting("digits, six classes rare", 20, 20, 3, (0.75, 0.65)),
    Setting("trec_qc", 80, 100, 2, (0.85, 0.85)),
)


def data_of(name: str) -> LabelledSet:
    if name == "digits":
        return replay.digits()
    if name.startswith("digits"):
        return replay.digits().without(name, 0.85, "012345")
    return replay.texts(name)


def labels_needed(setting: Setting, pool: int, tested: int) -> NDArray[np.float64]:
    """Their logarithms, by trial, way to choose (chance, margin, prelabel) and kind of accuracy."""
    seeds = int(os.environ.get("ACTIVE_SEEDS", setting.seeds))
    data = data_of(setting.name)
    trials = [Trial(data, seed, setting.batch, setting.cold, pool, tested) for seed in range(seeds)]
    return np.log([trial.labels_needed(SHARE_OF_ALL) for trial in trials])


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.name)
def test_it_takes_fewer_labels_than_chance_and_no_more_than_the_margin(setting: Setting) -> None:
    """Within a standard error, since the trials are few."""
    needed = labels_needed(setting, POOL, TESTED)
    by_chance, by_margin, chosen = needed.transpose(1, 0, 2)
    assert (np.exp((chosen - by_chance).mean(axis=0)) <= setting.of_chance).all(), np.exp(needed)
    more = chosen - by_margin
    assert (more.mean(axis=0) <= np.log(1.03) + more.std(axis=0, ddof=1) / len(more) ** 0.5).all(), np.exp(needed)


def test_a_batch_of_a_hundred_thousand_candidates_is_chosen_in_seconds() -> None:
    """Not all of a large batch is put into clusters, and the look is taken of that part only."""
    generator = np.random.default_rng(0)
    words = [f"word{number}" for number in range(400)]
    looks = [" ".join(generator.choice(words, size=12)) for _ in range(2_000)] * 50
    scores, draws = generator.random(len(looks)).tolist(), generator.random(len(looks)).tolist()
    labels = [str(label) for label in generator.integers(0, 20, size=len(looks))]
    for size in (80, 20_000):
        window = ChanceWindow.of(acquisition.expected_by_chance(size, cold=False), len(looks), 0.5)
        began = time.process_time()
        chosen = choices.choose("next_batch", scores, draws, labels, looks, size, 0, window)
        assert time.process_time() - began < MOST_SECONDS
        assert len(chosen) == size
