"""Agreement over a million answers: how long a recount takes, and a read; against krippendorff's alpha by the textbook.

The baseline is the same project's nominal alpha from a matrix of records and classes in numpy, read by one statement: no
intervals, no kappas, nothing kept. `kept_up_us`: counting changed records again, a record. CPU as the processes spent it.
"""

import argparse
import asyncio
import json
import time
from typing import Any
from uuid import UUID

import numpy as np

from bench._qa_database import QaDatabase, qa_database
from bench._qa_rows import SCHEMA, add_answers, add_project, add_records
from bench._textbook import counts_of, krippendorff_alpha
from services.qa.operations.agreement_recount import RECOUNT
from shared.kit.clock import new_id

GENERATION = "INSERT INTO agreement_generations (project_id, recounted_by) VALUES ($1, $2)"
ENQUEUE = "INSERT INTO jobs (id, kind, project_id, arguments, subject) VALUES ($1, $2, $3, '{}', 'bench')"
VOTES = """
SELECT dense_rank() OVER (ORDER BY record_id) - 1 AS item, answers->'animal'->>'label' AS label FROM annotations
WHERE project_id = $1 AND schema_version = 1 AND role IN ('vote', 'gold', 'late')
"""
READ = "SELECT content FROM agreement_results WHERE project_id = $1 AND schema_version = 1"


async def by_the_textbook(connection: Any, project_id: UUID) -> float:
    """Alpha of the nominal answers."""
    labels = {label: at for at, label in enumerate(sorted(SCHEMA.questions[0].may_carry()))}
    rows = await connection.fetch(VOTES, project_id)
    items = np.array([row["item"] for row in rows], np.int64)
    classes = np.array([labels[row["label"]] for row in rows], np.int64)
    return krippendorff_alpha(counts_of(items, classes, (int(items.max()) + 1, len(labels))))


async def main(answers: int) -> None:
    async with qa_database() as database:
        print(json.dumps(await measured(database, answers)))


async def measured(database: QaDatabase, answers: int) -> dict[str, Any]:
    connection = database.connection
    project_id = await add_project(connection)
    await add_records(connection, project_id, answers // 2, "short. ")
    await add_answers(connection, project_id, answers // 2)
    await connection.execute("VACUUM ANALYZE")
    started = time.perf_counter()
    expected = await by_the_textbook(connection, project_id)
    textbook_s = time.perf_counter() - started
    job_id = new_id()
    await connection.execute(GENERATION, project_id, job_id)
    await connection.execute(ENQUEUE, job_id, RECOUNT, project_id)
    took = database.do_jobs()
    started = time.perf_counter()
    found = json.loads(await connection.fetchval(READ, project_id))
    read_ms = 1000 * (time.perf_counter() - started)
    assert abs(found["krippendorff_alpha"]["value"] - expected) < 1e-9, (found["krippendorff_alpha"], expected)
    return {
        "name": "agreement",
        "ratio": round(textbook_s / took.wall_s, 3),
        "answers": found["annotations"],
        "recount_s": round(took.wall_s, 2),
        "textbook_s": round(textbook_s, 2),
        "read_ms": round(read_ms, 2),
        "service_cpu_us": round(1e6 * took.cpu_s / found["annotations"], 1),
        "postgres_cpu_us": round(1e6 * took.postgres_cpu_s / found["annotations"], 1),
        "rss_mb": round(took.rss_mb),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=1_000_000)
    asyncio.run(main(parser.parse_args().answers))
