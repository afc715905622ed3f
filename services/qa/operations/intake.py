"""What each event changes: its fact is kept under the record's lock, then the record is settled."""

from datetime import datetime

from services.qa.domain.project import Project
from services.qa.domain.standing import Record
from services.qa.operations import chain
from services.qa.operations.asking import arbitrate_again, schema_of
from services.qa.operations.ending import ESTIMATES, THRESHOLDS, erase, give_up
from services.qa.operations.rounds import go_on_with_people, settle
from services.qa.storage import annotations, annotators, counters, feedback, labels, predictions, projects, records
from services.qa.storage.annotations import Role
from shared.contracts.envelope import Event
from shared.contracts.events import (
    AnnotationSubmitted,
    AnnotatorChanged,
    FeedbackReceived,
    ModelChanged,
    ProjectChanged,
    RecordAccepted,
    RecordErased,
    RecordPredicted,
    RecordRouted,
    TaskServable,
    TaskSkipped,
    TaskUnservable,
    WorkLogged,
)
from shared.contracts.values import ModelStage, RecordState, Route, TaskKind, Verdict
from shared.kit.consuming import release_parked
from shared.kit.database import Session


async def keep_project(session: Session, event: Event[ProjectChanged]) -> None:
    assert event.project_id is not None
    if await projects.save(session, event.project_id, event.revision, event.payload):
        await release_parked(session, "project", [event.project_id])
        await counters.mark(session, event.project_id, THRESHOLDS)


async def accept_record(session: Session, project: Project, event: Event[RecordAccepted], now: datetime) -> None:
    record = await _lock(session, event)
    if record.source_revision >= event.revision:
        return
    payload = event.payload
    first = not record.known
    record.known = True
    record.source_revision = event.revision
    record.split = payload.split
    record.origin = payload.origin
    record.collected_by_chance = payload.collected_by_chance
    content = payload.model_dump(mode="json", include={"fields", "slice"})
    await records.add_content(
        session, record.record_id, content["fields"], content["slice"], payload.purposes, payload.schema_version
    )
    if first:
        await counters.add(session, record.project_id, {f"records.{record.state}": 1})
    await settle(session, project, record, now)


async def erase_record(session: Session, event: Event[RecordErased], now: datetime) -> None:
    record = await _lock(session, event)
    if record.state is RecordState.ERASED:
        return
    first = not record.known
    record.known = True
    record.source_revision = max(record.source_revision, event.revision)
    if first:
        await counters.add(session, record.project_id, {f"records.{record.state}": 1})
    await erase(session, record, event.payload.reason, now)


async def keep_prediction(session: Session, project: Project, event: Event[RecordPredicted], now: datetime) -> None:
    record = await _lock(session, event)
    erased = record.state is RecordState.ERASED
    if not await predictions.add(session, event, erased=erased) or erased:
        return
    if record.expects_answers and record.routed_prediction_id == event.id:
        await settle(session, project, record, now)
    if record.held_out:
        await counters.mark(session, record.project_id, THRESHOLDS)


async def keep_route(session: Session, project: Project, event: Event[RecordRouted], now: datetime) -> None:
    record = await _lock(session, event)
    await predictions.add_route(session, event)
    if record.state is RecordState.ERASED or event.revision <= record.routed_revision:
        return
    payload = event.payload
    record.routed_revision = event.revision
    if payload.task_kind is TaskKind.ARBITRATION or payload.round < record.routed_round:
        await records.save(session, record)
        return
    schema_of(project, payload.schema_version)
    record.route = payload.route
    record.routed_task_id = payload.task_id
    record.routed_round = payload.round
    record.routed_total = payload.slots_total
    record.schema_version = payload.schema_version
    record.guideline_version = payload.guideline_version
    record.policy_version = payload.policy_version
    record.routed_prediction_id = payload.prediction_id
    record.blind = payload.blind
    record.explored = payload.explored
    if payload.round == 1 and payload.route is not Route.AUTO_ACCEPT:
        record.audit = payload.audit
    await settle(session, project, record, now)


async def take_annotation(session: Session, project: Project, event: Event[AnnotationSubmitted], now: datetime) -> None:
    record = await _lock(session, event)
    payload = event.payload
    schema_of(project, payload.schema_version)
    known = await annotations.revisions(session, payload.annotation_id)
    if any(revision >= payload.annotation_revision for revision in known):
        return
    erased = record.state is RecordState.ERASED
    role = _role(record, payload)
    await annotations.add(session, event, role, erased=erased)
    deltas = {f"annotations.{role}": 1}
    before = [(revision, one) for revision, one in known.items() if one != "superseded"]
    if before:
        await annotations.set_role(session, [(payload.annotation_id, revision) for revision, _ in before], "superseded")
        for _, one in before:
            deltas[f"annotations.{one}"] = deltas.get(f"annotations.{one}", 0) - 1
    await counters.add(session, record.project_id, deltas)
    await counters.mark(session, record.project_id, ESTIMATES)
    if erased:
        return
    if role == "decision" and not before:
        await _keep_decision(session, record, payload, now)
    if role in {"vote", "decision"}:
        await settle(session, project, record, now)


