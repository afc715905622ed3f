"""Records a second that a promotion has scored again, and that a threshold has routed again, in the whole suite.

Records are imported without a model. Then a text model becomes champion: prelabel scores every record (`scored_per_s`),
queue notes what it says beside each record's task, and qa keeps both (`settled_per_s`). Then a threshold comes, as qa
publishes it, above which a part of the records lies: queue routes them again (`per_s`) and doesn't read the others
(`read_share`: how often a record was read for each one that is concerned: in the page, under its lock, and where it is
accepted once more when its label comes and when that is written), and qa finalizes what is accepted (`settled_per_s`).

On two cores queue shares the CPU with all who work on what it publishes. So a second threshold comes, below the first, while
the other services are stopped (`alone`): its rate is what queue and PostgreSQL can do, and the goal is held against that.
"""

import argparse
import asyncio
import json
import math
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from bench._waiting import until
from bench.pipeline import Meter, Project, admin, labels_of, text_model, texts, upload_champion
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.events import AutoAcceptThresholdSet
from shared.contracts.topics import TOPIC_OF
from shared.kit.bus import Outbound, connect_bus
from shared.kit.clock import new_id, utc_now
from shared.kit.outbox import event_model

STREAM = 10_000
WAIT_S = 900.0
_SCORED = "SELECT NOT EXISTS (SELECT FROM records WHERE project_id = $1 AND model_id IS NULL)"
_NOTED = "SELECT NOT EXISTS (SELECT FROM routes WHERE project_id = $1 AND routed_model_id IS NULL)"
_ACCEPTED = "SELECT count(*) FROM routes WHERE project_id = $1 AND route = 'auto_accept'"
_REVISION = "SELECT max(revision) FROM thresholds WHERE project_id = $1"
_CHANGED = "SELECT NOT EXISTS (SELECT FROM threshold_changes)"
_MODEL = "SELECT model_id FROM routes WHERE project_id = $1 AND model_id IS NOT NULL LIMIT 1"
_THRESHOLD = """
SELECT percentile_disc(1 - $2::float8) WITHIN GROUP (ORDER BY confidence) FROM routes WHERE project_id = $1
"""
_CONCERNED = "SELECT count(*) FROM routes WHERE project_id = $1 AND confidence >= $2 AND confidence < $3"
_READ = """
SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_user_tables WHERE relname = 'records'
"""


def rates(count: int, seconds: float, settled_s: float, meter: Meter) -> dict[str, Any]:
    return {
        "records": count,
        "per_s": round(count / seconds),
        "settled_per_s": round(count / settled_s),
        "cpu_ms": meter.ms_each(count),
    }


async def rescore(project: Project, queue: Any, prelabel: Any, records: int, model: bytes) -> dict[str, Any]:
    """A model from outside becomes champion of a project without one."""
    project_id = UUID(project.project_id)
    meter = Meter(project.suite)
    await meter.rest()
    meter.start()
    await upload_champion(project.suite, project.client, project.project_id, model)
    began = time.perf_counter()

    async def scored() -> bool:
        return bool(await prelabel.fetchval(_SCORED, project_id))

    async def noted() -> bool:
        return bool(await queue.fetchval(_NOTED, project_id))

    scored_s = await until(scored, most_s=WAIT_S)
    await until(noted, most_s=WAIT_S)
    settled_s = time.perf_counter() - began
    await meter.rest()
    return rates(records, scored_s, settled_s, meter)


