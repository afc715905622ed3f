"""Projects, as ingest changes them."""

from uuid import UUID

from services.queue.domain.project import Project
from services.queue.operations.batches import PROJECT, SERVABLE
from services.queue.storage import projects, servability
from services.queue.storage.projects import ProjectCache
from shared.contracts.events import ProjectChanged
from shared.kit.consuming import EventSet, release_parked
from shared.kit.database import Session


async def keep(session: Session, cache: ProjectCache, events: EventSet[ProjectChanged]) -> None:
    """Keep the newest revision of each project."""
    newest: dict[UUID, Project] = {}
    for event in events:
        assert event.project_id is not None
        known = newest.get(event.project_id)
        if known is None or event.revision >= known.revision:
            newest[event.project_id] = Project(event.project_id, event.revision, event.payload)
    before = [await cache.find(session, project_id) for project_id in newest]
    await projects.save(session, list(newest.values()))
    session.on_commit(lambda: cache.forget(newest))
    if any(old is not None and old.policies.serving != newest[old.project_id].policies.serving for old in before):
        await servability.add_everybody(session)
    await release_parked(session, PROJECT, set(newest))
    await release_parked(session, SERVABLE, {one.project_id for one in newest.values() if one.servable})
