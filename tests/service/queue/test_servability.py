"""Tasks that nobody can serve, and when somebody can again."""

from typing import Any
from uuid import UUID

import pytest

from shared.contracts.events import RecordUnlabelable, TaskServable, TaskUnservable
from shared.contracts.values import AssessmentStatus, Pool, Role, Split, TaskKind
from tests.service.queue.world import Person, World, policies
from tests.support.service import ServiceUnderTest


@pytest.fixture
async def alone(world: World) -> World:
    """What the other tests left unserved is forgotten."""
    async with world.service.database.transaction() as session:
        await session.raw.execute("UPDATE tasks SET unserved = false")
    return world


async def published_of(world: World, record_id: UUID) -> list[tuple[str, str]]:
    """What was published of tasks that nobody, or somebody, can serve."""
    await world.service.run_loop("find_unservable")
    return [
        (event.type, event.payload.task_kind)
        for event in await world.service.published(project_id=world.project_id)
        if event.record_id == record_id and isinstance(event.payload, TaskUnservable | TaskServable)
    ]


UNSERVABLE, SERVABLE = ("TaskUnservable", "annotation"), ("TaskServable", "annotation")
NO_ARBITER, ARBITER = ("TaskUnservable", "arbitration"), ("TaskServable", "arbitration")


async def given_up(world: World, person: Person, split: Split = Split.TEST) -> UUID:
    """A record that needed two people where only one was, and no arbiter."""
    record_id = await world.record(split)
    await person.work()
    assert await published_of(world, record_id) == [UNSERVABLE]
    await world.arbitrate(record_id)
    assert await published_of(world, record_id) == [UNSERVABLE, NO_ARBITER]
    await world.from_qa(record_id, RecordUnlabelable(reason="no arbiter"))
    return record_id


async def change(world: World, person: Person, **changes: Any) -> None:
    path = f"/v1/annotators/{person.annotator_id}"
    assert (await world.client.patch(path, headers=world.manager, json=changes)).status_code == 200


async def test_a_second_annotator_reopens_what_needed_two(alone: World) -> None:
    record_id = await given_up(alone, await alone.person())
    assert await published_of(alone, record_id) == [UNSERVABLE, NO_ARBITER]
    second = await alone.person()
    assert await published_of(alone, record_id) == [UNSERVABLE, NO_ARBITER, SERVABLE]
    assert await published_of(alone, record_id) == [UNSERVABLE, NO_ARBITER, SERVABLE]
    assert await second.nothing() == "being_decided"  # qa has not asked yet

    await alone.request(record_id, 2)
    progress = (await alone.progress())["records"]
    assert (progress["open"], progress["unlabelable"]) == (1, 0)
    assert await second.work() == 1
    assert (await alone.slots(record_id)).count("submitted") == 2


async def test_a_request_that_overtakes_the_end_leaves_the_record_open(alone: World) -> None:
    record_id = await alone.record(Split.TEST)
    await (await alone.person()).work()
    await published_of(alone, record_id)
    await alone.arbitrate(record_id)
    await published_of(alone, record_id)
    unlabelable = alone.next("qa", record_id)
    await alone.person()
    await alone.request(record_id, 2)
    await alone.publish(RecordUnlabelable(reason="no arbiter"), record_id, unlabelable)
    assert (await alone.progress())["records"]["open"] == 1
    assert (await alone.slots(record_id)).count("free") == 1


@pytest.mark.parametrize("pool", [Pool.CROWD, Pool.IN_HOUSE])
async def test_who_was_paused_or_retired_can_serve_when_they_work_again(alone: World, pool: Pool) -> None:
    other = await alone.person(pool, status="paused")
    record_id = await given_up(alone, await alone.person())
    await change(alone, other, name="Grace")
    assert SERVABLE not in await published_of(alone, record_id)
    await change(alone, other, status="active")
    assert (await published_of(alone, record_id))[-1] == SERVABLE


async def test_who_learns_the_skill_can_serve(service: ServiceUnderTest, alone: World) -> None:
    alone.policies = policies(serving={"skill": "radiology", "minimum_skill": 50})
    await alone.open()
    other = await alone.person(skills={"radiology": 49})
    record_id = await given_up(alone, await alone.person(skills={"radiology": 50}))
    await change(alone, other, skills={"radiology": 50})
    assert (await published_of(alone, record_id))[-1] == SERVABLE


