"""What a process remembers of who leases. These are hints: the statement that leases sees to it that they still hold."""

from collections import OrderedDict
from dataclasses import dataclass, field
from uuid import UUID

from services.queue.storage.memberships import Entrant
from services.queue.storage.walks import Walks

_KEPT = 10_000


class Entrants:
    """What was last known of who asks for work, by subject and project."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, UUID], Entrant] = OrderedDict()

    def find(self, subject: str, project_id: UUID) -> Entrant | None:
        return self._known.get((subject, project_id))

    def remember(self, subject: str, project_id: UUID, entrant: Entrant) -> None:
        self._known[subject, project_id] = entrant
        self._known.move_to_end((subject, project_id))
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def forget(self, subject: str, project_id: UUID) -> None:
        self._known.pop((subject, project_id), None)


@dataclass(frozen=True, slots=True)
class LeaseHints:
    entrants: Entrants = field(default_factory=Entrants)
    walks: Walks = field(default_factory=Walks)
