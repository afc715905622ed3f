"""What product systems reported, and how often: insert-only deltas, folded into totals by a loop."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from shared.contracts.events import FeedbackReceived
from shared.kit.database import Session

_INSERT = """
INSERT INTO feedback (feedback_id, project_id, report_hash, body_hash, record_id, model_id, model_version,
    schema_version, prediction, confidence, verdict, correction, observed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12::jsonb, $13)
ON CONFLICT (project_id, report_hash) DO NOTHING RETURNING feedback_id
"""
_FIND = "SELECT feedback_id, record_id, body_hash FROM feedback WHERE project_id = $1 AND report_hash = $2"
_COUNT = "INSERT INTO feedback_deltas (project_id, model, verdict, reports) VALUES ($1, $2, $3, 1)"
# Read before written, in one statement: a delta is in exactly one of the two at any moment.
_FOLD = """
WITH taken AS (
    DELETE FROM feedback_deltas WHERE id IN (
        SELECT id FROM feedback_deltas ORDER BY id LIMIT 10000 FOR UPDATE SKIP LOCKED
    ) RETURNING project_id, model, verdict, reports
), summed AS (
    SELECT project_id, model, verdict, sum(reports) AS reports FROM taken GROUP BY project_id, model, verdict
)
INSERT INTO feedback_totals AS t (project_id, model, verdict, reports)
SELECT project_id, model, verdict, reports FROM summed ORDER BY project_id, model, verdict
ON CONFLICT (project_id, model, verdict) DO UPDATE SET reports = t.reports + excluded.reports
"""
_SUMMARY = """
SELECT model, verdict, sum(reports)::bigint AS reports FROM (
    SELECT model, verdict, reports FROM feedback_totals WHERE project_id = $1
    UNION ALL
    SELECT model, verdict, reports FROM feedback_deltas WHERE project_id = $1
) AS folded_and_not GROUP BY model, verdict ORDER BY model, verdict LIMIT 3000
"""
_AFTER = """
SELECT f.* FROM feedback f JOIN records r USING (record_id)
WHERE f.feedback_id > $1 AND r.state <> 'erased' ORDER BY f.feedback_id LIMIT 500
"""


@dataclass(frozen=True, slots=True)
class KeptFeedback:
    feedback_id: UUID
    record_id: UUID
    body_hash: bytes


async def find(session: Session, project_id: UUID, report_hash: bytes) -> KeptFeedback | None:
    row = await session.raw.fetchrow(_FIND, project_id, report_hash)
    return None if row is None else KeptFeedback(*row)


async def insert(
    session: Session, project_id: UUID, record_id: UUID, report_hash: bytes, body_hash: bytes, payload: FeedbackReceived
) -> bool:
    """Keep a report and count it; False when it came before."""
    added = await session.raw.fetchval(
        _INSERT, payload.feedback_id, project_id, report_hash, body_hash, record_id, payload.model_id,
        payload.model_version, payload.schema_version, _json(payload.prediction), payload.confidence,
        payload.verdict, _json(payload.correction), payload.observed_at,
    )  # fmt: skip
    if added is None:
        return False
    model = str(payload.model_id) if payload.model_id else payload.model_version or ""
    await session.raw.execute(_COUNT, project_id, model, payload.verdict)
    return True


async def fold(session: Session) -> None:
    """Move deltas into the totals."""
    await session.raw.execute(_FOLD)


async def summary(session: Session, project_id: UUID) -> list[tuple[str, str, int]]:
    """Model, verdict and number of reports."""
    return [tuple(row) for row in await session.raw.fetch(_SUMMARY, project_id)]


async def after(session: Session, feedback_id: UUID) -> list[tuple[UUID, UUID, FeedbackReceived]]:
    """Some reports in the order of their ids, with project and record."""
    return [
        (
            row["project_id"],
            row["record_id"],
            FeedbackReceived(
                feedback_id=row["feedback_id"],
                model_id=row["model_id"],
                model_version=row["model_version"],
                schema_version=row["schema_version"],
                prediction=_read(row["prediction"]),
                confidence=row["confidence"],
                verdict=row["verdict"],
                correction=_read(row["correction"]),
                observed_at=row["observed_at"],
            ),
        )
        for row in await session.raw.fetch(_AFTER, feedback_id)
    ]


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _read(value: str | None) -> Any:
    return None if value is None else orjson.loads(value)
