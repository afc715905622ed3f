"""One project from its first record to `--records`, through the API alone; prints one JSON line.

Records come in by streams. At 10,000, at 100,000 and at all of them the rates are measured: records a second until they
can be leased, the CPU of the suite for one, and lease + submit cycles a second. Then simulated annotators label
`--labels` (by default one in twenty, 50,000 at most), a model is trained on them and made the champion, and every open
record is scored again. Then auto-accept is switched on: qa tests the champion on the held-out labels, and what lies above
the threshold is routed again and finalized. All labels are released. At the end stand the memory of each process and the
largest tables. What has to stay flat is `flat`: the largest of a measure by the smallest, over the stages. A machine that others
share is not the same at all stages, so beside each stands what a piece of work took that never changes, and the CPU of a
record is compared in such pieces.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from bench._cpu import Yardstick, family_of
from bench._waiting import until
from bench.pipeline import PEOPLE, POLICIES, Meter, Project, labels_of, texts
from bench.sizes import DATABASES
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.values import Role

STAGES = (10_000, 100_000)
WARM_UP = 2_000
FLAT = ("cpu_pieces", "cpu_ms", "records_per_s", "cycle_cpu_pieces", "cycles_per_s")
STREAM = 10_000
CYCLES_AT_A_STAGE = 2_000
BATCH = 20
MOST_LABELS = 50_000
ERROR_BUDGET = 0.1
"""Wide, so that a threshold is found: what it costs to accept records is measured, not how good the model is."""
AT_FIRST = POLICIES | {
    "learning": {"enabled": False, "random_share": 0.5},  # half of the records are for people, whatever the model says
    "auto_accept": {"enabled": False},
}
WAIT_S = 3600.0
WORDS = ("free", "txt", "call", "win", "claim")
_TABLES = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('public', 'bus') ORDER BY 2 DESC LIMIT 5
"""
_TO_SCORE = "SELECT count(*) FROM records WHERE project_id = $1 AND (state = 'open' OR held_out)"
_SCORED = """
SELECT NOT EXISTS (SELECT FROM records WHERE project_id = $1 AND model_id IS NULL AND (state = 'open' OR held_out))
"""
_NOTED = """
SELECT NOT EXISTS (
    SELECT FROM routes o JOIN records r USING (record_id)
    WHERE o.project_id = $1 AND o.model_id IS NULL AND r.state = 'open'
)
"""
_CAME = "SELECT EXISTS (SELECT FROM thresholds WHERE project_id = $1)"
_CHANGED = "SELECT NOT EXISTS (SELECT FROM threshold_changes)"
_CONCERNED = "SELECT count(*) FROM routes WHERE project_id = $1 AND confidence >= $2"
_ACCEPTED = "SELECT count(*) FROM routes WHERE project_id = $1 AND route = 'auto_accept'"
_ACCEPTED_LABELS = "SELECT count(*) FROM labels WHERE project_id = $1 AND method = 'auto_accept' AND current"


def answer_to(text: str) -> str:
    """The answer of a simulated annotator; a model can learn it."""
    lowered = text.lower()
    return "spam" if sum(lowered.count(word) for word in WORDS) > 2 else "ham"


