"""What both engines of the bus promise."""

import asyncio
import signal
import time
from collections import defaultdict

import pytest

from shared.kit.bus import Bus, Inbound, Outbound, Partition
from shared.kit.bus import kafka as kafka_bus
from shared.kit.clock import new_id
from shared.kit.exceptions import BusUnavailable
from tests.contracts.bus.conftest import (
    Engine,
    joined,
    last_of_each,
    messages,
    other_process,
    read,
    read_together,
    share,
    topic,
)
from tests.support.waiting import until


def numbers_by_key(found: list[Inbound]) -> dict[bytes, list[int]]:
    numbers = defaultdict(list)
    for message in found:
        numbers[message.key].append(int(message.value))
    return numbers


async def test_messages_of_one_key_come_in_the_order_they_were_sent(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic()])
    batch = messages(50, 20)
    for start in range(0, len(batch), 130):
        published = await bus.publish(batch[start : start + 130])
        assert published.sent == list(range(len(batch[start : start + 130])))
    async with joined(bus, "readers") as consumer:
        found = await read(consumer, len(batch))
    assert len(found) == len(batch)
    assert all(numbers == list(range(20)) for numbers in numbers_by_key(found).values())


async def test_a_message_comes_as_it_was_sent(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic()])
    value = bytes(range(256)) * 40
    await bus.publish([Outbound("things", b"k" * 16, value, {"reason": "ümlaut", "empty": ""})])
    async with joined(bus, "readers") as consumer:
        [found] = await read(consumer, 1)
    assert (found.topic, found.key, found.value) == ("things", b"k" * 16, value)
    assert found.headers == {"reason": "ümlaut", "empty": ""}


async def test_what_gathers_between_two_fetches_comes_with_the_second_one(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic()])
    async with joined(bus, "readers") as consumer:
        await share(bus, [consumer])
        for message in messages(40, 1):
            await bus.publish([message])
        first = await consumer.fetch(500, 5.0)
        for message in messages(40, 1):
            await bus.publish([message])
            await asyncio.sleep(0.005)
        second = await consumer.fetch(500, 5.0)
    assert len(first) + len(second) == 80
    assert {message.partition for message in second} == {0, 1, 2, 3}


async def test_a_new_group_begins_at_the_earliest_message(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic()])
    await bus.publish(messages(5, 2))
    for group in ("first", "second"):
        async with joined(bus, group) as consumer:
            assert len(await read(consumer, 10)) == 10


async def test_what_was_acknowledged_is_not_delivered_again(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic()])
    await bus.publish(messages(10, 3))
    async with joined(bus, "readers") as consumer:
        found = await read(consumer, 30)
        assert await consumer.acknowledge(last_of_each(found)) == frozenset()
    await bus.publish(messages(10, 1))
    async with joined(engine.connect(), "readers") as consumer:
        assert len(await read(consumer, 10)) == 10
        assert await consumer.fetch(10, 1.0) == []


async def test_what_was_fetched_and_not_acknowledged_is_delivered_again(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic(partitions=1)])
    await bus.publish(messages(1, 10))
    async with joined(bus, "readers") as consumer:
        found = await read(consumer, 10)
        await consumer.acknowledge({Partition("things", 0): found[3].position})
    async with joined(bus, "readers") as consumer:
        again = await read(consumer, 6)
    assert [int(message.value) for message in again] == [4, 5, 6, 7, 8, 9]


async def test_a_killed_member_s_work_goes_to_the_others(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic()])
    await bus.publish(messages(20, 5))
    async with other_process(engine, "readers", 100) as killed:
        await killed.read()
        killed.send_signal(signal.SIGKILL)
        async with joined(bus, "readers") as consumer:
            assert len(await read(consumer, 100)) == 100


async def test_two_members_share_the_partitions_and_each_message_comes_to_one(engine: Engine) -> None:
    bus, other = engine.connect(), engine.connect()
    await bus.ensure_topics([topic()])
    async with joined(bus, "readers") as first:
        await first.fetch(1, 0.1)
        assert first.share() == 1
        async with joined(other, "readers") as second:
            await share(bus, [first, second])
            assert (first.share(), second.share()) == (0.5, 0.5)
            await bus.publish(messages(60, 3))
            ours, theirs = await read_together([first, second], 180)
    assert len(ours) + len(theirs) == 180
    assert len(ours) > 0
    assert len(theirs) > 0
    assert not numbers_by_key(ours).keys() & numbers_by_key(theirs).keys()


async def test_one_key_has_one_member_in_all_topics(engine: Engine) -> None:
    bus, other = engine.connect(), engine.connect()
    await bus.ensure_topics([topic("things"), topic("others")])
    async with (
        joined(bus, "readers", "things", "others") as first,
        joined(other, "readers", "things", "others") as second,
    ):
        await share(bus, [first, second])
        keys = [new_id().bytes for _ in range(40)]
        await bus.publish([Outbound(name, key, b"1") for key in keys for name in ("things", "others")])
        ours, theirs = await read_together([first, second], 80)
    assert len(ours) + len(theirs) == 80
    assert not {each.key for each in ours} & {each.key for each in theirs}


async def test_a_member_may_finish_and_acknowledge_before_its_partitions_go(engine: Engine) -> None:
    bus, other = engine.connect(), engine.connect()
    await bus.ensure_topics([topic()])
    await bus.publish(messages(40, 1))
    in_hand: list[Inbound] = []

    async def finish(partitions: frozenset[Partition]) -> None:
        going = [each for each in in_hand if Partition(each.topic, each.partition) in partitions]
        await first.acknowledge(last_of_each(going))

    async with joined(bus, "readers", revoked=finish) as first:
        in_hand += await read(first, 40)
        async with joined(other, "readers") as second:
            again = await share(bus, [first, second])
    assert again == []


