"""What a process remembers of leases and who asks for them. These are hints: the statement that leases or submits sees to it
that they still hold.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from services.queue.storage.leases import FoundLease
from services.queue.storage.memberships import Entrant
from services.queue.storage.walks import Walks

_KEPT = 10_000
_KEPT_LEASES = 4_000
_MOST_CHARACTERS = 4_000
"""Leases of records with longer fields are not remembered: reading them again costs less than keeping them."""


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


class GrantedLeases:
    """Leases as this process granted them, by their token, each for the first submit under it."""

    def __init__(self) -> None:
        self._known: OrderedDict[UUID, FoundLease] = OrderedDict()

    def remember(self, token: UUID, granted: FoundLease) -> None:
        if len(granted.fields or "") > _MOST_CHARACTERS:
            return
        self._known[token] = granted
        if len(self._known) > _KEPT_LEASES:
            self._known.popitem(last=False)

    def take(self, token: UUID) -> FoundLease | None:
        """The lease, which is remembered no more."""
        return self._known.pop(token, None)


class ServedGold:
    """Gold tasks that were served lately, or placed again, and may run short of slots."""

    def __init__(self) -> None:
        self._tasks: set[UUID] = set()

    def note(self, task_ids: Iterable[UUID]) -> None:
        self._tasks.update(task_ids)

    def take(self, limit: int) -> list[UUID]:
        """At most so many of them, which are remembered no more."""
        return [self._tasks.pop() for _ in range(min(limit, len(self._tasks)))]


@dataclass(frozen=True, slots=True)
class LeaseHints:
    """What this process remembers between requests, to look up less; nothing is decided by it alone."""

    entrants: Entrants = field(default_factory=Entrants)
    granted: GrantedLeases = field(default_factory=GrantedLeases)
    walks: Walks = field(default_factory=Walks)
    gold: ServedGold = field(default_factory=ServedGold)
