"""What is heard of records and projects: content in, predictions in, content out."""

from datetime import datetime
from uuid import UUID

import orjson

from services.queue.domain.project import Project
from services.queue.domain.record import Prediction, Record
from services.queue.operations.routing import route
from services.queue.storage import arrivals, progress, projects, records, tasks
from shared.contracts.envelope import Event
from shared.contracts.events import ProjectChanged, RecordAccepted, RecordErased, RecordPredicted
from shared.contracts.values import RecordState, ScoredFor
from shared.kit.consuming import NotYet, release_parked
from shared.kit.database import Session

PROJECT = "project"
SERVABLE = "servable project"
RECORD = "record"
GOLD_WITHDRAWN = "withdrawal of gold"


async def needed_project(session: Session, project_id: UUID) -> Project:
    """The project; parks the event being handled when it is not here yet."""
    project = await projects.find(session, project_id)
    if project is None:
        raise NotYet(PROJECT, project_id)
    return project


async def servable_project(session: Session, project_id: UUID) -> Project:
    """The project, which tasks can be pinned in; parks the event being handled otherwise."""
    project = await needed_project(session, project_id)
    if not project.servable:
        raise NotYet(SERVABLE, project_id)
    return project


async def known_record(session: Session, record_id: UUID, project_id: UUID) -> Record:
    """The record under its lock; parks the event being handled when its content is not here yet."""
    record = await records.lock(session, record_id, project_id)
    if not record.known:
        raise NotYet(RECORD, record_id)
    return record


async def change_state(session: Session, record: Record, state: RecordState) -> None:
    """The caller saves the record."""
    if record.state is not state:
        await progress.add(session, record.project_id, {f"records.{record.state}": -1, f"records.{state}": 1})
        record.state = state


async def keep_project(session: Session, project_id: UUID, event: Event[ProjectChanged]) -> None:
    project = Project(project_id, event.revision, event.payload)
    before = await projects.find(session, project_id)
    await projects.save(session, project)
    if before is not None and before.policies.serving != project.policies.serving:
        await arrivals.add_all(session)
    await release_parked(session, PROJECT, [project_id])
    if project.servable:
        await release_parked(session, SERVABLE, [project_id])


async def accept_record(session: Session, record_id: UUID, project_id: UUID, event: Event[RecordAccepted]) -> None:
    record = await records.lock(session, record_id, project_id)
    if record.known or record.state is RecordState.ERASED:
        return
    accepted = event.payload
    record.known = True
    record.revision = max(record.revision, event.revision)
    record.split = accepted.split
    record.priority = max(-_LARGEST, min(_LARGEST, accepted.priority))
    await records.save(session, record)
    fields = accepted.model_dump(mode="json", include={"fields"})["fields"]
    await records.add_content(session, record_id, orjson.dumps(fields).decode())
    await progress.add(session, project_id, {f"records.{record.state}": 1})
    await release_parked(session, RECORD, [record_id])


_LARGEST = 2**31 - 1


async def keep_prediction(
    session: Session, record_id: UUID, project_id: UUID, event: Event[RecordPredicted], now: datetime
) -> None:
    """Keep the newest prediction that was made for routing, and route by it."""
    predicted = event.payload
    if predicted.scored_for is not ScoredFor.ROUTING:
        return
    project = await needed_project(session, project_id)
    record = await known_record(session, record_id, project_id)
    before = record.prediction
    if record.state is RecordState.ERASED or (before is not None and event.revision < before.revision):
        return
    record.prediction = Prediction(
        event.revision,
        event.id,
        predicted.model_id,
        predicted.schema_version,
        predicted.answers,
        predicted.confidence,
    )
    if predicted.selection is not None:  # once selected, a record stays so
        record.selection = predicted.selection
    await route(session, project, record, now)
    await records.save(session, record)


async def erase_record(session: Session, record_id: UUID, project_id: UUID, event: Event[RecordErased]) -> None:
    """Nothing of the content stays; the row does, and refuses content for ever."""
    record = await records.lock(session, record_id, project_id)
    if record.state is RecordState.ERASED:
        return
    of_record = await tasks.lock_slots(session, await tasks.of_record(session, record_id))
    await tasks.close(session, of_record, leased_too=True)
    first = not record.known
    if first:
        record.known, record.state = True, RecordState.ERASED
        await progress.add(session, project_id, {f"records.{RecordState.ERASED}": 1})
    else:
        await change_state(session, record, RecordState.ERASED)
    record.revision = max(record.revision, event.revision)
    record.waiting, record.selection, record.prediction = False, None, None
    await records.erase_content(session, record_id)
    await records.save(session, record)
    if first:
        await release_parked(session, RECORD, [record_id])
    await release_parked(session, GOLD_WITHDRAWN, [record_id])
