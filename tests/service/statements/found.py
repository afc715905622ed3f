"""How PostgreSQL would run a service's statements."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import asyncpg

from shared.kit.settings import settings_class

# Nodes that need all that is below them before they give their first row.
_BLOCKING = {"Sort", "Aggregate", "Hash", "Materialize", "WindowAgg", "SetOp", "ModifyTable"}
_SCANS = {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}


async def connect(service: str, url: str) -> Any:
    """A connection with the settings that the service's own have."""
    settings: Mapping[str, str] = settings_class(f"services.{service}").database_session
    return await asyncpg.connect(
        url, server_settings={"jit": "off", **settings, "plan_cache_mode": "force_generic_plan"}
    )


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
    if kind in _SCANS and table in growing and "Index Cond" not in node and not limited:
        yield f"{kind} using {node['Index Name']} on {table} without a condition"
    limited = kind == "Limit" or (limited and kind not in _BLOCKING)
    for child in node.get("Plans", ()):
        yield from _faults(child, growing, limited=limited)
