"""Sends what the outbox holds, in order, and gives each event its gapless position once the bus has it.

One relay of a service works at a time: the replica that leads it (`shared.kit.replica`). Before it sends it looks by its
own clock whether it still leads, the embedded bus refuses appends of an older epoch, and so does the row that the
positions come from. What was sent and has no position yet is sent again by the next one: readers know it by its id.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import structlog

from shared.kit import event_metrics as metrics
from shared.kit import housekeeping
from shared.kit.batches import BatchSize
from shared.kit.bus import Bus, Outbound, Published, Writer, service_topics
from shared.kit.clock import new_id, to_tick, utc_now
from shared.kit.database import Database, database_error_kind
from shared.kit.exceptions import BusUnavailable
from shared.kit.jsonb import load
from shared.kit.outbox import Wakeable, commit_listeners, set_of
from shared.kit.replica import Replica

log = structlog.get_logger()

RELAY: Final = "relay"
"""What relaying is called among all that a replica may lead or be woken for."""

_MOST_ROWS: Final = 500
_MOST_EVENTS: Final = 1_000  # and one set
_MOST_BYTES: Final = 8 * 1024 * 1024
_POLL_S: Final = 15.0  # commits wake the relay; this is for the one that died before it could
_GATHER_S: Final = 0.003  # after a commit, for those that come with it: a round costs the same for many rows
_FILL_S: Final = 0.1  # and longer while they come one after the other
_BUSY_S: Final = 0.1
_LATE: Final = 5_000  # so far back a row is looked for that was committed after later ones
_VERY_LATE_S: Final = 1.0  # and so often farther back
_LOOK_AROUND_S: Final = 5.0
_TIDY_S: Final = 600.0
_MAINTAIN_S: Final = 600.0
_LONGEST_PAUSE_S: Final = 5.0

# The outbox has a partition for each day, so planning costs more than working: plan once. And plan for a backlog, which
# neither the statistics know of nor the size of what is empty while the plan is made: where a join gives an index scan an
# order to be useful for, it would be read from end to end, so rows are sought one by one or by an array.
_PLANS: Final = "SET plan_cache_mode = force_generic_plan; SET enable_bitmapscan = off; SET enable_seqscan = off"
_BEGIN: Final = "UPDATE relay SET epoch = $1 WHERE epoch <= $1"
# In the order of `seq`. `$2` spares the index entries of what was sent just now and is no high-water mark: transactions
# commit in another order than they draw from the sequence, so it stays behind and is 0 now and then.
_PICKED: Final = """
SELECT next.seq, next.first, next.events, next.created_at, o.topic, o.project_id, o.frame, o.key, o.envelope, o.headers
FROM (
    SELECT q.seq, q.first, q.events, q.created_at, sum(q.events) OVER (ORDER BY q.seq, q.first) - q.events AS before
    FROM (
        SELECT seq, first, events, created_at FROM outbox_queue AS q
        WHERE seq > $2 AND set_aside IS NULL{besides}
        ORDER BY seq, first LIMIT $1
    ) AS q
) AS next CROSS JOIN LATERAL (
    SELECT topic, project_id, frame, key, envelope, headers FROM outbox
    WHERE created_at = next.created_at AND seq = next.seq LIMIT 1
) AS o
WHERE next.before < $3
ORDER BY next.seq, next.first
"""
# Single events of a key that waits are left out, looked up for each row in the order of the queue; sets have no key, and are
# divided when they are sent.
_WAITING: Final = """ AND (
            SELECT waiting.key FROM unnest($4::text[], $5::uuid[]) AS waiting (topic, key)
            JOIN outbox AS o ON o.created_at = q.created_at AND o.seq = q.seq AND o.topic = waiting.topic
            WHERE waiting.key = q.key LIMIT 1
        ) IS NULL"""
_PICK: Final = _PICKED.format(besides="")
_PICK_BESIDES: Final = _PICKED.format(besides=_WAITING)
_GIVE_POSITIONS: Final = """
WITH given AS (
    UPDATE relay SET position = position + $2 WHERE epoch = $1 RETURNING position - $2 AS before
), picked AS (
    DELETE FROM outbox_queue
    WHERE seq = ANY($3::bigint[]) AND (seq, first) IN (SELECT * FROM unnest($3::bigint[], $4::int[]))
        AND EXISTS (SELECT FROM given)
    RETURNING events
), positioned AS (
    INSERT INTO outbox_positions (topic, last_position, positions, seqs, created_at, firsts, counts, projects)
    SELECT topic, max(before + up_to), array_agg(before + up_to - count + 1 ORDER BY place),
        array_agg(seq ORDER BY place), array_agg(created_at ORDER BY place), array_agg(first ORDER BY place),
        array_agg(count ORDER BY place),
        coalesce(array_agg(DISTINCT project_id) FILTER (WHERE project_id IS NOT NULL), '{}')
    FROM given, (
        SELECT *, sum(count) OVER (ORDER BY place) AS up_to
        FROM unnest($5::bigint[], $6::timestamptz[], $7::text[], $8::uuid[], $9::int[], $10::int[])
            WITH ORDINALITY AS row (seq, created_at, topic, project_id, first, count, place)
    ) AS ranges
    GROUP BY topic
)
SELECT coalesce(sum(events), 0) FROM picked
"""
_LEAVE: Final = """
INSERT INTO outbox_queue (seq, first, events, created_at, key, event_id, set_aside)
SELECT seq, first, 1, created_at, key, event_id, set_aside
FROM unnest($1::bigint[], $2::int[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::text[])
    AS row (seq, first, created_at, key, event_id, set_aside)
"""
_BLOCKED: Final = """
SELECT DISTINCT o.topic, q.key
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
        working: AbstractContextManager[None] = contextlib.nullcontext(),  # noqa: B008  it holds nothing
    ) -> None:
        """`working` is entered while events are sent."""
        self._database = database
        self._bus = bus
        self._service = service
        self._replica = replica or Replica(database)
        self._owns_replica = replica is None
        self._retention_days = retention_days
        self._poll_s = poll_s
        self._working = working
        self._woken = asyncio.Event()
        self._batch = BatchSize(_MOST_ROWS, _MOST_BYTES)
        self._blocked: set[tuple[str, bytes]] = set()
        self._sent_at = float("-inf")
        self._writer = Writer(service, self._replica.id)

    def wake(self) -> None:
        self._replica.wake(RELAY)

    async def run(self) -> None:
        """Relay until cancelled, whenever this replica leads."""
        commit_listeners.add(self)
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
            commit_listeners.discard(self)
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
            with self._working:
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
                async with asyncio.timeout(to_tick(self._poll_s)):
                    await self._woken.wait()
            await asyncio.sleep(_FILL_S if time.monotonic() - self._sent_at < _BUSY_S else _GATHER_S)

    async def _send_some(self, connection: Any, epoch: int, after: int) -> tuple[int, bool]:
        """Send the next sets; returns the last one's `seq`, 0 for none, and whether there may be more."""
        limit = self._batch.rows
        if self._blocked:
            topics, keys = [topic for topic, _ in self._blocked], [UUID(bytes=key) for _, key in self._blocked]
            rows = await connection.fetch(_PICK_BESIDES, limit, after, _MOST_EVENTS, topics, keys)
        else:
            rows = await connection.fetch(_PICK, limit, after, _MOST_EVENTS)
        if not rows:
            return 0, False
        picked = [event for row in rows for event in _events_of(row)]
        self._batch.saw(len(rows), sum(len(event.message.value) for event in picked))
        if self._replica.epoch(RELAY) != epoch:
            raise _Superseded
        sendable = [event for event in picked if event.of not in self._blocked] if self._blocked else picked
        published = Published()
        if sendable:
            published = await self._bus.publish([event.message for event in sendable], self._writer)
        if len(published.sent) == len(picked):
            await self._give_positions(connection, epoch, rows, [(row, row["first"], row["events"]) for row in rows])
        else:
            await self._divide(connection, epoch, rows, picked, sendable, published)
        self._sent_at = time.monotonic()
        return rows[-1]["seq"], len(rows) == limit or len(picked) >= _MOST_EVENTS

    async def _give_positions(
        self, connection: Any, epoch: int, rows: Sequence[Any], sent: Sequence[tuple[Any, int, int]]
    ) -> None:
        """Take the picked rows out of the queue; `sent` are the ranges (row, first event, number of events) to position."""
        done = await connection.fetchval(
            _GIVE_POSITIONS,
            epoch,
            sum(count for _, _, count in sent),
            [row["seq"] for row in rows],
            [row["first"] for row in rows],
            [row["seq"] for row, _, _ in sent],
            [row["created_at"] for row, _, _ in sent],
            [row["topic"] for row, _, _ in sent],
            [row["project_id"] for row, _, _ in sent],
            [first for _, first, _ in sent],
            [count for _, _, count in sent],
        )
        if done == 0:
            raise _Superseded
        if done != sum(row["events"] for row in rows):
            raise AssertionError(f"{done} events were in the queue: positions have a gap")
        metrics.SENT.labels(self._service).inc(sum(count for _, _, count in sent))

    async def _divide(
        self,
        connection: Any,
        epoch: int,
        rows: Sequence[Any],
        picked: Sequence["_Event"],
        sendable: Sequence["_Event"],
        published: Published,
    ) -> None:
        """Record what was sent of these sets; what is left of them waits event by event.

        Raises BusUnavailable when some of it waits for nothing but the bus.
        """
        sent = {sendable[index].place for index in published.sent}
        refused = {sendable[index].place: reason for index, reason in published.refused.items()}
        left = [event for event in picked if event.place not in sent]
        ids = [_event_id(event.message.value) if event.place in refused else None for event in left]
        async with connection.transaction():
            await self._give_positions(
                connection, epoch, rows, _ranges([event for event in picked if event.place in sent])
            )
            await connection.execute(
                _LEAVE,
                [event.row["seq"] for event in left],
                [event.number for event in left],
                [event.row["created_at"] for event in left],
                [UUID(bytes=event.message.key) for event in left],
                ids,
                [refused.get(event.place) for event in left],
            )
        for event, event_id in zip(left, ids, strict=True):
            if event_id is not None:
                self._blocked.add(event.of)
                metrics.SET_ASIDE.labels(self._service).inc()
                log.error("event_set_aside", topic=event.of[0], event_id=str(event_id), reason=refused[event.place])
        if any(event.of not in self._blocked for event in left):
            raise BusUnavailable("the bus took only some of the events")

    async def _tidy(self, connection: Any) -> None:
        try:
            await housekeeping.tidy(connection, self._retention_days, utc_now())
        except Exception as error:
            if connection.is_closed():
                raise
            log.error("housekeeping_failed", exc_info=error)  # noqa: TRY400  the message may hold a row's text

    async def _look_around(self, connection: Any) -> None:
        """See which keys wait behind a refused event; somebody may have tried it again or given it up."""
        self._blocked = {(row["topic"], row["key"].bytes) for row in await connection.fetch(_BLOCKED)}


