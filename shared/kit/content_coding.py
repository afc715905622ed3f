"""Answers in gzip, for who accepts it.

By ISA-L at level 1: as small as by zlib at level 5, in a tenth of its time (67 KB of predictions: .1 ms instead of 1.3).
"""

from functools import cached_property
from typing import Final

from isal import isal_zlib
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipResponder, IdentityResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FROM_BYTES: Final = 1024
_IN_A_THREAD_FROM_BYTES: Final = 1024 * 1024
_LEVEL: Final = 1
_GZIP_FORMAT: Final = 16 + isal_zlib.MAX_WBITS


class ContentCoding:
    """Starlette's compression around the answers that are long enough for it; the others pass as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        passing = send

        async def send_coded(message: Message) -> None:
            nonlocal passing
            if message["type"] == "http.response.start" and not _is_short(message):
                passing = self._responder(scope, send).send_with_compression
            await passing(message)

        await self._app(scope, receive, send_coded if scope["type"] == "http" else send)

    def _responder(self, scope: Scope, send: Send) -> IdentityResponder:
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            responder: IdentityResponder = _Gzip(self._app, _FROM_BYTES, thread_minimum_size=_IN_A_THREAD_FROM_BYTES)
        else:
            responder = IdentityResponder(self._app, _FROM_BYTES)  # it says that there is another form
        responder.send = send
        return responder


class _Gzip(GZipResponder):
    @cached_property
    def compressor(self) -> "isal_zlib.Compress":  # type: ignore[override]  # it has what is used of zlib's
        return isal_zlib.compressobj(_LEVEL, wbits=_GZIP_FORMAT)


def _is_short(start: Message) -> bool:
    """Whether the answer that begins so is known to be too short."""
    return any(name == b"content-length" and int(value) < _FROM_BYTES for name, value in start.get("headers", ()))
