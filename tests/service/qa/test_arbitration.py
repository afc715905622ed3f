"""When nobody may decide, and when somebody may again."""

from itertools import permutations

import pytest
from prometheus_client import REGISTRY

from shared.contracts.events import (
    AnnotationsRequested,
    ArbitrationRequested,
    LabelFinalized,
    RecordUnlabelable,
)
from shared.contracts.values import Pool, Split, TaskKind
from shared.kit.clock import new_id
from tests.service.qa.world import World


async def test_without_an_arbiter_a_record_is_unlabelable_until_one_comes(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.unservable(record_id), world.unservable(record_id, TaskKind.ARBITRATION))
    (published,) = await world.published(RecordUnlabelable, record_id)
    assert published.reason == "no_skill"
    assert (await world.state(record_id))["state"] == "unlabelable"
    (dispute,) = (await world.get(f"/projects/{world.project_id}/disputes", status="unservable"))["items"]

    await world.deliver(world.servable(record_id, TaskKind.ARBITRATION))
    assert len(await world.published(ArbitrationRequested, record_id)) == 2
    assert (await world.state(record_id))["state"] == "open"
    await world.deliver(world.decided(record_id, "dog"))
    assert (await world.state(record_id))["state"] == "finalized"
    (closed,) = (await world.get(f"/projects/{world.project_id}/disputes"))["items"]
    assert (closed["dispute_id"], closed["status"]) == (dispute["dispute_id"], "decided")


@pytest.mark.parametrize("under_review", [False, True])
async def test_what_nobody_may_decide_raises_an_alarm(world: World, under_review: bool) -> None:
    state, number = ("finalized", 2) if under_review else ("unlabelable", 1)
    before = REGISTRY.get_sample_value("touchstone_records_given_up_total", {"state": state}) or 0.0
    record_id = await (world.finalized("cat") if under_review else world.open_record())
    if under_review:
        await world.deliver(world.feedback(record_id, "dog"))
    await world.deliver(world.unservable(record_id, number=number))
    await world.deliver(world.unservable(record_id, TaskKind.ARBITRATION, number))
    assert REGISTRY.get_sample_value("touchstone_records_given_up_total", {"state": state}) == before + 1.0


async def test_who_may_serve_what_nobody_decided_is_asked_for_what_is_left(world: World) -> None:
    record_id = await world.open_record(Split.TEST)
    await world.deliver(world.annotated(record_id, "cat"), world.unservable(record_id))
    await world.deliver(world.unservable(record_id, TaskKind.ARBITRATION))
    assert (await world.state(record_id))["state"] == "unlabelable"
    await world.deliver(world.servable(record_id))
    (asked,) = await world.published(AnnotationsRequested, record_id)
    assert (asked.round, asked.slots_total) == (1, 2)
    assert (await world.state(record_id))["state"] == "open"
    (dispute,) = (await world.get(f"/projects/{world.project_id}/disputes"))["items"]
    assert dispute["status"] == "withdrawn"
    await world.deliver(world.annotated(record_id, "cat", slot=3))
    assert (await world.state(record_id))["state"] == "finalized"
    assert len(await world.published(LabelFinalized, record_id)) == 1


async def test_somebody_who_came_while_an_arbiter_was_sought_is_asked_when_there_is_none(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.unservable(record_id), world.servable(record_id))
    assert await world.published(AnnotationsRequested, record_id) == []  # an arbiter may still come
    await world.deliver(world.unservable(record_id, TaskKind.ARBITRATION))
    assert await world.published(RecordUnlabelable, record_id) == []
    assert len(await world.published(AnnotationsRequested, record_id)) == 1
    assert (await world.state(record_id))["state"] == "open"


async def test_who_came_and_went_is_not_waited_for(world: World) -> None:
    record_id = await world.open_record()
    for _ in range(2):
        await world.deliver(world.unservable(record_id), world.unservable(record_id, TaskKind.ARBITRATION))
        assert (await world.state(record_id))["state"] == "unlabelable"
        await world.deliver(world.servable(record_id))
        assert (await world.state(record_id))["state"] == "open"
    assert len(await world.published(RecordUnlabelable, record_id)) == 2
    assert len(await world.published(AnnotationsRequested, record_id)) == 2


async def test_that_a_task_is_servable_again_is_published_twice_and_handled_once(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.unservable(record_id), world.unservable(record_id, TaskKind.ARBITRATION))
    again = (world.servable(record_id), world.servable(record_id, TaskKind.ARBITRATION))
    await world.deliver(*again, *again)
    assert len(await world.published(AnnotationsRequested, record_id)) == 1
    assert len(await world.published(ArbitrationRequested, record_id)) == 1


