"""How records end, as qa decides it, and how they open again."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4

from services.queue.domain.project import Project
from services.queue.domain.record import Record
from services.queue.domain.routing import Lane
from services.queue.domain.serving_plan import ANY_POOL
from services.queue.domain.tasks import Purpose, Task
from services.queue.operations.batches import GOLD_WITHDRAWN, load
from services.queue.operations.decisions import blind_gold, route
from services.queue.operations.gold_exposures import AHEAD, place_in_line
from services.queue.storage import gold_exposures
from services.queue.storage.projects import ProjectCache
from shared.contracts.envelope import Event, Payload
from shared.contracts.events import GoldPlaced, GoldWithdrawn, LabelFinalized, LabelRetracted, RecordUnlabelable
from shared.contracts.values import RecordState
from shared.kit.consuming import EventSet, release_parked
from shared.kit.database import Session

P = TypeVar("P", bound=Payload)


async def finalize(session: Session, events: EventSet[LabelFinalized]) -> None:
    await _end(session, events, RecordState.FINALIZED)


async def give_up(session: Session, events: EventSet[RecordUnlabelable]) -> None:
    await _end(session, events, RecordState.UNLABELABLE)


async def _end(session: Session, events: EventSet[P], state: RecordState) -> None:
    """End the records, but for those of which qa asked for more work since."""
    batch = await load(session, events)
    for event, record in _newest(batch.ready(events)):
        finalized = state is RecordState.FINALIZED
        record.close_tasks_before(event.revision, leased_too=True, unserved_too=finalized)
        if record.state is not RecordState.GOLD and (finalized or record.requests_revision <= event.revision):
            batch.effects.change_state(record, state)
            record.waiting = False
    await batch.save(session)


async def retract(session: Session, projects: ProjectCache, events: EventSet[LabelRetracted], now: datetime) -> None:
    """Open the records again, but for those that became gold."""
    batch = await load(session, events, projects)
    for event, record in _newest(batch.ready(events, project=True)):
        if record.state is RecordState.GOLD:
            continue
        asked_since = record.requests_revision > event.revision
        if not asked_since:
            record.close_tasks_before(event.revision, leased_too=False)
        batch.effects.change_state(record, RecordState.OPEN)
        if not asked_since:
            route(record, batch.projects[record.project_id], batch.effects, now, event, anew=True)
    await batch.save(session)


async def place_gold(
    session: Session, projects: ProjectCache, events: EventSet[GoldPlaced], now: datetime
) -> list[UUID]:
    """From now on the records measure annotators, whatever they were. Who has started one may finish: that counts as gold.

    A new gold task gets its first slots here, others as they are needed (`gold_exposures`). Return the tasks that were there
    before, which may need some now, or have too many.
    """
    batch = await load(session, events, projects)
    unexposed: dict[tuple[UUID, UUID], int] = {}
    again: list[UUID] = []
    for event, record in _newest(batch.ready(events, servable=True)):
        batch.effects.change_state(record, RecordState.GOLD)
        record.waiting = False
        # What qa asked for since, it asked for because the record is gold no more: that event is on its way.
        for task in record.tasks:
            open_or_wanted = task.open or task.unserved
            if open_or_wanted and task.requested_revision <= event.revision and task.purpose is not Purpose.GOLD:
                task.close()
        before = any(task.purpose is Purpose.GOLD for task in record.tasks)
        task = _expose(record, batch.projects[record.project_id], event, now)
        blind_gold(record, batch.projects[record.project_id])
        if before:
            again.append(task.task_id)
        if before or event.payload.exposures > AHEAD:
            unexposed[task.task_id, record.record_id] = event.payload.exposures
    await batch.save(session)
    await gold_exposures.set_exposures(session, unexposed)
    return again


def _expose(record: Record, project: Project, event: Event[GoldPlaced], now: datetime) -> Task:
    """Keep one gold task, of the round and schema version; a new one gets some slots at once."""
    placed = event.payload
    task = None
    for one in record.tasks:
        if one.purpose is not Purpose.GOLD:
            continue
        if task is None and (one.round, one.schema_version) == (record.round, placed.schema_version):
            task = one
        else:
            one.close()
    if task is None:
        task = record.add_task(
            uuid4(),
            project,
            Purpose.GOLD,
            Lane.GOLD,
            ANY_POOL,
            now,
            blind=False,
            schema_version=placed.schema_version,
        )
        task.collect(min(placed.exposures, AHEAD), partial(place_in_line, project.salt, task), rank=0)
    task.reopen()
    task.requested_revision = event.revision
    return task


async def withdraw_gold(
    session: Session, projects: ProjectCache, events: EventSet[GoldWithdrawn], now: datetime
) -> None:
    """The records are like any others again; for who has one as gold right now its task is closed."""
    batch = await load(session, events, projects)
    withdrawn = []
    for event, record in _newest(batch.ready(events, project=True)):
        withdrawn.append(record.record_id)
        for task in record.tasks:
            if task.open and task.purpose is Purpose.GOLD:
                task.close(leased_too=True)
        if record.state is RecordState.GOLD:
            batch.effects.change_state(record, RecordState.OPEN)
            batch.effects.count(record.project_id, "gold_withdrawn")
            asked_since = record.requests_revision > event.revision
            route(record, batch.projects[record.project_id], batch.effects, now, event, anew=not asked_since)
    await batch.save(session)
    await release_parked(session, GOLD_WITHDRAWN, withdrawn)


def _newest(ready: Iterator[tuple[Event[P], Record]]) -> Iterator[tuple[Event[P], Record]]:
    """Leave out what is obsolete, and what is erased."""
    for event, record in ready:
        if record.state is not RecordState.ERASED and event.revision >= record.labels_revision:
            record.labels_revision = event.revision
            yield event, record
