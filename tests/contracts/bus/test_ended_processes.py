"""An event whose handling ends the process is given up after bounded attempts; nothing else is, on both engines."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from multiprocessing.process import BaseProcess

import orjson
import pytest

from shared.contracts.events import RecordErased
from shared.kit.bus import Bus, Outbound, service_topics
from shared.kit.clock import new_id
from shared.kit.consuming import Delivery
from shared.kit.settings import Settings
from tests.contracts.bus.conftest import Engine
from tests.contracts.bus.consuming_process import consume
from tests.contracts.bus.processes import PROCESSES
from tests.service.kit_events.conftest import Effects, accepted, database, effects, erased, settings
from tests.support.waiting import until

__all__ = ["database", "effects", "settings"]

ENDS = 8
"""More ends of processes than this are not bounded."""


@pytest.fixture
async def bus(engine: Engine) -> Bus:
    made = engine.connect()
    await made.ensure_topics(service_topics("tiny", 30))
    return made


class Service:
    """A service that is started again each time that it ended."""

    def __init__(self, engine: Engine, settings: Settings, fatal: Sequence[Delivery]) -> None:
        assert settings.database_url is not None
        self._arguments = [
            engine.url,
            json.dumps(engine.settings | {"session_s": 0.5}),  # it is alone: nothing is lost if it is thought dead
            settings.database_url.get_secret_value(),
            *(str(each.event.id) for each in fatal),
        ]
        self.ends = 0

    @contextlib.asynccontextmanager
    async def started(self) -> AsyncIterator[BaseProcess]:
        process = PROCESSES.Process(target=consume, args=self._arguments)
        process.start()
        try:
            yield process
        finally:
            process.kill()
            await asyncio.to_thread(process.join)

    async def run_until(self, done: Callable[[], Awaitable[bool]]) -> None:
        """Run until it is done; fails when it ended too often."""
        while True:
            async with self.started() as process, asyncio.timeout(60):
                while process.is_alive():
                    if await done():
                        return
                    await asyncio.sleep(0.1)
            self.ends += 1
            assert self.ends <= ENDS, "it ends each time"


async def send(bus: Bus, deliveries: Sequence[Delivery]) -> None:
    published = await bus.publish([Outbound(each.topic, each.key, each.raw) for each in deliveries])
    assert len(published.sent) == len(deliveries)


def effects_are(effects: Effects, count: int) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        return bool(await effects.value("SELECT count(*) >= $1 FROM effects", count))

    return there


async def dead_letters(effects: Effects) -> dict[bytes, str]:
    letters = [event for event in await effects.published() if event.topic == "tiny.dead"]
    return {letter.envelope: orjson.loads(letter.headers or "")["reason"] for letter in letters}


async def test_an_event_that_ends_its_process_each_time_is_given_up_and_the_others_have_their_effect(
    engine: Engine, bus: Bus, effects: Effects, settings: Settings
) -> None:
    records = [new_id() for _ in range(20)]
    deliveries = [accepted(record, revision) for revision in range(1, 6) for record in records]
    fatal = deliveries[47]
    await send(bus, deliveries)
    service = Service(engine, settings, [fatal])

    async def done() -> bool:
        return len(await dead_letters(effects)) == 1 and await effects.value("SELECT count(*) >= 99 FROM effects")

    await service.run_until(done)
    [(envelope, reason)] = (await dead_letters(effects)).items()
    assert envelope == fatal.raw
    assert reason == "ProcessEnded: 4 processes ended while they handled it"
    assert await effects.value("SELECT count(*) FROM effects") == 99
    for record in records:
        expected = [1, 2, 4, 5] if record == fatal.event.record_id else [1, 2, 3, 4, 5]
        assert await effects.revisions(record) == expected
    assert await effects.value("SELECT count(*) FROM event_attempts") == 0


async def test_a_parked_event_that_ends_the_process_each_time_it_is_released_is_given_up(
    engine: Engine, bus: Bus, effects: Effects, settings: Settings
) -> None:
    records = [new_id() for _ in range(40)]
    early = [erased(record, 2) for record in records]
    fatal = early[13]
    for each in early:
        await effects.consume(each)
    assert await effects.value("SELECT count(*) FROM parked") == 40
    await send(bus, [accepted(record) for record in records])
    service = Service(engine, settings, [fatal])

    async def done() -> bool:
        return len(await dead_letters(effects)) == 1 and await effects.value("SELECT count(*) >= 79 FROM effects")

    await service.run_until(done)
    [(envelope, reason)] = (await dead_letters(effects)).items()
    assert (envelope, reason) == (fatal.raw, "ProcessEnded: 4 processes ended while they handled it")
    assert await effects.value("SELECT count(*) FROM effects WHERE type = $1", RecordErased.event_type()) == 39
    assert await effects.value("SELECT count(*) FROM parked") == 0


async def test_what_processes_had_in_hand_when_they_were_killed_is_not_blamed(
    engine: Engine, bus: Bus, effects: Effects, settings: Settings
) -> None:
    records = [new_id() for _ in range(100)]
    deliveries = [accepted(record, revision) for revision in range(1, 31) for record in records]
    await send(bus, deliveries)
    service = Service(engine, settings, [])
    for _ in range(5):
        before = await effects.value("SELECT count(*) FROM effects")
        async with service.started():
            await until(effects_are(effects, before + 1), timeout_s=60)
    await service.run_until(effects_are(effects, 3000))
    assert await dead_letters(effects) == {}
    for record in records:
        assert await effects.revisions(record) == list(range(1, 31))
