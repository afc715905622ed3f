"""What a service publishes: rows written in the transaction of the effect that they report, sent later by the relay.

`outbox` has a row for each set: the events of one topic and project that were published together, compressed. It is only
ever inserted into. `outbox_queue` has a narrow row for each set that is not sent yet.

Order: handlers lock the record's row before they publish and `seq` is drawn inside the transaction, so the order of
`seq`, and within a set the order of its events, is the order of commits for each key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID
from weakref import WeakSet

import orjson

from shared.contracts.envelope import MAX_EVENT_BYTES, Event, Payload
from shared.contracts.topics import TOPIC_OF
from shared.kit import telemetry
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Session
from shared.kit.exceptions import EventTooLarge, KeyMissing
from shared.kit.frames import FramedEvent, pack, unpack


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An event to be published. `key` defaults to what the topic's registry entry names; `event_id` is drawn when None.

    `cause` is the event whose handler publishes this one: it gives `caused_by` and the trace.
    """

    payload: Payload
    project_id: UUID | None = None
    record_id: UUID | None = None
    key: UUID | None = None
    revision: int = 1
    event_id: UUID | None = None
    cause: Event[Any] | None = None


class NewEvent(NamedTuple):
    """An event that is ready to be sent. `envelope` is JSON; `headers`, a JSON object of strings, are a dead letter's."""

    topic: str
    key: UUID
    project_id: UUID | None
    envelope: bytes
    headers: str | None = None


class OutboxRow(NamedTuple):
    """A set to insert, in the order of the parameters of `insertion`."""

    topic: str
    project_id: UUID | None
    events: int
    frame: bytes


_MOST_EVENTS: Final = 500
"""The most events of a set."""

_MOST_BYTES: Final = 1024 * 1024
"""A set that has so many bytes, before they are compressed, gets no more events."""


def insertion(name: str, first: int, condition: str = "true") -> str:
    """Common table expressions, the first called `name`, that put sets into the outbox and its queue.

    They take `columns_of(rows)`, given as the parameters from `first` on, where the condition holds. ORDER BY: `seq` is
    drawn in the order of the list.
    """
    kinds = ("text", "uuid", "int", "bytea")
    parameters = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(kinds, start=first))
    return f"""{name} AS (
    INSERT INTO outbox (topic, project_id, events, frame)
    SELECT topic, project_id, events, frame
    FROM unnest({parameters}) WITH ORDINALITY AS row (topic, project_id, events, frame, place)
    WHERE {condition}
    ORDER BY place
    RETURNING seq, created_at, events
), {name}_queue AS (
    INSERT INTO outbox_queue (seq, created_at, events) SELECT seq, created_at, events FROM {name}
)"""  # noqa: S608  constants


_INSERT_ONE = """
WITH published AS (
    INSERT INTO outbox (topic, project_id, events, frame) VALUES ($1, $2, $3, $4) RETURNING seq, created_at, events
)
INSERT INTO outbox_queue (seq, created_at, events) SELECT seq, created_at, events FROM published
"""
_INSERT_MANY = f"WITH {insertion('published', 1)} SELECT"

_RETRY_SET_ASIDE = "UPDATE outbox_queue SET set_aside = NULL WHERE set_aside IS NOT NULL"
_DROP_SET_ASIDE = "DELETE FROM outbox_queue WHERE set_aside IS NOT NULL AND event_id = $1"


async def publish(
    session: Session,
    payload: Payload,
    *,
    project_id: UUID | None = None,
    record_id: UUID | None = None,
    key: UUID | None = None,
    revision: int = 1,
    event_id: UUID | None = None,
) -> UUID:
    """Publish one event in the session's transaction; returns its id.

    `revision` is the revision of the entity that the key names.

    Raises:
        EventTooLarge: the event as JSON has more than 512 KiB.
        KeyMissing: the topic's key is neither given nor in the payload.
    """
    outgoing = Outgoing(
        payload=payload, project_id=project_id, record_id=record_id, key=key, revision=revision, event_id=event_id
    )
    [published] = await publish_many(session, [outgoing])
    return published


async def publish_many(session: Session, items: Sequence[Outgoing]) -> list[UUID]:
    """Publish events in one statement; returns their ids. Raises what `publish` raises.

    Those of one key are sent in the order given, and those of one topic and project.
    """
    if not items:
        return []
    ids = [item.event_id or new_id() for item in items]
    await add_events(session, _events(items, ids))
    return ids


def prepare(item: Outgoing) -> NewEvent:
    """The event as it will be sent, for `add_events`. Raises what `publish` raises."""
    [event] = _events([item], [item.event_id or new_id()])
    return event


def rows_of(items: Sequence[Outgoing]) -> list[OutboxRow]:
    """The rows of these events, for a hot statement that contains `insertion`."""
    return _rows(_events(items, [item.event_id or new_id() for item in items]))


def columns_of(rows: Sequence[OutboxRow]) -> tuple[list[Any], ...]:
    """The parameters of `insertion`."""
    return tuple(map(list, zip(*rows, strict=True)))