class Crowd:
    """Simulated annotators, who lease and submit over HTTP."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._queue = f"{project.suite.urls['queue']}/v1"
        self._headers = [
            {"Authorization": f"Bearer {project.suite.token(Role.ANNOTATOR, subject=f'scale-{number}')}"}
            for number in range(PEOPLE)
        ]

    async def register(self) -> None:
        for number in range(PEOPLE):
            body = {"subject": f"scale-{number}"}
            (await self._project.client.post(f"{self._queue}/annotators", json=body)).raise_for_status()

    async def label(self, count: int) -> float:
        """Submit so many annotations, all annotators at once; return the seconds it took."""
        left = count
        began = time.perf_counter()

        async def work(headers: Mapping[str, str]) -> None:
            nonlocal left
            while left > 0:
                wanted = min(BATCH, left)
                left -= wanted
                submitted = await self._batch(headers, wanted)
                left += wanted - submitted

        await asyncio.gather(*(work(headers) for headers in self._headers))
        return time.perf_counter() - began

    async def _batch(self, headers: Mapping[str, str], count: int) -> int:
        client, project_id = self._project.client, self._project.project_id
        url = f"{self._queue}/projects/{project_id}/leases"
        leases = (await client.post(url, headers=headers, json={"count": count})).raise_for_status().json()["leases"]
        for lease in leases:
            label = answer_to(lease["record"]["fields"]["text"])
            body = {"answers": {"topic": {"label": label}}, "active_s": 3.0}
            url = f"{self._queue}/leases/{lease['token']}/annotation"
            (await client.put(url, headers=headers, json=body)).raise_for_status()
        if not leases:
            await asyncio.sleep(0.2)
        return len(leases)


async def job_done(project: Project, service: str, job_id: str) -> dict[str, Any]:
    """The job, once it has ended."""
    end = time.monotonic() + WAIT_S
    while True:
        url = f"{project.suite.urls[service]}/v1/jobs/{job_id}"
        job: dict[str, Any] = (await project.client.get(url)).raise_for_status().json()
        if job["state"] in {"succeeded", "failed"}:
            return job
        assert time.monotonic() < end, job
        await asyncio.sleep(0.5)


async def warm_up(suite: Suite, client: httpx.AsyncClient) -> None:
    """Register the annotators, and do a small project: what a process does once is not counted."""
    project = await Project.create(suite, client, AT_FIRST)
    crowd = Crowd(project)
    await crowd.register()
    await project.send(texts(WARM_UP)[1])
    await project.until_leasable(WARM_UP)
    await crowd.label(WARM_UP // 10)
    await project.close()


def word_of(number: int) -> str:
    """A word of five letters for a number: it makes texts differ, and no more or less costly to mask the larger it is."""
    letters = []
    for _ in range(5):
        number, letter = divmod(number, 26)
        letters.append(chr(ord("a") + letter))
    return "".join(letters)


def cycles_at(records: int) -> int:
    """How many annotations are made when so many records are there."""
    return min(CYCLES_AT_A_STAGE, records // 5)


async def load(project: Project, crowd: Crowd, records: int, yardstick: Yardstick) -> list[dict[str, Any]]:
    """Records in, stage by stage, and what one costs at each."""
    _, lines = texts(min(records, 2 * STREAM))
    stages = []
    here = labelled = 0
    for stage in sorted({*(each for each in STAGES if each < records), records}):
        meter = Meter(project.suite)
        await meter.rest()
        meter.start()
        yardstick.ms()
        began, before = time.perf_counter(), here
        while here < stage:
            part = min(STREAM, stage - here)
            numbers = range(here, here + part)
            await project.send([f"{word_of(number)} {lines[number % len(lines)]}" for number in numbers], here)
            here += part
        await project.until_leasable(here - labelled, WAIT_S)
        took_s = time.perf_counter() - began
        await meter.rest()
        spent, piece_ms = meter.ms_each(here - before), yardstick.ms()
        cycles = cycles_at(here)
        meter.start()
        cycles_s = await crowd.label(cycles)
        labelled += cycles
        await meter.rest()
        cycle_ms, cycle_piece_ms = meter.ms_each(cycles)["all"], yardstick.ms()
        stages.append(
            {
                "records": here,
                "records_per_s": round((here - before) / took_s),
                "cpu_ms": spent["all"],
                "piece_ms": round(piece_ms, 3),
                "cpu_pieces": round(spent["all"] / piece_ms, 3),
                "cycles_per_s": round(cycles / cycles_s),
                "cycle_cpu_ms": cycle_ms,
                "cycle_cpu_pieces": round(cycle_ms / cycle_piece_ms, 2),
            }
        )
        print(json.dumps(stages[-1]), flush=True)
    return stages


async def settle_labels(project: Project, count: int) -> None:
    qa = await asyncpg.connect(project.suite.database_url("qa"))

    async def there() -> bool:
        return await labels_of(qa, project.project_id) >= count

    try:
        await until(there, most_s=WAIT_S, look_s=0.5)
    finally:
        await qa.close()


async def retrain(project: Project) -> dict[str, Any]:
    """Train, promote, and wait until every open record is scored by the new champion and queue knows it."""
    base = f"{project.suite.urls['prelabel']}/v1"
    began = time.perf_counter()
    body = {"reason": "scale"}
    asked = await project.client.post(f"{base}/projects/{project.project_id}/training-runs", json=body)
    job = await job_done(project, "prelabel", asked.raise_for_status().json()["job_id"])
    trained_s = time.perf_counter() - began
    assert job["state"] == "succeeded", job
    meter = Meter(project.suite)
    began = time.perf_counter()
    url = f"{base}/models/{job['result']['model_id']}/promotion"
    (await project.client.post(url, json={"reason": "scale"})).raise_for_status()
    prelabel = await asyncpg.connect(project.suite.database_url("prelabel"))
    queue = await asyncpg.connect(project.suite.database_url("queue"))
    project_id = UUID(project.project_id)

    async def scored() -> bool:
        return bool(await prelabel.fetchval(_SCORED, project_id))

    async def noted() -> bool:
        return bool(await queue.fetchval(_NOTED, project_id))

    try:
        records = await prelabel.fetchval(_TO_SCORE, project_id)
        scored_s = await until(scored, most_s=WAIT_S, look_s=0.5)
        await until(noted, most_s=WAIT_S, look_s=0.5)
    finally:
        await prelabel.close()
        await queue.close()
    settled_s = time.perf_counter() - began
    await meter.rest()
    return {
        "trained_s": round(trained_s, 1),
        "rescored": records,
        "rescored_per_s": round(records / scored_s),
        "settled_per_s": round(records / settled_s),
        "cpu_ms": meter.ms_each(records)["all"],
    }


async def accept(project: Project) -> dict[str, Any]:
    """Switch auto-accept on, and wait until what lies above the champion's threshold is finalized."""
    suite, client, project_id = project.suite, project.client, UUID(project.project_id)
    qa_url = f"{suite.urls['qa']}/v1/projects/{project_id}/thresholds"
    meter = Meter(suite)
    began = time.perf_counter()
    url = f"{suite.urls['ingest']}/v1/projects/{project_id}/policies"
    policies = AT_FIRST | {"auto_accept": {"enabled": True, "error_budget": ERROR_BUDGET, "check_share": 0.0}}
    (await client.put(url, json=policies)).raise_for_status()

    async def tested() -> bool:
        return bool((await client.get(qa_url)).raise_for_status().json()["thresholds"])

    await until(tested, most_s=WAIT_S)
    shown = (await client.get(qa_url)).raise_for_status().json()["classes"]
    threshold = min((each["threshold"] for each in shown if each["threshold"] is not None), default=None)
    tested_s = time.perf_counter() - began
    found: dict[str, Any] = {"threshold": threshold, "tested_s": round(tested_s, 1)}
    if threshold is None:
        return found
    queue = await asyncpg.connect(suite.database_url("queue"))
    qa = await asyncpg.connect(suite.database_url("qa"))
    concerned = accepted = 0

    async def came() -> bool:
        return bool(await queue.fetchval(_CAME, project_id))

    async def routed() -> bool:
        return bool(await queue.fetchval(_CHANGED))

    async def finalized() -> bool:
        return bool(await qa.fetchval(_ACCEPTED_LABELS, project_id) >= accepted)

    try:
        await until(came, most_s=WAIT_S)
        began = time.perf_counter()
        routed_s = await until(routed, most_s=WAIT_S)
        concerned = await queue.fetchval(_CONCERNED, project_id, threshold)
        accepted = await queue.fetchval(_ACCEPTED, project_id)
        await until(finalized, most_s=WAIT_S, look_s=0.5)
        settled_s = time.perf_counter() - began
    finally:
        await queue.close()
        await qa.close()
    await meter.rest()
    return found | {
        "concerned": concerned,
        "accepted": accepted,
        "rerouted_per_s": round(concerned / max(routed_s, 0.1)),
        "finalized_per_s": round(accepted / settled_s),
        "cpu_ms": meter.ms_each(max(accepted, 1))["all"],
    }


