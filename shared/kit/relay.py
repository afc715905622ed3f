"""Sends what the outbox holds, in order, and gives each row its gapless position once the bus has it.

One relay of a service works at a time: it holds a session advisory lock on a connection of its own. A lost connection is
a lost lock, so it stops in the middle of whatever it does. What was sent and not yet marked is sent again by the next
one: readers know it by its id.
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
import structlog

from shared.kit import event_metrics as metrics
from shared.kit import housekeeping
from shared.kit.batches import BatchSize
from shared.kit.bus import Bus, Outbound, Published, service_topics
from shared.kit.clock import utc_now
from shared.kit.database import Database, database_error_kind
from shared.kit.exceptions import BusUnavailable
from shared.kit.outbox import Wakeable, relays

log = structlog.get_logger()

_MOST_ROWS: Final = 500
_MOST_BYTES: Final = 8 * 1024 * 1024
_POLL_S: Final = 0.25
_GATHER_S: Final = 0.003  # after a commit, for those that come with it: a round costs the same for many rows
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RECENT: Final = timedelta(days=1)  # no transaction takes longer; older rows are looked for now and then
_STANDBY_S: Final = 1.0
_LOOK_AROUND_S: Final = 5.0
_TIDY_S: Final = 600.0
_MAINTAIN_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 5.0

# The outbox has a partition for each day, so planning costs more than working: plan once. And plan for a backlog, which
# the statistics of a day that has just begun know nothing of.
_PLANS: Final = "SET plan_cache_mode = force_generic_plan; SET enable_bitmapscan = off; SET enable_seqscan = off"
_TRY_LOCK: Final = "SELECT pg_try_advisory_lock($1)"
# By `seq` and never by a high-water mark: transactions commit in another order than they draw from the sequence.
# The bound on `created_at` spares the days that hold nothing unsent.
_PICK: Final = """
SELECT seq, created_at, topic, key, envelope, headers FROM outbox
WHERE position IS NULL AND set_aside IS NULL AND created_at >= $2 ORDER BY seq LIMIT $1
"""
_PICK_AROUND: Final = """
SELECT seq, created_at, topic, key, envelope, headers FROM outbox
WHERE position IS NULL AND set_aside IS NULL AND created_at >= $2
    AND (topic, key) NOT IN (SELECT topic, key FROM unnest($3::text[], $4::uuid[]) AS waiting (topic, key))
