"""What waits for worker processes, and which of them are idle or busy."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.compute.processes import Worker
from shared.kit.compute.wire import Call

PATIENCE_S: Final = 0.8
SHARED_PATIENCE_S: Final = 5.0
"""After so long a call that waits for shared memory keeps others from taking any."""

_NO_MATTER: Final = 2**31
"""After so long a project that has no worker gets one beyond the usual number."""


@dataclass(eq=False, slots=True)
class QueuedCall:
    """A call of a function, waiting or under way. `urgent`: it goes before others of its project, and beside them."""

    name: str
    sent: Call
    project_id: UUID | None
    confined: bool
    affinity: Hashable
    timeout_s: float
    shared_mb: int
    since: float
    urgent: bool
    result: "asyncio.Future[Any]" = field(repr=False)
    worker: Worker | None = None
    timer: asyncio.TimerHandle | None = None
    stopped: ComputeFailed | None = None
    started: float = 0.0


class Room:
    """The workers of one kind, confined or not, and what waits for them."""

    def __init__(self, *, confined: bool, shared_mb: int = _NO_MATTER) -> None:
        self.confined = confined
        self._most_shared_mb = shared_mb
        self._shared_mb = 0
        self.waiting: OrderedDict[UUID | None, deque[QueuedCall]] = OrderedDict()
        self.idle: dict[Worker, float] = {}
        self.busy: dict[Worker, QueuedCall] = {}
        self.held: Counter[UUID | None] = Counter()
        self.urgent: Counter[UUID | None] = Counter()
        self.starting = 0

    @property
    def used(self) -> int:
        """How many calls are under way or about to be."""
        return len(self.busy) + self.starting

    def add(self, call: QueuedCall) -> None:
        calls = self.waiting.setdefault(call.project_id, deque())
        place = next((at for at, one in enumerate(calls) if call.urgent and not one.urgent), len(calls))
        calls.insert(place, call)

    def take(self, workers: int, now: float) -> QueuedCall | None:
        """The next call to begin, if one may: `workers` at a time, and as many again for those who wait in vain."""
        fewest: UUID | None = None
        found = False
        starving = any(
            not self._has_room(calls[0]) and now - calls[0].since >= SHARED_PATIENCE_S
            for calls in self.waiting.values()
        )
        for project_id, calls in self.waiting.items():
            first = calls[0]
            if not self._has_room(first) or (starving and first.shared_mb and now - first.since < SHARED_PATIENCE_S):
                continue
            alone = not self.held[project_id] and now - first.since >= PATIENCE_S
            pressing = first.urgent and not self.urgent[project_id] and self.held[project_id] > 0
            beyond = self.used < 2 * workers and (alone or pressing)
            if (self.used < workers or beyond) and (not found or self.held[project_id] < self.held[fewest]):
                fewest, found = project_id, True
                if not self.held[project_id]:
                    break
        if not found:
            return None
        calls = self.waiting[fewest]
        call = calls.popleft()
        self.waiting.move_to_end(fewest)
        if not calls:
            del self.waiting[fewest]
        self.held[fewest] += 1
        self.urgent[fewest] += call.urgent
        self._shared_mb += call.shared_mb
        return call

    def _has_room(self, call: QueuedCall) -> bool:
        """Whether what it takes of the shared memory is there; what needs more than all of it is done alone."""
        return not call.shared_mb or not self._shared_mb or self._shared_mb + call.shared_mb <= self._most_shared_mb

    def drop(self, call: QueuedCall) -> bool:
        """Take a waiting call out again; False when it doesn't wait."""
        calls = self.waiting.get(call.project_id)
        if calls is None or call not in calls:
            return False
        calls.remove(call)
        if not calls:
            del self.waiting[call.project_id]
        return True

    def release(self, call: QueuedCall) -> None:
        """The call is no longer under way."""
        self.held[call.project_id] -= 1
        self.urgent[call.project_id] -= call.urgent
        self._shared_mb -= call.shared_mb
        for counted in (self.held, self.urgent):
            if counted[call.project_id] <= 0:
                del counted[call.project_id]

    def idle_for(self, affinity: Hashable) -> Worker | None:
        """An idle worker, if there is one: of those that did the same before, else the one used last."""
        if not self.idle:
            return None
        if affinity is not None:
            for worker in self.idle:
                if affinity in worker.affinities:
                    return worker
        return next(reversed(self.idle))
