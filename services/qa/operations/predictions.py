"""What prelabel predicts and how queue routes by it."""

from datetime import datetime

from services.qa.domain.record import Record
from services.qa.operations.changes import RecordChanges
from services.qa.operations.record_sets import lock_records, park_early, waves
from services.qa.operations.verdicts import Subject, judge_records
from services.qa.storage import agreement_counts, predictions, records, routes
from services.qa.storage.counters import BackgroundWork
from services.qa.storage.projects import ProjectCache
from shared.contracts.events import RecordPredicted, RecordRouted
from shared.contracts.values import RecordState
from shared.kit.consuming import EventSet
from shared.kit.database import Session


async def keep(session: Session, cache: ProjectCache, events: EventSet[RecordPredicted], now: datetime) -> None:
    """Keep what models answered, and judge the records that wait for it.

    An event without a model's answers holds only how informative a record is: nothing here depends on that.
    """
    if all(event.payload.model_id is None for event in events):
        return
    locked = await lock_records(session, cache, events)
    for wave in waves([event for event in park_early(events, locked.projects) if event.payload.model_id is not None]):
        changes = RecordChanges(now, causes={event.record_id: event for event in wave if event.record_id})
        of = {event.id: locked.record(event) for event in wave}
        added = await predictions.add(session, [(event, of[event.id].state is RecordState.ERASED) for event in wave])
        subjects = []
        for event in wave:
            record = of[event.id]
            if event.id not in added or record.state is RecordState.ERASED:
                continue
            if record.expects_answers and record.routed_prediction_id == event.id:
                subjects.append(Subject(record, locked.project(event)))
            if record.held_out:
                changes.mark(record.project_id, BackgroundWork.THRESHOLD_TEST)
                changes.mark(record.project_id, BackgroundWork.POPULATION)
        await judge_records(session, changes, subjects)
        await changes.save(session)


async def route(session: Session, cache: ProjectCache, events: EventSet[RecordRouted], now: datetime) -> None:
    """Keep how much human work records get, and judge them."""
    locked = await lock_records(session, cache, events)
    for wave in waves(park_early(events, locked.projects, lambda payload: payload.schema_version)):
        changes = RecordChanges(now, causes={event.record_id: event for event in wave if event.record_id})
        of = {event.id: locked.record(event) for event in wave}
        unrouted = {
            one.record_id for one in of.values() if one.routed_revision == 0 and one.state is not RecordState.ERASED
        }
        await routes.add(session, wave, unrouted)
        rerouted: list[Record] = []
        recounted: list[Record] = []
        subjects = []
        for event in wave:
            record = of[event.id]
            if record.state is RecordState.ERASED or event.revision <= record.routed_revision:
                continue
            is_first = record.routed_revision == 0
            due = (record.due_total, record.due_without_model)
            is_current = record.take_route(event.revision, event.payload)
            if record.annotated and due != (record.due_total, record.due_without_model):
                recounted.append(record)
            if record.annotated or not (is_first and is_current):
                rerouted.append(record)
            if is_current:
                subjects.append(Subject(record, locked.project(event)))
        await judge_records(session, changes, subjects)
        await records.save_routes(session, [record for record in rerouted if not changes.touches(record)])
        await changes.save(session)
        await agreement_counts.mark(session, recounted)


async def prune(session: Session, retention_days: int, limit: int) -> int:
    """Delete predictions that were superseded so many days ago and that lineage doesn't need, of so many entries of the list
    of what was superseded; returns of how many.

    The records are locked first: what an annotation or a route names while this runs is seen.
    """
    superseded = await predictions.take_superseded(session, retention_days, limit)
    if superseded:
        await records.lock_rows(session, {one.record_id for one in superseded})
        await predictions.prune(session, superseded)
    return len(superseded)
