"""Active learning needs fewer labels than chance, and no more than the plain margin, on real sets.

`ACTIVE_SEEDS` gives the number of trials of each set; `bench/active_learning.py` shows the figures of all.
"""

import os
import time
from dataclasses import dataclass
from functools import cache

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

TESTED = 500
"""Records at most: the gate takes a minute; the bench takes all, as it takes all of a pool."""

MOST_SECONDS = 20
"""Of CPU; a worker process may take 60."""


@dataclass(frozen=True)
class Setting:
    """`of_chance`: the most labels, as a share of those that chance needs, for the accuracy and for its mean over classes.

    `pool`: the most records that the gate chooses from.
    """

    name: str
    batch: int
    cold: int
    seeds: int
    of_chance: tuple[float, float]
    pool: int = 1_200


SETTINGS = (
    Setting("sms_spam", 20, 20, 3, (0.55, 0.3)),
    Setting("digits", 20, 20, 1, (0.75, 0.75)),
    Setting("trec_qc", 80, 100, 1, (0.95, 0.95), pool=5_000),
    Setting("digits, six classes rare", 20, 20, 0, (0.75, 0.75)),
)
"""The last one is for the bench."""

GATED = [one for one in SETTINGS if one.seeds]


def data_of(name: str) -> LabelledSet:
    if name == "digits":
        return replay.digits()
    if name.startswith("digits"):
        return replay.digits().without(name, 0.85, "012345")
    return replay.texts(name)


@cache
def labels_needed(setting: Setting, seeds: int, pool: int, tested: int) -> NDArray[np.float64]:
    """Their logarithms, by trial, way to choose (chance, margin, prelabel) and kind of accuracy."""
    data = data_of(setting.name)
    trials = [Trial(data, seed, setting.batch, setting.cold, pool, tested) for seed in range(seeds)]
    return np.log([trial.labels_needed(SHARE_OF_ALL) for trial in trials])


def gated(setting: Setting) -> NDArray[np.float64]:
    return labels_needed(setting, int(os.environ.get("ACTIVE_SEEDS", setting.seeds)), setting.pool, TESTED)


@pytest.mark.parametrize("setting", GATED, ids=lambda one: one.name)
def test_it_takes_fewer_labels_than_chance(setting: Setting) -> None:
    by_chance, _, chosen = gated(setting).transpose(1, 0, 2)
    assert (np.exp((chosen - by_chance).mean(axis=0)) <= setting.of_chance).all(), np.exp(gated(setting))


def test_it_takes_no_more_labels_than_the_plain_margin() -> None:
    """On all sets together and within two standard errors, since the trials are few."""
    needed = np.concatenate([gated(setting) for setting in GATED])[:, :, 0]
    more = needed[:, 2] - needed[:, 1]
    assert more.mean() <= np.log(1.03) + 2 * more.std(ddof=1) / len(more) ** 0.5, np.exp(needed)


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
