"""One service in one process, on uvicorn with uvloop and httptools."""

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import Iterator
from http import HTTPStatus
from types import FrameType
from typing import Final

import orjson
import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.kit.allocation import OF_SERVICES, return_memory_when_freed
from shared.kit.problems import MEDIA_TYPE, Problem
from shared.kit.runtime import Runtime

GRACE_S = 10
"""How long requests in flight may go on once the process is asked to end."""

_COLLECT_AFTER = (50_000, 10, 10)
"""Objects more than before, after which the youngest are looked at for cycles, and how often until the older ones are.

A set of events is some ten thousand objects that end together: looked at every 700, as is Python's default, they are
moved to the older ones in vain, and those are looked at, too.
"""

_KEEP_ALIVE_S = 75  # longer than a gateway's, so that the gateway closes first


HEADER_S = 20.0
"""How long a connection may take for the headers of a request, from its opening or from their first byte."""


READING_S: Final = 60.0
"""How long a client may leave an answer that waits for it as it is."""

_READ_MEANWHILE: Final = 16 * 1024
"""How many bytes of it are read in that time at least."""


HEAD_BYTES: Final = 64 * 1024
"""How large the request line and the headers of a request may be together, and whatever else of it is no body."""

_TOO_LARGE: Final = Problem(
    431,
    "headers-too-large",
    "The headers are too large",
    f"The path and the headers may have {HEAD_BYTES} bytes together.",
)
_NOT_HTTP: Final = Problem(400, "not-http", "This is no HTTP request")


class _TooLargeError(Exception):
    """The headers have more than `HEAD_BYTES`."""


class Connection(HttpToolsProtocol):
    """Closes a connection whose request doesn't come to the end of its headers, or whose answer isn't read.

    uvicorn would wait for ever, and keep the answer as long. A request that comes in one piece, as nearly all do, needs no
    timer, except for the first of a connection; nor does an answer that finds room at once.

    It would keep headers of any size, too, those that come after a body in chunks, and what clients may write beside the
    size of a chunk. So what comes without bringing the request on, in its body or to its end, is counted.
    """

    _head_bytes = 0
    _went_on = False
    _late: asyncio.TimerHandle | None = None
    _in_headers = False
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        self._expect_no_reading()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        self._expect_no_reading()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        self._went_on = False
        super().data_received(data)
        self._head_bytes = 0 if self._went_on else self._head_bytes + len(data)
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(_TOO_LARGE)
        if self._in_headers and self._late is None:
            self._expect_headers()

    def on_message_begin(self) -> None:
        self._in_headers = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._went_on = True
        self._expect_nothing()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            raise _TooLargeError
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._went_on = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._went_on = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's words for all that its parser refuses
        error = sys.exception()
        self._refuse(_TOO_LARGE if error is not None and isinstance(error.__context__, _TooLargeError) else _NOT_HTTP)

    def _refuse(self, problem: Problem) -> None:
        """Answer, unless an answer is under way, and close the connection."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            body = orjson.dumps(problem.document())
            phrase = HTTPStatus(problem.status).phrase
            self.transport.write(
                f"HTTP/1.1 {problem.status} {phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
                + body
            )
        self.transport.close()

    def _expect_headers(self) -> None:
        self._late = self.loop.call_later(HEADER_S, self._close)

    def _expect_nothing(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _expect_reading(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(READING_S, self._abort_unless_read, left)

    def _expect_no_reading(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _abort_unless_read(self, before: int) -> None:
        if before - self.transport.get_write_buffer_size() < _READ_MEANWHILE:
            self.transport.abort()
        else:
            self._expect_reading()

    def _close(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._expect_headers()  # a request before it is still being answered
        else:
            self.transport.close()


@contextlib.contextmanager
def metrics_listener(host: str, port: int | None) -> Iterator[None]:
    """Serve `/metrics` on a port of its own, in a thread; without a port do nothing."""
    if port is None:
        yield
        return
    listener, thread = start_http_server(port, host)
    try:
        yield
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


class _Server(uvicorn.Server):
    """Signals the service at once that it will end, so that endless streams end, too."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime) -> None:
        super().__init__(config)
        self._runtime = runtime

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is there now stays; the collector needn't look at it again
        gc.set_threshold(*_COLLECT_AFTER)

    async def main_loop(self) -> None:
        """Until a signal ends it. Uvicorn's own wakes ten times a second to look for one and to note the date."""
        await self._runtime.stopping.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._runtime.stopping.set()
        super().handle_exit(sig, frame)


def serve(app: FastAPI) -> None:
    """Serve until SIGTERM or SIGINT; ends the process with status 3 when the service can't start."""
    return_memory_when_freed(OF_SERVICES)
    runtime: Runtime = app.state.runtime
    settings = runtime.settings
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=Connection,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,  # nothing asks for the client's address or scheme
        server_header=False,
        date_header=False,  # `Edge` writes it
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config, runtime)
    with metrics_listener(settings.host, settings.metrics_port):
        server.run()
    if not server.started:
        sys.exit(3)
