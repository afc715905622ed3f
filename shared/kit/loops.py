"""Background work: each loop runs at its interval or when woken, a leader's loop on one replica only."""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Iterable
from typing import Any

import structlog
from prometheus_client import Counter, Gauge

from shared.kit import telemetry
from shared.kit.database import Database, database_error_kind
from shared.kit.runtime import Loop, Runtime

log = structlog.get_logger()

RUNS = Counter("touchstone_loop_runs_total", "Rounds of background loops.", ("service", "loop", "outcome"))
LEADER = Gauge("touchstone_loop_leader", "Whether this replica leads the loop.", ("service", "loop"))

_LONGEST_PAUSE_S = 30.0
_SHORTEST_PAUSE_S = 0.5


class Leadership:
    """Which loops this replica leads: session advisory locks on one connection of its own.

    When that connection is lost the locks are, too, and another replica may lead; the next `holds` says so.
    """

    def __init__(self, database: Database, service: str) -> None:
        self._database = database
        self._service = service
        self._connection: Any = None
        self._held: set[str] = set()
        self._lock = asyncio.Lock()

    async def holds(self, loop: str) -> bool:
        """Whether this replica leads the loop, after trying to."""
        async with self._lock:
            if self._connection is None or self._connection.is_closed():
                self._held.clear()
                self._connection = await self._database.dedicated()
            try:
                if loop in self._held:
                    await self._connection.fetchval("SELECT 1")  # a lock is worth what its connection is
                elif await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", self._key(loop)):
                    self._held.add(loop)
            except BaseException:
                self._drop()
                raise
            return loop in self._held

    def _key(self, loop: str) -> int:
        """The key of the loop's advisory lock: 64 bits of a hash."""
        name = f"loop:{self._service}:{loop}".encode()
        return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), signed=True)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None
        self._held.clear()

    async def close(self) -> None:
        async with self._lock:
            if self._connection is not None:
                with contextlib.suppress(Exception):
                    await self._connection.close(timeout=1)
            self._drop()


class LoopRunner:
    """Runs the loops of one service until closed."""

    def __init__(self, runtime: Runtime, loops: Iterable[Loop]) -> None:
        self._runtime = runtime
        self._loops = tuple(loops)
        self._service = runtime.spec.name
        self._leadership = Leadership(runtime.database, self._service)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        for loop in self._loops:
            woken = asyncio.Event()
            self._runtime.wakers[loop.name] = woken.set
            self._tasks.append(asyncio.create_task(self._run(loop, woken), name=f"loop {loop.name}"))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for loop in self._loops:
            self._runtime.wakers.pop(loop.name, None)
        await self._leadership.close()

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
                await asyncio.wait_for(woken.wait(), loop.interval_s)

    async def _round(self, loop: Loop) -> None:
        if loop.leader:
            leads = await self._leadership.holds(loop.name)
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
