"""The one row of a record: everything that changes a record locks it first."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from services.qa.domain.standing import Record
from shared.contracts.fields import FieldValue, parse_fields
from shared.contracts.values import RecordState, Route, Split
from shared.kit.database import Session
from shared.kit.jsonb import dump, load, loaded

_NAMES = tuple(one.name for one in fields(Record))
_CHANGING = tuple(name for name in _NAMES if name not in {"record_id", "project_id"})
_COLUMNS = ", ".join(_NAMES)
_SELECT = f"SELECT {_COLUMNS} FROM records WHERE record_id = $1"  # noqa: S608  our own column names
_LOCK = f"{_SELECT} FOR UPDATE"
_INSERT = "INSERT INTO records (record_id, project_id) VALUES ($1, $2) ON CONFLICT (record_id) DO NOTHING"
_SAVE = f"""
UPDATE records SET {", ".join(f"{name} = ${place}" for place, name in enumerate(_CHANGING, start=2))}
WHERE record_id = $1
"""  # noqa: S608  our own column names

_ADD_CONTENT = (
    "UPDATE records SET fields = $2, slice = $3, purposes = $4, entry_schema_version = $5 WHERE record_id = $1"
)
_CONTENT = "SELECT fields FROM records WHERE record_id = $1"

# One statement per table that holds content; what tells how the record went stays.
_ERASE = (
    "UPDATE records SET fields = NULL, slice = NULL, salt = NULL, request = NULL WHERE record_id = $1",
    """
    WITH erased AS (
        UPDATE annotations SET answers = NULL, reason = NULL WHERE record_id = $1 RETURNING project_id, record_id
    )
    INSERT INTO agreement_changes (project_id, record_id) SELECT DISTINCT project_id, record_id FROM erased
    """,
    "UPDATE predictions SET answers = NULL, distributions = NULL WHERE record_id = $1",
    "UPDATE labels SET answers = NULL WHERE record_id = $1",
    "UPDATE decisions SET answers = NULL, reason = NULL WHERE record_id = $1",
    "UPDATE disputes SET disputed = NULL WHERE record_id = $1",
    "UPDATE gold SET answers = NULL, note = NULL, ended_reason = NULL WHERE record_id = $1",
    "UPDATE feedback SET prediction = NULL, correction = NULL, effect = 'kept' WHERE record_id = $1",
    "UPDATE skips SET reason = NULL WHERE record_id = $1",
)

_OPEN_WITH_VOTES_OF = """
SELECT DISTINCT records.record_id FROM annotations
JOIN records ON records.record_id = annotations.record_id AND records.round = annotations.round
WHERE annotations.project_id = $1 AND annotations.annotator_id = $2 AND annotations.role = 'vote'
    AND (records.state = 'open' OR records.under_review) AND records.record_id > $3
ORDER BY records.record_id LIMIT $4
"""

_PAGE_FOR_REPUBLISH = f"""
SELECT {_COLUMNS} FROM records WHERE record_id > $1 AND revision > 0 ORDER BY record_id LIMIT $2
"""  # noqa: S608  our own column names

_ENTRY = """
SELECT record_id, project_id, split, origin, collected_by_chance, purposes, entry_schema_version, slice, source_revision
FROM records WHERE record_id = $1
"""

NOWHERE = UUID(int=0)
"""Before every id: where a keyset list begins."""


def _record(row: Mapping[str, Any]) -> Record:
    found = dict(row)
    found["state"] = RecordState(found["state"])
    found["split"] = Split(found["split"]) if found["split"] else None
    found["route"] = Route(found["route"]) if found["route"] else None
    found["request"] = load(found["request"])
    return Record(**found)


async def lock(session: Session, record_id: UUID, project_id: UUID) -> Record:
    """The record under its lock until the transaction ends; made when nothing was heard of it yet."""
    row = await session.raw.fetchrow(_LOCK, record_id)
    if row is None:
        await session.raw.execute(_INSERT, record_id, project_id)
        row = await session.raw.fetchrow(_LOCK, record_id)
    return _record(row)


async def lock_known(session: Session, record_id: UUID) -> Record | None:
    """The record under its lock, None when it never came."""
    row = await session.raw.fetchrow(_LOCK, record_id)
    return _record(row) if row is not None and row["known"] else None


async def find(session: Session, record_id: UUID) -> Record | None:
    """The record as it stands, without its lock; None when it never came."""
    row = await session.raw.fetchrow(_SELECT, record_id)
    return _record(row) if row is not None and row["known"] else None


async def save(session: Session, record: Record) -> None:
    values = [getattr(record, name) for name in _CHANGING]
    values[_CHANGING.index("request")] = dump(record.request)
    await session.raw.execute(_SAVE, record.record_id, *values)


async def add_content(
    session: Session,
    record_id: UUID,
    content: Mapping[str, Any],
    slice_: Mapping[str, Any],
    purposes: Sequence[str],
    schema_version: int,
) -> None:
    await session.raw.execute(_ADD_CONTENT, record_id, dump(content), dump(slice_), list(purposes), schema_version)


async def content(session: Session, record_id: UUID) -> dict[str, FieldValue] | None:
    """What the record carries, None once it is erased."""
    found = load(await session.raw.fetchval(_CONTENT, record_id))
    return None if found is None else parse_fields(found)


async def erase_content(session: Session, record_id: UUID) -> None:
    for statement in _ERASE:
        await session.raw.execute(statement, record_id)


async def open_with_votes_of(
    session: Session, project_id: UUID, annotator_id: UUID, after: UUID | None, limit: int
) -> list[UUID]:
    """Records that are not decided yet and count an annotation of this annotator."""
    rows = await session.raw.fetch(_OPEN_WITH_VOTES_OF, project_id, annotator_id, after or NOWHERE, limit)
    return [row["record_id"] for row in rows]


async def page_for_republish(session: Session, after: UUID | None, limit: int) -> list[Record]:
    """Records of which something was published, in the order of their ids."""
    return [_record(row) for row in await session.raw.fetch(_PAGE_FOR_REPUBLISH, after or NOWHERE, limit)]


async def entry_of(session: Session, record_id: UUID) -> dict[str, Any] | None:
    """How the record came in, for its lineage."""
    row = await session.raw.fetchrow(_ENTRY, record_id)
    return None if row is None else loaded(row, "slice")
