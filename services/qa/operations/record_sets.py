"""The records of a set of events, under their locks, with their projects."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from services.qa.domain.project import Project
from services.qa.domain.record import Record
from services.qa.storage import projects, records
from services.qa.storage.projects import ProjectCache
from shared.contracts.envelope import Event, Payload
from shared.kit.consuming import EventSet
from shared.kit.database import Session

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class LoadedRecords:
    """Locked records, and those of their projects of which a copy is here."""

    records: Mapping[UUID, Record]
    projects: Mapping[UUID, Project]

    def record(self, event: Event[P]) -> Record:
        """The record that the event is about."""
        assert event.record_id is not None
        return self.records[event.record_id]

    def project(self, event: Event[P]) -> Project:
        """The project of the event."""
        assert event.project_id is not None
        return self.projects[event.project_id]


async def lock_records(session: Session, cache: ProjectCache | None, events: Iterable[Event[P]]) -> LoadedRecords:
    """Lock the records of events, in the order of their ids; one that is new here is added.

    A new record of a project that is not here yet is not added. Without a `cache` nothing depends on the projects: they
    are not loaded, and every record is added.
    """
    wanted = {event.record_id: event.project_id for event in events if event.record_id and event.project_id}
    locked = await records.lock(session, wanted)
    found, digests = dict(locked.records), dict(locked.digests)
    missing = {one: project_id for one, project_id in wanted.items() if one not in found}
    if missing:
        unread = set(missing.values()) - digests.keys()
        if unread:
            digests |= await projects.digests(session, unread)
        new = {one: project_id for one, project_id in missing.items() if project_id in digests or cache is None}
        if new:
            found |= await records.add_empty(session, new)
    return LoadedRecords(found, {} if cache is None else await cache.of_digests(session, digests))


def park_early(
    events: EventSet[P], known: Mapping[UUID, Project], schema_version_of: Callable[[P], int] | None = None
) -> list[Event[P]]:
    """Park the events whose project, or its schema version, is not here yet; returns the others in their order.

    What comes after a parked event of its record is parked with it.
    """
    ready: list[Event[P]] = []
    parked: set[UUID | None] = set()
    for event in events:
        assert event.project_id is not None
        project = known.get(event.project_id)
        early = project is None or (
            schema_version_of is not None and project.schema(schema_version_of(event.payload)) is None
        )
        if early or event.record_id in parked:
            events.park(event, "project", event.project_id)
            parked.add(event.record_id)
        else:
            ready.append(event)
    return ready


def waves(events: Sequence[Event[P]]) -> list[list[Event[P]]]:
    """Divide events so that a record occurs once in each wave, in the order of its events: most sets are one wave."""
    found: list[list[Event[P]]] = []
    next_of: dict[UUID | None, int] = {}
    for event in events:
        place = next_of.get(event.record_id, 0)
        if place == len(found):
            found.append([])
        found[place].append(event)
        next_of[event.record_id] = place + 1
    return found
