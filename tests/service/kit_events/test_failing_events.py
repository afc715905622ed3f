"""An event that fails holds up nobody but its key, whatever makes it fail, and is given up in the end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.contracts.envelope import Event
from shared.contracts.events import RecordAccepted
from shared.kit import event_processor
from shared.kit.bus import Bus, Outbound, connect_bus, service_topics
from shared.kit.clock import new_id
from shared.kit.consuming import Delivery
from shared.kit.database import Database, Session
from shared.kit.runner import Runner
from tests.service.kit_events.conftest import Effects, accepted, cancelled
from tests.support.waiting import until


@pytest.fixture
async def bus(database: Database) -> AsyncIterator[Bus]:
    opened = connect_bus(database.url, prefix=f"{new_id()}.")
    await opened.ensure_topics(service_topics("tiny", 1))
    yield opened
    await opened.close()


@contextlib.asynccontextmanager
async def consuming(database: Database, bus: Bus, effects: Effects) -> AsyncIterator[None]:
    task = asyncio.create_task(Runner(database, bus, effects.handlers, lanes=1).run())
    try:
        yield
    finally:
        await cancelled(task)


async def send(bus: Bus, *deliveries: Delivery) -> None:
    await bus.publish([Outbound("records", each.key, each.raw) for each in deliveries])


async def test_while_an_event_is_tried_again_the_others_of_its_lane_go_on(
    effects: Effects, database: Database, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_processor, "_ATTEMPTS", 1_000)
    bad = accepted(new_id())
    broken = True

    async def fail(_: Session, event: Event[Any]) -> None:
        if broken and event.record_id == bad.event.record_id:
            raise ZeroDivisionError

    effects.hooks[RecordAccepted] = fail
    behind = accepted(bad.event.record_id, 2)  # type: ignore[arg-type]
    others = [accepted(new_id()) for _ in range(50)]
    async with consuming(database, bus, effects):
        await send(bus, bad, *others[:25], behind)
        await until(lambda: effects.value("SELECT count(*) = 25 FROM effects"))
        await send(bus, *others[25:])
        await until(lambda: effects.value("SELECT count(*) = 50 FROM effects"))
        assert await effects.revisions(bad.event.record_id) == []  # type: ignore[arg-type]
        broken = False
        await until(lambda: effects.value("SELECT count(*) = 52 FROM effects"))
    assert await effects.revisions(bad.event.record_id) == [1, 2]  # type: ignore[arg-type]


async def test_an_event_that_ends_its_connection_every_time_is_given_up(
    effects: Effects, database: Database, bus: Bus
) -> None:
    bad = accepted(new_id())

    async def end_the_connection(session: Session, event: Event[Any]) -> None:
        if event.record_id == bad.event.record_id:
            await session.raw.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    effects.hooks[RecordAccepted] = end_the_connection
    others = [accepted(new_id()) for _ in range(7)]
    async with consuming(database, bus, effects):
        await send(bus, *others[:3], bad, *others[3:])
        await until(lambda: effects.value("SELECT count(*) = 7 FROM effects"), timeout_s=30)
        await until(lambda: effects.value("SELECT count(*) = 1 FROM outbox WHERE topic = 'tiny.dead'"), timeout_s=30)
    assert await effects.value("SELECT count(*) FROM effects") == 7
