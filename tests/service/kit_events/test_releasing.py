"""What waited for one thing is released in transactions of a bounded size, in order, whoever dies in between."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import Event
from shared.contracts.events import RecordAccepted
from shared.kit import parking
from shared.kit.bus import connect_bus
from shared.kit.clock import new_id
from shared.kit.consuming import Delivery, consume_batch, release_parked
from shared.kit.database import Database, Session
from shared.kit.parking import release_some
from shared.kit.runner import Runner
from tests.service.kit_events.conftest import Effects, Hook, accepted, cancelled
from tests.support.waiting import until

AT_ONCE = 20
MANY = 4 * AT_ONCE + 10


class Project:
    """What all records need, and who did what in which transaction."""

    def __init__(self, effects: Effects) -> None:
        self.id = new_id()
        self.effects = effects
        self.records = sorted(new_id() for _ in range(MANY // 2))
        self.transactions: Counter[int] = Counter()
        self.die_after: int | None = None
        self.dawdle: random.Random | None = None
        effects.hooks[RecordAccepted] = self._need

    async def _need(self, session: Session, event: Event[Any]) -> tuple[str, UUID] | None:
        if not await session.raw.fetchval("SELECT true FROM records WHERE id = $1", self.id):
            return "project", self.id
        self.transactions[await session.raw.fetchval("SELECT txid_current()")] += 1
        if self.dawdle is not None and self.dawdle.random() < 0.02:
            await asyncio.sleep(0.002)
        if self.die_after is not None:
            self.die_after -= 1
            if self.die_after < 0:
                raise asyncio.CancelledError
        return None

    async def park(self, revisions: Sequence[int] = (1, 2), records: Sequence[UUID] | None = None) -> None:
        batch = [accepted(record, revision) for revision in revisions for record in records or self.records]
        await self.take(batch)
        assert await self.effects.value("SELECT count(*) FROM parked") == len(batch)

    async def take(self, batch: Sequence[Delivery]) -> None:
        for start in range(0, len(batch), 64):
            left = await consume_batch(self.effects.database, self.effects.handlers, batch[start : start + 64])
            for delivery, _ in left:
                await self.effects.consume(delivery)

    async def come(self, then: Hook | None = None) -> None:
        async with self.effects.database.transaction() as session:
            await session.raw.execute("INSERT INTO records VALUES ($1) ON CONFLICT DO NOTHING", self.id)
            await release_parked(session, "project", [self.id])
            if then is not None:
                await then(session, accepted(self.id).event)

    async def release_all(self) -> None:
        while await release_some(self.effects.database, self.effects.handlers):
            pass

    async def applied(self) -> dict[UUID, list[int]]:
        applied: dict[UUID, list[int]] = {}
        for row in await self.effects.rows("SELECT record_id, revision FROM effects ORDER BY seq"):
            applied.setdefault(row[0], []).append(row[1])
        return applied

    async def is_done(self, *revisions: int) -> None:
        """Every event had its effect once, in the order of its key, and nothing is left over."""
        assert await self.applied() == {record: list(revisions) for record in self.records}
        assert await self.effects.value("SELECT count(*) FROM parked") == 0
        assert await self.effects.value("SELECT count(*) FROM parked_releases") == 0


@pytest.fixture
def project(effects: Effects, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(parking, "AT_ONCE", AT_ONCE)
    return Project(effects)


async def test_a_few_are_released_at_once(project: Project) -> None:
    project.records = project.records[: AT_ONCE // 2]
    await project.park()
    await project.come()
    await project.release_all()
    await project.is_done(1, 2)
    assert max(project.transactions.values()) == AT_ONCE


async def test_many_are_released_in_bounded_transactions(project: Project) -> None:
    await project.park()
    await project.come()
    assert sum(project.transactions.values()) <= AT_ONCE
    await project.release_all()
    await project.is_done(1, 2)
    assert max(project.transactions.values()) <= AT_ONCE


async def test_what_is_brought_twice_is_released_once(project: Project) -> None:
    await project.park()
    await project.come()
    await project.come()
    assert await project.effects.value("SELECT count(*) FROM parked_releases") == 2
    await project.release_all()
    await project.is_done(1, 2)


@pytest.mark.parametrize("deaths", [[0], [1], [AT_ONCE], [AT_ONCE + 1, 7, 3 * AT_ONCE - 1, 0]])
async def test_who_dies_in_between_loses_nothing_and_doubles_nothing(project: Project, deaths: list[int]) -> None:
    await project.park()
    await project.come()
    for death in deaths:
        project.die_after = death
        with pytest.raises(asyncio.CancelledError):
            await project.release_all()
    project.die_after = None
    await project.release_all()
    await project.is_done(1, 2)


async def test_only_who_ends_while_it_releases_leaves_word_of_it(project: Project) -> None:
    """Who takes over is careful then; another replica that starts beside one that has nothing to release is not."""

    async def holders() -> int:
        found: int = await project.effects.value("SELECT count(*) FROM partition_holders")
        return found

    await project.release_all()
    assert await holders() == 0
    await project.park()
    await project.come()
    project.die_after = AT_ONCE
    with pytest.raises(asyncio.CancelledError):
        await project.release_all()
    assert await holders() == 1
    project.die_after = None
    await project.release_all()
    assert await holders() == 0


async def test_a_failed_commit_of_what_brings_it_releases_nothing(project: Project) -> None:
    await project.park()

    async def fail(*_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await project.come(fail)
    assert not await release_some(project.effects.database, project.effects.handlers)
    assert await project.applied() == {}


@pytest.mark.parametrize("released_before", [0, 1, 2])
async def test_what_comes_meanwhile_stands_behind_what_waits_of_its_key(project: Project, released_before: int) -> None:
    await project.park()
    await project.come()
    for _ in range(released_before):
        await release_some(project.effects.database, project.effects.handlers)
    late = [accepted(record, 3) for record in project.records]
    await project.take(late)
    await project.take(late)  # and again: they were not acknowledged
    await project.release_all()
    await project.is_done(1, 2, 3)


async def test_what_stands_behind_need_not_have_needed_the_same(project: Project) -> None:
    """It needs another thing, which comes while it is being parked; what is before it waits for the project."""
    await project.park()
    await project.come()
    asked: set[UUID] = set()

    async def need_another_at_first(_: Session, event: Event[Any]) -> tuple[str, UUID] | None:
        if event.revision == 3 and event.id not in asked:
            asked.add(event.id)
            return "schema", new_id()
        return None

    project.effects.hooks[RecordAccepted] = need_another_at_first
    await project.take([accepted(record, 3) for record in project.records])
    await project.release_all()
    await project.is_done(1, 2, 3)


@pytest.mark.parametrize("seed", range(4))
async def test_everything_at_the_same_moment_ends_the_same(project: Project, seed: int) -> None:
    """Two who release, events that come, and the thing brought a second time."""
    await project.park()
    project.dawdle = random.Random(seed)
    done = asyncio.Event()

    async def release() -> None:
        while not done.is_set():
            if not await release_some(project.effects.database, project.effects.handlers):
                await asyncio.sleep(0.001)

    async def lane(records: Sequence[UUID]) -> None:
        for revision in (3, 4):
            await project.take([accepted(record, revision) for record in records])

    releasing = [asyncio.create_task(release()) for _ in range(2)]
    await project.come()
    await asyncio.gather(*(lane(project.records[number::3]) for number in range(3)), project.come())
    done.set()
    await asyncio.gather(*releasing)
    await project.release_all()
    await project.is_done(1, 2, 3, 4)


async def test_what_must_wait_on_does_not_hold_back_its_key(project: Project) -> None:
    """As ever with parking: an event that has what it needs passes one that hasn't."""
    ready = False

    async def need(session: Session, event: Event[Any]) -> tuple[str, UUID] | None:
        return ("project", project.id) if event.revision == 1 and not ready else None

    project.effects.hooks[RecordAccepted] = need
    records = sorted(new_id() for _ in range(MANY))
    project.records = records
    await project.park([1], records)
    await project.come()
    await project.release_all()
    assert await project.applied() == {}
    await project.take([accepted(record, 2) for record in records])
    assert set(map(tuple, (await project.applied()).values())) == {(2,)}
    ready = True
    await project.come()
    await project.release_all()
    await project.is_done(2, 1)


