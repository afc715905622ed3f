"""Lists of 100,000 rows: a page costs as little deep inside as at the beginning, by the plan that PostgreSQL keeps."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from bench._qa_rows import add_answers, add_labels, add_project, add_records
from services.qa.storage import agreement_counts, chain, lists, release_records
from tests.support import postgres

ROWS = 100_000
LIMIT = 101
MOST_BUFFERS = 3500
"""For 101 rows with what they are joined to, whatever else is in the tables."""

OTHERS = (
    """
    INSERT INTO disputes (dispute_id, record_id, project_id, round, schema_version, reason, status, opened_at)
    SELECT gen_random_uuid(), gen_random_uuid(), $1::uuid, 1, 1, 'disagreement',
        (ARRAY['decided', 'decided', 'decided', 'withdrawn'])[1 + n % 4], now()
    FROM generate_series(1, $2::integer) AS one (n)
    """,
    """
    INSERT INTO gold (record_id, gold_revision, project_id, schema_version, answers, exposures, placed_by, placed_at)
    SELECT gen_random_uuid(), 1, $1::uuid, 1, '{}', 50, 'tester', now() FROM generate_series(1, $2::integer) AS one (n)
    """,
    """
    INSERT INTO assessments (project_id, annotator_id, assessment_revision, status, interval_low, interval_high,
        gold_answers, answers, assessed_at)
    SELECT $1::uuid, gen_random_uuid(), 1, 'active', 0, 1, 0, 0, now() FROM generate_series(1, $2::integer) AS one (n)
    """,
)

LISTS: list[tuple[str, str, Mapping[Any, str]]] = [
    ("records", "record_id", lists._RECORDS),
    ("labels", "label_id", lists._LABELS),
    ("disputes", "dispute_id", lists._DISPUTES),
    ("assessments", "annotator_id", lists._ASSESSMENTS),
    ("gold", "record_id", {None: lists._GOLD}),
]
"""Table, key, and the statements by their filters: some that most rows pass, some that few or none do."""


@pytest.fixture(scope="module")
async def filled() -> AsyncIterator[tuple[Any, UUID]]:
    """A project of 100,000 of everything between small ones; not analyzed yet."""
    url = postgres.migrated_database("qa")
    connection = await asyncpg.connect(url)
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    small, large, last = [await add_project(connection) for _ in range(3)]
    for project_id, rows in ((small, 50), (large, ROWS), (last, 50)):
        await add_records(connection, project_id, rows, "short. ")
        await add_labels(connection, project_id, rows)
        await add_answers(connection, project_id, rows // 2)
        for statement in OTHERS:
            await connection.execute(statement, project_id, rows)
    yield connection, large
    await connection.close()
    postgres.drop_database(url)


def literal(value: Any) -> str:
    if isinstance(value, list):
        return f"'{{{','.join(map(str, value))}}}'"
    return str(value) if isinstance(value, int | float | bool) else f"'{value}'"


async def explained(connection: Any, statement: str, *arguments: Any) -> dict[str, Any]:
    """The plan for any parameters, carried out with these."""
    await connection.execute(f"PREPARE asked AS {statement}")
    try:
        given = ", ".join(map(literal, arguments))
        text = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked({given})")
    finally:
        await connection.execute("DEALLOCATE asked")
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def faults(plan: dict[str, Any]) -> list[str]:
    """What in a plan grows with the table."""
    found = [f"scans {node['Relation Name']}" for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
    removed = sum(node.get("Rows Removed by Filter", 0) * node["Actual Loops"] for node in nodes(plan))
    if removed > 5 * LIMIT:
        found.append(f"filters {removed:.0f} rows")
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    if buffers > MOST_BUFFERS:
        found.append(f"touches {buffers} blocks")
    return found


async def cases(connection: Any, project_id: UUID) -> AsyncIterator[tuple[str, str, list[Any]]]:
    """(what, SQL, arguments) of every list, from the beginning and from deep inside."""

    async def keys(table: str, key: str) -> list[UUID]:
        query = f"SELECT {key} FROM {table} WHERE project_id = $1 ORDER BY {key} LIMIT 1 OFFSET 60000"
        return [lists.BEFORE_EVERY_ID, await connection.fetchval(query, project_id)]

    for table, key, statements in LISTS:
        for after in await keys(table, key):
            for filters, statement in statements.items():
                yield f"{table} {filters} after {after}", statement, [project_id, after, LIMIT]
    for after in await keys("annotations", "annotation_id"):
        for role, statement in lists._ANNOTATIONS.items():
            yield f"annotations {role} after {after}", statement, [project_id, after, 0, LIMIT]
    who = await connection.fetchval("SELECT annotator_id FROM assessments LIMIT 1")
    key_of_annotator = [who, lists.BEFORE_EVERY_ID, LIMIT]
    yield "of annotator", lists._ASSESSMENTS_OF_ANNOTATOR, key_of_annotator
    yield "of annotator in projects", lists._ASSESSMENTS_OF_ANNOTATOR_IN, [*key_of_annotator, [project_id]]
    options = ["2100-01-01", ["consensus", "decision"], 0.0, True]
    for after in await keys("records", "record_id"):
        released = [4_000_000, LIMIT, project_id, 1, "train", after, *options]
        yield f"release after {after}", release_records._VALID_AT, released
        page = await connection.fetch(
            "SELECT record_id FROM labels WHERE record_id > $1 ORDER BY record_id LIMIT $2", after, LIMIT
        )
        labels = [[row["record_id"] for row in page], ["1"] * len(page)]
        yield f"lineage of labels after {after}", chain._OF_LABELS, labels
        yield f"recount after {after}", agreement_counts._RECORDS_IN_ORDER, [project_id, after, LIMIT]

    yield "projects to seal", chain._PROJECTS_TO_SEAL, [LIMIT]
    yield "links to seal", chain._UNSEALED, [project_id, LIMIT]


async def test_every_page_seeks_whatever_plan_is_kept(filled: tuple[Any, UUID]) -> None:
    connection, project_id = filled
    found = []
    for moment in ("before anything is analyzed", "afterwards"):
        async for what, statement, arguments in cases(connection, project_id):
            plan = await explained(connection, statement, *arguments)
            found += [f"{what} {moment}: {fault}" for fault in faults(plan)]
        await connection.execute("ANALYZE")
    assert found == [], "\n".join(found)
