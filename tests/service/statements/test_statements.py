"""Every constant SQL statement of a service is accepted on the service's own tables, and reads none of them as a whole."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from tests.service.statements.fills import FILLS
from tests.service.statements.found import connect, faults_of
from tests.support.constant_statements import statements_of

SERVICES = ("ingest", "prelabel", "queue", "qa")
MANY = 10_000
"""From how many rows on a table is one that grows."""
WHOLE = {
    "services.ingest.storage.erasures._PENDING": "all that is pending is counted, and its index holds nothing else",
    "services.qa.storage.counters._READ": "deltas are folded every few seconds, and each insert would pay for an index",
    "services.qa.storage.counters._MARKS": "all marks of a kind are asked for, which is what waits to be done",
    "services.queue.storage.servability._ARRIVE_ALL": "what is asked of annotators has changed for all of them",
}
"""Statements that read a table as a whole, and why they must."""


@pytest.mark.parametrize("service", SERVICES)
async def test_every_statement_is_accepted(service: str, migrated: Callable[[str], str]) -> None:
    refused: list[str] = []
    connection = await asyncpg.connect(migrated(service))
    try:
        for where, statement in statements_of(service):
            try:
                await connection.prepare(statement)
            except asyncpg.PostgresError as error:
                refused.append(f"{where}: {error}")
    finally:
        await connection.close()
    assert refused == []


async def found_faults(connection: Any, service: str, growing: set[str], when: str) -> list[str]:
    return [
        f"{where} ({when}): {fault}"
        for where, statement in statements_of(service)
        if where not in WHOLE
        for fault in await faults_of(connection, statement, growing)
    ]


@pytest.mark.parametrize("service", FILLS)
async def test_no_statement_scans_a_table_that_grows(service: str, migrated: Callable[[str], str]) -> None:
    """With 100,000 records, under the plan that PostgreSQL would keep whatever the parameters are.

    A service that forbids sequential scans in its sessions does well before there are statistics, too.
    """
    connection = await connect(service, migrated(service))
    try:
        stale = await connection.fetchval("SHOW enable_seqscan") == "off"
        for statement in FILLS[service]:
            await connection.execute(statement)
        rows = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        counts = {row[0]: await connection.fetchval(f'SELECT count(*) FROM "{row[0]}"') for row in rows}
        growing = {table for table, count in counts.items() if count >= MANY}
        faults = await found_faults(connection, service, growing, "without statistics") if stale else []
        await connection.execute("ANALYZE")
        faults += await found_faults(connection, service, growing, "analyzed")
    finally:
        await connection.close()
    assert not faults, "\n".join(faults)
