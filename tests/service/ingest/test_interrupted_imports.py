"""An import that meets the end of the process reports what is committed; large files are no burden to the service itself."""

import asyncio
import io
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import httpx
import orjson
import pytest
from PIL import Image

from deploy.embedded.postgres import free_port
from services.ingest.operations import chunks
from shared.contracts.values import Role
from shared.kit.token_keys import mint_token
from tests.service.ingest.conftest import IMAGE_SCHEMA, TEXT_SCHEMA, Ingest, text
from tests.support.postgres import drop_database, migrated_database
from tests.support.service import service_under_test
from tests.support.tokens import ACTOR_SECRET, KEY, KEYS_FILE

NDJSON = {"Content-Type": "application/x-ndjson"}
COMMITTED = re.compile(r"(\d+) lines are committed")


def committed_in(answer: httpx.Response) -> int:
    assert (answer.status_code, answer.json()["type"]) == (503, "import-interrupted"), answer.text
    assert answer.headers["retry-after"]
    found = COMMITTED.search(answer.json()["detail"])
    assert found is not None
    return int(found[1])


async def endless(pause_s: float) -> AsyncIterator[bytes]:
    number = 0
    while True:
        yield b"".join(orjson.dumps(text(f"line {number + place}")) + b"\n" for place in range(50))
        number += 50
        await asyncio.sleep(pause_s)


async def test_an_import_that_the_end_of_the_service_cuts_reports_what_is_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chunks, "_FINISH_S", 0.3)
    async with service_under_test("ingest") as service:
        ingest = Ingest(service)
        project_id = await ingest.project()
        asyncio.get_running_loop().call_later(0.5, service.runtime.stopping.set)
        headers = {**ingest.product, **NDJSON}
        answer = await ingest.client.post(
            f"/v1/projects/{project_id}/records", content=endless(0.02), headers=headers, timeout=30
        )
        kept = await ingest.scalar("SELECT count(*) FROM records WHERE project_id = $1", project_id)
        assert committed_in(answer) == kept > 0


def send_endlessly(url: str, headers: dict[str, str]) -> httpx.Response:
    def pieces() -> Iterator[bytes]:
        number = 0
        while True:
            yield b"".join(orjson.dumps(text(f"line {number + place}")) + b"\n" for place in range(50))
            number += 50
            time.sleep(0.05)

    with httpx.Client(timeout=40) as client:
        return client.post(url, content=pieces(), headers=headers)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """ingest in a process of its own, with its URL."""
    database, port = migrated_database("ingest"), free_port()
    environment = {
        **os.environ,
        "TOUCHSTONE_ENVIRONMENT": "embedded",
        "TOUCHSTONE_HOST": "127.0.0.1",
        "TOUCHSTONE_PORT": str(port),
        "TOUCHSTONE_DATABASE_URL": database,
        "TOUCHSTONE_BUS_URL": database,
        "TOUCHSTONE_OBJECTS_URL": "memory://",
        "TOUCHSTONE_OBJECTS_SECRET": secrets.token_hex(32),
        "TOUCHSTONE_ACTOR_SECRET": ACTOR_SECRET,
        "TOUCHSTONE_TOKEN_KEYS_FILE": str(KEYS_FILE),
    }
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "serve", "ingest"], env=environment, stdout=log, stderr=log
        )
    try:
        yield running, f"http://127.0.0.1:{port}"
    finally:
        running.kill()
        running.wait()
        drop_database(database)


async def test_a_stream_that_meets_sigterm_is_answered(process: tuple[subprocess.Popen[bytes], str]) -> None:
    running, url = process
    manager = {"Authorization": f"Bearer {mint_token(KEY, 'tester', [Role.ADMIN])}"}
    async with httpx.AsyncClient(base_url=url, headers=manager, timeout=40) as client:
        for _ in range(300):
            try:
                if (await client.get("/live")).status_code == 200:
                    break
            except httpx.TransportError:
                await asyncio.sleep(0.1)
        made = (await client.post("/v1/projects", json={"name": "p", "schema": TEXT_SCHEMA})).raise_for_status().json()
        path = f"/v1/projects/{made['project_id']}/records"
    asyncio.get_running_loop().call_later(1.0, running.send_signal, signal.SIGTERM)
    started = time.monotonic()
    # Not the asynchronous client: it reads nothing while it sends, and what it was answered is lost with the connection.
    answer = await asyncio.to_thread(send_endlessly, url + path, manager | NDJSON)
    assert committed_in(answer) > 0
    assert time.monotonic() - started < 12
    assert running.wait(20) in {0, -signal.SIGTERM}


async def test_large_images_are_decoded_elsewhere() -> None:
    """Eight of 25 megapixels in one batch: none of them is decoded in the service itself."""
    images: list[str] = []
    for shade in range(8):
        out = io.BytesIO()
        Image.new("L", (5_000, 5_000), shade).save(out, "PNG")
        images.append(b64encode(out.getvalue()).decode())
    async with service_under_test("ingest", max_line_bytes=2_000_000, compute_workers=1) as service:
        ingest = Ingest(service)
        project_id: UUID = await ingest.project(IMAGE_SCHEMA)
        before = _memory_mb()
        report = await ingest.send(project_id, *({"fields": {"image": {"base64": image}}} for image in images))
        assert report["accepted"] == len(images)
        assert _memory_mb() - before < 150


def _memory_mb() -> int:
    """Most memory that this process has had."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0