ORDER BY seq LIMIT $1
"""
_GIVE_POSITIONS: Final = """
WITH given AS (UPDATE relay SET position = position + cardinality($1::bigint[]) RETURNING position)
UPDATE outbox AS o SET position = given.position - cardinality($1::bigint[]) + sent.place
FROM given, unnest($1::bigint[], $2::timestamptz[]) WITH ORDINALITY AS sent (seq, created_at, place)
WHERE o.seq = sent.seq AND o.created_at = sent.created_at AND o.created_at >= $3
"""
_SET_ASIDE: Final = "UPDATE outbox SET set_aside = $3 WHERE seq = $1 AND created_at = $2"
_BLOCKED: Final = "SELECT DISTINCT topic, key FROM outbox WHERE set_aside IS NOT NULL AND position IS NULL"
_OLDEST: Final = """
SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM outbox
WHERE position IS NULL AND set_aside IS NULL ORDER BY seq LIMIT 1
"""


class Relay(Wakeable):
    """The relay of one service; `run` it in every replica. Woken by commits of this process, it also looks by itself."""

    def __init__(
        self, database: Database, bus: Bus, service: str, *, retention_days: int = 30, poll_s: float = _POLL_S
    ) -> None:
        self._database = database
        self._bus = bus
        self._service = service
        self._retention_days = retention_days
        self._poll_s = poll_s
        self._woken = asyncio.Event()
        self._batch = BatchSize(_MOST_ROWS, _MOST_BYTES)
        self._blocked: set[tuple[str, UUID]] = set()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Relay until cancelled."""
        relays.add(self)
        failures = 0
        try:
            while True:
                started = time.monotonic()
                try:
                    await self._hold_and_send()
                except Exception as error:
                    away = isinstance(error, BusUnavailable) or database_error_kind(error) is not None
                    log.warning("relay_interrupted" if away else "relay_failed", exc_info=error)
                failures = 0 if time.monotonic() - started > _LONGEST_PAUSE_S else failures + 1
                await asyncio.sleep(min(_LONGEST_PAUSE_S, 0.1 * 2.0 ** min(failures, 10)))
        finally:
            relays.discard(self)

    async def _hold_and_send(self) -> None:
        """Send as long as the lock's connection lives. Raises what stopped it."""
        connection = await self._database.dedicated()
        try:
            # Another process holds the lock, so there is nothing to wait on but time.
            while not await connection.fetchval(_TRY_LOCK, _lock_key(self._service)):  # noqa: ASYNC110
                await asyncio.sleep(_STANDBY_S)
            sending = asyncio.ensure_future(self._send(connection))
            connection.add_termination_listener(lambda _: sending.cancel())
            metrics.RELAYING.labels(self._service).set(1)
            try:
                await sending
            except asyncio.CancelledError:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                raise ConnectionError("the relay's connection was lost, and with it its lock") from None
        finally:
            metrics.RELAYING.labels(self._service).set(0)
            connection.terminate()

    async def _send(self, connection: Any) -> None:
        await self._bus.ensure_topics(service_topics(self._service, self._retention_days))
        await connection.execute(_PLANS)
        looked = maintained = tidied = float("-inf")
        since = _EVER
        while True:
            now = time.monotonic()
            if now - looked > _LOOK_AROUND_S:
                await self._look_around(connection)
                looked, since = now, _EVER
            self._woken.clear()
            if await self._send_some(connection, since):
                continue
            since = utc_now() - _RECENT
            if now - tidied > _TIDY_S:
                await self._tidy(connection)
                tidied = now
            if now - maintained > _MAINTAIN_S:
                await self._bus.maintain()
                maintained = now
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._woken.wait()
            await asyncio.sleep(_GATHER_S)

    async def _send_some(self, connection: Any, since: datetime) -> bool:
        """Send the next rows; answers whether there may be more."""
        limit = self._batch.rows
        if self._blocked:
            topics, keys = zip(*self._blocked, strict=True)
            rows = await connection.fetch(_PICK_AROUND, limit, since, topics, keys)
        else:
            rows = await connection.fetch(_PICK, limit, since)
        if not rows:
            return False
        self._batch.saw(len(rows), sum(len(row["envelope"]) for row in rows))
        published = await self._bus.publish([
            Outbound(topic, key.bytes, envelope, orjson.loads(headers) if headers else None)
            for _, _, topic, key, envelope, headers in rows
        ])  # fmt: skip
        await self._give_positions(connection, rows, published)
        await self._put_aside(connection, rows, published)
        waiting = {(rows[index]["topic"], rows[index]["key"]) for index in published.refused}
        left = set(range(len(rows))) - set(published.sent) - set(published.refused)
        if any((rows[index]["topic"], rows[index]["key"]) not in waiting for index in left):
            raise BusUnavailable("the bus took only some of the events")
        return len(rows) == limit

    async def _give_positions(self, connection: Any, rows: Sequence[Any], published: Published) -> None:
        if not published.sent:
            return
        sent = [rows[index] for index in published.sent]
        done = await connection.execute(
            _GIVE_POSITIONS,
            [row["seq"] for row in sent],
            [row["created_at"] for row in sent],
            min(row["created_at"] for row in sent),
        )
        if done != f"UPDATE {len(sent)}":
            raise AssertionError(f"{done} instead of {len(sent)} rows: positions have a gap")
        metrics.SENT.labels(self._service).inc(len(sent))

    async def _put_aside(self, connection: Any, rows: Sequence[Any], published: Published) -> None:
        for index, reason in published.refused.items():
            row = rows[index]
            await connection.execute(_SET_ASIDE, row["seq"], row["created_at"], reason)
            self._blocked.add((row["topic"], row["key"]))
            metrics.SET_ASIDE.labels(self._service).inc()
            log.error("event_set_aside", topic=row["topic"], seq=row["seq"], reason=reason)

    async def _tidy(self, connection: Any) -> None:
        try:
            await housekeeping.tidy(connection, self._retention_days)
        except Exception as error:
            if connection.is_closed():
                raise
            log.error("housekeeping_failed", exc_info=error)  # noqa: TRY400  the message may hold a row's text

    async def _look_around(self, connection: Any) -> None:
        self._blocked = {(row["topic"], row["key"]) for row in await connection.fetch(_BLOCKED)}
        metrics.WAITING_BEHIND.labels(self._service).set(len(self._blocked))
        metrics.UNSENT_AGE.labels(self._service).set(await connection.fetchval(_OLDEST) or 0.0)


def _lock_key(service: str) -> int:
    """The key of the relay's advisory lock: 64 bits of a hash."""
    return int.from_bytes(hashlib.blake2b(f"relay:{service}".encode(), digest_size=8).digest(), signed=True)
