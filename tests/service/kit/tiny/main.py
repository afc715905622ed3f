"""Endpoints that each show one thing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import orjson
from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import Response

from shared.contracts.events import RecordErased
from shared.contracts.values import Role
from shared.kit.app import JobHandler, Loop, Runtime, RuntimeDep, ServiceSpec, SessionDep, create_service_app
from shared.kit.auth import Principal, requires
from shared.kit.bodies import body_limit, large_body, lift_body_limit
from shared.kit.clock import new_id
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import JobFailed, NotKnownHere
from shared.kit.idempotency import IdempotentDep, replay_or_run
from shared.kit.jobs import Job, JobAccepted, enqueue
from shared.kit.outbox import publish
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, page_of
from shared.kit.problems import responses
from shared.kit.storable_json import parse_json
from tests.service.kit.tiny.settings import TinySettings

router = edge_router()
Manager = Annotated[Principal, requires(Role.MANAGER)]


class Broken(Exception):
    """The thing is broken."""


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class NewThing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    number: int = 0
    colour: Colour = Colour.RED
    since: AwareDatetime | None = None
    parent: UUID | None = None
    content: dict[str, JsonValue] = Field(default_factory=dict)


class Thing(BaseModel):
    id: UUID
    name: str
    number: int


@router.post("/projects/{project_id}/things", status_code=201, responses=responses(409))
async def add_thing(project_id: UUID, body: NewThing, session: SessionDep, principal: Manager) -> Thing:
    """Add a thing and publish it."""
    thing = Thing(id=new_id(), name=body.name, number=body.number)
    await session.raw.execute(
        "INSERT INTO things (id, project_id, name, number, content) VALUES ($1, $2, $3, $4, $5)",
        thing.id, project_id, body.name, body.number, orjson.dumps(body.content).decode(),
    )  # fmt: skip
    await publish(session, RecordErased(reason="a test"), project_id=project_id, record_id=thing.id, revision=2)
    return thing


@router.post("/projects/{project_id}/things-once", status_code=201, responses=responses(409))
async def add_thing_once(
    project_id: UUID,
    body: NewThing,
    request: Request,
    session: SessionDep,
    principal: Manager,
    key: IdempotentDep = None,
) -> Response:
    return await replay_or_run(
        session, request, principal, lambda: add_thing(project_id, body, session, principal), status=201
    )


@router.get("/projects/{project_id}/things")
async def list_things(
    project_id: UUID, session: SessionDep, principal: Manager, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> Page[Thing]:
    last = decode_cursor(after, str)[0] if after else ""
    rows = await session.raw.fetch(
        "SELECT id, name, number FROM things WHERE project_id = $1 AND name > $2 ORDER BY name LIMIT $3",
        project_id, last, limit + 1,
    )  # fmt: skip
    return page_of([Thing(**row) for row in rows], limit, "name")


@router.get("/projects/{project_id}/things-by-name")
async def list_things_by_name(
    project_id: UUID, session: SessionDep, principal: Manager, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> Page[Thing]:
    return await list_things(project_id, session, principal, after, limit)


@router.get("/things/{thing_id}", responses=responses(404))
async def get_thing(thing_id: UUID, session: SessionDep, principal: Manager) -> Thing:
    row = await session.raw.fetchrow("SELECT id, name, number FROM things WHERE id = $1", thing_id)
    if row is None:
        raise NotKnownHere("thing", thing_id)
    return Thing(**row)


@router.put("/echo")
async def echo(body: dict[str, JsonValue], session: SessionDep, principal: Manager) -> dict[str, JsonValue]:
    """Whatever JSON there is goes to the database and back."""
    stored = await session.raw.fetchval("SELECT $1::jsonb", orjson.dumps(body).decode())
    answer: dict[str, JsonValue] = orjson.loads(stored)
    return answer


@router.get("/search")
async def search(q: str, session: SessionDep, principal: Manager) -> list[str]:
    return [row[0] for row in await session.raw.fetch("SELECT name FROM things WHERE name = $1", q)]


@router.put("/echo-large", openapi_extra=large_body())
async def echo_large(body: dict[str, JsonValue], principal: Manager) -> dict[str, int]:
    return {"members": len(body)}


@router.post("/projects/{project_id}/large-things", openapi_extra=large_body())
async def check_large_thing(project_id: UUID, body: NewThing, principal: Manager) -> dict[str, str]:
    return {"name": body.name}


@router.post("/upload", openapi_extra=body_limit(256 * 1024))
async def upload(
    file: Annotated[UploadFile, File()], note: Annotated[str, Form()], session: SessionDep, principal: Manager
) -> dict[str, Any]:
    await session.raw.fetchval("SELECT $1::text || $2::text", note, file.filename)
    return {"bytes": len(await file.read())}


@router.post("/lines", openapi_extra={"requestBody": {"content": {"*/*": {}}}, **large_body()})
async def count_lines(request: Request, principal: Manager) -> dict[str, int]:
    lift_body_limit(request)
    seen = 0
    async for chunk in request.stream():
        seen += chunk.count(b"\n")
    parse_json(b"{}")
    return {"lines": seen}


@router.get("/fail/{how}")
async def fail(how: str, session: SessionDep, runtime: RuntimeDep, principal: Annotated[Principal, requires()]) -> None:
    """Everything that can go wrong."""
    match how:
        case "broken":
            raise Broken("the spring is gone")
        case "fault":
            raise ZeroDivisionError("secret@example.com")
        case "statement-timeout":
            await session.raw.execute("SET LOCAL statement_timeout = '20ms'")
            await session.raw.execute("SELECT pg_sleep(5)")
        case "deadlock":
            raise asyncpg.DeadlockDetectedError("deadlock detected")
        case "lost":
            await session.raw.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        case "surrogate":
            await session.raw.execute("SELECT $1::text", "\ud800")
        case "nul":
            await session.raw.execute("SELECT $1::text", "\0")
        case "huge":
            await session.raw.execute("SELECT $1::bigint", 2**70)
        case "lock":
            async with runtime.database.transaction() as other:
                await other.raw.execute("SELECT pg_advisory_xact_lock(7)")
                await session.raw.execute("SET LOCAL lock_timeout = '20ms'")
                await session.raw.execute("SELECT pg_advisory_xact_lock(7)")


@router.get("/slow-stream")
async def slow_stream(principal: Annotated[Principal, requires()]) -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one\n"
        raise ZeroDivisionError

    return StreamingResponse(chunks(), media_type="text/plain")


@router.post("/projects/{project_id}/count", status_code=202)
async def start_counting(
    project_id: UUID, to: int, session: SessionDep, principal: Manager, pause_s: float = 0.0
) -> JobAccepted:
    arguments = {"to": to, "pause_s": pause_s}
    job_id = await enqueue(session, "count", project_id=project_id, arguments=arguments, actor=principal.actor)
    return JobAccepted(job_id=job_id)


@dataclass
class Resources:
    """What the tiny service holds; tests set some of it."""

    greeting: str
    ticks: int = 0
    pause_s: float | None = None
    break_at: int | None = None
    error: Exception = field(default_factory=ZeroDivisionError)
    closed: bool = False


async def count(runtime: Runtime[Resources], job: Job) -> dict[str, Any]:
    """Adds `to` things one by one, each with its checkpoint."""
    to = job.arguments["to"]
    if to < 0:
        raise JobFailed("There is nothing below zero.")
    for number in range(job.checkpoint or 0, to):
        if runtime.resources.break_at == number:
            raise runtime.resources.error
        async with runtime.database.transaction() as session:
            await session.raw.execute(
                "INSERT INTO things (id, project_id, name) VALUES ($1, $2, $3)", new_id(), job.project_id, str(number)
            )
            await job.commit_progress(session, number + 1, to, checkpoint=number + 1)
        await asyncio.sleep(
            runtime.resources.pause_s if runtime.resources.pause_s is not None else job.arguments["pause_s"]
        )
    return {"counted": to}


async def tick(runtime: Runtime[Resources]) -> None:
    runtime.resources.ticks += 1


@asynccontextmanager
async def setup(runtime: Runtime[Resources]) -> AsyncIterator[Resources]:
    settings = runtime.settings
    assert isinstance(settings, TinySettings)
    resources = Resources(settings.greeting)
    yield resources
    resources.closed = True


JOBS: dict[str, JobHandler] = {"count": count}


def create_app(settings: TinySettings | None = None) -> FastAPI:
    settings = settings or TinySettings()
    return create_service_app(
        ServiceSpec(
            name="tiny",
            title="Tiny",
            description="A service for tests.",
            settings=settings,
            routers=[router],
            problems={Broken: 409, asyncpg.UniqueViolationError: 409},
            loops=[Loop("tick", 0.05, tick), Loop("anywhere", 0.05, tick, leader=False)],
            jobs=JOBS,
            setup=setup,
            package="tests.service.kit.tiny",
        )
    )