async def test_a_policy_that_asks_for_less_skill_lets_others_serve(alone: World) -> None:
    alone.policies = policies(serving={"skill": "radiology", "minimum_skill": 50})
    await alone.open()
    await alone.person()
    record_id = await given_up(alone, await alone.person(skills={"radiology": 50}))
    alone.policies = policies()
    await alone.open()
    assert (await published_of(alone, record_id))[-1] == SERVABLE


async def test_who_moves_to_the_pool_can_serve(alone: World) -> None:
    other = await alone.person(Pool.EXPERT, status="paused")
    record_id = await given_up(alone, await alone.person())
    await change(alone, other, status="active", pool=Pool.CROWD)
    assert (await published_of(alone, record_id))[-1] == SERVABLE


async def test_who_is_reinstated_can_serve(alone: World) -> None:
    other = await alone.person()
    await alone.assess(other, AssessmentStatus.PAUSED, 1)
    record_id = await given_up(alone, await alone.person())
    await alone.assess(other, AssessmentStatus.PAUSED, 2)
    assert SERVABLE not in await published_of(alone, record_id)
    await alone.assess(other, AssessmentStatus.ACTIVE, 3)
    assert (await published_of(alone, record_id))[-1] == SERVABLE


async def test_an_expert_can_arbitrate_what_nobody_could(alone: World) -> None:
    record_id = await given_up(alone, await alone.person())
    expert = await alone.person(Pool.EXPERT)
    assert (await published_of(alone, record_id))[-1] == ARBITER
    await alone.arbitrate(record_id)
    assert (await expert.one())["kind"] == TaskKind.ARBITRATION


async def test_an_arbiter_by_role_alone_is_known_once_they_ask_for_work(alone: World) -> None:
    person = await alone.person()
    record_id = await given_up(alone, person)
    arbiter = await alone.person(Pool.CROWD, Role.ARBITER)
    async with alone.service.database.transaction() as session:  # only what the role adds
        await session.raw.execute("DELETE FROM arrivals")
    assert await arbiter.nothing() == "being_decided"
    assert ARBITER in await published_of(alone, record_id)
    await alone.arbitrate(record_id)
    assert (await arbiter.one())["kind"] == TaskKind.ARBITRATION


async def test_who_had_the_record_or_lacks_the_pool_opens_nothing(alone: World) -> None:
    person = await alone.person()
    record_id = await given_up(alone, person)
    await change(alone, person, skills={"patience": 90})
    assert SERVABLE not in await published_of(alone, record_id)
    assert ARBITER not in await published_of(alone, record_id)


async def test_who_gives_a_lease_back_of_what_was_closed_can_serve_it(alone: World) -> None:
    person = await alone.person()
    record_id = await alone.record(Split.TEST)
    lease = await person.one()
    assert await person.nothing() == "in_hand"
    assert await published_of(alone, record_id) == [UNSERVABLE]
    await person.release(lease["token"])
    assert (await published_of(alone, record_id))[-1] == SERVABLE


async def test_whose_lease_of_what_was_closed_runs_out_can_serve_it(alone: World) -> None:
    person = await alone.person()
    record_id = await alone.record(Split.TEST)
    await person.one()
    await person.nothing()
    assert await published_of(alone, record_id) == [UNSERVABLE]
    await alone.expire_leases()
    assert (await published_of(alone, record_id))[-1] == SERVABLE


async def test_too_many_skips_stay_too_many(alone: World) -> None:
    people = await alone.people(3)
    record_id = await alone.record()
    for person in people:
        await person.skip((await person.one())["token"])
    assert await published_of(alone, record_id) == [UNSERVABLE]
    await alone.person()
    assert await published_of(alone, record_id) == [UNSERVABLE]


@pytest.mark.parametrize("end", ["finalize", "gold", "erase"])
async def test_what_ended_is_not_published(alone: World, end: str) -> None:
    record_id = await given_up(alone, await alone.person())
    await getattr(alone, end)(record_id)
    await alone.people(2)
    await alone.person(Pool.EXPERT)
    assert await published_of(alone, record_id) == [UNSERVABLE, NO_ARBITER]


async def test_many_are_checked_in_batches_and_each_published_once(
    alone: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.queue.loops.EXAMINED_AT_ONCE", 3)
    person = await alone.person()
    record_ids = await alone.records(8, split=Split.TEST)
    await person.work()
    for _ in range(5):
        await alone.service.run_loop("find_unservable")
        await person.nothing()
    await alone.people(2)
    for _ in range(2):
        for record_id in record_ids:
            assert await published_of(alone, record_id) == [UNSERVABLE, SERVABLE]
