"""Sends what the outbox holds, in order, and gives each event its gapless position once the bus has it.

One relay of a service works at a time: the replica that leads it (`shared.kit.replica`). Before it sends it looks by its
own clock whether it still leads, the embedded bus refuses appends of an older epoch, and so does the row that the
positions come from. What was sent and has no position yet is sent again by the next one: readers know it by its id.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import orjson
import structlog

from shared.kit import event_metrics as metrics
from shared.kit import housekeeping
from shared.kit.batches import BatchSize
from shared.kit.bus import Bus, Outbound, Published, Writer, service_topics
from shared.kit.clock import utc_now
from shared.kit.database import Database, database_error_kind
from shared.kit.exceptions import BusUnavailable
from shared.kit.outbox import Wakeable, relays
from shared.kit.replica import Replica

log = structlog.get_logger()

RELAY: Final = "relay"
"""What relaying is called among all that a replica may lead or be woken for."""

_MOST_ROWS: Final = 500
_MOST_BYTES: Final = 8 * 1024 * 1024
_POLL_S: Final = 5.0  # commits wake the relay; this is for the one that died before it could
_GATHER_S: Final = 0.003  # after a commit, for those that come with it: a round costs the same for many rows
_FILL_S: Final = 0.05  # and longer while they come one after the other
_BUSY_S: Final = 0.1
_LATE: Final = 5_000  # so far back a row is looked for that was committed after later ones
_VERY_LATE_S: Final = 1.0  # and so often farther back
_LOOK_AROUND_S: Final = 5.0
_TIDY_S: Final = 600.0
_MAINTAIN_S: Final = 600.0
_LONGEST_PAUSE_S: Final = 5.0

# The outbox has a partition for each day, so planning costs more than working: plan once. And plan for a backlog, which
# the statistics of a day that has just begun know nothing of.
_PLANS: Final = "SET plan_cache_mode = force_generic_plan; SET enable_bitmapscan = off; SET enable_seqscan = off"
_BEGIN: Final = "UPDATE relay SET epoch = $1 WHERE epoch <= $1"
# In the order of `seq`. `$2` spares the index entries of what was sent just now and is no high-water mark: transactions
# commit in another order than they draw from the sequence, so it stays behind and is 0 now and then.
_PICK: Final = """
SELECT o.seq, o.created_at, o.topic, o.key, o.project_id, o.envelope, o.headers
FROM (
    SELECT seq, created_at FROM outbox_queue WHERE seq > $2 AND set_aside IS NULL ORDER BY seq LIMIT $1
) AS next JOIN outbox AS o ON o.created_at = next.created_at AND o.seq = next.seq
ORDER BY o.seq
"""
_PICK_AROUND: Final = """
SELECT o.seq, o.created_at, o.topic, o.key, o.project_id, o.envelope, o.headers
FROM outbox_queue AS next JOIN outbox AS o ON o.created_at = next.created_at AND o.seq = next.seq
WHERE next.seq > $2 AND next.set_aside IS NULL
    AND (o.topic, o.key) NOT IN (SELECT topic, key FROM unnest($3::text[], $4::uuid[]) AS waiting (topic, key))
