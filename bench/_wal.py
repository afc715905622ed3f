"""Which tables and indexes the WAL goes to, read from its records by PostgreSQL's own `pg_waldump`."""

import asyncio
import re
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence

import asyncpg

from deploy.embedded.postgres import find_binaries
from deploy.embedded.supervisor import Suite

_RECORD = re.compile(r"rmgr: \S+ +len \(rec/tot\): +\d+/ *(\d+),(?:.*? rel \d+/(\d+)/(\d+))?")
# A partition counts for its table, and so does what is stored beside it (TOAST); an index is named after its table.
_RELATIONS = """
SELECT file.relfilenode AS file, table_of.relname AS "table",
    CASE WHEN i.indexrelid IS NOT NULL AND owner.oid IS NULL THEN coalesce(root.relname, file.relname) END AS index
FROM pg_class AS file
LEFT JOIN pg_index AS i ON i.indexrelid = file.oid
LEFT JOIN pg_class AS owner ON owner.reltoastrelid = coalesce(i.indrelid, file.oid)
LEFT JOIN pg_class AS root ON root.oid = pg_partition_root(file.oid)
JOIN pg_class AS held ON held.oid = coalesce(owner.oid, i.indrelid, file.oid)
JOIN pg_class AS table_of ON table_of.oid = coalesce(pg_partition_root(held.oid), held.oid)
WHERE file.relfilenode <> 0
"""


async def wal_by_relation(suite: Suite, databases: Sequence[str], start: int, end: int) -> Counter[str]:
    """Bytes of WAL between two positions, by `database.table` and `database.table/index`.

    What belongs to no relation, as commits do, is under `-`.
    """
    names: dict[tuple[int, int], str] = {}
    for database in databases:
        connection = await asyncpg.connect(suite.database_url(database))
        try:
            oid = await connection.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()")
            for row in await connection.fetch(_RELATIONS):
                index = f"/{row['index']}" if row["index"] else ""
                names[oid, row["file"]] = f"{database}.{row['table']}{index}"
        finally:
            await connection.close()
    return await asyncio.to_thread(_sums, suite, names, start, end)


def _sums(suite: Suite, names: Mapping[tuple[int, int], str], start: int, end: int) -> Counter[str]:
    command = [str(find_binaries() / "pg_waldump"), "-p", str(suite.postgres.cluster / "pg_wal")]
    command += ["-s", _position(start), "-e", _position(end)]
    found: Counter[str] = Counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            match = _RECORD.match(line)
            if match is None:
                continue
            size, database, file = match.groups()
            found["-" if file is None else names.get((int(database), int(file)), f"{database}/{file}")] += int(size)
    return found


def _position(bytes_: int) -> str:
    return f"{bytes_ >> 32:X}/{bytes_ & 0xFFFFFFFF:X}"
