"""Disk and WAL: bytes of each table for a record imported and for a record labelled, in all databases of the suite.

Records are imported over HTTP and come to rest; then some of them are leased and submitted by one annotator each, and come
to rest. After each the tables are measured with their indexes and TOAST, and so is the WAL written meanwhile, by the table
or index that it is about. `ratio` is what the fields themselves take, as text, by what is kept for an imported record.
"""

import argparse
import asyncio
import json
import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench._wal import wal_by_relation
from bench.pipeline import PEOPLE, Meter, People, Project, texts
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.values import Role

# A partition counts for its table: outbox_20261129, inbox_20261129.
SIZES = """
SELECT relname, pg_total_relation_size(oid) AS bytes FROM pg_class
WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('public', 'bus')
"""
WRITTEN = "SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint"
PARTITION = re.compile(r"_(\d{8}|\d{4}_?\d{2}_?\d{2}|default|p?\d+)$")
DATABASES = ("ingest", "prelabel", "queue", "qa", "bus")


class Disk:
    """What the tables of all databases take, and the WAL written, from one moment to another."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self.tables: Counter[str] = Counter()
        self.wal = 0

    async def measure(self) -> None:
        """Vacuum, so that dead rows of earlier work don't count twice, then look."""
        tables: Counter[str] = Counter()
        for name in DATABASES:
            connection = await asyncpg.connect(self._suite.database_url(name))
            try:
                await connection.execute("VACUUM ANALYZE")
                for row in await connection.fetch(SIZES):
                    tables[f"{name}.{PARTITION.sub('', row['relname'])}"] += row["bytes"]
                self.wal = await connection.fetchval(WRITTEN)
            finally:
                await connection.close()
        self.tables = tables


async def measured(suite: Suite, records: int, labels: int) -> dict[str, Any]:
    _, lines = texts(records)
    headers = {"Authorization": f"Bearer {suite.token(Role.ADMIN)}"}
    async with httpx.AsyncClient(headers=headers, timeout=600) as client:
        project = await Project.create(suite, client)
        disk, meter = Disk(suite), Meter(suite)
        await meter.rest()
        await disk.measure()
        before, wal = disk.tables, disk.wal
        await project.send(lines)
        await project.until_leasable(records)
        await meter.rest()
        imported_wal = await _wal(suite, wal, records)
        await disk.measure()
        imported = {name: (size - before[name]) / records for name, size in disk.tables.items()}
        before, wal = disk.tables, disk.wal
        people = People(project)
        await people.register()

        async def work(person: int) -> None:
            for _ in range(labels // PEOPLE):
                await people.cycle(person)

        await asyncio.gather(*(work(person) for person in range(PEOPLE)))
        await meter.rest()
        labelled_wal = await _wal(suite, wal, labels)
        await disk.measure()
        labelled = {name: (size - before[name]) / labels for name, size in disk.tables.items()}
        await project.close()
    text = sum(len(line) for line in lines) / records
    return {
        "name": "sizes",
        "ratio": round(text / sum(imported.values()), 3),
        "records": records,
        "labels": labels,
        "text_bytes": round(text),
        "imported": {"disk": round(sum(imported.values())), "tables": _largest(imported)} | imported_wal,
        "labelled": {"disk": round(sum(labelled.values())), "tables": _largest(labelled)} | labelled_wal,
    }


async def _wal(suite: Suite, since: int, count: int) -> dict[str, Any]:
    """Bytes of WAL since that position for each of so many, in all and by table and index."""
    connection = await asyncpg.connect(suite.database_url("qa"))
    try:
        now: int = await connection.fetchval(WRITTEN)
    finally:
        await connection.close()
    found = await wal_by_relation(suite, DATABASES, since, now)
    return {
        "wal": round((now - since) / count),
        "wal_of": _largest({name: size / count for name, size in found.items()}),
    }


def _largest(sizes: Mapping[str, float]) -> dict[str, int]:
    """By size, what takes less than a byte a record left out."""
    return {name: round(size) for name, size in sorted(sizes.items(), key=lambda one: -one[1]) if size >= 1}


async def main(records: int, labels: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Suite(SuiteSettings(data_dir=Path(folder), first_port=0)) as suite:
            print(json.dumps(await measured(suite, records, labels)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--labels", type=int, default=4_000)
    given = parser.parse_args()
    asyncio.run(main(given.records, given.labels))
