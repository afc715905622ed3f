"""Verdicts on annotators."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain.assessment import assess, clopper_pearson, spam_reason
from services.qa.domain.attention import Attention
from services.qa.domain.drift import Drift
from shared.contracts.values import AssessmentStatus

CALM = Drift(0.1, 0.0, warned=False, alarmed=False)
WARNED = Drift(0.1, 6.0, warned=True, alarmed=False)
ALARMED = Drift(0.1, 8.5, warned=True, alarmed=True, changed_at=40, alarmed_at=60)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.3085),  # Brown, Cai & DasGupta 2001, the Clopper-Pearson interval
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (27, 30, 0.7347, 0.9789),
    ],
)
def test_clopper_pearson_interval(hits: int, trials: int, low: float, high: float) -> None:
    found = clopper_pearson(hits, trials)
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, abs=1e-4)


@given(st.integers(1, 60), st.data())
@settings(max_examples=30)
def test_the_interval_holds_the_rate_and_grows_with_hits(trials: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, trials - 1))
    one, more = clopper_pearson(hits, trials), clopper_pearson(hits + 1, trials)
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
        (0, 0, None, 100, None),
    ],
)
def test_spam_on_gold_and_where_an_answer_is_no_class(
    gold_hits: int, gold_answers: int, diagonal: float | None, answers: int, expected: str | None
) -> None:
    found = spam_reason(gold_hits=gold_hits, gold_answers=gold_answers, diagonal=diagonal, answers=answers)
    assert found == expected


LOOKS_AWAY = Attention(share=0.05, low=0.0, high=0.15, answers=60, likely_wrong=20.0)
LOOKS = Attention(share=0.9, low=0.8, high=0.95, answers=60, likely_wrong=6.0)
NEW = Attention(share=0.0, low=0.0, high=0.15, answers=19, likely_wrong=10.0)
UNTESTED = Attention(share=0.0, low=0.0, high=0.15, answers=400, likely_wrong=4.0)


@pytest.mark.parametrize(
    ("attentions", "expected"),
    [
        ([LOOKS_AWAY], "spam_by_consensus"),
        ([LOOKS_AWAY, LOOKS], None),  # who looks at one question looks
        ([LOOKS_AWAY, NEW], "spam_by_consensus"),
        ([NEW], None),
        ([UNTESTED], None),  # there was hardly an item that one class fits badly
        ([], None),
    ],
)
def test_who_looks_at_no_question_is_a_spammer(attentions: list[Attention], expected: str | None) -> None:
    found = spam_reason(gold_hits=0, gold_answers=0, diagonal=None, answers=100, attentions=attentions)
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
