"""The PostgreSQL that the tests share, and a fresh database whenever one is asked for."""

import asyncio
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.embedded.postgres import EmbeddedPostgres
from shared.kit import migrations

_state: dict[str, Any] = {}
_templates: dict[str, str] = {}
_lock = threading.Lock()


def server_url() -> str:
    """The URL of a running server: `TOUCHSTONE_TEST_POSTGRES_URL`, or one that is started now for this test run."""
    with _lock:
        if "url" not in _state:
            given = os.environ.get("TOUCHSTONE_TEST_POSTGRES_URL")
            if given:
                _state["url"] = given
            else:
                folder = Path(tempfile.mkdtemp(prefix="touchstone-test-"))
                server = EmbeddedPostgres(folder, durable=False)
                server.start()
                _state.update(url=server.url(), server=server, folder=folder)
        url: str = _state["url"]
        return url


def stop_server() -> None:
    with _lock:
        server = _state.pop("server", None)
        if server is not None:
            server.stop()
            shutil.rmtree(_state.pop("folder"), ignore_errors=True)
        _state.clear()
        _templates.clear()


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine in a thread of its own, so that both fixtures and coroutines may wait for it."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _on_server(*statements: str) -> None:
    connection = await asyncpg.connect(server_url())
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def create_database(name: str, template: str | None = None) -> str:
    """A fresh database, empty or a copy of `template`; answers its URL."""
    unique = f"{name}_{secrets.token_hex(4)}".replace("-", "_").lower()
    copy = f' TEMPLATE "{template}"' if template else ""
    apart(_on_server(f'CREATE DATABASE "{unique}"{copy}'))
    return _with_database(server_url(), unique)


def drop_database(url: str) -> None:
    apart(_on_server(f'DROP DATABASE IF EXISTS "{urlsplit(url).path[1:]}" WITH (FORCE)'))


def migrated_database(service: str) -> str:
    """A fresh database with the service's newest schema. `service` is a name ("queue") or a package ("tests.x")."""
    package = service if "." in service else f"services.{service}"
    with _lock_for(package):
        if package not in _templates:
            url = create_database(f"template_{package.rsplit('.', 1)[-1]}")
            migrations.upgrade_apart(package, url)
            _templates[package] = urlsplit(url).path[1:]
    return create_database(package.rsplit(".", 1)[-1], _templates[package])


_template_locks: dict[str, threading.Lock] = {}


def _lock_for(package: str) -> threading.Lock:
    return _template_locks.setdefault(package, threading.Lock())
