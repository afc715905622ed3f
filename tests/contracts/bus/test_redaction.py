"""Messages of a key lose their values where the engine can change them, once every group has acknowledged them."""

from shared.kit.bus import Bus, Inbound, Outbound, Partition
from shared.kit.bus.port import Consumer
from shared.kit.clock import new_id
from tests.contracts.bus.conftest import Engine, joined, read, topic


def without_content(value: bytes) -> bytes | None:
    return None if value == b"gone" else b"gone"


async def acknowledge_all(consumer: Consumer, found: list[Inbound]) -> None:
    for message in found:
        await consumer.acknowledge({Partition(message.topic, message.partition): message.position})


async def values_of(bus: Bus, group: str, count: int) -> dict[bytes, list[bytes]]:
    """What a group that is new reads, by key."""
    async with joined(bus, group) as consumer:
        found: dict[bytes, list[bytes]] = {}
        for message in await read(consumer, count):
            found.setdefault(message.key, []).append(message.value)
    return found


async def test_read_messages_are_changed_or_the_engine_says_that_it_cannot(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic()])
    gone, kept = new_id().bytes, new_id().bytes
    sent = [Outbound("things", key, b"%d" % number * 3_000) for number in range(3) for key in (gone, kept)]
    await bus.publish(sent)
    async with joined(bus, "readers") as consumer:
        found = await read(consumer, 6)
        if engine.name == "postgres":
            assert await bus.redact(["things"], frozenset([gone]), without_content) == frozenset(), "not read yet"
        await acknowledge_all(consumer, found)
    done = await bus.redact(["things"], frozenset([gone]), without_content)
    read_later = await values_of(bus, "later", 6)
    assert read_later[kept] == [message.value for message in sent if message.key == kept]
    if engine.name == "postgres":
        assert done == frozenset([gone])
        assert read_later[gone] == [b"gone"] * 3
    else:
        assert done == frozenset()
        assert b"gone" not in read_later[gone]
