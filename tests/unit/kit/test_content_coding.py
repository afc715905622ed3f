"""Long answers are gzipped for clients that take it, streams piece by piece, and nothing else is."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message

from shared.kit.content_coding import ContentCoding

TEXT = b'{"confidence": 0.94}, ' * 100
GZIP = 31


async def pieces() -> AsyncIterator[bytes]:
    for number in range(3):
        yield b"piece %d " % number


async def answered(answer: Response, accepted: str | None = "gzip, deflate") -> tuple[dict[str, str], list[bytes]]:
    """The headers and the pieces of what the client gets."""
    messages: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        messages.append(message)

    headers = [(b"accept-encoding", accepted.encode())] if accepted else []
    scope = Request({"type": "http", "method": "GET", "path": "/", "headers": headers}).scope
    await ContentCoding(answer)(scope, receive, send)
    start, *bodies = messages
    return {name.decode(): value.decode() for name, value in start["headers"]}, [each["body"] for each in bodies]


@pytest.mark.parametrize("length", [1024, 2_000, 2_000_000])
async def test_a_long_answer_is_gzipped(length: int) -> None:
    content = (TEXT * (length // len(TEXT) + 1))[:length]
    headers, (body,) = await answered(Response(content))
    assert headers["content-encoding"] == "gzip"
    assert headers["vary"] == "Accept-Encoding"
    assert int(headers["content-length"]) == len(body) < length / 2
    assert zlib.decompress(body, GZIP) == content


async def test_a_stream_can_be_read_piece_by_piece() -> None:
    headers, bodies = await answered(StreamingResponse(pieces(), media_type="application/x-ndjson"))
    assert headers["content-encoding"] == "gzip"
    reader = zlib.decompressobj(GZIP)
    assert [reader.decompress(body) for body in bodies] == [b"piece 0 ", b"piece 1 ", b"piece 2 ", b""]
    assert reader.eof


async def test_what_is_short_or_not_wanted_goes_as_it_is() -> None:
    assert await answered(Response(b"short")) == ({"content-length": "5"}, [b"short"])
    headers, bodies = await answered(Response(TEXT), accepted=None)
    assert "content-encoding" not in headers
    assert headers["vary"] == "Accept-Encoding"
    assert bodies == [TEXT]


@pytest.mark.parametrize("media_type", ["text/event-stream", "image/png"])
async def test_events_and_images_go_as_they_are(media_type: str) -> None:
    headers, bodies = await answered(Response(TEXT, media_type=media_type))
    assert "content-encoding" not in headers
    assert bodies == [TEXT]
