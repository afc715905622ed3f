"""Gives events their effect exactly once, a set of them in one transaction; parks those that came too early.

The runner (`shared.kit.runner`) passes what it fetched to `consume_batch` and single events to `consume`. A handler may
run again after a rollback, so its effects go through the session and nowhere else.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from shared.contracts.topics import TOPICS
from shared.kit import event_metrics as metrics
from shared.kit import parking
from shared.kit.database import Database, DatabaseErrorKind, Session, database_error_kind
from shared.kit.handlers import Delivery, EventSet, Handlers, Need, Subscription, sets_of
from shared.kit.parking import attach, release_parked

__all__ = [
    "Delivery",
    "EventSet",
    "Handlers",
    "Subscription",
    "attach",
    "bury",
    "consume",
    "consume_batch",
    "is_transient",
    "release_parked",
]

# Ordered, so that two members that were both given an event (one of them in vain) wait for each other in one order.
# `crowded`: parked events of these keys may have to be applied first. They are looked for by their keys, and then by the
# group: by the group alone, which an empty table is as well planned by, all of them would be read.
_CLAIM: Final = """
WITH claimed AS (
    INSERT INTO inbox (event_id, consumer_group)
    SELECT event_id, $2 FROM unnest($1::uuid[]) AS event_id ORDER BY event_id
    ON CONFLICT DO NOTHING RETURNING event_id
)
SELECT
    CASE WHEN count(*) < cardinality($1::uuid[]) THEN coalesce(array_agg(event_id), '{}') END,
    EXISTS (
        SELECT FROM (SELECT consumer_group FROM parked WHERE event_key = ANY($3::bytea[]) OFFSET 0) AS p
        WHERE p.consumer_group = $2
    )
