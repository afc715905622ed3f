"""The records that a set of events is about: locked, loaded, decided on one after the other, and saved together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from services.queue.domain.project import Project
from services.queue.domain.record import Effects, Record
from services.queue.storage import progress, records
from services.queue.storage.projects import ProjectCache
from services.queue.storage.records import RecordSet
from shared.contracts.envelope import Event, Payload
from shared.kit.consuming import EventSet
from shared.kit.database import Session
from shared.kit.outbox import Outgoing, publish_many

# What an event may wait for.
PROJECT = "project"
SERVABLE = "servable project"
RECORD = "record"
GOLD_WITHDRAWN = "withdrawal of gold"

P = TypeVar("P", bound=Payload)


@dataclass(slots=True)
class RecordBatch:
    """Locked records, their projects, and what is decided on them."""

    records: RecordSet
    projects: dict[UUID, Project]
    effects: Effects = field(default_factory=Effects)

    def ready(
        self, events: EventSet[P], *, project: bool = False, servable: bool = False
    ) -> Iterator[tuple[Event[P], Record]]:
        """Each event with its record; parks those whose record is not here yet.

        And those whose project is not (`project`), or can't have tasks pinned to its versions yet (`servable`).
        """
        for event in events:
            record_id, project_id = ids_of(event)
            found = self.projects.get(project_id)
            if found is None and (project or servable):
                events.park(event, PROJECT, project_id)
                continue
            if servable and found is not None and not found.servable:
                events.park(event, SERVABLE, project_id)
                continue
            record = self.records.get(record_id)
            if record is None:
                events.park(event, RECORD, record_id)
                continue
            yield event, record

    async def save(self, session: Session) -> None:
        """Write what was decided, a statement a table, and publish it."""
        await self.records.save(session)
        await save_effects(session, self.effects)


async def load(session: Session, events: EventSet[P], projects: ProjectCache | None = None) -> RecordBatch:
    """Lock and load the records of the events; and their projects, if a cache of them is given."""
    ids = [ids_of(event) for event in events]
    locked = await records.lock(session, {record_id for record_id, _ in ids})
    held = {} if projects is None else await projects.hold(session, {project_id for _, project_id in ids})
    return RecordBatch(locked, held)


async def save_effects(session: Session, effects: Effects) -> None:
    await progress.add(session, effects.counts)
    await publish_many(
        session,
        [
            Outgoing(
                payload=one.payload,
                project_id=one.project_id,
                record_id=one.record_id,
                revision=one.revision,
                cause=one.cause,
            )
            for one in effects.publications
        ],
    )


def ids_of(event: Event[Payload]) -> tuple[UUID, UUID]:
    """The record and its project; an event of a record names both."""
    if event.record_id is None or event.project_id is None:
        raise ValueError(f"{event.type} without record_id or project_id")
    return event.record_id, event.project_id