async def release(project: Project) -> dict[str, Any]:
    base = f"{project.suite.urls['qa']}/v1"
    began = time.perf_counter()
    asked = await project.client.post(f"{base}/projects/{project.project_id}/releases", json={"name": "scale"})
    made = asked.raise_for_status().json()
    job = await job_done(project, "qa", made["job_id"])
    assert job["state"] == "succeeded", job
    found = (await project.client.get(f"{base}/releases/{made['release_id']}")).raise_for_status().json()
    seconds = time.perf_counter() - began
    records = sum(found["manifest"]["counts"]["by_split"].values())
    return {"records": records, "seconds": round(seconds, 1), "records_per_s": round(records / seconds)}


def memory_mb(pid: int | None) -> dict[str, int]:
    """MiB of a process and its children: what they hold now, shared pages divided among them, and the process at most."""
    held = 0
    for one in family_of(pid or 0):
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        held += next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    most = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
    return {"now": held // 1024, "most": most // 1024}


async def sizes(suite: Suite) -> dict[str, Any]:
    """MiB of each database, and of its largest tables."""
    found: dict[str, Any] = {}
    for service in DATABASES:
        connection = await asyncpg.connect(suite.database_url(service))
        try:
            whole = await connection.fetchval("SELECT pg_database_size(current_database())")
            tables = {row[0]: round(row[1] / 1024**2, 1) for row in await connection.fetch(_TABLES)}
        finally:
            await connection.close()
        found[service] = {"all": round(whole / 1024**2), "largest": tables}
    return found


def flatness(measured: Sequence[float]) -> float:
    return round(max(measured) / min(measured), 2)


async def measure(suite: Suite, records: int, labels: int) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {suite.token(Role.ADMIN)}"}
    limits = httpx.Limits(max_connections=2 * PEOPLE)
    async with httpx.AsyncClient(headers=headers, timeout=WAIT_S, limits=limits) as client:
        await warm_up(suite, client)
        project = await Project.create(suite, client, AT_FIRST)
        crowd = Crowd(project)
        try:
            with Yardstick() as yardstick:
                stages = await load(project, crowd, records, yardstick)
            done = sum(cycles_at(stage["records"]) for stage in stages)
            seconds = await crowd.label(max(0, labels - done))
            await settle_labels(project, max(labels, done))
            learnt = await retrain(project)
            print(json.dumps(learnt), flush=True)
            accepted = await accept(project)
            print(json.dumps(accepted), flush=True)
            released = await release(project)
        finally:
            await project.close()
    memory = {name: memory_mb(process.pid) for name, process in suite.services.items()}
    memory["postgres"] = memory_mb(suite.postgres.pid)
    return {
        "name": "scale",
        "records": records,
        "stages": stages,
        "flat": {name: flatness([stage[name] for stage in stages]) for name in FLAT},
        "labels": max(labels, done),
        "labels_per_s": round((labels - done) / seconds) if labels > done else None,
        "retraining": learnt,
        "auto_accept": accepted,
        "release": released,
        "memory_mb": memory,
        "databases_mb": await sizes(suite),
    }


async def run(records: int, labels: int, data: Path | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        settings = SuiteSettings(data_dir=data or Path(folder), first_port=0)
        async with Suite(settings) as suite:
            return await measure(suite, records, labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, help="one in twenty of the records by default")
    parser.add_argument("--data", type=Path, help="keep the suite's data in this folder")
    parser.add_argument(
        "--most-flat", type=float, default=1.3, help="the CPU of a record or cycle at a stage by that at another"
    )
    given = parser.parse_args()
    result = asyncio.run(run(given.records, given.labels or min(MOST_LABELS, given.records // 20), given.data))
    print(json.dumps(result))
    if max(result["flat"]["cpu_pieces"], result["flat"]["cycle_cpu_pieces"]) > given.most_flat:
        sys.exit("A record or a cycle costs more the more there are.")


if __name__ == "__main__":
    main()