class _Event(NamedTuple):
    """An event that was picked: the row of its set, which event of the set it is, and as it is sent."""

    row: Any
    number: int
    message: Outbound

    @property
    def place(self) -> tuple[int, int]:
        return self.row["seq"], self.number

    @property
    def of(self) -> tuple[str, bytes]:
        """Its topic and key."""
        return self.message.topic, self.message.key


def _events_of(row: Any) -> list[_Event]:
    """The events of a picked range of a set, in their order."""
    first, topic = row["first"], row["topic"]
    return [
        _Event(row, number, Outbound(topic, event.key, event.envelope, _headers(event.headers)))
        for number, event in enumerate(set_of(row)[first : first + row["events"]], start=first)
    ]


def _ranges(events: Sequence[_Event]) -> list[tuple[Any, int, int]]:
    """Runs of events that stand together in a set: its row, the number of the first, and how many."""
    ranges: list[tuple[Any, int, int]] = []
    for event in events:
        if ranges:
            row, first, count = ranges[-1]
            if event.place == (row["seq"], first + count):
                ranges[-1] = (row, first, count + 1)
                continue
        ranges.append((event.row, event.number, 1))
    return ranges


def _headers(text: str | None) -> dict[str, str] | None:
    headers: dict[str, str] | None = load(text)
    return headers


def _event_id(envelope: bytes) -> UUID:
    """The event's id, or one to call it by when it has none that can be read."""
    try:
        return UUID(orjson.loads(envelope)["id"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return new_id()
