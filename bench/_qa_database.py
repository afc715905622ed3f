"""A PostgreSQL of its own with qa's tables, and qa's jobs done on it by a process that can be measured."""

import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from bench._cpu import cpu_s
from bench._jobs import environment
from deploy.embedded.postgres import EmbeddedPostgres
from shared.kit import migrations


@dataclass(frozen=True, slots=True)
class JobCost:
    """What the job's process took, by the clock and of CPU; PostgreSQL's CPU meanwhile; the most memory it had."""

    wall_s: float
    cpu_s: float
    postgres_cpu_s: float
    rss_mb: float


@dataclass(frozen=True, slots=True)
class QaDatabase:
    connection: Any
    folder: Path
    url: str
    server_pid: int

    def do_jobs(self) -> JobCost:
        """Do every job that waits."""
        before = cpu_s(self.server_pid)
        job = subprocess.run(
            [sys.executable, "-m", "bench._jobs", "qa"],
            env=environment(self.url, self.folder / "objects"),
            stdout=subprocess.PIPE,
            check=True,
            timeout=timedelta(hours=1).total_seconds(),
        )
        took = json.loads(job.stdout)
        return JobCost(took["s"], took["cpu_s"], cpu_s(self.server_pid) - before, took["rss_mb"])


@asynccontextmanager
async def qa_database() -> AsyncIterator[QaDatabase]:
    """Empty tables; all of it is gone at the end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = EmbeddedPostgres(folder / "postgres")
        server.start()
        try:
            migrations.upgrade_apart("services.qa", server.url())
            connection = await asyncpg.connect(server.url())
            try:
                assert server.pid is not None
                yield QaDatabase(connection, folder, server.url(), server.pid)
            finally:
                await connection.close()
        finally:
            server.stop()