FROM claimed
"""
# Idempotent events have rows in the inbox only while they are parked, and after that.
_LOOK: Final = """
SELECT CASE WHEN crowded THEN ARRAY(
    SELECT event_id FROM parked WHERE event_id = ANY($1::uuid[]) AND consumer_group = $2
) END, crowded
FROM (
    SELECT EXISTS (
        SELECT FROM (SELECT consumer_group FROM parked WHERE event_key = ANY($3::bytea[]) OFFSET 0) AS p
        WHERE p.consumer_group = $2
    ) AS crowded
) AS keys
"""
_UNCLAIM: Final = "DELETE FROM inbox WHERE event_id = ANY($1::uuid[]) AND consumer_group = $2"
_BY_RECORD: Final = frozenset(topic.name for topic in TOPICS if topic.key == "record_id")
_CONFLICTS: Final = 3  # how often a set that lost against another transaction is tried before it is halved


class Claimed(NamedTuple):
    """The deliveries that are to be handled, and whether events of their keys are parked.

    Those are not among them that were in the inbox, or, if their handler is idempotent, that are parked.
    """

    fresh: list[Delivery]
    crowded: bool


class SetAside(NamedTuple):
    """A delivery that has had no effect: its error, or None when it only comes after such a one of its key."""

    delivery: Delivery
    error: Exception | None


def is_transient(error: BaseException) -> bool:
    """Whether the database, and not the event, is at fault."""
    return parking.is_transient(error)


async def consume(database: Database, handlers: Handlers, delivery: Delivery) -> None:
    """Give one event its effect, or park it, or see that it had its effect. Raises what its handler raises."""
    await _consume_set(database, handlers, [delivery])


async def consume_batch(database: Database, handlers: Handlers, batch: Sequence[Delivery]) -> list[SetAside]:
    """Give many events their effect, set by set, each set in one transaction; return those that had none.

    A set that fails is halved until the event that fails stands alone. What comes after it of its key is set aside with
    it; the others have their effect. Raises what the database raises when it is away: the same batch may then be
    given again.
    """
    aside: list[SetAside] = []
    held: set[bytes] = set()
    for deliveries in sets_of(sorted(batch, key=_lock_order)):  # stable: the order within a key stays
        await _consume_or_halve(database, handlers, deliveries, aside, held)
    return aside


def _lock_order(delivery: Delivery) -> tuple[bool, bytes]:
    """Order by key, records first: a request locks its record and then what the record belongs to, so a set does, too."""
    return delivery.topic not in _BY_RECORD, delivery.key


async def _consume_or_halve(
    database: Database, handlers: Handlers, deliveries: Sequence[Delivery], aside: list[SetAside], held: set[bytes]
) -> None:
    ours = []
    for delivery in deliveries:
        if delivery.key in held:
            aside.append(SetAside(delivery, None))
        else:
            ours.append(delivery)
    if not ours:
        return
    for attempt in range(_CONFLICTS):
        try:
            await _consume_set(database, handlers, ours)
        except Exception as error:
            kind = database_error_kind(error)
            if kind is DatabaseErrorKind.AWAY:
                raise
            if kind is DatabaseErrorKind.RETRY and attempt + 1 < _CONFLICTS:
                continue
            if len(ours) == 1:
                aside.append(SetAside(ours[0], error))
                held.add(ours[0].key)
                return
            break
        else:
            return
    metrics.HALVED.labels(handlers.group).inc()
    middle = len(ours) // 2
    await _consume_or_halve(database, handlers, ours[:middle], aside, held)
    await _consume_or_halve(database, handlers, ours[middle:], aside, held)


async def _consume_set(database: Database, handlers: Handlers, deliveries: Sequence[Delivery]) -> None:
    """Handle events of one type in one transaction; then park those that came too early."""
    made: set[int] = set()  # releases whose events of these keys were tried
    while True:
        try:
            fresh, needs = await _handle(database, handlers, deliveries, made)
        except parking.ReleaseFirst as first:
            await parking.release_first(database, handlers, first, made)
        else:
            break
    handled = Counter(delivery.topic for delivery in fresh if delivery.event.id not in needs)
    for topic, count in handled.items():
        metrics.HANDLED.labels(handlers.group, topic).inc(count)
    if needs:
        early = [delivery for delivery in fresh if delivery.event.id in needs]
        await parking.park(database, handlers, [(delivery, needs[delivery.event.id]) for delivery in early])
    if len(fresh) < len(deliveries):
        # Came again: the process that parked one of them may have died before its second attempt.
        claimed = {delivery.event.id for delivery in fresh}
        seen = [delivery.event.id for delivery in deliveries if delivery.event.id not in claimed]
        if seen:
            await parking.retry(database, handlers, seen)


async def _handle(
    database: Database, handlers: Handlers, deliveries: Sequence[Delivery], made: set[int]
) -> tuple[list[Delivery], dict[UUID, Need]]:
    """Claim the events and call their handler; return the fresh ones and what the early ones of them need.

    What is early is taken out of the inbox again: it is parked, with its inbox row, once no record is locked. `made` are
    the releases that need not be made first any more. Raises ReleaseFirst.
    """
    ids = [delivery.event.id for delivery in deliveries]
    async with handlers.attempts.attempt(database, ids), database.transaction() as session:
        fresh, crowded = await _claim(session, handlers, deliveries)
        if not fresh:
            return fresh, {}
        events = EventSet([delivery.event for delivery in fresh])
        await handlers.apply(session, events)
        if crowded:
            keys = [delivery.key for delivery in fresh if delivery.event.id not in events.needs]
            if keys:
                await parking.check_order(session, handlers, keys, made)
        if events.needs and not handlers.is_idempotent(events[0]):
            await session.raw.execute(_UNCLAIM, list(events.needs), handlers.group)
    return fresh, events.needs


async def _claim(session: Session, handlers: Handlers, deliveries: Sequence[Delivery]) -> Claimed:
    """Write the events into the inbox, unless their handler is idempotent; return those to handle, each once, in the order given."""
    ids = [delivery.event.id for delivery in deliveries]
    keys = [delivery.key for delivery in deliveries]
    if handlers.is_idempotent(deliveries[0].event):
        parked, crowded = await session.raw.fetchrow(_LOOK, ids, handlers.group, keys)
        left = set(ids).difference(parked or ())
    else:
        claimed, crowded = await session.raw.fetchrow(_CLAIM, ids, handlers.group, keys)
        left = set(ids if claimed is None else claimed)
    if len(left) == len(deliveries):
        return Claimed(list(deliveries), crowded)
    fresh = []
    for delivery in deliveries:
        if delivery.event.id in left:
            left.remove(delivery.event.id)
            fresh.append(delivery)
    return Claimed(fresh, crowded)


async def bury(
    database: Database, group: str, topic: str, key: bytes, raw: bytes, event_id: UUID | None, error: Exception
) -> None:
    """Give an event up: to the dead letters with it, out of the inbox, so that a replay can have its effect."""
    async with database.transaction() as session:
        await parking.bury(session, group, topic, key, raw, event_id, error)
