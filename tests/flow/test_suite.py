"""`make up` and `make down`: what was started is stopped, what was kept is there again, what was left behind is ended."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.demo.client import Client
from deploy.embedded.processes import command_line
from deploy.embedded.supervisor import Suite, SuiteRunning, SuiteSettings, stop_running
from shared.contracts.services import SERVICE_NAMES
from shared.contracts.values import Role
from tests.flow import suite_program
from tests.support.suites import prepared

START_S = 90.0
ROOT = Path(__file__).resolve().parents[2]


class UpCommand:
    """`python -m deploy.embedded up` as a person starts it, in a process of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.output = data_dir.parent / "up.log"
        command = [sys.executable, "-m", "deploy.embedded", "up", "--data", str(data_dir), "--first-port", "0"]
        with self.output.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)

    def wait_until_up(self) -> str:
        until = time.monotonic() + START_S
        while "Ctrl-C" not in (text := self.output.read_text()):
            assert self.process.poll() is None, text
            assert time.monotonic() < until, text
            time.sleep(0.05)
        return text


@pytest.fixture
def first_up(tmp_path: Path) -> Iterator[UpCommand]:
    """In an empty folder."""
    with started(tmp_path / "data") as command:
        yield command


@pytest.fixture
def up(tmp_path: Path) -> Iterator[UpCommand]:
    with started(prepared(tmp_path / "data")) as command:
        yield command


@contextlib.contextmanager
def started(data_dir: Path) -> Iterator[UpCommand]:
    command = UpCommand(data_dir)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.process.kill()
        command.process.wait()
        stop_running(command.data_dir)


def test_up_prints_urls_docs_and_a_token_and_down_stops_it(first_up: UpCommand) -> None:
    text = first_up.wait_until_up()
    token = next(line for line in text.splitlines() if line.startswith("ey"))
    for service in SERVICE_NAMES:
        url = next(word for line in text.splitlines() if line.split()[:1] == [service] for word in line.split()[1:2])
        assert f"{url}/docs" in text
        assert httpx.get(f"{url}/docs").status_code == httpx.codes.OK
    ingest = next(line.split()[1] for line in text.splitlines() if line.split()[:1] == ["ingest"])
    answer = httpx.get(f"{ingest}/v1/projects", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["items"] == []
    assert stop_running(first_up.data_dir) is True
    assert first_up.process.wait(30) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{ingest}/live")
    assert stop_running(first_up.data_dir) is False


def test_interrupt_stops_it_cleanly(up: UpCommand) -> None:
    up.wait_until_up()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    assert not (up.data_dir / "postgres" / "cluster" / "postmaster.pid").exists()


async def test_data_survive_a_restart(tmp_path: Path) -> None:
    settings = SuiteSettings(data_dir=prepared(tmp_path / "data"), first_port=0, durable=False)
    async with Suite(settings) as suite, Client(suite.urls) as client:
        admin = suite.token(Role.ADMIN)
        made = await client.call("ingest", "POST", "/projects", admin, body={"name": "Kept"})
        with pytest.raises(SuiteRunning):
            await Suite(settings).start()
    async with Suite(settings) as suite, Client(suite.urls) as client:
        # The token of the first run holds in the second: its key was kept.
        kept = await client.call("ingest", "GET", f"/projects/{made['project_id']}", admin)
        assert kept["name"] == "Kept"


async def test_what_a_killed_supervisor_left_is_ended_by_the_next(up: UpCommand) -> None:
    await asyncio.to_thread(up.wait_until_up)
    up.process.kill()
    await asyncio.to_thread(up.process.wait)
    left = _services_of(up.data_dir)
    assert len(left) == len(SERVICE_NAMES)
    async with Suite(SuiteSettings(data_dir=up.data_dir, first_port=0)) as suite, Client(suite.urls) as client:
        assert not any("services.cli serve" in command_line(pid) for pid in left)
        assert (await client.call("ingest", "GET", "/projects", suite.token(Role.ADMIN)))["items"] == []


@pytest.mark.kafka
@pytest.mark.usefixtures("kafka_url")  # skips where no broker can be had
@pytest.mark.parametrize("moment", ["postgres/cluster/postmaster.pid", "kafka/broker.log", "ready"])
def test_a_program_that_holds_a_suite_leaves_no_process_when_it_is_told_to_end(tmp_path: Path, moment: str) -> None:
    """Also while it starts, and by `timeout`, which sends two signals."""
    data_dir = prepared(tmp_path / "data")
    command = [sys.executable, "-m", suite_program.__name__, str(data_dir)]
    with (tmp_path / "program.log").open("wb") as log:
        program = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + START_S
        while not (data_dir / moment).exists():
            assert program.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        started = _descendants(program.pid)
        assert started
        program.send_signal(signal.SIGTERM)
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == -signal.SIGINT, "as by Ctrl-C"
        assert [command_line(pid) for pid in started if command_line(pid)] == []
        assert [line for line in map(command_line, _all_processes()) if str(data_dir) in line] == []
        assert _services_of(data_dir) == []
    finally:
        program.kill()
        program.wait()
        stop_running(data_dir)


def _all_processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found |= {child} | _descendants(child)
    return found


def _services_of(data_dir: Path) -> list[int]:
    """Processes that serve from this data directory, found by their environment (Linux only)."""
    found = []
    for pid in _all_processes():
        if "services.cli serve" in command_line(pid):
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            if os.fsencode(f"TOUCHSTONE_OBJECTS_URL=file://{data_dir}/objects") in environment:
                found.append(pid)
    return found
