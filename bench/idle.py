"""CPU of the whole suite and PostgreSQL while nothing happens: in the first minute after work, and well rested.

The work is an import of 2,000 records and 500 labels of them by eight people; its tail is over when the suite takes less
than a quarter of a core. Then nobody asks anything. `after_work` is the minute that begins there, `rested` the half
minute that begins after three minutes, both in CPU milliseconds a second of all processes. PostgreSQL's share stands
apart by what its processes are for: `postgres_autovacuum` is the tail of the work, since it vacuums and analyzes what
that wrote, each database at its turn within a minute or two. With `--statements` it also counts what the services execute
meanwhile, by PostgreSQL's `log_statement`, which costs a little CPU itself.

`wakes` is how often threads of the services and of PostgreSQL are woken, a second: it is the same on any machine, and the
bench fails above `--most-wakes`. What a wake-up costs depends on the machine: one that is shared and rests may take twenty
times what it does when busy. `bare_wake_ms` is the floor in the same run: what a process costs that only wakes, twice a
second, on the same event loop; `bare_wakes` is how many of those the suite costs a second. The bench fails where `idle` is
above `--most` milliseconds a second while a bare wake-up takes no longer than a quarter of one, and above as many times more
as it takes longer. Just after work `idle` is everything but the autovacuum, rested it is everything. Where others keep the
machine busy (`load` above its cores) everything takes several times as long, and only wake-ups are held against their limit.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench._cpu import family_of, wakes_of
from bench._postgres_cpu import AUTOVACUUM, LOGGED, PostgresCpu, ServerLog
from bench.pipeline import Meter, Project, admin, measure_cycles, texts
from deploy.embedded.supervisor import Suite, SuiteSettings

RECORDS, LABELS = 2_000, 500
AFTER_WORK_S, RESTED_AFTER_S, RESTED_S = 60.0, 180.0, 30.0
BARE_EVERY_S = 0.5
USUAL_WAKE_MS = 0.25
_BARE = """
import asyncio, sys, uvloop
async def wake():
    while True:
        await asyncio.sleep(float(sys.argv[1]))
uvloop.run(wake())
"""
_STATEMENT = re.compile(r"^touchstone_(\w+) LOG:  (?:statement|execute [^:]*):\s*(.*)$", re.MULTILINE)


async def work(suite: Suite, client: httpx.AsyncClient) -> None:
    """Import, label, and wait until the tail of it is done."""
    _, lines = texts(RECORDS)
    project = await Project.create(suite, client)
    await project.send(lines)
    await project.until_leasable(len(lines))
    await measure_cycles(project, LABELS)
    await project.close()
    await Meter(suite).rest()


@contextlib.asynccontextmanager
async def bare_process() -> AsyncIterator[int]:
    """A process that does nothing but wake; its pid."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _BARE, str(BARE_EVERY_S))
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


async def spent_ms_per_s(suite: Suite, bare: int, seconds: float) -> dict[str, Any]:
    """By process and in all, what of it is PostgreSQL's for what, what that did, and what a bare wake-up took meanwhile."""
    assert suite.postgres.pid is not None
    log, meter, postgres = ServerLog(log_of(suite)), Meter(suite), PostgresCpu(suite.postgres.pid)
    woken, before = wakes(suite), run_ms(bare)
    await asyncio.sleep(seconds)
    bare_wake_ms = (run_ms(bare) - before) * BARE_EVERY_S / seconds
    spent = {name: round(ms / seconds, 2) for name, ms in meter.ms_each(1).items()}
    shares = {f"postgres_{name}": round(ms / seconds, 2) for name, ms in postgres.ms().items()}
    found = {"bare_wake_ms": round(bare_wake_ms, 3), "bare_wakes": round(spent["all"] / bare_wake_ms, 1)}
    wakes_now = {name: round((count - woken[name]) / seconds, 2) for name, count in wakes(suite).items()}
    return spent | shares | found | {"wakes": wakes_now} | log.counts()


def wakes(suite: Suite) -> dict[str, int]:
    """How often the threads of the services and of PostgreSQL have been woken, by service and in all."""
    pids = {process.name: process.pid for process in suite.processes} | {"postgres": suite.postgres.pid}
    found = {name: sum(wakes_of(family_of(pid)).values()) for name, pid in pids.items() if pid is not None}
    return {"all": sum(found.values())} | found


def log_of(suite: Suite) -> Path:
    return suite.data_dir / "postgres" / "server.log"


def run_ms(pid: int) -> float:
    """Milliseconds that a process without threads has run."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e6


class Statements:
    """What the databases are asked, from when it is begun."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._log: ServerLog | None = None

    async def begin(self) -> None:
        connection = await asyncpg.connect(self._suite.database_url("queue"))
        try:
            await connection.execute("ALTER SYSTEM SET log_statement = 'all'")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()
        self._log = ServerLog(log_of(self._suite))

    def per_s(self, seconds: float) -> dict[str, float]:
        """Statements a second since `begin`, by database and beginning, the most frequent first."""
        assert self._log is not None
        found = Counter(f"{database}: {statement[:60]}" for database, statement in _STATEMENT.findall(self._log.text()))
        return {name: round(count / seconds, 2) for name, count in found.most_common()}


async def run(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        settings = SuiteSettings(data_dir=Path(folder), first_port=0, postgres=LOGGED)
        async with (
            Suite(settings) as suite,
            bare_process() as bare,
            httpx.AsyncClient(headers=admin(suite), timeout=120) as client,
        ):
            await work(suite, client)
            began = time.monotonic()
            statements = Statements(suite)
            if given.statements:
                await statements.begin()
            after_work = await spent_ms_per_s(suite, bare, AFTER_WORK_S)
            asked = statements.per_s(AFTER_WORK_S) if given.statements else None
            await asyncio.sleep(max(0.0, began + given.rested_after - time.monotonic()))
            if given.statements:
                await statements.begin()
            rested = await spent_ms_per_s(suite, bare, RESTED_S)
            asked_rested = statements.per_s(RESTED_S) if given.statements else None
    after_work["idle"] = round(after_work["all"] - after_work[f"postgres_{AUTOVACUUM}"], 2)
    rested["idle"] = rested["all"]
    return {
        "name": "idle",
        "after_work": after_work,
        "rested": rested,
        "most_ms_per_s": given.most,
        "most_wakes_per_s": given.most_wakes,
        "load": round(os.getloadavg()[1], 1),
        "statements_per_s": {"after_work": asked, "rested": asked_rested} if given.statements else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=float, default=15.0, help="CPU milliseconds a second")
    parser.add_argument("--most-wakes", type=float, default=60.0, help="of the services and PostgreSQL, a second")
    parser.add_argument("--rested-after", type=float, default=RESTED_AFTER_S, help="seconds")
    parser.add_argument("--statements", action="store_true")
    given = parser.parse_args()
    result = asyncio.run(run(given))
    print(json.dumps(result))
    measured = (result["after_work"], result["rested"])
    if any(one["wakes"]["all"] > given.most_wakes for one in measured):
        sys.exit("An idle suite wakes more often than the limit allows.")
    busy = result["load"] > (os.cpu_count() or 1)
    if not busy and any(one["idle"] > given.most * max(1.0, one["bare_wake_ms"] / USUAL_WAKE_MS) for one in measured):
        sys.exit("An idle suite costs more than the limit allows.")


if __name__ == "__main__":
    main()
