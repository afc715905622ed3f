"""Projects, whole. What was parsed is kept in the process until a newer revision is asked for."""

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.queue.domain.project import Project
from services.queue.domain.routing import Thresholds
from shared.contracts.events import ProjectChanged
from shared.kit.database import Session
from shared.kit.jsonb import dump

_SAVE = """
INSERT INTO projects (project_id, revision, status, servable, holds, content, active_schema, active_guideline,
    routing_policy)
SELECT project_id, revision, status, servable, holds, content, active_schema, active_guideline, routing_policy
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::boolean[], $5::boolean[], $6::jsonb[], $7::int[], $8::int[],
    $9::int[])
    AS one (project_id, revision, status, servable, holds, content, active_schema, active_guideline, routing_policy)
ORDER BY project_id
ON CONFLICT (project_id) DO UPDATE
SET revision = excluded.revision, status = excluded.status, servable = excluded.servable, holds = excluded.holds,
    content = excluded.content, active_schema = excluded.active_schema, active_guideline = excluded.active_guideline,
    routing_policy = excluded.routing_policy
WHERE projects.revision <= excluded.revision
"""
_REVISIONS = "SELECT project_id, revision FROM projects WHERE project_id = ANY($1::uuid[])"
# A project is not changed, nor a threshold of its models, while records are routed by it.
_HOLD = """
SELECT project_id, revision, thresholds_revision FROM projects WHERE project_id = ANY($1::uuid[])
ORDER BY project_id FOR SHARE
"""
_FIND = "SELECT project_id, revision, content, thresholds_revision FROM projects WHERE project_id = ANY($1::uuid[])"
_THRESHOLDS = """
SELECT project_id, model_id, schema_version, question, label, threshold FROM thresholds
WHERE project_id = ANY($1::uuid[])
"""
_KEPT = 1_000


HOLDING_PERSONAL_DATA = "SELECT project_id FROM projects WHERE project_id = ANY($1::uuid[]) AND holds_personal_data"


class ProjectCache:
    """The projects that this process has parsed. Each read asks for the current revision, so it never serves an older one."""

    def __init__(self) -> None:
        self._parsed: OrderedDict[UUID, Project] = OrderedDict()

    async def find(self, session: Session, project_id: UUID, revision: int | None = None) -> Project | None:
        """The project, or None; its thresholds may be out of date. `revision` is the one that holds, if it is known."""
        if revision is None:
            return (await self.find_all(session, [project_id])).get(project_id)
        return (await self._current(session, {project_id: revision})).get(project_id)

    async def find_all(self, session: Session, project_ids: Collection[UUID]) -> dict[UUID, Project]:
        """Those of the projects that are here; their thresholds may be out of date."""
        rows = await session.raw.fetch(_REVISIONS, list(project_ids))
        return await self._current(session, {row["project_id"]: row["revision"] for row in rows})

    async def _current(self, session: Session, revisions: Mapping[UUID, int]) -> dict[UUID, Project]:
        """The projects in these revisions, of which some are parsed."""
        found: dict[UUID, Project] = {}
        for project_id, revision in revisions.items():
            parsed = self._parsed.get(project_id)
            if parsed is not None and parsed.revision == revision:
                found[project_id] = parsed
        stale = [project_id for project_id in revisions if project_id not in found]
        return found | await self._load(session, stale) if stale else found

    async def hold(self, session: Session, project_ids: Collection[UUID]) -> dict[UUID, Project]:
        """The projects with their thresholds, which nobody changes until the transaction ends."""
        rows = await session.raw.fetch(_HOLD, list(project_ids))
        found: dict[UUID, Project] = {}
        for row in rows:
            known = self._parsed.get(row["project_id"])
            held = (row["revision"], row["thresholds_revision"])
            if known is not None and (known.revision, known.thresholds_revision) == held:
                found[known.project_id] = known
        stale = [row["project_id"] for row in rows if row["project_id"] not in found]
        if stale:
            found |= await self._load(session, stale)
        return found

    def forget(self, project_ids: Collection[UUID]) -> None:
        for project_id in project_ids:
            self._parsed.pop(project_id, None)

    async def _load(self, session: Session, project_ids: Sequence[UUID]) -> dict[UUID, Project]:
        rows = await session.raw.fetch(_FIND, project_ids)
        thresholds: dict[UUID, dict[tuple[UUID, int], dict[tuple[str, str | None], float | None]]]
        thresholds = defaultdict(lambda: defaultdict(dict))
        for one in await session.raw.fetch(_THRESHOLDS, project_ids):
            of_model = thresholds[one["project_id"]][one["model_id"], one["schema_version"]]
            of_model[one["question"], one["label"] or None] = one["threshold"]
        return {row["project_id"]: self._keep(row, thresholds[row["project_id"]]) for row in rows}

    def _keep(self, row: Any, thresholds: Mapping[tuple[UUID, int], Thresholds]) -> Project:
        project_id, known = row["project_id"], self._parsed.get(row["project_id"])
        if known is not None and known.revision == row["revision"]:
            content = known.content
        else:
            content = ProjectChanged.model_validate_json(row["content"])
        project = Project(project_id, row["revision"], content, row["thresholds_revision"], dict(thresholds))
        self._parsed[project_id] = project
        self._parsed.move_to_end(project_id)
        if len(self._parsed) > _KEPT:
            self._parsed.popitem(last=False)
        return project


async def save(session: Session, projects: Sequence[Project]) -> None:
    """Keep the projects, each unless a newer one is kept."""
    await session.raw.execute(
        _SAVE,
        [one.project_id for one in projects],
        [one.revision for one in projects],
        [one.content.status for one in projects],
        [one.servable for one in projects],
        [one.holds for one in projects],
        [dump(one.content) for one in projects],
        [one.content.active_schema for one in projects],
        [one.content.active_guideline for one in projects],
        [one.routing_policy for one in projects],
    )
