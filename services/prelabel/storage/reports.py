"""What others say of models: product systems by feedback, qa by thresholds, drift and releases."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.kit.database import Session

_ADD_FEEDBACK = """
INSERT INTO feedback (feedback_id, project_id, model_id, verdict)
SELECT $1, $2, model_id, $5 FROM (
    SELECT coalesce($3::uuid, (SELECT model_id FROM models WHERE project_id = $2 AND version = $4)) AS model_id
) named WHERE model_id IS NOT NULL
ON CONFLICT DO NOTHING
"""
_FOLD = """
WITH taken AS (
    SELECT feedback_id FROM feedback WHERE NOT counted LIMIT $1 FOR UPDATE SKIP LOCKED
), folded AS (
    UPDATE feedback SET counted = true FROM taken WHERE feedback.feedback_id = taken.feedback_id
    RETURNING feedback.model_id, feedback.verdict
), added AS (
    INSERT INTO feedback_counts (model_id, verdict, reports)
    SELECT model_id, verdict, count(*) FROM folded GROUP BY model_id, verdict ORDER BY model_id, verdict
    ON CONFLICT (model_id, verdict) DO UPDATE SET reports = feedback_counts.reports + excluded.reports
)
SELECT count(*) FROM folded
"""
_COUNTS = """
SELECT verdict, sum(reports)::bigint FROM (
    SELECT verdict, reports FROM feedback_counts WHERE model_id = $1
    UNION ALL SELECT verdict, count(*) FROM feedback WHERE model_id = $1 AND NOT counted GROUP BY verdict
) both_kinds GROUP BY verdict
"""
_KEEP_NOTE = """
INSERT INTO quality_notes (project_id, kind, subject_id, part, revision, body, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7)
ON CONFLICT (subject_id, kind, part) DO UPDATE
    SET revision = excluded.revision, body = excluded.body, occurred_at = excluded.occurred_at
    WHERE quality_notes.revision < excluded.revision
"""
_NOTES = "SELECT body FROM quality_notes WHERE subject_id = $1 AND kind = $2 ORDER BY part"


async def add_feedback(
    session: Session, feedback_id: UUID, project_id: UUID, model_id: UUID | None, version: int | None, verdict: str
) -> None:
    """Keep a report once. It names the model by its id or its version; one that names neither says nothing of a model."""
    await session.raw.execute(_ADD_FEEDBACK, feedback_id, project_id, model_id, version, verdict)


async def fold_feedback(session: Session, most: int) -> int:
    """Add single reports to the counts; answers how many."""
    folded: int = await session.raw.fetchval(_FOLD, most)
    return folded


async def feedback_counts(session: Session, model_id: UUID) -> dict[str, int]:
    """Reports per verdict, folded or not."""
    return {row[0]: row[1] for row in await session.raw.fetch(_COUNTS, model_id)}


async def keep_note(
    session: Session,
    project_id: UUID,
    kind: str,
    subject_id: UUID,
    body: dict[str, Any],
    *,
    revision: int,
    occurred_at: datetime,
    part: str = "",
) -> None:
    """Keep the newest of what qa said of this part of this subject."""
    await session.raw.execute(
        _KEEP_NOTE, project_id, kind, subject_id, part, revision, orjson.dumps(body).decode(), occurred_at
    )


async def notes(session: Session, subject_id: UUID, kind: str) -> list[dict[str, Any]]:
    return [orjson.loads(row[0]) for row in await session.raw.fetch(_NOTES, subject_id, kind)]
