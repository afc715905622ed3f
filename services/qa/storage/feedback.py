"""What product systems reported, and what it led to."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.qa.domain.facts import Report
from services.qa.domain.verdict import RecordReport
from shared.contracts.envelope import Event
from shared.contracts.events import FeedbackReceived
from shared.kit.database import Session
from shared.kit.jsonb import dump, loaded

_ADD = """
INSERT INTO feedback (feedback_id, record_id, project_id, model_id, schema_version, verdict, prediction, correction,
    confidence, observed_at, effect)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::integer[], $6::text[], $7::jsonb[],
    $8::jsonb[], $9::double precision[], $10::timestamptz[], $11::text[])
ON CONFLICT DO NOTHING RETURNING feedback_id
"""
_PENDING = """
SELECT record_id, feedback_id, correction, schema_version FROM unnest($1::uuid[]) AS wanted (record_id)
CROSS JOIN LATERAL (
    SELECT feedback_id, correction, schema_version, observed_at FROM feedback
    WHERE feedback.record_id = wanted.record_id AND effect = 'pending' AND correction IS NOT NULL
    ORDER BY observed_at, feedback_id LIMIT $2
) AS oldest
ORDER BY record_id, observed_at, feedback_id
"""
# Of final labels that are not under review.
_OVERDUE = """
SELECT DISTINCT feedback.record_id, feedback.project_id FROM feedback JOIN records USING (record_id)
WHERE feedback.effect = 'pending' AND feedback.record_id > $1
    AND records.state = 'finalized' AND NOT records.under_review AND NOT records.verdict_pending
ORDER BY feedback.record_id LIMIT $2
"""
_SET_EFFECTS = """
UPDATE feedback SET effect = had.effect, label_revision = had.label_revision
FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS had (feedback_id, effect, label_revision)
WHERE feedback.feedback_id = had.feedback_id
"""
_OF_RECORD = """
SELECT feedback_id, model_id, schema_version, verdict, correction, observed_at, effect, label_revision
FROM feedback WHERE record_id = $1 ORDER BY observed_at DESC, feedback_id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Received:
    """A report as it came. `pending`: it has an effect on the record's label, by and by."""

    event: Event[FeedbackReceived]
    pending: bool
    erased: bool


async def add(session: Session, reports: Sequence[Received]) -> set[UUID]:
    """Keep reports, of an erased record without content; returns the ids of those not here yet."""
    payloads = [one.event.payload for one in reports]
    rows = await session.raw.fetch(
        _ADD,
        [one.feedback_id for one in payloads],
        [one.event.record_id for one in reports],
        [one.event.project_id for one in reports],
        [one.model_id for one in payloads],
        [one.schema_version for one in payloads],
        [one.verdict for one in payloads],
        [None if one.erased else dump(one.event.payload.prediction) for one in reports],
        [None if one.erased else dump(one.event.payload.correction) for one in reports],
        [one.confidence for one in payloads],
        [one.observed_at for one in payloads],
        ["pending" if one.pending else "kept" for one in reports],
    )
    return {row["feedback_id"] for row in rows}


async def pending(session: Session, record_ids: Collection[UUID], most: int) -> dict[UUID, list[Report]]:
    """By record, corrections that had no effect yet, oldest first; of each record at most so many."""
    found: dict[UUID, list[Report]] = {}
    for row in await session.raw.fetch(_PENDING, list(record_ids), most):
        values = loaded(row, "correction")
        found.setdefault(values.pop("record_id"), []).append(Report(**values))
    return found


async def overdue(session: Session, after: UUID, limit: int) -> dict[UUID, UUID]:
    """Records, with their projects, whose label stands although reports on it had no effect yet."""
    rows = await session.raw.fetch(_OVERDUE, after, limit)
    return {row["record_id"]: row["project_id"] for row in rows}


async def set_effects(session: Session, effects: Sequence[RecordReport]) -> None:
    """Keep what reports led to, and on which revision of the label."""
    await session.raw.execute(
        _SET_EFFECTS,
        [one.feedback_id for one in effects],
        [one.effect for one in effects],
        [one.label_revision for one in effects],
    )


async def of_record(session: Session, record_id: UUID, newest: int) -> list[dict[str, Any]]:
    """The newest reports, oldest first."""
    rows = await session.raw.fetch(_OF_RECORD, record_id, newest)
    return [loaded(row, "correction") for row in reversed(rows)]
