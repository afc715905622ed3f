"""A training that was asked for is a job, which waits for the run's model without asking again and again."""

import asyncio
from typing import Any

import pytest

from services.prelabel.operations import training, training_runs
from services.prelabel.process_state.training_ends import TRAINING_ENDED
from shared.kit.jobs import Job
from shared.kit.replica import Replica
from tests.service.prelabel.world import World, policies

_LONG_S = 60.0


async def test_a_job_asks_once_before_its_training_ends_and_notes_its_progress_when_that_changes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.begin(chosen=policies(cold_start=12, batch_size=6))
    for number in range(12):
        await world.label(await world.text(("billing", "delivery", "other")[number % 3], number))
    begun, go_on = asyncio.Event(), asyncio.Event()
    make, progress = training.make, Job.progress
    noted: list[tuple[Any, ...]] = []

    async def make_later(*arguments: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await make(*arguments)

    async def note(job: Job, *counts: Any) -> None:
        noted.append(counts)
        await progress(job, *counts)

    monkeypatch.setattr(training_runs, "_ENDED_LOOK_S", _LONG_S)
    monkeypatch.setattr(training, "make", make_later)
    monkeypatch.setattr(Job, "progress", note)
    answer = await world.service.client.post(
        f"/v1/projects/{world.project_id}/training-runs",
        headers=world.service.token("trainer"),
        json={"reason": "by hand"},
    )
    assert answer.status_code == 202, answer.text
    async with asyncio.timeout(_LONG_S / 2), asyncio.TaskGroup() as both:
        both.create_task(world.service.run_loop("train"))
        both.create_task(world.service.run_jobs())
        await begun.wait()
        await asyncio.sleep(0.5)
        assert noted == [(0, 1)]
        go_on.set()
    assert noted == [(0, 1), (1, 1)]
    job = await world.service.client.get(f"/v1/jobs/{answer.json()['job_id']}", headers=world.service.token("trainer"))
    assert (job.json()["state"], job.json()["result"]["state"]) == ("succeeded", "comparing")


async def test_the_end_of_a_training_on_another_replica_wakes_those_that_wait_here(world: World) -> None:
    here, elsewhere = world.service.runtime.replica, Replica(world.service.database)
    async with asyncio.timeout(20):
        with world.service.runtime.resources.training_ends.watch() as woken:
            here.start()
            elsewhere.start()
            try:
                await woken.wait()  # it listens from now on
                woken.clear()
                elsewhere.wake_others(TRAINING_ENDED)
                await woken.wait()
            finally:
                await elsewhere.close()
                await here.close()
