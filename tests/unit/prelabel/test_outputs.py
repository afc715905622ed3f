"""How a model's answers are read: what is without doubt, and nothing else."""

from typing import Any

import numpy as np
import pytest

from services.prelabel.domain import outputs
from services.prelabel.exceptions import InferenceFailed, ModelRefused

TWO, THREE = ["no", "yes"], ["a", "b", "c"]


@pytest.mark.parametrize(
    ("raw", "labels", "expected"),
    [
        (np.array([[0.2, 0.8]], dtype=np.float32), TWO, [[0.2, 0.8]]),
        (np.array([[0.2, 0.3, 0.5]]), THREE, [[0.2, 0.3, 0.5]]),
        ([{"c": 0.5, "a": 0.2, "b": 0.3}], THREE, [[0.2, 0.3, 0.5]]),
        ([{1: 0.7, 0: 0.3}], ["0", "1"], [[0.3, 0.7]]),
        (np.array([[0.8]]), TWO, [[0.2, 0.8]]),
        (np.array([0.8]), TWO, [[0.2, 0.8]]),
    ],
)
def test_probabilities_are_read_in_the_order_of_the_labels(raw: Any, labels: list[str], expected: Any) -> None:
    answers = outputs.values(raw, 1, labels)
    assert outputs.form_of(answers, None, ends_in_sigmoid=True) == "probabilities"
    assert outputs.probabilities(answers, "probabilities") == pytest.approx(np.array(expected), abs=1e-6)


def test_what_leaves_0_to_1_is_logits() -> None:
    for answers in (np.array([[2.0, -1.0, 0.5]]), np.array([[0.1, 0.1, 7.0]])):
        assert outputs.form_of(answers, None, ends_in_sigmoid=False) == "logits"
    found = outputs.probabilities(np.array([[0.0, np.log(3.0)], [800.0, -800.0]]), "logits")
    assert found == pytest.approx(np.array([[0.25, 0.75], [1.0, 0.0]]))
    one = outputs.values(np.array([[np.log(3.0)], [-900.0]]), 2, TWO)
    assert outputs.form_of(one, None, ends_in_sigmoid=False) == "logits"
    assert outputs.probabilities(one, "logits") == pytest.approx(np.array([[0.25, 0.75], [1.0, 0.0]]))


def test_one_column_within_0_to_1_is_read_by_what_is_declared_or_shown() -> None:
    answers = np.array([[0.1], [0.9]])
    with pytest.raises(ModelRefused, match='"output": "logits"'):
        outputs.form_of(answers, None, ends_in_sigmoid=False)
    assert outputs.form_of(answers, None, ends_in_sigmoid=True) == "probabilities"
    assert outputs.form_of(answers, "probabilities", ends_in_sigmoid=False) == "probabilities"
    assert outputs.form_of(answers, "logits", ends_in_sigmoid=True) == "logits"


def test_values_within_0_to_1_that_do_not_sum_to_1_are_refused_unless_they_are_declared() -> None:
    doubtful = np.array([[0.5, 0.9, 0.1], [0.2, 0.3, 0.5]])
    with pytest.raises(ModelRefused, match='"output": "logits"'):
        outputs.form_of(doubtful, None, ends_in_sigmoid=False)
    with pytest.raises(ModelRefused, match="sum to 1"):
        outputs.form_of(doubtful, "probabilities", ends_in_sigmoid=False)
    assert outputs.form_of(doubtful, "logits", ends_in_sigmoid=False) == "logits"


@pytest.mark.parametrize("declared", [None, "probabilities", "logits"])
def test_what_is_no_number_is_refused(declared: outputs.Form | None) -> None:
    for value in (np.nan, np.inf):
        with pytest.raises(ModelRefused, match="NaN or infinite"):
            outputs.form_of(np.array([[value, 0.5], [0.5, 0.5]]), declared, ends_in_sigmoid=False)


@pytest.mark.parametrize(
    ("raw", "labels", "words"),
    [
        ([{"a": 0.5, "b": 0.5}], THREE, "classes are not"),
        ([{0: 0.5, 1: 0.5}], TWO, "zipmap=False"),
        ([{"no": 0.5, "yes": 0.25, "maybe": 0.25}], TWO, "maybe"),
        (np.array([[0.5, 0.5]]), THREE, "one column per label"),
        (np.array([[0.5]]), THREE, "one column per label"),
        (np.array([0.5, 0.5]), THREE, "one column per label"),
        (np.array([[0.5, 0.5]] * 2), TWO, "one column per label"),
        (np.array([[[0.5, 0.5]]]), TWO, "one column per label"),
        ([], TWO, "one column per label"),
    ],
)
def test_other_columns_than_the_labels_are_no_answer(raw: Any, labels: list[str], words: str) -> None:
    with pytest.raises(InferenceFailed, match=words):
        outputs.values(raw, 1, labels)


def test_a_row_that_is_no_distribution_costs_only_itself() -> None:
    answers = np.array([[0.5, 0.5], [np.nan, 1.0], [0.5, 0.6], [1.2, -0.2], [np.inf, 0.0]])
    assert np.isnan(outputs.probabilities(answers, "probabilities")).any(axis=1).tolist() == [False] + [True] * 4
    assert np.isnan(outputs.probabilities(answers, "logits")).any(axis=1).tolist() == [False, True, False, False, True]
