"""The percentiles of a closed loop: what was due while it waited for an answer counts as well."""

import pytest

from tests.attack.victim import Latencies


def test_an_answer_within_the_pace_is_one_sample() -> None:
    live = Latencies(every_s=0.05)
    for seconds in (0.0, 0.003, 0.05):
        live.add(seconds)
    assert live.seconds == [0.0, 0.003, 0.05]


def test_the_requests_that_were_due_during_a_stall_count_as_long_as_each_would_have_waited() -> None:
    live = Latencies(every_s=0.05)
    live.add(0.22)
    assert live.seconds == pytest.approx([0.22, 0.17, 0.12, 0.07, 0.02])
    lease = Latencies(every_s=0.25)
    lease.add(1.0)
    assert lease.seconds == pytest.approx([1.0, 0.75, 0.5, 0.25])


def test_a_stall_of_seconds_among_thousands_of_quick_answers_shows_in_the_percentile() -> None:
    """Ten minutes at a request every 50 ms, and 19 s without an answer."""
    live, omitting = Latencies(every_s=0.05), Latencies()
    for seconds in [0.003] * 11_600 + [19.0]:
        live.add(seconds)
        omitting.add(seconds)
    assert omitting.p99 == 0.003
    assert live.p99 == pytest.approx(13.0, abs=0.1)
    assert live.worst == omitting.worst == 19.0


def test_latencies_of_no_loop_are_what_was_measured() -> None:
    label = Latencies()
    label.add(19.0)
    assert label.seconds == [19.0]
