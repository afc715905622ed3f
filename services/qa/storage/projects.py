"""qa's copy of projects."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.qa.domain.project import Project
from shared.contracts.envelope import Event
from shared.contracts.events import ProjectChanged
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere

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
_REMEMBERED = 512


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
    row = await session.raw.fetchrow(_WHOLE, [project_id])
    return None if row is None else _project(row)


async def check_exists(session: Session, project_id: UUID) -> None:
    """Raises NotKnownHere."""
    if not await digests(session, [project_id]):
        raise NotKnownHere("project", project_id)


async def digests(session: Session, project_ids: Collection[UUID]) -> dict[UUID, str]:
    """The digests of the newest copies of projects, for `ProjectCache.of_digests`."""
    rows = await session.raw.fetch(_DIGESTS, list(project_ids))
    return {row["project_id"]: row["digest"] for row in rows}


HOLDING_PERSONAL_DATA = "SELECT project_id FROM projects WHERE project_id = ANY($1::uuid[]) AND holds_personal_data"


class ProjectCache:
    """The projects that this process has parsed, by digest: what is in it never changes, so it needs no invalidation."""

    def __init__(self) -> None:
        self._parsed: dict[str, Project] = {}

    async def load(self, session: Session, project_ids: Collection[UUID]) -> dict[UUID, Project]:
        """The newest copies of projects; a project of which there is none is missing."""
        return await self.of_digests(session, await digests(session, project_ids))

    async def of_digests(self, session: Session, digests: Mapping[UUID, str]) -> dict[UUID, Project]:
        """Projects whose digests were read in this transaction; what was parsed before is not read again."""
        found = {project_id: self._parsed[one] for project_id, one in digests.items() if one in self._parsed}
        new = digests.keys() - found.keys()
        if new:
            for row in await session.raw.fetch(_WHOLE, list(new)):
                found[row["project_id"]] = self._parsed[row["digest"]] = _project(row)
        while len(self._parsed) > _REMEMBERED:
            del self._parsed[next(iter(self._parsed))]
        return found


def _project(row: Mapping[str, Any]) -> Project:
    return Project(row["project_id"], row["revision"], ProjectChanged.model_validate_json(row["content"]))
