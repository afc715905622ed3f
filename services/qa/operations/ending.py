"""How a record ends: with a label, as unlabelable, or erased."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter

from services.qa.domain.project import Project
from services.qa.domain.standing import Record
from services.qa.operations import chain
from services.qa.operations.telling import move, tell
from services.qa.storage import annotations, counters, gold, labels, records, releases
from shared.contracts.events import LabelFinalized, LabelRetracted, RecordUnlabelable
from shared.contracts.values import Answers, LabelMethod, RecordState, Split
from shared.kit.clock import new_id
from shared.kit.database import Session

log = structlog.get_logger()
GIVEN_UP = Counter(
    "touchstone_records_given_up_total",
    "Records that nobody may decide: unlabelable, or their label stands.",
    ("state",),
)

THRESHOLDS = "thresholds"
ESTIMATES = "estimates"
"""Kinds of background work that is marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A label that is about to be: `counted` are the annotations it rests on."""

    method: LabelMethod
    answers: Answers
    confidence: float
    schema_version: int
    guideline_version: int | None
    counted: Sequence[UUID] = ()
    model_id: UUID | None = None
    prediction_id: UUID | None = None
    decision_id: UUID | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


async def finalize(session: Session, project: Project, record: Record, verdict: Verdict, now: datetime) -> None:
    """Give the record the next revision of its label; what was still asked for it is void."""
    assert record.split is not None
    deltas = {f"labels.{verdict.method}": 1}
    before = await labels.end_current(session, record.record_id, now, "revised")
    if before is not None:
        deltas[f"labels.{before}"] = deltas.get(f"labels.{before}", 0) - 1
    record.label_revision += 1
    policies = project.policies
    label = labels.Label(
        label_id=new_id(),
        record_id=record.record_id,
        label_revision=record.label_revision,
        project_id=record.project_id,
        round=record.round,
        method=verdict.method,
        answers=verdict.answers,
        confidence=verdict.confidence,
        schema_version=verdict.schema_version,
        guideline_version=verdict.guideline_version,
        split=record.split,
        trainable=record.split is Split.TRAIN
        and not record.ever_gold
        and (verdict.method.by_people or policies.learning.admit_machine_labels),
        measures=record.measures and verdict.method.by_people,
        annotations=len(verdict.counted),
        model_id=verdict.model_id,
        prediction_id=verdict.prediction_id,
        decision_id=verdict.decision_id,
        parameters={
            **verdict.parameters,
            "annotations": [str(one) for one in verdict.counted],
            "policy_version": project.content.active_policy,
        },
        finalized_at=now,
    )
    await labels.add(session, label)
    await labels.set_dispute(session, record.record_id, "decided", now)
    record.close_requests()
    record.under_review = False
    record.review_reason = None
    await move(session, record, RecordState.FINALIZED, now, also=deltas)
    finalized = LabelFinalized(
        label_revision=label.label_revision,
        round=label.round,
        method=label.method,
        answers=verdict.answers,
        confidence=label.confidence,
        schema_version=label.schema_version,
        guideline_version=label.guideline_version,
        split=label.split,
        trainable=label.trainable,
        annotations=label.annotations,
        model_id=label.model_id,
    )
    await tell(session, record, finalized)
    metadata = finalized.model_dump(mode="json", exclude={"answers"}) | {"parameters": label.parameters}
    await chain.append(session, record, chain.LABEL, str(label.label_revision), metadata, verdict.answers, now)
    if label.measures:
        await counters.mark(session, record.project_id, THRESHOLDS)
    if verdict.method is LabelMethod.DECISION:
        await counters.mark(session, record.project_id, ESTIMATES)


def finalized_again(label: labels.Label) -> LabelFinalized | None:
    """What was published when the label was made; None once its content is erased."""
    if label.answers is None:
        return None
    return LabelFinalized(
        label_revision=label.label_revision,
        round=label.round,
        method=label.method,
        answers=label.answers,
        confidence=label.confidence,
        schema_version=label.schema_version,
        guideline_version=label.guideline_version,
        split=label.split,
        trainable=label.trainable,
        annotations=label.annotations,
        model_id=label.model_id,
    )


async def retract(session: Session, record: Record, reason: str, now: datetime) -> None:
    """Say that the label, if there is one, stands no more."""
    method = await labels.end_current(session, record.record_id, now, reason)
    if method is None:
        return
    await counters.add(session, record.project_id, {f"labels.{method}": -1})
    await tell(session, record, LabelRetracted(label_revision=record.label_revision, reason=reason))
    reference = str(record.label_revision)
    await chain.append(session, record, chain.RETRACTION, reference, {"reason": reason}, {}, now)


async def give_up(session: Session, record: Record, reason: str, moment: datetime, now: datetime) -> None:
    """Nobody may decide: the record is unlabelable, or its label under review stands, until somebody may."""
    await labels.set_dispute(session, record.record_id, "unservable", None)
    record.request = None
    record.arbitrating = False
    record.unservable_at = moment
    session.on_commit(partial(_alarm, record, reason))
    if record.measures:
        await counters.mark(session, record.project_id, THRESHOLDS)
    if record.state is RecordState.FINALIZED:
        return
    await move(session, record, RecordState.UNLABELABLE, now, reason)
    await tell(session, record, RecordUnlabelable(reason=reason))
    await chain.append(session, record, chain.UNLABELABLE, str(record.round), {"reason": reason}, {}, now)


def _alarm(record: Record, reason: str) -> None:
    GIVEN_UP.labels(record.state).inc()
    ids = {"project_id": record.project_id, "record_id": record.record_id}
    log.warning("record_given_up", **ids, round=record.round, state=record.state, reason=reason)


async def erase(session: Session, record: Record, reason: str, now: datetime) -> None:
    """Delete the record's content; that there was one, how it went and the hashes stay."""
    await chain.append(session, record, chain.ERASURE, str(record.source_revision), {"reason": reason}, {}, now)
    method = await labels.end_current(session, record.record_id, now, "erased")
    await labels.set_dispute(session, record.record_id, "withdrawn", now)
    await gold.end_current(session, record.record_id, now, "erased")
    also = {} if method is None else {f"labels.{method}": -1}
    if record.state in {RecordState.OPEN, RecordState.UNLABELABLE}:
        voided = await annotations.void_votes(session, record.record_id)
        also |= {"annotations.vote": -voided, "annotations.void": voided}
    await move(session, record, RecordState.ERASED, now, reason, also)
    record.close_requests()
    record.under_review = False
    record.salt = None
    await records.erase_content(session, record.record_id)
    await records.save(session, record)
    await releases.supersede_touched(session, record.project_id, [record.record_id])
