"""The two processes beside the service: one tries out uploaded models, one trains. Neither gets a secret."""

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import structlog

import services
from services.prelabel.domain.onnxfile import ModelRefused
from shared.contracts.events import ModelManifest

log = structlog.get_logger()

_PREFIX: Final = "touchstone-prelabel"
_LINE_BYTES: Final = 16 * 1024 * 1024
_START_S: Final = 120.0
_KEPT_VARIABLES: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")


class TrainingProcessLost(Exception):
    """The training process died or took too long."""


@contextlib.asynccontextmanager
async def work_folder() -> AsyncIterator[Path]:
    """A folder for one piece of work; nothing of it stays."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=f"{_PREFIX}-{os.getpid()}-"))
    try:
        yield folder
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


def sweep() -> None:
    """Remove the folders of processes that are no more: a killed one leaves what it worked on."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}-*-*"):
        owner = folder.name.removeprefix(f"{_PREFIX}-").partition("-")[0]
        if owner.isdigit() and not _lives(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _environment() -> dict[str, str]:
    """What a process beside us sees of the environment: how to run, and no setting."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    root = str(Path(services.__file__ or "").parent.parent)
    return {**kept, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


async def check_model(data: bytes, manifest: ModelManifest, *, timeout_s: float, memory_mb: int) -> None:
    """Try a model out in a process of its own.

    Raises:
        ModelRefused: it does not load, does not do what the manifest says, or takes too much time or memory.
    """
    async with work_folder() as folder:
        await asyncio.to_thread((folder / "model.onnx").write_bytes, data)
        await asyncio.to_thread((folder / "manifest.json").write_text, manifest.model_dump_json())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.prelabel.checking",
            str(folder),
            str(int(timeout_s) + 1),
            str(memory_mb),
            cwd=folder,
            env=_environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(timeout_s):
                said, _ = await process.communicate()
        except TimeoutError:
            raise ModelRefused("trying the model out took too long") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode != 0:
        raise ModelRefused("trying the model out ended the process: it may need too much memory or time")
    verdict = json.loads(said.splitlines()[-1])
    if not verdict["fit"]:
        raise ModelRefused(verdict["reason"])


class Trainer:
    """The process that trains, kept warm between jobs: its imports take longer than a small training."""

    def __init__(self, *, timeout_s: float, memory_mb: int, idle_s: float) -> None:
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._idle_s = idle_s
        self._process: asyncio.subprocess.Process | None = None
        self._imported = False
        self._lock = asyncio.Lock()
        self._last_used = time.monotonic()

    async def warm(self) -> None:
        """Start the process, if it doesn't run, and let it import its libraries meanwhile."""
        async with self._lock:
            await self._start()

    async def train(self, folder: Path) -> dict[str, Any]:
        """Give the process a job and wait for its answer.

        Raises:
            TrainingProcessLost: it died or took too long; the next job gets a new one.
        """
        async with self._lock:
            process = await self._ready()
            try:
                async with asyncio.timeout(self._timeout_s):
                    assert process.stdin is not None
                    process.stdin.write(f"{folder}\n".encode())
                    await process.stdin.drain()
                    return await _answer(process)
            except TimeoutError:
                await self._stop()
                raise TrainingProcessLost(f"training took longer than {self._timeout_s:.0f} s") from None
            except (OSError, ValueError) as error:
                await self._stop()
                raise TrainingProcessLost("the training process died; it may need more memory") from error
            except BaseException:
                await self._stop()
                raise
            finally:
                self._last_used = time.monotonic()

    async def rest(self) -> None:
        """End the process when it had nothing to do for long."""
        if self._process is not None and time.monotonic() - self._last_used > self._idle_s and not self._lock.locked():
            async with self._lock:
                await self._stop()

    async def close(self) -> None:
        await self._stop()

    async def _start(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        self._last_used = time.monotonic()
        self._imported = False
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.prelabel.training",
            str(self._memory_mb),
            env=_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            limit=_LINE_BYTES,
        )
        log.info("training_process_started", pid=self._process.pid)
        return self._process

    async def _ready(self) -> asyncio.subprocess.Process:
        process = await self._start()
        if self._imported:
            return process
        try:
            async with asyncio.timeout(_START_S):
                await _answer(process)
        except (TimeoutError, OSError, ValueError) as error:
            await self._stop()
            raise TrainingProcessLost(
                "the training process does not start; is the extra `training` installed?"
            ) from error
        except BaseException:
            await self._stop()
            raise
        self._imported = True
        return process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _answer(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    answer: dict[str, Any] = json.loads(line)  # an empty line, at the end of the stream, is a ValueError
    return answer
