"""Records as prelabel sees them: one narrow row each, locked by whoever changes it. Everything is done for sets."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from services.prelabel.domain.items import Thumbnail
from shared.contracts.values import RecordState, Split
from shared.kit.database import Session
from shared.kit.jsonb import load
from shared.kit.statements import columns


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record without its content."""

    record_id: UUID
    project_id: UUID
    state: RecordState
    state_revision: int


class NewRecord(NamedTuple):
    """A record that comes in; `fields` is JSON.

    `prediction_id` and `schema_version` are of its first prediction, when no model is to be asked: the rest of it is `draw`.
    """

    record_id: UUID
    project_id: UUID
    revision: int
    split: Split
    held_out: bool
    explored: bool
    draw: float
    scored_epoch: int
    prediction_id: UUID | None
    schema_version: int | None
    fields: str


class NewLabel(NamedTuple):
    """The label that finalizes a record. `label` is the class that it gives, if it gives one."""

    record_id: UUID
    state_revision: int
    label: str | None
    schema_version: int
    by_people: bool
    trainable: bool


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
    return Content(record_id, load(row["fields"]), thumbnail_of(row))


def thumbnail_of(row: Any) -> Thumbnail | None:
    """The thumbnail in a row that selected its columns of `contents`, if one was made."""
    if row["thumbnail"] is None:
        return None
    return Thumbnail(
        row["thumbnail_width"], row["thumbnail_height"], row["thumbnail_channels"], bytes(row["thumbnail"])
    )


_GET = "SELECT record_id, project_id, state, state_revision FROM records WHERE record_id = $1"
_LOCK = """
SELECT record_id, project_id, state, state_revision FROM records
WHERE record_id = ANY($1::uuid[]) ORDER BY record_id FOR UPDATE
"""
_HERE = "SELECT record_id FROM records WHERE record_id = ANY($1::uuid[])"
_NEW = (
    "record_id", "project_id", "revision", "split", "held_out", "explored", "draw", "score", "scored_epoch",
    "prediction_revision", "first_prediction_id", "first_schema_version",
)  # fmt: skip
_BURY = """
INSERT INTO records (record_id, project_id, revision, split, held_out, explored, draw, score, scored_epoch, state)
SELECT record_id, project_id, revision, 'train', false, false, 0, 0, 0, 'erased'
FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS row (record_id, project_id, revision) ORDER BY record_id
ON CONFLICT DO NOTHING RETURNING record_id
"""
_ERASE = """
UPDATE records SET revision = row.revision, state = 'erased', label = NULL, trainable = false,
    label_by_people = false, score = 0, first_prediction_id = NULL
FROM unnest($1::uuid[], $2::int[]) AS row (record_id, revision)
WHERE records.record_id = row.record_id
"""
_ERASE_CONTENT = "DELETE FROM contents WHERE record_id = ANY($1::uuid[])"
_ERASE_PREDICTIONS = "DELETE FROM predictions WHERE record_id = ANY($1::uuid[])"
_FINALIZE = """
UPDATE records SET state = 'finalized', state_revision = row.state_revision, label = row.label,
    label_schema_version = row.schema_version, label_by_people = row.by_people, trainable = row.trainable,
    label_seq = nextval('label_seq')
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::boolean[], $6::boolean[])
    AS row (record_id, state_revision, label, schema_version, by_people, trainable)
WHERE records.record_id = row.record_id
"""
_CHANGE_STATE = """
UPDATE records SET state = $3, state_revision = row.state_revision, gold_ever = gold_ever OR $3 = 'gold',
    label = CASE WHEN $3 = 'unlabelable' THEN label END, trainable = false
FROM unnest($1::uuid[], $2::int[]) AS row (record_id, state_revision)
WHERE records.record_id = row.record_id
"""
_ADD_THUMBNAILS = """
UPDATE contents SET thumbnail = row.pixels, thumbnail_width = row.width, thumbnail_height = row.height,
    thumbnail_channels = row.channels
FROM unnest($1::uuid[], $2::bytea[], $3::int[], $4::int[], $5::int[]) AS row (record_id, pixels, width, height, channels)
WHERE contents.record_id = row.record_id
"""
_NEWEST = "SELECT record_id FROM records WHERE project_id = $1 ORDER BY record_id DESC LIMIT 1"


async def add(session: Session, new: Sequence[NewRecord]) -> set[UUID]:
    """Add records, each unless it or its tombstone is here; returns those that were added. None may occur twice.

    Raises asyncpg.UniqueViolationError if another transaction adds one of them meanwhile.
    """
    if not new:
        return set()
    here = {row["record_id"] for row in await session.raw.fetch(_HERE, [row.record_id for row in new])}
    added = sorted(row for row in new if row.record_id not in here)
    await session.raw.copy_records_to_table("records", records=map(_new_row, added), columns=_NEW)
    contents = [(row.record_id, row.fields) for row in added]
    await session.raw.copy_records_to_table("contents", records=contents, columns=("record_id", "fields"))
    return {row.record_id for row in added}


def _new_row(new: NewRecord) -> tuple[Any, ...]:
    """The values of `_NEW`."""
    return (
        *new[:6], new.draw, new.draw, new.scored_epoch, int(new.prediction_id is not None), new.prediction_id,
        new.schema_version,
    )  # fmt: skip


async def get(session: Session, record_id: UUID) -> RecordRow | None:
    """The record as it is, not locked."""
    row = await session.raw.fetchrow(_GET, record_id)
    return None if row is None else _record(row)


async def lock(session: Session, record_ids: Collection[UUID]) -> dict[UUID, RecordRow]:
    """Those of the records that are here, locked in the order of their ids."""
    return {row["record_id"]: _record(row) for row in await session.raw.fetch(_LOCK, list(record_ids))}


def _record(row: Any) -> RecordRow:
    return RecordRow(row["record_id"], row["project_id"], RecordState(row["state"]), row["state_revision"])


async def bury(session: Session, erased: Sequence[tuple[UUID, UUID, int]]) -> set[UUID]:
    """Keep tombstones of records (with project and revision) that are not here; returns those made."""
    return {row["record_id"] for row in await session.raw.fetch(_BURY, *columns(erased))} if erased else set()


async def erase(session: Session, erased: Sequence[tuple[UUID, int]]) -> None:
    """Delete what locked records (with their new revision) held and what was made of it; tombstones stay."""
    if not erased:
        return
    record_ids, revisions = columns(erased)
    await session.raw.execute(_ERASE, record_ids, revisions)
    await session.raw.execute(_ERASE_CONTENT, record_ids)
    await session.raw.execute(_ERASE_PREDICTIONS, record_ids)


async def finalize(session: Session, finalized: Sequence[NewLabel]) -> None:
    """Give locked records their labels."""
    if finalized:
        await session.raw.execute(_FINALIZE, *columns(finalized))


async def change_state(session: Session, changed: Sequence[tuple[UUID, int]], state: RecordState) -> None:
    """Any state but finalized, for locked records with the revision of their state; what label they had is forgotten."""
    if changed:
        await session.raw.execute(_CHANGE_STATE, *columns(changed), state)


async def add_thumbnails(session: Session, thumbnails: Sequence[MadeThumbnail]) -> None:
    """Keep thumbnails that were made on the way, with the records that are still here."""
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
