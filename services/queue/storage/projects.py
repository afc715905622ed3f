"""Projects, whole. What was parsed is kept in the process until a newer revision is asked for."""

from uuid import UUID
from weakref import WeakKeyDictionary

from services.queue.domain.project import Project
from shared.contracts.events import ProjectChanged
from shared.kit.database import Database, Session
from shared.kit.jsonb import dump

_SAVE = """
INSERT INTO projects (project_id, revision, status, servable, holds, content) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (project_id) DO UPDATE
SET revision = excluded.revision, status = excluded.status, servable = excluded.servable, holds = excluded.holds,
    content = excluded.content
WHERE projects.revision <= excluded.revision
"""
_REVISION = "SELECT revision FROM projects WHERE project_id = $1"
_FIND = "SELECT revision, content FROM projects WHERE project_id = $1"

_parsed: WeakKeyDictionary[Database, dict[UUID, Project]] = WeakKeyDictionary()


async def save(session: Session, project: Project) -> None:
    """Keep the project unless a newer one is kept."""
    content = project.content
    await session.raw.execute(
        _SAVE, project.project_id, project.revision, content.status, project.servable, project.holds, dump(content)
    )
    # The same revision may come again with other content only from a test, but then it must count.
    _parsed.setdefault(session.database, {}).pop(project.project_id, None)


async def find(session: Session, project_id: UUID, revision: int | None = None) -> Project | None:
    """The project; `revision` is the one that holds, if the caller knows it already."""
    known = _parsed.setdefault(session.database, {})
    if revision is None:
        revision = await session.raw.fetchval(_REVISION, project_id)
        if revision is None:
            return None
    project = known.get(project_id)
    if project is not None and project.revision == revision:
        return project
    row = await session.raw.fetchrow(_FIND, project_id)
    if row is None:
        return None
    project = Project(project_id, row["revision"], ProjectChanged.model_validate_json(row["content"]))
    known[project_id] = project
    return project
