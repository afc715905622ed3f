"""qa's copy of projects, parsed once per content."""

import hashlib
from uuid import UUID

from services.qa.domain.project import Project
from shared.contracts.events import ProjectChanged
from shared.kit.database import Session

_SAVE = """
INSERT INTO projects (project_id, revision, digest, content) VALUES ($1, $2, $3, $4)
ON CONFLICT (project_id) DO UPDATE
SET revision = excluded.revision, digest = excluded.digest, content = excluded.content
WHERE projects.revision < excluded.revision
RETURNING project_id
"""
_HEAD = "SELECT digest FROM projects WHERE project_id = $1"
_WHOLE = "SELECT revision, digest, content FROM projects WHERE project_id = $1"
_PARSED_AT_ONCE = 512

_parsed: dict[str, Project] = {}
"""By digest: what is in it never changes, so it needs no invalidation."""


async def save(session: Session, project_id: UUID, revision: int, content: ProjectChanged) -> bool:
    """Keep the newest; False when what is kept is as new."""
    text = content.model_dump_json()
    digest = hashlib.sha256(f"{project_id}:{revision}:{text}".encode()).hexdigest()
    return await session.raw.fetchval(_SAVE, project_id, revision, digest, text) is not None


async def load(session: Session, project_id: UUID) -> Project | None:
    digest = await session.raw.fetchval(_HEAD, project_id)
    if digest is None:
        return None
    if digest not in _parsed:
        if len(_parsed) >= _PARSED_AT_ONCE:
            _parsed.clear()
        whole = await session.raw.fetchrow(_WHOLE, project_id)
        digest = whole["digest"]
        content = ProjectChanged.model_validate_json(whole["content"])
        _parsed[digest] = Project(project_id, whole["revision"], content)
    return _parsed[digest]
