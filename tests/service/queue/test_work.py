"""All that annotators spent time on is published, each end of a lease once."""

import asyncio

from shared.contracts.events import WorkLogged
from shared.contracts.values import Split
from tests.service.queue.world import Person, World


async def published_of(person: Person) -> list[WorkLogged]:
    published = await person.world.published(WorkLogged)
    return [event.payload for event in published if event.payload.annotator_id == person.annotator_id]


async def activities(person: Person) -> list[str]:
    return [one.activity for one in await published_of(person)]


async def test_a_lease_that_ran_out_is_published_once_though_nobody_leases_it_again(world: World) -> None:
    person = await world.person()
    await world.records(3)
    leases = await person.lease(count=3)
    for _ in range(3):
        await world.expire_leases()
    published = await published_of(person)
    assert [one.activity for one in published] == ["expired"] * 3
    assert {str(one.task_id) for one in published} == {lease["task_id"] for lease in leases}
    assert all(one.active_s is None for one in published)


async def test_when_somebody_else_leases_it_nothing_more_is_published(world: World) -> None:
    slow, quick = await world.people(2)
    await world.record()
    await slow.one()
    await world.expire_leases()
    await quick.one()
    await world.expire_leases()
    assert await activities(slow) == ["expired"]
    assert await activities(quick) == ["expired"]


async def test_late_work_follows_the_lease_that_ran_out(world: World) -> None:
    person = await world.person()
    await world.record()
    lease = await person.one()
    await world.expire_leases()
    answers = await asyncio.gather(*(person.submit(lease["token"]) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert await activities(person) == ["expired", "submitted"]


async def test_a_renewed_lease_that_runs_out_again_is_published_once(world: World) -> None:
    person = await world.person()
    await world.record()
    token = (await person.one())["token"]
    for _ in range(2):
        await world.expire_leases()
        answer = await world.client.patch(f"/v1/leases/{token}", headers=person.headers)
        assert answer.status_code == 200
    assert await activities(person) == ["expired"]


async def test_what_ran_out_can_still_be_returned_or_skipped(world: World) -> None:
    first, second = await world.people(2)
    for person, end, activity in ((first, "release", "released"), (second, "skip", "skipped")):
        await world.record(Split.TEST)
        token = (await person.one())["token"]
        await world.expire_leases()
        for _ in range(2):
            await getattr(person, end)(token)
        assert await activities(person) == ["expired", activity]


async def test_the_whole_state_has_each_end_as_it_is_now(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    token = (await person.one())["token"]
    await world.expire_leases()
    await person.skip(token)
    republish = world.service.runtime.spec.republish
    assert republish is not None
    async with world.service.database.transaction() as session:
        again = [one.payload async for one in republish(session) if one.record_id == record_id]
    assert [one.activity for one in again if isinstance(one, WorkLogged)] == ["skipped"]