async def test_a_tie_that_no_arbiter_decides_waits_for_an_arbiter(world: World) -> None:
    record_id = await world.open_record()
    label = iter(["cat", "dog"] * 10)
    for slot in range(1, world.policies.redundancy.maximum + 1):
        await world.deliver(world.annotated(record_id, next(label), slot=slot))
    await world.deliver(world.unservable(record_id, TaskKind.ARBITRATION), world.servable(record_id))
    assert (await world.state(record_id))["state"] == "unlabelable"
    await world.deliver(world.servable(record_id, TaskKind.ARBITRATION))
    assert (await world.state(record_id))["state"] == "open"


@pytest.mark.parametrize("known_at", range(4))
async def test_it_does_not_matter_when_the_record_itself_comes(world: World, known_at: int) -> None:
    record_id = new_id()
    published = [world.routed(record_id, 2), world.unservable(record_id), world.servable(record_id)]
    published.insert(known_at, world.accepted(record_id))
    await world.deliver(*published)
    asked_arbiter = await world.published(ArbitrationRequested, record_id)
    if asked_arbiter:
        await world.deliver(world.unservable(record_id, TaskKind.ARBITRATION))
    assert (await world.state(record_id))["state"] == "open"
    assert len(await world.published(AnnotationsRequested, record_id)) == 1


@pytest.mark.parametrize("order", list(permutations(range(2))))
async def test_who_may_annotate_and_arbitrate_is_asked_for_one_of_it(world: World, order: tuple[int, ...]) -> None:
    record_id = await world.open_record()
    await world.deliver(world.unservable(record_id), world.unservable(record_id, TaskKind.ARBITRATION))
    both = [world.servable(record_id), world.servable(record_id, TaskKind.ARBITRATION)]
    await world.deliver(*(both[place] for place in order))
    assert (await world.state(record_id))["state"] == "open"
    asked = await world.published(AnnotationsRequested, record_id)
    decide = await world.published(ArbitrationRequested, record_id)
    assert (len(asked), len(decide)) == ((1, 1) if order == (0, 1) else (0, 2))


async def test_what_ended_otherwise_is_not_opened_again(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.unservable(record_id), world.unservable(record_id, TaskKind.ARBITRATION))
    await world.deliver(world.decided(record_id, "dog"))
    assert (await world.state(record_id))["state"] == "finalized"
    await world.deliver(world.servable(record_id), world.servable(record_id, TaskKind.ARBITRATION))
    assert (await world.state(record_id))["state"] == "finalized"
    assert len(await world.published(ArbitrationRequested, record_id)) == 1


async def test_a_new_annotator_by_itself_opens_nothing(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.unservable(record_id), world.unservable(record_id, TaskKind.ARBITRATION))
    await world.deliver(world.annotator(new_id(), Pool.EXPERT), world.annotator(new_id(), Pool.CROWD))
    assert (await world.state(record_id))["state"] == "unlabelable"  # queue knows who may serve it


async def test_a_review_without_an_arbiter_keeps_the_label(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver(world.feedback(record_id, "dog"), world.unservable(record_id, number=2))
    await world.deliver(world.unservable(record_id, TaskKind.ARBITRATION, number=2))
    assert await world.published(RecordUnlabelable, record_id) == []
    state = await world.state(record_id)
    assert (state["state"], state["under_review"]) == ("finalized", True)
    await world.deliver(world.servable(record_id, TaskKind.ARBITRATION, number=2))
    await world.deliver(world.decided(record_id, "dog", number=2))
    assert len(await world.published(LabelFinalized, record_id)) == 2


async def test_a_review_goes_on_when_somebody_may_annotate_again(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver(world.feedback(record_id, "dog"), world.unservable(record_id, number=2))
    await world.deliver(world.unservable(record_id, TaskKind.ARBITRATION, number=2))
    await world.deliver(world.servable(record_id, number=2))
    (asked,) = await world.published(AnnotationsRequested, record_id)
    assert (asked.round, asked.slots_total) == (2, 2)
    await world.deliver(*(world.annotated(record_id, "dog", number=2, slot=slot) for slot in (1, 2)))
    assert len(await world.published(LabelFinalized, record_id)) == 2


async def test_a_label_under_review_that_nobody_decides_stands_whatever_comes(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver(world.feedback(record_id, "dog"), world.unservable(record_id, number=2))
    await world.deliver(world.unservable(record_id, TaskKind.ARBITRATION, 2))
    await world.deliver(
        world.annotated(record_id, "dog", number=2),
        world.feedback(record_id, "bird"),
        world.routed(record_id, 2, number=2),
    )
    state = await world.state(record_id)
    assert (state["state"], state["under_review"]) == ("finalized", True)
    await world.deliver(world.servable(record_id, TaskKind.ARBITRATION, 2), world.decided(record_id, "dog", number=2))
    label = await world.label(record_id)
    assert (label["method"], label["label_revision"], label["answers"]["animal"]["label"]) == ("decision", 2, "dog")
