"""Copied answers and copied predictions."""

import numpy as np
import pytest

from services.qa.compute.copies import copied_from_others, copied_from_predictions, predicted_classes
from services.qa.domain.arrays import Integers
from services.qa.domain.estimates import Estimates, VoteArrays, estimate
from services.qa.domain.vote_scores import VoteScores

CLASSES = 4
NAMES = tuple("abcdef")


def answers(seed: int, items: int = 300, error: float = 0.15) -> tuple[Integers, Integers]:
    """(items) the truth and (annotators, items) what independent people answer."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, CLASSES, items)
    shape = (len(NAMES), items)
    wrong = (truth + generator.integers(1, CLASSES, shape)) % CLASSES
    return truth, np.where(generator.random(shape) < error, wrong, truth)


def scores(given: Integers) -> VoteScores:
    people, items = given.shape
    votes = VoteArrays(
        items=np.repeat(np.arange(items), people),
        voters=np.tile(np.arange(people), items),
        classes=given.T.ravel(),
        item_count=items,
        voter_names=NAMES,
    )
    found = VoteScores.of(estimate(Estimates.unknown([str(one) for one in range(CLASSES)]), votes), votes)
    assert found is not None
    return found


def test_independent_people_copy_from_nobody() -> None:
    assert copied_from_others("topic", scores(answers(0)[1])) == []


@pytest.mark.parametrize("share", [0.6, 1.0])
def test_a_copy_is_found_with_its_share_and_who_came_later(share: float) -> None:
    _, given = answers(1)
    copies = np.random.default_rng(2).random(given.shape[1]) < share
    given[4, copies] = given[1, copies]
    found = dict(copied_from_others("topic", scores(given)))
    assert set(found) == {"b", "e"}
    copier = found["e"]
    assert (copier.source, copier.other, copier.question, copier.answered_later) == ("annotator", "b", "topic", 1.0)
    assert found["b"].answered_later == 0.0
    assert copier.low <= share <= copier.high + 0.1
    assert copier.records == given.shape[1]
    assert copier.agreed > copier.expected


def seen(given: Integers, predictions: Integers, shown: Integers) -> list[str]:
    people, items = given.shape
    predicted = np.repeat(predictions, people)
    found = copied_from_predictions("topic", scores(given), predicted, np.tile(shown, items).astype(np.bool_))
    return [name for name, _ in found]


def test_who_takes_over_what_is_shown_is_found() -> None:
    truth, given = answers(3)
    _, others = answers(4)
    predictions = np.where(np.random.default_rng(5).random(len(truth)) < 0.85, truth, others[0])
    shown = np.array([0, 0, 0, 1, 1, 1])
    assert seen(given, predictions, shown) == []
    given[5] = predictions
    assert seen(given, predictions, shown) == ["f"]


def test_who_was_shown_nothing_copied_nothing() -> None:
    _, given = answers(6)
    assert seen(given, given[5].copy(), np.zeros(6, np.int64)) == []


def test_the_likeliest_class_is_what_was_predicted() -> None:
    found = predicted_classes(["x", "y"], [{"x": 0.2, "y": 0.8}, None, {"gone": 1.0}])
    assert found.tolist() == [1, -1, -1]
