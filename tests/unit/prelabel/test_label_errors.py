"""Confident learning: which labels look wrong to models that did not learn from them."""

import numpy as np
import pytest

from services.prelabel.domain.folds import folds_of
from services.prelabel.domain.label_errors import (
    DoubtReason,
    calibrated_joint,
    class_thresholds,
    confident_classes,
    confident_counts,
    review,
    wrong_probabilities,
)

SURE = 0.97


def rows(*classes: int, sure: float = SURE, of: int = 3) -> np.ndarray:
    """Distributions that give `sure` to these classes."""
    probabilities = np.full((len(classes), of), (1.0 - sure) / (of - 1))
    probabilities[np.arange(len(classes)), classes] = sure
    return probabilities


def test_the_joint_of_the_paper_follows_from_its_counts() -> None:
    """Northcutt, Jiang and Chuang 2021, figure 1: dogs, foxes and cows."""
    counts = np.array([[100, 40, 20], [56, 60, 0], [32, 12, 80]])
    given = np.repeat([0, 1, 2], counts.sum(axis=1))
    expected = [[0.25, 0.1, 0.05], [0.14, 0.15, 0.0], [0.08, 0.03, 0.2]]
    assert calibrated_joint(counts, given) == pytest.approx(np.array(expected))


def test_the_joint_has_the_shares_of_the_given_classes() -> None:
    joint = calibrated_joint(np.array([[3, 1], [0, 0]]), np.array([0] * 60 + [1] * 40))
    assert joint.sum(axis=1) == pytest.approx([0.6, 0.4])
    assert joint[1] == pytest.approx([0.0, 0.4])  # nobody is confident of any: they count as right


def test_a_threshold_is_the_mean_probability_where_the_class_was_given() -> None:
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    assert class_thresholds(probabilities, np.array([0, 0, 1])) == pytest.approx([0.7, 0.8])


def test_a_model_is_confident_of_the_likeliest_class_that_reaches_its_threshold() -> None:
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.75, 0.25]])
    given = np.array([0, 0, 1, 1])
    confident = confident_classes(probabilities, given)
    assert confident.tolist() == [0, -1, 1, 0]
    assert confident_counts(confident, given, 2).tolist() == [[1, 0], [1, 1]]


def test_where_noise_falls_on_all_classes_alike_the_order_is_that_of_self_confidence() -> None:
    random = np.random.default_rng(1)
    probabilities, given = random.dirichlet([0.3] * 4, 500), random.integers(0, 4, 500)
    counts = np.full((4, 4), 5.0) + np.eye(4) * 100.0
    scores = wrong_probabilities(probabilities, given, counts / counts.sum())
    assert np.argsort(scores).tolist() == np.argsort(-probabilities[np.arange(500), given]).tolist()


def test_a_pair_that_people_confuse_weighs_more_than_another() -> None:
    joint = np.array([[0.30, 0.00, 0.00], [0.06, 0.30, 0.00], [0.00, 0.00, 0.34]])
    given = np.repeat([0, 1, 2], 100)
    probabilities = np.concatenate(
        [rows(*[0] * 100), rows(*[1] * 98), [[0.6, 0.4, 0.0], [0.0, 0.4, 0.6]], rows(*[2] * 100)]
    )
    scores = wrong_probabilities(probabilities, given, joint)
    assert scores[198] > 2.0 * scores[199]  # given 1; right classes 0 and 2 are as likely by the model


def test_labels_are_judged_and_the_likeliest_wrong_come_first() -> None:
    given = np.array([0] * 40 + [1] * 40 + [2] * 40)
    seen = given.copy()
    seen[[5, 50]] = [1, 2]
    found = review(rows(*seen), given)
    top = found.top(3)
    assert {(top[0].index, top[0].suggested), (top[1].index, top[1].suggested)} == {(5, 1), (50, 2)}
    assert [doubt.reason for doubt in top[:2]] == [DoubtReason.SURE_OF_ANOTHER] * 2
    assert top[0].score > 0.5 > top[2].score
    assert top[2].reason is DoubtReason.UNLIKELY
    assert 0.0 < found.estimated_wrong < 0.1


def test_scores_are_probabilities_whatever_the_models_say() -> None:
    random = np.random.default_rng(2)
    for classes in (2, 7):
        probabilities = random.dirichlet([0.05] * classes, 200)
        probabilities[:20] = np.eye(classes)[random.integers(0, classes, 20)]
        found = review(probabilities, random.permutation(np.arange(200) % classes))
        assert np.isfinite(found.scores).all()
        assert ((found.scores >= 0.0) & (found.scores <= 1.0)).all()


def test_each_class_is_spread_over_the_folds() -> None:
    labels = ["a"] * 50 + ["b"] * 10
    folds = folds_of(range(60), labels, 5, np.random.default_rng(1))
    assert np.bincount(folds[:50]).tolist() == [10] * 5
    assert np.bincount(folds[50:]).tolist() == [2] * 5


def test_what_is_the_same_is_in_one_fold_whatever_its_labels() -> None:
    contents = [number % 20 for number in range(100)]
    labels = ["a" if number < 50 else "b" for number in range(100)]
    folds = folds_of(contents, labels, 5, np.random.default_rng(1))
    assert all(len(set(folds[place::20])) == 1 for place in range(20))


def test_the_folds_are_those_of_the_seed() -> None:
    labels = ["a"] * 30
    drawn = [folds_of(range(30), labels, 5, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
