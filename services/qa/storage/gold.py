"""Gold answers: append-only but for the mark that one is current no more. They never leave qa."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.values import Answers
from shared.kit.database import Session
from shared.kit.jsonb import dump, loaded


@dataclass(frozen=True, slots=True)
class Gold:
    """A revision of a record's gold answers. `exposures`: how many annotators it is to measure."""

    record_id: UUID
    gold_revision: int
    project_id: UUID
    schema_version: int
    answers: Answers
    note: str | None
    exposures: int
    placed_by: str
    placed_at: datetime


_GOLD = "record_id, gold_revision, project_id, schema_version, answers, note, exposures, placed_by, placed_at"
_ADD = f"""
INSERT INTO gold ({_GOLD})
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::integer[], $5::jsonb[], $6::text[], $7::integer[],
    $8::text[], $9::timestamptz[])
"""  # noqa: S608  our own column names
_CURRENT = f"SELECT {_GOLD} FROM gold WHERE record_id = ANY($1::uuid[]) AND current"  # noqa: S608  our own column names
_LAST = """
SELECT record_id, max(gold_revision) AS revision FROM gold WHERE record_id = ANY($1::uuid[]) GROUP BY record_id
"""
_END = """
UPDATE gold SET current = false, ended_at = $2, ended_reason = $3 WHERE record_id = ANY($1::uuid[]) AND current
"""
_REVISIONS = f"""
SELECT {_GOLD}, current, ended_at, ended_reason FROM gold WHERE record_id = $1 ORDER BY gold_revision
"""  # noqa: S608  our own column names
_STATISTICS = """
SELECT (SELECT count(*) FROM gold WHERE project_id = $1 AND current) AS records,
    (SELECT count(*) FROM annotations WHERE project_id = $1 AND role = 'gold') AS answers
"""


async def add(session: Session, placed: Sequence[Gold]) -> None:
    """Add gold answers."""
    await session.raw.execute(
        _ADD,
        [one.record_id for one in placed],
        [one.gold_revision for one in placed],
        [one.project_id for one in placed],
        [one.schema_version for one in placed],
        [dump(one.answers) for one in placed],
        [one.note for one in placed],
        [one.exposures for one in placed],
        [one.placed_by for one in placed],
        [one.placed_at for one in placed],
    )


async def current(session: Session, record_ids: Collection[UUID]) -> dict[UUID, Gold]:
    """The gold answers that count, by record."""
    rows = await session.raw.fetch(_CURRENT, list(record_ids))
    return {row["record_id"]: Gold(**loaded(row, "answers")) for row in rows}


async def last_revisions(session: Session, record_ids: Collection[UUID]) -> dict[UUID, int]:
    """The newest revision of each record that was ever gold."""
    return {row["record_id"]: row["revision"] for row in await session.raw.fetch(_LAST, list(record_ids))}


async def end_current(session: Session, record_ids: Collection[UUID], now: datetime, reason: str) -> None:
    """End the gold answers of records that have one."""
    await session.raw.execute(_END, list(record_ids), now, reason)


async def revisions(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    return [loaded(row, "answers") for row in await session.raw.fetch(_REVISIONS, record_id)]


async def statistics(session: Session, project_id: UUID) -> dict[str, int]:
    """How many records are gold, and how many answers to gold there are."""
    return dict(await session.raw.fetchrow(_STATISTICS, project_id))
