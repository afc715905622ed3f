"""Unfinished answers: one draft for an annotator and a task, whichever lease it was saved under."""

from datetime import datetime
from uuid import UUID

from shared.kit.database import Session

_SAVE = """
INSERT INTO drafts (task_id, annotator_id, answers, saved_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (task_id, annotator_id) DO UPDATE SET answers = excluded.answers, saved_at = excluded.saved_at
"""
_FIND = "SELECT answers, saved_at FROM drafts WHERE task_id = $1 AND annotator_id = $2"


async def save(session: Session, task_id: UUID, annotator_id: UUID, answers: str, now: datetime) -> None:
    await session.raw.execute(_SAVE, task_id, annotator_id, answers, now)


async def find(session: Session, task_id: UUID, annotator_id: UUID) -> tuple[str, datetime] | None:
    """The draft's answers as JSON text, and when they were saved."""
    row = await session.raw.fetchrow(_FIND, task_id, annotator_id)
    return None if row is None else (row["answers"], row["saved_at"])
