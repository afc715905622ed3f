"""Services that crash come back; what a killed supervisor left is found and ended."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.embedded import processes
from deploy.embedded.processes import ServiceProcess, command_line, end_leftover
from deploy.embedded.secret_files import Secrets
from shared.kit.signatures import SigningKey


class Sleeper(ServiceProcess):
    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_BACKOFF_FIRST_S", 0.05)


async def until_running(process: ServiceProcess, other_than: int | None = None) -> int:
    for _ in range(200):
        if process.pid is not None and process.pid != other_than:
            return process.pid
        await asyncio.sleep(0.02)
    raise AssertionError("it did not start")


async def test_a_killed_service_starts_again(tmp_path: Path) -> None:
    process = Sleeper("sleeper", "http://127.0.0.1:1", {}, tmp_path / "log")
    await process.start()
    try:
        first = await until_running(process)
        process.kill()
        assert await until_running(process, other_than=first) != first
        assert process.restarts == 1
        assert "starts again" in process.log_end()
    finally:
        await process.stop()
    assert process.pid is None


async def test_a_held_service_stays_down_until_released(tmp_path: Path) -> None:
    process = Sleeper("sleeper", "http://127.0.0.1:1", {}, tmp_path / "log")
    await process.start()
    try:
        first = await until_running(process)
        process.kill(hold=True)
        await asyncio.sleep(0.3)
        assert process.pid is None
        process.release()
        await until_running(process, other_than=first)
    finally:
        await process.stop()


async def test_a_stopped_service_stays_stopped(tmp_path: Path) -> None:
    process = Sleeper("sleeper", "http://127.0.0.1:1", {}, tmp_path / "log")
    await process.start()
    await process.stop()
    await asyncio.sleep(0.2)
    assert (process.pid, process.restarts) == (None, 0)


def test_a_leftover_is_ended_only_if_it_is_what_it_was() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)  # services.cli serve queue"])
    try:
        while "serve queue" not in command_line(child.pid):  # empty for a moment after the start
            assert child.poll() is None
        assert end_leftover(child.pid, "another program") is False
        assert end_leftover(child.pid, "services.cli serve") is True
    finally:
        child.kill()
        child.wait()
    assert end_leftover(os.getpid(), "no such marker") is False


def test_secrets_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = Secrets.load_or_create(path)
    assert Secrets.load_or_create(path) == first
    assert path.stat().st_mode & 0o077 == 0
    assert min(len(first.actor_secret), len(first.objects_secret)) >= 32


def test_secrets_of_an_earlier_version_are_completed_and_lose_what_could_mint(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps({"jwt_key": "k" * 40, "objects_secret": "o" * 40}))
    made = Secrets.load_or_create(path)
    assert made.objects_secret == "o" * 40, "URLs that were given out stay good"
    assert SigningKey.parse(made.seal_key)
    assert "jwt_key" not in path.read_text()
    assert Secrets.load_or_create(path) == made
    assert path.stat().st_mode & 0o077 == 0
