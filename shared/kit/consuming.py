"""What a service hears: each event has its effect exactly once, and one that came too early waits for what it needs.

The runner (`shared.kit.runner`) gives events to `consume_batch` and `consume`. A handler may run again after a
rollback, so its effects go through the session and nowhere else.

Parking without a race and without a deadlock: an event whose handler raised `NotYet` is rolled back whole, then written
to `parked` under the advisory lock of its need, and after that commit tried once more. Whoever brings the need takes
the same lock, so it either sees the parked row, or had committed before the second try. Locks go one way only: a
record's row, the need's advisory lock, the parked row; a parker holds none of the first while it takes the second.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog

from shared.contracts.topics import TOPICS
from shared.kit import event_metrics as metrics
from shared.kit import outbox
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Database, Session, Trouble, trouble
from shared.kit.dead_letters import dead_letter
from shared.kit.handlers import Delivery, Handlers, NotYet, Subscription

__all__ = [
    "Delivery",
    "Handlers",
    "NotYet",
    "Subscription",
    "attach",
    "bury",
    "consume",
    "consume_batch",
    "is_transient",
    "release_parked",
]

log = structlog.get_logger()

# Ordered, so that two members that were both given an event (one of them in vain) wait for each other in one order.
_CLAIM: Final = """
INSERT INTO inbox (event_id, consumer_group)
SELECT event_id, $2 FROM unnest($1::uuid[]) AS event_id ORDER BY event_id
ON CONFLICT DO NOTHING RETURNING event_id
"""
_UNCLAIM: Final = "DELETE FROM inbox WHERE event_id = ANY($1::uuid[]) AND consumer_group = $2"
_PARK: Final = """
WITH claimed AS (
    INSERT INTO inbox (event_id, consumer_group)
    SELECT event_id, $1 FROM unnest($2::uuid[]) AS event_id ORDER BY event_id
    ON CONFLICT DO NOTHING RETURNING event_id
)
INSERT INTO parked (consumer_group, event_id, kind, key, topic, event_key, envelope)
SELECT $1, event_id, $3, $4, topic, event_key, envelope
FROM unnest($2::uuid[], $5::text[], $6::bytea[], $7::bytea[])
    WITH ORDINALITY AS row (event_id, topic, event_key, envelope, place)
