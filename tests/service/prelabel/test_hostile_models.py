"""Models that pass the check and then take all the time or memory there is: they are set aside, others don't wait."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from shared.contracts.events import RecordPredicted, Unanswered
from tests.service.prelabel import hostile
from tests.service.prelabel.learning import learning
from tests.service.prelabel.made_models import tiny
from tests.service.prelabel.world import DIGIT_SCHEMA, World, digit_manifest, png
from tests.support.service import ServiceUnderTest, service_under_test

LONGEST_WAIT_S = 2.0


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test(
        "prelabel", inference_timeout_s=1.0, inference_memory_mb=512, compute_workers=2
    ) as running:
        yield running


async def ask(world: World, text: str) -> float:
    """How long the project's champion takes for one item."""
    started = time.monotonic()
    answer = await world.service.client.post(
        f"/v1/projects/{world.project_id}/predictions",
        headers=world.service.token("product"),
        json={"items": [{"fields": {"message": text}}]},
    )
    assert answer.status_code == 200, answer.text
    return time.monotonic() - started


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (hostile.endless_loop, "longer than 1 s"),
        (hostile.quadratic_operator, "longer than 1 s"),
        (hostile.gigabytes, "more memory"),
    ],
)
async def test_a_model_that_breaks_its_limits_is_set_aside_while_others_go_on(
    service: ServiceUnderTest, model: Callable[[], bytes], reason: str
) -> None:
    hurt, others = World(service), [World(service) for _ in range(2)]
    await hurt.begin(DIGIT_SCHEMA)
    model_id = await hurt.champion(model(), digit_manifest())
    spoilt = np.full((8, 8), hostile.SEVEN, dtype=np.uint8)
    record_id = await hurt.record({"picture": await hurt.asset(png(spoilt), 8, 8)})
    for other in others:
        await other.begin()
        await other.champion()

    scoring = asyncio.create_task(service.run_loop("score"))
    waits: list[float] = []
    while not scoring.done():
        waits += [await ask(other, f"where is my parcel {len(waits)}") for other in others]
        await asyncio.sleep(0.05)
    await scoring

    assert max(waits) < LONGEST_WAIT_S
    assert await answer_of(hurt, record_id) == Unanswered(model_id=model_id, model_version=1, reason="failed")
    headers = service.token("trainer")
    read = (await service.client.get(f"/v1/models/{model_id}", headers=headers)).json()
    assert reason in read["set_aside"]
    refused = await service.client.post(
        f"/v1/projects/{hurt.project_id}/predictions", headers=headers, json={"items": [{"fields": {}}]}
    )
    assert (refused.status_code, refused.json()["type"]) == (409, "model-set-aside")
    assert reason in refused.json()["detail"]


async def test_where_one_looks_it_says_that_the_model_is_set_aside_and_what_to_do(service: ServiceUnderTest) -> None:
    world = World(service)
    await world.begin(DIGIT_SCHEMA)
    model_id = await world.champion(tiny(), digit_manifest())
    about = await learning(world)
    assert about["champion_set_aside"] is None
    await world.fetch("UPDATE models SET set_aside = 'it took too much' WHERE model_id = $1", model_id)

    headers = service.token("trainer")
    read = (await service.client.get(f"/v1/models/{model_id}", headers=headers)).json()
    listed = (await service.client.get(f"/v1/projects/{world.project_id}/models", headers=headers)).json()["items"][0]
    about = await learning(world)
    assert about["champion_set_aside"] == "it took too much"
    for sentence in (read["next_step"], listed["next_step"], about["next_step"]):
        assert "set aside: it took too much" in sentence
        assert f"POST /v1/models/{model_id}/promotion" in sentence
    assert about["next_step"].endswith("Import records; all that may be selected are in a batch or have ended.")

    await service.client.post(f"/v1/models/{model_id}/promotion", headers=headers, json={"reason": "try anew"})
    assert (await service.client.get(f"/v1/models/{model_id}", headers=headers)).json()["next_step"] is None
    assert "set aside" not in (await learning(world))["next_step"]


async def test_a_model_that_is_set_aside_holds_up_no_later_record_and_may_be_tried_anew(
    service: ServiceUnderTest,
) -> None:
    world = World(service)
    await world.begin(DIGIT_SCHEMA)
    model_id = await world.champion(hostile.gigabytes(), digit_manifest())
    await world.fetch("UPDATE models SET set_aside = 'it took too much' WHERE model_id = $1", model_id)
    harmless = await world.record({"picture": await world.asset(png(np.zeros((8, 8), np.uint8)), 8, 8)})
    await service.run_loop("score")
    assert await answer_of(world, harmless) == Unanswered(model_id=model_id, model_version=1, reason="failed")

    again = await service.client.post(
        f"/v1/models/{model_id}/promotion", headers=service.token("trainer"), json={"reason": "try anew"}
    )
    assert (again.status_code, again.json()["set_aside"]) == (200, None)
    await service.run_loop("score")
    assert await answer_of(world, harmless) is None


async def answer_of(world: World, record_id: UUID) -> Any:
    """Why the newest prediction of a record has no answer; None when it has one."""
    events = [event for event in await world.service.published(RecordPredicted) if event.record_id == record_id]
    return events[-1].payload.unanswered
