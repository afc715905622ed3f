"""Every constant SQL statement of a service is accepted on the service's own tables, and reads none of them as a whole.

The same of the kit, on the tables that every service has.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import asyncpg
import pytest

from shared.kit import relay
from shared.kit.settings import settings_class
from tests.service.statements.fills import BOUNDED, EXAMPLES, FILLS, KIT, UNLOGGED
from tests.service.statements.found import connect, faults_of, partitioned, rows_of_tables
from tests.service.statements.kept_plans import faults_of_kept, looks_of
from tests.service.statements.reads import example_of, read_in_vain
from tests.support.constant_statements import statements_of, statements_of_kit

SERVICES = ("ingest", "prelabel", "queue", "qa")
TINY = "tests.service.kit.tiny"
"""A service with hardly more than the kit's tables."""
RELAY_MODULES = ("shared.kit.relay.", "shared.kit.housekeeping.")
MANY = 10_000
"""From how many rows on a table is one that grows."""
WHOLE = {
    "shared.kit.backlog._UNSENT": "what is set aside is counted, and its index holds nothing else",
    "shared.kit.outbox._RETRY_SET_ASIDE": "all that is set aside is tried again, and its index holds nothing else",
    "shared.kit.outbox._DROP_SET_ASIDE": "one of what is set aside is looked for, and its index holds nothing else",
    "shared.kit.relay._BLOCKED": "all that is set aside is asked for, and its index holds nothing else",
    "services.ingest.storage.erasures._PENDING": "all that is pending is counted, and its index holds nothing else",
    "services.qa.storage.counters._READ": "deltas are folded every few seconds, and each insert would pay for an index",
    "services.qa.storage.counters._MARKS": "all marks of a kind are asked for, which is what waits to be done",
    "services.queue.storage.servability._ARRIVE_ALL": "what is asked of annotators has changed for all of them",
}
"""Statements that read a table as a whole, and why they must."""
KIT_TABLES = BOUNDED["kit"].keys() | {table for fill in KIT for table in re.findall(r"INSERT INTO (\w+)", fill)}
OF_TINY = {"things"}


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


async def found_faults(
    connection: Any, statements: Iterable[tuple[str, str]], growing: set[str], when: str
) -> list[str]:
    return [
        f"{where} ({when}): {fault}"
        for where, statement in statements
        if where not in WHOLE
        for fault in await faults_of(connection, statement, growing)
    ]


EMPTIED = ("outbox_queue", "parked", "parked_releases", "returned_work", "withdrawals")
"""Tables of queue that fill up and are emptied again, so that PostgreSQL may know that they are empty when it plans."""
IN_VAIN = {
    "services.ingest.storage.records._PAGES": "of several filters one has an index, and what it finds is compared with the others",
    "services.ingest.storage.records.PAGES": "the same statements",
    "services.qa.storage.agreement_counts._DRAWN": "records without distances of the question stand in the same order, and only questions that have some are sampled",
    "services.qa.storage.agreement_counts._PAIRS": "the pairs with most in common are known once all of a question are added up",
    "services.qa.storage.erased_releases._WAITING": "changes are counted every few seconds, and each insert would pay for an index",
    "services.qa.storage.lists._LABELS": "few records are under review at a time, and of their labels some are filtered out",
    "services.qa.storage.lists._LABELS_UNDER_REVIEW": "few records are under review at a time, and their labels are sorted",
    "services.qa.storage.quality_counts._SUSPECTED": "the people of one project, when a manager asks for its report",
    "services.qa.storage.thresholds._LOOKS": "all looks at a question are counted, of which there are a few a day",
    "services.queue.storage.records._WAITING": "a page of each project that can be served, and there are tens of projects",
    "services.queue.storage.servability._WORKFORCE": "that nobody can serve a task is known once each of the project's people is looked at",
    "services.queue.storage.supply._LEFT": "leases that run are no more than the project's people may hold",
}
"""Statements that read many more rows than they return, and why they may."""


async def filled(connection: Any, owner: str, fill: Sequence[str]) -> set[str]:
    """Fill the tables; returns those that grow. Fails where a table is neither filled nor one whose size is bounded."""
    for statement in (UNLOGGED, *fill):
        await connection.execute(statement)
    counts, parents = await rows_of_tables(connection), await partitioned(connection)
    growing = {table for table, count in counts.items() if count >= MANY}
    others = counts.keys() - growing - parents.keys()
    assert others - (OF_TINY if owner == "kit" else KIT_TABLES) == BOUNDED[owner].keys()
    return growing


