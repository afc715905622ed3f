"""What prelabel holds while it runs, beside what every service holds."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from services.prelabel.inference import Engine
from services.prelabel.workers import Trainer
from shared.kit.runtime import Runtime

# The loops, by the names under which they are woken.
SCORE: Final = "score"
LEARN: Final = "learn"
TRAIN: Final = "train"
COMPARE: Final = "compare"
COUNT: Final = "count"

_CHECKS_AT_ONCE: Final = 2
_LOOK_EVERY_S: Final = 0.4
_LOOK_TIMES: Final = 10
_QUICK_S: Final = 0.4
_SLOW_S: Final = 1.0
_FIRST_CHUNK: Final = 64


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


class Stirred:
    """Projects in which something happened here, and when all of them are looked at again.

    A look at every project takes at most a tenth of the time; what happened on another replica waits for it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._projects: set[UUID] = set()
        self._next_look = 0.0

    def add(self, project_id: UUID) -> None:
        self._projects.add(project_id)

    def take(self) -> set[UUID]:
        taken, self._projects = self._projects, set()
        return taken

    def look_is_due(self) -> bool:
        return self._clock() >= self._next_look

    def looked(self, seconds: float) -> None:
        """All projects were looked at, which took so long."""
        self._next_look = self._clock() + max(_LOOK_EVERY_S, seconds * _LOOK_TIMES)


class Pace:
    """How many records are scored in one transaction: as many as take less than a second."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = min(_FIRST_CHUNK, most)

    def took(self, seconds: float) -> None:
        if seconds < _QUICK_S:
            self.size = min(self._most, self.size * 2)
        elif seconds > _SLOW_S:
            self.size = max(1, self.size // 2)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator has set."""

    max_model_bytes: int
    check_timeout_s: float
    check_memory_mb: int
    max_training_examples: int


@dataclass(slots=True)
class Tools:
    limits: Limits
    engine: Engine
    trainer: Trainer
    pace: Pace
    arrivals: Arrivals = field(default_factory=Arrivals)
    stirred: Stirred = field(default_factory=Stirred)
    checking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CHECKS_AT_ONCE))


def stir(runtime: Runtime, project_id: UUID) -> None:
    """Something happened in the project that its learning may have waited for."""
    tools_of(runtime).stirred.add(project_id)
    runtime.wake(LEARN)


def tools_of(runtime: Runtime) -> Tools:
    tools: Tools = runtime.resources
    return tools
