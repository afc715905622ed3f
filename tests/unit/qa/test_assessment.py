"""Verdicts on annotators."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain.assessment import assess, jeffreys, spam_reason
from services.qa.domain.drift import Drift, DriftRule, follow
from services.qa.domain.votes import VoteOutcome
from shared.contracts.values import AssessmentStatus

CALM = Drift(0.1, 0.0, warned=False, alarmed=False)
WARNED = Drift(0.1, 6.0, warned=True, alarmed=False)
ALARMED = Drift(0.1, 8.5, warned=True, alarmed=True, changed_at=40, alarmed_at=60)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.2172),  # Brown, Cai & DasGupta 2001, the Jeffreys interval
        (5, 10, 0.2235, 0.7765),
        (10, 10, 0.7828, 1.0),
        (27, 30, 0.7567, 0.9711),
    ],
)
def test_jeffreys_interval(hits: int, trials: int, low: float, high: float) -> None:
    found = jeffreys(hits, trials)
    assert found.low == pytest.approx(low, abs=2e-3)
    assert found.high == pytest.approx(high, abs=2e-3)


@given(st.integers(1, 60), st.data())
@settings(max_examples=30)
def test_the_interval_holds_the_rate_and_grows_with_hits(trials: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, trials - 1))
    one, more = jeffreys(hits, trials), jeffreys(hits + 1, trials)
    assert one.low <= hits / trials <= one.high
    assert one.low <= more.low
    assert one.high <= more.high


@pytest.mark.parametrize(
    ("gold_hits", "gold_answers", "diagonal", "answers", "expected"),
    [
        (0, 4, 0.9, 4, None),  # too little gold
        (0, 5, 0.9, 5, "spam_on_gold"),
        (1, 6, 0.9, 6, "spam_on_gold"),
        (3, 5, 0.9, 5, None),
        (0, 0, 0.2, 19, None),  # too few answers
        (0, 0, 0.2, 20, "spam_by_consensus"),
        (0, 0, 0.55, 100, None),
    ],
)
def test_spam(gold_hits: int, gold_answers: int, diagonal: float, answers: int, expected: str | None) -> None:
    found = spam_reason(gold_hits=gold_hits, gold_answers=gold_answers, diagonal=diagonal, answers=answers)
    assert found == expected


@pytest.mark.parametrize(
    ("drift", "gold_hits", "status", "reason"),
    [
        (None, 10, AssessmentStatus.ACTIVE, None),
        (CALM, 10, AssessmentStatus.ACTIVE, None),
        (WARNED, 10, AssessmentStatus.WARNED, "drift_warning"),
        (ALARMED, 10, AssessmentStatus.PAUSED, "drift"),
        (ALARMED, 1, AssessmentStatus.PAUSED, "spam_on_gold"),
    ],
)
def test_the_status_follows(drift: Drift | None, gold_hits: int, status: AssessmentStatus, reason: str | None) -> None:
    found = assess(gold_hits=gold_hits, gold_answers=10, diagonal=0.9, answers=60, drift=drift)
    assert (found.status, found.reason) == (status, reason)
    assert found.accuracy == gold_hits / 10


def test_without_gold_there_is_no_accuracy() -> None:
    found = assess(gold_hits=0, gold_answers=0, diagonal=0.9, answers=3, drift=None)
    assert found.accuracy is None
    assert (found.interval.low, found.interval.high) == (0.0, 1.0)


def outcomes(seed: int, *stretches: tuple[int, float]) -> list[VoteOutcome]:
    """(answers, error rate) one after the other."""
    generator = np.random.default_rng(seed)
    return [VoteOutcome(float(generator.random() >= error), 1.0) for count, error in stretches for _ in range(count)]


def test_a_risen_error_rate_is_found_and_dated() -> None:
    found = [follow(outcomes(seed, (45, 0.05), (60, 0.4)), 0.1) for seed in range(40)]
    assert sum(one.alarmed for one in found) >= 38
    changed = [one.changed_at for one in found if one.changed_at is not None]
    alarmed = [one.alarmed_at for one in found if one.alarmed_at is not None]
    assert 42 <= np.median(changed) <= 50
    assert np.median(alarmed) - 45 <= 30


def test_steady_people_raise_few_false_alarms() -> None:
    rates = np.linspace(0.02, 0.2, 100)
    found = [follow(outcomes(seed, (110, rate)), 0.11) for seed, rate in enumerate(rates)]
    assert sum(one.alarmed for one in found) <= 3


def test_a_lucky_start_alone_is_no_drift() -> None:
    lucky = [VoteOutcome(1.0, 1.0)] * 25
    steady = ([VoteOutcome(0.0, 1.0)] + [VoteOutcome(1.0, 1.0)] * 4) * 12
    plain = follow([*lucky, *steady], 0.1)
    assert not plain.alarmed


def test_a_bad_start_is_not_drift() -> None:
    assert not follow(outcomes(0, (25, 0.9)), 0.1).alarmed


def test_a_warning_stands_until_it_is_cleared() -> None:
    rise = [VoteOutcome(1.0, 1.0)] * 25 + [VoteOutcome(0.0, 1.0)] * 5
    first = follow(rise, 0.1)
    assert first.warned
    assert not first.alarmed
    still = follow([*rise, *[VoteOutcome(1.0, 1.0)] * 8], 0.1)
    assert still.warned
    assert still.statistic < DriftRule().warn
    assert not follow([*rise, *[VoteOutcome(1.0, 1.0)] * 30], 0.1).warned


def test_outcomes_without_worth_change_nothing() -> None:
    given = outcomes(1, (45, 0.05), (40, 0.4))
    padded = [one for outcome in given for one in (outcome, VoteOutcome(0.5, 0.0))]
    one, other = follow(given, 0.1), follow(padded, 0.1)
    assert one.alarmed == other.alarmed
    assert one.statistic == pytest.approx(other.statistic)


def test_nobody_drifts_before_the_first_answer() -> None:
    assert follow([], 0.1) == Drift(0.1, 0.0, warned=False, alarmed=False)
