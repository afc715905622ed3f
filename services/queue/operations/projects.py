"""Projects, as ingest changes them."""

from uuid import UUID

from services.queue.domain.project import Project
from services.queue.operations.batches import PROJECT, SERVABLE
from services.queue.storage import project_changes, projects, servability
from services.queue.storage.projects import ProjectCache
from shared.contracts.events import ProjectChanged
from shared.kit.consuming import EventSet, release_parked
from shared.kit.database import Session


async def keep(session: Session, cache: ProjectCache, events: EventSet[ProjectChanged]) -> None:
    """Keep the newest revision of each project, and note which tasks that concerns: `reroute` routes their records again."""
    newest: dict[UUID, Project] = {}
    for event in events:
        assert event.project_id is not None
        known = newest.get(event.project_id)
        if known is None or event.revision >= known.revision:
            newest[event.project_id] = Project(event.project_id, event.revision, event.payload)
    before = (await cache.find_all(session, newest)).values()
    await projects.save(session, list(newest.values()))
    session.on_commit(lambda: cache.forget(newest))
    served_otherwise = [
        old.project_id for old in before if old.policies.serving != newest[old.project_id].policies.serving
    ]
    if served_otherwise:
        await servability.add_everybody(session, served_otherwise)
    changed = [old.project_id for old in before if not newest[old.project_id].routes_as(old)]
    if changed:
        await project_changes.add(session, changed)
    await release_parked(session, PROJECT, set(newest))
    await release_parked(session, SERVABLE, {one.project_id for one in newest.values() if one.servable})
