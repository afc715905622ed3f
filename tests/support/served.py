"""A service on a real port, in a thread of its own: for tools that speak HTTP by themselves."""

import contextlib
import importlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvicorn

from shared.kit.settings import settings_class
from tests.support.postgres import apart, drop_database, migrated_database
from tests.support.service import ServiceUnderTest, service_under_test, settings_for

_START_TIMEOUT_S = 30.0


@contextlib.contextmanager
def served(
    service: str, prepare: Callable[[ServiceUnderTest], Awaitable[None]] | None = None, **overrides: Any
) -> Iterator[str]:
    """Serve `services.<service>` on a fresh database; gives its URL. Nothing runs in the background.

    `prepare` is given the service beforehand, to fill its database.
    """
    package = f"services.{service}"
    url = migrated_database(service)
    if prepare is not None:
        apart(_prepare(service, url, prepare))
    app = importlib.import_module(f"{package}.main").create_app(settings_for(settings_class(package), url, **overrides))
    app.state.background = False
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"{service} did not start")
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_START_TIMEOUT_S)
            drop_database(url)


async def _prepare(service: str, url: str, prepare: Callable[[ServiceUnderTest], Awaitable[None]]) -> None:
    async with service_under_test(service, database_url=url) as under_test:
        await prepare(under_test)
