"""Every test of the bus runs on both engines."""

import asyncio
import contextlib
import itertools
import json
import os
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

from shared.kit.bus import Bus, Consumer, Inbound, Outbound, Partition, TopicSettings, connect_bus
from shared.kit.bus.port import partition_of
from shared.kit.clock import new_id
from tests.contracts.bus import member
from tests.contracts.bus.processes import PROCESSES

DAY_S = 86_400

MakeBus = Callable[..., Bus]


async def ignore(_: frozenset[Partition]) -> None:
    """For consumers that have nothing in hand."""


class Engine:
    """Buses of one engine that share a fresh prefix, so that every test has topics and groups of its own."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self.prefix = f"t{secrets.token_hex(4)}."
        impatient = {"session_s": 1.5} if name == "kafka" else {"session_s": 1.5, "poll_s": 0.3}
        self.settings: dict[str, Any] = {"prefix": self.prefix, **impatient}
        self._made: list[Bus] = []

    def connect(self, **settings: Any) -> Bus:
        """A connection, as another process would have it. Members are thought dead after little more than a second."""
        bus = connect_bus(self.url, **(self.settings | settings))
        self._made.append(bus)
        return bus

    async def close(self) -> None:
        for bus in self._made:
            await bus.close()


@pytest.fixture(scope="module")
def postgres_bus_url(database_url: Callable[[str], str]) -> str:
    return database_url("bus")


@pytest.fixture(params=["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    url = request.getfixturevalue("kafka_url" if request.param == "kafka" else "postgres_bus_url")
    made = Engine(request.param, url)
    yield made
    await made.close()


def topic(
    name: str = "things", *, kept: str = "retention", retention_s: int = DAY_S, partitions: int = 4
) -> TopicSettings:
    return TopicSettings(name, kept, retention_s, partitions)  # type: ignore[arg-type]


def messages(keys: int, each: int) -> list[Outbound]:
    """`each` numbered messages for every key, mixed."""
    ids = [new_id() for _ in range(keys)]
    return [Outbound("things", key.bytes, b"%d" % number) for number in range(each) for key in ids]


@contextlib.asynccontextmanager
async def joined(
    bus: Bus, group: str, *topics: str, revoked: Callable[[frozenset[Partition]], Awaitable[None]] = ignore
) -> AsyncIterator[Consumer]:
    consumer = bus.consumer(group, topics or ["things"], revoked)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read_together(consumers: Sequence[Consumer], count: int, value: bytes | None = None) -> list[list[Inbound]]:
    """What each of them fetches until `count` messages, with this value if one is given, came to all together."""
    found: list[list[Inbound]] = [[] for _ in consumers]

    async def fetch(place: int) -> None:
        while sum(value in {None, message.value} for message in itertools.chain(*found)) < count:
            found[place] += await consumers[place].fetch(500, 0.2)

    async with asyncio.timeout(20):
        await asyncio.gather(*(fetch(place) for place in range(len(consumers))))
    return found


async def share(bus: Bus, consumers: Sequence[Consumer], partitions: int = 4) -> list[Inbound]:
    """Wait until the group agrees on who has what: of a message to each partition some come to everybody, each once.

    Returns the other messages that came meanwhile.
    """
    keys = {partition_of(key, partitions): key for key in (b"%d" % number for number in range(100))}
    others: list[Inbound] = []
    async with asyncio.timeout(20):
        for attempt in itertools.count():
            probe = b"probe %d" % attempt
            await bus.publish([Outbound("things", key, probe) for key in keys.values()])
            found = await read_together(consumers, partitions, probe)
            others += [message for each in found for message in each if not message.value.startswith(b"probe")]
            shares = [sum(message.value == probe for message in each) for each in found]
            if all(shares) and sum(shares) == partitions:
                break
    return others


async def read(consumer: Consumer, count: int, timeout_s: float = 20.0) -> list[Inbound]:
    """Fetch until `count` messages came, or until nothing comes for the length of the timeout."""
    found: list[Inbound] = []
    waited = 0.0
    while len(found) < count and waited < timeout_s:
        more = await consumer.fetch(500, 0.5)
        waited = 0.0 if more else waited + 0.5
        found += more
    return found


def last_of_each(messages: Sequence[Inbound]) -> dict[Partition, int]:
    return {Partition(each.topic, each.partition): each.position for each in messages}


class OtherProcess:
    """A member in a process of its own."""

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self._process = process
        self._connection = connection

    async def read(self) -> list[int]:
        """The positions of what it has read, once it has read all."""
        positions: list[int] = await self._receive()
        return positions

    async def acknowledge(self) -> list[Partition]:
        """Have it acknowledge all it read; returns the partitions that were refused."""
        self._connection.send("acknowledge")
        refused: list[Partition] = await self._receive()
        return refused

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    async def _receive(self) -> Any:
        assert await asyncio.to_thread(self._connection.poll, 30)
        return self._connection.recv()


@contextlib.asynccontextmanager
async def other_process(engine: Engine, group: str, count: int) -> AsyncIterator[OtherProcess]:
    ours, theirs = PROCESSES.Pipe()
    arguments = (engine.url, json.dumps(engine.settings), group, count, theirs)
    process = PROCESSES.Process(target=member.join, args=arguments)
    process.start()
    theirs.close()
    try:
        yield OtherProcess(process, ours)
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
        ours.close()
