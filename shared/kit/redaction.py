"""Takes the payloads of erased records' events out of what was published: the outbox, parked events, and the bus.

The events stay in their places, so that positions have no gaps: of each its envelope is left, with another type that nobody
subscribes to. What a group of consumers has yet to read stays until it has.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from shared.contracts.topics import PAYLOADS
from shared.kit.database import Database, Session
from shared.kit.frames import FramedEvent, pack
from shared.kit.outbox import set_of

REDACTED: Final = "EventRedacted"
"""The type of an envelope whose payload was taken out."""

_MARK: Final = f'"type":"{REDACTED}"'.encode()
_HEAD_BYTES: Final = 128
_UUIDV7: Final = 7
_CLOCKS_DIFFER: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ROWS_WALKED: Final = 2_000
_FRAMES_READ: Final = 20

# What holds no event of the projects is passed without being read.
_WALK: Final = """
SELECT created_at, seq, project_id IS NULL OR project_id = ANY($3::uuid[]) AS wanted FROM outbox
WHERE (created_at, seq) > ($1, $2) ORDER BY created_at, seq LIMIT $4
"""
_SETS: Final = """
SELECT o.created_at, o.seq, o.frame, o.key, o.envelope, o.headers, EXISTS (
    SELECT FROM outbox_queue AS q WHERE q.seq = o.seq AND q.created_at = o.created_at
) AS unsent
FROM unnest($1::timestamptz[], $2::bigint[]) AS wanted (created_at, seq)
JOIN outbox AS o ON o.created_at = wanted.created_at AND o.seq = wanted.seq
ORDER BY o.created_at, o.seq
"""
_REWRITE: Final = """
UPDATE outbox AS o
SET frame = CASE WHEN o.frame IS NOT NULL THEN new.body END, envelope = CASE WHEN o.frame IS NULL THEN new.body END,
    headers = NULL
FROM unnest($1::timestamptz[], $2::bigint[], $3::bytea[]) AS new (created_at, seq, body)
WHERE o.created_at = new.created_at AND o.seq = new.seq
"""
_PARKED: Final = "SELECT event_id, consumer_group, envelope FROM parked WHERE event_key = ANY($1::bytea[])"
_UNPARK: Final = """
DELETE FROM parked WHERE (event_id, consumer_group) IN (
    SELECT event_id, consumer_group FROM unnest($1::uuid[], $2::text[]) AS gone (event_id, consumer_group)
)
"""


def redacted(envelope: bytes) -> bytes | None:
    """The envelope without its payload; None where it has none any more, or one that stays when its record is erased."""
    if is_redacted(envelope):
        return None
    event = _parsed(envelope)
    payload = PAYLOADS.get((event.get("type", ""), event.get("version", 0)))
    if payload is not None and payload.kept_when_erased:
        return None
    return orjson.dumps({**event, "type": REDACTED, "version": 1, "payload": {}})


def _parsed(envelope: bytes) -> dict[str, Any]:
    """The event as JSON; nothing of what is none, which a dead letter may hold."""
    try:
        event = orjson.loads(envelope)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}


def is_redacted(envelope: bytes) -> bool:
    return _MARK in envelope[:_HEAD_BYTES]


async def redact_outbox(database: Database, records: Mapping[UUID, UUID]) -> set[UUID]:
    """Redact the sent events of these records, given with their projects; return those with events that are not sent yet."""
    keys = {record_id.bytes for record_id in records}
    projects = sorted(set(records.values()))
    unsent: set[bytes] = set()
    after = (min(map(_made_at, records)) - _CLOCKS_DIFFER, 0)
    while True:
        async with database.autocommit() as session:
            walked = await session.raw.fetch(_WALK, *after, projects, _ROWS_WALKED)
        wanted = [(row["created_at"], row["seq"]) for row in walked if row["wanted"]]
        for start in range(0, len(wanted), _FRAMES_READ):
            unsent |= await _redact_sets(database, wanted[start : start + _FRAMES_READ], keys)
        if len(walked) < _ROWS_WALKED:
            return {record_id for record_id in records if record_id.bytes in unsent}
        after = (walked[-1]["created_at"], walked[-1]["seq"])


async def _redact_sets(
    database: Database, places: Sequence[tuple[datetime, int]], keys: Collection[bytes]
) -> set[bytes]:
    """Redact sets of the outbox; return the keys of events in those that the bus doesn't have yet."""
    async with database.autocommit() as session:
        rows = await session.raw.fetch(_SETS, [at for at, _ in places], [seq for _, seq in places])
    changed, unsent = await asyncio.to_thread(_redact_rows, rows, keys)
    if changed:
        async with database.transaction() as session:
            await session.raw.execute(
                _REWRITE,
                [row["created_at"] for row, _ in changed],
                [row["seq"] for row, _ in changed],
                [body for _, body in changed],
            )
    return unsent


def _redact_rows(rows: Iterable[Any], keys: Collection[bytes]) -> tuple[list[tuple[Any, bytes]], set[bytes]]:
    """The rows that change, each with its new frame or envelope, and the keys that stay because their set is unsent."""
    changed: list[tuple[Any, bytes]] = []
    unsent: set[bytes] = set()
    for row in rows:
        events = set_of(row)
        new = {
            place: envelope
            for place, event in enumerate(events)
            if event.key in keys and (envelope := redacted(event.envelope)) is not None
        }
        if not new:
            continue
        if row["unsent"]:
            unsent |= {events[place].key for place in new}
            continue
        kept = [
            FramedEvent(event.key, new[place]) if place in new else event  # a dead letter's headers say what was wrong
            for place, event in enumerate(events)
        ]
        changed.append((row, kept[0].envelope if row["frame"] is None else pack(kept)))
    return changed, unsent


async def drop_parked(session: Session, record_ids: Collection[UUID]) -> None:
    """Delete the parked events of these records: the tombstone would refuse their content."""
    rows = await session.raw.fetch(_PARKED, [record_id.bytes for record_id in record_ids])
    gone = [row for row in rows if redacted(bytes(row["envelope"])) is not None]
    if gone:
        await session.raw.execute(_UNPARK, [row["event_id"] for row in gone], [row["consumer_group"] for row in gone])


def _made_at(record_id: UUID) -> datetime:
    """When an id was drawn: nothing about a record was published before. The epoch for one that is no UUIDv7."""
    if record_id.version != _UUIDV7:
        return _EPOCH + _CLOCKS_DIFFER
    return _EPOCH + timedelta(milliseconds=record_id.int >> 80)
