"""Gold answers: append-only but for the mark that one is current no more. They never leave qa."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.values import Answers
from shared.kit.database import Session
from shared.kit.jsonb import dump, loaded


@dataclass(frozen=True, slots=True)
class Gold:
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
_ADD = f"INSERT INTO gold ({_GOLD}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"  # noqa: S608  our own column names
_CURRENT = f"SELECT {_GOLD} FROM gold WHERE record_id = $1 AND current"  # noqa: S608  our own column names
_LAST = "SELECT COALESCE(max(gold_revision), 0) FROM gold WHERE record_id = $1"
_END = "UPDATE gold SET current = false, ended_at = $2, ended_reason = $3 WHERE record_id = $1 AND current"
_REVISIONS = f"""
SELECT {_GOLD}, current, ended_at, ended_reason FROM gold WHERE record_id = $1 ORDER BY gold_revision
"""  # noqa: S608  our own column names
_STATISTICS = """
SELECT (SELECT count(*) FROM gold WHERE project_id = $1 AND current) AS records,
    (SELECT count(*) FROM annotations WHERE project_id = $1 AND role = 'gold') AS answers
"""


async def add(session: Session, gold: Gold) -> None:
    await session.raw.execute(
        _ADD,
        gold.record_id,
        gold.gold_revision,
        gold.project_id,
        gold.schema_version,
        dump(gold.answers),
        gold.note,
        gold.exposures,
        gold.placed_by,
        gold.placed_at,
    )


async def current(session: Session, record_id: UUID) -> Gold | None:
    row = await session.raw.fetchrow(_CURRENT, record_id)
    return None if row is None else Gold(**loaded(row, "answers"))


async def last_revision(session: Session, record_id: UUID) -> int:
    found: int = await session.raw.fetchval(_LAST, record_id)
    return found


async def end_current(session: Session, record_id: UUID, now: datetime, reason: str) -> None:
    await session.raw.execute(_END, record_id, now, reason)


async def revisions(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    return [loaded(row, "answers") for row in await session.raw.fetch(_REVISIONS, record_id)]


async def statistics(session: Session, project_id: UUID) -> dict[str, int]:
    """How many records are gold, and how many answers to gold there are."""
    return dict(await session.raw.fetchrow(_STATISTICS, project_id))