WHERE event_id IN (SELECT event_id FROM claimed)
ORDER BY place
"""
_WAITING_FOR: Final = """
SELECT seq, event_id, kind, key, topic, event_key, envelope FROM parked
WHERE kind = $2 AND key = $3 AND consumer_group = $1 AND (event_key, seq) > ($4, $5)
ORDER BY event_key, seq LIMIT 200
"""
_WAITING: Final = """
SELECT seq, event_id, kind, key, topic, event_key, envelope FROM parked
WHERE event_id = ANY($2::uuid[]) AND consumer_group = $1 ORDER BY event_key, seq
"""
_UNPARK: Final = "DELETE FROM parked WHERE event_id = $1 AND consumer_group = $2 RETURNING seq"
_MOVE: Final = "UPDATE parked SET kind = $3, key = $4 WHERE event_id = $1 AND consumer_group = $2"
_LOCK_NEED: Final = "SELECT pg_advisory_xact_lock($1)"

_BY_RECORD: Final = frozenset(topic.name for topic in TOPICS if topic.key == "record_id")

_attached: WeakKeyDictionary[Database, Handlers] = WeakKeyDictionary()


class _Gone(Exception):
    """Somebody else applied the parked event meanwhile."""


class SetAside(NamedTuple):
    """A delivery that a batch could not take: why, or None when it only stands behind one of its key."""

    delivery: Delivery
    error: Exception | None


def attach(database: Database, handlers: Handlers) -> None:
    """Tell which handlers serve this database, so that `release_parked` finds them."""
    _attached[database] = handlers


def is_transient(error: BaseException) -> bool:
    """Whether the database, and not the event, is at fault."""
    return trouble(error) in {Trouble.AWAY, Trouble.BUSY, Trouble.RETRY}


async def consume(database: Database, handlers: Handlers, delivery: Delivery) -> None:
    """Give one event its effect in a transaction of its own, or park it, or see that it had its effect."""
    try:
        async with database.transaction() as session:
            fresh = await _claim(session, handlers, [delivery])
            if fresh:
                await handlers.apply(session, delivery.event)
    except NotYet as need:
        await _park(database, handlers, [delivery], need)
        return
    if fresh:
        metrics.HANDLED.labels(handlers.group, delivery.topic).inc()
    else:
        await _recheck(database, handlers, [delivery.event.id])


async def consume_batch(database: Database, handlers: Handlers, batch: Sequence[Delivery]) -> list[SetAside]:
    """Give many events their effect in one transaction, in the order of their locks; answers those to take singly.

    Raises what the database raises when it is away. The same batch may then be given again.
    """
    ordered = sorted(batch, key=_lock_order)  # stable: the order within a key stays
    try:
        async with database.transaction() as session:
            fresh = await _claim(session, handlers, ordered)
            for delivery in fresh:
                await handlers.apply(session, delivery.event)
    except Exception as error:
        if trouble(error) is Trouble.AWAY:
            raise
        return await _consume_apart(database, handlers, ordered)
    return await _after(database, handlers, ordered, fresh)


def _lock_order(delivery: Delivery) -> tuple[bool, bytes]:
    """What is keyed most finely comes first, by key. A request locks its record, then what the record belongs to; a
    batch that locked an annotator before a record would wait for it in a circle.
    """
    return delivery.topic not in _BY_RECORD, delivery.key


async def _consume_apart(database: Database, handlers: Handlers, ordered: Sequence[Delivery]) -> list[SetAside]:
    """As `consume_batch`, with a savepoint round every event; parks those that came too early."""
    aside: list[SetAside] = []
    try:
        async with database.transaction() as session:
            fresh = await _claim(session, handlers, ordered)
            waiting_keys: set[bytes] = set()
            for delivery in fresh:
                if delivery.key in waiting_keys:
                    aside.append(SetAside(delivery, None))
                    continue
                try:
                    async with session.savepoint():
                        await handlers.apply(session, delivery.event)
                except Exception as error:
                    if trouble(error) is Trouble.AWAY:
                        raise
                    waiting_keys.add(delivery.key)
                    aside.append(SetAside(delivery, error))
            if aside:
                ids = [each.delivery.event.id for each in aside]
                await session.raw.execute(_UNCLAIM, ids, handlers.group)
    except Exception as error:
        if trouble(error) is Trouble.AWAY:
            raise
        return [SetAside(delivery, None) for delivery in ordered]
    left = {id(each.delivery) for each in aside}
    again = await _after(database, handlers, ordered, fresh, left)
    return [*again, *await _park_groups(database, handlers, aside)]


async def _park_groups(database: Database, handlers: Handlers, aside: Sequence[SetAside]) -> list[SetAside]:
    """Park what came too early, one transaction for each need; answers the rest."""
    needs: dict[tuple[str, UUID], list[Delivery]] = {}
    for delivery, error in aside:
        if isinstance(error, NotYet):
            needs.setdefault((error.kind, error.key), []).append(delivery)
    left = [each for each in aside if not isinstance(each.error, NotYet)]
    for (kind, key), deliveries in needs.items():
        try:
            await _park(database, handlers, deliveries, NotYet(kind, key))
        except Exception as error:
            if trouble(error) is Trouble.AWAY:
                raise
            left.extend(SetAside(delivery, error) for delivery in deliveries)
    return left


async def _claim(session: Session, handlers: Handlers, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Write the events into the inbox; answers those that were not there, each once, in the order given."""
    rows = await session.raw.fetch(_CLAIM, [delivery.event.id for delivery in deliveries], handlers.group)
    if len(rows) == len(deliveries):
        return list(deliveries)
    left = {row[0] for row in rows}
    fresh = []
    for delivery in deliveries:
        if delivery.event.id in left:
            left.remove(delivery.event.id)
            fresh.append(delivery)
    return fresh


async def _after(
    database: Database,
    handlers: Handlers,
    ordered: Sequence[Delivery],
    fresh: Sequence[Delivery],
    aside: Collection[int] = (),
) -> list[SetAside]:
    """Count, and look after events that came again: the process that parked one may have died before its second try."""
    for topic, count in Counter(delivery.topic for delivery in fresh if id(delivery) not in aside).items():
        metrics.HANDLED.labels(handlers.group, topic).inc(count)
    if len(fresh) == len(ordered):
        return []
    claimed = {delivery.event.id for delivery in fresh}
    seen = [delivery for delivery in ordered if delivery.event.id not in claimed]
    if not seen:
        return []
    try:
        await _recheck(database, handlers, [delivery.event.id for delivery in seen])
    except Exception as error:
        if trouble(error) is Trouble.AWAY:
            raise
        return [SetAside(delivery, error) for delivery in seen]
    return []


