"""When nobody may decide, and when somebody may again."""

import pytest

from shared.contracts.events import ArbitrationRequested, LabelFinalized, RecordUnlabelable
from shared.contracts.values import Pool, TaskKind
from shared.kit.clock import new_id
from tests.service.qa.world import World


async def test_without_an_arbiter_a_record_is_unlabelable_until_an_expert_comes(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.unservable(record_id), world.unservable(record_id, TaskKind.ARBITRATION))
    (said,) = await world.published(RecordUnlabelable, record_id)
    assert said.reason == "no_skill"
    assert (await world.state(record_id))["state"] == "unlabelable"
    (dispute,) = (await world.get(f"/projects/{world.project_id}/disputes", status="unservable"))["items"]

    await world.deliver(world.annotator(new_id(), Pool.CROWD))
    await world.service.run_loop("reopen")
    assert len(await world.published(ArbitrationRequested, record_id)) == 1

    await world.deliver(world.annotator(new_id(), Pool.EXPERT))
    await world.service.run_loop("reopen")
    assert len(await world.published(ArbitrationRequested, record_id)) == 2
    assert (await world.state(record_id))["state"] == "open"
    await world.deliver(world.decided(record_id, "dog"))
    assert (await world.state(record_id))["state"] == "finalized"
    (closed,) = (await world.get(f"/projects/{world.project_id}/disputes"))["items"]
    assert (closed["dispute_id"], closed["status"]) == (dispute["dispute_id"], "decided")


@pytest.mark.parametrize("expert_first", [True, False])
async def test_an_expert_who_came_after_queue_gave_up_is_asked_in_either_order(
    world: World, expert_first: bool
) -> None:
    record_id = await world.open_record()
    await world.deliver(world.unservable(record_id))
    gave_up = world.unservable(record_id, TaskKind.ARBITRATION)
    expert = world.annotator(new_id(), Pool.EXPERT)
    assert gave_up.occurred_at < expert.occurred_at
    await world.deliver(*((expert, gave_up) if expert_first else (gave_up, expert)))
    await world.service.run_loop("reopen")
    assert len(await world.published(ArbitrationRequested, record_id)) == 2
    assert (await world.state(record_id))["state"] == "open"


async def test_an_expert_whom_queue_knew_already_is_not_asked_again(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(
        world.unservable(record_id),
        world.annotator(new_id(), Pool.EXPERT),
        world.unservable(record_id, TaskKind.ARBITRATION),
    )
    await world.service.run_loop("reopen")
    assert (await world.state(record_id))["state"] == "unlabelable"


async def test_a_review_without_an_arbiter_leaves_the_label_standing(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver(world.feedback(record_id, "dog"), world.unservable(record_id, number=2))
    await world.deliver(world.unservable(record_id, TaskKind.ARBITRATION, number=2))
    assert await world.published(RecordUnlabelable, record_id) == []
    state = await world.state(record_id)
    assert (state["state"], state["under_review"]) == ("finalized", True)
    await world.deliver(world.annotator(new_id(), Pool.EXPERT))
    await world.service.run_loop("reopen")
    await world.deliver(world.decided(record_id, "dog", number=2))
    assert len(await world.published(LabelFinalized, record_id)) == 2
