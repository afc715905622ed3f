"""Returned work, given back or run out, comes to its annotator again first, gold like any other: trying reveals nothing."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.values import Role, Split
from tests.service.queue.world import Person, World, policies, shown
from tests.support.service import ServiceUnderTest

GOLDEN = policies(gold={"entry_test": 0, "share": 0.4}, serving={"leases_per_annotator": 50})


async def golden_world(service: ServiceUnderTest, gold: int = 20, ordinary: int = 60) -> World:
    world = await World(service, policies=GOLDEN).open()
    for record_id in await world.records(gold):
        await world.gold(record_id)
    await world.records(ordinary)
    return world


def looks(lease: dict[str, Any]) -> tuple[Any, ...]:
    return lease["task_id"], lease["guideline_version"], lease["schema_version"], lease["why"]


async def give_back(person: Person, leases: list[dict[str, Any]]) -> None:
    for lease in leases:
        assert (await person.release(lease["token"])).status_code == 204


async def test_returned_work_comes_again_whether_gold_or_not(service: ServiceUnderTest) -> None:
    world = await golden_world(service)
    world.guidelines = 2  # gold wears the version of the task it displaces: it must not change its clothes
    await world.open()
    await world.records(20)
    person = await world.person()
    for _ in range(20):
        first = await person.one()
        for _ in range(3):
            await give_back(person, [first])
            again = await person.one()
            assert looks(again) == looks(first)
            assert again["token"] != first["token"]
            first = again
        assert (await person.submit(first["token"])).status_code == 200


async def test_a_batch_that_is_returned_comes_again_as_it_was(service: ServiceUnderTest) -> None:
    world = await golden_world(service)
    person = await world.person()
    batch = await person.lease(count=12)
    for _ in range(5):
        await give_back(person, batch)
        again = await person.lease(count=12)
        assert {looks(lease) for lease in again} == {looks(lease) for lease in batch}
        batch = again
    few = batch[:5]
    await give_back(person, few)
    more = await person.lease(count=20)
    assert len(more) == 20
    assert {looks(lease) for lease in few} < {looks(lease) for lease in more}


async def test_what_ran_out_comes_again_whether_gold_or_not(service: ServiceUnderTest) -> None:
    world = await golden_world(service)
    person = await world.person()
    batch = await person.lease(count=12)
    for _ in range(3):
        await world.expire_leases()
        again = await person.lease(count=12)
        assert {looks(lease) for lease in again} == {looks(lease) for lease in batch}
    await world.expire_leases()
    late, *_ = again
    assert (await person.submit(late["token"])).status_code == 200, "late, and nobody else had it"
    rest = await person.lease(count=11)
    assert {looks(lease) for lease in rest} == {looks(lease) for lease in again if lease is not late}


async def test_gold_that_ran_out_comes_again_whatever_its_holder_submits_late(service: ServiceUnderTest) -> None:
    """Also what stood in front of it: an ordinary task is gone when somebody else takes it, and so is gold."""
    world = await golden_world(service)
    person = await world.person()
    batch = await person.lease(count=30)
    await world.expire_leases()
    async with world.service.database.transaction() as session:  # as if that one had been the first in line
        ordinary = await session.raw.fetchval(
            "SELECT task_id FROM returned_work WHERE project_id = $1 AND ordinary_task_id IS NULL LIMIT 1",
            world.project_id,
        )
        gold = await session.raw.fetch(
            "UPDATE returned_work SET ordinary_task_id = $2, ordinary_slot = 1"
            " WHERE project_id = $1 AND ordinary_task_id IS NOT NULL RETURNING task_id",
            world.project_id,
            ordinary,
        )
    assert gold
    [late] = [lease for lease in batch if UUID(lease["task_id"]) == ordinary]
    assert (await person.submit(late["token"])).status_code == 200
    rest = await person.lease(count=29)
    assert {looks(lease) for lease in rest} == {looks(lease) for lease in batch if lease is not late}


async def test_giving_back_draws_no_new_dice_and_counts_no_new_lease(service: ServiceUnderTest) -> None:
    limited = GOLDEN.model_copy(update={"serving": GOLDEN.serving.model_copy(update={"annotations_per_annotator": 5})})
    worlds = [await golden_world(service) for _ in range(2)]
    for world in worlds:
        world.policies, world.salt = limited, "salt"
        await world.open()
    patient, restless = await worlds[0].person(), await worlds[1].person()
    for _ in range(5):
        assert (await patient.submit((await patient.one())["token"])).status_code == 200
        for _ in range(4):
            await give_back(restless, [await restless.one()])
        assert (await restless.submit((await restless.one())["token"])).status_code == 200
    assert await patient.nothing() == await restless.nothing() == "share_done"


async def test_an_ordinary_task_that_was_returned_may_go_to_others(service: ServiceUnderTest) -> None:
    world = await World(service).open()
    await world.record()
    one, other = await world.people(2)
    lease = await one.one()
    await give_back(one, [lease])
    assert (await other.one())["task_id"] == lease["task_id"]
    assert await one.nothing() == "all_leased"


async def test_gold_that_was_returned_is_gone_when_others_took_what_stood_in_front(
    service: ServiceUnderTest,
) -> None:
    """Otherwise waiting would reveal gold: an ordinary task is taken by others meanwhile, and gold by nobody."""
    chosen = policies(gold={"entry_test": 0, "share": 1.0}, serving={"leases_per_annotator": 50})
    world = await World(service, policies=chosen).open()
    [gold] = await world.records(1)
    await world.gold(gold)
    await world.records(5)
    one, other = await world.people(2)
    await give_back(one, [await one.one()])
    world.policies = policies()  # nothing is drawn gold any more
    await world.open()
    lease = await one.one()
    assert UUID(shown(lease)) == gold, "nobody took anything"
    await give_back(one, [lease])
    assert len(await other.lease(count=4)) == 4
    assert UUID(shown(await one.one())) != gold


async def test_a_skipped_task_never_comes_again(service: ServiceUnderTest) -> None:
    world = await golden_world(service)
    person = await world.person()
    skipped = set()
    for _ in range(10):
        lease = await person.one()
        assert lease["task_id"] not in skipped
        await give_back(person, [lease])
        again = await person.one()
        assert (await person.skip(again["token"])).status_code == 200
        skipped.add(again["task_id"])


async def test_a_batch_is_full_when_there_is_enough_for_it(service: ServiceUnderTest) -> None:
    """Several slots in a line are of one record, and one line may hold less than its share of the batch."""
    chosen = policies(
        redundancy={"without_model": 3, "held_out": 3},
        serving={"leases_per_annotator": 50},
        learning={"enabled": True, "random_rate": 0.5},
    )
    world = await World(service, policies=chosen).open()
    for number in range(34):
        await world.record(Split.TEST if number < 4 else Split.TRAIN, selected=True)
    person = await world.person()
    assert len(await person.lease(count=20)) == 20
    assert len(await person.lease(count=30)) == 14
    assert await person.nothing() == "in_hand"


async def test_asking_while_being_registered_is_no_fault(service: ServiceUnderTest) -> None:
    world = await World(service).open()
    for number in range(20):
        subject = f"new-{world.project_id}-{number}"
        body = {"subject": subject, "pool": "crowd"}
        person = Person(world, subject, world.project_id, (Role.ANNOTATOR,))
        registered, *answers = await asyncio.gather(
            world.client.post("/v1/annotators", headers=world.manager, json=body), *(person.ask() for _ in range(5))
        )
        assert registered.status_code == 201
        assert {answer.status_code for answer in answers} <= {200, 403}


@pytest.mark.parametrize("gold_share", [0.0, 1.0])
async def test_returned_work_is_no_longer_served_once_it_closed(service: ServiceUnderTest, gold_share: float) -> None:
    chosen = policies(gold={"entry_test": 0, "share": gold_share})
    world = await World(service, policies=chosen).open()
    records = await world.records(3)
    await world.gold(records[0])
    person = await world.person()
    lease = await person.one()
    await give_back(person, [lease])
    await world.erase(UUID(shown(lease)))
    assert (await person.one())["task_id"] != lease["task_id"]
