"""What a service hears: each event has its effect exactly once, and one that came too early waits for what it needs.

The runner (`shared.kit.runner`) gives events to `consume_batch` and `consume`. A handler may run again after a
rollback, so its effects go through the session and nowhere else. What waits is in `shared.kit.parking`.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from shared.contracts.topics import TOPICS
from shared.kit import event_metrics as metrics
from shared.kit import parking
from shared.kit.database import Database, DatabaseErrorKind, Session, database_error_kind
from shared.kit.handlers import Delivery, Handlers, NotYet, Subscription
from shared.kit.parking import attach, release_parked

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

# Ordered, so that two members that were both given an event (one of them in vain) wait for each other in one order.
# `crowded`: parked events of these keys may have to go first.
_CLAIM: Final = """
WITH claimed AS (
    INSERT INTO inbox (event_id, consumer_group)
    SELECT event_id, $2 FROM unnest($1::uuid[]) AS event_id ORDER BY event_id
    ON CONFLICT DO NOTHING RETURNING event_id
)
SELECT
    CASE WHEN count(*) < cardinality($1::uuid[]) THEN coalesce(array_agg(event_id), '{}') END,
    EXISTS (SELECT FROM parked WHERE event_key = ANY($3::bytea[]) AND consumer_group = $2)
FROM claimed
"""
_UNCLAIM: Final = "DELETE FROM inbox WHERE event_id = ANY($1::uuid[]) AND consumer_group = $2"
_BY_RECORD: Final = frozenset(topic.name for topic in TOPICS if topic.key == "record_id")


class Claimed(NamedTuple):
    """Those of a batch that were not in the inbox, and whether parked events of their keys may have to go first."""

    fresh: list[Delivery]
    crowded: bool


class _Apart(Exception):
    """Some event of the batch stands behind a parked one."""


class SetAside(NamedTuple):
    """A delivery that a batch could not take: why, or None when it only stands behind one of its key."""

    delivery: Delivery
    error: Exception | None


def is_transient(error: BaseException) -> bool:
    """Whether the database, and not the event, is at fault."""
    return parking.is_transient(error)


async def consume(database: Database, handlers: Handlers, delivery: Delivery) -> None:
    """Give one event its effect in a transaction of its own, or park it, or see that it had its effect."""
    try:
        async with database.transaction() as session:
            fresh, crowded = await _claim(session, handlers, [delivery])
            if fresh:
                await handlers.apply(session, delivery.event)
                if crowded:
                    await parking.stand_behind(session, handlers, delivery.topic, delivery.key)
    except NotYet as need:
        await parking.park(database, handlers, [delivery], need)
        return
    if fresh:
        metrics.HANDLED.labels(handlers.group, delivery.topic).inc()
    else:
        await parking.recheck(database, handlers, [delivery.event.id])


async def consume_batch(database: Database, handlers: Handlers, batch: Sequence[Delivery]) -> list[SetAside]:
    """Give many events their effect in one transaction, in the order of their locks; answers those to take singly.

    Raises what the database raises when it is away. The same batch may then be given again.
    """
    ordered = sorted(batch, key=_lock_order)  # stable: the order within a key stays
    apart = False
    try:
        async with database.transaction() as session:
            fresh, crowded = await _claim(session, handlers, ordered)
            for delivery in fresh:
                await handlers.apply(session, delivery.event)
            if crowded and await parking.any_before(session, handlers, [delivery.key for delivery in fresh]):
                raise _Apart
    except Exception as error:
        if database_error_kind(error) is DatabaseErrorKind.AWAY:
            raise
        apart = True
    if apart:
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
            fresh, crowded = await _claim(session, handlers, ordered)
            waiting_keys: set[bytes] = set()
            for delivery in fresh:
                if delivery.key in waiting_keys:
                    aside.append(SetAside(delivery, None))
                    continue
                try:
                    async with session.savepoint():
                        await handlers.apply(session, delivery.event)
                        if crowded:
                            await parking.stand_behind(session, handlers, delivery.topic, delivery.key)
                except Exception as error:
                    if database_error_kind(error) is DatabaseErrorKind.AWAY:
                        raise
                    waiting_keys.add(delivery.key)
                    aside.append(SetAside(delivery, error))
            if aside:
                ids = [each.delivery.event.id for each in aside]
                await session.raw.execute(_UNCLAIM, ids, handlers.group)
    except Exception as error:
        if database_error_kind(error) is DatabaseErrorKind.AWAY:
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
            await parking.park(database, handlers, deliveries, NotYet(kind, key))
        except Exception as error:
            if database_error_kind(error) is DatabaseErrorKind.AWAY:
                raise
            left.extend(SetAside(delivery, error) for delivery in deliveries)
    return left


async def _claim(session: Session, handlers: Handlers, deliveries: Sequence[Delivery]) -> Claimed:
    """Write the events into the inbox; answers those that were not there, each once, in the order given."""
    claimed, crowded = await session.raw.fetchrow(
        _CLAIM,
        [delivery.event.id for delivery in deliveries],
        handlers.group,
        [delivery.key for delivery in deliveries],
    )
    if claimed is None:
        return Claimed(list(deliveries), crowded)
    left = set(claimed)
    fresh = []
    for delivery in deliveries:
        if delivery.event.id in left:
            left.remove(delivery.event.id)
            fresh.append(delivery)
    return Claimed(fresh, crowded)


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
        await parking.recheck(database, handlers, [delivery.event.id for delivery in seen])
    except Exception as error:
        if database_error_kind(error) is DatabaseErrorKind.AWAY:
            raise
        return [SetAside(delivery, error) for delivery in seen]
    return []


async def bury(
    database: Database, group: str, topic: str, key: bytes, raw: bytes, event_id: UUID | None, error: Exception
) -> None:
    """Give an event up: to the dead letters with it, out of the inbox, so that a replay can have its effect."""
    async with database.transaction() as session:
        await parking.bury(session, group, topic, key, raw, event_id, error)