async def add_events(session: Session, events: Sequence[NewEvent]) -> None:
    """Put finished events into the outbox."""
    rows = _rows(events)
    if len(rows) == 1:
        await session.raw.execute(_INSERT_ONE, *rows[0])
    else:
        await session.raw.execute(_INSERT_MANY, *columns_of(rows))
    session.on_commit(wake_relays)


class _Set:
    """A set in the making."""

    def __init__(self, topic: str, project_id: UUID | None) -> None:
        self.of = (topic, project_id)
        self.events: list[FramedEvent] = []
        self.size = 0

    def is_full(self) -> bool:
        return len(self.events) >= _MOST_EVENTS or self.size >= _MOST_BYTES

    def add(self, event: NewEvent) -> None:
        self.events.append(FramedEvent(event.key.bytes, event.envelope, event.headers))
        self.size += len(event.envelope)


def _rows(events: Sequence[NewEvent]) -> list[OutboxRow]:
    """Divide events into sets of one topic and project each.

    The order of each key is kept: an event goes into the first set of its own that has room and comes no earlier than
    the set of the event before it of its key.
    """
    sets: list[_Set] = []
    first_for: dict[UUID, int] = {}
    for event in events:
        wanted = (event.topic, event.project_id)
        place = first_for.get(event.key, 0)
        while place < len(sets) and (sets[place].of != wanted or sets[place].is_full()):
            place += 1
        if place == len(sets):
            sets.append(_Set(*wanted))
        sets[place].add(event)
        first_for[event.key] = place
    return [OutboxRow(*each.of, len(each.events), pack(each.events)) for each in sets]


_models: dict[type[Payload], type[Event[Any]]] = {}


def event_model(payload: type[Payload]) -> type[Event[Any]]:
    """The envelope's model with this payload in it, built once."""
    model = _models.get(payload)
    if model is None:
        model = _models[payload] = Event[payload]  # type: ignore[valid-type]
    return model


def headers_text(headers: Mapping[str, str]) -> str:
    return orjson.dumps(dict(headers)).decode()


def _events(items: Sequence[Outgoing], ids: Sequence[UUID]) -> list[NewEvent]:
    now, traceparent = utc_now(), telemetry.traceparent()
    return [_event(item, event_id, now, traceparent) for item, event_id in zip(items, ids, strict=True)]


def _event(outgoing: Outgoing, event_id: UUID, now: datetime, traceparent: str | None) -> NewEvent:
    payload = outgoing.payload
    kind = type(payload)
    topic, name = TOPIC_OF[kind], kind.event_type()
    cause = outgoing.cause
    if cause is not None and cause.traceparent is not None:
        traceparent = cause.traceparent
    key = outgoing.key
    if key is None:
        key = getattr(outgoing, topic.key, None) or getattr(payload, topic.key, None)
        if key is None:
            raise KeyMissing(f"{name} goes to {topic.name}, which is keyed by {topic.key}")
    if outgoing.revision < 1:
        raise ValueError(f"revision {outgoing.revision}: revisions begin at 1")
    # As `Event[...].model_dump_json()` would write it, which a test compares, in half the time.
    head = orjson.dumps(
        {
            "id": event_id,
            "type": name,
            "version": kind.event_version,
            "occurred_at": now,
            "project_id": outgoing.project_id,
            "record_id": outgoing.record_id,
            "revision": outgoing.revision,
            "caused_by": cause and cause.id,
            "traceparent": traceparent,
        },
        default=str,  # asyncpg's own kind of UUID
        option=orjson.OPT_UTC_Z,
    )
    envelope = b'%b,"payload":%b}' % (head[:-1], kind.__pydantic_serializer__.to_json(payload))
    if len(envelope) > MAX_EVENT_BYTES:
        raise EventTooLarge(f"{name} has {len(envelope)} bytes; at most {MAX_EVENT_BYTES} are sent")
    return NewEvent(topic.name, key, outgoing.project_id, envelope)


def set_of(row: Mapping[str, Any]) -> list[FramedEvent]:
    """The events of a row of the outbox, given with `frame`, or, of the layout before, `key`, `envelope` and `headers`."""
    if row["frame"] is None:
        return [FramedEvent(row["key"].bytes, row["envelope"], row["headers"])]
    return unpack(row["frame"])


async def retry_set_aside(session: Session) -> int:
    """Have the relay try again what the broker refused, once its cause is mended; returns how many events."""
    return _count(await session.raw.execute(_RETRY_SET_ASIDE))


async def drop_set_aside(session: Session, event_id: UUID) -> bool:
    """Give up an event that the broker refused, so that what waits behind it goes on; whether there was such a one."""
    return _count(await session.raw.execute(_DROP_SET_ASIDE, event_id)) > 0


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])


class Wakeable:
    """Something in this process that waits for commits; held weakly, so that forgetting it ends its being woken."""

    def wake(self) -> None:
        raise NotImplementedError


commit_listeners: WeakSet[Wakeable] = WeakSet()
"""The relays and loops of this process. Those of another database look once in vain: cheap, and only tests do that."""


def wake_relays() -> None:
    for each in tuple(commit_listeners):
        each.wake()
