"""The whole suite on one machine: PostgreSQL, the bus and four services, each service a process of its own.

`Suite` is what `make up`, the demo, the flow tests and the chaos tests start.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from uuid import UUID

import httpx

from deploy.embedded.postgres import EmbeddedPostgres, PostgresUnavailable, free_port, port_is_free
from deploy.embedded.processes import ServiceProcess, end_leftover
from deploy.embedded.secret_files import Secrets, key_folder
from deploy.kafka.broker import KafkaBroker, KafkaUnavailable
from deploy.signals import end_by_sigterm_as_by_ctrl_c
from shared.contracts.services import BUS_DATABASE, FIRST_PORT, SERVICE_NAMES, database_of, package_of
from shared.contracts.values import Role
from shared.kit import migrations
from shared.kit.token_keys import KeyFolder, TokenKey, mint_token

Bus = Literal["postgres", "kafka"]
_READY_TIMEOUT_S = 90.0
_SERVICE_MARKER, _BROKER_MARKER = "services.cli serve", "kafka.Kafka"
_STOP_TIMEOUT_S = 60.0


class SuiteUnavailable(Exception):
    """The suite could not be started."""


class SuiteRunning(SuiteUnavailable):
    """A suite already runs in this data directory."""


class PortTaken(SuiteUnavailable):
    """Another program has a port that the suite was asked to take."""


@dataclass(frozen=True)
class SuiteSettings:
    """`first_port` 0 takes any free ports, and so does another one whose four aren't free, if `other_ports` may be. The bus
    is a log in the same PostgreSQL, or a Kafka broker.

    With `bus` `kafka` a broker of our own is started, unless `bus_url` names one. `replicas` of each service are started;
    `Suite.urls` and `Suite.services` have the first of each.
    """

    data_dir: Path = Path(".touchstone")
    bus: Bus = "postgres"
    bus_url: str | None = None
    first_port: int = FIRST_PORT
    other_ports: bool = True
    durable: bool = True
    services: Sequence[str] = SERVICE_NAMES
    replicas: int = 1
    postgres: Mapping[str, str] = field(default_factory=dict)  # server settings
    environment: Mapping[str, str] = field(default_factory=dict)


class Suite:
    """Starts everything in `start`, watches it, and stops everything in `stop`. The data stay in the data directory.

    A service or a PostgreSQL that dies is started again.
    """

    def __init__(self, settings: SuiteSettings) -> None:
        self.settings = settings
        self.data_dir = settings.data_dir.absolute()
        self.postgres = EmbeddedPostgres(
            self.data_dir / "postgres", durable=settings.durable, settings=settings.postgres
        )
        self.services: dict[str, ServiceProcess] = {}
        self.further: list[ServiceProcess] = []
        self.urls: dict[str, str] = {}
        self.busy_ports: list[int] = []
        self.broker = KafkaBroker(self.data_dir / "kafka") if settings.bus == "kafka" and not settings.bus_url else None
        self._secrets: Secrets | None = None
        self._token_keys: KeyFolder = key_folder(self.data_dir)
        self._token_key: TokenKey | None = None
        self._pid_file: int | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._reviving = asyncio.Lock()
        self._ready = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def token(
        self, *roles: Role, subject: str = "developer", projects: Collection[UUID] | None = None, ttl_s: int = 86_400
    ) -> str:
        """A token that the services of this suite accept."""
        assert self._token_key is not None, "the suite has not started"
        return mint_token(self._token_key, subject, list(roles), projects=projects, ttl_s=ttl_s)

    async def start(self) -> None:
        """Raises SuiteRunning, or SuiteUnavailable with the log of what did not start."""
        end_by_sigterm_as_by_ctrl_c()
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._claim()
        except OSError as error:
            raise SuiteUnavailable(f"{self.data_dir} can't be used: {error.strerror}.") from error
        try:
            _end_leftovers(self.data_dir)
            (self.data_dir / "state.json").unlink(missing_ok=True)  # of a killed supervisor: we are not that far yet
            self._secrets = Secrets.load_or_create(self.data_dir / "secrets.json")
            self._token_key = self._token_keys.load_or_create()
            await _to_the_end(*(part.start for part in (self.postgres, self.broker) if part))
            await _to_the_end(self.migrate)
            self._make_services()
            for process in self.processes:
                await process.start()
            self._write_state()
            await self._wait_ready()
            self._ready = True
            self._write_state()
            self._watcher = asyncio.create_task(self._watch_postgres(), name="keep-postgres")
        except (PostgresUnavailable, KafkaUnavailable) as error:
            await self.stop()
            raise SuiteUnavailable(str(error)) from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """The services first, so that they leave in order, then what they stand on."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        await asyncio.gather(*(process.stop() for process in self.processes))
        await _to_the_end(*(part.stop for part in (self.broker, self.postgres) if part))
        if self._pid_file is not None:
            (self.data_dir / "state.json").unlink(missing_ok=True)
            os.close(self._pid_file)
            self._pid_file = None

    @property
    def processes(self) -> list[ServiceProcess]:
        return [*self.services.values(), *self.further]

    def replicas_of(self, service: str) -> list[ServiceProcess]:
        return [process for process in self.processes if process.name == service]

    async def add_replica(self, service: str) -> ServiceProcess:
        """Start one more process of a service, on a free port; it joins the others as soon as it is ready."""
        process = self._make_further(service)
        await process.start()
        return process

    async def remove_replica(self, process: ServiceProcess) -> None:
        """Stop a process that was started beside the first of its service."""
        self.further.remove(process)
        await process.stop()

    async def kill_postgres(self) -> None:
        """SIGKILL the database and start it again, as a crash and its recovery would."""
        async with self._reviving:
            await asyncio.to_thread(self.postgres.kill)
            await asyncio.to_thread(self.postgres.start)

    def database_url(self, service: str) -> str:
        return self.postgres.url(database_of(service))

    @property
    def bus_url(self) -> str:
        return self.settings.bus_url or (self.broker.url if self.broker else self.postgres.url(BUS_DATABASE))

    def environment_of(self, service: str, url: str | None = None) -> dict[str, str]:
        """The settings of one service, as the process gets them that serves at `url`, or the first one."""
        assert self._secrets is not None
        objects = self.data_dir / "objects"
        objects.mkdir(exist_ok=True)
        return {
            "TOUCHSTONE_ENVIRONMENT": "embedded",
            "TOUCHSTONE_HOST": "127.0.0.1",
            "TOUCHSTONE_REQUESTS_PER_S_OF_ADDRESS": "0",
            "TOUCHSTONE_REQUESTS_PER_S_OF_SUBJECT": "0",
            "TOUCHSTONE_PORT": (url or self.urls[service]).rsplit(":", 1)[1],
            "TOUCHSTONE_PUBLIC_URL": url or self.urls[service],
            "TOUCHSTONE_DATABASE_URL": self.database_url(service),
            "TOUCHSTONE_BUS_URL": self.bus_url,
            "TOUCHSTONE_OBJECTS_URL": f"file://{objects}",
            "TOUCHSTONE_OBJECTS_SECRET": self._secrets.objects_secret,
            "TOUCHSTONE_ACTOR_SECRET": self._secrets.actor_secret,
            "TOUCHSTONE_TOKEN_KEYS_FILE": str(self._token_keys.public_file),
            "TOUCHSTONE_ASSET_BASE_URL": self.urls.get("ingest", ""),
            **({"TOUCHSTONE_SEAL_KEY": self._secrets.seal_key} if service == "qa" else {}),
            # Four processes share the machine's cores: numeric libraries must not each start a thread per core.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **self.settings.environment,
        }

    def _claim(self) -> None:
        """Hold the pid file: its lock shows that we live, its text who we are."""
        handle = os.open(self.data_dir / "supervisor.pid", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise SuiteRunning(f"A suite already runs in {self.data_dir}.") from error
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._pid_file = handle

    def migrate(self) -> None:
        """Bring every service's database to the newest schema; PostgreSQL runs."""
        for service in self.settings.services:
            url = self.postgres.ensure_database(database_of(service))
            migrations.upgrade(package_of(service), url)
        self.postgres.ensure_database(BUS_DATABASE)

    def _make_services(self) -> None:
        logs = self.data_dir / "logs"
        logs.mkdir(exist_ok=True)
        ports, self.busy_ports = choose_ports(self.settings.first_port, others=self.settings.other_ports)
        for service, port in zip(SERVICE_NAMES, ports, strict=True):
            if service not in self.settings.services:
                continue
            self.urls[service] = url = f"http://127.0.0.1:{port}"
            self.services[service] = ServiceProcess(service, url, self.environment_of(service), logs / f"{service}.log")
        for name in [*self.services] * (self.settings.replicas - 1):
            self._make_further(name)

    def _make_further(self, service: str) -> ServiceProcess:
        url = f"http://127.0.0.1:{free_port()}"
        log = self.data_dir / "logs" / f"{service}-{url.rsplit(':', 1)[1]}.log"
        process = ServiceProcess(service, url, self.environment_of(service, url), log)
        self.further.append(process)
        return process

    def _write_state(self) -> None:
        pids = {process.url: process.pid for process in self.processes}
        broker = self.broker.pid if self.broker else None
        state = {"urls": self.urls, "pids": pids, "broker": broker, "ready": self._ready}
        beside = self.data_dir / "state.json.new"
        beside.write_text(json.dumps(state))
        beside.replace(self.data_dir / "state.json")  # whoever reads it finds it whole

    async def _wait_ready(self) -> None:
        until = time.monotonic() + _READY_TIMEOUT_S
        async with httpx.AsyncClient(timeout=5.0) as client:
            for process in self.processes:
                while not await _is_ready(client, process.url):
                    if time.monotonic() > until or process.restarts >= 3:  # noqa: PLR2004  a crash loop
                        raise SuiteUnavailable(f"{process.name} did not get ready; its log ends:\n{process.log_end()}")
                    await asyncio.sleep(0.1)

    async def _watch_postgres(self) -> None:
        """Start PostgreSQL again when it died, and keep the list of our processes true."""
        while True:
            await asyncio.sleep(1.0)
            async with self._reviving:
                if not self.postgres.is_running():
                    await asyncio.to_thread(self.postgres.start)
            self._write_state()


async def _to_the_end(*works: Callable[[], object]) -> None:
    """Run each in a thread. Threads can't be cancelled: what is started when we are is stopped only once it has started."""
    loop = asyncio.get_running_loop()
    running = [loop.run_in_executor(None, work) for work in works]
    try:
        await asyncio.gather(*map(asyncio.shield, running))
    except BaseException:
        await asyncio.wait(running)
        raise


def stop_running(data_dir: Path) -> bool:
    """Stop the suite of a data directory from another process; also what a killed supervisor left. False: none ran."""
    data_dir = data_dir.absolute()
    pid_file = data_dir / "supervisor.pid"
    if not pid_file.exists():
        return False
    with pid_file.open("r+") as file:
        if not _locked_by_another(file.fileno()):
            return _end_leftovers(data_dir) | _stop_leftover_postgres(data_dir)
        os.kill(int(file.read()), signal.SIGTERM)
        until = time.monotonic() + _STOP_TIMEOUT_S
        while _locked_by_another(file.fileno()):
            if time.monotonic() > until:
                raise SuiteUnavailable(f"The suite in {data_dir} did not stop within {_STOP_TIMEOUT_S:.0f} s.")
            time.sleep(0.1)
    return True


def is_running(data_dir: Path) -> bool:
    """Whether a suite runs in a data directory, or is starting."""
    try:
        with (data_dir / "supervisor.pid").open("r+") as file:
            return _locked_by_another(file.fileno())
    except OSError:
        return False


def running_urls(data_dir: Path) -> dict[str, str]:
    """The URLs of the services that run in a data directory; none when nothing does, or while it is starting."""
    if not is_running(data_dir):
        return {}
    try:
        state = json.loads((data_dir / "state.json").read_text())
        urls: dict[str, str] = state["urls"]
        ready: bool = state["ready"]
    except (OSError, ValueError, KeyError):
        return {}
    return urls if ready else {}


def _locked_by_another(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False


def _end_leftovers(data_dir: Path) -> bool:
    """End what a killed supervisor left running: it holds the ports and the relays' locks. PostgreSQL is adopted."""
    try:
        state = json.loads((data_dir / "state.json").read_text())
        left = [(pid, _SERVICE_MARKER) for pid in state["pids"].values()] + [(state["broker"], _BROKER_MARKER)]
    except (OSError, ValueError, KeyError):
        return False
    ended = [end_leftover(pid, marker) for pid, marker in left if pid]
    return any(ended)


def _stop_leftover_postgres(data_dir: Path) -> bool:
    if not (data_dir / "postgres" / "cluster" / "postmaster.pid").exists():
        return False
    EmbeddedPostgres(data_dir / "postgres").start().stop()
    return True


def choose_ports(first: int, *, others: bool) -> tuple[list[int], list[int]]:
    """The four ports, and which of the wanted ones were not free; raises PortTaken for these unless others will do."""
    wanted = [first + place for place in range(len(SERVICE_NAMES))] if first else []
    busy = [port for port in wanted if not port_is_free(port)]
    if busy and not others:
        raise PortTaken(f"Another program has port {busy[0]}; the services need {wanted[0]} to {wanted[-1]}.")
    return (wanted, busy) if wanted and not busy else ([free_port() for _ in SERVICE_NAMES], busy)


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        answer = await client.get(f"{url}/ready")
        return answer.status_code == httpx.codes.OK and not answer.json()["degraded"]
    except httpx.TransportError:
        return False
