"""Calls of functions, queued by project and given to worker processes.

Projects take turns: the next call is one of the project with the fewest calls under way. When all workers are held and a
project that has none has waited for `PATIENCE_S`, it gets a worker beyond the usual number, at most as many again. So
does an urgent call at once, where the other calls of its project hold workers.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

import prometheus_client
import structlog

from shared.kit.compute import wire
from shared.kit.compute.exceptions import (
    ComputeCrashed,
    ComputeFailed,
    ComputeOutOfMemory,
    ComputeRaised,
    ComputeTimeout,
)
from shared.kit.compute.processes import Processes, Worker
from shared.kit.compute.rooms import QueuedCall, Room
from shared.kit.compute.waiting_time import note_wait

log = structlog.get_logger()

T = TypeVar("T")

QUEUED: Final = prometheus_client.Gauge("touchstone_compute_queued", "Calls that wait for a worker process.")
RUNNING: Final = prometheus_client.Gauge("touchstone_compute_running", "Calls that a worker process is doing.")
WORKERS: Final = prometheus_client.Gauge("touchstone_compute_workers", "Worker processes.")
CALLS: Final = prometheus_client.Counter(
    "touchstone_compute_calls", "Calls of worker processes that ended.", ("function", "outcome")
)
SECONDS: Final = prometheus_client.Histogram(
    "touchstone_compute_seconds",
    "How long a worker process took for a call.",
    ("function",),
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600),
)

_STATUS_S: Final = 2.0
_LOOK_EVERY_S: Final = 0.25
_MOST_AFFINITIES: Final = 64
_MEBIBYTE: Final = 1024 * 1024


class ComputePool:
    """Runs functions in worker processes. Processes start when first needed and end when idle for `idle_s`.

    `workers` calls at a time for trusted functions and as many for untrusted ones; `timeout_s` and `memory_mb` are what
    a call may take unless it sets its own; calls that say how much of it they share take `shared_mb` together at most;
    `preload` are modules that workers have imported from the beginning.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        timeout_s: float = 60.0,
        memory_mb: int = 1024,
        shared_mb: int = 1024,
        idle_s: float = 120.0,
        preload: Sequence[str] = (),
    ) -> None:
        self.workers = workers or max(1, min(4, os.cpu_count() or 1))
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._idle_s = idle_s
        self._processes = Processes(preload)
        self._rooms = {confined: Room(confined=confined, shared_mb=shared_mb) for confined in (False, True)}
        self._background: set[asyncio.Task[None]] = set()
        self._looking: asyncio.TimerHandle | None = None
        self._kept_ready = False
        self._sweeping: asyncio.TimerHandle | None = None

    async def run(
        self,
        function: Callable[..., T],
        *arguments: Any,
        project_id: UUID | None = None,
        timeout_s: float | None = None,
        memory_mb: int | None = None,
        shared_mb: int = 0,
        untrusted: bool = False,
        urgent: bool = False,
        affinity: Hashable = None,
    ) -> T:
        """What `function(*arguments)` returns in a worker; what it raises is raised here.

        The function is a module's own; arguments and result are pickled. `timeout_s` is wall time from the moment that a
        worker begins; CPU time is bounded by the same. `memory_mb` is beyond what an idle worker has, and
        `shared_mb` what it takes of what calls share: it waits until that is there. An `untrusted` call
        runs without files and network, so its module must be among the preloaded ones; its result is plain data or arrays
        of numbers, and what it raises is ComputeRaised. An `urgent` call goes before the others of its project, and one of
        them doesn't wait for a worker while they hold all. Calls of one `affinity` go to the worker that had it before, if
        that is idle. A cancelled call is taken out of the queue, or its process killed.

        Raises:
            ComputeTimeout, ComputeOutOfMemory, ComputeCrashed, ComputeRaised: see there; all are ComputeFailed.
        """
        limit_s = timeout_s or self._timeout_s
        sent = wire.Call(
            function.__module__, function.__qualname__, arguments, limit_s, (memory_mb or self._memory_mb) * _MEBIBYTE
        )
        call = QueuedCall(
            function.__name__, sent, project_id, untrusted, affinity, limit_s, shared_mb, time.monotonic(),
            urgent, asyncio.get_running_loop().create_future(),
        )  # fmt: skip
        room = self._rooms[untrusted]
        room.add(call)
        self._dispatch(room)
        try:
            result: T = await call.result
        except asyncio.CancelledError:
            self._abandon(room, call)
            raise
        finally:
            note_wait((call.started or time.monotonic()) - call.since)
        return result

    async def keep_ready(self) -> None:
        """Have imported what workers need before the first call, and from now on: calls begin within milliseconds."""
        self._kept_ready = True
        try:
            await self._processes.prepare()
        except ComputeCrashed as error:
            log.warning("compute_not_started", exc_info=error)  # a call tries again

    async def close(self) -> None:
        """Kill every process; calls under way fail."""
        for timer in (self._looking, self._sweeping):
            if timer is not None:
                timer.cancel()
        self._looking = self._sweeping = None
        for room in self._rooms.values():
            left = [*room.busy.values(), *(call for calls in room.waiting.values() for call in calls)]
            workers = [*room.busy, *room.idle]
            for pending in (room.waiting, room.busy, room.idle, room.held, room.urgent):
                pending.clear()
            for worker in workers:
                worker.on_lost = None
                self._processes.end(worker)
            for call in left:
                self._end(call, None, ComputeCrashed("the service is stopping"))
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._processes.stop()

    def _dispatch(self, room: Room) -> None:
        """Begin what may begin."""
        now = time.monotonic()
        while (call := room.take(self.workers, now)) is not None:
            worker = room.idle_for(call.affinity)
            if worker is None:
                room.starting += 1
                self._spawn(self._begin_in_new(room, call))
            else:
                del room.idle[worker]
                self._begin(room, call, worker)
        if room.waiting and self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look)
        self._measure()

    def _look(self) -> None:
        """Whether somebody has waited too long."""
        self._looking = None
        for room in self._rooms.values():
            self._dispatch(room)

    async def _begin_in_new(self, room: Room, call: QueuedCall) -> None:
        try:
            worker = await self._processes.fork(confined=room.confined)
        except Exception as error:
            room.starting -= 1
            room.release(call)
            failed = error if isinstance(error, ComputeFailed) else ComputeCrashed("the worker processes do not start")
            log.warning("compute_not_started", exc_info=error)
            self._end(call, None, failed)
            self._dispatch(room)
            return
        except BaseException:
            room.starting -= 1
            room.release(call)
            raise
        room.starting -= 1
        worker.on_result, worker.on_lost = self._answered, self._lost
        if call.result.done():  # given up meanwhile
            room.release(call)
            self._rest(room, worker)
        else:
            self._begin(room, call, worker)
        self._dispatch(room)

    def _begin(self, room: Room, call: QueuedCall, worker: Worker) -> None:
        try:
            frame = call.sent.frame()  # now and not before: it is a copy of what the caller has
        except Exception as error:  # noqa: BLE001  what can't be pickled raises anything
            room.release(call)
            self._rest(room, worker)
            self._end(call, None, error)
            return
        room.busy[worker] = call
        call.worker = worker
        call.started = time.monotonic()
        call.timer = asyncio.get_running_loop().call_later(call.timeout_s, self._time_out, call)
        if call.affinity is not None:
            worker.remember(call.affinity, _MOST_AFFINITIES)
        worker.send(frame)

    def _answered(self, worker: Worker, body: bytearray) -> None:
        room = self._rooms[worker.confined]
        call = room.busy.pop(worker, None)
        if call is None:  # a worker that speaks without being asked is not one of ours
            self._processes.kill(worker)
            return
        room.release(call)
        try:
            outcome, value = wire.read_result(body, plain=worker.confined)
        except Exception:  # noqa: BLE001  broken data make an unpickler raise anything
            self._processes.kill(worker)
            self._end(call, None, ComputeCrashed("the computation's result can't be read"))
        else:
            self._rest(room, worker, fit=outcome != "memory")
            self._conclude(call, outcome, value)
        self._dispatch(room)

    def _conclude(self, call: QueuedCall, outcome: wire.Outcome, value: Any) -> None:
        if outcome == "done":
            self._end(call, value, None)
        elif outcome == "memory":
            self._end(call, None, ComputeOutOfMemory("the computation needs more memory than it may take"))
        elif outcome == "too_large":
            self._end(call, None, ComputeCrashed("the computation's result is too large"))
        elif isinstance(value, Exception):
            self._end(call, None, value)
        else:
            self._end(call, None, ComputeRaised(*value))

    def _rest(self, room: Room, worker: Worker, *, fit: bool = True) -> None:
        """A worker has nothing to do; one that is not fit for more ends."""
        if not fit:
            worker.on_lost = None
            self._processes.kill(worker)
            return
        room.idle[worker] = time.monotonic()
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(self._idle_s, self._sweep)

    def _sweep(self) -> None:
        """End workers that have been idle for long, and the template with the last of them unless it is kept ready."""
        self._sweeping = None
        oldest = time.monotonic() - self._idle_s
        for room in self._rooms.values():
            for worker in [worker for worker, since in room.idle.items() if since <= oldest]:
                del room.idle[worker]
                worker.on_lost = None
                self._processes.end(worker)
        if any(room.idle for room in self._rooms.values()):
            self._sweeping = asyncio.get_running_loop().call_later(self._idle_s / 2, self._sweep)
        elif not self._kept_ready and not any(room.used for room in self._rooms.values()):
            self._spawn(self._processes.stop())
        self._measure()

    def _time_out(self, call: QueuedCall) -> None:
        call.stopped = ComputeTimeout(f"the computation took longer than {call.timeout_s:g} s")
        if call.worker is not None:
            self._processes.kill(call.worker)

    def _abandon(self, room: Room, call: QueuedCall) -> None:
        """Nobody waits for the call any more."""
        if not room.drop(call) and call.worker is not None and room.busy.get(call.worker) is call:
            call.stopped = ComputeFailed("cancelled")
            self._processes.kill(call.worker)
        CALLS.labels(call.name, "cancelled").inc()
        self._measure()

    def _lost(self, worker: Worker) -> None:
        """A worker's connection ended."""
        room = self._rooms[worker.confined]
        room.idle.pop(worker, None)
        call = room.busy.pop(worker, None)
        if call is None:
            self._processes.end(worker)
            return
        room.release(call)
        if call.stopped is not None:
            self._end(call, None, call.stopped)
        else:
            self._spawn(self._find_cause(call, worker))
        self._dispatch(room)

    async def _find_cause(self, call: QueuedCall, worker: Worker) -> None:
        status = await self._processes.wait(worker, _STATUS_S)
        self._end(call, None, _cause(status))

    def _end(self, call: QueuedCall, value: Any, error: BaseException | None) -> None:
        if call.timer is not None:
            call.timer.cancel()
        if call.result.done():
            return
        outcome = "done" if error is None else type(error).__name__ if isinstance(error, ComputeFailed) else "raised"
        CALLS.labels(call.name, outcome).inc()
        if call.started:
            SECONDS.labels(call.name).observe(time.monotonic() - call.started)
        if error is None:
            call.result.set_result(value)
        else:
            call.result.set_exception(error)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _measure(self) -> None:
        rooms = self._rooms.values()
        QUEUED.set(sum(len(calls) for room in rooms for calls in room.waiting.values()))
        RUNNING.set(sum(len(room.busy) for room in rooms))
        WORKERS.set(sum(len(room.busy) + len(room.idle) for room in rooms))


def _cause(status: int | None) -> ComputeFailed:
    """Why a worker ended by itself, from its wait status."""
    if status is None:
        return ComputeCrashed("the computation's process ended")
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU:
        return ComputeTimeout("the computation took more processor time than it may")
    if code == -signal.SIGKILL:  # not by us: by the kernel, which was short of memory
        return ComputeOutOfMemory("the computation's process was ended by the system; it may need too much memory")
    with contextlib.suppress(ValueError):
        return ComputeCrashed(f"the computation ended its process ({signal.Signals(-code).name})")
    return ComputeCrashed(f"the computation ended its process (status {code})")
