"""The people who read real messages err as often as is said, onto what looks alike; and what was missed is named."""

from typing import Any

import pytest

from bench._messages import LOOK_ALIKES, Message, SetName
from bench.real_text import ERRORS, missed, people

REACHED = {
    "training_runs": 5, "failed_runs": [], "promoted": 2, "label_accuracy": 0.98, "auto_accept_error": 0.03,
    "error_budget": 0.05, "model_accuracy": 0.96, "majority_accuracy": 0.87, "lost": 0, "doubled": 0,
}  # fmt: skip
CLASSES: dict[SetName, list[str]] = {
    "sms_spam": ["ham"] * 870 + ["spam"] * 130,
    "trec_qc": [*"0" * 213, *"1" * 229, *"2" * 16, *"3" * 224, *"4" * 164, *"5" * 154],
}


@pytest.mark.parametrize("name", CLASSES)
def test_each_annotator_errs_at_a_rate_of_their_own_onto_what_looks_alike(name: SetName) -> None:
    truth = CLASSES[name] * 10
    *annotators, arbiter = people(name, [Message("", label) for label in truth], seed=1)
    for person, error in zip(annotators, ERRORS, strict=True):
        wrong = [(label, given) for label in truth if (given := person.answer(label)) != label]
        assert len(wrong) / len(truth) == pytest.approx(error, abs=0.015)
        assert {given for _, given in wrong} <= {twin for label, _ in wrong for twin in LOOK_ALIKES[name][label]}
    assert not any(arbiter.skips() for _ in range(1000)), "nobody would take over"


@pytest.mark.parametrize(
    ("changed", "figure"),
    [
        ({}, None),
        ({"failed_runs": ["fault"]}, "failed_runs"),
        ({"promoted": 0}, "promoted"),
        ({"label_accuracy": 0.94}, "label_accuracy"),
        ({"auto_accept_error": 0.051}, "auto_accept_error"),
        ({"model_accuracy": 0.93}, "model_accuracy"),
        ({"lost": 1}, "lost"),
    ],
)
def test_what_was_missed_is_named(changed: dict[str, Any], figure: str | None) -> None:
    assert missed(REACHED | changed) == ([] if figure is None else [figure])
