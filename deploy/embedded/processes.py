"""Child processes that are started again when they crash, and found again when their parent was killed."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_BACKOFF_FIRST_S = 0.5
_BACKOFF_LONGEST_S = 15.0
_SETTLED_AFTER_S = 30.0
_STOP_TIMEOUT_S = 20.0
SOURCE_ROOT = Path(__file__).resolve().parents[2]


class ServiceProcess:
    """One service in one process. A crash is followed by a restart, later and later until it stays up a while."""

    def __init__(self, name: str, url: str, environment: Mapping[str, str], log_path: Path) -> None:
        self.name = name
        self.url = url
        self.restarts = 0
        self._environment = dict(environment)
        self._log_path = log_path
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._held = asyncio.Event()
        self._held.set()

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "services.cli", "serve", self.name]

    async def start(self) -> None:
        await self._spawn()
        self._watcher = asyncio.create_task(self._keep_alive(), name=f"keep-{self.name}")

    async def stop(self) -> None:
        """Ask it to end; insist after a while."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    def kill(self, *, hold: bool = False) -> None:
        """SIGKILL it, as a crash would; `hold` keeps it down until `release`."""
        if hold:
            self._held.clear()
        self._signal(signal.SIGKILL)

    def release(self) -> None:
        self._held.set()

    def pause(self) -> None:
        """Freeze it, as a hung machine would; `resume` undoes it."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def log_end(self, characters: int = 3000) -> str:
        try:
            return self._log_path.read_text(errors="replace")[-characters:]
        except OSError:
            return ""

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _spawn(self) -> None:
        paths = [str(SOURCE_ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **self._environment}
        with self._log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    async def _keep_alive(self) -> None:
        backoff_s = _BACKOFF_FIRST_S
        assert self._process is not None
        while True:
            started = time.monotonic()
            code = await self._process.wait()
            if time.monotonic() - started > _SETTLED_AFTER_S:
                backoff_s = _BACKOFF_FIRST_S
            self.restarts += 1
            with self._log_path.open("a") as log:
                log.write(f"--- {self.name} ended with code {code}; it starts again in {backoff_s:.1f} s\n")
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, _BACKOFF_LONGEST_S)
            await self._held.wait()
            await self._spawn()


def command_line(pid: int) -> str:
    """The command line of a live process, empty when there is none."""
    if Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return ""
    shown = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()


def end_leftover(pid: int, marker: str) -> bool:
    """End a process that an earlier supervisor left behind, if the pid still is what it was (its command has `marker`)."""
    if marker not in command_line(pid):
        return False
    for how, patience_s in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            if marker not in command_line(pid):
                return True
            time.sleep(0.1)
    return True
