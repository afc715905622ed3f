"""Labels, decisions and disputes: append-only but for the marks that one is current no more."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.domain.facts import Dispute
from shared.contracts.envelope import Event
from shared.contracts.events import AnnotationSubmitted
from shared.contracts.values import Answers, Calibrated, LabelMethod, Split
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

    @property
    def calibrated(self) -> Calibrated | None:
        """What the confidence was calibrated on; None of labels that an earlier release made."""
        found = self.parameters.get("calibrated")
        return None if found is None else Calibrated(found)


_TYPES = {
    "label_id": "uuid",
    "record_id": "uuid",
    "label_revision": "integer",
    "project_id": "uuid",
    "round": "integer",
    "method": "text",
    "answers": "jsonb",
    "confidence": "double precision",
    "schema_version": "integer",
    "guideline_version": "integer",
    "split": "text",
    "trainable": "boolean",
    "measures": "boolean",
    "annotations": "integer",
    "model_id": "uuid",
    "prediction_id": "uuid",
    "decision_id": "uuid",
    "parameters": "jsonb",
    "finalized_at": "timestamptz",
}
_LABEL = ", ".join(_TYPES)
LABEL_COLUMNS = tuple(_TYPES)
LABEL_TYPES = tuple(_TYPES.values())
_END = """
UPDATE labels SET current = false, ended_at = $3, ended_reason = ended.reason
FROM unnest($1::uuid[], $2::text[]) AS ended (record_id, reason)
WHERE labels.record_id = ended.record_id AND labels.current
RETURNING labels.record_id, labels.project_id, labels.method, labels.schema_version
"""
_CURRENT = f"SELECT {_LABEL} FROM labels WHERE record_id = ANY($1::uuid[]) AND current"  # noqa: S608  our own column names
_REVISIONS = f"""
SELECT {_LABEL}, current, ended_at, ended_reason FROM labels WHERE record_id = $1 ORDER BY label_revision
"""  # noqa: S608  our own column names

_DECIDE = """
INSERT INTO decisions (decision_id, record_id, project_id, round, annotator_id, answers, reason, schema_version,
    dispute_id, decided_at)
SELECT decision_id, record_id, project_id, round, annotator_id, answers, reason, schema_version, (
    SELECT dispute_id FROM disputes
    WHERE disputes.record_id = made.record_id AND status IN ('open', 'unservable')
), decided_at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::uuid[], $6::jsonb[], $7::text[], $8::integer[],
    $9::timestamptz[]) AS made (decision_id, record_id, project_id, round, annotator_id, answers, reason,
    schema_version, decided_at)
ON CONFLICT DO NOTHING
"""
_DECISIONS = """
SELECT decision_id, round, annotator_id, answers, reason, schema_version, dispute_id, decided_at
FROM decisions WHERE record_id = $1 ORDER BY decided_at, decision_id
"""

_OPEN = """
INSERT INTO disputes (dispute_id, record_id, project_id, round, schema_version, reason, disputed, status, opened_at)
SELECT dispute_id, record_id, project_id, round, schema_version, reason, disputed, 'open', opened_at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::integer[], $6::text[], $7::jsonb[],
    $8::timestamptz[]) AS made (dispute_id, record_id, project_id, round, schema_version, reason, disputed, opened_at)
"""
_SET_DISPUTES = """
UPDATE disputes SET status = changed.status,
    closed_at = CASE WHEN changed.status IN ('decided', 'withdrawn') THEN $3::timestamptz END
