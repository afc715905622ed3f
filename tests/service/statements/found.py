"""How PostgreSQL would run a service's statements."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import asyncpg

from shared.kit.settings import settings_class

# Nodes that need all that is below them before they give their first row.
BLOCKING = {"Sort", "Aggregate", "Hash", "Materialize", "WindowAgg", "SetOp", "ModifyTable"}
_TABLES = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
"""
_PARTITIONS = """
SELECT child.relname, parent.relname AS of FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid JOIN pg_class AS parent ON parent.oid = inhparent
WHERE child.relkind = 'r'
"""
SCANS = {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}


async def connect(url: str, service: str | None = None) -> Any:
    """A connection with the settings that the service's own have, or none of a service's."""
    settings: Mapping[str, str] = settings_class(f"services.{service}").database_session if service else {}
    return await asyncpg.connect(
        url, server_settings={"jit": "off", **settings, "plan_cache_mode": "force_generic_plan"}
    )


async def rows_of_tables(connection: Any) -> dict[str, int]:
    """How many rows each table has; a partition is a table, and its partitioned table has none."""
    names = [name for (name,) in await connection.fetch(_TABLES)]
    return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for name in names}


async def partitioned(connection: Any) -> dict[str, str]:
    """The table of each partition."""
    return dict(await connection.fetch(_PARTITIONS))


async def faults_of(connection: Any, sql: str, growing: set[str]) -> list[str]:
    """How the plan that PostgreSQL would keep for the statement walks through a growing table from end to end."""
    prepared = await connection.prepare(sql)
    nulls = ", ".join(["NULL"] * len(prepared.get_parameters()))
    await connection.execute(f"PREPARE examined AS {sql}")
    try:
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE examined{f'({nulls})' if nulls else ''}")
    finally:
        await connection.execute("DEALLOCATE examined")
    [plan] = json.loads(text)
    return list(_faults(plan["Plan"], growing, limited=False))


def _faults(node: Mapping[str, Any], growing: set[str], *, limited: bool) -> Iterator[str]:
    kind, table = node["Node Type"], node.get("Relation Name")
    if kind == "Seq Scan" and table in growing:
        yield f"Seq Scan on {table}"
    # A walk along an index is a seek where it stops after a few rows, and a scan where it has no condition.
    if kind in SCANS and table in growing and "Index Cond" not in node and not limited:
        yield f"{kind} using {node['Index Name']} on {table} without a condition"
    limited = kind == "Limit" or (limited and kind not in BLOCKING)
    for child in node.get("Plans", ()):
        yield from _faults(child, growing, limited=limited)
