"""qa's copy of projects, parsed once per content."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from services.qa.domain.project import Project
from shared.contracts.envelope import Event
from shared.contracts.events import ProjectChanged
from shared.kit.database import Session

_SAVE = """
INSERT INTO projects (project_id, revision, digest, content)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[]) ORDER BY 1
ON CONFLICT (project_id) DO UPDATE
SET revision = excluded.revision, digest = excluded.digest, content = excluded.content
WHERE projects.revision < excluded.revision
RETURNING project_id
"""
_DIGESTS = "SELECT project_id, digest FROM projects WHERE project_id = ANY($1::uuid[])"
_WHOLE = "SELECT project_id, revision, digest, content FROM projects WHERE project_id = ANY($1::uuid[])"
_PARSED_AT_ONCE = 512

_parsed: dict[str, Project] = {}
"""By digest: what is in it never changes, so it needs no invalidation."""


async def save(session: Session, events: Sequence[Event[ProjectChanged]]) -> list[UUID]:
    """Keep projects, each given once; returns those that are newer than what was kept."""
    texts = [event.payload.model_dump_json() for event in events]
    rows = await session.raw.fetch(
        _SAVE,
        [event.project_id for event in events],
        [event.revision for event in events],
        [
            hashlib.sha256(f"{event.project_id}:{event.revision}:{text}".encode()).hexdigest()
            for event, text in zip(events, texts, strict=True)
        ],
        texts,
    )
    return [row["project_id"] for row in rows]


async def load(session: Session, project_id: UUID) -> Project | None:
    """The newest copy of a project, None where there is none."""
    return (await load_many(session, [project_id])).get(project_id)


async def load_many(session: Session, project_ids: Collection[UUID]) -> dict[UUID, Project]:
    """The newest copies of projects; a project of which there is none is missing."""
    return await of_digests(session, await digests(session, project_ids))


async def digests(session: Session, project_ids: Collection[UUID]) -> dict[UUID, str]:
    """The digests of the newest copies of projects, for `of_digests`."""
    rows = await session.raw.fetch(_DIGESTS, list(project_ids))
    return {row["project_id"]: row["digest"] for row in rows}


async def of_digests(session: Session, digests: Mapping[UUID, str]) -> dict[UUID, Project]:
    """Projects whose digests were read in this transaction; what was parsed before is not read again."""
    new = [project_id for project_id, digest in digests.items() if digest not in _parsed]
    read: dict[UUID, Project] = {}
    if new:
        if len(_parsed) >= _PARSED_AT_ONCE:
            _parsed.clear()
        for row in await session.raw.fetch(_WHOLE, new):
            content = ProjectChanged.model_validate_json(row["content"])
            project = Project(row["project_id"], row["revision"], content)
            read[row["project_id"]] = _parsed[row["digest"]] = project
    return {project_id: read.get(project_id) or _parsed[digest] for project_id, digest in digests.items()}
