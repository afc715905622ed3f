"""Asks models, which run in worker processes: requests for one model are gathered into batches, models wait apart."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import numpy as np
import structlog

from services.prelabel import metrics
from services.prelabel.compute import sessions
from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.items import Item
from services.prelabel.exceptions import InferenceFailed, ModelSetAside, Overloaded
from shared.contracts.events import ModelManifest
from shared.kit.caller_shares import current_caller
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.compute.pool import ComputePool

log = structlog.get_logger()

_MOST_BREAKS: Final = 3
"""Batches in a row that exceed what a model may take; then it is asked no more."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model as a worker loads it."""

    data: bytes
    manifest: ModelManifest
    project_id: UUID


@dataclass(frozen=True, slots=True)
class InferenceLimits:
    """What the operator has set. At most `queue_items` wait, `batch_items` go into one batch, which waits `wait_s`."""

    queue_items: int = 4096
    batch_items: int = 128
    wait_s: float = 0.001
    timeout_s: float = 30.0
    memory_mb: int = 1024
    models: int = 8


Load = Callable[[UUID], Awaitable[Artifact]]
"""Brings a model; raises what its store raises."""

SetAside = Callable[[UUID, str], Awaitable[None]]
"""Keeps in mind that a model is asked no more, and why."""


@dataclass(eq=False, slots=True)
class _Request:
    items: Sequence[Item]
    answer: "asyncio.Future[Floats]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(eq=False, slots=True)
class _Line:
    """What waits for one model. `breaks`: batches in a row that exceeded their limits."""

    model_id: UUID
    project_id: UUID | None
    waiting: deque[_Request] = field(default_factory=deque)
    items: int = 0
    running: int = 0
    gathering: asyncio.TimerHandle | None = None
    breaks: int = 0