ORDER BY next.seq LIMIT $1
"""
_GIVE_POSITIONS: Final = """
WITH given AS (
    UPDATE relay SET position = position + cardinality($1::bigint[]) WHERE epoch = $5
    RETURNING position - cardinality($1::bigint[]) AS before
), sent AS (
    DELETE FROM outbox_queue WHERE seq = ANY($1::bigint[]) AND EXISTS (SELECT FROM given) RETURNING seq
), positioned AS (
    INSERT INTO outbox_positions (topic, last_position, positions, seqs, created_at, projects)
    SELECT topic, max(given.before + place), array_agg(given.before + place ORDER BY place),
        array_agg(seq ORDER BY place), array_agg(created_at ORDER BY place),
        coalesce(array_agg(DISTINCT project_id) FILTER (WHERE project_id IS NOT NULL), '{}')
    FROM given, unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::uuid[])
        WITH ORDINALITY AS row (seq, created_at, topic, project_id, place)
    GROUP BY topic
)
SELECT count(*) FROM sent
"""
_SET_ASIDE: Final = "UPDATE outbox_queue SET set_aside = $2 WHERE seq = $1"
_BLOCKED: Final = """
SELECT DISTINCT o.topic, o.key
FROM outbox_queue AS q JOIN outbox AS o ON o.created_at = q.created_at AND o.seq = q.seq
WHERE q.set_aside IS NOT NULL
"""


class _Superseded(Exception):
    """Another replica leads the relay."""


class Relay(Wakeable):
    """The relay of one service; `run` it in every replica. Woken by commits, it also looks by itself."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        service: str,
        *,
        replica: Replica | None = None,
        retention_days: int = 30,
        poll_s: float = _POLL_S,
    ) -> None:
        self._database = database
        self._bus = bus
        self._service = service
        self._replica = replica or Replica(database)
        self._owns_replica = replica is None
        self._retention_days = retention_days
        self._poll_s = poll_s
        self._woken = asyncio.Event()
        self._batch = BatchSize(_MOST_ROWS, _MOST_BYTES)
        self._blocked: set[tuple[str, UUID]] = set()
        self._sent_at = float("-inf")
        self._writer = Writer(service, self._replica.id)

    def wake(self) -> None:
        self._replica.wake(RELAY)

    async def run(self) -> None:
        """Relay until cancelled, whenever this replica leads."""
        relays.add(self)
        self._replica.on_wake(RELAY, self._woken.set)
        self._replica.contend(RELAY, self._woken.set)
        if self._owns_replica:
            self._replica.start()
        failures = 0
        try:
            while True:
                started = time.monotonic()
                try:
                    await self._lead_and_send()
                except Exception as error:
                    away = isinstance(error, BusUnavailable) or database_error_kind(error) is not None
                    log.warning("relay_interrupted" if away else "relay_failed", exc_info=error)
                failures = 0 if time.monotonic() - started > _LONGEST_PAUSE_S else failures + 1
                await asyncio.sleep(min(_LONGEST_PAUSE_S, 0.1 * 2.0 ** min(failures, 10)))
        finally:
            relays.discard(self)
            self._replica.off_wake(RELAY)
            if self._owns_replica:
                await self._replica.close()

    async def _lead_and_send(self) -> None:
        """Send as long as this replica leads. Raises what stopped it otherwise."""
        while (epoch := self._replica.epoch(RELAY)) is None:
            self._woken.clear()
            await self._woken.wait()  # it is set when we begin to lead
        connection = await self._database.dedicated()
        metrics.RELAYING.labels(self._service).set(1)
        try:
            await self._send(connection, epoch)
        except _Superseded:
            log.warning("relay_superseded", epoch=epoch)
        finally:
            metrics.RELAYING.labels(self._service).set(0)
            connection.terminate()

    async def _send(self, connection: Any, epoch: int) -> None:
        await self._bus.ensure_topics(service_topics(self._service, self._retention_days))
        await connection.execute(_PLANS)
        await self._bus.take_over(self._writer)
        await connection.execute(_BEGIN, epoch)
        await self._look_around(connection)
        looked = time.monotonic()
        maintained = tidied = looked_at_all = float("-inf")
        after = 0
        while True:
            now = time.monotonic()
            if self._blocked and now - looked > _LOOK_AROUND_S:
                await self._look_around(connection)
                looked = now
            if now - looked_at_all > _VERY_LATE_S:
                after, looked_at_all = 0, now
            self._woken.clear()
            last, more = await self._send_some(connection, epoch, after)
            after = max(after, last - _LATE)
            if more:
                continue
            if now - tidied > _TIDY_S:
                await self._tidy(connection)
                tidied = now
            if now - maintained > _MAINTAIN_S:
                await self._bus.maintain()
                maintained = now
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._woken.wait()
            await asyncio.sleep(_FILL_S if time.monotonic() - self._sent_at < _BUSY_S else _GATHER_S)

    async def _send_some(self, connection: Any, epoch: int, after: int) -> tuple[int, bool]:
        """Send the next rows; returns the last one's `seq`, 0 for none, and whether there may be more."""
        limit = self._batch.rows
        if self._blocked:
            topics, keys = zip(*self._blocked, strict=True)
            rows = await connection.fetch(_PICK_AROUND, limit, after, topics, keys)
        else:
            rows = await connection.fetch(_PICK, limit, after)
        if not rows:
            return 0, False
        self._batch.saw(len(rows), sum(len(row["envelope"]) for row in rows))
        if self._replica.epoch(RELAY) != epoch:
            raise _Superseded
        published = await self._bus.publish(
            [Outbound(row["topic"], row["key"].bytes, row["envelope"], _headers(row["headers"])) for row in rows],
            self._writer,
        )
        await self._give_positions(connection, epoch, rows, published)
        await self._put_aside(connection, rows, published)
        waiting = {(rows[index]["topic"], rows[index]["key"]) for index in published.refused}
        left = set(range(len(rows))) - set(published.sent) - set(published.refused)
        if any((rows[index]["topic"], rows[index]["key"]) not in waiting for index in left):
            raise BusUnavailable("the bus took only some of the events")
        self._sent_at = time.monotonic()
        return rows[-1]["seq"], len(rows) == limit

    async def _give_positions(self, connection: Any, epoch: int, rows: Sequence[Any], published: Published) -> None:
        if not published.sent:
            return
        sent = [rows[index] for index in sorted(published.sent)]
        done = await connection.fetchval(
            _GIVE_POSITIONS,
            [row["seq"] for row in sent],
            [row["created_at"] for row in sent],
            [row["topic"] for row in sent],
            [row["project_id"] for row in sent],
            epoch,
        )
        if done == 0:
            raise _Superseded
        if done != len(sent):
            raise AssertionError(f"{done} instead of {len(sent)} rows: positions have a gap")
        metrics.SENT.labels(self._service).inc(len(sent))

    async def _put_aside(self, connection: Any, rows: Sequence[Any], published: Published) -> None:
        for index, reason in published.refused.items():
            row = rows[index]
            await connection.execute(_SET_ASIDE, row["seq"], reason)
            self._blocked.add((row["topic"], row["key"]))
            metrics.SET_ASIDE.labels(self._service).inc()
            log.error("event_set_aside", topic=row["topic"], seq=row["seq"], reason=reason)

    async def _tidy(self, connection: Any) -> None:
        try:
            await housekeeping.tidy(connection, self._retention_days, utc_now())
        except Exception as error:
            if connection.is_closed():
                raise
            log.error("housekeeping_failed", exc_info=error)  # noqa: TRY400  the message may hold a row's text

    async def _look_around(self, connection: Any) -> None:
        """See which keys wait behind a refused event; somebody may have tried it again or given it up."""
        self._blocked = {(row["topic"], row["key"]) for row in await connection.fetch(_BLOCKED)}


def _headers(text: str | None) -> dict[str, str] | None:
    return None if text is None else orjson.loads(text)
