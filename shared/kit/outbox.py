"""What a service publishes: rows written in the transaction of the effect that they report, sent later by the relay.

`outbox` has the events and is only ever inserted into; `outbox_queue` has a narrow row for each that is not sent yet.

Order: handlers lock the record's row before they publish and `seq` is drawn inside the transaction, so the order of
`seq` is the order of commits for each key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID
from weakref import WeakSet

import orjson

from shared.contracts.envelope import MAX_EVENT_BYTES, Event, Payload
from shared.contracts.topics import TOPIC_OF
from shared.kit import telemetry
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Session
from shared.kit.exceptions import EventTooLarge, KeyMissing


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


class OutboxRow(NamedTuple):
    """One row to insert, in the order of the parameters of `insertion`."""

    id: UUID
    topic: str
    type: str
    key: UUID
    project_id: UUID | None
    envelope: bytes
    headers: str | None = None


def insertion(name: str, first: int, condition: str = "true") -> str:
    """Common table expressions, the first called `name`, that put events into the outbox and its queue.

    They take `columns_of(rows)`, given as the parameters from `first` on, where the condition holds. ORDER BY: `seq` is
    drawn in the order of the list.
    """
    kinds = ("uuid", "text", "text", "uuid", "uuid", "bytea", "text")
    parameters = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(kinds, start=first))
    return f"""{name} AS (
    INSERT INTO outbox (id, topic, type, key, project_id, envelope, headers)
    SELECT id, topic, type, key, project_id, envelope, headers
    FROM unnest({parameters})
        WITH ORDINALITY AS row (id, topic, type, key, project_id, envelope, headers, place)
    WHERE {condition}
    ORDER BY place
    RETURNING seq, created_at
), {name}_queue AS (INSERT INTO outbox_queue (seq, created_at) SELECT seq, created_at FROM {name})"""  # noqa: S608  constants


_INSERT_ONE = """
WITH published AS (
    INSERT INTO outbox (id, topic, type, key, project_id, envelope, headers) VALUES ($1, $2, $3, $4, $5, $6, $7)
    RETURNING seq, created_at
)
INSERT INTO outbox_queue (seq, created_at) SELECT seq, created_at FROM published
"""
_INSERT_MANY = f"WITH {insertion('published', 1)} SELECT"

_RETRY_SET_ASIDE = "UPDATE outbox_queue SET set_aside = NULL WHERE set_aside IS NOT NULL"
_DROP_SET_ASIDE = """
WITH dropped AS (
    DELETE FROM outbox_queue AS q USING outbox AS o
    WHERE q.set_aside IS NOT NULL AND o.created_at = q.created_at AND o.seq = q.seq AND o.id = $1
    RETURNING q.seq, q.created_at
)
DELETE FROM outbox AS o USING dropped WHERE o.created_at = dropped.created_at AND o.seq = dropped.seq
"""


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
    row = _row(outgoing, utc_now(), telemetry.traceparent())
    await session.raw.execute(_INSERT_ONE, *row)
    session.on_commit(wake_relays)
    return row.id


async def publish_many(session: Session, items: Sequence[Outgoing]) -> list[UUID]:
    """Publish events in the order given, in one statement; returns their ids. Raises what `publish` raises."""
    if not items:
        return []
    rows = rows_of(items)
    await add_rows(session, rows)
    return [row.id for row in rows]


def rows_of(items: Sequence[Outgoing]) -> list[OutboxRow]:
    """The rows of these events, for `add_rows`, or for a hot statement that contains `insertion`."""
    now, traceparent = utc_now(), telemetry.traceparent()
    return [_row(item, now, traceparent) for item in items]


def columns_of(rows: Sequence[OutboxRow]) -> tuple[list[Any], ...]:
    """The parameters of `insertion`."""
    return tuple(map(list, zip(*rows, strict=True)))


async def add_rows(session: Session, rows: Sequence[OutboxRow]) -> None:
    """Put finished rows into the outbox, in the order given."""
    await session.raw.execute(_INSERT_MANY, *columns_of(rows))
    session.on_commit(wake_relays)


_models: dict[type[Payload], type[Event[Any]]] = {}


def event_model(payload: type[Payload]) -> type[Event[Any]]:
    """The envelope's model with this payload in it, built once."""
    model = _models.get(payload)
    if model is None:
        model = _models[payload] = Event[payload]  # type: ignore[valid-type]
    return model


def headers_text(headers: Mapping[str, str]) -> str:
    return orjson.dumps(dict(headers)).decode()


def _row(outgoing: Outgoing, now: datetime, traceparent: str | None) -> OutboxRow:
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
    event_id = outgoing.event_id or new_id()
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
    return OutboxRow(event_id, topic.name, name, key, outgoing.project_id, envelope)


async def retry_set_aside(session: Session) -> int:
    """Have the relay try again what the broker refused, once its cause is mended; returns how many rows."""
    return _count(await session.raw.execute(_RETRY_SET_ASIDE))


async def drop_set_aside(session: Session, event_id: UUID) -> bool:
    """Give up a row that the broker refused, so that what waits behind it goes on; whether there was such a row."""
    return _count(await session.raw.execute(_DROP_SET_ASIDE, event_id)) > 0


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])


class Wakeable:
    """Something in this process that waits for commits; held weakly, so that forgetting it ends its being woken."""

    def wake(self) -> None:
        raise NotImplementedError


relays: WeakSet[Wakeable] = WeakSet()
"""The relays of this process. One that serves another database looks once in vain: cheap, and only tests do that."""


def wake_relays() -> None:
    for each in tuple(relays):
        each.wake()
