"""Attempts at background work that had no end yet. Each is counted before it begins, whatever ends it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from services.qa.storage.counters import BackgroundWork, Mark
from shared.kit.database import Session

_LONGEST_PAUSE_S = 3_600.0
_PAUSE_S = 2.0

# An attempt that left no word was interrupted.
_BEGIN = """
INSERT INTO work_attempts AS w (project_id, kind, subject, attempts, retry_at)
VALUES ($1, $2, $3, 1, now() + make_interval(secs => least($4, $5 * 2.0)))
ON CONFLICT (project_id, kind, subject) DO UPDATE SET attempts = w.attempts + 1,
    failure = coalesce(w.failure, 'The service was interrupted.'),
    retry_at = now() + make_interval(secs => least($4, $5 * power(2.0, least(w.attempts + 1, 30))))
"""
_FAIL = """
UPDATE work_attempts SET failure = $4, retry_at = now() + make_interval(secs => least($5, $6 * power(2.0, least(attempts, 30))))
WHERE project_id = $1 AND kind = $2 AND subject = $3
"""
_END = "DELETE FROM work_attempts WHERE project_id = $1 AND kind = $2 AND subject = $3"
_FAILING = """
SELECT kind, subject, attempts, failure, retry_at FROM work_attempts
WHERE project_id = $1 AND failure IS NOT NULL ORDER BY kind, subject LIMIT $2
"""


class FailingWork(NamedTuple):
    """Background work whose newest attempt failed, or was interrupted; `annotator_id` where it concerns one."""

    work: BackgroundWork
    annotator_id: UUID | None
    attempts: int
    failure: str
    retry_at: datetime


async def begin(session: Session, mark: Mark) -> None:
    """Count an attempt. If it leaves no word, the next one is due after a pause that grows with the attempts."""
    await session.raw.execute(_BEGIN, *_key(mark), _LONGEST_PAUSE_S, _PAUSE_S)


async def fail(session: Session, mark: Mark, failure: str) -> None:
    """Keep why the attempt failed; the pause begins now."""
    await session.raw.execute(_FAIL, *_key(mark), failure, _LONGEST_PAUSE_S, _PAUSE_S)


async def end(session: Session, mark: Mark) -> None:
    """The work is done: what was attempted before counts no more."""
    await session.raw.execute(_END, *_key(mark))


async def failing(session: Session, project_id: UUID, limit: int) -> Sequence[FailingWork]:
    """The project's work whose newest attempt failed."""
    return [
        FailingWork(
            BackgroundWork(row["kind"]),
            None if row["subject"] == project_id else row["subject"],
            row["attempts"],
            row["failure"],
            row["retry_at"],
        )
        for row in await session.raw.fetch(_FAILING, project_id, limit)
    ]


def _key(mark: Mark) -> tuple[UUID, str, UUID]:
    return mark.project_id, mark.kind, mark.subject or mark.project_id
