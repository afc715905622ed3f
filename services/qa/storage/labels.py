"""Labels, decisions and disputes: append-only but for the marks that one is current no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.values import Answers, LabelMethod, Split
from shared.kit.database import Session
from shared.kit.jsonb import dump, loaded


@dataclass(frozen=True, slots=True)
class Label:
    """One revision of a record's label. `measures`: blind, by people, on a record drawn to measure models."""

    label_id: UUID
    record_id: UUID
    label_revision: int
    project_id: UUID
    round: int
    method: LabelMethod
    answers: Answers | None
    confidence: float
    schema_version: int
    guideline_version: int | None
    split: Split
    trainable: bool
    measures: bool
    annotations: int
    model_id: UUID | None
    prediction_id: UUID | None
    decision_id: UUID | None
    parameters: Mapping[str, Any]
    finalized_at: datetime


_LABEL = (
    "label_id, record_id, label_revision, project_id, round, method, answers, confidence, schema_version,"
    " guideline_version, split, trainable, measures, annotations, model_id, prediction_id, decision_id, parameters,"
    " finalized_at"
)
_ADD = f"""
INSERT INTO labels ({_LABEL})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
"""  # noqa: S608  our own column names
_END = """
UPDATE labels SET current = false, ended_at = $2, ended_reason = $3 WHERE record_id = $1 AND current
RETURNING label_id, method
"""
_CURRENT = f"SELECT {_LABEL} FROM labels WHERE record_id = $1 AND current"  # noqa: S608  our own column names
_REVISIONS = f"""
SELECT {_LABEL}, current, ended_at, ended_reason FROM labels WHERE record_id = $1 ORDER BY label_revision
"""  # noqa: S608  our own column names

_DECIDE = """
INSERT INTO decisions (decision_id, record_id, project_id, round, annotator_id, answers, reason, schema_version,
    dispute_id, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
"""
_DECISIONS = """
SELECT decision_id, round, annotator_id, answers, reason, schema_version, dispute_id, decided_at
FROM decisions WHERE record_id = $1 ORDER BY decided_at, decision_id
"""

_OPEN = """
INSERT INTO disputes (dispute_id, record_id, project_id, round, schema_version, reason, disputed, status, opened_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8)
"""
_SET_DISPUTE = """
UPDATE disputes SET status = $2, closed_at = $3 WHERE record_id = $1 AND status IN ('open', 'unservable')
RETURNING dispute_id
"""
_REOPEN = """
UPDATE disputes SET status = 'open' WHERE record_id = $1 AND status = 'unservable'
RETURNING dispute_id, schema_version, reason, disputed
"""
_DISPUTE_IS_OPEN = "SELECT dispute_id FROM disputes WHERE record_id = $1 AND status IN ('open', 'unservable')"
_DISPUTES_OF_RECORD = """
SELECT dispute_id, round, schema_version, reason, disputed, status, opened_at, closed_at
FROM disputes WHERE record_id = $1 ORDER BY opened_at
"""


def _label(row: Mapping[str, Any]) -> Label:
    found = loaded(row, "answers", "parameters")
    return Label(**{**found, "method": LabelMethod(found["method"]), "split": Split(found["split"])})


async def add(session: Session, label: Label) -> None:
    await session.raw.execute(
        _ADD,
        label.label_id,
        label.record_id,
        label.label_revision,
        label.project_id,
        label.round,
        label.method,
        dump(label.answers),
        label.confidence,
        label.schema_version,
        label.guideline_version,
        label.split,
        label.trainable,
        label.measures,
        label.annotations,
        label.model_id,
        label.prediction_id,
        label.decision_id,
        dump(label.parameters),
        label.finalized_at,
    )


async def end_current(session: Session, record_id: UUID, now: datetime, reason: str) -> LabelMethod | None:
    """Say that the current label, if there is one, stands no more; answers how it was made."""
    row = await session.raw.fetchrow(_END, record_id, now, reason)
    return None if row is None else LabelMethod(row["method"])


async def current(session: Session, record_id: UUID) -> Label | None:
    row = await session.raw.fetchrow(_CURRENT, record_id)
    return None if row is None else _label(row)


async def revisions(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    return [loaded(row, "answers", "parameters") for row in await session.raw.fetch(_REVISIONS, record_id)]


async def add_decision(
    session: Session,
    *,
    decision_id: UUID,
    record_id: UUID,
    project_id: UUID,
    number: int,
    annotator_id: UUID,
    answers: Answers,
    reason: str | None,
    schema_version: int,
    dispute_id: UUID | None,
    decided_at: datetime,
) -> None:
    await session.raw.execute(
        _DECIDE,
        decision_id,
        record_id,
        project_id,
        number,
        annotator_id,
        dump(answers),
        reason,
        schema_version,
        dispute_id,
        decided_at,
    )


async def decisions_of(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    return [loaded(row, "answers") for row in await session.raw.fetch(_DECISIONS, record_id)]


async def open_dispute(
    session: Session,
    *,
    dispute_id: UUID,
    record_id: UUID,
    project_id: UUID,
    number: int,
    schema_version: int,
    reason: str,
    disputed: Sequence[Answers],
    now: datetime,
) -> None:
    await session.raw.execute(
        _OPEN, dispute_id, record_id, project_id, number, schema_version, reason, dump(list(disputed)), now
    )


async def set_dispute(session: Session, record_id: UUID, status: str, now: datetime | None) -> UUID | None:
    """Change the record's open dispute, if there is one; answers which."""
    found: UUID | None = await session.raw.fetchval(_SET_DISPUTE, record_id, status, now)
    return found


async def open_dispute_of(session: Session, record_id: UUID) -> UUID | None:
    found: UUID | None = await session.raw.fetchval(_DISPUTE_IS_OPEN, record_id)
    return found


@dataclass(frozen=True, slots=True)
class Dispute:
    dispute_id: UUID
    schema_version: int
    reason: str
    disputed: list[Answers]


async def reopen_dispute(session: Session, record_id: UUID) -> Dispute | None:
    """Open the dispute that nobody could decide; None when there is none."""
    row = await session.raw.fetchrow(_REOPEN, record_id)
    return None if row is None else Dispute(**loaded(row, "disputed"))


async def disputes_of(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    return [loaded(row, "disputed") for row in await session.raw.fetch(_DISPUTES_OF_RECORD, record_id)]
