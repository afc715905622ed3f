"""How long events gather before a consumer fetches again."""

import pytest

from shared.kit.batches import FetchPause


def waits_s(a_second: float, share: float = 1.0) -> float:
    """The pause of a consumer that has fetched at this rate for a while."""
    pause, now, waited = FetchPause(), 100.0, 0.0
    for _ in range(50):
        now += max(waited, 1 / a_second)
        pause.fetched(now, round(a_second * max(waited, 1 / a_second)), full=False, share=share)
        waited = pause.until - now
    return waited


def test_after_a_pause_it_is_fetched_at_once() -> None:
    pause = FetchPause()
    assert pause.until < 0
    pause.fetched(100.0, 1, full=False)
    assert pause.until == pytest.approx(100.1)


@pytest.mark.parametrize("a_second", [1, 5, 10])
def test_few_events_wait_no_longer_than_one(a_second: float) -> None:
    assert waits_s(a_second) == pytest.approx(0.1)


@pytest.mark.parametrize("a_second", [50, 300, 1_000])
def test_many_events_gather_into_large_sets(a_second: float) -> None:
    assert waits_s(a_second) == pytest.approx(0.3, abs=0.03)


def test_a_flood_waits_no_longer_than_it_takes_for_a_large_set() -> None:
    assert waits_s(4_500) == pytest.approx(0.2, abs=0.01)
    assert waits_s(10_000) == pytest.approx(0.1)


@pytest.mark.parametrize("a_second", [60, 300, 1_000])
def test_one_of_two_members_gathers_as_many_as_one_alone_would(a_second: float) -> None:
    assert waits_s(a_second / 2, share=0.5) == pytest.approx(2 * waits_s(a_second), abs=0.05)


def test_a_member_with_a_small_share_does_not_wait_for_ever() -> None:
    assert waits_s(50, share=0.125) == pytest.approx(0.6, abs=0.03)
    assert waits_s(1, share=0.125) == pytest.approx(0.1)


def test_what_is_there_already_is_fetched_at_once() -> None:
    pause = FetchPause()
    pause.fetched(100.0, 500, full=True)
    assert pause.until < 0
