"""What a bias audit reads, page by page, and the newest one of each project."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from shared.kit.database import Session
from shared.kit.jsonb import dump

# The answers of the first round, without those that were corrected or came late.
_ANSWERS: Final = """
SELECT record_id, annotation_id, annotator_id, role, round, answers, submitted_at FROM annotations
WHERE project_id = $1 AND schema_version = $2 AND (submitted_at, annotation_id) < ($3, $4)
    AND answers IS NOT NULL AND role IN ('vote', 'gold', 'void')
ORDER BY submitted_at DESC, annotation_id DESC LIMIT $5
"""
_LABELS: Final = """
SELECT record_id, label_id, answers, schema_version FROM labels
WHERE project_id = $1 AND current AND label_id < $2 ORDER BY label_id DESC LIMIT $3
"""
_SLICES: Final = "SELECT record_id, slice FROM records WHERE record_id = ANY($1::uuid[]) AND slice IS NOT NULL"
_GROUPS: Final = "SELECT annotator_id, pool, languages FROM annotators WHERE annotator_id = ANY($1::uuid[])"
_SAVE: Final = """
INSERT INTO bias_audits (project_id, schema_version, content, measured_at) VALUES ($1, $2, $3::jsonb, $4)
ON CONFLICT (project_id) DO UPDATE SET schema_version = excluded.schema_version, content = excluded.content,
    measured_at = excluded.measured_at
"""
_NEWEST: Final = "SELECT schema_version, content, measured_at FROM bias_audits WHERE project_id = $1"

LAST_ID: Final = UUID(int=2**128 - 1)
_END: Final = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StoredAudit:
    """`content` is the JSON of it."""

    schema_version: int
    content: str
    measured_at: datetime


async def answers(
    session: Session, project_id: UUID, schema_version: int, before: tuple[datetime, UUID] | None, limit: int
) -> list[Any]:
    """A page of answers, newest first; `answers` as text."""
    rows: list[Any] = await session.raw.fetch(_ANSWERS, project_id, schema_version, *(before or (_END, LAST_ID)), limit)
    return rows


async def labels(session: Session, project_id: UUID, before: UUID, limit: int) -> list[Any]:
    """A page of the labels that stand, the newest first; `answers` as text."""
    rows: list[Any] = await session.raw.fetch(_LABELS, project_id, before, limit)
    return rows


async def slices(session: Session, record_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The slice metadata of records, as text."""
    return {row["record_id"]: row["slice"] for row in await session.raw.fetch(_SLICES, record_ids)}


async def groups(session: Session, annotator_ids: Sequence[UUID]) -> dict[UUID, tuple[str, Sequence[str]]]:
    """The pool and the languages of annotators."""
    rows = await session.raw.fetch(_GROUPS, annotator_ids)
    return {row["annotator_id"]: (row["pool"], row["languages"]) for row in rows}


async def save(session: Session, project_id: UUID, schema_version: int, content: dict[str, Any], now: datetime) -> None:
    await session.raw.execute(_SAVE, project_id, schema_version, dump(content), now)


async def newest(session: Session, project_id: UUID) -> StoredAudit | None:
    row = await session.raw.fetchrow(_NEWEST, project_id)
    return None if row is None else StoredAudit(**row)
