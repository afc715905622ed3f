"""NDJSON records a second through ingest, against a bare COPY of the same rows into a table with the same indexes.

Through ingest they are parsed, checked, de-identified, hashed, drawn, kept, put into the outbox, and sent to the bus. The
CPU microseconds a record are those of the service and of PostgreSQL until the answer came: they carry over to a machine
that is busy with other things, the records a second don't.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson

from bench._cpu import Meter
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.values import Role
from shared.kit.clock import new_id

SCHEMA = {
    "fields": [{"name": "message", "kind": "text"}],
    "questions": [{"name": "topic", "kind": "choice", "labels": ["billing", "delivery", "other"]}],
}
SENTENCE = "the lamp that was ordered for the kitchen never came and nobody at the desk knows where it went "
PIECE = 256 * 1024
BARE = """
CREATE TABLE bare (
    record_id uuid PRIMARY KEY, project_id uuid NOT NULL, external_id text NOT NULL, message jsonb NOT NULL,
    UNIQUE (project_id, external_id)
);
CREATE INDEX ON bare (project_id, record_id);
"""


def record(number: int) -> dict[str, Any]:
    """A support message of some 250 characters, none of them personal data."""
    words = SENTENCE.split()
    turned = " ".join(words[number % len(words) :] + words[: number % len(words)])
    return {
        "external_id": f"message-{number}",
        "fields": {"message": f"Number {number}: {turned} and {turned[:120]}"},
        "slice": {"channel": "chat" if number % 2 else "mail", "year": 2020 + number % 7},
    }


async def through_ingest(suite: Suite, records: int) -> tuple[float, Meter]:
    """Seconds for one stream, and what it cost."""
    postgres, ingest = suite.postgres, suite.services["ingest"].pid
    assert postgres is not None
    assert postgres.pid is not None
    assert ingest is not None
    meter = Meter(ingest, postgres.pid)
    headers = {"Authorization": f"Bearer {suite.token(Role.ADMIN)}"}
    async with httpx.AsyncClient(base_url=suite.urls["ingest"], headers=headers, timeout=600) as client:
        body = {"name": "Bench", "schema": SCHEMA}
        project_id = (await client.post("/v1/projects", json=body)).raise_for_status().json()["project_id"]
        await send(client, project_id, 0, 2000)  # warm
        started = time.perf_counter()
        with meter.running(records):
            await send(client, project_id, 2000, records)
        return time.perf_counter() - started, meter


async def send(client: httpx.AsyncClient, project_id: str, first: int, records: int) -> None:
    body = b"\n".join(orjson.dumps(record(number)) for number in range(first, first + records))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), PIECE):
            yield body[start : start + PIECE]

    headers = {"Content-Type": "application/x-ndjson"}
    answer = await client.post(f"/v1/projects/{project_id}/records", content=pieces(), headers=headers)
    report = answer.raise_for_status().json()
    assert report["accepted"] == records, report


async def bare_copy(database_url: str, records: int) -> float:
    """Seconds for the same rows by COPY; reading them from JSON is not counted."""
    project_id: UUID = new_id()
    rows = [
        (new_id(), project_id, f"message-{number}", orjson.dumps(record(number)).decode()) for number in range(records)
    ]
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(BARE)
        started = time.perf_counter()
        await connection.copy_records_to_table("bare", records=rows)
        return time.perf_counter() - started
    finally:
        await connection.close()


async def main(records: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = SuiteSettings(data_dir=Path(folder), first_port=0, services=("ingest",))
        async with Suite(settings) as suite:
            ingest_s, meter = await through_ingest(suite, records)
            copy_s = await bare_copy(suite.database_url("ingest"), records)
    result = {
        "name": "ingest",
        "ratio": round(copy_s / ingest_s, 4),
        "records": records,
        "records_per_s": round(records / ingest_s),
        "copy_rows_per_s": round(records / copy_s),
        "service_cpu_us": round(1000 * meter.app_ms, 1),
        "postgres_cpu_us": round(1000 * meter.postgres_ms, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    asyncio.run(main(parser.parse_args().records))
