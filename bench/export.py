"""Labels a second into a release, against `COPY (SELECT …) TO` a file of the same columns of the same rows.

A release is read page by page, encoded, written in parts with the proof of each label, noted with a checkpoint after each,
joined, hashed, and published with its manifest. The rows are made by SQL, and no link of theirs is sealed: a release that is
asked for before seals them all first (`unsealed_per_s`), while in use a loop has sealed all but the newest. CPU microseconds
are those of the job's process and of PostgreSQL, for the release that finds all of them sealed.
"""

import argparse
import asyncio
import json
import time
from typing import Any
from uuid import UUID

from bench._qa_database import JobCost, QaDatabase, qa_database
from bench._qa_rows import add_labels, add_project, add_records
from services.qa.operations.releases import BUILD
from shared.contracts.values import LabelMethod, Split
from shared.kit.clock import new_id

COPY = """
SELECT record_id, labels.split, origin, slice, fields, answers, labels.label_revision, labels.round, method, confidence,
    labels.schema_version, labels.guideline_version, annotations, model_id, trainable, finalized_at
FROM labels JOIN records USING (record_id)
WHERE labels.project_id = $1 AND labels.schema_version = 1 AND labels.split = $2 AND current
ORDER BY record_id
"""
REQUEST = """
INSERT INTO releases (release_id, project_id, name, options, status, requested_by, requested_at, job_id)
VALUES ($1, $2, $1::uuid::text, $3, 'building', 'bench', now(), $4)
"""
ENQUEUE = "INSERT INTO jobs (id, kind, project_id, arguments, subject) VALUES ($1, $2, $3, $4, 'bench')"


async def ask_for_release(connection: Any, project_id: UUID) -> UUID:
    """Leave a release of everything to whoever does jobs."""
    release_id, job_id = new_id(), new_id()
    options = {
        "schema_version": 1,
        "splits": [one.value for one in Split],
        "methods": [one.value for one in LabelMethod],
        "least_confidence": 0.0,
        "with_under_review": True,
    }
    await connection.execute(REQUEST, release_id, project_id, json.dumps(options), job_id)
    await connection.execute(ENQUEUE, job_id, BUILD, project_id, json.dumps({"release_id": str(release_id)}))
    return release_id


async def main(labels: int) -> None:
    async with qa_database() as database:
        print(json.dumps(await measured(database, labels)))


async def measured(database: QaDatabase, labels: int) -> dict[str, Any]:
    connection = database.connection
    project_id = await add_project(connection)
    records = labels * 50 // 49
    await add_records(connection, project_id, records)
    await add_labels(connection, project_id, records)
    await connection.execute("VACUUM ANALYZE")
    started = time.perf_counter()
    for split in Split:
        await connection.copy_from_query(COPY, project_id, split.value, output=database.folder / split.value)
    copy_s = time.perf_counter() - started
    unsealed, labels_unsealed = await _release(database, project_id)
    took, released = await _release(database, project_id)
    return {
        "name": "export",
        "ratio": round(copy_s / took.wall_s, 3),
        "labels": released,
        "labels_per_s": round(released / took.wall_s),
        "unsealed_per_s": round(labels_unsealed / unsealed.wall_s),
        "copy_rows_per_s": round(released / copy_s),
        "service_cpu_us": round(1e6 * took.cpu_s / released, 1),
        "postgres_cpu_us": round(1e6 * took.postgres_cpu_s / released, 1),
        "rss_mb": round(max(took.rss_mb, unsealed.rss_mb)),
    }


async def _release(database: QaDatabase, project_id: UUID) -> tuple[JobCost, int]:
    """Make a release of everything; return what it cost and how many labels are in it."""
    release_id = await ask_for_release(database.connection, project_id)
    took = database.do_jobs()
    query = "SELECT status, records FROM releases WHERE release_id = $1"
    status, released = await database.connection.fetchrow(query, release_id)
    assert status == "published", status
    return took, released


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=1_000_000)
    asyncio.run(main(parser.parse_args().labels))
