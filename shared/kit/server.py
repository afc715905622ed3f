"""One service in one process, on uvicorn with uvloop and httptools."""

import gc
import socket
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI

from shared.kit.runtime import Runtime

GRACE_S = 10
"""How long requests in flight may go on once the process is asked to end."""

_COLLECT_AFTER = (50_000, 10, 10)
"""Objects more than before, after which the youngest are looked at for cycles, and how often until the older ones are.

A set of events is some ten thousand objects that end together: looked at every 700, as is Python's default, they are
moved to the older ones in vain, and those are looked at, too.
"""

_KEEP_ALIVE_S = 75  # longer than a gateway's, so that the gateway closes first


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
    runtime: Runtime = app.state.runtime
    settings = runtime.settings
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
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
    server.run()
    if not server.started:
        sys.exit(3)
