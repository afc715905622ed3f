"""What the tests of learning share: labels, loops that run by themselves, and how far a project is."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from shared.contracts.events import ModelChanged
from shared.contracts.values import Split
from shared.kit.loops import LoopRunner
from tests.service.prelabel.world import World, policies

QUICK = policies(cold_start=12, batch_size=6, promotion_held_out=6)
LABELS = ("billing", "delivery", "other")


@contextlib.asynccontextmanager
async def alive(world: World) -> AsyncIterator[None]:
    """The service's loops run by themselves."""
    runtime = world.service.runtime
    runner = LoopRunner(runtime, runtime.spec.loops)
    runtime.replica.start()
    runner.start()
    try:
        yield
    finally:
        await runner.close()
        await runtime.replica.close()


async def texts(world: World, count: int, split: Split = Split.TRAIN) -> list[UUID]:
    return [await world.text(LABELS[number % 3], number, split) for number in range(count)]


async def batch(world: World, number: int, *, state: str = "open") -> list[UUID]:
    rows = await world.fetch(
        "SELECT record_id FROM records WHERE project_id = $1 AND batch = $2 AND state = $3 ORDER BY record_id",
        world.project_id, number, state,
    )  # fmt: skip
    return [row[0] for row in rows]


async def label_all(world: World, records: Sequence[UUID], split: Split = Split.TRAIN) -> None:
    for record_id in records:
        await world.label(record_id, split=split)


async def stages(world: World) -> list[str]:
    rows = await world.fetch("SELECT stage FROM models WHERE project_id = $1 ORDER BY version", world.project_id)
    return [row[0] for row in rows]


async def runs(world: World) -> list[Any]:
    url = f"/v1/projects/{world.project_id}/training-runs"
    answer = await world.service.client.get(url, headers=world.service.token("manager"))
    items: list[Any] = answer.json()["items"]
    return items[::-1]


async def train_now(world: World) -> Any:
    answer = await world.service.client.post(
        f"/v1/projects/{world.project_id}/training-runs",
        headers=world.service.token("trainer"),
        json={"reason": "by hand"},
    )
    assert answer.status_code == 202, answer.text
    await world.service.run_loop("train")
    await world.service.run_jobs()
    job = await world.service.client.get(f"/v1/jobs/{answer.json()['job_id']}", headers=world.service.token("trainer"))
    return job.json()


async def learning(world: World) -> Any:
    url = f"/v1/projects/{world.project_id}/learning"
    return (await world.service.client.get(url, headers=world.service.token("auditor"))).json()


async def comparison_is_due(world: World) -> None:
    await world.fetch("UPDATE comparison_attempts SET retry_at = now()")


async def changes(world: World, model_id: UUID) -> list[tuple[int, ModelChanged]]:
    events = await world.service.published(ModelChanged)
    return [(event.revision, event.payload) for event in events if event.payload.model_id == model_id]


async def attempts_of(world: World) -> list[Any]:
    return await world.fetch(
        "SELECT FROM comparison_attempts JOIN models USING (model_id) WHERE project_id = $1", world.project_id
    )
