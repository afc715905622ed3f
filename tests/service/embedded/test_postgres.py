"""The embedded PostgreSQL: its data outlive crashes, and one owner has it at a time."""

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.embedded.postgres import DataDirectoryInUse, EmbeddedPostgres, PostgresUnavailable


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    running = EmbeddedPostgres(tmp_path / "data", durable=False)
    with running:
        yield running


async def fetch(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_what_was_committed_survives_a_kill(server: EmbeddedPostgres) -> None:
    url = server.ensure_database("kept")
    await fetch(url, "CREATE TABLE t AS SELECT 7 AS x")
    server.kill()
    server.start()
    assert await fetch(server.url("kept"), "SELECT x FROM t") == 7


async def test_a_restart_keeps_its_port_so_that_urls_hold(server: EmbeddedPostgres) -> None:
    before = server.url()
    server.stop()
    server.start()
    assert server.url() == before


async def test_a_database_is_made_once(server: EmbeddedPostgres) -> None:
    assert server.ensure_database("one") == server.ensure_database("one")
    with pytest.raises(ValueError, match="plain"):
        server.ensure_database('x"; DROP')


async def test_a_data_directory_has_one_owner(server: EmbeddedPostgres) -> None:
    with pytest.raises(DataDirectoryInUse):
        EmbeddedPostgres(server.data_dir).start()


async def test_a_server_whose_owner_died_is_adopted(server: EmbeddedPostgres) -> None:
    orphan = server.pid
    server._drop_lock()  # what the end of the owner's process does
    heir = EmbeddedPostgres(server.data_dir, durable=False).start()
    try:
        assert heir.pid == orphan
        assert heir.port == server.port
    finally:
        heir.stop()
        assert server._process is not None
        server._process.wait()  # in truth its parent is gone
    server._pid = server._process = None


async def test_an_interrupted_initdb_leaves_nothing_behind(tmp_path: Path) -> None:
    unfinished = tmp_path / "data" / "initdb-1234"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    with EmbeddedPostgres(tmp_path / "data", durable=False) as server:
        assert await fetch(server.url(), "SELECT 1") == 1
    assert not unfinished.exists()


async def test_the_password_is_for_its_owner_alone(server: EmbeddedPostgres) -> None:
    assert stat.S_IMODE((server.data_dir / "password").stat().st_mode) == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.url().replace(server._password(), "guess"))


def test_a_missing_server_is_reported_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_PG_BIN", str(tmp_path))
    with pytest.raises((PostgresUnavailable, FileNotFoundError)):
        EmbeddedPostgres(tmp_path / "data").start()


def test_starting_works_inside_and_outside_an_event_loop(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data", durable=False) as server:
        assert asyncio.run(fetch(server.ensure_database("x"), "SELECT 1")) == 1
