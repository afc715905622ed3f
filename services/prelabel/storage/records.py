"""Records as prelabel sees them: one narrow row each, locked by whoever changes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from services.prelabel.domain.items import Thumbnail
from shared.contracts.events import RecordAccepted, RecordPredicted
from shared.contracts.values import RecordState, Split
from shared.kit.database import Session


@dataclass(frozen=True, slots=True)
class Held:
    """A record's row."""

    record_id: UUID
    project_id: UUID
    revision: int
    state: RecordState
    state_revision: int
    split: Split
    model_id: UUID | None


@dataclass(frozen=True, slots=True)
class Content:
    """What a record holds. A field that is a dict is an asset reference."""

    record_id: UUID
    fields: dict[str, Any]
    thumbnail: Thumbnail | None


MadeThumbnail = tuple[UUID, Thumbnail]
"""A thumbnail that was made just now, and of which record."""

_CONTENT = """
c.fields, c.thumbnail, c.thumbnail_width, c.thumbnail_height, c.thumbnail_channels
"""


def content_of(record_id: UUID, row: Any) -> Content:
    """The content in a row that selected `_CONTENT`."""
    small = None
    if row["thumbnail"] is not None:
        small = Thumbnail(
            row["thumbnail_width"], row["thumbnail_height"], row["thumbnail_channels"], bytes(row["thumbnail"])
        )
    return Content(record_id, orjson.loads(row["fields"]), small)


_LOCK = """
SELECT record_id, project_id, revision, state, state_revision, split, model_id
FROM records WHERE record_id = $1 FOR UPDATE
"""
_GET = (
    "SELECT record_id, project_id, revision, state, state_revision, split, model_id FROM records WHERE record_id = $1"
)
_ADD = """
WITH added AS (
    INSERT INTO records (
        record_id, project_id, revision, split, held_out, explored, draw, score, scored_epoch, prediction_revision
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)
    ON CONFLICT DO NOTHING RETURNING record_id
), content AS (
    INSERT INTO contents (record_id, fields) SELECT record_id, $10::jsonb FROM added
), said AS (
    INSERT INTO predictions (record_id, revision, event_id, body)
    SELECT record_id, $9, $11, $12::jsonb FROM added WHERE $9 > 0
)
SELECT count(*) FROM added
"""
_BURY = """
INSERT INTO records (record_id, project_id, revision, split, held_out, explored, draw, score, scored_epoch, state)
VALUES ($1, $2, $3, 'train', false, false, 0, 0, 0, 'erased')
ON CONFLICT DO NOTHING RETURNING record_id
"""
_ERASE = """
UPDATE records SET revision = $2, state = 'erased', label = NULL, trainable = false, label_by_people = false, score = 0
WHERE record_id = $1
"""
_ERASE_CONTENT = "DELETE FROM contents WHERE record_id = $1"
_ERASE_PREDICTIONS = "DELETE FROM predictions WHERE record_id = $1"
_FINALIZE = """
UPDATE records SET state = 'finalized', state_revision = $2, label = $3, label_schema_version = $4,
    label_by_people = $5, trainable = $6, label_seq = nextval('label_seq')
WHERE record_id = $1
"""
_CHANGE_STATE = """
UPDATE records SET state = $3, state_revision = $2, gold_ever = gold_ever OR $3 = 'gold',
    label = CASE WHEN $3 = 'unlabelable' THEN label END, trainable = false
WHERE record_id = $1
"""
_ADD_THUMBNAILS = """
UPDATE contents SET thumbnail = row.pixels, thumbnail_width = row.width, thumbnail_height = row.height,
    thumbnail_channels = row.channels
FROM unnest($1::uuid[], $2::bytea[], $3::int[], $4::int[], $5::int[]) AS row (record_id, pixels, width, height, channels)
WHERE contents.record_id = row.record_id
"""
_NEWEST = "SELECT record_id FROM records WHERE project_id = $1 ORDER BY record_id DESC LIMIT 1"


async def add(
    session: Session,
    record_id: UUID,
    project_id: UUID,
    revision: int,
    payload: RecordAccepted,
    *,
    draw: float,
    explored: bool,
    scored_epoch: int,
    prediction_id: UUID | None = None,
    prediction: RecordPredicted | None = None,
) -> bool:
    """Add a record, with its first prediction if there is one, unless it or its tombstone is here.

    Says whether it was added.
    """
    fields = {
        name: value if isinstance(value, str) else value.model_dump(mode="json")
        for name, value in payload.fields.items()
    }
    added: int = await session.raw.fetchval(
        _ADD, record_id, project_id, revision, payload.split, payload.split.held_out, explored, draw, scored_epoch,
        0 if prediction is None else 1, orjson.dumps(fields).decode(), prediction_id,
        None if prediction is None else prediction.model_dump_json(),
    )  # fmt: skip
    return added == 1


async def get(session: Session, record_id: UUID) -> Held | None:
    """The record as it is, not locked."""
    return _held(await session.raw.fetchrow(_GET, record_id))


async def lock(session: Session, record_id: UUID) -> Held | None:
    return _held(await session.raw.fetchrow(_LOCK, record_id))


def _held(row: Any) -> Held | None:
    if row is None:
        return None
    return Held(row[0], row[1], row[2], RecordState(row[3]), row[4], Split(row[5]), row[6])


async def erase(session: Session, record_id: UUID, project_id: UUID, revision: int) -> bool:
    """Delete what the record held and everything made from it; keep a tombstone. Says whether anything changed."""
    if await session.raw.fetchval(_BURY, record_id, project_id, revision) is not None:
        return True
    held = await lock(session, record_id)
    if held is None or held.state is RecordState.ERASED:
        return False
    await session.raw.execute(_ERASE, record_id, revision)
    await session.raw.execute(_ERASE_CONTENT, record_id)
    await session.raw.execute(_ERASE_PREDICTIONS, record_id)
    return True


async def finalize(
    session: Session,
    record_id: UUID,
    state_revision: int,
    *,
    label: str | None,
    schema_version: int,
    by_people: bool,
    trainable: bool,
) -> None:
    await session.raw.execute(_FINALIZE, record_id, state_revision, label, schema_version, by_people, trainable)


async def change_state(session: Session, record_id: UUID, state_revision: int, state: RecordState) -> None:
    """Any state but finalized: what was known of a label is forgotten."""
    await session.raw.execute(_CHANGE_STATE, record_id, state_revision, state)


async def add_thumbnails(session: Session, thumbnails: Sequence[MadeThumbnail]) -> None:
    if not thumbnails:
        return
    await session.raw.execute(
        _ADD_THUMBNAILS,
        [record_id for record_id, _ in thumbnails],
        [small.pixels for _, small in thumbnails],
        [small.width for _, small in thumbnails],
        [small.height for _, small in thumbnails],
        [small.channels for _, small in thumbnails],
    )


async def newest(session: Session, project_id: UUID) -> UUID | None:
    """The record with the greatest id; it changes when records come."""
    record_id: UUID | None = await session.raw.fetchval(_NEWEST, project_id)
    return record_id
