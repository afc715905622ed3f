"""onnxruntime, and nobody else imports it: sessions with one thread each, fed in micro-batches from a bounded queue."""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Self
from uuid import UUID

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.prelabel import metrics
from services.prelabel.domain.calibration import Floats
from services.prelabel.pictures import Pixels
from shared.contracts.events import ModelManifest

Item = str | Pixels
"""What one record gives to a model: its text, or its pixels in the manifest's shape."""

_FATAL_ONLY: Final = 4
_SUM_TOLERANCE: Final = 1e-3


class Overloaded(Exception):
    """More items wait for a model than are kept; try again."""

    retry_after_s = 1


class InferenceFailed(Exception):
    """The model could not answer: it took too long, or its answers are no probabilities."""


def inputs(manifest: ModelManifest, items: Sequence[Item]) -> NDArray[Any]:
    """The model's input for these items, as the manifest says it."""
    if manifest.task == "text_classification":
        return np.array([read_text(manifest, str(item)) for item in items], dtype=object).reshape(-1, 1)
    stacked = np.stack([np.asarray(item) for item in items]).astype(np.float32) / np.float32(manifest.scale)
    if manifest.layout == "nchw":
        return np.ascontiguousarray(stacked.transpose(0, 3, 1, 2))
    return stacked.reshape(len(items), -1)


def read_text(manifest: ModelManifest, text: str) -> str:
    """A text as the model reads it."""
    if manifest.collapse_whitespace:
        text = " ".join(text.split())
    return text.lower() if manifest.lowercase else text


class LoadedModel:
    """One session. `run` is for a thread; only one call at a time is made of it."""

    def __init__(self, model: bytes, manifest: ModelManifest) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL_ONLY
        self.manifest = manifest
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.running: Any = None

    def run(self, items: Sequence[Item]) -> Floats:
        """The raw probabilities, shape [items, labels]; a row of NaN where the model gives none.

        An item that makes the whole batch fail costs only itself: the others are run again one by one.
        """
        try:
            return self.probabilities(inputs(self.manifest, items))
        except InferenceFailed:
            raise
        except Exception:  # noqa: BLE001  onnxruntime raises what its operators raise
            if len(items) == 1:
                return np.full((1, len(self.manifest.labels)), np.nan)
            return np.concatenate([self.run([item]) for item in items])

    def probabilities(self, batch: NDArray[Any]) -> Floats:
        """Run once. Rows sum to exactly 1; a row that is no distribution is NaN."""
        options = onnxruntime.RunOptions()
        options.log_severity_level = _FATAL_ONLY
        self.running = options
        try:
            (raw,) = self.session.run([self.manifest.output_name], {self.manifest.input_name: batch}, options)
        except Exception as error:
            if options.terminate:
                raise InferenceFailed("the model took too long") from error
            raise
        finally:
            self.running = None
        answers: Floats = np.asarray(raw, dtype=np.float64)
        if answers.shape != (len(batch), len(self.manifest.labels)):
            raise InferenceFailed("the model's answers do not have one column per label")
        total = answers.sum(axis=1)
        sound = np.isfinite(answers).all(axis=1) & (answers >= -_SUM_TOLERANCE).all(axis=1)
        sound &= np.abs(total - 1.0) <= _SUM_TOLERANCE
        answers = np.clip(answers, 0.0, 1.0)
        answers[sound] /= answers[sound].sum(axis=1, keepdims=True)
        answers[~sound] = np.nan
        return answers

    def stop(self) -> None:
        """Make the running call end at its next operator."""
        options = self.running
        if options is not None:
            options.terminate = True


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output: onnxruntime's name of the type, and the shape, in which a free dimension is no int."""

    type: str
    shape: tuple[Any, ...]


def ports(model: LoadedModel) -> tuple[dict[str, Port], dict[str, Port]]:
    """What a model reads and what it gives, by name."""
    reads = {port.name: Port(port.type, tuple(port.shape)) for port in model.session.get_inputs()}
    gives = {port.name: Port(port.type, tuple(port.shape)) for port in model.session.get_outputs()}
    return reads, gives


Loader = Callable[[UUID], Awaitable[tuple[bytes, ModelManifest]]]
"""Brings a model's bytes and manifest; raises what its store raises."""