async def test_what_fails_among_many_goes_to_the_dead_letters(project: Project) -> None:
    await project.park()
    await project.come()
    bad = project.records[AT_ONCE]

    async def fail(_: Session, event: Event[Any]) -> None:
        if event.record_id == bad and event.revision == 1:
            raise ZeroDivisionError("the spring is gone")

    project.effects.hooks[RecordAccepted] = fail
    await project.release_all()
    [letter] = [event for event in await project.effects.published() if event.topic == "tiny.dead"]
    assert "ZeroDivisionError" in (letter.headers or "")
    applied = await project.applied()
    assert applied.pop(bad) == [2]
    assert set(map(tuple, applied.values())) == {(1, 2)}


async def test_a_runner_releases_by_itself(
    project: Project, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "POLL_S", 60.0)  # it is woken, and not by the clock
    await project.park()
    bus = connect_bus(database.url)
    running = asyncio.create_task(Runner(database, bus, project.effects.handlers).run())
    try:
        await asyncio.sleep(0.3)
        await project.come()
        await until(lambda: project.effects.value("SELECT count(*) = 0 FROM parked"))
        await project.is_done(1, 2)
    finally:
        await cancelled(running)
        await bus.close()


async def test_a_set_of_other_keys_reads_none_of_the_thousands_that_a_release_has_yet_to_come_to(
    effects: Effects,
) -> None:
    """PostgreSQL knew the tables when they were empty, and thinks that a release has few parked events."""
    project = new_id()
    async with effects.database.autocommit() as session:
        await session.raw.execute("ANALYZE parked, parked_releases")
    async with effects.database.transaction() as session:
        await session.raw.execute(
            """
            INSERT INTO parked (consumer_group, event_id, kind, key, topic, event_key, envelope)
            SELECT $1, gen_random_uuid(), 'project', $2, 'records', uuid_send(gen_random_uuid()), ''
            FROM generate_series(1, 20000)
            """,
            effects.handlers.group,
            project,
        )
        await session.raw.execute(
            "INSERT INTO parked_releases (consumer_group, kind, key) VALUES ($1, 'project', $2)",
            effects.handlers.group,
            project,
        )
    keys = [new_id().bytes for _ in range(200)]
    async with effects.database.transaction() as session:
        explained = await session.raw.fetchval(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + parking.TO_COME,
            effects.handlers.group,
            keys,
            [2**63 - 1] * len(keys),
            [new_id() for _ in range(200)],
        )
    assert rows_read(json.loads(explained)[0]["Plan"]) < 1_000


def rows_read(node: dict[str, Any]) -> float:
    """The rows that a plan's scans have come across, returned or not."""
    own = 0.0
    if "Relation Name" in node:
        removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
        own = (node["Actual Rows"] + removed) * node["Actual Loops"]
    return own + sum(rows_read(child) for child in node.get("Plans", []))
