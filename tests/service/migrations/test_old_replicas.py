"""Replicas of the last release work beside new ones on the newest schema, or are stopped before it comes."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from deploy.contracts.migrations import needs_stop
from shared.contracts.services import SERVICE_NAMES
from shared.kit import migrations
from shared.kit.database import APPLICATION_NAME
from shared.kit.exceptions import ReplicasRunning
from tests.support import last_release
from tests.support.postgres import create_database, drop_database
from tests.support.waiting import until

INSERT = re.compile(r"INSERT INTO (\w+)(?: AS \w+)? \(([\w\s,\"]+)\)")
# What an INSERT has to give.
DEMANDED = """
SELECT attname FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attnotnull AND NOT atthasdef AND attidentity = ''
"""


@pytest.fixture(params=SERVICE_NAMES)
async def old(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, str]]:
    """A service, and the URL of its database as the last release left it."""
    url = create_database(f"old_{request.param}")
    await last_release.restore(url, request.param)
    yield request.param, url
    drop_database(url)


async def _version(url: str) -> str:
    connection = await asyncpg.connect(url)
    found: str = await connection.fetchval(f"SELECT version_num FROM {migrations.VERSION_TABLE}")
    await connection.close()
    return found


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_the_newest_schema_takes_the_statements_of_the_last_release(
    service: str, migrated: Callable[[str], str]
) -> None:
    connection = await asyncpg.connect(migrated(service))
    statements = last_release.statements(service)
    assert len(statements) > 90
    refused: list[str] = []
    for where, sql in statements:
        try:
            await connection.prepare(sql)
        except asyncpg.PostgresError as error:
            refused.append(f"{where}: {error}")
    assert refused == []
    assert [fault for where, sql in statements for fault in await _not_given(connection, where, sql)] == []
    await connection.close()


async def _not_given(connection: Any, where: str, sql: str) -> list[str]:
    """The columns that a statement would have to give and doesn't."""
    faults = list[str]()
    for table, listed in INSERT.findall(sql):
        given = {name.strip(' "\n') for name in listed.split(",")}
        demanded = {row["attname"] for row in await connection.fetch(DEMANDED, table)}
        faults += [f"{where}: {table}.{name}" for name in sorted(demanded - given)]
    return faults


async def test_a_statement_that_the_schema_no_longer_takes_is_named(migrated: Callable[[str], str]) -> None:
    connection = await asyncpg.connect(migrated("qa"))
    await connection.execute(
        "ALTER TABLE gold ADD COLUMN demanded int; ALTER TABLE gold ALTER COLUMN demanded SET NOT NULL"
    )
    [sql] = [sql for _, sql in last_release.statements("qa") if "INSERT INTO gold " in sql]
    assert await _not_given(connection, "here", sql) == ["here: gold.demanded"]
    await connection.close()


async def test_a_revision_that_old_replicas_cannot_live_with_waits_until_they_are_stopped(old: tuple[str, str]) -> None:
    service, url = old
    pending = {revision for revision in needs_stop(service) if revision > last_release.REVISION}
    assert pending
    replica = await asyncpg.connect(url, server_settings={"application_name": APPLICATION_NAME})
    with pytest.raises(ReplicasRunning, match="; ".join(f"{revision}: .*" for revision in sorted(pending))):
        migrations.upgrade_apart(f"services.{service}", url)
    assert await _version(url) == last_release.REVISION
    await replica.close()

    async def upgraded() -> bool:
        try:
            migrations.upgrade_apart(f"services.{service}", url)
        except ReplicasRunning:  # the server takes a moment to forget a connection
            return False
        return True

    await until(upgraded, 10)
    assert await _version(url) == migrations.newest_revision(f"services.{service}")


async def test_replicas_of_the_newest_schema_are_in_nobodys_way(migrated: Callable[[str], str]) -> None:
    url = migrated("qa")
    replica = await asyncpg.connect(url, server_settings={"application_name": APPLICATION_NAME})
    migrations.upgrade_apart("services.qa", url)
    await replica.close()
