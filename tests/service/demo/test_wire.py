"""The demo's connections: used again, whole answers or none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from deploy.demo.wire import ConnectionLost, Wire

PLAIN = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n"
CLOSING = b"HTTP/1.1 409 Conflict\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
CUT = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"


class Server:
    """Gives the same answer again and again, and counts its connections."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.connections = 0
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.answer)
                await writer.drain()
                if self.answer in {CLOSING, CUT}:
                    break
        writer.close()


@contextlib.asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[tuple[Server, Wire]]:
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with Wire(f"http://127.0.0.1:{port}") as wire:
        yield server, wire
    listening.close()
    await asyncio.sleep(0.01)


async def test_a_connection_is_used_again() -> None:
    async with serving(PLAIN) as (server, wire):
        for _ in range(3):
            answer = await wire.request("GET", "/x", {"a": "b"}, params={"q": "é &"})
            assert (answer.status, answer.media_type, answer.body) == (200, "text/plain", b"hi")
        assert server.connections == 1
        assert server.requests[0].startswith(b"GET /x?q=%C3%A9+%26 HTTP/1.1\r\n")


async def test_requests_at_the_same_time_have_connections_of_their_own() -> None:
    async with serving(PLAIN) as (server, wire):
        await asyncio.gather(*(wire.request("GET", "/x", {}) for _ in range(5)))
        assert 1 <= server.connections <= 5
        assert len(server.requests) == 5


async def test_chunks_are_joined() -> None:
    async with serving(CHUNKED) as (_, wire):
        answers = [await wire.request("GET", "/x", {}) for _ in range(2)]
        assert [answer.body for answer in answers] == [b"abcde", b"abcde"]


async def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    async with serving(CLOSING) as (server, wire):
        assert [(await wire.request("PUT", "/x", {}, b"{}")).status for _ in range(2)] == [409, 409]
        assert server.connections == 2


async def test_half_an_answer_is_no_answer() -> None:
    async with serving(CUT) as (_, wire):
        with pytest.raises(ConnectionLost):
            await wire.request("GET", "/x", {})


async def test_a_service_that_is_away_is_said_to_be() -> None:
    async with Wire("http://127.0.0.1:9") as wire:
        with pytest.raises(ConnectionLost):
            await wire.request("GET", "/x", {})
