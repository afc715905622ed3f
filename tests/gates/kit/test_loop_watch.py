"""How long the event loop is held up is measured while it works, and costs nothing while it does not."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop
from prometheus_client import REGISTRY

from shared.kit.clock import new_id
from shared.kit.loop_watch import BEAT_S, LoopWatch

Run = Callable[[Coroutine[Any, Any, None]], None]
STOP_S = 0.1


def compute() -> None:
    """For so much of the processor's time, however long that takes on this machine."""
    end = time.thread_time() + STOP_S
    while time.thread_time() < end:
        pass


class Watched:
    """A watch, and what it has observed."""

    def __init__(self) -> None:
        self.service = new_id().hex
        self.watch = LoopWatch(self.service)

    def _value(self, name: str) -> float:
        return (
            REGISTRY.get_sample_value(f"touchstone_event_loop_held_up_seconds_{name}", {"service": self.service}) or 0
        )

    @property
    def beats(self) -> int:
        return int(self._value("count"))

    @property
    def held_up_s(self) -> float:
        return self._value("sum")


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    yield made
    made.watch.close()


@pytest.fixture(params=[asyncio.run, uvloop.run])
def run(request: pytest.FixtureRequest) -> Run:
    chosen: Run = request.param
    return chosen


def test_what_holds_the_loop_up_is_measured(watched: Watched, run: Run) -> None:
    async def work() -> None:
        with watched.watch:
            await asyncio.sleep(2 * BEAT_S)
            compute()
            await asyncio.sleep(2 * BEAT_S)

    run(work())
    assert STOP_S - 1.1 * BEAT_S <= watched.held_up_s < 2 * STOP_S


def test_a_stop_at_the_end_of_the_work_is_measured_too(watched: Watched, run: Run) -> None:
    async def work() -> None:
        with watched.watch:
            compute()

    run(work())
    assert watched.beats == 1
    assert STOP_S - 1.1 * BEAT_S <= watched.held_up_s < 2 * STOP_S


def test_work_that_waits_holds_nothing_up(watched: Watched, run: Run) -> None:
    async def work() -> None:
        with watched.watch:
            await asyncio.sleep(10 * BEAT_S)

    run(work())
    assert 2 <= watched.beats <= 10
    assert watched.held_up_s < BEAT_S


def test_nothing_beats_while_nothing_is_done(watched: Watched, run: Run) -> None:
    async def idle() -> None:
        for _ in range(100):
            with watched.watch:
                await asyncio.sleep(0)  # short work is over before a beat
        with watched.watch, watched.watch, watched.watch.resting():
            pass
        await asyncio.sleep(3 * BEAT_S)

    run(idle())
    assert watched.beats == 0
    assert watched.watch._timer is None
