"""How far a change has come that is walked through, record by record, in the order of their ids."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from shared.kit.database import Session


@dataclass(frozen=True, slots=True)
class ChangeCursor(ABC):
    """A change of a project whose records up to `done_to` are routed again.

    `advance_sql` and `end_sql` are for a row that still stands at `done_to`: another replica, which leads by now, may have
    gone farther.
    """

    advance_sql: ClassVar[str]
    end_sql: ClassVar[str]

    change_id: int
    project_id: UUID
    done_to: UUID

    @abstractmethod
    async def concerned(self, session: Session, limit: int) -> tuple[list[UUID], UUID | None]:
        """Of the next `limit` records those to be routed again, and the last one; None: no more follow."""

    async def go_on(self, session: Session, end: UUID | None) -> None:
        """The change is made from where it stood up to this record, None: as a whole."""
        if end is None:
            await session.raw.execute(self.end_sql, self.change_id, self.done_to)
        else:
            await session.raw.execute(self.advance_sql, self.change_id, self.done_to, end)
