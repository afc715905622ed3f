"""Fetch, format, start, stop and kill one Apache Kafka node in KRaft mode, broker and controller in one process."""

import hashlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.kafka.security import BrokerSecurity
from deploy.signals import end_by_sigterm_as_by_ctrl_c

_HERE: Final = Path(__file__).parent
_POM: Final = _HERE / "pom.xml"
_FETCH_TIMEOUT_S: Final = 900
_START_TIMEOUT_S: Final = 180.0
_STOP_TIMEOUT_S: Final = 30.0
_LOG_TAIL: Final = 2000
# A small heap; the cheap compiler and collector start fastest.
_JAVA_OPTIONS: Final = (
    "-Xms96m",
    "-Xmx320m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
)
_CLUSTER_ID: Final = "VG91Y2hzdG9uZUthZmthIQ"  # any 16 bytes in URL-safe base64


class KafkaUnavailable(Exception):
    """This machine can't get or start a broker; the text is the reason in one line."""


def missing() -> str | None:
    """Say what this machine lacks to run a broker; None when it can."""
    if shutil.which("java") is None:
        return "no Java runtime (java)"
    if not _cached_jars() and shutil.which("mvn") is None:
        return "no Apache Maven (mvn) to fetch the broker's jars with"
    return None


def _cache_dir() -> Path:
    """Where the jars lie: a folder of the user's cache, another one for each content of pom.xml."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "touchstone" / "kafka" / hashlib.sha256(_POM.read_bytes()).hexdigest()[:16]


def _cached_jars() -> bool:
    return _cache_dir().is_dir()


def fetch_jars() -> Path:
    """The folder with the broker's jars; fetched by Maven when it isn't there, whole or not at all."""
    final = _cache_dir()
    if final.is_dir():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=final.parent, prefix="fetching-") as folder:
        command = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        try:
            done = subprocess.run(
                [*command, f"-DoutputDirectory={folder}/jars"],
                capture_output=True, text=True, check=False, timeout=_FETCH_TIMEOUT_S, cwd=folder,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise KafkaUnavailable("no Apache Maven (mvn) to fetch the broker's jars with") from error
        except subprocess.TimeoutExpired as error:
            raise KafkaUnavailable(f"mvn did not fetch the broker's jars in {_FETCH_TIMEOUT_S} s") from error
        if done.returncode != 0:
            first = next((line for line in done.stdout.splitlines() if "ERROR" in line), "no message")
            raise KafkaUnavailable(f"mvn could not fetch the broker's jars: {first[:300]}")
        try:
            (Path(folder) / "jars").rename(final)
        except OSError:  # another process was quicker
            if not final.is_dir():
                raise
    return final


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class KafkaBroker:
    """One node on 127.0.0.1 whose data live in `data_dir` and survive `stop`, `kill` and `start`.

    `settings` are broker properties that override ours. With `security` it lets in nobody else than its users.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        security: BrokerSecurity | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port  # 0 takes the last one used, else any free; known once started
        self._settings = dict(settings or {})
        self._security = security
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"kafka://{self.bootstrap}"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> Self:
        """Start and wait until clients can connect; raises KafkaUnavailable with the log's end."""
        end_by_sigterm_as_by_ctrl_c()
        if lack := missing():
            raise KafkaUnavailable(lack)
        jars = fetch_jars()
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        properties = self._write_properties()
        java = ["java", *_JAVA_OPTIONS, f"-Dlog4j2.configurationFile={_HERE / 'log4j2.properties'}", "-cp", f"{jars}/*"]
        with (self.data_dir / "broker.log").open("ab") as log:
            if not (self.data_dir / "log" / "meta.properties").exists():
                tool = [*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)]
                tool += self._security.format_arguments() if self._security else []
                if subprocess.run(tool, stdout=log, stderr=subprocess.STDOUT, check=False).returncode != 0:
                    raise KafkaUnavailable(f"the storage could not be formatted: {self._log_tail()}")
            self._process = subprocess.Popen(
                [*java, "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd=self.data_dir,
            )  # fmt: skip
        try:
            self._wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Controlled shutdown."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as a crash would; `start` recovers."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze the process, as a cut network would; `resume` undoes it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self, by: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(by)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_TIMEOUT_S)

    def _write_properties(self) -> Path:
        """The quorum's address is in the data, so a data directory keeps its controller port."""
        ports = self.data_dir / "ports"
        kept = [int(word) for word in ports.read_text().split()] if ports.exists() else _free_ports(2)
        broker, controller = self.port or kept[0], kept[1]
        ports.write_text(f"{broker} {controller}")
        self.port = broker
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": str(self.data_dir / "log"),
            "auto.create.topics.enable": "false",
            "broker.session.timeout.ms": "3000",  # how long a killed node's successor waits to be let in
            "broker.heartbeat.interval.ms": "500",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "log.cleaner.dedupe.buffer.size": "4194304",  # the default of 128 MiB is more than the heap
            "num.network.threads": "2",
            "num.io.threads": "2",
            "num.recovery.threads.per.data.dir": "2",
            "background.threads": "2",
            **(
                self._security.properties(f"127.0.0.1:{broker}", f"127.0.0.1:{broker}", f"127.0.0.1:{controller}")
                if self._security
                else {}
            ),
            **self._settings,
        }
        path = self.data_dir / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        return path

    def _wait_ready(self) -> None:
        """Until the broker's listener answers a request: it opens the port before it can serve."""
        until = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < until:
            if not self.is_running():
                raise KafkaUnavailable(f"the broker ended at once: {self._log_tail()}")
            if _answers(self.port, self._security):
                return
            time.sleep(0.05)
        raise KafkaUnavailable(f"the broker was not ready in {_START_TIMEOUT_S:.0f} s: {self._log_tail()}")

    def _log_tail(self) -> str:
        return (self.data_dir / "broker.log").read_text(errors="replace")[-_LOG_TAIL:].strip()


# Metadata request, version 12 (flexible), for no topic: api key 3, correlation id 1, client "probe".
_PROBE_BODY: Final = b"\x00\x03\x00\x0c\x00\x00\x00\x01\x00\x05probe\x00\x01\x00\x00\x00"
# ApiVersions request, version 0: what a broker answers whom it doesn't know yet.
_STRANGERS_PROBE_BODY: Final = b"\x00\x12\x00\x00\x00\x00\x00\x01\x00\x05probe"


def _answers(port: int, security: BrokerSecurity | None) -> bool:
    body = _PROBE_BODY if security is None else _STRANGERS_PROBE_BODY
    try:
        with _connection(port, security) as connection:
            connection.sendall(len(body).to_bytes(4, "big") + body)
            return len(connection.recv(8)) == 8  # noqa: PLR2004  a length and the correlation id
    except OSError:
        return False


def _connection(port: int, security: BrokerSecurity | None) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=2)
    if security is None:
        return connection
    return ssl.create_default_context(cafile=security.authority).wrap_socket(connection, server_hostname="127.0.0.1")