async def read_for_a_few(connection: Any, service: str, growing: set[str]) -> list[str]:
    """What the service's statements read in vain, each run for the examples. Fails where many can't be run."""
    faults, not_run = list[str](), set[str]()
    statements = [found for found in statements_of(service) if found[0] not in WHOLE | IN_VAIN]
    records = [row["record_id"] for sql in EXAMPLES[service] for row in await connection.fetch(sql)]
    for record_id in records:
        example = await example_of(connection, record_id)
        for where, statement in statements:
            found = await read_in_vain(connection, statement, growing, example)
            if found is None and not statement.lstrip().startswith("INSERT"):
                not_run.add(where)
            faults += [f"{where}: {fault}" for fault in found or ()]
    assert len(not_run) < len(statements) / 10, sorted(not_run)
    return list(dict.fromkeys(faults))


@pytest.mark.timeout(300)  # to fill the tables is most of it
@pytest.mark.parametrize("service", FILLS)
async def test_no_statement_reads_much_more_of_a_growing_table_than_it_needs(
    service: str, migrated: Callable[[str], str]
) -> None:
    """With 100,000 records, under the plan that PostgreSQL would keep whatever the parameters are.

    It scans no table that grows. What an index can't tell apart is read and thrown away, and what it doesn't order is sorted:
    a bounded number of rows. A service that forbids sequential scans in its sessions does well before there are statistics,
    too, and one that keeps its plans in any case does well with those that were made while the tables were new or had been
    emptied.
    """
    connection = await connect(migrated(service), service)
    settings = settings_class(f"services.{service}").database_session
    statements = list(statements_of(service))
    try:
        stale = await connection.fetchval("SHOW enable_seqscan") == "off"
        keeps = settings.get("plan_cache_mode") == "force_generic_plan"
        examined = [found for found in (*statements, *statements_of_kit()) if found[0] not in WHOLE] if keeps else []
        if keeps:
            await connection.execute(f"ANALYZE {', '.join(EMPTIED)}")
        kept = {where: await looks_of(connection, statement) for where, statement in examined}
        growing = await filled(connection, service, FILLS[service])
        faults = await found_faults(connection, statements, growing, "without statistics") if stale else []
        await connection.execute("ANALYZE")
        faults += await found_faults(connection, statements, growing, "analyzed")
        faults += await faults_of_kept(connection, examined, kept, growing)
        faults += await read_for_a_few(connection, service, growing)
    finally:
        await connection.close()
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT FROM records WHERE project_id = $1 AND label = $2 ORDER BY seq DESC LIMIT $3", []),
        ("SELECT FROM records WHERE project_id = $1 AND label <> $2 ORDER BY seq DESC LIMIT $3", ["removes 5000 rows"]),
        ("SELECT FROM records WHERE project_id = $1 ORDER BY draw LIMIT 1", ["sorts 5000 rows"]),
        ("SELECT count(*) FROM records WHERE project_id = ANY($1::uuid[])", []),
        ("UPDATE records SET label = 'b' WHERE record_id = $1", []),
        (
            "SELECT FROM unnest($1::uuid[], $2::text[]) AS one (record_id, label) JOIN records USING (record_id, label)",
            [],
        ),
    ],
)
async def test_what_is_read_in_vain_is_found(sql: str, found: list[str], database_url: Callable[[str], str]) -> None:
    connection = await connect(database_url("read_in_vain"))
    await connection.execute("""
        CREATE TABLE records (record_id uuid PRIMARY KEY, project_id uuid, label text, seq int, draw float);
        INSERT INTO records SELECT gen_random_uuid(), lpad(mod(number, 4)::text, 32, '0')::uuid, 'a', number, random()
        FROM generate_series(1, 20000) AS number;
        CREATE INDEX records_newest ON records (project_id, seq);
        ANALYZE
    """)
    example = await example_of(connection, await connection.fetchval("SELECT record_id FROM records LIMIT 1"))
    faults = await read_in_vain(connection, sql, {"records"}, example)
    await connection.close()
    assert faults is not None
    assert [any(each in fault for fault in faults) for each in found] == [True] * len(found), faults
    assert len(faults) == len(found), faults


async def test_no_statement_of_the_kit_scans_a_table_that_grows(migrated: Callable[[str], str]) -> None:
    """Those of the relay and of its housekeeping under the settings of the relay's own connection."""
    statements = list(statements_of_kit())
    of_relay = [found for found in statements if found[0].startswith(RELAY_MODULES)]
    others = [found for found in statements if not found[0].startswith(RELAY_MODULES)]
    connection = await connect(migrated(TINY))
    try:
        growing = await filled(connection, "kit", KIT)
        await connection.execute("ANALYZE")
        faults = await found_faults(connection, others, growing, "analyzed")
        await connection.execute(relay._PLANS)
        faults += await found_faults(connection, of_relay, growing, "by the relay")
    finally:
        await connection.close()
    assert of_relay
    assert not faults, "\n".join(faults)
