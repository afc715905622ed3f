"""What product systems reported, and what it led to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.envelope import Event
from shared.contracts.events import FeedbackReceived
from shared.contracts.values import Answers
from shared.kit.database import Session
from shared.kit.jsonb import dump, loaded


@dataclass(frozen=True, slots=True)
class Report:
    """A correction that waits to be looked at."""

    feedback_id: UUID
    correction: Answers
    schema_version: int
    observed_at: datetime


_ADD = """
INSERT INTO feedback (feedback_id, record_id, project_id, model_id, schema_version, verdict, prediction, correction,
    confidence, observed_at, effect)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING feedback_id
"""
_PENDING = """
SELECT feedback_id, correction, schema_version, observed_at FROM feedback
WHERE record_id = $1 AND effect = 'pending' AND correction IS NOT NULL ORDER BY observed_at, feedback_id
"""
_SET_EFFECT = "UPDATE feedback SET effect = $2, label_revision = $3 WHERE feedback_id = $1"
_OF_RECORD = """
SELECT feedback_id, model_id, schema_version, verdict, correction, observed_at, effect, label_revision
FROM feedback WHERE record_id = $1 ORDER BY observed_at, feedback_id
"""


async def add(session: Session, event: Event[FeedbackReceived], *, effect: str, erased: bool) -> bool:
    """Keep a report; False when it is here already."""
    payload = event.payload
    added = await session.raw.fetchval(
        _ADD,
        payload.feedback_id,
        event.record_id,
        event.project_id,
        payload.model_id,
        payload.schema_version,
        payload.verdict,
        None if erased else dump(payload.prediction),
        None if erased else dump(payload.correction),
        payload.confidence,
        payload.observed_at,
        effect,
    )
    return added is not None


async def pending(session: Session, record_id: UUID) -> list[Report]:
    """Corrections that had no effect yet, oldest first."""
    return [Report(**loaded(row, "correction")) for row in await session.raw.fetch(_PENDING, record_id)]


async def set_effect(session: Session, feedback_id: UUID, effect: str, label_revision: int | None) -> None:
    await session.raw.execute(_SET_EFFECT, feedback_id, effect, label_revision)


async def of_record(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    return [loaded(row, "correction") for row in await session.raw.fetch(_OF_RECORD, record_id)]
