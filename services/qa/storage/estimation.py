"""What an estimation reads of annotations and of the records they are of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.kit.database import Session

# An annotation that was corrected counts no more; a voided one still measures its annotator.
_NEWEST = """
SELECT record_id, annotation_id, annotator_id, role, answers, submitted_at, prediction_shown,
    (extract(epoch FROM submitted_at) * 1000000)::bigint AS submitted_us
FROM annotations
WHERE project_id = $1 AND schema_version = $2 AND (submitted_at, annotation_id) < ($3, $4)
    AND answers IS NOT NULL AND role <> 'superseded'
ORDER BY submitted_at DESC, annotation_id DESC LIMIT $5
"""
_RECORDS = """
SELECT record_id, state, split, audit, round, route, routed_prediction_id FROM records
WHERE record_id = ANY($1::uuid[])
"""
_TRUTHS = """
SELECT record_id, answers, true AS is_gold, NULL AS decided_by, NULL AS reason FROM gold
WHERE record_id = ANY($1::uuid[]) AND current AND schema_version = $2 AND answers IS NOT NULL
UNION ALL
SELECT record_id, answers, false, parameters->>'by', parameters->>'reason' FROM labels
WHERE record_id = ANY($1::uuid[]) AND current AND schema_version = $2 AND method = 'decision' AND answers IS NOT NULL
"""
_DISTRIBUTIONS = """
SELECT prediction_id, distributions FROM predictions
WHERE prediction_id = ANY($1::uuid[]) AND schema_version = $2 AND model_id IS NOT NULL AND distributions IS NOT NULL
"""
_END = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EstimatedRecord:
    """Whether a model's answer may count for a record, and whether it is closed."""

    record_id: UUID
    state: str
    split: str | None
    audit: bool
    round: int
    route: str | None
    routed_prediction_id: UUID | None


@dataclass(frozen=True, slots=True)
class Truth:
    """What is certain of a record; `answers` as text. Of a decision, who made it (`arbiter`, `expert`) and what it was asked for."""

    answers: str
    is_gold: bool
    decided_by: str | None
    reason: str | None


async def newest(
    session: Session, project_id: UUID, schema_version: int, before: tuple[datetime, UUID] | None, limit: int
) -> list[Any]:
    """A page of the annotations of a schema version, newest first; `answers` as text."""
    moment, annotation_id = before or (_END, UUID(int=2**128 - 1))
    rows: list[Any] = await session.raw.fetch(_NEWEST, project_id, schema_version, moment, annotation_id, limit)
    return rows


async def records(session: Session, ids: Sequence[UUID]) -> dict[UUID, EstimatedRecord]:
    """How records stand."""
    return {row["record_id"]: EstimatedRecord(**row) for row in await session.raw.fetch(_RECORDS, ids)}


async def truths(session: Session, ids: Sequence[UUID], schema_version: int) -> dict[UUID, Truth]:
    """What is certain of records, by a gold answer or an arbiter's decision."""
    rows = await session.raw.fetch(_TRUTHS, ids, schema_version)
    return {row["record_id"]: Truth(row["answers"], row["is_gold"], row["decided_by"], row["reason"]) for row in rows}


async def distributions(session: Session, ids: Sequence[UUID], schema_version: int) -> dict[UUID, str]:
    """The distributions of models' predictions, given by id, as text."""
    if not ids:
        return {}
    rows = await session.raw.fetch(_DISTRIBUTIONS, ids, schema_version)
    return {row["prediction_id"]: row["distributions"] for row in rows}
