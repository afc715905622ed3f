"""Projects, as ingest last told of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakKeyDictionary

from services.prelabel.domain.project import Project
from shared.contracts.events import ProjectChanged
from shared.kit.database import Database, Session
from shared.kit.exceptions import NotKnownHere

_REMEMBERED = 1000
_parsed: WeakKeyDictionary[Database, dict[UUID, Project]] = WeakKeyDictionary()
"""A project's schemas are parsed once per revision and not per event."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A project with what changes more often than its revision: the scoring epoch and the champion."""

    project: Project
    epoch: int
    champion_id: UUID | None


_SITUATION = """
SELECT p.revision, p.epoch, m.model_id
FROM projects p LEFT JOIN models m ON m.project_id = p.project_id AND m.stage = 'champion'
WHERE p.project_id = $1
"""
_STATE = "SELECT revision, state FROM projects WHERE project_id = $1"
_LOCK = "SELECT revision FROM projects WHERE project_id = $1 FOR UPDATE"
_INSERT = "INSERT INTO projects (project_id, revision, state) VALUES ($1, $2, $3::jsonb) ON CONFLICT DO NOTHING"
_UPDATE = "UPDATE projects SET revision = $2, state = $3::jsonb WHERE project_id = $1"
_ALL = "SELECT project_id FROM projects WHERE state->>'status' = 'active' ORDER BY project_id"
_EPOCH = "SELECT epoch FROM projects WHERE project_id = $1"
_NEXT_EPOCH = "UPDATE projects SET epoch = epoch + 1 WHERE project_id = $1 RETURNING epoch"
_NEXT_MODEL = "UPDATE projects SET models = models + 1 WHERE project_id = $1 RETURNING models"


async def situation(session: Session, project_id: UUID) -> Situation:
    """Raises NotKnownHere."""
    row = await session.raw.fetchrow(_SITUATION, project_id)
    if row is None:
        raise NotKnownHere("project", project_id)
    known = _parsed.setdefault(session.database, {})
    project = known.get(project_id)
    if project is None or project.revision != row[0]:
        revision, state = await session.raw.fetchrow(_STATE, project_id)
        project = Project.of(project_id, revision, ProjectChanged.model_validate_json(state))
        if len(known) >= _REMEMBERED:
            known.clear()
        known[project_id] = project
    return Situation(project, row[1], row[2])


async def lock(session: Session, project_id: UUID) -> Situation:
    """The project, locked: whoever changes which model is champion holds this lock. Raises NotKnownHere."""
    if await session.raw.fetchval(_LOCK, project_id) is None:
        raise NotKnownHere("project", project_id)
    return await situation(session, project_id)


async def keep(session: Session, project_id: UUID, revision: int, state: ProjectChanged) -> bool:
    """Keep what is newer than what is held; says whether it was. Guidelines and old policies are not read here."""
    policies = [each for each in state.policies if each.version == state.active_policy]
    body = state.model_copy(update={"guidelines": [], "policies": policies}).model_dump_json()
    await session.raw.execute(_INSERT, project_id, 0, body)
    held: int = await session.raw.fetchval(_LOCK, project_id)
    if revision <= held:
        return False
    await session.raw.execute(_UPDATE, project_id, revision, body)
    return True


async def active(session: Session) -> Sequence[UUID]:
    return [row[0] for row in await session.raw.fetch(_ALL)]


async def epoch(session: Session, project_id: UUID) -> int | None:
    """The scoring epoch, which grows whenever another model becomes champion."""
    found: int | None = await session.raw.fetchval(_EPOCH, project_id)
    return found


async def next_epoch(session: Session, project_id: UUID) -> int:
    """Make every record of the project due for scoring."""
    grown: int = await session.raw.fetchval(_NEXT_EPOCH, project_id)
    return grown


async def next_model(session: Session, project_id: UUID) -> int:
    """The next version number of the project's models."""
    version: int = await session.raw.fetchval(_NEXT_MODEL, project_id)
    return version