async def _park(database: Database, handlers: Handlers, deliveries: Sequence[Delivery], need: NotYet) -> None:
    ids = [delivery.event.id for delivery in deliveries]
    async with database.transaction() as session:
        await session.raw.execute(_LOCK_NEED, _lock_of(handlers, need))
        await session.raw.execute(
            _PARK,
            handlers.group,
            ids,
            need.kind,
            need.key,
            [delivery.topic for delivery in deliveries],
            [delivery.key for delivery in deliveries],
            [delivery.raw for delivery in deliveries],
        )
    metrics.PARKED.labels(handlers.group, need.kind).inc(len(ids))
    await _recheck(database, handlers, ids)


async def _recheck(database: Database, handlers: Handlers, ids: Sequence[UUID]) -> None:
    """Try parked events again, each in a transaction of its own; raises what their handlers raise."""
    async with database.transaction() as session:
        rows = await session.raw.fetch(_WAITING, handlers.group, ids)
    metrics.SEEN.labels(handlers.group).inc(len(ids) - len(rows))
    missing: set[tuple[str, UUID]] = set()
    moved = []
    for row in rows:
        if (row["kind"], row["key"]) in missing:
            continue
        try:
            with suppress(_Gone):
                async with database.transaction() as session:
                    await _apply_parked(session, handlers, row)
        except NotYet as need:
            if (need.kind, need.key) == (row["kind"], row["key"]):
                missing.add((need.kind, need.key))
                continue
            async with database.transaction() as session:
                await session.raw.execute(_LOCK_NEED, _lock_of(handlers, need))
                await session.raw.execute(_MOVE, row["event_id"], handlers.group, need.kind, need.key)
            moved.append(row["event_id"])
    if moved:
        await _recheck(database, handlers, moved)


async def _apply_parked(session: Session, handlers: Handlers, row: Any) -> None:
    """Apply a parked event and take it out of `parked`: whoever deletes the row is the one whose effect counts."""
    event = handlers.parse(row["envelope"])
    if event is not None:
        await handlers.apply(session, event)
    if await session.raw.fetchrow(_UNPARK, row["event_id"], handlers.group) is None:
        raise _Gone
    metrics.HANDLED.labels(handlers.group, row["topic"]).inc()


async def release_parked(session: Session, kind: str, key: UUID) -> None:
    """Apply the events that wait for this. Call it in the transaction that brings the thing, after inserting it.

    An event that now waits for something else is parked again; one that fails goes to the dead letters.
    """
    handlers = _attached.get(session.database)
    if handlers is None:
        return  # no consumer runs in this process, which is the only one of its service in tests alone
    await session.raw.execute(_LOCK_NEED, _lock_of(handlers, NotYet(kind, key)))
    after: tuple[bytes, int] = (b"", 0)
    while rows := await session.raw.fetch(_WAITING_FOR, handlers.group, kind, key, *after):
        for row in rows:
            await _release(session, handlers, row)
        after = (rows[-1]["event_key"], rows[-1]["seq"])


async def _release(session: Session, handlers: Handlers, row: Any) -> None:
    held = (row["kind"], row["key"])
    while True:
        try:
            with suppress(_Gone):
                async with session.savepoint():
                    await _apply_parked(session, handlers, row)
        except NotYet as need:
            if (need.kind, need.key) == held:
                return
            # Under the lock of the new need, once more: it may have come meanwhile.
            held = (need.kind, need.key)
            await session.raw.execute(_LOCK_NEED, _lock_of(handlers, need))
            await session.raw.execute(_MOVE, row["event_id"], handlers.group, need.kind, need.key)
        except Exception as error:
            if is_transient(error):
                raise
            await _bury(
                session, handlers.group, row["topic"], row["event_key"], row["envelope"], row["event_id"], error
            )
            return
        else:
            return


async def bury(
    database: Database, group: str, topic: str, key: bytes, raw: bytes, event_id: UUID | None, error: Exception
) -> None:
    """Give an event up: to the dead letters with it, out of the inbox, so that a replay can have its effect."""
    async with database.transaction() as session:
        await _bury(session, group, topic, key, raw, event_id, error)


async def _bury(
    session: Session, group: str, topic: str, key: bytes, raw: bytes, event_id: UUID | None, error: Exception
) -> None:
    await outbox.add_rows(session, [dead_letter(group, topic, key, raw, error, new_id(), utc_now())])
    if event_id is not None:
        await session.raw.fetchrow(_UNPARK, event_id, group)
        await session.raw.execute(_UNCLAIM, [event_id], group)
    reason = type(error).__name__
    metrics.DEAD.labels(group, reason).inc()
    log.error("event_given_up", group=group, topic=topic, event_id=event_id and str(event_id), error=reason)


def _lock_of(handlers: Handlers, need: NotYet) -> int:
    """The key of the need's advisory lock: 64 bits of a hash."""
    name = f"parked:{handlers.group}:{need.kind}:{need.key}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), signed=True)
