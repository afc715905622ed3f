"""What the plans that were made before there were rows, and that a session keeps, would read of full tables."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tests.service.statements.found import BLOCKING, SCANS

TOLERATED: Final = 200
"""How many rows a look may come across, whatever the plan for full tables comes across."""
WORSE: Final = 20
"""How many times as many rows as the plan for full tables."""
_KNOWN = re.compile(r"\((\w+) = ")


class Look(NamedTuple):
    """A look into a table: by which index, and the columns whose values it knows beforehand."""

    table: str
    index: str | None
    known: frozenset[str]


async def looks_of(connection: Any, sql: str) -> list[Look]:
    """The looks of a statement's plan that read on until they have come across everything that has the known values."""
    prepared = await connection.prepare(sql)
    nulls = ", ".join(["NULL"] * len(prepared.get_parameters()))
    await connection.execute(f"PREPARE planned AS {sql}")
    try:
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE planned{f'({nulls})' if nulls else ''}")
    finally:
        await connection.execute("DEALLOCATE planned")
    [plan] = json.loads(text)
    return list(_looks(plan["Plan"], limited=False))


def _looks(node: Mapping[str, Any], *, limited: bool) -> Iterator[Look]:
    kind, table = node["Node Type"], node.get("Relation Name")
    if table and not limited and kind == "Seq Scan":
        yield Look(table, None, frozenset())
    if table and not limited and kind in SCANS:
        yield Look(table, node["Index Name"], frozenset(_KNOWN.findall(node.get("Index Cond", ""))))
    limited = kind == "Limit" or (limited and kind not in BLOCKING)
    for child in node.get("Plans", ()):
        yield from _looks(child, limited=limited)


class Reads:
    """How many rows of the tables as they are have the same values in some columns, on average."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._known: dict[tuple[str, frozenset[str]], float] = {}

    async def of(self, look: Look) -> float:
        at = look.table, look.known
        if at not in self._known:
            rows = await self._connection.fetchval(f'SELECT count(*) FROM "{look.table}"')
            values = 1
            if look.known:
                columns = ", ".join(f'"{column}"' for column in sorted(look.known))
                values = await self._connection.fetchval(
                    f'SELECT count(*) FROM (SELECT DISTINCT {columns} FROM "{look.table}") AS different'
                )
            self._known[at] = rows / max(values, 1)
        return self._known[at]


async def faults_of_kept(
    connection: Any, statements: Iterable[tuple[str, str]], kept: Mapping[str, Sequence[Look]], growing: set[str]
) -> list[str]:
    """The looks of kept plans that come across many more rows than those of the plan for the tables as they are."""
    reads, faults = Reads(connection), list[str]()
    for where, statement in statements:
        needed = dict[str, float]()
        for look in await looks_of(connection, statement):
            if look.table in growing:
                needed[look.table] = max(needed.get(look.table, 0), await reads.of(look))
        for look in kept[where]:
            if look.table in growing:
                read = await reads.of(look)
                if read > max(TOLERATED, WORSE * needed.get(look.table, 0)):
                    faults.append(
                        f"{where} (planned when empty): {look.index or 'a scan'} of {look.table} by {sorted(look.known)} "
                        f"reads {read:.0f} rows"
                    )
    return faults
