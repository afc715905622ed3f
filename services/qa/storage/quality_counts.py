"""Counts for the report on a project's quality: annotators by status, disputes that wait."""

from dataclasses import dataclass
from uuid import UUID

from shared.kit.database import Session

_ANNOTATORS = """
SELECT status, count(*) AS annotators, coalesce(sum(gold_answers), 0) AS gold_answers,
    coalesce(sum(round(accuracy * gold_answers)), 0)::bigint AS gold_hits
FROM assessments WHERE project_id = $1 GROUP BY status
"""
_SUSPECTED = """
SELECT annotator_id, status, reason, changed_at FROM assessments
WHERE project_id = $1 AND status <> 'active' ORDER BY changed_at DESC NULLS LAST, annotator_id LIMIT $2
"""
_OPEN_DISPUTES = """
SELECT status, count(*) AS disputes FROM disputes WHERE project_id = $1 AND status IN ('open', 'unservable') GROUP BY status
"""


@dataclass(frozen=True, slots=True)
class AnnotatorCounts:
    """How many annotators have this status, and how many of their gold answers were right."""

    status: str
    annotators: int
    gold_answers: int
    gold_hits: int


@dataclass(frozen=True, slots=True)
class SuspectedAnnotator:
    """Who is warned or paused, and why."""

    annotator_id: UUID
    status: str
    reason: str | None


async def annotators(session: Session, project_id: UUID) -> list[AnnotatorCounts]:
    return [AnnotatorCounts(**row) for row in await session.raw.fetch(_ANNOTATORS, project_id)]


async def suspected(session: Session, project_id: UUID, newest: int) -> list[SuspectedAnnotator]:
    """Return who is not active, the newest change first."""
    rows = await session.raw.fetch(_SUSPECTED, project_id, newest)
    return [SuspectedAnnotator(row["annotator_id"], row["status"], row["reason"]) for row in rows]


async def waiting_disputes(session: Session, project_id: UUID) -> dict[str, int]:
    """Return how many disputes are open, and how many nobody could decide."""
    return {row["status"]: row["disputes"] for row in await session.raw.fetch(_OPEN_DISPUTES, project_id)}
