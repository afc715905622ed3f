"""What the bus in PostgreSQL must do for itself: Kafka's consumer asks its broker whatever was lost on the way."""

import asyncio

import pytest

from shared.kit.bus.postgres_member import PostgresMember
from tests.contracts.bus.conftest import Engine, joined, messages, topic

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
