"""The relay: everything committed is sent, in the order of its key, and gets a gapless position."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from shared.contracts.events import RecordErased
from shared.contracts.topics import parse_event
from shared.kit import housekeeping
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Database
from shared.kit.housekeeping import tidy
from shared.kit.outbox import Outgoing, drop_set_aside, publish, publish_many, retry_set_aside
from shared.kit.relay import Relay
from tests.service.kit_events.conftest import Effects, cancelled
from tests.support.bus import ListBus
from tests.support.waiting import until


@contextlib.asynccontextmanager
async def relaying(database: Database, bus: ListBus, poll_s: float = 0.05) -> AsyncIterator[Relay]:
    relay = Relay(database, bus, "tiny", poll_s=poll_s)
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        await cancelled(task)


async def say(database: Database, *records: UUID) -> None:
    async with database.transaction() as session:
        await publish_many(session, [Outgoing(payload=RecordErased(reason="x"), record_id=each) for each in records])


async def positions(effects: Effects) -> list[int | None]:
    return [row[0] for row in await effects.rows("SELECT position FROM outbox ORDER BY seq")]


def keys(bus: ListBus) -> list[UUID]:
    return [UUID(bytes=message.key) for message in bus.sent]


async def test_committed_events_are_sent_in_order_with_gapless_positions(database: Database, effects: Effects) -> None:
    bus = ListBus()
    records = [new_id() for _ in range(1200)]
    for start in range(0, 1200, 400):
        await say(database, *records[start : start + 400])
    async with relaying(database, bus):
        await until(lambda: len(bus.sent) == 1200)
        await until(lambda: _all_sent(effects))
    assert keys(bus) == records
    assert await positions(effects) == list(range(1, 1201))
    assert await effects.value("SELECT position FROM relay") == 1200
    assert parse_event(bus.sent[0].value).record_id == records[0]
    assert bus.topics["records"].retention_s == 30 * 86_400


async def _all_sent(effects: Effects) -> bool:
    return None not in await positions(effects)


async def test_an_event_that_commits_late_is_not_passed_over(database: Database, effects: Effects) -> None:
    bus, late, early = ListBus(), new_id(), new_id()
    async with relaying(database, bus):
        async with database.transaction() as session:
            await publish(session, RecordErased(reason="x"), record_id=late)
            await say(database, early)
            await until(lambda: len(bus.sent) == 1)
        await until(lambda: len(bus.sent) == 2)
        await until(lambda: _all_sent(effects))
    assert keys(bus) == [early, late]
    assert await positions(effects) == [2, 1]


async def test_a_commit_wakes_the_relay(database: Database) -> None:
    bus = ListBus()
    async with relaying(database, bus, poll_s=30.0):
        await until(lambda: "records" in bus.topics)
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await say(database, new_id())
        await until(lambda: len(bus.sent) == 1)
        assert time.monotonic() - began < 1.0


async def test_nothing_is_lost_while_the_bus_is_away(database: Database, effects: Effects) -> None:
    bus, records = ListBus(), [new_id() for _ in range(5)]
    bus.away = True
    async with relaying(database, bus):
        await say(database, *records)
        await asyncio.sleep(0.3)
        assert await positions(effects) == [None] * 5
        bus.away = False
        await until(lambda: _all_sent(effects))
    assert keys(bus) == records


async def test_what_was_sent_without_an_answer_is_sent_again(database: Database, effects: Effects) -> None:
    bus, records = ListBus(), [new_id() for _ in range(3)]
    bus.loses_answers = 1
    async with relaying(database, bus):
        await say(database, *records)
        await until(lambda: _all_sent(effects))
    assert keys(bus) == records * 2
    assert await positions(effects) == [1, 2, 3]


async def test_a_refused_event_is_set_aside_with_its_reason_and_only_its_key_waits(
    database: Database, effects: Effects
) -> None:
    bus, poor, other = ListBus(), new_id(), new_id()
    await say(database, poor, poor, other, poor)
    rows = await effects.rows("SELECT id, envelope FROM outbox ORDER BY seq")
    bus.refuses = {rows[1]["envelope"]: "too large"}
    async with relaying(database, bus):
        await say(database, other, poor)
        await until(lambda: keys(bus).count(other) == 2)
        await asyncio.sleep(0.2)
        assert keys(bus) == [poor, other, other]
        assert await effects.value("SELECT set_aside FROM outbox WHERE id = $1", rows[1]["id"]) == "too large"
        async with relaying(database, bus):
            pass
        bus.refuses = {}
        async with database.transaction() as session:
            assert await retry_set_aside(session) == 1
        await until(lambda: _all_sent(effects), timeout_s=15)
    assert keys(bus) == [poor, other, other, poor, poor, poor]
    assert sorted(each for each in await positions(effects) if each) == [1, 2, 3, 4, 5, 6]


async def test_a_set_aside_event_can_be_given_up(database: Database, effects: Effects) -> None:
    bus, poor = ListBus(), new_id()
    await say(database, poor, poor)
    [first, _] = await effects.rows("SELECT id, envelope FROM outbox ORDER BY seq")
    bus.refuses = {first["envelope"]: "too large"}
    async with relaying(database, bus):
        await until(lambda: _is_aside(effects, first["id"]))
        async with database.transaction() as session:
            assert await drop_set_aside(session, first["id"])
            assert not await drop_set_aside(session, new_id())
        await until(lambda: _all_sent(effects), timeout_s=15)
    assert len(bus.sent) == 1


async def _is_aside(effects: Effects, event_id: UUID) -> bool:
    return await effects.value("SELECT set_aside FROM outbox WHERE id = $1", event_id) is not None


async def test_one_relay_works_at_a_time_and_another_takes_over_when_its_connection_is_cut(
    database: Database, effects: Effects
) -> None:
    first, second = ListBus(), ListBus()
    async with relaying(database, first):
        await until(lambda: "records" in first.topics)
        async with relaying(database, second):
            await say(database, *[new_id() for _ in range(5)])
            await until(lambda: len(first.sent) == 5)
            await until(lambda: _all_sent(effects))
            assert second.sent == []
            first.away = True  # so that it can't come back quicker than the other
            assert await effects.value(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            await say(database, *[new_id() for _ in range(5)])
            await until(lambda: len(second.sent) == 5)
            await until(lambda: _all_sent(effects))
    assert await positions(effects) == list(range(1, 11))


async def test_days_ahead_are_prepared_and_sent_days_past_the_retention_are_dropped(
    database: Database, effects: Effects
) -> None:
    today = utc_now().date()
    old, unsent = today - timedelta(days=40), today - timedelta(days=41)
    async with database.transaction() as session:
        for day in (old, unsent):
            await session.raw.execute(housekeeping.day_partitions(day, 1)[0])
        insert = (
            "INSERT INTO outbox (id, topic, type, key, envelope, position, created_at)"
            " VALUES (gen_random_uuid(), 'records', 'x', gen_random_uuid(), '', $1, $2)"
        )
        noon = utc_now().replace(hour=12)
        await session.raw.execute(insert, 1, noon - timedelta(days=40))
        await session.raw.execute(insert, 2, noon - timedelta(days=41))
        await session.raw.execute(insert, None, noon - timedelta(days=41))
        await session.raw.execute(insert, 3, noon - timedelta(days=90))  # lies in the default partition
        await session.raw.execute(f"DROP TABLE {housekeeping.partition_name(today + timedelta(days=3))}")
        await session.raw.execute("INSERT INTO inbox VALUES ($1, 'tiny')", new_id())
        await session.raw.execute("INSERT INTO inbox VALUES ($1, 'tiny')", UUID(int=1 << 80))
    connection = await database.dedicated()
    try:
        await tidy(connection, 30)
        await tidy(connection, 30)
    finally:
        await connection.close()
    names = {row[0] for row in await effects.rows("SELECT relname FROM pg_class WHERE relname LIKE 'outbox_2%'")}
    assert housekeeping.partition_name(old) not in names
    assert housekeeping.partition_name(unsent) in names
    assert {housekeeping.partition_name(today + timedelta(days=ahead)) for ahead in range(7)} <= names
    assert await positions(effects) == [None]
    assert await effects.value("SELECT count(*) FROM inbox") == 1


async def test_rows_that_came_before_their_day_s_partition_are_sent_all_the_same(
    database: Database, effects: Effects
) -> None:
    today = housekeeping.partition_name(utc_now().date())
    async with database.transaction() as session:
        await session.raw.execute(f"DROP TABLE {today}")
    bus = ListBus()
    await say(database, new_id())
    async with relaying(database, bus):
        await until(lambda: _all_sent(effects))
    assert len(bus.sent) == 1


@pytest.mark.parametrize("count", [1, 499, 500, 501])
async def test_every_size_of_backlog_is_sent(database: Database, effects: Effects, count: int) -> None:
    bus = ListBus()
    await say(database, *[new_id() for _ in range(count)])
    async with relaying(database, bus):
        await until(lambda: _all_sent(effects))
    assert await positions(effects) == list(range(1, count + 1))
