"""From one service's outbox to another's effects, on both engines: in order, once, and nothing is dropped unseen."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson
import pytest

from shared.contracts.envelope import Event
from shared.contracts.events import AnnotatorChanged, RecordAccepted
from shared.kit import replay
from shared.kit.bus import Bus, Outbound, service_topics
from shared.kit.clock import new_id
from shared.kit.consuming import Delivery, EventSet
from shared.kit.database import Database, Session, Transaction
from shared.kit.outbox import Outgoing, publish_many
from shared.kit.relay import Relay
from shared.kit.replay import replay_dead_letters
from shared.kit.runner import Runner
from shared.kit.settings import Settings
from tests.contracts.bus.conftest import Engine, joined, read
from tests.service.kit_events.conftest import (
    Effects,
    accepted,
    annotator_changed,
    cancelled,
    database,
    effects,
    erased,
    settings,
)
from tests.support.waiting import until

__all__ = ["database", "effects", "settings"]


@pytest.fixture
async def bus(engine: Engine) -> Bus:
    made = engine.connect()
    await made.ensure_topics(service_topics("tiny", 30))
    return made


@contextlib.asynccontextmanager
async def running(effects: Effects, bus: Bus) -> AsyncIterator[Runner]:
    runner = Runner(effects.database, bus, effects.handlers, lanes=3)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
        await runner.stop()
        async with asyncio.timeout(20):
            await task
    finally:
        await cancelled(task)


async def send(bus: Bus, deliveries: Sequence[Delivery]) -> None:
    published = await bus.publish([Outbound(each.topic, each.key, each.raw) for each in deliveries])
    assert len(published.sent) == len(deliveries)


def effects_are(effects: Effects, count: int) -> Callable[[], Any]:
    async def there() -> bool:
        return bool(await effects.value("SELECT count(*) >= $1 FROM effects", count))

    return there


async def test_what_one_service_publishes_has_its_effect_in_another(
    effects: Effects, bus: Bus, database: Database
) -> None:
    relay = asyncio.create_task(Relay(database, bus, "tiny").run())
    records = [new_id() for _ in range(300)]
    try:
        async with running(effects, bus) as runner:
            for revision in (1, 2, 3):
                async with database.transaction() as session:
                    published = [(accepted(record).event.payload, record) for record in records]
                    await publish_many(
                        session, [Outgoing(payload=p, record_id=record, revision=revision) for p, record in published]
                    )
            await until(effects_are(effects, 900))
            await runner.drain()
            assert not any((await runner.lag()).values())
    finally:
        await cancelled(relay)
    for record in records[:20]:
        assert await effects.revisions(record) == [1, 2, 3]
    assert await effects.value("SELECT count(*) FROM effects") == 900


async def test_every_order_of_arrival_ends_the_same(effects: Effects, bus: Bus) -> None:
    records = [new_id() for _ in range(200)]
    early = [erased(record, 2) for record in records]
    async with running(effects, bus):
        await send(bus, early[:100])
        await send(bus, [accepted(record) for record in records])
        await send(bus, early[100:])
        await until(effects_are(effects, 400))
    assert await effects.value("SELECT count(*) FROM parked") == 0
    for record in records:
        assert await effects.revisions(record) == [1, 2]


async def test_a_poison_event_goes_to_the_dead_letters_the_others_go_on_and_a_replay_has_its_effect(
    effects: Effects, bus: Bus, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "_WAIT_S", 0.2)
    poison, others = annotator_changed(), [annotator_changed() for _ in range(30)]

    async def fail(_: Session, event: Event[Any]) -> None:
        if event.id == poison.event.id:
            raise ZeroDivisionError("the spring is gone")

    effects.hooks[AnnotatorChanged] = fail
    relay = asyncio.create_task(Relay(database, bus, "tiny").run())
    try:
        async with running(effects, bus):
            await send(bus, [*others[:15], poison, *others[15:]])
            await until(effects_are(effects, 30))
            dead = await _read(bus, "tiny.dead", 1)
            assert dead[0].value == poison.raw
            assert dead[0].headers is not None
            assert dead[0].headers["reason"] == "ZeroDivisionError: the spring is gone"
            assert dead[0].headers["topic"] == "annotators"
            effects.hooks.clear()
            assert await replay_dead_letters(bus, "tiny") == 1
            await until(effects_are(effects, 31))
            assert await replay_dead_letters(bus, "tiny") == 0
    finally:
        await cancelled(relay)
    assert await effects.value("SELECT count(*) FROM effects WHERE event_id = $1", poison.event.id) == 1


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff\xfe", "json_invalid"),
        (b'{"id": 7}', "missing"),
        (b'{"type": "RecordErased", "version": 1, "payload": {"reason": 5}}', "/payload/reason: string_type"),
    ],
)
async def test_what_cannot_be_read_goes_to_the_dead_letters_with_the_rule_it_breaks(
    effects: Effects, bus: Bus, raw: bytes, reason: str
) -> None:
    async with running(effects, bus):
        await bus.publish([Outbound("records", b"odd key", raw)])
        await send(bus, [accepted(new_id())])
        await until(effects_are(effects, 1))

        async def is_dead() -> bool:
            return len(await effects.published()) == 1

        await until(is_dead)
    [letter] = await effects.published()
    assert (letter.topic, letter.envelope) == ("tiny.dead", raw)
    assert reason in orjson.loads(letter.headers or "")["reason"]


async def test_types_and_versions_that_nobody_listens_to_are_passed_over(effects: Effects, bus: Bus) -> None:
    newer = accepted(new_id()).raw.replace(b'"version":1', b'"version":2', 1)
    async with running(effects, bus):
        await bus.publish([
            Outbound("records", new_id().bytes, b'{"type":"SomethingNew","version":1}'),
            Outbound("records", new_id().bytes, newer),
        ])  # fmt: skip
        await send(bus, [accepted(new_id())])
        await until(effects_are(effects, 1))
    assert await effects.published() == []


class Unsteady(Database):
    """A database that can be away."""

    away = False
    refused = 0

    def transaction(self) -> Transaction:
        if self.away:
            self.refused += 1
            raise ConnectionRefusedError
        return super().transaction()


async def test_while_the_database_is_away_nothing_is_tried_and_nothing_is_given_up(
    settings: Settings, effects: Effects, bus: Bus
) -> None:
    unsteady = Unsteady(settings)
    away = Effects(unsteady)
    unsteady.away = True
    try:
        async with running(away, bus):
            await send(bus, [annotator_changed() for _ in range(10)])
            await until(lambda: unsteady.refused > 3)
            unsteady.away = False
            await until(effects_are(effects, 10))
    finally:
        await unsteady.close()
    assert await effects.value("SELECT count(*) FROM effects") == 10
    assert await effects.value("SELECT count(*) FROM outbox WHERE topic = 'tiny.dead'") == 0


async def test_a_stop_finishes_what_is_in_hand_and_another_process_goes_on_there(effects: Effects, bus: Bus) -> None:
    begun = asyncio.Event()

    async def dawdle(_: Session, __: Event[Any]) -> None:
        begun.set()
        await asyncio.sleep(0.02)

    effects.hooks[RecordAccepted] = dawdle
    deliveries = [accepted(new_id()) for _ in range(400)]
    async with running(effects, bus):
        await send(bus, deliveries)
        await begun.wait()
    done = await effects.value("SELECT count(*) FROM effects")
    assert 0 < done < 400
    effects.hooks.clear()
    again = []

    async def note(_: Session, event: Event[Any]) -> None:
        again.append(event.id)

    effects.hooks[RecordAccepted] = note
    async with running(effects, bus):
        await until(effects_are(effects, 400))
    assert len(again) == 400 - done
    assert await effects.value("SELECT count(*) FROM effects") == 400


async def test_two_replicas_share_the_work_and_one_that_dies_is_replaced(
    settings: Settings, effects: Effects, bus: Bus
) -> None:
    other_database = Database(settings)
    other = Effects(other_database)
    by_other: list[Any] = []

    async def note(_: Session, event: Event[Any]) -> None:
        by_other.append(event.id)

    other.hooks[AnnotatorChanged] = note
    dying = Runner(other_database, bus, other.handlers)
    task = asyncio.create_task(dying.run())
    try:
        async with running(effects, bus):
            await asyncio.sleep(1.5)
            for _ in range(5):
                await send(bus, [annotator_changed() for _ in range(40)])
                await asyncio.sleep(0.2)
            await until(effects_are(effects, 200))
            assert 0 < len(by_other) < 200
            await cancelled(task)
            await send(bus, [annotator_changed() for _ in range(100)])
            await until(effects_are(effects, 300))
    finally:
        await cancelled(task)
        await other_database.close()
    assert await effects.value("SELECT count(*) FROM effects") == 300
    assert await effects.value("SELECT count(DISTINCT event_id) FROM effects") == 300


async def test_a_slow_key_does_not_hold_up_the_others(effects: Effects, bus: Bus) -> None:
    slow = annotator_changed()
    go_on = asyncio.Event()

    async def wait(_: Session, event: Event[Any]) -> None:
        if event.id == slow.event.id:
            await go_on.wait()

    effects.hooks[AnnotatorChanged] = wait
    others = [accepted(new_id()) for _ in range(60)]
    async with running(effects, bus):
        await send(bus, [slow])
        await asyncio.sleep(0.3)
        await send(bus, others)
        await until(effects_are(effects, 25))
        go_on.set()
        await until(effects_are(effects, 61))


async def test_events_that_come_all_the_time_are_handled_in_few_large_sets(effects: Effects, bus: Bus) -> None:
    sets: list[int] = []
    handle = effects.handlers.apply

    async def apply(session: Session, events: EventSet[Any]) -> None:
        sets.append(len(events))
        await handle(session, events)

    effects.handlers.apply = apply  # type: ignore[method-assign]
    async with running(effects, bus):
        await send(bus, [accepted(new_id())])
        await until(effects_are(effects, 1))
        began = time.monotonic()
        for _ in range(60):
            await send(bus, [accepted(new_id()) for _ in range(5)])
            await asyncio.sleep(0.03)
        took_s = time.monotonic() - began
        await until(effects_are(effects, 301))
    assert len(sets) < 6 + took_s / 0.3


async def test_an_event_that_comes_alone_has_its_effect_at_once(effects: Effects, bus: Bus) -> None:
    took_s = []
    async with running(effects, bus):
        for count in range(1, 9):
            began = time.monotonic()
            await send(bus, [accepted(new_id())])
            await until(effects_are(effects, count))
            took_s.append(time.monotonic() - began)
            await asyncio.sleep(0.2)
    assert min(took_s) < 0.1  # the others: whatever else the machine does


async def _read(bus: Bus, topic: str, count: int) -> list[Any]:
    async with joined(bus, f"peek{secrets.token_hex(3)}", topic) as consumer:
        return await read(consumer, count)
