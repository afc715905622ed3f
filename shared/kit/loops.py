"""Background work: each loop runs when it is woken and at the latest after its pause, a leader's on one replica.

After activity (a request, an event that had its effect, a commit that published something, the end of a job) a loop runs
within its interval. While nothing happens its pauses double, up to `LONGEST_PAUSE_S`: what was noticed nowhere, since a
process or a notification was lost, is found by then. What is due at a time is returned by the loop's round.
"""

import asyncio
import random
import time
from collections.abc import Iterable

import structlog
from prometheus_client import Counter, Gauge

from shared.kit import outbox, telemetry
from shared.kit.clock import to_tick
from shared.kit.database import database_error_kind
from shared.kit.runtime import Loop, Runtime, wake_name

log = structlog.get_logger()

RUNS = Counter("touchstone_loop_runs_total", "Rounds of background loops.", ("service", "loop", "outcome"))
LEADER = Gauge("touchstone_loop_leader", "Whether this replica leads the loop.", ("service", "loop"))

LONGEST_PAUSE_S = 30.0
_NOTED_EVERY_S = 0.25
"""Activity within so short a time after another is not looked at: a loop runs twice after each, the second time later."""
_SPREAD_EVERY_S = 1.0
_ACTIVITY = "activity"
_LONGEST_BACKOFF_S = 30.0
_SHORTEST_BACKOFF_S = 0.5


class LoopSchedule:
    """When a loop runs next: `woken` is set then."""

    def __init__(self, interval_s: float) -> None:
        self.woken = asyncio.Event()
        self._interval_s = interval_s
        self._longest_s = max(interval_s, LONGEST_PAUSE_S)
        self._pause_s = interval_s
        self._timer: asyncio.TimerHandle | None = None
        self._at = float("inf")

    def wake(self) -> None:
        """Run now; what follows from it may wait for another round."""
        self._pause_s = self._interval_s
        self.woken.set()

    def note_activity(self) -> None:
        """Run within the interval."""
        self._pause_s = self._interval_s
        self._run_within(self._interval_s)

    def begin(self) -> None:
        """A round begins: what is noted from now on leads to another one."""
        self.stop()
        self.woken.clear()

    def pause(self, due_s: float | None) -> None:
        """A round has ended, and something is due in `due_s` seconds; never sooner than after the interval."""
        pause_s = to_tick(self._pause_s)
        self._pause_s = min(2.0 * self._pause_s, self._longest_s)
        self._run_within(pause_s if due_s is None else min(pause_s, max(due_s, self._interval_s)))

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._at = None, float("inf")

    def _run_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        if at < self._at:
            self.stop()
            self._timer, self._at = loop.call_at(at, self.woken.set), at


class LoopRunner(outbox.Wakeable):
    """Runs the loops of one service until closed."""

    def __init__(self, runtime: Runtime, loops: Iterable[Loop]) -> None:
        self._runtime = runtime
        self._replica = runtime.replica
        self._loops = tuple(loops)
        self._service = runtime.spec.name
        self._tasks: list[asyncio.Task[None]] = []
        self._schedules: list[LoopSchedule] = []
        self._noted_at = float("-inf")
        self._spread_at = float("-inf")
        self._spreading: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._runtime.note_activity = self._note_activity
        outbox.commit_listeners.add(self)
        self._replica.on_wake(_ACTIVITY, self._note_here)
        for loop in self._loops:
            schedule = LoopSchedule(loop.interval_s)
            self._schedules.append(schedule)
            self._replica.on_wake(wake_name(loop.name), schedule.wake)
            if loop.leader:
                self._replica.contend(wake_name(loop.name), schedule.wake)
            self._tasks.append(asyncio.create_task(self._run(loop, schedule), name=f"loop {loop.name}"))

    def wake(self) -> None:
        """Something was published in this process."""
        self._note_activity()

    async def close(self) -> None:
        outbox.commit_listeners.discard(self)
        if self._spreading is not None:
            self._spreading.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._replica.off_wake(_ACTIVITY)
        for loop, schedule in zip(self._loops, self._schedules, strict=True):
            schedule.stop()
            self._replica.off_wake(wake_name(loop.name))

    def _note_activity(self) -> None:
        """Let the loops run within their intervals, here and on the replicas that lead some of them."""
        now = time.monotonic()
        if now - self._noted_at < _NOTED_EVERY_S:
            return
        self._note_here()
        if self._spreading is None:
            delay_s = max(0.0, self._spread_at + _SPREAD_EVERY_S - now)
            self._spreading = asyncio.get_running_loop().call_later(delay_s, self._spread)

    def _note_here(self) -> None:
        self._noted_at = time.monotonic()
        for schedule in self._schedules:
            schedule.note_activity()

    def _spread(self) -> None:
        self._spreading, self._spread_at = None, time.monotonic()
        self._replica.wake_others(_ACTIVITY)

    async def _run(self, loop: Loop, schedule: LoopSchedule) -> None:
        failures = 0
        while True:
            schedule.begin()
            due_s: float | None = None
            try:
                due_s = await self._round(loop)
                failures = 0
            except Exception as error:
                failures += 1
                away = database_error_kind(error) is not None
                RUNS.labels(self._service, loop.name, "interrupted" if away else "failed").inc()
                log.warning("loop_interrupted" if away else "loop_failed", loop=loop.name, exc_info=error)
            if failures:
                await asyncio.sleep(pause_s(failures))
                continue
            schedule.pause(due_s)
            await schedule.woken.wait()

    async def _round(self, loop: Loop) -> float | None:
        """Run once where this replica leads; return in how many seconds something is due."""
        if loop.leader:
            leads = self._replica.leads(wake_name(loop.name))
            LEADER.labels(self._service, loop.name).set(leads)
            if not leads:
                return None
        with self._runtime.loop_watch, telemetry.span(f"loop {loop.name}"):
            due_s = await loop.run(self._runtime)
        RUNS.labels(self._service, loop.name, "done").inc()
        return due_s


def pause_s(failures: int) -> float:
    """How long to wait after so many failures in a row: exponential, with jitter."""
    longest = min(_LONGEST_BACKOFF_S, _SHORTEST_BACKOFF_S * 2.0 ** min(failures - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  jitter