class InferenceQueue:
    """Batches for models, run by the compute pool. A model that breaks its limits holds up no other one."""

    def __init__(self, pool: ComputePool, load: Load, set_aside: SetAside, limits: InferenceLimits) -> None:
        self._pool = pool
        self._load = load
        self._set_aside = set_aside
        self._limits = limits
        self._lines: dict[UUID, _Line] = {}
        self._waiting = 0
        self._room = asyncio.Condition()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many items wait for a model or are with it."""
        return self._waiting

    async def close(self) -> None:
        """Give up what waits."""
        for line in self._lines.values():
            for request in line.waiting:
                request.answer.cancel()
            if line.gathering is not None:
                line.gathering.cancel()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._lines.clear()

    async def predict(
        self, model_id: UUID, items: Sequence[Item], *, project_id: UUID | None = None, patient: bool = False
    ) -> Floats:
        """The raw probabilities, shape [items, labels]; a row of NaN where the model has no answer.

        `patient`: wait for room in the queue instead of raising.

        Raises:
            Overloaded: too many items wait.
            InferenceFailed: the model took too much time or memory, or answers in another shape than it declares.
        """
        if not items:
            return np.empty((0, 0))
        limits = self._limits
        if not patient and self._waiting + len(items) > limits.queue_items:
            raise Overloaded(f"{self._waiting} items wait already")
        requests: list[_Request] = []
        try:
            for start in range(0, len(items), limits.batch_items):
                part = items[start : start + limits.batch_items]
                if patient:
                    await self._wait_for_room(len(part))
                requests.append(self._enqueue(model_id, project_id, part))
            answers = await asyncio.gather(*(request.answer for request in requests))
        except BaseException:
            for request in requests:
                request.answer.cancel()
            raise
        return answers[0] if len(answers) == 1 else np.concatenate(answers)

    async def _wait_for_room(self, count: int) -> None:
        async with self._room:
            await self._room.wait_for(lambda: self._waiting == 0 or self._waiting + count <= self._limits.queue_items)

    def _enqueue(self, model_id: UUID, project_id: UUID | None, items: Sequence[Item]) -> _Request:
        line = self._lines.get(model_id)
        if line is None:
            line = self._lines[model_id] = _Line(model_id, project_id)
        request = _Request(items)
        line.waiting.append(request)
        line.items += len(items)
        self._waiting += len(items)
        metrics.WAITING.set(self._waiting)
        if line.items >= self._limits.batch_items:
            self._begin(line)
        elif line.gathering is None and line.running == 0:
            line.gathering = asyncio.get_running_loop().call_later(self._limits.wait_s, self._begin, line)
        return request

    def _begin(self, line: _Line) -> None:
        """Begin batches, as many at a time as there are workers; a batch that is not full only when no other runs."""
        if line.gathering is not None:
            line.gathering.cancel()
            line.gathering = None
        while line.waiting and line.running < self._pool.workers:
            if line.running and line.items < self._limits.batch_items:
                return
            batch = self._take(line)
            if not batch:
                continue
            line.running += 1
            task = asyncio.get_running_loop().create_task(self._run(line, batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _take(self, line: _Line) -> list[_Request]:
        """As many requests as fit into a batch, without those that nobody waits for any more."""
        taken: list[_Request] = []
        room = self._limits.batch_items
        while line.waiting and len(line.waiting[0].items) <= room:
            request = line.waiting.popleft()
            line.items -= len(request.items)
            if request.answer.done():
                self._waiting -= len(request.items)
            else:
                taken.append(request)
                room -= len(request.items)
        return taken

    async def _run(self, line: _Line, batch: Sequence[_Request]) -> None:
        current_caller.set(None)  # a batch is nobody's: whoever began it has no share in what the model takes
        items = [item for request in batch for item in request.items]
        try:
            _answer(batch, await self._ask(line, items))
        except asyncio.CancelledError:
            for request in batch:
                request.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001  it goes to whoever asked; the queue goes on
            _fail(batch, error)
        finally:
            line.running -= 1
            self._waiting -= len(items)
            metrics.WAITING.set(self._waiting)
            if line.waiting:
                self._begin(line)
            elif line.running == 0 and line.breaks == 0:
                self._lines.pop(line.model_id, None)
        async with self._room:
            self._room.notify_all()

    async def _ask(self, line: _Line, items: Sequence[Item]) -> Floats:
        with metrics.RUN_S.time():
            try:
                answers = await self._compute(line, items, None)
                if answers is None:
                    artifact = await self._load(line.model_id)
                    line.project_id = artifact.project_id
                    answers = await self._compute(line, items, (artifact.data, artifact.manifest))
            except ComputeFailed as failed:
                raise await self._broken(line, failed) from failed
        line.breaks = 0
        metrics.INFERRED.inc(len(items))
        if isinstance(answers, np.ndarray):
            return answers
        raise InferenceFailed(str(answers))

    async def _compute(
        self, line: _Line, items: Sequence[Item], model: tuple[bytes, ModelManifest] | None
    ) -> Floats | str | None:
        return await self._pool.run(
            sessions.predict, line.model_id, items, model, self._limits.models,
            project_id=line.project_id, timeout_s=self._limits.timeout_s, memory_mb=self._limits.memory_mb,
            untrusted=True, affinity=line.model_id,
        )  # fmt: skip

    async def _broken(self, line: _Line, failed: ComputeFailed) -> InferenceFailed:
        """The model took too much or ended its process; the third time in a row it is set aside."""
        reason = str(failed)
        metrics.BROKEN.labels(type(failed).__name__).inc()
        log.warning("model_broke_its_limits", model_id=line.model_id, reason=reason)
        line.breaks += 1
        if line.breaks < _MOST_BREAKS:
            return InferenceFailed(reason)
        line.breaks = 0
        await self._set_aside(line.model_id, reason)
        aside = ModelSetAside(reason)
        _fail(line.waiting, aside)
        return aside


def _answer(batch: Iterable[_Request], answers: Floats) -> None:
    start = 0
    for request in batch:
        if not request.answer.done():
            request.answer.set_result(answers[start : start + len(request.items)])
        start += len(request.items)


def _fail(requests: Iterable[_Request], error: Exception) -> None:
    for request in requests:
        if not request.answer.done():
            request.answer.set_exception(error)
