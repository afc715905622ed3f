"""Quality gates on real crowds, read in place; left out where the data is not beside the checkout.

Truth-inference data sets as collected by github yuan-li/truth-inference-at-scale (Li et al. 2019).
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from services.qa.domain.dawid_skene import fit
from services.qa.domain.one_coin import fit_one_coin
from tests.support.left_out import NOT_BESIDE

CROWD = Path(__file__).parents[3].parent / "shared" / "data" / "crowd"


@dataclass
class Crowd:
    items: np.ndarray
    voters: np.ndarray
    classes: np.ndarray
    shape: tuple[int, int, int]
    truth: np.ndarray  # (I,), -1 where unknown

    def accuracy(self, guesses: np.ndarray) -> float:
        known = self.truth >= 0
        return float((guesses[known] == self.truth[known]).mean())


def crowd(name: str) -> Crowd:
    folder = CROWD / name
    if not folder.is_dir():
        pytest.skip(f"{name} {NOT_BESIDE}")
    labels = np.loadtxt(folder / "labels.csv", delimiter=",", skiprows=1, dtype=np.int64)
    truths = np.loadtxt(folder / "truth.csv", delimiter=",", skiprows=1, dtype=np.int64)
    _, first = np.unique(labels[:, :2], axis=0, return_index=True)  # an annotator's first answer to an item counts
    labels = labels[np.sort(first)]
    items, voters = np.unique(np.r_[labels[:, 0], truths[:, 0]]), np.unique(labels[:, 1])
    truth = np.full(len(items), -1, np.int64)
    truth[np.searchsorted(items, truths[:, 0])] = truths[:, 1]
    return Crowd(
        np.searchsorted(items, labels[:, 0]),
        np.searchsorted(voters, labels[:, 1]),
        labels[:, 2],
        (len(items), len(voters), int(max(labels[:, 2].max(), truth.max())) + 1),
        truth,
    )


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("bluebird", 0.88),
        ("rte", 0.925),
        ("d_possent", 0.955),
        ("dog", 0.835),
        ("weather_cf_amt", 0.855),
        ("sp", 0.914),
        ("zencrowd_us", 0.82),
        ("trec", 0.70),
        ("s_adult", 0.74),
    ],
)
def test_consensus_on_a_real_crowd(name: str, least: float) -> None:
    data = crowd(name)
    assert (
        data.accuracy(fit(data.items, data.voters, data.classes, shape=data.shape).posteriors.argmax(axis=1)) >= least
    )


def test_shrinkage_beats_the_plain_em_where_labels_are_sparse() -> None:
    data = crowd("weather_cf_amt")
    plain, shrunk = (
        data.accuracy(
            fit(data.items, data.voters, data.classes, shape=data.shape, strength=s).posteriors.argmax(axis=1)
        )
        for s in (0.0, 5.0)
    )
    assert shrunk >= plain + 0.01


def test_gold_helps_the_other_records() -> None:
    data = crowd("zencrowd_us")
    gold = np.where(np.random.default_rng(0).random(data.shape[0]) < 0.2, data.truth, -1)
    rest = Crowd(data.items, data.voters, data.classes, data.shape, np.where(gold >= 0, -1, data.truth))
    free = fit(data.items, data.voters, data.classes, shape=data.shape)
    held = fit(data.items, data.voters, data.classes, shape=data.shape, clamps=gold)
    assert rest.accuracy(held.posteriors.argmax(axis=1)) >= rest.accuracy(free.posteriors.argmax(axis=1)) + 0.005


def test_the_diagonal_finds_spammers_that_agreement_with_the_majority_does_not() -> None:
    data = crowd("trec")
    found = fit(data.items, data.voters, data.classes, shape=data.shape)
    known = data.truth[data.items] >= 0
    right = np.zeros((data.shape[1], data.shape[2]))
    seen = np.zeros_like(right)
    np.add.at(seen, (data.voters[known], data.truth[data.items[known]]), 1)
    hit = data.classes[known] == data.truth[data.items[known]]
    np.add.at(right, (data.voters[known][hit], data.classes[known][hit]), 1)
    judged = (seen.sum(axis=1) >= 10) & (seen > 0).all(axis=1)
    balanced = (right[judged] / seen[judged]).mean(axis=1)
    spammer = balanced <= 1 / data.shape[2] + 0.1
    diagonal = np.trace(found.confusions[judged], axis1=1, axis2=2) / data.shape[2]
    counts = np.zeros((data.shape[0], data.shape[2]))
    np.add.at(counts, (data.items, data.classes), 1)
    agrees = data.classes == counts.argmax(axis=1)[data.items]
    with_majority = np.bincount(data.voters, weights=agrees) / np.bincount(data.voters)
    assert area(spammer, -diagonal) >= 0.8
    assert area(spammer, -diagonal) > area(spammer, -with_majority[judged]) + 0.1


def area(positive: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve."""
    higher = (score[positive][:, None] > score[~positive][None, :]).mean()
    equal = (score[positive][:, None] == score[~positive][None, :]).mean()
    return float(higher + equal / 2)


def test_a_million_annotations_are_quick() -> None:
    generator = np.random.default_rng(0)
    items, voters = np.repeat(np.arange(100_000), 10), generator.integers(0, 500, 1_000_000)
    truth, accuracy = generator.integers(0, 5, 100_000), generator.uniform(0.5, 0.95, 500)
    right = generator.random(1_000_000) < accuracy[voters]
    classes = np.where(right, truth[items], generator.integers(0, 5, 1_000_000))
    started = time.process_time()
    found = fit(items, voters, classes, shape=(100_000, 500, 5), iterations=20, tolerance=0.0)
    estimated = time.process_time() - started
    assert (found.posteriors.argmax(axis=1) == truth).mean() > 0.98
    started = time.process_time()
    coins = fit_one_coin(items, voters, classes, shape=(100_000, 500, 5), iterations=5, tolerance=0.0)
    assert np.corrcoef(coins.accuracies, accuracy)[0, 1] > 0.98
    assert estimated <= 2.4  # alone .35 s


def test_asking_until_sure_needs_half_the_annotations() -> None:
    """Everybody's nine annotations on every item give this accuracy, says the same estimate with a fixed number."""
    data = crowd("d_possent")
    asked, right = zip(*(replay(data, seed) for seed in range(4)), strict=True)
    assert np.mean(asked) <= 4.6
    assert np.mean(right) >= 0.935


def replay(data: Crowd, seed: int) -> tuple[float, float]:
    """Votes arrive in random order; three each, then one more where the posterior is below .95."""
    order = np.random.default_rng(seed).permutation(len(data.items))
    by_item = order[np.argsort(data.items[order], kind="stable")]
    sizes = np.bincount(data.items)
    place = np.zeros(len(order), np.int64)  # which of its item's votes a vote is
    place[by_item] = np.concatenate([np.arange(size) for size in sizes])
    taken = np.full(data.shape[0], 3)
    while True:
        here = place < taken[data.items]
        found = fit(data.items[here], data.voters[here], data.classes[here], shape=data.shape, iterations=15)
        unsure = (found.posteriors.max(axis=1) < 0.95) & (taken < sizes)
        if not unsure.any():
            return float(taken.mean()), data.accuracy(found.posteriors.argmax(axis=1))
        taken[unsure] += 1
