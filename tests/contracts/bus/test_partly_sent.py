"""A set that the bus took in part: the rest is sent later, once, each key's in order, whatever came in between."""

import asyncio
import contextlib
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import orjson
import pytest

from shared.contracts.events import RecordErased
from shared.kit.bus import Bus, Outbound, Published, Writer, service_topics
from shared.kit.bus.port import partition_of
from shared.kit.clock import new_id
from shared.kit.database import Database
from shared.kit.outbox import Outgoing, publish_many, retry_set_aside
from shared.kit.relay import Relay
from shared.kit.settings import Settings
from tests.contracts.bus import relaying_process
from tests.contracts.bus.conftest import Engine, joined, read
from tests.contracts.bus.test_delivery import effects_are, running
from tests.service.kit_events.conftest import Effects, accepted, cancelled, database, effects, settings
from tests.support.killed import run_until_killed
from tests.support.waiting import until

__all__ = ["database", "effects", "settings"]

RECORDS, REVISIONS = 40, 3
EVENTS = RECORDS * REVISIONS


@pytest.fixture
async def bus(engine: Engine) -> Bus:
    made = engine.connect()
    await made.ensure_topics(service_topics("tiny", 30))
    return made


async def publish_set(database: Database) -> list[UUID]:
    """One set: the first revisions of all records, then the second, then the third."""
    records = [new_id() for _ in range(RECORDS)]
    payload = accepted(new_id()).event.payload
    items = [
        Outgoing(payload=payload, record_id=record, revision=revision)
        for revision in range(1, REVISIONS + 1)
        for record in records
    ]
    async with database.transaction() as session:
        await publish_many(session, items)
    return records


@contextlib.asynccontextmanager
async def relaying(database: Database, bus: Bus) -> AsyncIterator[None]:
    task = asyncio.create_task(Relay(database, bus, "tiny").run())
    try:
        yield
    finally:
        await cancelled(task)


async def log_of(bus: Bus, count: int) -> list[tuple[UUID, int]]:
    """(record, revision) of all messages on the bus, those of a key in their order."""
    async with joined(bus, f"look{new_id().hex}", "records") as consumer:
        envelopes = [orjson.loads(message.value) for message in await read(consumer, count, 2.0)]
    return [(UUID(envelope["record_id"]), envelope["revision"]) for envelope in envelopes]


async def all_is_sent(effects: Effects) -> None:
    async def sent() -> bool:
        return bool(await effects.value("SELECT NOT EXISTS (SELECT FROM outbox_queue)"))

    await until(sent)


async def check_all(effects: Effects, bus: Bus, records: Sequence[UUID], twice: int) -> None:
    """Each event has a position, is on the bus and had its effect once; so many messages came twice."""
    positions = [event.position for event in await effects.published()]
    assert sorted(position or 0 for position in positions) == list(range(1, EVENTS + 1))
    async with running(effects, bus):
        await until(effects_are(effects, EVENTS))
    assert await effects.value("SELECT count(*) FROM effects") == EVENTS
    log = await log_of(bus, EVENTS + twice)
    assert len(log) == EVENTS + twice
    by_record = defaultdict(list)
    for record, revision in dict.fromkeys(log):
        by_record[record].append(revision)
    for record in records:
        assert by_record[record] == list(range(1, REVISIONS + 1)), "the first message of each is in order"
        assert await effects.revisions(record) == list(range(1, REVISIONS + 1))


@pytest.mark.parametrize("taken", [RECORDS + 10, EVENTS])
async def test_a_relay_killed_when_the_bus_has_taken_some_of_a_set_sends_it_again(
    engine: Engine, bus: Bus, effects: Effects, database: Database, settings: Settings, taken: int
) -> None:
    records = await publish_set(database)
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    await run_until_killed(relaying_process.__name__, engine.url, json.dumps(engine.settings), url, taken)
    assert {event.position for event in await effects.published()} == {None}
    await effects.rows("UPDATE leases SET until = now() RETURNING name")  # of the process that was killed
    async with relaying(database, bus):
        await all_is_sent(effects)
    await check_all(effects, bus, records, taken)


class TakesSome:
    """A bus that goes away within the first batch: what lies in its later partitions is not sent."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.rounds = 0

    async def publish(self, messages: Sequence[Outbound], writer: Writer | None = None) -> Published:
        self.rounds += 1
        places = [place for place, each in enumerate(messages) if self.rounds > 1 or partition_of(each.key, 8) < 4]
        assert self.rounds > 1 or 0 < len(places) < len(messages)
        published = await self._bus.publish([messages[place] for place in places], writer)
        return Published([places[index] for index in published.sent])

    def __getattr__(self, name: str) -> object:
        return getattr(self._bus, name)


async def test_what_the_bus_took_before_it_went_is_noted_and_the_rest_is_sent_once(
    bus: Bus, effects: Effects, database: Database
) -> None:
    records = await publish_set(database)
    some = TakesSome(bus)
    async with relaying(database, some):  # type: ignore[arg-type]
        await all_is_sent(effects)
    assert some.rounds > 1
    await check_all(effects, bus, records, 0)


@pytest.mark.kafka
@pytest.mark.parametrize("engine", ["kafka"], indirect=True)
async def test_what_the_broker_refuses_of_a_set_waits_with_its_key_and_comes_in_order_once_it_may(
    engine: Engine, effects: Effects, database: Database
) -> None:
    large, other = new_id(), new_id()
    erased = RecordErased(reason="x")
    payloads = [
        (large, erased),
        (other, erased),
        (large, RecordErased(reason=os.urandom(6_000).hex())),
        (large, erased),
    ]
    async with database.transaction() as session:
        await publish_many(session, [Outgoing(payload=payload, record_id=record) for record, payload in payloads])

    async def is_set_aside() -> bool:
        return [event.set_aside is not None for event in await effects.published()] == [False, False, True, False]

    async with relaying(database, engine.connect(topic_config={"max.message.bytes": "4000"})):
        await until(is_set_aside)
    assert [event.position for event in await effects.published()] == [1, 2, None, None]

    async def is_sent_now() -> bool:
        async with database.transaction() as session:
            await retry_set_aside(session)
        return bool(await effects.value("SELECT NOT EXISTS (SELECT FROM outbox_queue)"))

    bus = engine.connect()
    async with relaying(database, bus):  # which sets the topic right, soon
        await until(is_sent_now)
    published = await effects.published()
    assert [event.position for event in published] == [1, 2, 3, 4]
    async with joined(bus, "look", "records") as consumer:
        found = await read(consumer, 4)
    assert [UUID(orjson.loads(each.value)["id"]) for each in found if each.key == large.bytes] == [
        published[place].id for place in (0, 2, 3)
    ]