FROM unnest($1::uuid[], $2::text[]) AS changed (record_id, status)
WHERE disputes.record_id = changed.record_id AND disputes.status IN ('open', 'unservable')
"""
_UNDECIDED = """
SELECT record_id, schema_version, reason, disputed FROM disputes
WHERE record_id = ANY($1::uuid[]) AND status = 'unservable'
"""
_DISPUTES_OF_RECORD = """
SELECT dispute_id, round, schema_version, reason, disputed, status, opened_at, closed_at
FROM disputes WHERE record_id = $1 ORDER BY opened_at DESC, dispute_id DESC LIMIT $2
"""


def _label(row: Mapping[str, Any]) -> Label:
    found = loaded(row, "answers", "parameters")
    return Label(**{**found, "method": LabelMethod(found["method"]), "split": Split(found["split"])})


def label_columns(labels: Sequence[Label]) -> list[list[Any]]:
    """The parameters of a statement that adds labels, in the order of `LABEL_COLUMNS`."""
    columns = {name: [getattr(one, name) for one in labels] for name in LABEL_COLUMNS}
    for name in ("answers", "parameters"):
        columns[name] = [dump(one) for one in columns[name]]
    return list(columns.values())


@dataclass(frozen=True, slots=True)
class EndedLabel:
    """A label that stands no more."""

    project_id: UUID
    method: LabelMethod
    schema_version: int


async def end_current(session: Session, reasons: Mapping[UUID, str], now: datetime) -> list[EndedLabel]:
    """End the current labels of records, given with the reason; returns those that there were."""
    rows = await session.raw.fetch(_END, list(reasons), list(reasons.values()), now)
    return [EndedLabel(row["project_id"], LabelMethod(row["method"]), row["schema_version"]) for row in rows]


async def current(session: Session, record_ids: Collection[UUID]) -> dict[UUID, Label]:
    """The labels that stand, by record."""
    return {row["record_id"]: _label(row) for row in await session.raw.fetch(_CURRENT, list(record_ids))}


async def revisions(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    return [loaded(row, "answers", "parameters") for row in await session.raw.fetch(_REVISIONS, record_id)]


async def add_decisions(session: Session, events: Sequence[Event[AnnotationSubmitted]]) -> None:
    """Keep what arbiters decided, each with the dispute that it ends."""
    payloads = [event.payload for event in events]
    await session.raw.execute(
        _DECIDE,
        [one.annotation_id for one in payloads],
        [event.record_id for event in events],
        [event.project_id for event in events],
        [one.round for one in payloads],
        [one.annotator_id for one in payloads],
        [dump(one.answers) for one in payloads],
        [one.reason for one in payloads],
        [one.schema_version for one in payloads],
        [one.submitted_at for one in payloads],
    )


async def decisions_of(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    return [loaded(row, "answers") for row in await session.raw.fetch(_DECISIONS, record_id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDispute:
    """Answers of a round that an arbiter must decide between."""

    dispute_id: UUID
    record_id: UUID
    project_id: UUID
    round: int
    schema_version: int
    reason: str
    disputed: Sequence[Answers]
    opened_at: datetime


async def open_disputes(session: Session, disputes: Sequence[NewDispute]) -> None:
    """Add disputes; a record has one open at most."""
    await session.raw.execute(
        _OPEN,
        [one.dispute_id for one in disputes],
        [one.record_id for one in disputes],
        [one.project_id for one in disputes],
        [one.round for one in disputes],
        [one.schema_version for one in disputes],
        [one.reason for one in disputes],
        [dump(list(one.disputed)) for one in disputes],
        [one.opened_at for one in disputes],
    )


async def set_disputes(session: Session, statuses: Mapping[UUID, str], now: datetime) -> None:
    """Change the open disputes of records: `open`, `unservable`, or closed as `decided` or `withdrawn`."""
    await session.raw.execute(_SET_DISPUTES, list(statuses), list(statuses.values()), now)


async def undecided(session: Session, record_ids: Collection[UUID]) -> dict[UUID, Dispute]:
    """By record, the dispute that no arbiter could decide."""
    found: dict[UUID, Dispute] = {}
    for row in await session.raw.fetch(_UNDECIDED, list(record_ids)):
        values = loaded(row, "disputed")
        record_id = values.pop("record_id")
        found[record_id] = Dispute(**values)
    return found


async def disputes_of(session: Session, record_id: UUID, newest: int) -> list[dict[str, Any]]:
    """The newest disputes, oldest first."""
    rows = await session.raw.fetch(_DISPUTES_OF_RECORD, record_id, newest)
    return [loaded(row, "disputed") for row in reversed(rows)]
