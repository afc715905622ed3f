"""CPU of one labelling cycle (lease the next task, submit its annotation) over HTTP, service and PostgreSQL together.

Measured against a bare FastAPI + asyncpg server that does the same two transactions with nothing checked: no token, no
schema, no fencing, no gold, no outbox. Both run in one go on one PostgreSQL, turn by turn; what the relay and the loops
of queue cost meanwhile is counted, too.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import httpx
import uvicorn
from fastapi import Body, FastAPI

from bench._cpu import Meter
from deploy.embedded.postgres import free_port
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.events import GuidelineVersion, PolicyVersion, ProjectChanged, SchemaVersion
from shared.contracts.policies import Policies
from shared.contracts.values import ProjectStatus, Role
from shared.kit.clock import new_id, utc_now

PEOPLE = 8
GOLD = 60
EXPOSURES = 50
ROUNDS = 4
SCHEMA = {
    "fields": [{"name": "text", "kind": "text"}],
    "questions": [{"name": "sentiment", "kind": "choice", "labels": ["positive", "neutral", "negative"]}],
}
ANSWERS = {"sentiment": {"label": "positive"}}
TEXT = "The lamp that was ordered for the kitchen came two days late, but it is exactly as it was described. "

FILL = (
    """
    INSERT INTO records (record_id, project_id, known, state, split, fields)
    SELECT gen_random_uuid(), $1, true, CASE WHEN number <= $3 THEN 'gold' ELSE 'open' END, 'train',
        jsonb_build_object('text', repeat($4, 3))
    FROM generate_series(1, $2::int) AS number
    """,
    """
    INSERT INTO routes (record_id, project_id, prediction_id, model_id, prediction_revision, prediction_schema, confidence,
        revision, waiting, prediction)
    SELECT record_id, project_id, gen_random_uuid(), $2, 1, 1, 0.9, 0, false,
        '{"sentiment": {"label": "positive"}}'
    FROM records WHERE project_id = $1
    """,
    """
    INSERT INTO tasks (task_id, project_id, record_id, round, purpose, kind, schema_version, guideline_version, lane,
        pool, blind, opened_at)
    SELECT gen_random_uuid(), project_id, record_id, 1, CASE WHEN state = 'gold' THEN 'gold' ELSE 'annotation' END,
        'annotation', 1, 1,
        CASE WHEN state = 'gold' THEN 'gold' WHEN random() < 0.4 THEN 'random' ELSE 'learning' END,
        'any', state <> 'gold' AND random() < 0.1, now()
    FROM records WHERE project_id = $1
    """,
    """
    INSERT INTO slots (task_id, slot, project_id, record_id, kind, round, schema_version, guideline_version, lane, pool,
        blind, rank, sort_key, state)
    SELECT task_id, number, project_id, record_id, kind, 1, 1, 1, lane, pool, blind, 0, random(), 'free'
    FROM tasks, LATERAL generate_series(1, CASE WHEN purpose = 'gold' THEN $2::int ELSE 1 END) AS number
    WHERE project_id = $1
    """,
)
BARE_TABLES = """
CREATE TABLE bare_tasks (
    task_id bigint PRIMARY KEY, text text NOT NULL, state text NOT NULL, sort_key float8 NOT NULL, token uuid,
    person integer
);
CREATE TABLE bare_annotations (token uuid PRIMARY KEY, task_id bigint NOT NULL, answers jsonb NOT NULL);
INSERT INTO bare_tasks SELECT number, repeat('TEXT', 3), 'free', random() FROM generate_series(1, COUNT) AS number;
CREATE INDEX ON bare_tasks (sort_key) WHERE state = 'free';
CREATE UNIQUE INDEX ON bare_tasks (token) WHERE token IS NOT NULL;
ANALYZE bare_tasks;
"""
BARE_LEASE = """
UPDATE bare_tasks SET state = 'leased', token = gen_random_uuid(), person = $1
WHERE task_id = (
    SELECT task_id FROM bare_tasks WHERE state = 'free' ORDER BY sort_key LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING token, task_id, text
"""
BARE_SUBMIT = """
WITH done AS (UPDATE bare_tasks SET state = 'submitted' WHERE token = $1 RETURNING task_id)
INSERT INTO bare_annotations (token, task_id, answers) SELECT $1, task_id, $2 FROM done
"""


def bare_server(database_url: str) -> FastAPI:
    """The floor: two endpoints, one statement each."""
    app = FastAPI(openapi_url=None)
    pool: Any = None

    async def connected() -> Any:
        nonlocal pool
        if pool is None:
            pool = await asyncpg.create_pool(database_url, min_size=PEOPLE, max_size=PEOPLE)
        return pool

    @app.post("/leases/{person}")
    async def lease(person: int) -> Any:
        row = await (await connected()).fetchrow(BARE_LEASE, person)
        return {"leases": [{"token": row["token"], "record": {"fields": {"text": row["text"]}}}]}

    @app.put("/leases/{token}/annotation")
    async def submit(token: UUID, answers: Annotated[dict[str, Any], Body(embed=True)]) -> Any:
        await (await connected()).execute(BARE_SUBMIT, token, json.dumps(answers))
        return {"token": token}

    return app


async def fill(suite: Suite, tasks: int) -> UUID:
    """A project with `tasks` ordinary tasks, gold, and people, as events would have made them."""
    project_id = new_id()
    now = utc_now()
    project = ProjectChanged(
        name="Bench",
        status=ProjectStatus.ACTIVE,
        draw_salt="salt",
        schemas=[SchemaVersion.model_validate({"version": 1, "label_schema": SCHEMA, "created_at": now})],
        guidelines=[GuidelineVersion(version=1, markdown="Be fair.", created_at=now)],
        policies=[PolicyVersion(version=1, policies=Policies(), created_at=now)],
        active_schema=1,
        active_guideline=1,
        active_policy=1,
    )
    connection = await asyncpg.connect(suite.database_url("queue"))
    try:
        await connection.execute(
            "INSERT INTO projects VALUES ($1, 1, 'active', true, true, $2)", project_id, project.model_dump_json()
        )
        await connection.execute(FILL[0], project_id, tasks + GOLD, GOLD, TEXT)
        await connection.execute(FILL[1], project_id, new_id())  # one champion predicted them all
        await connection.execute(FILL[2], project_id)
        await connection.execute(FILL[3], project_id, EXPOSURES)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute(BARE_TABLES.replace("TEXT", TEXT).replace("COUNT", str(tasks)))
    finally:
        await connection.close()
    headers = {"Authorization": f"Bearer {suite.token(Role.MANAGER)}"}
    async with httpx.AsyncClient(base_url=suite.urls["queue"], headers=headers) as client:
        for person in range(PEOPLE):
            answer = await client.post("/v1/annotators", json={"subject": f"person-{person}"})
            answer.raise_for_status()
    return project_id


Cycle = Callable[[httpx.AsyncClient, int], Awaitable[None]]


def queue_cycle(suite: Suite, project_id: UUID) -> Cycle:
    headers = [
        {"Authorization": f"Bearer {suite.token(Role.ANNOTATOR, subject=f'person-{person}')}"}
        for person in range(PEOPLE)
    ]

    async def cycle(client: httpx.AsyncClient, person: int) -> None:
        path = f"/v1/projects/{project_id}/leases"
        [lease] = (
            (await client.post(path, headers=headers[person], json={"count": 1})).raise_for_status().json()["leases"]
        )
        body = {"answers": ANSWERS, "active_s": 3.2}
        path = f"/v1/leases/{lease['token']}/annotation"
        (await client.put(path, headers=headers[person], json=body)).raise_for_status()

    return cycle


async def bare_cycle(client: httpx.AsyncClient, person: int) -> None:
    [lease] = (await client.post(f"/leases/{person}")).raise_for_status().json()["leases"]
    (await client.put(f"/leases/{lease['token']}/annotation", json={"answers": ANSWERS})).raise_for_status()


async def work(url: str, cycle: Cycle, cycles: int) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:

        async def one(person: int) -> None:
            for _ in range(cycles // PEOPLE):
                await cycle(client, person)

        await asyncio.gather(*(one(person) for person in range(PEOPLE)))


async def main(cycles: int, tasks: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Suite(SuiteSettings(data_dir=Path(folder), first_port=0, services=("queue",))) as suite:
            project_id = await fill(suite, tasks)
            port = free_port()
            arguments = ("--bare", suite.database_url("queue"), "--port", str(port))
            server = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.lease_submit", *arguments)
            try:
                result = await measure(suite, project_id, server.pid, f"http://127.0.0.1:{port}", cycles)
            finally:
                server.terminate()
                await server.wait()
    print(json.dumps({"name": "lease_submit", **result, "tasks": tasks}))


async def measure(suite: Suite, project_id: UUID, bare_pid: int, bare_url: str, cycles: int) -> dict[str, Any]:
    postgres, queue_pid = suite.postgres.pid, suite.services["queue"].pid
    assert postgres is not None
    assert queue_pid is not None
    queue_url, ours = suite.urls["queue"], queue_cycle(suite, project_id)
    queue, bare = Meter(queue_pid, postgres), Meter(bare_pid, postgres)
    await until_up(bare_url)
    for url, cycle in ((bare_url, bare_cycle), (queue_url, ours)):  # warm
        await work(url, cycle, 25 * PEOPLE)
    share = cycles // ROUNDS
    for _ in range(ROUNDS):
        with bare.running(share):
            await work(bare_url, bare_cycle, share)
        await asyncio.sleep(0.5)
        with queue.running(share):
            await work(queue_url, ours, share)
            await asyncio.sleep(1.0)  # what was put off until after the answer counts as well
    return {
        "ratio": round((bare.app_ms + bare.postgres_ms) / (queue.app_ms + queue.postgres_ms), 3),
        "queue_ms": round(queue.app_ms + queue.postgres_ms, 2),
        "queue_app_ms": round(queue.app_ms, 2),
        "queue_postgres_ms": round(queue.postgres_ms, 2),
        "bare_app_ms": round(bare.app_ms, 2),
        "bare_postgres_ms": round(bare.postgres_ms, 2),
        "cycles": queue.cycles,
    }


async def until_up(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        for _ in range(200):
            try:
                await client.get("/")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=4_000)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        uvicorn.run(
            bare_server(given.bare),
            port=given.port,
            loop="uvloop",
            http="httptools",
            log_level="error",
            access_log=False,
        )
    else:
        asyncio.run(main(given.cycles, given.tasks))
