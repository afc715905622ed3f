"""Answers in gzip, for who accepts it."""

from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipResponder, IdentityResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FROM_BYTES: Final = 1024
_LEVEL: Final = 5


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
            responder: IdentityResponder = GZipResponder(self._app, _FROM_BYTES, compresslevel=_LEVEL)
        else:
            responder = IdentityResponder(self._app, _FROM_BYTES)  # it says that there is another form
        responder.send = send
        return responder


def _is_short(start: Message) -> bool:
    """Whether the answer that begins so is known to be too short."""
    return any(name == b"content-length" and int(value) < _FROM_BYTES for name, value in start.get("headers", ()))
