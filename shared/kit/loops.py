"""Background work: each loop runs when it is woken and at the latest after its interval, a leader's on one replica."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterable

import structlog
from prometheus_client import Counter, Gauge

from shared.kit import telemetry
from shared.kit.database import database_error_kind
from shared.kit.runtime import Loop, Runtime, wake_name

log = structlog.get_logger()

RUNS = Counter("touchstone_loop_runs_total", "Rounds of background loops.", ("service", "loop", "outcome"))
LEADER = Gauge("touchstone_loop_leader", "Whether this replica leads the loop.", ("service", "loop"))

_ACTIVE_S = 30.0  # after a request or an event loops run at their own interval for so long
_RESTING_INTERVAL_S = 10.0
_SPREAD_S = 10.0
_ACTIVITY = "activity"
_LONGEST_PAUSE_S = 30.0
_SHORTEST_PAUSE_S = 0.5


class LoopRunner:
    """Runs the loops of one service until closed."""

    def __init__(self, runtime: Runtime, loops: Iterable[Loop]) -> None:
        self._runtime = runtime
        self._replica = runtime.replica
        self._loops = tuple(loops)
        self._service = runtime.spec.name
        self._tasks: list[asyncio.Task[None]] = []
        self._woken: list[asyncio.Event] = []
        self._active_until = 0.0
        self._spread_at = float("-inf")

    def start(self) -> None:
        self._runtime.note_activity = self._note_activity
        self._replica.on_wake(_ACTIVITY, self._wake_all)
        self._wake_all()
        for loop in self._loops:
            woken = asyncio.Event()
            self._woken.append(woken)
            self._replica.on_wake(wake_name(loop.name), woken.set)
            if loop.leader:
                self._replica.contend(wake_name(loop.name), woken.set)
            self._tasks.append(asyncio.create_task(self._run(loop, woken), name=f"loop {loop.name}"))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._replica.off_wake(_ACTIVITY)
        for loop in self._loops:
            self._replica.off_wake(wake_name(loop.name))

    def _note_activity(self) -> None:
        """Let the loops run at their own intervals, here and on the replicas that lead some of them."""
        now = time.monotonic()
        if now >= self._active_until:
            self._wake_all()
        self._active_until = now + _ACTIVE_S
        if now - self._spread_at > _SPREAD_S:
            self._spread_at = now
            self._replica.wake_others(_ACTIVITY)

    def _wake_all(self) -> None:
        if (now := time.monotonic()) >= self._active_until:
            for woken in self._woken:
                woken.set()
        self._active_until = now + _ACTIVE_S

    def _pause_s(self, loop: Loop) -> float:
        resting = time.monotonic() >= self._active_until
        return max(loop.interval_s, _RESTING_INTERVAL_S) if resting else loop.interval_s

    async def _run(self, loop: Loop, woken: asyncio.Event) -> None:
        failures = 0
        while True:
            woken.clear()
            try:
                await self._round(loop)
                failures = 0
            except Exception as error:
                failures += 1
                away = database_error_kind(error) is not None
                RUNS.labels(self._service, loop.name, "interrupted" if away else "failed").inc()
                log.warning("loop_interrupted" if away else "loop_failed", loop=loop.name, exc_info=error)
            if failures:
                await asyncio.sleep(pause_s(failures))
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), self._pause_s(loop))

    async def _round(self, loop: Loop) -> None:
        if loop.leader:
            leads = self._replica.leads(wake_name(loop.name))
            LEADER.labels(self._service, loop.name).set(leads)
            if not leads:
                return
        with telemetry.span(f"loop {loop.name}"):
            await loop.run(self._runtime)
        RUNS.labels(self._service, loop.name, "done").inc()


def pause_s(failures: int) -> float:
    """How long to wait after so many failures in a row: exponential, with jitter."""
    longest = min(_LONGEST_PAUSE_S, _SHORTEST_PAUSE_S * 2.0 ** min(failures - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  jitter
