"""What people do, as queue publishes it: annotations, skips, time spent."""

from datetime import datetime

from services.qa.domain.facts import AnnotationRole
from services.qa.domain.record import Record
from services.qa.operations import chain
from services.qa.operations.changes import RecordChanges
from services.qa.operations.record_sets import LoadedRecords, lock_records, park_early, waves
from services.qa.operations.verdicts import Subject, judge_records
from services.qa.storage import annotations
from services.qa.storage.annotations import Submission
from services.qa.storage.counters import BackgroundWork
from services.qa.storage.projects import ProjectCache
from shared.contracts.envelope import Event
from shared.contracts.events import AnnotationSubmitted, TaskSkipped, WorkLogged
from shared.contracts.values import RecordState, TaskKind
from shared.kit.consuming import EventSet
from shared.kit.database import Session


async def accept(session: Session, cache: ProjectCache, events: EventSet[AnnotationSubmitted], now: datetime) -> None:
    """Keep annotations, each in the role that it has as its record stands, and judge the records."""
    locked = await lock_records(session, cache, events)
    for wave in waves(park_early(events, locked.projects, lambda payload: payload.schema_version)):
        await _accept_wave(session, locked, wave, now)


async def _accept_wave(
    session: Session, locked: LoadedRecords, events: list[Event[AnnotationSubmitted]], now: datetime
) -> None:
    changes = RecordChanges(now, causes={event.record_id: event for event in events if event.record_id})
    submissions = [
        Submission(event, _role(record, event.payload), record.state is RecordState.ERASED)
        for event in events
        for record in [locked.record(event)]
    ]
    added = await annotations.add(session, submissions)
    fresh = [one for one in submissions if one.event.payload.annotation_id in added]
    corrections = {
        payload.annotation_id: payload.annotation_revision
        for one in fresh
        for payload in [one.event.payload]
        if payload.annotation_revision > 1
    }
    superseded = await annotations.supersede(session, corrections) if corrections else []
    project_of = {one.event.payload.annotation_id: locked.record(one.event).project_id for one in fresh}
    for before in superseded:
        changes.count(project_of[before.annotation_id], f"annotations.{before.role}", -1)
    corrected = {before.annotation_id for before in superseded}
    subjects = []
    for one in fresh:
        record, payload = locked.record(one.event), one.event.payload
        changes.count(record.project_id, f"annotations.{one.role}")
        changes.mark(record.project_id, BackgroundWork.ESTIMATION)
        if not record.annotated:
            record.annotated = True
            changes.touch(record)
        if one.role == "decision" and payload.annotation_id not in corrected:
            changes.decisions.append(one.event)
            metadata = {"round": payload.round, "annotator_id": str(payload.annotator_id)}
            content = {"answers": payload.answers, "reason": payload.reason}
            changes.link(record, chain.DECISION, str(payload.annotation_id), metadata, content)
        if one.role in {"vote", "decision"}:
            subjects.append(Subject(record, locked.project(one.event)))
    await judge_records(session, changes, subjects)
    await changes.save(session)


def _role(record: Record, payload: AnnotationSubmitted) -> AnnotationRole:
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


async def keep_skips(session: Session, events: EventSet[TaskSkipped]) -> None:
    """Keep what was skipped and why."""
    locked = await lock_records(session, None, events)
    skips = [(event, locked.record(event).state is RecordState.ERASED) for event in events]
    await annotations.add_skips(session, skips)


async def keep_work(session: Session, events: EventSet[WorkLogged]) -> None:
    """Keep the time that was spent."""
    await annotations.add_work(session, events)
