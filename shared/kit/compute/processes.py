"""The service's side of the worker processes: started when first needed, watched, killed."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import structlog

import shared
from shared.kit.compute import template, wire
from shared.kit.compute.exceptions import ComputeCrashed
from shared.kit.compute.template import MESSAGE

log = structlog.get_logger()

_START_S: Final = 120.0
_KEPT_VARIABLES: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def environment() -> dict[str, str]:
    """What workers see of the environment: how to run, and no setting."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    root = str(Path(shared.__file__ or "").parent.parent)
    return {**kept, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": root, "PYTHONUNBUFFERED": "1"}


class Worker(asyncio.Protocol):
    """One worker process, seen from the service. `affinities`: what it was used for, the newest last."""

    def __init__(self, number: int, *, confined: bool) -> None:
        self.number = number
        self.confined = confined
        self.affinities: dict[Hashable, None] = {}
        self.on_result: Callable[[Worker, bytearray], None] | None = None
        self.on_lost: Callable[[Worker], None] | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._wanted = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is of another class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._wanted < 0:
            if len(self._buffer) < wire.HEADER.size:
                return
            (self._wanted,) = wire.HEADER.unpack_from(self._buffer)
            del self._buffer[: wire.HEADER.size]
            if self._wanted > wire.MOST_RESULT_BYTES:  # no worker of ours writes such a frame
                self.close()
                return
        if len(self._buffer) >= self._wanted:
            body, self._buffer, self._wanted = self._buffer, bytearray(), -1
            if self.on_result is not None:
                self.on_result(self, body)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  a lost worker is a lost worker
        self._transport = None
        if self.on_lost is not None:
            self.on_lost(self)

    def send(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.write(frame)

    def remember(self, affinity: Hashable, most: int) -> None:
        self.affinities.pop(affinity, None)
        self.affinities[affinity] = None
        while len(self.affinities) > most:
            del self.affinities[next(iter(self.affinities))]

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Processes:
    """The template process and the workers forked from it."""

    def __init__(self, preload: Sequence[str]) -> None:
        self._preload = tuple(preload)
        self._template: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._received = b""
        self._ready: asyncio.Future[None] | None = None
        self._statuses: dict[int, asyncio.Future[int | None]] = {}
        self._next = 0
        self._starting = asyncio.Lock()

    async def prepare(self) -> None:
        """Start the template unless it runs. Raises ComputeCrashed when it can't be started."""
        async with self._starting:
            if self._control is None:
                await self._start()

    async def fork(self, *, confined: bool) -> Worker:
        """A new worker. Raises ComputeCrashed when the template can't be started."""
        await self.prepare()
        self._next += 1
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            self._statuses[self._next] = loop.create_future()
            worker = Worker(self._next, confined=confined)
            self._tell(template.FORK, worker.number, int(confined), [theirs.fileno()])
        ours.setblocking(False)
        await loop.create_unix_connection(lambda: worker, sock=ours)
        return worker

    def kill(self, worker: Worker) -> None:
        self._tell(template.KILL, worker.number, 0)
        self.end(worker)

    def end(self, worker: Worker) -> None:
        """Close the connection of a worker, which ends an idle one, and forget it."""
        self._statuses.pop(worker.number, None)
        worker.close()

    async def wait(self, worker: Worker, within_s: float) -> int | None:
        """How a worker whose connection is lost ended: its wait status, or None when that can't be had."""
        ended = self._statuses.get(worker.number)
        if ended is None:
            return None
        try:
            return await asyncio.wait_for(asyncio.shield(ended), within_s)
        except TimeoutError:
            return None
        finally:
            self._statuses.pop(worker.number, None)

    async def stop(self) -> None:
        """End the template, and every worker with it."""
        self._forget_control()
        process, self._template = self._template, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _start(self) -> None:
        await self.stop()
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            self._template = await asyncio.create_subprocess_exec(
                sys.executable, "-m", template.__name__, str(theirs.fileno()), *self._preload,
                env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()], start_new_session=True, cwd="/",
            )  # fmt: skip
        ours.setblocking(False)
        self._control, self._ready, self._received = ours, loop.create_future(), b""
        loop.add_reader(ours.fileno(), self._listen)
        try:
            async with asyncio.timeout(_START_S):
                await self._ready
        except (TimeoutError, ConnectionError) as error:
            await self.stop()
            raise ComputeCrashed("the worker processes do not start") from error
        except BaseException:
            await self.stop()
            raise
        log.info("compute_started", pid=self._template.pid)

    def _tell(self, what: bytes, number: int, how: int, descriptors: Sequence[int] = ()) -> None:
        if self._control is None:
            return
        message = MESSAGE.pack(what, number, how)
        try:
            socket.send_fds(self._control, [message], descriptors)
        except OSError:  # it is gone; its workers are, too
            self._forget_control()

    def _listen(self) -> None:
        assert self._control is not None
        try:
            data = self._control.recv(4096)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._forget_control()
            return
        self._received += data
        while len(self._received) >= MESSAGE.size:
            what, number, how = MESSAGE.unpack_from(self._received)
            self._received = self._received[MESSAGE.size :]
            self._hear(what, number, how)

    def _hear(self, what: bytes, number: int, how: int) -> None:
        waiting: asyncio.Future[Any] | None = self._ready if what == template.READY else self._statuses.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(how)

    def _forget_control(self) -> None:
        control, self._control = self._control, None
        if control is not None:
            asyncio.get_running_loop().remove_reader(control.fileno())
            control.close()
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(ConnectionError("the template process ended"))
        for ended in self._statuses.values():
            if not ended.done():
                ended.set_result(None)
        self._statuses.clear()
