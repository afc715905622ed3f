"""Projects, as ingest last published them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.prelabel.domain.project import Project
from shared.contracts.events import ProjectChanged
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere
from shared.kit.statements import columns

_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Situation:
    """A project with what changes more often than its revision: the scoring epoch and the champion."""

    project: Project
    epoch: int
    champion_id: UUID | None


_SITUATIONS = """
SELECT p.project_id, p.revision, p.epoch, m.model_id
FROM projects p LEFT JOIN models m ON m.project_id = p.project_id AND m.stage = 'champion'
WHERE p.project_id = ANY($1::uuid[])
"""
_STATES = "SELECT project_id, revision, state FROM projects WHERE project_id = ANY($1::uuid[])"
_EXISTS = "SELECT EXISTS (SELECT FROM projects WHERE project_id = $1)"
_LOCK = "SELECT revision FROM projects WHERE project_id = $1 FOR UPDATE"
_KEEP = """
INSERT INTO projects (project_id, revision, state)
SELECT project_id, revision, state FROM unnest($1::uuid[], $2::int[], $3::jsonb[]) AS row (project_id, revision, state)
ORDER BY project_id
ON CONFLICT (project_id) DO UPDATE SET revision = excluded.revision, state = excluded.state
    WHERE projects.revision < excluded.revision
RETURNING project_id
"""
_ALL = "SELECT project_id FROM projects WHERE state->>'status' = 'active' ORDER BY project_id"
_EPOCH = "SELECT epoch FROM projects WHERE project_id = $1"
_NEXT_EPOCH = "UPDATE projects SET epoch = epoch + 1 WHERE project_id = $1 RETURNING epoch"
_NEXT_MODEL = "UPDATE projects SET models = models + 1 WHERE project_id = $1 RETURNING models"


HOLDING_PERSONAL_DATA = "SELECT project_id FROM projects WHERE project_id = ANY($1::uuid[]) AND holds_personal_data"


class ProjectCache:
    """The projects that this process has parsed: once per revision, not per event. Each read asks which one is current."""

    def __init__(self) -> None:
        self._parsed: dict[UUID, Project] = {}

    async def situation(self, session: Session, project_id: UUID) -> Situation:
        """Raises NotKnownHere."""
        found = (await self.situations(session, [project_id])).get(project_id)
        if found is None:
            raise NotKnownHere("project", project_id)
        return found

    async def situations(self, session: Session, project_ids: Collection[UUID]) -> dict[UUID, Situation]:
        """Those of the projects that are here."""
        rows = await session.raw.fetch(_SITUATIONS, list(project_ids))
        found: dict[UUID, Project] = {}
        for row in rows:
            parsed = self._parsed.get(row["project_id"])
            if parsed is not None and parsed.revision == row["revision"]:
                found[parsed.project_id] = parsed
        stale = [row["project_id"] for row in rows if row["project_id"] not in found]
        if stale:
            for project_id, revision, state in await session.raw.fetch(_STATES, stale):
                found[project_id] = Project.of(project_id, revision, ProjectChanged.model_validate_json(state))
                self._remember(found[project_id])
        return {row["project_id"]: Situation(found[row["project_id"]], row["epoch"], row["model_id"]) for row in rows}

    def _remember(self, project: Project) -> None:
        self._parsed.pop(project.project_id, None)
        self._parsed[project.project_id] = project
        if len(self._parsed) > _REMEMBERED:
            del self._parsed[next(iter(self._parsed))]


async def check_exists(session: Session, project_id: UUID) -> None:
    """Raises NotKnownHere."""
    if not await session.raw.fetchval(_EXISTS, project_id):
        raise NotKnownHere("project", project_id)


async def lock(session: Session, project_id: UUID) -> None:
    """Lock the project: whoever changes which model is champion holds this lock. Raises NotKnownHere."""
    if await session.raw.fetchval(_LOCK, project_id) is None:
        raise NotKnownHere("project", project_id)


async def keep(session: Session, changed: Mapping[UUID, tuple[int, ProjectChanged]]) -> set[UUID]:
    """Keep revisions of projects that are newer than what is here; returns whose they are.

    Guidelines and old policies are not read here.
    """
    rows = [(project_id, revision, _body(state)) for project_id, (revision, state) in changed.items()]
    return {row["project_id"] for row in await session.raw.fetch(_KEEP, *columns(rows))}


def _body(state: ProjectChanged) -> str:
    policies = [each for each in state.policies if each.version == state.active_policy]
    return state.model_copy(update={"guidelines": [], "policies": policies}).model_dump_json()


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
