"""How records end, as qa says it, and how they open again."""

from datetime import datetime
from uuid import UUID

from services.queue.domain.record import Record
from services.queue.domain.routing import Lane
from services.queue.domain.serving import ANY_POOL
from services.queue.domain.slots import settle
from services.queue.domain.tasks import Purpose
from services.queue.operations.records import (
    GOLD_WITHDRAWN,
    change_state,
    known_record,
    needed_project,
    servable_project,
)
from services.queue.operations.requests import close_before
from services.queue.operations.routing import add_slots, new_task, route
from services.queue.storage import progress, records, tasks
from shared.contracts.envelope import Event, Payload
from shared.contracts.events import GoldPlaced
from shared.contracts.values import RecordState
from shared.kit.consuming import release_parked
from shared.kit.database import Session


async def _record_for(session: Session, record_id: UUID, project_id: UUID, revision: int) -> Record | None:
    """The record under its lock; None when the event is obsolete."""
    record = await known_record(session, record_id, project_id)
    if record.state is RecordState.ERASED or revision < record.labels_revision:
        return None
    record.labels_revision = revision
    return record


async def finalize(session: Session, record_id: UUID, project_id: UUID, event: Event[Payload]) -> None:
    await _end(session, record_id, project_id, event.revision, RecordState.FINALIZED)


async def give_up(session: Session, record_id: UUID, project_id: UUID, event: Event[Payload]) -> None:
    await _end(session, record_id, project_id, event.revision, RecordState.UNLABELABLE)


async def _end(session: Session, record_id: UUID, project_id: UUID, revision: int, state: RecordState) -> None:
    """End the record, unless qa asked for more work on it since."""
    record = await _record_for(session, record_id, project_id, revision)
    if record is None:
        return
    await close_before(session, record, revision, leased_too=True, unserved_too=state is RecordState.FINALIZED)
    asked_since = record.requests_revision > revision and state is RecordState.UNLABELABLE
    if record.state is not RecordState.GOLD and not asked_since:
        await change_state(session, record, state)
        record.waiting = False
    await records.save(session, record)


async def retract(session: Session, record_id: UUID, project_id: UUID, event: Event[Payload], now: datetime) -> None:
    """The record is open again, unless it became gold."""
    project = await needed_project(session, project_id)
    record = await _record_for(session, record_id, project_id, event.revision)
    if record is None:
        return
    if record.state is not RecordState.GOLD and record.requests_revision <= event.revision:
        await close_before(session, record, event.revision, leased_too=False)
        await change_state(session, record, RecordState.OPEN)
        await route(session, project, record, now, anew=True)
    elif record.state not in {RecordState.GOLD, RecordState.OPEN}:
        await change_state(session, record, RecordState.OPEN)
    await records.save(session, record)


async def place_gold(
    session: Session, record_id: UUID, project_id: UUID, event: Event[GoldPlaced], now: datetime
) -> None:
    """Whatever the record was: from now on it measures annotators. Who has started it may finish; that counts as gold."""
    project = await servable_project(session, project_id)
    record = await _record_for(session, record_id, project_id, event.revision)
    if record is None:
        return
    placed = event.payload
    await change_state(session, record, RecordState.GOLD)
    record.waiting = False
    of_record = await tasks.lock_slots(session, await tasks.of_record(session, record_id))
    # What qa asked for since, it asked for because the record is gold no more: that news is on its way.
    ended = [task for task in of_record if task.requested_revision <= event.revision]
    await tasks.close(
        session,
        [task for task in ended if (task.open or task.unserved) and task.purpose is not Purpose.GOLD],
        leased_too=False,
    )
    golden = [task for task in of_record if task.purpose is Purpose.GOLD]
    fits = (record.round, placed.schema_version)
    task = next((task for task in golden if (task.round, task.schema_version) == fits), None)
    await tasks.close(session, [one for one in golden if one is not task], leased_too=False)
    if task is None:
        task = new_task(
            project,
            record,
            Purpose.GOLD,
            Lane.GOLD,
            ANY_POOL,
            blind=True,
            schema_version=placed.schema_version,
            revision=event.revision,
        )
        await tasks.add(session, task, now)
    else:
        task.open, task.requested_revision = True, event.revision
        await tasks.save(session, task)
    changes = settle(task.slots, placed.exposures)
    await add_slots(session, project, record, task, changes.add)
    await tasks.void_slots(session, task.task_id, changes.void)
    await records.save(session, record)


async def withdraw_gold(
    session: Session, record_id: UUID, project_id: UUID, event: Event[Payload], now: datetime
) -> None:
    """The record is like any other again; who has it as gold right now learns that its task is closed."""
    project = await needed_project(session, project_id)
    record = await _record_for(session, record_id, project_id, event.revision)
    if record is None:
        return
    of_record = await tasks.of_record(session, record_id)
    golden = [task for task in of_record if task.open and task.purpose is Purpose.GOLD]
    await tasks.close(session, await tasks.lock_slots(session, golden), leased_too=True)
    if record.state is RecordState.GOLD:
        await change_state(session, record, RecordState.OPEN)
        await progress.add(session, project_id, {"gold_withdrawn": 1})
        if record.requests_revision <= event.revision:
            await route(session, project, record, now, anew=True)
    await records.save(session, record)
    await release_parked(session, GOLD_WITHDRAWN, [record_id])
