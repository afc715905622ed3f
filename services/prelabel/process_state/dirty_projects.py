"""Projects whose learning may have something to do."""

import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

_LOOK_EVERY_S: Final = 2.0
_LOOK_TIMES: Final = 10


class DirtyProjects:
    """Projects in which something happened here, and when all of them are looked at again.

    A look at every project takes at most a tenth of the time; what happened on another replica waits for it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._projects: set[UUID] = set()
        self._next_look = 0.0

    def add(self, *project_ids: UUID) -> None:
        self._projects.update(project_ids)

    def look_again(self) -> None:
        """Look at all of them the next time: something was interrupted."""
        self._next_look = 0.0

    def take(self) -> set[UUID]:
        taken, self._projects = self._projects, set()
        return taken

    def look_is_due(self) -> bool:
        return self._clock() >= self._next_look

    def looked(self, seconds: float) -> None:
        """All projects were looked at, which took so long."""
        self._next_look = self._clock() + max(_LOOK_EVERY_S, seconds * _LOOK_TIMES)
