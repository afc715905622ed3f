"""Records come in, and are erased by right. Projects come before them."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from services.prelabel.domain import prediction
from services.prelabel.operations.events import PROJECT, RECORD, SCHEMA, ids_of
from services.prelabel.operations.scoring import schema_version_of
from services.prelabel.storage import projects, records, unlearnings
from services.prelabel.storage.projects import ProjectCache, Situation
from services.prelabel.storage.records import NewRecord
from shared.contracts.envelope import Event
from shared.contracts.events import ProjectChanged, RecordAccepted, RecordErased, RecordPredicted
from shared.contracts.fields import FieldValue
from shared.contracts.values import RecordState, ScoredFor
from shared.kit import erasures, outbox
from shared.kit.clock import new_id
from shared.kit.consuming import EventSet, release_parked
from shared.kit.database import Session
from shared.kit.outbox import Outgoing

NOT_SCORED: Final = -1
_FIELDS: Final[TypeAdapter[dict[str, FieldValue]]] = TypeAdapter(dict[str, FieldValue])


@dataclass(frozen=True, slots=True)
class Accepted:
    """The projects of records that came in, and those in which records are due for scoring."""

    projects: set[UUID] = field(default_factory=set)
    due: set[UUID] = field(default_factory=set)


async def keep_projects(session: Session, events: EventSet[ProjectChanged]) -> set[UUID]:
    """Keep the newest revision of each project; returns which projects changed."""
    changed: dict[UUID, tuple[int, ProjectChanged]] = {}
    for event in events:
        assert event.project_id is not None
        if event.project_id not in changed or changed[event.project_id][0] < event.revision:
            changed[event.project_id] = (event.revision, event.payload)
    kept = await projects.keep(session, changed)
    schemas = [schema_key(project_id, each.version) for project_id in kept for each in changed[project_id][1].schemas]
    await release_parked(session, PROJECT, kept)
    await release_parked(session, SCHEMA, schemas)
    return kept


def schema_key(project_id: UUID, version: int) -> UUID:
    """The id under which an event waits for a schema version that is not here yet."""
    return uuid.uuid5(project_id, f"schema:{version}")


async def accept(session: Session, cache: ProjectCache, events: EventSet[RecordAccepted]) -> Accepted:
    """Keep records that are new.

    Without a champion a record's turn comes by chance, and that is published at once; with one it is due for scoring.
    """
    situations = await cache.situations(session, {ids_of(event)[1] for event in events})
    new: dict[UUID, tuple[NewRecord, RecordPredicted | None, Event[RecordAccepted]]] = {}
    for event in events:
        record_id, project_id = ids_of(event)
        situation = situations.get(project_id)
        if situation is None:
            events.park(event, PROJECT, project_id)
        elif record_id not in new:
            new[record_id] = (*_new(event, record_id, situation), event)
    added = await records.add(session, [row for row, _, _ in new.values()])
    accepted, predicted = Accepted(), []
    for row, first, event in [new[record_id] for record_id in new if record_id in added]:
        accepted.projects.add(row.project_id)
        if first is None:
            accepted.due.add(row.project_id)
        else:
            predicted.append(
                Outgoing(
                    payload=first, project_id=row.project_id, record_id=row.record_id, event_id=row.prediction_id,
                    cause=event,
                )
            )  # fmt: skip
    await outbox.publish_many(session, predicted)
    await release_parked(session, RECORD, added)
    return accepted


def _new(
    event: Event[RecordAccepted], record_id: UUID, situation: Situation
) -> tuple[NewRecord, RecordPredicted | None]:
    """The record, and its first prediction if no model is to be asked."""
    project, payload = situation.project, event.payload
    held_out = payload.split.held_out
    draw = project.draw("select", record_id)
    explored = not held_out and project.draw("explore", record_id) < project.learning.random_share
    first, epoch = None, NOT_SCORED
    if situation.champion_id is None:
        first, epoch = (
            prediction.without_answer(schema_version_of(project), draw, None, ScoredFor.ROUTING),
            situation.epoch,
        )
    row = NewRecord(
        record_id, project.project_id, event.revision, payload.split, held_out, explored, draw, epoch,
        None if first is None else new_id(), None if first is None else first.schema_version,
        _FIELDS.dump_json(payload.fields).decode(),
    )  # fmt: skip
    return row, first


async def erase(session: Session, events: EventSet[RecordErased], now: datetime) -> set[UUID]:
    """Delete what records held and what was made of it; tombstones stay. Returns the projects that lost something."""
    wanted = {record_id: (project_id, event.revision) for event in events for record_id, project_id in [ids_of(event)]}
    buried = await records.bury(session, [(record_id, *rest) for record_id, rest in wanted.items()])
    locked = await records.lock(session, wanted.keys() - buried)
    erased = [
        (record_id, wanted[record_id][1]) for record_id, row in locked.items() if row.state is not RecordState.ERASED
    ]
    await records.erase(session, erased)
    await unlearnings.add(session, wanted, now)
    changed = [*buried, *(record_id for record_id, _ in erased)]
    await erasures.note(session, [(record_id, project_id) for record_id, (project_id, _) in wanted.items()], now)
    await release_parked(session, RECORD, changed)
    return {wanted[record_id][0] for record_id in changed}
