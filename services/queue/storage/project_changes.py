"""Projects whose open tasks are to be brought in line with how they are now."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from services.queue.storage.change_cursor import ChangeCursor
from shared.kit.database import Session

# What was not done yet of an earlier change is done with this one, from the beginning: records are routed by the project as
# it is then. It has another id: what is being done for the one before doesn't count.
_ADD = """
INSERT INTO project_changes (project_id) SELECT unnest($1::uuid[])
ON CONFLICT (project_id) DO UPDATE SET change_id = DEFAULT, done_to = DEFAULT, pages_done = DEFAULT
"""
# Page by page in turn: the change of a small project doesn't wait for that of a large one.
_NEXT = "SELECT change_id, project_id, done_to FROM project_changes ORDER BY pages_done, change_id LIMIT 1"
_CONCERNED = """
SELECT record_id FROM tasks
WHERE project_id = $1 AND record_id > $2 AND state = 'open' AND purpose <> 'gold' AND purpose = 'annotation'
ORDER BY record_id LIMIT $3
"""
_GO_ON = """
UPDATE project_changes SET done_to = $3, pages_done = pages_done + 1 WHERE change_id = $1 AND done_to = $2
"""
_END = "DELETE FROM project_changes WHERE change_id = $1 AND done_to = $2"


@dataclass(frozen=True, slots=True)
class PendingProjectChange(ChangeCursor):
    """Records of this project with an open task are to be routed again, in the order of their ids."""

    advance_sql: ClassVar[str] = _GO_ON
    end_sql: ClassVar[str] = _END

    async def concerned(self, session: Session, limit: int) -> tuple[list[UUID], UUID | None]:
        rows = await session.raw.fetch(_CONCERNED, self.project_id, self.done_to, limit)
        found = [row["record_id"] for row in rows]
        return found, found[-1] if len(found) == limit else None


async def add(session: Session, project_ids: Collection[UUID]) -> None:
    """Have the untouched tasks of these projects decided on again."""
    await session.raw.execute(_ADD, list(project_ids))


async def next_change(session: Session) -> PendingProjectChange | None:
    row = await session.raw.fetchrow(_NEXT)
    return None if row is None else PendingProjectChange(**row)
