"""When records last came, so that an import is selected from once it pauses."""

import time
from collections.abc import Callable
from uuid import UUID


class Arrivals:
    """How long no record has come, per project, as far as this process has seen; a restart begins anew."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[UUID, tuple[UUID | None, float]] = {}

    def quiet_s(self, project_id: UUID, newest: UUID | None) -> float:
        """Seconds since the newest record was another one, or since a record was noted here."""
        seen = self._last.get(project_id)
        if seen is None or seen[0] != newest:
            self._last[project_id] = (newest, self._clock())
            return 0.0
        return self._clock() - seen[1]

    def note(self, project_id: UUID) -> None:
        """A record came."""
        newest = self._last.get(project_id, (None, 0.0))[0]
        self._last[project_id] = (newest, self._clock())
