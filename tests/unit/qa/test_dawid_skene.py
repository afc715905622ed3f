"""EM against the published table, and what shrinkage, priors and clamps must do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain.dawid_skene import Fit, clip_prior, fit
from services.qa.domain.one_coin import fit_one_coin

# Dawid & Skene 1979, table 1: 45 patients; observer 1 saw each three times, observers 2 to 5 once
ANAESTHESIA = [
    "111 1 1 1 1", "333 4 3 3 4", "112 2 1 2 2", "222 3 1 2 1", "222 3 2 2 2", "222 3 3 2 2", "122 2 1 1 1",
    "333 3 4 3 3", "222 2 2 2 3", "232 2 2 2 3", "444 4 4 4 4", "222 3 3 4 3", "111 1 1 1 1", "222 3 2 1 2",
    "121 1 1 1 1", "111 2 1 1 1", "111 1 1 1 1", "111 1 1 1 1", "222 2 2 2 1", "222 1 3 2 2", "222 2 2 2 2",
    "222 2 2 2 1", "222 3 2 2 2", "221 2 2 2 2", "111 1 1 1 1", "111 1 1 1 1", "232 2 2 2 2", "111 1 1 1 1",
    "111 1 1 1 1", "112 1 1 2 1", "111 1 1 1 1", "333 3 2 3 3", "111 1 1 1 1", "222 2 2 2 2", "222 3 2 3 2",
    "433 4 3 4 3", "221 2 2 3 2", "232 3 2 3 3", "333 3 4 3 2", "111 1 1 1 1", "111 1 1 1 1", "121 2 1 1 1",
    "232 2 2 2 2", "121 1 1 1 1", "222 2 2 2 2",
]  # fmt: skip
Integers = np.ndarray


def anaesthesia() -> tuple[Integers, Integers, Integers]:
    votes = [
        (patient, observer, int(grade) - 1)
        for patient, row in enumerate(ANAESTHESIA)
        for observer, grades in enumerate(row.split())
        for grade in grades
    ]
    items, voters, classes = np.array(votes).T
    return items, voters, classes


def crowd(
    seed: int, *, items: int = 300, voters: int = 12, classes: int = 4, per_item: int = 4
) -> tuple[Integers, Integers, Integers, Integers, Integers]:
    """Votes of annotators whose accuracies go from .5 to .95, with the truth and the accuracies."""
    generator = np.random.default_rng(seed)
    accuracy = np.linspace(0.5, 0.95, voters)
    truth = generator.integers(classes, size=items)
    item = np.repeat(np.arange(items), per_item)
    voter = np.concatenate([generator.choice(voters, per_item, replace=False) for _ in range(items)])
    wrong = (truth[item] + generator.integers(1, classes, size=len(item))) % classes
    answered = np.where(generator.random(len(item)) < accuracy[voter], truth[item], wrong)
    return item, voter, answered, truth, accuracy


def test_plain_em_gives_the_published_table() -> None:
    found = fit(*anaesthesia(), shape=(45, 5, 4), strength=0, iterations=200, tolerance=1e-6)
    assert found.class_prior.round(2).tolist() == [0.40, 0.42, 0.11, 0.07]
    assert found.confusions[0].round(2).tolist() == [
        [0.89, 0.11, 0.0, 0.0],
        [0.07, 0.88, 0.05, 0.0],
        [0.0, 0.34, 0.66, 0.0],
        [0.0, 0.0, 0.56, 0.44],
    ]


def test_it_finds_the_truth_and_the_annotators() -> None:
    items, voters, classes, truth, accuracy = crowd(0)
    found = fit(items, voters, classes, shape=(300, 12, 4))
    assert (found.posteriors.argmax(axis=1) == truth).mean() > 0.91
    assert np.abs(found.coins - accuracy).mean() < 0.05
    assert found.answers.sum() == len(items)


def test_everything_is_a_probability() -> None:
    items, voters, classes, _, _ = crowd(1, items=60)
    for strength in (0.0, 5.0):
        found = fit(items, voters, classes, shape=(60, 12, 4), strength=strength)
        for values in (found.confusions, found.posteriors, found.class_prior):
            assert np.all(values >= 0)
            assert np.allclose(values.sum(axis=-1), 1.0)


def test_who_answered_once_is_pulled_to_everybody() -> None:
    items, voters, classes, truth, _ = crowd(2, voters=11)
    items, voters = np.append(items, 0), np.append(voters, 11)
    classes = np.append(classes, (truth[0] + 1) % 4)  # a newcomer's only answer, and it is wrong
    plain = fit(items, voters, classes, shape=(300, 12, 4), strength=0)
    shrunk = fit(items, voters, classes, shape=(300, 12, 4))
    assert plain.confusions[11, truth[0], truth[0]] == pytest.approx(0.0, abs=0.01)
    assert shrunk.confusions[11, truth[0], truth[0]] > 0.4
    assert shrunk.coins[11] > 0.5


def test_a_clamped_item_keeps_its_class_and_teaches_who_errs() -> None:
    items, voters, classes, truth, accuracy = crowd(3, items=80, per_item=2)
    clamps = np.where(np.arange(80) < 40, truth, -1)
    free = fit(items, voters, classes, shape=(80, 12, 4))
    held = fit(items, voters, classes, shape=(80, 12, 4), clamps=clamps)
    assert (held.posteriors.argmax(axis=1)[:40] == truth[:40]).all()
    assert held.posteriors[:40].max(axis=1).min() == 1.0
    assert np.abs(held.coins - accuracy).mean() < np.abs(free.coins - accuracy).mean()


def test_a_models_probability_is_the_items_prior() -> None:
    items, voters, classes, truth, _ = crowd(4, items=200, per_item=1)
    prior = np.full((200, 4), np.nan)
    prior[:150] = 0.1
    prior[np.arange(150), truth[:150]] = 0.7
    without = fit(items, voters, classes, shape=(200, 12, 4)).posteriors.argmax(axis=1) == truth
    found = fit(items, voters, classes, shape=(200, 12, 4), item_prior=prior).posteriors.argmax(axis=1) == truth
    assert found[:150].mean() > without[:150].mean() + 0.1


def test_a_models_certainty_is_clipped() -> None:
    clipped = clip_prior(np.array([1.0, 0.0, 0.0]))
    assert clipped == pytest.approx([0.98 / 1.02, 0.02 / 1.02, 0.02 / 1.02])


def test_no_votes_are_no_problem() -> None:
    nothing = np.zeros(0, np.int64)
    found = fit(nothing, nothing, nothing, shape=(0, 0, 3))
    assert found.posteriors.shape == (0, 3)
    unvoted = fit(nothing, nothing, nothing, shape=(2, 1, 3))
    assert np.allclose(unvoted.posteriors, 1 / 3)


def permuted(seed: int) -> tuple[Fit, Fit, Integers, Integers]:
    generator = np.random.default_rng(seed)
    items, voters, classes, _, _ = crowd(seed, items=30, voters=6, classes=3, per_item=3)
    order, new_item, new_class = generator.permutation(len(items)), generator.permutation(30), generator.permutation(3)
    one = fit(items, voters, classes, shape=(30, 6, 3), iterations=8)
    other = fit(new_item[items[order]], voters[order], new_class[classes[order]], shape=(30, 6, 3), iterations=8)
    return one, other, new_item, new_class


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_names_and_order_do_not_matter(seed: int) -> None:
    one, other, new_item, new_class = permuted(seed)
    assert np.allclose(one.posteriors, other.posteriors[new_item][:, new_class])
    assert np.allclose(one.confusions, other.confusions[:, new_class][:, :, new_class])


def test_one_coin_handles_ten_thousand_classes() -> None:
    items, voters, classes, truth, accuracy = crowd(5, classes=10_000)
    found = fit_one_coin(items, voters, classes, shape=(300, 12, 10_000))
    assert np.abs(found.accuracies - accuracy).mean() < 0.05
    best: dict[int, tuple[float, int]] = {}
    for item, label, chance in zip(found.cell_items, found.cell_classes, found.cell_posteriors, strict=True):
        best[item] = max(best.get(item, (0.0, 0)), (chance, label))
    assert np.mean([best[item][1] == truth[item] for item in range(300)]) > 0.95


def test_one_coin_learns_from_clamps() -> None:
    items, voters, classes, truth, accuracy = crowd(6, items=100, classes=100, per_item=2)
    found = fit_one_coin(items, voters, classes, shape=(100, 12, 100), clamps=truth)
    hits = np.bincount(voters, weights=classes == truth[items], minlength=12)
    assert np.corrcoef(found.accuracies, hits / np.bincount(voters, minlength=12))[0, 1] > 0.99
    assert np.isin(found.cell_posteriors, [0.0, 1.0]).all()
    assert len(accuracy) == 12