@dataclass(slots=True)
class _Request:
    model_id: UUID
    items: Sequence[Item]
    answer: asyncio.Future[Floats] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Engine:
    """Gathers what arrives within `wait_s` for one model into one run of at most `batch_items`.

    At most `queue_items` wait. Sessions are kept for the `models` used last. Use as a context manager.
    """

    def __init__(
        self,
        loader: Loader,
        *,
        queue_items: int = 4096,
        batch_items: int = 128,
        wait_s: float = 0.001,
        timeout_s: float = 30.0,
        models: int = 8,
    ) -> None:
        self._loader = loader
        self._queue_items = queue_items
        self._batch_items = batch_items
        self._wait_s = wait_s
        self._timeout_s = timeout_s
        self._most_models = models
        self._models: OrderedDict[UUID, LoadedModel] = OrderedDict()
        self._queue: deque[_Request] = deque()
        self._waiting = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Condition()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inference")
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._serve(), name="inference")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for model in self._models.values():
            model.stop()
        while self._queue:
            self._queue.popleft().answer.cancel()
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def check(self) -> None:
        """Raises when nothing would be answered any more."""
        if self._task is None or self._task.done():
            raise RuntimeError("inference has stopped")

    @property
    def waiting(self) -> int:
        """How many items wait for a model."""
        return self._waiting

    async def predict(self, model_id: UUID, items: Sequence[Item], *, patient: bool = False) -> Floats:
        """The raw probabilities, shape [items, labels]; a row of NaN where the model has no answer.

        `patient`: wait for room in the queue instead of raising.

        Raises:
            Overloaded: the queue is full.
            InferenceFailed: the model took too long, or answers in another shape than it declares.
        """
        if not items:
            return np.empty((0, 0))
        if not patient and self._waiting + len(items) > self._queue_items:
            raise Overloaded(f"{self._waiting} items wait already")
        requests = []
        for start in range(0, len(items), self._batch_items):
            part = items[start : start + self._batch_items]
            if patient:
                await self._wait_for_room(len(part))
            request = _Request(model_id, part)
            self._queue.append(request)
            self._waiting += len(part)
            metrics.WAITING.set(self._waiting)
            self._arrived.set()
            requests.append(request)
        return np.concatenate(await asyncio.gather(*(request.answer for request in requests)))

    async def load(self, model_id: UUID) -> LoadedModel:
        """The session of a model, from memory or from the store."""
        model = self._models.get(model_id)
        if model is None:
            data, manifest = await self._loader(model_id)
            model = await asyncio.get_running_loop().run_in_executor(self._thread, LoadedModel, data, manifest)
            self._models[model_id] = model
            while len(self._models) > self._most_models:
                self._models.popitem(last=False)
        self._models.move_to_end(model_id)
        return model

    async def _wait_for_room(self, count: int) -> None:
        async with self._room:
            await self._room.wait_for(lambda: self._waiting == 0 or self._waiting + count <= self._queue_items)

    async def _serve(self) -> None:
        while True:
            await self._arrived.wait()
            if self._waiting < self._batch_items:
                await asyncio.sleep(self._wait_s)
            requests = self._take()
            if not requests:
                self._arrived.clear()
                continue
            try:
                await self._answer(requests)
            except asyncio.CancelledError:
                for request in requests:
                    request.answer.cancel()
                raise
            finally:
                self._waiting -= sum(len(request.items) for request in requests)
                metrics.WAITING.set(self._waiting)
                async with self._room:
                    self._room.notify_all()

    def _take(self) -> list[_Request]:
        """The next requests for one model, as many as fit into a batch; the others keep their order."""
        taken: list[_Request] = []
        left: deque[_Request] = deque()
        room = self._batch_items
        for request in self._queue:
            fits = not taken or (request.model_id == taken[0].model_id and len(request.items) <= room)
            if fits and not request.answer.done():
                taken.append(request)
                room -= len(request.items)
            elif not request.answer.done():
                left.append(request)
            else:  # nobody waits for it any more
                self._waiting -= len(request.items)
        self._queue = left
        return taken

    async def _answer(self, requests: Sequence[_Request]) -> None:
        try:
            model = await self.load(requests[0].model_id)
            items = [item for request in requests for item in request.items]
            metrics.INFERRED.inc(len(items))
            running = asyncio.get_running_loop().run_in_executor(self._thread, model.run, items)
            late = asyncio.get_running_loop().call_later(self._timeout_s, model.stop)
            try:
                with metrics.RUN_S.time():
                    answers = await running
            finally:
                late.cancel()
        except Exception as error:  # noqa: BLE001  whoever asked is told; the queue goes on
            for request in requests:
                if not request.answer.done():
                    request.answer.set_exception(error)
            return
        start = 0
        for request in requests:
            if not request.answer.done():
                request.answer.set_result(answers[start : start + len(request.items)])
            start += len(request.items)
