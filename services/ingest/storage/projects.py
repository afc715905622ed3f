"""Projects and their versions."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from services.ingest.domain.intake import IntakeProject
from services.ingest.domain.projects import Project
from shared.contracts.answers import LabelSchema
from shared.contracts.events import GuidelineVersion, PolicyVersion, SchemaVersion
from shared.contracts.policies import Policies
from shared.contracts.values import ProjectStatus
from shared.kit import jsonb
from shared.kit.database import Session
from shared.kit.statements import columns

_INSERT = """
INSERT INTO projects (project_id, name, status, draw_salt, dedup_key, revision, active_schema, active_guideline,
    active_policy, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_UPDATE = """
UPDATE projects SET name = $2, status = $3, revision = $4, active_schema = $5, active_guideline = $6,
    active_policy = $7, updated_at = $8
WHERE project_id = $1
"""
_ADD_SCHEMAS = """
INSERT INTO project_schemas (project_id, version, label_schema, created_at)
SELECT $1, * FROM unnest($2::int[], $3::jsonb[], $4::timestamptz[]) ON CONFLICT DO NOTHING
"""
_ADD_GUIDELINES = """
INSERT INTO project_guidelines (project_id, version, markdown, created_at)
SELECT $1, * FROM unnest($2::int[], $3::text[], $4::timestamptz[]) ON CONFLICT DO NOTHING
"""
_ADD_POLICIES = """
INSERT INTO project_policies (project_id, version, policies, created_at)
SELECT $1, * FROM unnest($2::int[], $3::jsonb[], $4::timestamptz[]) ON CONFLICT DO NOTHING
"""
Lock = Literal["update", "share"]
_FIND: dict[Lock | None, str] = {
    None: "SELECT * FROM projects WHERE project_id = ANY($1::uuid[]) ORDER BY project_id",
    "update": "SELECT * FROM projects WHERE project_id = ANY($1::uuid[]) ORDER BY project_id FOR UPDATE",
    "share": "SELECT * FROM projects WHERE project_id = ANY($1::uuid[]) ORDER BY project_id FOR SHARE",
}
_SCHEMAS = """
SELECT project_id, version, label_schema, created_at FROM project_schemas
WHERE project_id = ANY($1::uuid[]) ORDER BY project_id, version
"""
_GUIDELINES = """
SELECT project_id, version, markdown, created_at FROM project_guidelines
WHERE project_id = ANY($1::uuid[]) ORDER BY project_id, version
"""
_POLICIES = """
SELECT project_id, version, policies, created_at FROM project_policies
WHERE project_id = ANY($1::uuid[]) ORDER BY project_id, version
"""
_HOLDS = """EXISTS (
    SELECT FROM project_policies v WHERE v.project_id = p.project_id AND v.policies @? '$.deidentification.kept[0]'
)"""
_PAGE = f"""
SELECT project_id, name, status, revision, active_schema, active_guideline, active_policy, created_at, updated_at,
    {_HOLDS} AS holds_personal_data
FROM projects p
WHERE project_id > $1 ORDER BY project_id LIMIT $2
"""  # noqa: S608  constants
_PAGE_OF_SOME = f"""
SELECT project_id, name, status, revision, active_schema, active_guideline, active_policy, created_at, updated_at,
    {_HOLDS} AS holds_personal_data
FROM projects p
WHERE project_id > $1 AND project_id = ANY($3::uuid[]) ORDER BY project_id LIMIT $2
"""  # noqa: S608  constants
HOLDING_PERSONAL_DATA = f"SELECT project_id FROM projects p WHERE project_id = ANY($1::uuid[]) AND {_HOLDS}"  # noqa: S608  constants
_INTAKE = """
SELECT p.project_id, p.status, p.draw_salt, p.dedup_key, p.active_schema, s.label_schema, v.policies
FROM projects p
LEFT JOIN project_schemas s ON s.project_id = p.project_id AND s.version = p.active_schema
JOIN project_policies v ON v.project_id = p.project_id AND v.version = p.active_policy
WHERE p.project_id = $1
"""
_EXISTS = "SELECT EXISTS (SELECT FROM projects WHERE project_id = $1)"
_SCHEMA = "SELECT label_schema FROM project_schemas WHERE project_id = $1 AND version = $2"
_SCHEMA_VERSION = "SELECT label_schema, created_at FROM project_schemas WHERE project_id = $1 AND version = $2"
_IDS = "SELECT project_id FROM projects WHERE project_id > $1 ORDER BY project_id LIMIT $2"


async def add(session: Session, project: Project) -> None:
    await session.raw.execute(
        _INSERT, project.project_id, project.name, project.status, project.draw_salt, project.dedup_key,
        project.revision, project.active_schema, project.active_guideline, project.active_policy,
        project.created_at, project.updated_at,
    )  # fmt: skip
    await _add_versions(session, project, project.schemas, project.guidelines, project.policies)


async def save(session: Session, before: Project, after: Project) -> None:
    """Write what changed of a project that is locked; versions are only ever added."""
    await session.raw.execute(
        _UPDATE, after.project_id, after.name, after.status, after.revision, after.active_schema,
        after.active_guideline, after.active_policy, after.updated_at,
    )  # fmt: skip
    await _add_versions(
        session,
        after,
        after.schemas[len(before.schemas) :],
        after.guidelines[len(before.guidelines) :],
        after.policies[len(before.policies) :],
    )


async def _add_versions(
    session: Session,
    project: Project,
    schemas: Sequence[SchemaVersion],
    guidelines: Sequence[GuidelineVersion],
    policies: Sequence[PolicyVersion],
) -> None:
    project_id = project.project_id
    if schemas:
        rows = [(one.version, one.label_schema.model_dump_json(), one.created_at) for one in schemas]
        await session.raw.execute(_ADD_SCHEMAS, project_id, *columns(rows))
    if guidelines:
        rows = [(one.version, one.markdown, one.created_at) for one in guidelines]
        await session.raw.execute(_ADD_GUIDELINES, project_id, *columns(rows))
    if policies:
        rows = [(one.version, one.policies.model_dump_json(), one.created_at) for one in policies]
        await session.raw.execute(_ADD_POLICIES, project_id, *columns(rows))


async def load(session: Session, project_id: UUID, lock: Lock | None = None) -> Project | None:
    """The project with all its versions, locked if so asked; None when there is none."""
    return next(iter(await load_all(session, [project_id], lock)), None)


async def load_all(session: Session, project_ids: Collection[UUID], lock: Lock | None = None) -> list[Project]:
    """Those of the projects that are there, by id, with all their versions; locked if so asked."""
    rows = await session.raw.fetch(_FIND[lock], list(project_ids))
    if not rows:
        return []
    found = [row["project_id"] for row in rows]
    schemas: dict[UUID, list[SchemaVersion]] = defaultdict(list)
    for one in await session.raw.fetch(_SCHEMAS, found):
        version = SchemaVersion(
            version=one["version"], label_schema=_schema(one["label_schema"]), created_at=one["created_at"]
        )
        schemas[one["project_id"]].append(version)
    guidelines: dict[UUID, list[GuidelineVersion]] = defaultdict(list)
    for one in await session.raw.fetch(_GUIDELINES, found):
        guidelines[one["project_id"]].append(
            GuidelineVersion(version=one["version"], markdown=one["markdown"], created_at=one["created_at"])
        )
    policies: dict[UUID, list[PolicyVersion]] = defaultdict(list)
    for one in await session.raw.fetch(_POLICIES, found):
        policies[one["project_id"]].append(
            PolicyVersion(version=one["version"], policies=_policies(one["policies"]), created_at=one["created_at"])
        )
    return [
        _project(row, schemas[row["project_id"]], guidelines[row["project_id"]], policies[row["project_id"]])
        for row in rows
    ]


def _project(
    row: Any,
    schemas: Sequence[SchemaVersion],
    guidelines: Sequence[GuidelineVersion],
    policies: Sequence[PolicyVersion],
) -> Project:
    return Project(
        project_id=row["project_id"],
        name=row["name"],
        status=ProjectStatus(row["status"]),
        draw_salt=row["draw_salt"],
        dedup_key=row["dedup_key"],
        revision=row["revision"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        schemas=tuple(schemas),
        guidelines=tuple(guidelines),
        policies=tuple(policies),
        active_schema=row["active_schema"],
        active_guideline=row["active_guideline"],
        active_policy=row["active_policy"],
    )


async def page(session: Session, after: UUID, only: Sequence[UUID] | None, limit: int) -> list[dict[str, Any]]:
    """Projects by id, the first one after `after`, without their versions; `only` these, or all when None."""
    if only is None:
        rows = await session.raw.fetch(_PAGE, after, limit)
    else:
        rows = await session.raw.fetch(_PAGE_OF_SOME, after, limit, only)
    return [dict(row) for row in rows]


async def ids_after(session: Session, after: UUID, limit: int) -> list[UUID]:
    return [row["project_id"] for row in await session.raw.fetch(_IDS, after, limit)]


async def load_intake(session: Session, project_id: UUID) -> tuple[ProjectStatus, IntakeProject | None] | None:
    """The project's status and what taking records in needs (None without an active schema); None: no such project."""
    row = await session.raw.fetchrow(_INTAKE, project_id)
    if row is None:
        return None
    status = ProjectStatus(row["status"])
    if row["active_schema"] is None:
        return status, None
    return status, IntakeProject(
        project_id=row["project_id"],
        draw_salt=row["draw_salt"],
        dedup_key=row["dedup_key"],
        schema_version=row["active_schema"],
        schema=_schema(row["label_schema"]),
        policies=_policies(row["policies"]),
    )


async def exists(session: Session, project_id: UUID) -> bool:
    found: bool = await session.raw.fetchval(_EXISTS, project_id)
    return found


async def load_schema(session: Session, project_id: UUID, version: int) -> LabelSchema | None:
    text = await session.raw.fetchval(_SCHEMA, project_id, version)
    return None if text is None else _schema(text)


async def find_schema(session: Session, project_id: UUID, version: int) -> SchemaVersion | None:
    row = await session.raw.fetchrow(_SCHEMA_VERSION, project_id, version)
    if row is None:
        return None
    return SchemaVersion(version=version, label_schema=_schema(row[0]), created_at=row[1])


@lru_cache(maxsize=256)
def _schema(text: str) -> LabelSchema:
    return LabelSchema.model_validate(jsonb.load(text), extra="ignore")


@lru_cache(maxsize=256)
def _policies(text: str) -> Policies:
    return Policies.model_validate(jsonb.load(text), extra="ignore")
