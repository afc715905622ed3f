"""Projects and their versions."""

from collections.abc import Sequence
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
_ADD_SCHEMA = """
INSERT INTO project_schemas (project_id, version, label_schema, created_at) VALUES ($1, $2, $3::jsonb, $4)
ON CONFLICT DO NOTHING
"""
_ADD_GUIDELINE = """
INSERT INTO project_guidelines (project_id, version, markdown, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
_ADD_POLICIES = """
INSERT INTO project_policies (project_id, version, policies, created_at) VALUES ($1, $2, $3::jsonb, $4)
ON CONFLICT DO NOTHING
"""
Lock = Literal["update", "share"]
_FIND: dict[Lock | None, str] = {
    None: "SELECT * FROM projects WHERE project_id = $1",
    "update": "SELECT * FROM projects WHERE project_id = $1 FOR UPDATE",
    "share": "SELECT * FROM projects WHERE project_id = $1 FOR SHARE",
}
_SCHEMAS = "SELECT version, label_schema, created_at FROM project_schemas WHERE project_id = $1 ORDER BY version"
_GUIDELINES = "SELECT version, markdown, created_at FROM project_guidelines WHERE project_id = $1 ORDER BY version"
_POLICIES = "SELECT version, policies, created_at FROM project_policies WHERE project_id = $1 ORDER BY version"
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
_IDS = "SELECT project_id FROM projects WHERE project_id > $1 ORDER BY project_id LIMIT 100"


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
    for schema in schemas:
        text = schema.label_schema.model_dump_json()
        await session.raw.execute(_ADD_SCHEMA, project_id, schema.version, text, schema.created_at)
    for guideline in guidelines:
        text = guideline.markdown
        await session.raw.execute(_ADD_GUIDELINE, project_id, guideline.version, text, guideline.created_at)
    for policy in policies:
        text = policy.policies.model_dump_json()
        await session.raw.execute(_ADD_POLICIES, project_id, policy.version, text, policy.created_at)


async def load(session: Session, project_id: UUID, lock: Lock | None = None) -> Project | None:
    row = await session.raw.fetchrow(_FIND[lock], project_id)
    if row is None:
        return None
    return Project(
        project_id=row["project_id"],
        name=row["name"],
        status=ProjectStatus(row["status"]),
        draw_salt=row["draw_salt"],
        dedup_key=row["dedup_key"],
        revision=row["revision"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        schemas=tuple(
            SchemaVersion(version=item[0], label_schema=_schema(item[1]), created_at=item[2])
            for item in await session.raw.fetch(_SCHEMAS, project_id)
        ),
        guidelines=tuple(
            GuidelineVersion(version=item[0], markdown=item[1], created_at=item[2])
            for item in await session.raw.fetch(_GUIDELINES, project_id)
        ),
        policies=tuple(
            PolicyVersion(version=item[0], policies=_policies(item[1]), created_at=item[2])
            for item in await session.raw.fetch(_POLICIES, project_id)
        ),
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


async def ids_after(session: Session, after: UUID) -> list[UUID]:
    return [row[0] for row in await session.raw.fetch(_IDS, after)]


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
