"""Tasks that nobody may serve, and those that somebody may serve again, as queue publishes them."""

from datetime import datetime

from services.qa.domain.facts import ArbitrationChange
from services.qa.domain.record import Record
from services.qa.operations.changes import RecordChanges
from services.qa.operations.record_sets import LoadedRecords, lock_records, park_early, waves
from services.qa.operations.verdicts import Subject, judge_records
from services.qa.storage.counters import BackgroundWork
from services.qa.storage.projects import ProjectCache
from shared.contracts.envelope import Event
from shared.contracts.events import TaskServable, TaskUnservable
from shared.contracts.values import RecordState, TaskKind
from shared.kit.consuming import EventSet
from shared.kit.database import Session


async def close_tasks(session: Session, cache: ProjectCache, events: EventSet[TaskUnservable], now: datetime) -> None:
    """Nobody may serve these tasks: an arbiter decides; without one the record is given up."""
    locked = await lock_records(session, cache, events)
    for wave in waves(park_early(events, locked.projects)):
        changes = RecordChanges(now, causes={event.record_id: event for event in wave if event.record_id})
        subjects = []
        for event in wave:
            record, payload = locked.record(event), event.payload
            if not _concerns(record, payload.round):
                continue
            if payload.task_kind is TaskKind.ARBITRATION:
                change = ArbitrationChange(servable=False, reason=payload.reason, at=event.occurred_at)
                subjects.append(Subject(record, locked.project(event), change))
            else:
                record.unservable, record.servable_again = True, False
                changes.touch(record)
                subjects.append(Subject(record, locked.project(event)))
        await judge_records(session, changes, subjects)
        await changes.save(session)


async def reopen_tasks(session: Session, cache: ProjectCache, events: EventSet[TaskServable], now: datetime) -> None:
    """Somebody came who may serve what nobody could. While an arbiter is sought, that is only remembered."""
    locked = await lock_records(session, cache, events)
    for wave in waves(park_early(events, locked.projects)):
        changes = RecordChanges(now, causes={event.record_id: event for event in wave if event.record_id})
        subjects = [one for event in wave if (one := _reopen(locked, changes, event)) is not None]
        for subject in subjects:
            if (
                subject.record.expert_checked
            ):  # somebody came who may be the expert that the look at thresholds waits for
                changes.mark(subject.record.project_id, BackgroundWork.THRESHOLD_TEST)
        await judge_records(session, changes, subjects)
        await changes.save(session)


def _reopen(locked: LoadedRecords, changes: RecordChanges, event: Event[TaskServable]) -> Subject | None:
    record, payload = locked.record(event), event.payload
    if not _concerns(record, payload.round):
        return None
    if payload.task_kind is TaskKind.ARBITRATION:
        change = ArbitrationChange(servable=True, reason="", at=event.occurred_at)
        return Subject(record, locked.project(event), change)
    if not record.unservable:
        return None
    record.servable_again = True
    changes.touch(record)
    return Subject(record, locked.project(event))


def _concerns(record: Record, number: int) -> bool:
    """Whether what happens to a task of this round can still change how the record ends."""
    return record.state is not RecordState.GOLD and record.expects_answers and record.round == number