class Rerouting:
    """Thresholds that come for the champion of a project, and what queue makes of them."""

    def __init__(self, project: Project, queue: Any, qa: Any) -> None:
        self._project = project
        self._project_id = UUID(project.project_id)
        self._queue = queue
        self._qa = qa
        self._above: float | None = None
        self._revision = 0

    async def until_routed(self, share: float) -> tuple[int, float]:
        """A threshold comes above which so large a share of all records lies; (how many it concerns, seconds)."""
        threshold = await self._queue.fetchval(_THRESHOLD, self._project_id, share)
        concerned = await self._queue.fetchval(_CONCERNED, self._project_id, threshold, self._above or math.inf)
        model_id = await self._queue.fetchval(_MODEL, self._project_id)
        self._above, self._revision = threshold, self._revision + 1
        await publish_threshold(self._project, model_id, threshold, self._revision)

        async def came() -> bool:
            return bool(await self._queue.fetchval(_REVISION, self._project_id) == self._revision)

        async def routed() -> bool:
            return bool(await self._queue.fetchval(_CHANGED))

        await until(came, most_s=WAIT_S, look_s=0.01)
        return concerned, await until(routed, most_s=WAIT_S, look_s=0.05)

    async def in_suite(self, share: float) -> dict[str, Any]:
        """While the other services work on what queue publishes."""
        meter = Meter(self._project.suite)
        await meter.rest()
        read = await self._queue.fetchval(_READ)
        meter.start()
        began = time.perf_counter()
        concerned, routed_s = await self.until_routed(share)
        accepted = await self._queue.fetchval(_ACCEPTED, self._project_id)

        async def finalized() -> bool:
            return bool(await labels_of(self._qa, self._project.project_id) >= accepted)

        await until(finalized, most_s=WAIT_S)
        settled_s = time.perf_counter() - began
        await meter.rest()
        return rates(concerned, routed_s, settled_s, meter) | {
            "accepted": accepted,
            "read_share": round(float(await self._queue.fetchval(_READ) - read) / concerned, 2),
        }

    async def alone(self, share: float) -> dict[str, Any]:
        """While the other services are stopped."""
        services = self._project.suite.services
        others = [process.pid for name, process in services.items() if name != "queue" and process.pid is not None]
        meter = Meter(self._project.suite)
        await meter.rest()
        meter.start()
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            concerned, routed_s = await self.until_routed(share)
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)
        return {"records": concerned, "per_s": round(concerned / routed_s), "cpu_ms": meter.ms_each(concerned)}


async def publish_threshold(project: Project, model_id: UUID, threshold: float, revision: int) -> None:
    """Put the event into the bus that qa publishes when blind labels show that a threshold holds."""
    payload = AutoAcceptThresholdSet(
        model_id=model_id, schema_version=1, question="topic", label=None, threshold_revision=revision, threshold=threshold,
        error_budget=0.02, confidence_level=0.95, evidence=None, reason="bench",
    )  # fmt: skip
    event = event_model(AutoAcceptThresholdSet)(
        id=new_id(), type=payload.event_type(), version=1, occurred_at=utc_now(), project_id=UUID(project.project_id),
        payload=payload,
    )  # fmt: skip
    bus = connect_bus(project.suite.bus_url, prefix="touchstone.")
    try:
        topic = TOPIC_OF[AutoAcceptThresholdSet].name
        await bus.publish([Outbound(topic, UUID(project.project_id).bytes, event.model_dump_json().encode())])
    finally:
        await bus.close()


async def measure(suite: Suite, client: httpx.AsyncClient, given: argparse.Namespace) -> dict[str, Any]:
    _, lines = texts(min(given.records, STREAM))
    project = await Project.create(suite, client)
    for start in range(0, given.records, STREAM):
        part = min(STREAM, given.records - start)
        await project.send([f"{start + place} {line}" for place, line in enumerate(lines[:part])], start)
    await project.until_leasable(given.records)
    model = await asyncio.to_thread(text_model, lines[:2_000])
    prelabel = await asyncpg.connect(suite.database_url("prelabel"))
    queue = await asyncpg.connect(suite.database_url("queue"))
    qa = await asyncpg.connect(suite.database_url("qa"))
    try:
        scored = await rescore(project, queue, prelabel, given.records, model)
        print(json.dumps({"rescoring": scored}), flush=True)
        rerouting = Rerouting(project, queue, qa)
        routed = await rerouting.in_suite(given.share / 2)
        routed["alone"] = await rerouting.alone(given.share)
    finally:
        await project.close()
        for connection in (prelabel, queue, qa):
            await connection.close()
    return {"name": "rescoring", "rescoring": scored, "rerouting": routed}


async def run(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        settings = SuiteSettings(data_dir=Path(folder), first_port=0)
        async with (
            Suite(settings) as suite,
            httpx.AsyncClient(headers=admin(suite), timeout=WAIT_S) as client,
        ):
            return await measure(suite, client, given)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--share", type=float, default=0.5, help="of the records that lies above the second threshold")
    parser.add_argument("--least-scored", type=float, default=3_000, help="records a second")
    parser.add_argument("--least-routed", type=float, default=5_000, help="records a second")
    parser.add_argument("--most-read", type=float, default=3.9, help="records read for each that is concerned")
    given = parser.parse_args()
    result = asyncio.run(run(given))
    print(json.dumps(result))
    rescored, rerouted = result["rescoring"]["per_s"], result["rerouting"]["alone"]["per_s"]
    if rescored < given.least_scored or rerouted < given.least_routed:
        sys.exit("A promotion or a threshold takes longer than it may.")
    if result["rerouting"]["read_share"] > given.most_read:
        sys.exit("Re-routing reads records that it does not concern.")


if __name__ == "__main__":
    main()
