"""How many rows a service's statements read for those that they return: each is run with the values of rows that are there.

A statement's parameters are compared with columns, which its plan shows. So each parameter gets what the column holds in an
example: a record, and the rows of other tables that belong to it or to its project. What else there is to give is a guess by
type: a limit of 100, now, true.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

FEW: Final = 300
"""So many rows may be read in vain."""
TIMES: Final = 10
"""And so many times as many as a step returns."""

_CONDITIONS: Final = (
    "Index Cond",
    "Recheck Cond",
    "Filter",
    "Join Filter",
    "Hash Cond",
    "Merge Cond",
    "One-Time Filter",
)
_COLUMN: Final = r"\(?(?:\w+\.)?(\w+)\)?(?:::\w+)?"
_OPERATOR: Final = r"\s(?:=|<>|<|>|<=|>=)\s"
_COMPARED: Final = re.compile(rf"{_COLUMN}{_OPERATOR}(?:ANY )?\(*\$(\d+)")
_COMPARED_WITH: Final = re.compile(rf"\$(\d+)\)*{_OPERATOR}{_COLUMN}")
_ROWS_COMPARED: Final = re.compile(r"ROW\(([^()]*)\) [<>]=? ROW\(([^()]*)\)")
_UNNESTED: Final = re.compile(r"unnest\(([^()]*)\)(?:\s+WITH ORDINALITY)?\s+AS\s+(\w+)(?:\s*\(([^()]*)\))?")
_NUMBER: Final = re.compile(r"\$(\d+)")
_GUESSES: Final = {
    "uuid": "00000000-0000-0000-0000-000000000000", "int2": "100", "int4": "100", "int8": "100", "float8": "0.5",
    "numeric": "100", "bool": "true", "text": "tone", "varchar": "tone", "timestamptz": "now", "jsonb": "{}", "json": "{}",
    "bytea": "\\x00", "interval": "1 day",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """By table and column: a value, as text, of a row that belongs to the example's record or project."""

    values: Mapping[str, Mapping[str, str | None]]

    def value(self, column: str, tables: Sequence[str]) -> str | None:
        """What the column holds in the first of the tables that has one of this name."""
        found = (self.values[table][column] for table in tables if column in self.values.get(table, {}))
        return next((value for value in found if value is not None), None)


async def example_of(connection: Any, record_id: Any) -> Example:
    """The record's rows, else some of its project, else any."""
    project_id = await connection.fetchval("SELECT project_id FROM records WHERE record_id = $1", record_id)
    tables = await connection.fetch(
        """
        SELECT table_name, array_agg(column_name::text) AS columns FROM information_schema.columns
        WHERE table_schema = 'public' GROUP BY table_name
        """
    )
    values = {}
    for row in tables:
        name, columns = row["table_name"], row["columns"]
        for column, value in (("record_id", record_id), ("project_id", project_id), (None, None)):
            if column is not None and column not in columns:
                continue
            where = "" if column is None else f"WHERE {column} = $1"
            arguments = () if column is None else (value,)
            text = ", ".join(f'"{each}"::text' for each in columns)
            found = await connection.fetchrow(f'SELECT {text} FROM "{name}" {where} LIMIT 1', *arguments)
            if found is not None:
                values[name] = dict(zip(columns, found, strict=True))
                break
    return Example(values)


async def read_in_vain(connection: Any, sql: str, growing: set[str], example: Example) -> list[str] | None:
    """Where the statement reads many more rows of growing tables than it has use for; None if it can't be run so.

    It is run, and undone.
    """
    prepared = await connection.prepare(sql)
    types = [parameter.name for parameter in prepared.get_parameters()]
    await connection.execute(f"PREPARE examined AS {sql}")
    try:
        nulls = ["NULL"] * len(types)
        shown = await _explained(connection, "VERBOSE", nulls)
        nodes = list(_nodes(shown))
        tables = [node["Relation Name"] for node in nodes if "Relation Name" in node]
        compared = _columns_of_parameters(sql, nodes)
        given = [
            _literal(kind, example.value(compared[number], tables) if number in compared else None)
            for number, kind in enumerate(types, start=1)
        ]
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("SET LOCAL statement_timeout = '20s'")
            plan = await _explained(connection, "ANALYZE, TIMING off, BUFFERS off", given)
        except asyncpg.PostgresError:
            return None
        finally:
            await transaction.rollback()
    finally:
        await connection.execute("DEALLOCATE examined")
    return list(_in_vain(plan, growing))


async def _explained(connection: Any, options: str, given: Sequence[str]) -> Mapping[str, Any]:
    arguments = f"({', '.join(given)})" if given else ""
    text = await connection.fetchval(f"EXPLAIN (FORMAT JSON, {options}) EXECUTE examined{arguments}")
    [plan] = json.loads(text)
    found: Mapping[str, Any] = plan["Plan"]
    return found


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _columns_of_parameters(sql: str, nodes: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """The column that each parameter is the array of, or is compared with."""
    found: dict[int, str] = {}
    for arrays, alias, names in _UNNESTED.findall(sql):
        for array, name in zip(arrays.split(","), (names or alias).split(","), strict=False):
            if number := _NUMBER.search(array):
                found.setdefault(int(number[1]), name.strip())
    for node in nodes:
        for condition in _CONDITIONS:
            text = node.get(condition, "")
            for columns, numbers in _ROWS_COMPARED.findall(text):
                for column, number in zip(columns.split(", "), _NUMBER.findall(numbers), strict=False):
                    found.setdefault(int(number), column.rsplit(".", 1)[-1])
            for column, number in _COMPARED.findall(text):
                found.setdefault(int(number), column)
            for number, column in _COMPARED_WITH.findall(text):
                found.setdefault(int(number), column)
    return found


def _literal(kind: str, value: str | None) -> str:
    """The value for a parameter of this type, as SQL: an array of it where it is one."""
    array = kind.endswith("[]")
    text = _GUESSES.get(kind.removesuffix("[]"), "") if value is None else value
    quoted = text.replace("'", "''")
    return f"ARRAY['{quoted}']::{kind}" if array else f"'{quoted}'"


def _in_vain(node: Mapping[str, Any], growing: set[str]) -> Iterator[str]:
    loops, rows = node.get("Actual Loops", 1), node.get("Actual Rows", 0)
    table, returned = node.get("Relation Name"), rows * loops
    removed = loops * (node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0))
    if table in growing and removed > FEW and removed > TIMES * returned:
        where = f"{node['Node Type']} on {table} ({node.get('Index Name', 'no index')})"
        yield f"{where} removes {removed:.0f} rows by {node.get('Filter')} and returns {returned:.0f}"
    if node["Node Type"] == "Limit":
        yield from _sorted_in_vain(node, growing)
    for child in node.get("Plans", ()):
        yield from _in_vain(child, growing)


def _sorted_in_vain(limit: Mapping[str, Any], growing: set[str]) -> Iterator[str]:
    """Rows of a growing table that are sorted for the sake of the first ones."""
    below = limit
    while len(below.get("Plans", ())) == 1 and below["Node Type"] in {"Limit", "LockRows", "Subquery Scan"}:
        [below] = below["Plans"]
    if below["Node Type"] != "Sort" or not any(node.get("Relation Name") in growing for node in _nodes(below)):
        return
    [source] = below["Plans"]
    read = source["Actual Rows"] * source["Actual Loops"]
    returned = limit["Actual Rows"] * limit["Actual Loops"]
    if read > FEW and read > TIMES * returned:
        yield f"sorts {read:.0f} rows by {below['Sort Key']} for the first {returned:.0f}"
