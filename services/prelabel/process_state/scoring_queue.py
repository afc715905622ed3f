"""The projects that are due for scoring, and which one is next."""

from collections import deque
from collections.abc import Iterable
from uuid import UUID


class ScoringQueue:
    """Projects come again at the end as long as they have more to do; one that failed doesn't come again."""

    def __init__(self) -> None:
        self._waiting: deque[UUID] = deque()
        self._active: set[UUID] = set()
        self._again: set[UUID] = set()
        self._failed: set[UUID] = set()
        self.looking = 0
        """How many tasks look for projects that are due at the moment."""

    @property
    def busy(self) -> bool:
        """Whether something may still be added by those at work."""
        return bool(self._active) or self.looking > 0

    @property
    def left(self) -> bool:
        """Whether a project is not done."""
        return bool(self._waiting or self._active or self._failed)

    def add(self, project_ids: Iterable[UUID]) -> None:
        """Put projects at the end; one that is being scored comes again after that."""
        for project_id in sorted(project_ids):
            if project_id in self._active:
                self._again.add(project_id)
            elif project_id not in self._waiting and project_id not in self._failed:
                self._waiting.append(project_id)

    def take(self) -> UUID | None:
        """The next project, which is active until `done` or `release`; None while none waits."""
        if not self._waiting:
            return None
        project_id = self._waiting.popleft()
        self._active.add(project_id)
        return project_id

    def done(self, project_id: UUID, *, more: bool) -> None:
        """A project's step is over; with `more` to do, it comes again."""
        self._active.discard(project_id)
        if more or project_id in self._again:
            self._again.discard(project_id)
            self._waiting.append(project_id)

    def release(self, project_id: UUID) -> None:
        """What is still active has failed."""
        if project_id in self._active:
            self._active.discard(project_id)
            self._again.discard(project_id)
            self._failed.add(project_id)
