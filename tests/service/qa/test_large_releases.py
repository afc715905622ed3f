"""A release of many labels: in constant memory, and from its last checkpoint when its process is killed."""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from bench._jobs import environment
from bench._qa_rows import add_labels, add_project, add_records
from bench.export import ask_for_release

RECORDS = 40_000


def job_process(url: str, objects: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "bench._jobs", "qa"], env=environment(url, objects), stdout=subprocess.DEVNULL
    )


async def checkpoint(connection: Any, at_least: int) -> dict[str, Any]:
    """Wait until so many labels are noted as written."""
    async with asyncio.timeout(60):
        while True:
            found = json.loads(await connection.fetchval("SELECT checkpoint FROM jobs") or "{}")
            if found.get("done", 0) >= at_least:
                return dict(found)
            await asyncio.sleep(0.01)


async def test_a_killed_release_goes_on_from_its_checkpoint(migrated: Callable[[str], str], tmp_path: Path) -> None:
    url = migrated("qa")
    connection = await asyncpg.connect(url)
    try:
        project_id = await add_project(connection)
        await add_records(connection, project_id, RECORDS)
        await add_labels(connection, project_id, RECORDS)
        release_id = await ask_for_release(connection, project_id)
        first = job_process(url, tmp_path)
        noted = await checkpoint(connection, 1)
        first.kill()
        first.wait()
        assert await connection.fetchval("SELECT status FROM releases") == "building"
        await connection.execute("UPDATE jobs SET lease_until = now() - interval '1 second'")
        folder = tmp_path / "releases" / str(release_id)
        part = folder / "parts" / "train-000000"
        part.write_bytes(part.read_bytes().replace(b'"Message 1:', b'"MESSAGE 1:', 1))  # to see that it is kept
        second = job_process(url, tmp_path)
        await asyncio.to_thread(second.wait, 120)

        status, manifest = await connection.fetchrow("SELECT status, manifest FROM releases")
        assert status == "published"
        manifest = orjson.loads(manifest)
        assert manifest["as_of"] == noted["as_of"]
        assert not part.exists()
        held: list[UUID] = []
        for one in manifest["files"]:
            content = (folder / one["name"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == one["sha256"]
            ids = [UUID(orjson.loads(line)["record_id"]) for line in content.splitlines()]
            assert ids == sorted(ids)
            assert len(ids) == one["records"]
            held += ids
        finalized = await connection.fetch("SELECT record_id FROM records WHERE state = 'finalized' ORDER BY record_id")
        assert sorted(held) == [row["record_id"] for row in finalized]
        kept = await connection.fetchval("SELECT count(*) FROM release_records WHERE release_id = $1", release_id)
        assert kept == len(held)
        assert b'"MESSAGE 1:' in (folder / "train.jsonl").read_bytes(), "what was noted as written is not written again"
    finally:
        await connection.close()