async def test_an_acknowledgement_by_a_member_that_was_thought_dead_changes_nothing(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic(partitions=1)])
    await bus.publish(messages(1, 4))
    async with other_process(engine, "readers", 4) as zombie:
        found = await zombie.read()
        zombie.send_signal(signal.SIGSTOP)
        async with joined(bus, "readers") as second:
            again = await read(second, 4)
            assert [each.position for each in again] == found
            await second.acknowledge({Partition("things", 0): again[0].position})
            zombie.send_signal(signal.SIGCONT)
            assert await zombie.acknowledge() == [Partition("things", 0)]
    async with joined(bus, "readers") as third:
        assert [int(each.value) for each in await read(third, 3)] == [1, 2, 3]


async def test_a_message_too_large_is_refused_alone_and_its_key_waits(engine: Engine) -> None:
    bus = engine.connect(max_message_bytes=10_000)
    await bus.ensure_topics([topic()])
    large, small = new_id().bytes, new_id().bytes
    batch = [
        Outbound("things", large, b"0"),
        Outbound("things", large, b"x" * 20_000),
        Outbound("things", small, b"0"),
        Outbound("things", large, b"1"),
        Outbound("things", small, b"1"),
    ]
    published = await bus.publish(batch)
    assert published.sent == [0, 2, 4]
    assert list(published.refused) == [1]
    assert (await bus.publish(messages(3, 1))).sent == [0, 1, 2]
    async with joined(bus, "readers") as consumer:
        found = await read(consumer, 6)
    assert sorted((each.key, each.value) for each in found if each.key in {large, small}) == sorted(
        [(large, b"0"), (small, b"0"), (small, b"1")]
    )


async def all_of(bus: Bus) -> list[Inbound]:
    """What a topic of one partition holds, once it was maintained: Kafka cleans only what is not being written to."""
    last = b"%d" % time.monotonic_ns()
    await bus.publish([Outbound("things", b"roll", last)])
    await bus.maintain()
    found: list[Inbound] = []
    async with joined(bus, f"readers{last.decode()}") as consumer:
        while not found or found[-1].value != last:
            found += await consumer.fetch(500, 0.2)
    return [each for each in found if each.key != b"roll"]


async def test_a_compacted_topic_keeps_the_latest_message_of_each_key(engine: Engine) -> None:
    settings = (
        {"topic_config": {"segment.ms": "200", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "200"}}
        if engine.name == "kafka"
        else {}
    )
    bus = engine.connect(**settings)
    await bus.ensure_topics([topic(kept="compacted", partitions=1)])
    batch = messages(5, 20)
    await bus.publish(batch)

    async def is_compacted() -> bool:
        return len(await all_of(bus)) <= 5

    await until(is_compacted, 30)
    found = await all_of(bus)
    assert {each.key: int(each.value) for each in found} == {each.key: 19 for each in batch}
    assert len(found) == 5


async def test_messages_past_the_retention_are_dropped(engine: Engine) -> None:
    settings = {"topic_config": {"segment.ms": "200"}} if engine.name == "kafka" else {}
    bus = engine.connect(**settings)
    await bus.ensure_topics([topic(retention_s=1, partitions=1)])
    await bus.publish(messages(3, 5))

    async def is_empty() -> bool:
        return await all_of(bus) == []

    await until(is_empty, 30)


async def test_topics_may_be_ensured_again_with_another_retention(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic(retention_s=3600)])
    await bus.publish(messages(2, 1))
    await engine.connect().ensure_topics([topic(retention_s=7200), topic("more")])
    async with joined(bus, "readers") as consumer:
        assert len(await read(consumer, 2)) == 2


async def test_the_lag_is_what_is_not_acknowledged(engine: Engine) -> None:
    bus = engine.connect()
    await bus.ensure_topics([topic(partitions=1)])
    await bus.publish(messages(1, 10))
    async with joined(bus, "readers") as consumer:
        found = await read(consumer, 10)
        assert (await consumer.lag())["things"] == 10
        await consumer.acknowledge({Partition("things", 0): found[6].position})
        assert (await consumer.lag())["things"] == 3


async def test_a_waiting_member_gets_a_message_at_once(engine: Engine) -> None:
    bus = engine.connect(poll_s=20.0) if engine.name == "postgres" else engine.connect()
    await bus.ensure_topics([topic()])
    async with joined(bus, "readers") as consumer:
        await consumer.fetch(1, 0.5)
        waiting = asyncio.create_task(consumer.fetch(1, 10.0))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await engine.connect().publish(messages(1, 1))
        assert len(await waiting) == 1
        assert time.monotonic() - began < 2.0


async def test_an_unknown_topic_is_an_error_that_passes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_bus, "_LOOK_UP_TIMEOUT_S", 1.0)
    bus = engine.connect()
    await bus.ensure_topics([topic()])
    async with asyncio.timeout(15):
        with pytest.raises(BusUnavailable):
            await bus.publish([Outbound("nowhere", b"k", b"v")])
    await bus.ensure_topics([topic("nowhere")])
    assert (await bus.publish([Outbound("nowhere", b"k", b"v")])).sent == [0]


async def test_check_shows_whether_the_bus_answers(engine: Engine) -> None:
    await engine.connect().check()
    away = Engine(engine.name, _nobody_at(engine.name))
    try:
        with pytest.raises(BusUnavailable):
            await away.connect().check()
    finally:
        await away.close()


def _nobody_at(name: str) -> str:
    return "kafka://127.0.0.1:1" if name == "kafka" else "postgresql://nobody@127.0.0.1:1/none"
