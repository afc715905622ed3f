"""What prelabel predicts and how queue routes by it."""

from datetime import datetime

from services.qa.domain.record import Record
from services.qa.operations.changes import RecordChanges
from services.qa.operations.record_sets import lock_records, park_early, waves
from services.qa.operations.verdicts import Subject, judge_records
from services.qa.storage import predictions, records
from services.qa.storage.counters import BackgroundWork
from services.qa.storage.projects import ProjectCache
from shared.contracts.envelope import Event
from shared.contracts.events import RecordPredicted, RecordRouted
from shared.contracts.values import RecordState, Route, TaskKind
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
        await judge_records(session, changes, subjects)
        await changes.save(session)


async def route(session: Session, cache: ProjectCache, events: EventSet[RecordRouted], now: datetime) -> None:
    """Keep how much human work records get, and judge them."""
    locked = await lock_records(session, cache, events)
    for wave in waves(park_early(events, locked.projects, lambda payload: payload.schema_version)):
        changes = RecordChanges(now, causes={event.record_id: event for event in wave if event.record_id})
        await predictions.add_routes(session, wave)
        newer: list[Record] = []
        subjects = []
        for event in wave:
            record = locked.record(event)
            if record.state is RecordState.ERASED or event.revision <= record.routed_revision:
                continue
            newer.append(record)
            if _take_route(record, event):
                subjects.append(Subject(record, locked.project(event)))
        await judge_records(session, changes, subjects)
        await records.save_routes(session, [record for record in newer if not changes.touches(record)])
        await changes.save(session)


def _take_route(record: Record, event: Event[RecordRouted]) -> bool:
    """Put a newer route into the record; whether it is one of an annotation task of the present or a later round."""
    payload = event.payload
    record.routed_revision = event.revision
    if payload.task_kind is TaskKind.ARBITRATION or payload.round < record.routed_round:
        return False
    record.route = payload.route
    record.routed_task_id = payload.task_id
    record.routed_round = payload.round
    record.routed_total = payload.slots_total
    record.schema_version = payload.schema_version
    record.guideline_version = payload.guideline_version
    record.policy_version = payload.policy_version
    # Without a model it was routed by a prediction that says nothing of the answers, or of another schema version.
    record.routed_prediction_id = None if payload.model_id is None else payload.prediction_id
    record.blind = payload.blind
    record.explored = payload.explored
    if payload.round == 1 and payload.route is not Route.AUTO_ACCEPT:
        record.audit = payload.audit
    return True