async def _keep_decision(session: Session, record: Record, payload: AnnotationSubmitted, now: datetime) -> None:
    await labels.add_decision(
        session,
        decision_id=payload.annotation_id,
        record_id=record.record_id,
        project_id=record.project_id,
        number=payload.round,
        annotator_id=payload.annotator_id,
        answers=payload.answers,
        reason=payload.reason,
        schema_version=payload.schema_version,
        dispute_id=await labels.open_dispute_of(session, record.record_id),
        decided_at=payload.submitted_at,
    )
    metadata = {"round": payload.round, "annotator_id": str(payload.annotator_id)}
    content = {"answers": payload.answers, "reason": payload.reason}
    await chain.append(session, record, chain.DECISION, str(payload.annotation_id), metadata, content, now)


def _role(record: Record, payload: AnnotationSubmitted) -> Role:
    """How an annotation counts, as the record stands when it comes."""
    if record.state is RecordState.ERASED:
        return "void"
    if record.state is RecordState.GOLD:
        return "gold"
    if payload.round < record.round or not record.expects_answers:
        return "late"
    if payload.task_kind is TaskKind.ARBITRATION:
        return "decision"
    return "vote"


async def keep_skip(session: Session, event: Event[TaskSkipped]) -> None:
    record = await _lock(session, event)
    await annotations.add_skip(session, event, erased=record.state is RecordState.ERASED)


async def hear_unservable(session: Session, project: Project, event: Event[TaskUnservable], now: datetime) -> None:
    record = await _lock(session, event)
    payload = event.payload
    if record.state in {RecordState.GOLD, RecordState.ERASED} or not record.expects_answers:
        return
    if payload.round != record.round:
        return
    if payload.task_kind is TaskKind.ARBITRATION:
        if record.arbitrating and record.servable_again:
            await go_on_with_people(session, project, record, now)
        elif record.arbitrating:
            await give_up(session, record, payload.reason, event.occurred_at, now)
            await records.save(session, record)
        return
    record.unservable = True
    record.servable_again = False
    await settle(session, project, record, now)


async def hear_servable(session: Session, project: Project, event: Event[TaskServable], now: datetime) -> None:
    """Somebody came who may serve what nobody could. While an arbiter is sought, that is only remembered."""
    record = await _lock(session, event)
    payload = event.payload
    if record.state in {RecordState.GOLD, RecordState.ERASED} or not record.expects_answers:
        return
    if payload.round != record.round:
        return
    given_up = record.unservable_at is not None
    if payload.task_kind is TaskKind.ARBITRATION:
        if given_up:
            await arbitrate_again(session, record, now)
            await records.save(session, record)
        return
    if not record.unservable:
        return
    record.servable_again = True
    if given_up:
        await go_on_with_people(session, project, record, now)
    else:
        await settle(session, project, record, now)


async def keep_annotator(session: Session, event: Event[AnnotatorChanged]) -> None:
    await annotators.save(session, event)


async def keep_work(session: Session, event: Event[WorkLogged]) -> None:
    await annotations.log_work(session, event)


async def keep_model(session: Session, event: Event[ModelChanged]) -> None:
    assert event.project_id is not None
    if await predictions.save_model(session, event) and event.payload.stage is ModelStage.CHAMPION:
        await counters.mark(session, event.project_id, THRESHOLDS)


async def hear_feedback(session: Session, project: Project, event: Event[FeedbackReceived], now: datetime) -> None:
    record = await _lock(session, event)
    erased = record.state is RecordState.ERASED
    speaks = event.payload.verdict is Verdict.CORRECTED and event.payload.correction is not None and not erased
    added = await feedback.add(session, event, effect="pending" if speaks else "kept", erased=erased)
    if added and speaks:
        await settle(session, project, record, now)


async def _lock(
    session: Session,
    event: Event[RecordAccepted]
    | Event[RecordErased]
    | Event[RecordPredicted]
    | Event[RecordRouted]
    | Event[AnnotationSubmitted]
    | Event[TaskSkipped]
    | Event[TaskUnservable]
    | Event[TaskServable]
    | Event[FeedbackReceived],
) -> Record:
    assert event.record_id is not None
    assert event.project_id is not None
    return await records.lock(session, event.record_id, event.project_id)
