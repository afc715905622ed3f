"""What a large body took is free again when its request has ended, without waiting for the collector of cycles."""

import asyncio
import json
from typing import Annotated, Any, Final

import pytest
from fastapi import Body, FastAPI
from pydantic import BaseModel, ConfigDict, JsonValue
from starlette.requests import Request
from starlette.types import Message

from shared.kit.app import create_service_app
from shared.kit.bodies import body_limit
from shared.kit.concurrency import beside_the_loop
from shared.kit.endpoints import edge_router
from shared.kit.problems import Problem
from shared.kit.runtime import ServiceSpec
from shared.kit.settings import placeholder_settings
from tests.support.memory import held_without_collector

_MIB: Final = 1024 * 1024
_LEFT: Final = _MIB // 4
_LARGE: Final = "x" * (2 * _MIB)

router = edge_router()


class Things(BaseModel):
    model_config = ConfigDict(extra="forbid")

    texts: list[str]
    rows: dict[str, dict[str, JsonValue]] = {}


class Refused(Exception):
    """The things are not taken."""


@router.post("/things", openapi_extra=body_limit(8 * _MIB))
async def take_things(body: Annotated[Things, Body()]) -> int:
    return len(body.texts)


@router.post("/refusals", openapi_extra=body_limit(8 * _MIB))
async def refuse_things(body: Annotated[Things, Body()]) -> None:
    """The exception comes by a task that stands in a local variable, as it does wherever several are waited for."""

    async def look() -> None:
        raise Refused(str(len(body.texts)))

    looking = asyncio.create_task(look())
    await asyncio.wait({looking})
    looking.result()


@router.post("/streams", openapi_extra=body_limit(8 * _MIB) | {"requestBody": {"content": {"text/plain": {}}}})
async def refuse_stream(request: Request) -> None:
    pieces = [piece async for piece in request.stream()]
    problem = Problem(422, "refused", "It is not taken.", f"{len(pieces)} pieces.")
    raise problem


@pytest.fixture(scope="module")
def app() -> FastAPI:
    settings = placeholder_settings("services.queue")
    return create_service_app(
        ServiceSpec(
            name="queue",
            title="Things",
            description="They are taken.",
            settings=settings,
            routers=(router,),
            problems={Refused: 409},
        )
    )


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/things", {"texts": [_LARGE]}, 200),
        ("/things", {"texts": [_LARGE], "more": 1}, 422),
        ("/things", {"texts": [_LARGE], "rows": {f"key {number}": number for number in range(1_000)}}, 422),
        ("/things", {"texts": [_LARGE, "\0"]}, 422),
        ("/things", b'{"texts": ["' + _LARGE.encode(), 400),
        ("/refusals", {"texts": [_LARGE]}, 409),
        ("/streams", {"texts": [_LARGE]}, 422),
    ],
)
async def test_nothing_of_a_body_is_held_when_its_request_has_ended(
    app: FastAPI, path: str, body: Any, status: int
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    await ask(app, path, raw)  # what is made once
    with held_without_collector() as held:
        scope, answered = await ask(app, path, raw)
        assert answered == status
        await beside_the_loop(int)  # the thread lets go of one piece before it begins the next
        # A server keeps the scope while the connection is kept alive.
        assert scope
        assert held() < _LEFT


async def test_a_large_body_is_refused_as_a_small_one_is(app: FastAPI) -> None:
    def of(size: int) -> dict[str, Any]:
        return {"texts": ["x" * size, 7], "rows": {"a": {"b": 1}, "c": 2}, "more": True}

    small, large = [(await told(app, "/things", of(size))) for size in (10, 2 * _MIB)]
    assert small["errors"] == large["errors"]
    assert [error["pointer"] for error in large["errors"]] == ["/texts/1", "/rows/c", "/more"]


@pytest.mark.parametrize(
    ("body", "broken", "named"),
    [
        ({"texts": ["x" * 100_000, *range(300)]}, 300, [f"/texts/{number}" for number in range(1, 101)]),
        ({"texts": ["good", *range(20_000)]}, 20_000, ["/texts/1"]),
        ({"texts": [], "rows": dict.fromkeys(map(str, range(20_000)), 1), "more": 1}, 20_001, ["/rows/0", "/more"]),
        ({"texts": [], **dict.fromkeys(map(str, range(20_000)), 1)}, 20_000, []),
    ],
)
async def test_of_many_faults_the_first_are_named(
    app: FastAPI, body: dict[str, Any], broken: int, named: list[str]
) -> None:
    """All of them can't be: listing them takes long, and nothing else is answered meanwhile."""
    document = await told(app, "/things", body)
    assert document["detail"] == f"{broken} rules are broken."
    assert [error["pointer"] for error in document.get("errors", [])] == named


@router.post("/weights", openapi_extra=body_limit(8 * _MIB))
async def weigh_things(_body: Annotated[Things, Body()], request: Request) -> int:
    taken: int = request.app.state.runtime.parsed_bodies.taken
    return taken


async def test_small_values_count_for_what_they_take_and_not_for_their_text(app: FastAPI) -> None:
    """Otherwise what one caller has in hand, counted as text, would be gigabytes of objects."""
    rows: dict[str, Any] = {f"{number}": {} for number in range(50_000)}
    taken = await told(app, "/weights", {"texts": [], "rows": rows})
    assert taken > 10 * len(json.dumps(rows))
    assert app.state.runtime.parsed_bodies.taken == app.state.runtime.bodies.taken == 0


async def ask(app: FastAPI, path: str, body: Any, answer: list[bytes] | None = None) -> tuple[dict[str, Any], int]:
    """The scope of the request, which the caller may keep, and the status of the answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = b"text/plain" if path == "/streams" else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(raw)).encode())]
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": f"/v1{path}",
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "state": {},
    }  # fmt: skip
    pieces = [raw[at : at + 65_536] for at in range(0, len(raw), 65_536)][::-1]
    del raw, body
    status = 0

    async def receive() -> Message:
        piece = pieces.pop() if pieces else b""
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        if answer is not None:
            answer.append(message.get("body", b""))

    await app(scope, receive, send)
    return scope, status


async def told(app: FastAPI, path: str, body: Any) -> Any:
    answer: list[bytes] = []
    await ask(app, path, body, answer)
    return json.loads(b"".join(answer))
