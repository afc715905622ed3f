"""The listeners of a service: what comes too slowly is dropped, and metrics may have a port of their own."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from shared.kit import server
from shared.kit.server import Connection, metrics_listener
from tests.support.service import ServiceUnderTest, service_under_test
from tests.support.slowness import slowness

WHOLE = b"GET /live HTTP/1.1\r\nHost: service\r\n\r\n"
DEADLINE_S = 0.4
MIB = 1024 * 1024
GATEWAY = Path(__file__).resolve().parents[3] / "deploy" / "gateway" / "Caddyfile"


async def _app(scope: Any, _receive: Any, send: Any) -> None:
    await asyncio.sleep(2 * DEADLINE_S if scope["path"] == "/slow" else 0)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(server, "HEADER_S", DEADLINE_S)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        running = uvicorn.Server(uvicorn.Config(_app, http=Connection, lifespan="off", log_config=None))
        task = asyncio.create_task(running.serve([listening]))
        yield listening.getsockname()[1]
        running.should_exit = True
        await task


async def _dropped_after(port: int, *pieces: bytes) -> tuple[float, bytes]:
    """How long the connection lasts once the pieces are sent, one each tenth of a second, and what is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.monotonic()
    reading = asyncio.create_task(_read(reader))
    for piece in pieces:
        if not reading.done():
            writer.write(piece)
            await asyncio.wait({reading}, timeout=0.1)
    async with asyncio.timeout(5):
        answer = await reading
    writer.close()
    return time.monotonic() - started, answer


async def _read(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    with contextlib.suppress(ConnectionError):  # what is sent to a closed connection resets it
        while piece := await reader.read(1024):
            answer += piece
    return answer


CHUNKED = b"POST /live HTTP/1.1\r\nHost: service\r\nTransfer-Encoding: chunked\r\n\r\n"
TOO_LARGE = {
    "one header": (b"GET /live HTTP/1.1\r\nX-More: " + b"a" * MIB + b"\r\n\r\n",),
    "one header in pieces": (b"GET /live HTTP/1.1\r\nX-More: ", *[b"a" * 30_000] * 4),
    "many headers": (b"GET /live HTTP/1.1\r\n" + b"X-More: 1\r\n" * 10_000 + b"\r\n",),
    "a path": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: service\r\n\r\n",),
    "the second request": (WHOLE, b"GET /live HTTP/1.1\r\nX-More: " + b"a" * 100_000, b"a" * 100_000),
    "what comes after a body": (CHUNKED + b"0\r\nX-More: ", *[b"a" * 30_000] * 4),
    "the extension of a chunk": (CHUNKED + b"1;a=", *[b"a" * 30_000] * 4),
}


@pytest.mark.parametrize("pieces", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_headers_that_are_too_large_are_refused_and_not_kept(port: int, pieces: tuple[bytes, ...]) -> None:
    lasted, answer = await _dropped_after(port, *pieces)
    assert lasted < 10 * DEADLINE_S * slowness()
    answers = answer.split(b"HTTP/1.1 ")[1:]
    if CHUNKED in pieces[0]:  # it may have been answered before
        assert answers[-1][:3] in {b"204", b"431"}
    else:
        assert answers[-1].startswith(b"431 ")
        assert b"content-type: application/problem+json" in answers[-1]
        assert json.loads(answers[-1].partition(b"\r\n\r\n")[2])["type"] == "headers-too-large"


async def test_headers_of_an_ordinary_size_are_taken(port: int) -> None:
    """A body may be as large as the endpoint allows, and come after headers that nearly fill the room."""
    head = b"POST /live HTTP/1.1\r\nHost: service\r\nConnection: close\r\nX-More: " + b"a" * (server.HEAD_BYTES - 200)
    _, answer = await _dropped_after(port, head, b"\r\nContent-Length: 1000000\r\n\r\n", *[b"b" * 250_000] * 4)
    assert answer.startswith(b"HTTP/1.1 204 ")


async def test_what_is_no_http_is_refused_by_a_problem(port: int) -> None:
    _, answer = await _dropped_after(port, b"HELO service\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "not-http"


@pytest.mark.parametrize(
    "pieces",
    [(), (b"GET /live HT",), (WHOLE[:-2],), (b"GET /live HTTP/1.1\r\n", *[b"X-More: 1\r\n"] * 30)],
    ids=["nothing", "half a line", "no end", "drop by drop"],
)
async def test_headers_that_do_not_come_to_an_end_close_the_connection(port: int, pieces: tuple[bytes, ...]) -> None:
    lasted, answer = await _dropped_after(port, *pieces)
    assert lasted < 2.5 * slowness()
    assert not answer.startswith(b"HTTP/1.1 2")


async def test_a_second_request_has_the_same_deadline(port: int) -> None:
    lasted, answer = await _dropped_after(port, WHOLE, b"GET /live HTTP/1.1\r\n")
    assert lasted < 2.5 * slowness()
    assert answer.startswith(b"HTTP/1.1 204")


async def test_an_answer_may_take_longer_than_headers(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/slow")).status_code == 204
        await asyncio.sleep(1.5 * DEADLINE_S)  # kept alive between requests
        assert (await client.get("/live")).status_code == 204


async def test_metrics_may_have_a_port_of_their_own() -> None:
    async with service_under_test("tests.service.kit.tiny", metrics_port=1) as tiny:
        assert (await tiny.client.get("/metrics")).status_code == 404
        assert (await tiny.client.get("/live")).status_code == 200
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with metrics_listener("127.0.0.1", port):
        answer = await asyncio.to_thread(httpx.get, f"http://127.0.0.1:{port}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "touchstone_http_requests_in_flight" in answer.text


async def test_metrics_are_on_the_main_port_by_default(tiny: ServiceUnderTest) -> None:
    assert (await tiny.client.get("/metrics")).status_code == 200


@pytest.mark.parametrize("path", ["/ingest/metrics", "/ingest/ingest/metrics", "/qa/qa/qa/metrics"])
def test_the_gateway_gives_no_metrics(path: str) -> None:
    """A service takes its prefix off a second time: `/ingest/ingest/metrics` is its `/metrics`, too."""
    (line,) = [line for line in GATEWAY.read_text().splitlines() if "@metrics path" in line]
    assert any(fnmatch(path, pattern) for pattern in line.split()[2:])


async def _many_bytes(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(100):
        await send({"type": "http.response.body", "body": bytes(MIB), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("reads", [False, True], ids=["not at all", "a little now and then"])
async def test_an_answer_that_nobody_reads_closes_the_connection(monkeypatch: pytest.MonkeyPatch, reads: bool) -> None:
    monkeypatch.setattr(server, "READING_S", DEADLINE_S)
    with socket.socket() as listening, socket.socket() as client:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        running = uvicorn.Server(uvicorn.Config(_many_bytes, http=Connection, lifespan="off", log_config=None))
        task = asyncio.create_task(running.serve([listening]))
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, listening.getsockname())
        await loop.sock_sendall(client, WHOLE)
        for _ in range(20):
            await asyncio.sleep(DEADLINE_S / 4)
            if reads:
                await loop.sock_recv(client, MIB)
        assert bool(running.server_state.connections) is reads
        running.should_exit = running.force_exit = True
        client.close()
        await task
