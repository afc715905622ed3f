"""This process among the replicas of its service: what it leads, and the wake-ups between them.

What only one replica may do has a row in `leases`: its holder, a deadline that the holder moves on, and an epoch that
grows with each holder. A replica that hangs or is lost lets its deadline pass and is replaced; when it comes back it sees
by its own clock that it leads no more. What it had sent before is fenced by the epoch.

All of it goes over one connection, which also listens for the other replicas' wake-ups.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import structlog

from shared.kit.clock import TICK_S, new_id, to_tick
from shared.kit.database import Database, database_error_kind

log = structlog.get_logger()

_CHANNEL: Final = "touchstone_replicas"
_LEASES: Final = "leases"  # the wake-up after which everybody contends anew
_TTL_S: Final = 6.0
_RENEW_S: Final = TICK_S
_STATEMENT_TIMEOUT_S: Final = 3.0
_RECONNECT_S: Final = 0.5
_LATE_S: Final = 0.1  # after a deadline has passed, before its lease is contended for
_GATHER_S: Final = 0.005
_FILL_S: Final = 0.1  # and longer after a wake-up, as the relay does
_CLOSE_TIMEOUT_S: Final = 2.0

# What this replica leads now, with its epoch; what another one holds, with the seconds until it is free. Ordered, so that
# two replicas lock in one order.
_CONTEND: Final = """
WITH won AS (
INSERT INTO leases AS l (name, holder, epoch, until)
SELECT name, $2, 1, clock_timestamp() + make_interval(secs => $3) FROM unnest($1::text[]) AS name ORDER BY name
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, until = excluded.until, epoch = l.epoch + (l.holder <> excluded.holder)::int
WHERE l.holder = excluded.holder OR l.until < clock_timestamp()
RETURNING name, epoch
)
SELECT name, epoch, NULL::float8 AS free_in_s FROM won
UNION ALL
SELECT name, NULL, extract(epoch FROM greatest(until, clock_timestamp()) - clock_timestamp())::float8 FROM leases
WHERE name = ANY($1::text[]) AND name NOT IN (SELECT name FROM won)
"""
# What this replica leads, and nothing else: that needs no disk, since a deadline that is lost in a crash passes sooner.
_RENEW: Final = """
WITH mine AS (
    SELECT name, set_config('synchronous_commit', 'off', true) FROM leases
    WHERE name = ANY($1::text[]) AND holder = $2 ORDER BY name FOR NO KEY UPDATE
)
UPDATE leases AS l SET until = clock_timestamp() + make_interval(secs => $3) FROM mine WHERE l.name = mine.name
RETURNING l.name, l.epoch, NULL::float8 AS free_in_s
"""
_RESIGN: Final = """
UPDATE leases SET until = '-infinity' WHERE holder = $2 AND name = ANY($1::text[])
"""
_NOTIFY: Final = "SELECT pg_notify($1, $2 || ' ' || name) FROM unnest($3::text[]) AS name"


class _Held(NamedTuple):
    epoch: int
    until: float  # by the monotonic clock, reckoned from before the statement was sent


class Replica:
    """`start` it before anything contends; `close` gives up all that it leads, so that others take over at once."""

    def __init__(self, database: Database, *, ttl_s: float = _TTL_S, renew_s: float = _RENEW_S) -> None:
        self.id = new_id()
        self._database = database
        self._ttl_s = ttl_s
        self._renew_s = renew_s
        self._contended: dict[str, Callable[[], None]] = {}
        self._held: dict[str, _Held] = {}
        self._wakers: dict[str, Callable[[], None]] = {}
        self._outgoing: set[str] = set()
        self._due = asyncio.Event()
        self._renew_at = 0.0
        self._woke_at = float("-inf")  # when others were woken last
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="replica")

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def contend(self, name: str, gained: Callable[[], None]) -> None:
        """Lead it as soon as nobody else does; `gained` is called whenever this replica begins to."""
        self._contended[name] = gained
        self._contend_now()

    def epoch(self, name: str) -> int | None:
        """The epoch in which this replica leads it now; None when it doesn't, or can't know."""
        held = self._held.get(name)
        return None if held is None or time.monotonic() >= held.until else held.epoch

    def leads(self, name: str) -> bool:
        return self.epoch(name) is not None

    def on_wake(self, name: str, waker: Callable[[], None]) -> None:
        """Call `waker` when any replica wakes this name."""
        self._wakers[name] = waker

    def off_wake(self, name: str) -> None:
        self._wakers.pop(name, None)

    def wake(self, name: str) -> None:
        """Wake whoever waits for the name here; and in the other replicas, if only one leads it and this one doesn't."""
        if waker := self._wakers.get(name):
            waker()
        if name in self._contended and not self.leads(name):
            self.wake_others(name)

    def wake_others(self, name: str) -> None:
        """Wake whoever waits for the name in the other replicas."""
        self._outgoing.add(name)
        self._due.set()

    def _contend_now(self) -> None:
        self._renew_at = 0.0
        self._due.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._connected()
            except Exception as error:
                away = database_error_kind(error) is not None
                log.warning("replica_interrupted" if away else "replica_failed", exc_info=error)
            await asyncio.sleep(_RECONNECT_S)

    async def _connected(self) -> None:
        connection = await self._database.dedicated()
        connection.add_termination_listener(lambda _: self._contend_now())
        try:
            await connection.add_listener(_CHANNEL, self._on_notification)
            self._contend_now()
            for waker in tuple(self._wakers.values()):
                waker()  # what was woken while nobody listened
            while not connection.is_closed():
                await self._round(connection)
        except asyncio.CancelledError:
            await self._resign_all(connection)
            raise
        finally:
            connection.terminate()

    async def _round(self, connection: Any) -> None:
        self._due.clear()
        if time.monotonic() >= self._renew_at:
            await self._renew(connection)
        if self._outgoing:
            names, self._outgoing = sorted(self._outgoing), set()
            await connection.execute(_NOTIFY, _CHANNEL, self.id.hex, names, timeout=_STATEMENT_TIMEOUT_S)
            self._woke_at = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._renew_at - time.monotonic())):
                await self._due.wait()
                often = time.monotonic() - self._woke_at < _FILL_S
                await asyncio.sleep(_FILL_S if often else _GATHER_S)  # many commits, one wake-up

    async def _renew(self, connection: Any) -> None:
        began = time.monotonic()
        self._renew_at = began + to_tick(self._renew_s)
        names = sorted(self._contended)
        if not names:
            return
        rows: list[Any] = []
        if all(map(self.leads, names)):
            rows = await connection.fetch(_RENEW, names, self.id, self._ttl_s, timeout=_STATEMENT_TIMEOUT_S)
        if len(rows) < len(names):
            rows = await connection.fetch(_CONTEND, names, self.id, self._ttl_s, timeout=_STATEMENT_TIMEOUT_S)
        before = self._held
        self._held = {
            row["name"]: _Held(row["epoch"], began + self._ttl_s)
            for row in rows
            if row["epoch"] is not None and row["name"] in self._contended
        }
        # A holder that hangs is replaced as soon as its deadline has passed.
        free_in_s = [row["free_in_s"] for row in rows if row["epoch"] is None]
        self._renew_at = min([self._renew_at, *(time.monotonic() + max(seconds, 0) + _LATE_S for seconds in free_in_s)])
        for name, held in self._held.items():
            if name not in before or before[name].epoch != held.epoch:
                log.info("leads", name=name, epoch=held.epoch)
                self._contended[name]()
        if lost := before.keys() - self._held.keys():
            log.warning("leads_no_more", names=sorted(lost))

    async def _resign_all(self, connection: Any) -> None:
        names, self._held = sorted(self._held), {}
        if not names or connection.is_closed():
            return
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await connection.execute(_RESIGN, names, self.id)
                await connection.execute(_NOTIFY, _CHANNEL, self.id.hex, [_LEASES])

    def _on_notification(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        sender, _, name = payload.partition(" ")
        if sender == self.id.hex:
            return
        if name == _LEASES:
            self._contend_now()
        elif waker := self._wakers.get(name):
            waker()
