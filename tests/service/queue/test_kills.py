"""Whenever queue is killed while it takes back, erases or makes slots for gold: what it comes to is the same."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from services.queue import loops
from shared.contracts.events import AnnotationsErased, RecordRouted, WorkLogged
from shared.contracts.values import AssessmentStatus
from tests.service.queue.world import Person, World, policies
from tests.support.kills import same_end_wherever_killed, same_report_wherever_killed
from tests.support.service import ServiceUnderTest, service_under_test


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test("queue") as running:
        yield running


async def stop(world: World, person: Person, how: str) -> None:
    if how == "assessed":
        await world.assess(person, AssessmentStatus.PAUSED)
    elif how == "removed":
        path = f"/v1/projects/{world.project_id}/annotators/{person.annotator_id}"
        assert (await world.client.delete(path, headers=world.manager)).status_code == 204
    else:
        path = f"/v1/annotators/{person.annotator_id}"
        assert (await world.client.patch(path, headers=world.manager, json={"status": how})).status_code == 200


@pytest.mark.parametrize("how", ["retired", "removed", "assessed"])
async def test_what_somebody_held_is_taken_back_once(service: ServiceUnderTest, how: str) -> None:
    async def prepare() -> tuple[World, Person]:
        async with service.database.autocommit() as session:  # nothing is left of the one before
            await session.raw.execute("DELETE FROM withdrawals")
        world = await World(service, policies=policies(redundancy={"without_model": 2, "with_model": 1})).open()
        held, person = await world.records(2), await world.person()
        leases = await person.lease(count=2)
        assert len(leases) == 2
        await world.predict(held[0], "positive")  # fewer people are needed now, which waits for the lease
        await stop(world, person, how)
        return world, person

    async def end(subject: tuple[World, Person]) -> Any:
        world, person = subject
        async with service.database.autocommit() as session:
            held = await session.raw.fetchval("SELECT count(*) FROM slots WHERE annotator_id = $1", person.annotator_id)
            leased = await session.raw.fetchval(
                "SELECT sum(granted - returned) FROM memberships WHERE annotator_id = $1", person.annotator_id
            )
        ended = [event.payload for event in await service.published(WorkLogged)]
        routed = [event for event in await service.published(RecordRouted) if event.project_id == world.project_id]
        return (
            held,
            leased,
            sorted(one.activity for one in ended if one.annotator_id == person.annotator_id),
            len(routed),
        )

    async def work(runtime: Any) -> None:
        await loops.take_back(runtime)
        await loops.route_waiting(runtime)

    await same_end_wherever_killed(service, prepare, work, end)


async def test_an_erasure_is_reported_once(service: ServiceUnderTest) -> None:
    world = await World(service).open()

    async def erased() -> UUID:
        record_id = await world.record()
        await world.erase(record_id)
        return record_id

    async def end(record_id: UUID) -> Any:
        [report] = [one.payload for one in await service.published(AnnotationsErased) if one.record_id == record_id]
        return [(one.place, one.state) for one in report.places]

    await same_report_wherever_killed(service, erased, end)


async def test_gold_gets_the_slots_that_it_lacks_once(service: ServiceUnderTest) -> None:
    """As after a kill that lost the memory of what was served."""

    async def prepare() -> tuple[World, UUID]:
        all_gold = policies(gold={"entry_test": 0, "share": 1.0}, serving={"leases_per_annotator": 100})
        world = await World(service, policies=all_gold).open()
        await world.records(4)
        record_id = await world.record()
        await world.gold(record_id, exposures=8)
        for person in await world.people(3):
            await person.one()
        service.runtime.resources.hints.gold.take(500)
        return world, record_id

    async def end(subject: tuple[World, UUID]) -> Any:
        world, record_id = subject
        return sorted(await world.slots(record_id))

    await same_end_wherever_killed(service, prepare, loops.look_through_gold, end)
