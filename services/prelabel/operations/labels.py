"""Labels come, go, and turn into gold."""

from collections.abc import Iterator
from typing import TypeVar
from uuid import UUID

from services.prelabel.domain.objective import label_of, objective_of
from services.prelabel.domain.project import Project
from services.prelabel.operations.events import PROJECT, RECORD, SCHEMA, ids_of
from services.prelabel.operations.records import schema_key
from services.prelabel.storage import models, records
from services.prelabel.storage.projects import ProjectCache
from services.prelabel.storage.records import NewLabel, RecordRow
from shared.contracts.envelope import Event, Payload
from shared.contracts.events import LabelFinalized
from shared.contracts.values import RecordState
from shared.kit.consuming import EventSet
from shared.kit.database import Session

P = TypeVar("P", bound=Payload)


async def finalize(session: Session, cache: ProjectCache, events: EventSet[LabelFinalized]) -> set[UUID]:
    """Keep the classes that labels give to what their projects learn; returns the projects that changed."""
    locked = await records.lock(session, {ids_of(event)[0] for event in events})
    situations = await cache.situations(session, {row.project_id for row in locked.values()})
    labels: dict[UUID, NewLabel] = {}
    for event, row in _newer(events, locked):
        situation = situations.get(row.project_id)
        if situation is None:
            events.park(event, PROJECT, row.project_id)
            continue
        project = situation.project
        if event.payload.schema_version not in project.schemas:
            events.park(event, SCHEMA, schema_key(row.project_id, event.payload.schema_version))
        elif row.record_id not in labels or labels[row.record_id].state_revision < event.revision:
            labels[row.record_id] = _label(event, row.record_id, project)
    await records.finalize(session, list(labels.values()))
    return {locked[record_id].project_id for record_id in labels}


def _label(event: Event[LabelFinalized], record_id: UUID, project: Project) -> NewLabel:
    payload = event.payload
    objective = objective_of(project.schemas[payload.schema_version], payload.schema_version)
    label = None if objective is None else label_of(objective, payload.answers)
    by_people, trainable = payload.method.by_people, payload.trainable
    return NewLabel(record_id, event.revision, label, payload.schema_version, by_people, trainable)


async def change_state(session: Session, events: EventSet[P], state: RecordState) -> set[UUID]:
    """Records are open again, gold, or can't be labelled; returns the projects that changed.

    A model that learnt from what is gold now is marked.
    """
    locked = await records.lock(session, {ids_of(event)[0] for event in events})
    changed: dict[UUID, int] = {}
    for event, row in _newer(events, locked):
        changed[row.record_id] = max(event.revision, changed.get(row.record_id, 0))
    await records.change_state(session, list(changed.items()), state)
    if changed and state is RecordState.GOLD:
        await models.contaminate(session, list(changed))
    return {locked[record_id].project_id for record_id in changed}


def _newer(events: EventSet[P], locked: dict[UUID, RecordRow]) -> Iterator[tuple[Event[P], RecordRow]]:
    """The events that are newer than the record's state, which is not erased; those whose record lacks are parked."""
    for event in events:
        record_id, _ = ids_of(event)
        row = locked.get(record_id)
        if row is None:
            events.park(event, RECORD, record_id)
        elif row.state is not RecordState.ERASED and event.revision > row.state_revision:
            yield event, row
