"""What others report of models: product systems by feedback, qa by thresholds and releases."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from shared.contracts.values import Verdict
from shared.kit.database import Session
from shared.kit.jsonb import load
from shared.kit.statements import columns

_ADD_FEEDBACK = """
INSERT INTO feedback (feedback_id, project_id, model_id, verdict)
SELECT row.feedback_id, row.project_id, coalesce(row.model_id, m.model_id), row.verdict
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::text[])
    AS row (feedback_id, project_id, model_id, version, verdict)
LEFT JOIN models m ON m.project_id = row.project_id AND m.version = row.version
WHERE coalesce(row.model_id, m.model_id) IS NOT NULL ORDER BY row.feedback_id
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
_KEEP_NOTES = """
INSERT INTO quality_notes (project_id, kind, subject_id, part, revision, body, occurred_at)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::int[], $6::jsonb[], $7::timestamptz[]
) AS row (project_id, kind, subject_id, part, revision, body, occurred_at) ORDER BY subject_id, kind, part
ON CONFLICT (subject_id, kind, part) DO UPDATE
    SET revision = excluded.revision, body = excluded.body, occurred_at = excluded.occurred_at
    WHERE quality_notes.revision < excluded.revision
"""
_NOTES = "SELECT body FROM quality_notes WHERE subject_id = $1 AND kind = $2 ORDER BY part"


class ModelReport(NamedTuple):
    """Feedback on a model, named by its id or its version; one that names neither is not about a model."""

    feedback_id: UUID
    project_id: UUID
    model_id: UUID | None
    version: int | None
    verdict: Verdict


class Note(NamedTuple):
    """What qa published about a part of a subject; `body` is JSON."""

    project_id: UUID
    kind: str
    subject_id: UUID
    part: str
    revision: int
    body: str
    occurred_at: datetime


async def add_feedback(session: Session, reports: Sequence[ModelReport]) -> None:
    """Keep each report once."""
    await session.raw.execute(_ADD_FEEDBACK, *columns(reports))


async def fold_feedback(session: Session, most: int) -> int:
    """Add single reports to the counts; returns how many."""
    folded: int = await session.raw.fetchval(_FOLD, most)
    return folded


async def feedback_counts(session: Session, model_id: UUID) -> dict[str, int]:
    """Reports per verdict, folded or not."""
    return {row[0]: row[1] for row in await session.raw.fetch(_COUNTS, model_id)}


async def keep_notes(session: Session, notes: Sequence[Note]) -> None:
    """Keep the newest note about each part of each subject."""
    newest: dict[tuple[UUID, str, str], Note] = {}
    for note in notes:
        part = (note.subject_id, note.kind, note.part)
        if part not in newest or newest[part].revision < note.revision:
            newest[part] = note
    await session.raw.execute(_KEEP_NOTES, *columns(list(newest.values())))


async def notes(session: Session, subject_id: UUID, kind: str) -> list[dict[str, Any]]:
    return [load(row[0]) for row in await session.raw.fetch(_NOTES, subject_id, kind)]
