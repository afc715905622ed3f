"""queue and qa, talking only through events: what nobody can serve is given up, and opened again when somebody comes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.events import LabelFinalized, RecordUnlabelable
from shared.contracts.values import AnnotatorStatus, Pool, Role, Split
from shared.kit.clock import new_id
from tests.service.queue.world import Person, World, policies
from tests.support.service import ServiceUnderTest, service_under_test


@dataclass
class Pair:
    """One project in a running queue and a running qa."""

    queue: ServiceUnderTest
    qa: ServiceUnderTest
    world: World
    handled: dict[str, int] = field(default_factory=lambda: {"queue": 0, "qa": 0})

    async def publish(self, payload: Any, record_id: UUID | None = None, revision: int = 1) -> None:
        event = self.world.event(payload, record_id, revision)
        await self.queue.deliver(event)
        await self.qa.deliver(event)

    async def record(self, split: Split = Split.TEST) -> UUID:
        record_id = new_id()
        await self.publish(self.world.accepted(split), record_id)
        await self.publish(self.world.predicted(), record_id)
        return record_id

    async def exchange(self) -> None:
        """Until neither publishes anything new, each handles the events of the other, and everything twice."""
        while await self._hear("queue", self.queue, self.qa) + await self._hear("qa", self.qa, self.queue):
            pass

    async def _hear(self, name: str, speaker: ServiceUnderTest, listener: ServiceUnderTest) -> int:
        wanted = {each.payload for each in listener.runtime.spec.subscriptions(listener.runtime)}
        published = (await speaker.published())[self.handled[name] :]
        for event in published:
            if type(event.payload) in wanted:
                await listener.deliver(event)
                await listener.deliver(event)
        self.handled[name] += len(published)
        return len(published)

    async def settle(self) -> None:
        """As if time had passed."""
        for _ in range(3):
            await self.exchange()
            await self.queue.run_loop("find_unservable")
        await self.exchange()

    async def states(self, record_id: UUID) -> tuple[str, str]:
        """In queue, and in qa."""
        found = []
        for service in (self.queue, self.qa):
            async with service.database.transaction() as session:
                found.append(await session.raw.fetchval("SELECT state FROM records WHERE record_id = $1", record_id))
        return found[0], found[1]

    async def given_up(self, record_id: UUID) -> int:
        published = await self.qa.published(RecordUnlabelable)
        return len([event for event in published if event.record_id == record_id])


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with service_under_test("queue", unservable_after_s=0) as queue, service_under_test("qa") as qa:
        two_are_enough = policies(redundancy={"posterior_target": 0.9})
        pair = Pair(queue, qa, World(queue, policies=two_are_enough))
        await pair.publish(pair.world.project())
        yield pair


async def one_of_two(pair: Pair) -> tuple[UUID, Person]:
    """A record that needs two people and was given up after the only one."""
    first = await pair.world.person()
    record_id = await pair.record()
    assert await first.work() == 1
    await pair.settle()
    assert await pair.states(record_id) == ("unlabelable", "unlabelable")
    return record_id, first


async def test_a_crowd_annotator_who_comes_later_finishes_what_was_given_up(pair: Pair) -> None:
    record_id, first = await one_of_two(pair)
    second = await pair.world.person()
    await pair.settle()
    assert await pair.states(record_id) == ("open", "open")
    assert await first.work() == 0
    assert await second.work() == 1
    await pair.settle()
    assert await pair.states(record_id) == ("finalized", "finalized")
    assert await pair.given_up(record_id) == 1
    assert len(await pair.qa.published(LabelFinalized)) == 1


async def test_who_comes_and_leaves_before_working_leaves_it_given_up_until_another_comes(pair: Pair) -> None:
    record_id, _ = await one_of_two(pair)
    second = await pair.world.person()
    await pair.settle()
    path = f"/v1/annotators/{second.annotator_id}"
    for status in (AnnotatorStatus.PAUSED, AnnotatorStatus.ACTIVE, AnnotatorStatus.RETIRED):
        await pair.queue.client.patch(path, headers=pair.world.manager, json={"status": status})
        async with pair.queue.database.transaction() as session:  # it is looked at again, in time
            await session.raw.execute("UPDATE tasks SET suspect_at = now() - interval '1 minute' WHERE state = 'open'")
        await pair.settle()
        expected = "open" if status is AnnotatorStatus.ACTIVE else "unlabelable"
        assert await pair.states(record_id) == (expected, expected)
    third = await pair.world.person(Pool.IN_HOUSE)
    await pair.settle()
    assert await third.work() == 1
    await pair.settle()
    assert await pair.states(record_id) == ("finalized", "finalized")


@pytest.mark.parametrize(("pool", "roles"), [(Pool.EXPERT, (Role.ANNOTATOR,)), (Pool.CROWD, (Role.ARBITER,))])
async def test_an_arbiter_by_pool_or_by_role_decides_what_was_given_up(
    pair: Pair, pool: Pool, roles: tuple[str, ...]
) -> None:
    record_id, first = await one_of_two(pair)
    first.roles = (Role.ANNOTATOR, Role.ARBITER)
    assert await first.work() == 0  # nobody arbitrates what they annotated
    await pair.settle()
    assert await pair.states(record_id) == ("unlabelable", "unlabelable")
    arbiter = await pair.world.person(pool, *roles)
    assert await arbiter.work() == 0
    await pair.settle()
    assert await pair.states(record_id) == ("open", "open")
    assert await arbiter.work() == 1
    await pair.settle()
    assert await pair.states(record_id) == ("finalized", "finalized")


async def test_many_records_are_opened_by_one_who_comes(pair: Pair) -> None:
    first = await pair.world.person()
    record_ids = [await pair.record() for _ in range(7)]
    assert await first.work() == 7
    await pair.settle()
    assert {await pair.states(record_id) for record_id in record_ids} == {("unlabelable", "unlabelable")}
    second = await pair.world.person()
    await pair.settle()
    assert await second.work() == 7
    await pair.settle()
    assert {await pair.states(record_id) for record_id in record_ids} == {("finalized", "finalized")}
