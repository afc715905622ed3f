"""A threshold only on evidence."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain.auto_accept import (
    Audited,
    EvidenceProgress,
    Threshold,
    check_due,
    choose_threshold,
    due,
    least_sample,
    level_of_look,
    lowest_confidence,
    upper_bound,
    why_none,
    why_none_of_class,
    withdrawal,
)


def held_out(right: int, wrong_at: list[float] | None = None, *, least: float = 0.9) -> list[Audited]:
    """`right` labels the model agrees with, spread evenly over confidences from `least` to 1, and some it does not."""
    agreeing = [Audited(least + (1.0 - least) * at / right, True) for at in range(right)]
    return agreeing + [Audited(confidence, False) for confidence in wrong_at or []]


@pytest.mark.parametrize(("budget", "expected"), [(0.01, 299), (0.02, 149), (0.05, 59)])
def test_least_sample(budget: float, expected: int) -> None:
    assert least_sample(budget) == expected


@pytest.mark.parametrize(
    ("errors", "tested", "bound"),
    [(0, 300, 0.00994), (0, 41, 0.0705), (1, 100, 0.0466), (5, 100, 0.1023), (0, 0, 1.0), (3, 3, 1.0)],
)
def test_clopper_pearson_upper_bound(errors: int, tested: int, bound: float) -> None:
    assert upper_bound(errors, tested) == pytest.approx(bound, abs=2e-4)


def test_a_flawless_model_is_accepted_from_its_least_sure_answer() -> None:
    found = choose_threshold(held_out(500), error_budget=0.02)
    assert found is not None
    assert found.value == pytest.approx(0.9)
    assert (found.tested, found.errors, found.coverage) == (500, 0, 1.0)
    assert found.upper_bound <= 0.02


def test_errors_stop_the_sequence_above_them() -> None:
    found = choose_threshold(held_out(600, [0.93] * 12), error_budget=0.02)
    assert found is not None
    assert found.value > 0.93
    assert found.errors == 0


def test_no_threshold_is_a_legal_answer() -> None:
    assert choose_threshold([], error_budget=0.02) is None
    assert choose_threshold(held_out(100), error_budget=0.02) is None  # too few
    assert choose_threshold(held_out(500, [0.999] * 6), error_budget=0.02) is None  # the surest are wrong


def test_no_single_record_may_risk_ten_times_the_budget() -> None:
    found = choose_threshold(held_out(600, least=0.3), error_budget=0.02)
    assert lowest_confidence(0.02) == pytest.approx(0.8)
    assert found is None or found.value >= 0.8
    sure = choose_threshold(held_out(2000, least=0.3), error_budget=0.02)
    assert sure is not None
    assert sure.value == pytest.approx(0.8)


def test_audits_count_only_above_the_threshold_they_were_drawn_under() -> None:
    few = held_out(100)
    audits = [Audited(0.97, True, floor=0.95)] * 300
    assert choose_threshold(few, error_budget=0.02) is None
    found = choose_threshold([*few, *audits], error_budget=0.02)
    assert found is not None
    assert found.value >= 0.95
    assert found.tested > 300


def test_looks_share_the_risk() -> None:
    risks = [1 - level_of_look(look) for look in range(1, 1000)]
    assert 0.0499 < sum(risks) <= 0.05 + 1e-12
    assert risks[0] == pytest.approx(0.035)
    assert risks == sorted(risks, reverse=True)


def test_a_look_that_spent_nothing_leaves_its_risk_to_the_next() -> None:
    assert level_of_look(2, returned=0.035) == pytest.approx(level_of_look(2) - 0.035)


@pytest.mark.parametrize(
    ("labelled", "waiting", "tested_before", "expected"),
    [
        (200, 0, None, False),  # fewer than the first step needs
        (300, 0, None, True),
        (300, 3, None, True),  # a straggler
        (300, 30, None, False),
        (300, 0, 300, False),
        (450, 0, 300, True),
        (700, 500, None, True),  # a stream that never ends
    ],
)
def test_a_model_is_tested_when_its_labels_are_there(
    labelled: int, waiting: int, tested_before: int | None, expected: bool
) -> None:
    assert due(labelled=labelled, waiting=waiting, tested_before=tested_before, error_budget=0.02) is expected


@pytest.mark.parametrize(
    ("labelled", "waiting", "tested_before", "expected"),
    [
        (200, 0, None, False),  # a look is far
        (300, 34, None, False),
        (300, 33, None, True),  # a tenth: the look is near
        (300, 0, 300, False),
        (450, 0, 300, True),
    ],
)
def test_differences_are_checked_when_a_look_is_near(
    labelled: int, waiting: int, tested_before: int | None, expected: bool
) -> None:
    near = check_due(labelled=labelled, waiting=waiting, tested_before=tested_before, error_budget=0.02)
    assert near is expected


EVIDENCE = Threshold(value=0.9, tested=500, errors=2, upper_bound=0.0125, coverage=0.9)


@pytest.mark.parametrize(
    ("errors", "audited", "expected"),
    [
        (0, 0, None),
        (0, 41, None),
        (1, 41, None),
        (2, 5, "audits_exceed_budget"),
        (4, 200, "bound_exceeds_budget"),
    ],
)
def test_a_threshold_falls_with_its_evidence(errors: int, audited: int, expected: str | None) -> None:
    assert withdrawal(EVIDENCE, errors=errors, audited=audited, error_budget=0.015) == expected


@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.02, 0.05]))
@settings(max_examples=25)
def test_a_found_threshold_shows_what_it_promises(seed: int, budget: float) -> None:
    generator = np.random.default_rng(seed)
    confidence = generator.beta(6, 0.3, 800)
    right = generator.random(800) < confidence
    audited = [Audited(float(one), bool(hit)) for one, hit in zip(confidence, right, strict=True)]
    found = choose_threshold(audited, error_budget=budget)
    if found is not None:
        above = [one for one in audited if one.confidence >= found.value]
        assert (found.tested, found.errors) == (len(above), sum(not one.right for one in above))
        assert upper_bound(found.errors, found.tested) <= budget + 1e-9
        assert found.value >= lowest_confidence(budget)


@pytest.mark.parametrize(
    ("known", "reason", "words"),
    [
        ({"enabled": False}, "disabled", "policy"),
        ({"model_question": None}, "no_model", "no champion"),
        ({"model_question": "tone"}, "no_model", "the champion answers tone"),
        ({"same_schema": False}, "other_schema_version", "another schema"),
        ({"progress": EvidenceProgress(91, 500, None)}, "too_few_labels", "91 of 239"),
        ({"progress": EvidenceProgress(300, 60, None)}, "records_open", "60 of 360"),
        ({"progress": EvidenceProgress(300, 0, None)}, "test_is_due", "300"),
        ({"progress": EvidenceProgress(300, 0, None, checkable=False)}, "records_open", "no expert"),
    ],
)
def test_why_there_is_no_threshold(known: dict[str, Any], reason: str, words: str) -> None:
    facts: dict[str, Any] = {
        "enabled": True,
        "model_question": "topic",
        "question": "topic",
        "same_schema": True,
        "progress": EvidenceProgress(0, 0, None),
        "error_budget": 0.02,
    }
    found = why_none(**{**facts, **known})
    assert found.reason == reason
    assert words in found.detail


@pytest.mark.parametrize(
    ("outcome", "reason", "words"),
    [
        ("too_few_of_class", "too_few_of_class", "9 of 14 held-out labels of answers spam are there. The next test"),
        ("no_threshold_passes", "no_threshold_passes", "at 450 held-out labels, 310 are there"),
        ("class_exceeds_budget", "class_exceeds_budget", "its error is above the budget"),
        ("audits_exceed_budget", "withdrawn", "audits_exceed_budget"),
    ],
)
def test_why_a_class_has_no_threshold(outcome: str, reason: str, words: str) -> None:
    found = why_none_of_class("spam", outcome, 9, EvidenceProgress(310, 0, 300), needed=14)
    assert found.reason == reason
    assert words in found.detail
