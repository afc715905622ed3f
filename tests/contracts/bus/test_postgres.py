"""What the bus in PostgreSQL must do for itself: Kafka's consumer asks its broker whatever was lost on the way."""

import asyncio

import pytest

from shared.kit.bus import Outbound
from shared.kit.bus.postgres_member import PostgresMember
from shared.kit.clock import new_id
from tests.contracts.bus.conftest import Engine, joined, messages, read, share, topic

pytestmark = pytest.mark.parametrize("engine", ["postgres"], indirect=True)


async def test_a_waiting_member_finds_what_came_while_its_connection_was_lost(engine: Engine) -> None:
    bus = engine.connect(poll_s=600.0)
    await bus.ensure_topics([topic()])
    async with joined(bus, "readers") as consumer:
        await consumer.fetch(1, 0.5)
        waiting = asyncio.create_task(consumer.fetch(1, 30.0))
        await asyncio.sleep(0.3)
        assert isinstance(consumer, PostgresMember)
        await consumer._link._connection.close()
        await engine.connect().publish(messages(1, 1))
        async with asyncio.timeout(5.0):  # with the next beat
            assert len(await waiting) == 1


async def test_a_waiting_member_finds_what_no_notification_announced(engine: Engine) -> None:
    bus = engine.connect(poll_s=1.0)
    await bus.ensure_topics([topic()])
    async with joined(bus, "readers") as consumer:
        await consumer.fetch(1, 0.5)
        assert isinstance(consumer, PostgresMember)
        waiting = asyncio.create_task(consumer.fetch(1, 30.0))
        async with consumer._link.use() as connection:
            await connection.execute("UNLISTEN *")
        await engine.connect().publish(messages(1, 1))
        async with asyncio.timeout(5.0):
            assert len(await waiting) == 1


async def test_what_was_appended_first_comes_first_whatever_its_topic(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic("effects"), topic("things")])
    for number in range(30):
        key = new_id().bytes
        await bus.publish([Outbound("things", key, b"%d" % number)])
        await bus.publish([Outbound("effects", key, b"%d" % number)])
    async with joined(bus, "readers", "effects", "things") as consumer:
        found = [(int(message.value), message.topic) for message in await read(consumer, 60)]
    assert found == [(number, name) for number in range(30) for name in ("things", "effects")]


async def test_a_topic_with_much_in_it_holds_up_no_other(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic("things"), topic("wishes")])
    for _ in range(6):
        await bus.publish(messages(10, 10))
    await bus.publish([Outbound("wishes", new_id().bytes, b"now")])
    async with joined(bus, "readers", "things", "wishes") as consumer:
        first = [*await consumer.fetch(100, 5.0), *await consumer.fetch(100, 5.0)]
        assert "wishes" in {message.topic for message in first}
        assert len(first) + len(await read(consumer, 601 - len(first))) == 601


async def test_one_of_two_members_gets_as_many_as_it_asks_for_while_so_many_wait_for_it(engine: Engine) -> None:
    bus, other = engine.connect(), engine.connect()
    await bus.ensure_topics([topic()])
    async with joined(bus, "readers") as first, joined(other, "readers") as second:
        await share(bus, [first, second])
        for _ in range(8):
            await bus.publish(messages(50, 2))
        found = [len(await first.fetch(100, 5.0)) for _ in range(3)]
    assert found == [100, 100, 100]
