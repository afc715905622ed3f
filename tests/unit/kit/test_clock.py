"""What waits for nothing in particular waits for a tick, so that an idle process wakes once for all of it."""

import asyncio

import pytest

from shared.kit.clock import TICK_S, to_tick


async def test_long_waits_that_begin_apart_end_together() -> None:
    now = asyncio.get_running_loop().time
    ends = []
    for begun_after in (0.0, 0.02, 0.05):
        await asyncio.sleep(begun_after)
        ends.append(now() + to_tick(4 * TICK_S))
    ticks = [end / TICK_S for end in ends]
    assert ticks == pytest.approx([round(tick) for tick in ticks], abs=1e-3)
    assert max(ends) - min(ends) < TICK_S + 0.01


async def test_a_tick_is_at_most_half_a_tick_from_what_was_asked() -> None:
    for seconds in (TICK_S, 3.3, 5.0, 7.1, 30.0):
        assert abs(to_tick(seconds) - seconds) <= TICK_S / 2 + 0.01


async def test_a_short_wait_stays_as_it_is() -> None:
    assert to_tick(0.2) == 0.2
