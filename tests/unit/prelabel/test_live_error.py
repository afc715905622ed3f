import pytest

from services.prelabel.domain import live_error
from services.prelabel.domain.live_error import LiveState, Promise

PROMISE = Promise(error=0.08, high=0.13, records=200)


def test_the_promise_is_what_labels_leave_possible() -> None:
    promised = live_error.promise(0, 50, 0.05)
    assert promised is not None
    assert promised.high == pytest.approx(1 - 0.05 ** (1 / 50))
    assert live_error.promise(0, 0, 0.05) is None
    certainly_wrong = live_error.promise(5, 5, 0.05)
    assert certainly_wrong is not None
    assert certainly_wrong.high == 1.0


@pytest.mark.parametrize(("wrong", "reports"), [(0, 10), (3, 10), (10, 10), (50, 1000)])
def test_the_interval_holds_the_share_that_was_seen(wrong: int, reports: int) -> None:
    low, high = live_error.interval(wrong, reports, 0.05)
    assert 0.0 <= low <= wrong / reports <= high <= 1.0
    assert high - low > 0


def test_the_interval_narrows_and_is_wider_than_one_for_a_single_look() -> None:
    assert live_error.interval(0, 0, 0.05) == (0.0, 1.0)
    low, high = live_error.interval(100, 1000, 0.05)
    assert high - low < 0.08
    assert low < 0.0822, "Clopper and Pearson's for one look"
    assert high > 0.1203


def test_more_errors_than_were_promised_are_worse_and_the_same_are_not() -> None:
    assert live_error.judge(PROMISE, 20, 200, 0.005, ever_confirmed=True).state is LiveState.WITHIN
    assert live_error.judge(PROMISE, 30, 200, 0.005, ever_confirmed=True).state is LiveState.WITHIN
    found = live_error.judge(PROMISE, 60, 200, 0.005, ever_confirmed=True)
    assert found.state is LiveState.WORSE
    assert found.p_value < 0.005


def test_how_much_over_reporting_would_explain_it() -> None:
    found = live_error.judge(PROMISE, 100, 200, 0.005, ever_confirmed=True)
    low = live_error.interval(100, 200, 0.005)[0]
    assert found.explained_by == pytest.approx(low / (1 - low) / (0.13 / 0.87))


def test_wrong_answers_alone_are_no_error_rate() -> None:
    found = live_error.judge(PROMISE, 200, 200, 0.005, ever_confirmed=False)
    assert (found.state, found.low, found.high) == (LiveState.ONLY_ERRORS, 0.0, 1.0)
    assert live_error.judge(PROMISE, 200, 200, 0.005, ever_confirmed=True).state is LiveState.WORSE


def test_without_a_promise_or_reports_there_is_nothing_to_judge() -> None:
    assert live_error.judge(None, 5, 10, 0.005, ever_confirmed=True).state is LiveState.NO_PROMISE
    assert live_error.judge(PROMISE, 0, 0, 0.005, ever_confirmed=False).state is LiveState.NO_REPORTS
