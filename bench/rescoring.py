"""Records a second that a promotion has scored again, and that a threshold has routed again, in the whole suite.

Records are imported without a model. Then a text model becomes champion: prelabel scores every record (`scored_per_s`),
queue notes what it says beside each record's task, and qa keeps both (`settled_per_s`). Then a threshold comes, as qa
publishes it, between the confidences of the records: queue routes those above it again (`routed_per_s`) and doesn't read
the others (`read_share`: records read for each one that is concerned), and qa finalizes what is accepted.

The goals are held against what prelabel and queue do, while the services after them work on what they publish.
"""

import argparse
import asyncio
import json
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
_CAME = "SELECT EXISTS (SELECT FROM thresholds WHERE project_id = $1)"
_CHANGED = "SELECT NOT EXISTS (SELECT FROM threshold_changes)"
_MODEL = "SELECT model_id FROM routes WHERE project_id = $1 AND model_id IS NOT NULL LIMIT 1"
_THRESHOLD = """
SELECT percentile_disc(1 - $2::float8) WITHIN GROUP (ORDER BY confidence) FROM routes WHERE project_id = $1
"""
_CONCERNED = "SELECT count(*) FROM routes WHERE project_id = $1 AND confidence >= $2"
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


async def reroute(project: Project, queue: Any, qa: Any, share: float) -> dict[str, Any]:
    """A threshold comes, above which so large a share of the records lies."""
    project_id = UUID(project.project_id)
    threshold = await queue.fetchval(_THRESHOLD, project_id, share)
    concerned = await queue.fetchval(_CONCERNED, project_id, threshold)
    model_id = await queue.fetchval(_MODEL, project_id)
    meter = Meter(project.suite)
    await meter.rest()
    read = await queue.fetchval(_READ)
    meter.start()
    began = time.perf_counter()
    await publish_threshold(project, model_id, threshold)

    async def came() -> bool:
        return bool(await queue.fetchval(_CAME, project_id))

    async def routed() -> bool:
        return bool(await queue.fetchval(_CHANGED))

    async def finalized() -> bool:
        return bool(await labels_of(qa, project.project_id) >= accepted)

    await until(came, most_s=WAIT_S, look_s=0.02)
    routed_s = await until(routed, most_s=WAIT_S, look_s=0.05)
    accepted = await queue.fetchval(_ACCEPTED, project_id)
    await until(finalized, most_s=WAIT_S)
    settled_s = time.perf_counter() - began
    await meter.rest()
    return rates(concerned, routed_s, settled_s, meter) | {
        "accepted": accepted,
        "read_share": round(float(await queue.fetchval(_READ) - read) / concerned, 2),
    }


async def publish_threshold(project: Project, model_id: UUID, threshold: float) -> None:
    """Put the event into the bus that qa publishes when blind labels show that a threshold holds."""
    payload = AutoAcceptThresholdSet(
        model_id=model_id, schema_version=1, question="topic", label=None, threshold_revision=1, threshold=threshold,
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
        routed = await reroute(project, queue, qa, given.share)
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
    parser.add_argument("--share", type=float, default=0.5, help="of the records that lies above the threshold")
    parser.add_argument("--least-scored", type=float, default=3_000, help="records a second")
    parser.add_argument("--least-routed", type=float, default=5_000, help="records a second")
    parser.add_argument("--most-read", type=float, default=1.5, help="records read for each that is concerned")
    given = parser.parse_args()
    result = asyncio.run(run(given))
    print(json.dumps(result))
    rescored, rerouted = result["rescoring"]["per_s"], result["rerouting"]["per_s"]
    if rescored < given.least_scored or rerouted < given.least_routed:
        sys.exit("A promotion or a threshold takes longer than it may.")
    if result["rerouting"]["read_share"] > given.most_read:
        sys.exit("Re-routing reads records that it does not concern.")


if __name__ == "__main__":
    main()
