"""Every test of the bus runs on both engines."""

import asyncio
import contextlib
import json
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from shared.kit.bus import Bus, Consumer, Inbound, Outbound, Partition, TopicSettings, connect_bus
from shared.kit.clock import new_id

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

    def __init__(self, process: Process) -> None:
        self.process = process

    async def read_line(self) -> bytes:
        """Its next line of JSON; what it logs is passed over."""
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            while not (line := await self.process.stdout.readline()).startswith(b"["):
                assert line, "the member has ended"
        return line

    async def acknowledge(self) -> bytes:
        """Have it acknowledge all it read; answers the partitions that were refused, in JSON."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        return await self.read_line()


@contextlib.asynccontextmanager
async def other_process(engine: Engine, group: str, count: int) -> AsyncIterator[OtherProcess]:
    arguments = [engine.url, json.dumps(engine.settings), group, str(count)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.contracts.bus.member", *arguments, stdin=PIPE, stdout=PIPE
    )
    try:
        yield OtherProcess(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
