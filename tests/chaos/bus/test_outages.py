"""The bus is killed, frozen and started again under load: every event has its effect once, in the order of its key."""

import asyncio
import contextlib
import random
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator

from deploy.embedded.postgres import EmbeddedPostgres
from deploy.kafka.broker import KafkaBroker
from shared.kit.bus import connect_bus
from shared.kit.clock import new_id
from shared.kit.database import Database
from shared.kit.outbox import Outgoing, publish_many
from shared.kit.relay import Relay
from shared.kit.runner import Runner
from shared.kit.settings import Settings
from tests.service.kit_events.conftest import Effects, accepted, cancelled, database, effects, settings
from tests.support.waiting import until

__all__ = ["database", "effects", "settings"]

RECORDS, REVISIONS = 40, 25


class Server(Protocol):
    def start(self) -> Any: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


class Engine:
    """A server of this module's own, to be maltreated."""

    def __init__(self, name: str, server: Server, url: Callable[[], str]) -> None:
        self.name = name
        self.server = server
        self.url = url

    async def kill_and_start(self, pause_s: float) -> None:
        await asyncio.to_thread(self.server.kill)
        await asyncio.sleep(pause_s)
        await asyncio.to_thread(self.server.start)


@pytest.fixture(params=["postgres", pytest.param("kafka", marks=pytest.mark.kafka)], scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    folder = Path(tempfile.mkdtemp(prefix="touchstone-chaos-"))
    if request.param == "kafka":
        request.getfixturevalue("kafka_url")  # skips where no broker can be had
        broker = KafkaBroker(folder)
        made = Engine("kafka", broker, lambda: broker.url)
    else:
        postgres = EmbeddedPostgres(folder)
        made = Engine("postgres", postgres, lambda: postgres.ensure_database("bus"))
    made.server.start()
    yield made
    made.server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def at_work(effects: Effects, engine: Engine) -> AsyncIterator[Runner]:
    """A relay and a consumer, as one replica of a service has them."""
    impatient = {"session_s": 3.0} if engine.name == "kafka" else {"session_s": 3.0, "poll_s": 0.3}
    bus = connect_bus(engine.url(), prefix=PREFIX.setdefault(engine.name, f"t{secrets.token_hex(4)}."), **impatient)
    runner = Runner(effects.database, bus, effects.handlers)
    tasks = [asyncio.create_task(Relay(effects.database, bus, "tiny").run()), asyncio.create_task(runner.run())]
    try:
        yield runner
        await runner.stop()
        async with asyncio.timeout(30):
            await tasks[1]
    finally:
        for task in tasks:
            await cancelled(task)
        await bus.close()


PREFIX: dict[str, str] = {}


async def publish_all(database: Database, records: list[UUID], pause_s: float) -> None:
    """Revision after revision of every record, in transactions of chance size."""
    chance = random.Random(7)
    left = [(record, revision) for revision in range(1, REVISIONS + 1) for record in records]
    payload = accepted(new_id()).event.payload
    while left:
        size = chance.randint(1, 40)
        async with database.transaction() as session:
            await publish_many(
                session,
                [Outgoing(payload=payload, record_id=record, revision=revision) for record, revision in left[:size]],
            )
        left = left[size:]
        await asyncio.sleep(pause_s)


async def all_are_there(effects: Effects, records: list[UUID]) -> None:
    async def there() -> bool:
        return bool(await effects.value("SELECT count(*) >= $1 FROM effects", RECORDS * REVISIONS))

    await until(there, timeout_s=90)
    for record in records:
        assert await effects.revisions(record) == list(range(1, REVISIONS + 1))
    assert not any(event.topic == "tiny.dead" for event in await effects.published())

    async def all_positions() -> bool:
        return bool(await effects.value("SELECT NOT EXISTS (SELECT FROM outbox_queue)"))

    await until(all_positions)
    positions = [event.position for event in await effects.published() if event.position is not None]
    assert sorted(positions) == list(range(1, RECORDS * REVISIONS + 1))


@pytest.mark.timeout(240)
async def test_a_bus_killed_again_and_again_loses_and_doubles_nothing(
    engine: Engine, effects: Effects, database: Database
) -> None:
    records = [new_id() for _ in range(RECORDS)]
    async with at_work(effects, engine):
        saying = asyncio.create_task(publish_all(database, records, 0.05))
        for pause_s in (0.2, 1.5):
            await asyncio.sleep(1.0)
            await engine.kill_and_start(pause_s)
        await saying
        await all_are_there(effects, records)


@pytest.mark.timeout(240)
async def test_a_replica_that_ends_without_a_word_is_replaced(
    engine: Engine, effects: Effects, database: Database, settings: Settings
) -> None:
    records = [new_id() for _ in range(RECORDS)]
    other = Database(settings)
    try:
        async with at_work(effects, engine):
            await _die_at_work(Effects(other), engine, lambda: publish_all(database, records, 0.02))
            await all_are_there(effects, records)
    finally:
        await other.close()


async def _die_at_work(effects: Effects, engine: Engine, work: Callable[[], Awaitable[None]]) -> None:
    """Another replica joins, takes its share, and is cut off in the middle of the work."""
    bus = connect_bus(engine.url(), prefix=PREFIX[engine.name])
    runner = Runner(effects.database, bus, effects.handlers)
    tasks = [asyncio.create_task(Relay(effects.database, bus, "tiny").run()), asyncio.create_task(runner.run())]
    working = asyncio.ensure_future(work())
    await asyncio.sleep(2.0)
    for task in tasks:
        await cancelled(task)
    await bus.close()
    await working


@pytest.mark.parametrize("engine", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True, scope="module")
async def test_a_member_whose_client_can_t_go_on_is_replaced(
    effects: Effects, database: Database, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's loop ends with an error that it doesn't know, as when it sends on a connection just closed."""
    go_on, failures = GroupCoordinator._maybe_do_autocommit, 0

    async def fail_once(coordinator: GroupCoordinator, assignment: object) -> object:
        nonlocal failures
        failures += 1
        if failures == 1:
            raise RuntimeError("the handler is closed")
        return await go_on(coordinator, assignment)

    monkeypatch.setattr(GroupCoordinator, "_maybe_do_autocommit", fail_once)
    records = [new_id() for _ in range(RECORDS)]
    async with at_work(effects, engine):
        await publish_all(database, records, 0.01)
        await all_are_there(effects, records)
    assert failures > 1
