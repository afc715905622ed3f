"""The relay: everything committed is sent, in the order of its key, and gets a gapless position."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from shared.contracts.events import RecordErased
from shared.kit import housekeeping
from shared.kit import relay as relay_module
from shared.kit.bus import Outbound, Published, Writer
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Database
from shared.kit.housekeeping import tidy
from shared.kit.outbox import Outgoing, drop_set_aside, publish, publish_many, retry_set_aside
from shared.kit.relay import Relay
from shared.kit.replica import Replica
from shared.kit.settings import Settings
from tests.service.kit_events.conftest import TINY, Effects, annotator_changed, cancelled
from tests.support.bus import ListBus
from tests.support.events import parse_event
from tests.support.postgres import drop_database, migrated_database
from tests.support.service import settings_for
from tests.support.waiting import until


@contextlib.asynccontextmanager
async def relaying(database: Database, bus: ListBus, poll_s: float = 0.05) -> AsyncIterator[Relay]:
    relay = Relay(database, bus, "tiny", poll_s=poll_s)
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        await cancelled(task)


async def publish_erasures(database: Database, *records: UUID) -> None:
    async with database.transaction() as session:
        await publish_many(session, [Outgoing(payload=RecordErased(reason="x"), record_id=each) for each in records])


async def positions(effects: Effects) -> list[int | None]:
    """Of all events, in the order in which they were written; None for one that isn't sent."""
    return [event.position for event in await effects.published()]


async def set_aside(effects: Effects, event_id: UUID) -> str | None:
    [event] = [each for each in await effects.published() if each.id == event_id]
    return event.set_aside


def keys(bus: ListBus) -> list[UUID]:
    return [UUID(bytes=message.key) for message in bus.sent]


async def test_committed_events_are_sent_in_order_with_gapless_positions(database: Database, effects: Effects) -> None:
    bus = ListBus()
    records = [new_id() for _ in range(1200)]
    for start in range(0, 1200, 400):
        await publish_erasures(database, *records[start : start + 400])
    async with relaying(database, bus):
        await until(lambda: len(bus.sent) == 1200)
        await until(lambda: _all_sent(effects))
    assert keys(bus) == records
    assert await positions(effects) == list(range(1, 1201))
    assert await effects.value("SELECT position FROM relay") == 1200
    assert parse_event(bus.sent[0].value).record_id == records[0]
    assert bus.topics["records"].retention_s == 30 * 86_400


async def _all_sent(effects: Effects) -> bool:
    return bool(await effects.value("SELECT NOT EXISTS (SELECT FROM outbox_queue)"))


async def test_an_event_that_commits_late_is_not_passed_over(database: Database, effects: Effects) -> None:
    bus, late, early = ListBus(), new_id(), new_id()
    async with relaying(database, bus):
        async with database.transaction() as session:
            await publish(session, RecordErased(reason="x"), record_id=late)
            await publish_erasures(database, early)
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
        await publish_erasures(database, new_id())
        await until(lambda: len(bus.sent) == 1)
        assert time.monotonic() - began < 1.0


async def test_nothing_is_lost_while_the_bus_is_away(database: Database, effects: Effects) -> None:
    bus, records = ListBus(), [new_id() for _ in range(5)]
    bus.away = True
    async with relaying(database, bus):
        await publish_erasures(database, *records)
        await asyncio.sleep(0.3)
        assert await positions(effects) == [None] * 5
        bus.away = False
        await until(lambda: _all_sent(effects))
    assert keys(bus) == records


async def test_what_was_sent_without_an_answer_is_sent_again(database: Database, effects: Effects) -> None:
    bus, records = ListBus(), [new_id() for _ in range(3)]
    bus.loses_answers = 1
    async with relaying(database, bus):
        await publish_erasures(database, *records)
        await until(lambda: _all_sent(effects))
    assert keys(bus) == records * 2
    assert await positions(effects) == [1, 2, 3]


async def test_a_refused_event_is_set_aside_with_its_reason_and_only_its_key_waits(
    database: Database, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "_LOOK_AROUND_S", 0.5)
    bus, poor, other = ListBus(), new_id(), new_id()
    await publish_erasures(database, poor, poor, other, poor)
    events = await effects.published()
    bus.refuses = {events[1].envelope: "too large"}
    async with relaying(database, bus):
        await publish_erasures(database, other, poor)
        await until(lambda: keys(bus).count(other) == 2)
        await asyncio.sleep(0.2)
        assert keys(bus) == [poor, other, other]
        assert await set_aside(effects, events[1].id) == "too large"
        async with relaying(database, bus):
            pass
        bus.refuses = {}
        async with database.transaction() as session:
            assert await retry_set_aside(session) == 1
        await until(lambda: _all_sent(effects), timeout_s=15)
    assert keys(bus) == [poor, other, other, poor, poor, poor]
    assert sorted(each for each in await positions(effects) if each) == [1, 2, 3, 4, 5, 6]


async def test_a_set_aside_event_can_be_given_up(
    database: Database, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "_LOOK_AROUND_S", 0.5)
    bus, poor = ListBus(), new_id()
    await publish_erasures(database, poor, poor)
    [first, _] = await effects.published()
    bus.refuses = {first.envelope: "too large"}
    async with relaying(database, bus):
        await until(lambda: _is_aside(effects, first.id))
        async with database.transaction() as session:
            assert await drop_set_aside(session, first.id)
            assert not await drop_set_aside(session, new_id())
        await until(lambda: _all_sent(effects), timeout_s=15)
    assert len(bus.sent) == 1
    assert await positions(effects) == [None, 1]


async def _is_aside(effects: Effects, event_id: UUID) -> bool:
    return await set_aside(effects, event_id) is not None


async def test_what_the_bus_took_of_a_set_is_not_sent_again(database: Database, effects: Effects) -> None:
    class Narrow(ListBus):
        async def publish(self, messages: Sequence[Outbound], writer: Writer | None = None) -> Published:
            """Takes every other message, and then the bus is gone."""
            published = await super().publish(messages[::2], writer)
            return Published([2 * index for index in published.sent])

    bus, records = Narrow(), [new_id() for _ in range(9)]
    await publish_erasures(database, *records)
    async with relaying(database, bus):
        await until(lambda: _all_sent(effects))
    assert sorted(keys(bus)) == sorted(records)
    assert sorted(each for each in await positions(effects) if each) == list(range(1, 10))


async def test_events_that_an_older_version_wrote_are_sent(database: Database, effects: Effects) -> None:
    """A replica that is not yet replaced writes a row for each event."""
    event = annotator_changed()
    async with database.transaction() as session:
        await session.raw.execute(
            """
            WITH published AS (
                INSERT INTO outbox (id, topic, type, key, envelope)
                VALUES ($1, 'annotators', 'AnnotatorChanged', $2, $3) RETURNING seq, created_at
            )
            INSERT INTO outbox_queue (seq, created_at) SELECT seq, created_at FROM published
            """,
            event.event.id,
            UUID(bytes=event.key),
            event.raw,
        )
    await publish_erasures(database, new_id())
    bus = ListBus()
    async with relaying(database, bus):
        await until(lambda: _all_sent(effects))
    assert (bus.sent[0].key, bus.sent[0].value) == (event.key, event.raw)
    assert await positions(effects) == [1, 2]


async def test_one_relay_works_at_a_time_and_another_takes_over_when_it_ends(
    database: Database, effects: Effects
) -> None:
    first, second = ListBus(), ListBus()
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(relaying(database, first))
        await until(lambda: "records" in first.topics)
        async with relaying(database, second):
            await publish_erasures(database, *[new_id() for _ in range(5)])
            await until(lambda: len(first.sent) == 5)
            await until(lambda: _all_sent(effects))
            assert second.sent == []
            await stack.aclose()
            await publish_erasures(database, *[new_id() for _ in range(5)])
            await until(lambda: len(second.sent) == 5, timeout_s=2.0)
            await until(lambda: _all_sent(effects))
    assert await positions(effects) == list(range(1, 11))


async def test_a_relay_whose_lease_ran_out_sends_nothing_and_gives_no_positions(
    database: Database, effects: Effects
) -> None:
    """As one does that was frozen: its events are sent by the other, and once only."""
    first, second = ListBus(), ListBus()
    frozen = Replica(database, ttl_s=0.5, renew_s=0.1)
    frozen.start()
    task = asyncio.create_task(Relay(database, first, "tiny", replica=frozen).run())
    await until(lambda: "records" in first.topics)
    frozen._task.cancel()  # type: ignore[union-attr]
    async with relaying(database, second):
        await until(lambda: "records" in second.topics)
        await publish_erasures(database, *[new_id() for _ in range(5)])
        await until(lambda: _all_sent(effects))
    assert (len(first.sent), len(second.sent)) == (0, 5)
    assert await positions(effects) == [1, 2, 3, 4, 5]
    await cancelled(task)


async def test_positions_are_given_by_the_newest_relay_only(database: Database, effects: Effects) -> None:
    """One that was frozen in the middle of sending, and has sent when it wakes, gives no positions."""

    class Slow(ListBus):
        async def publish(self, messages: Sequence[Outbound], writer: Writer | None = None) -> Published:
            published = await super().publish(messages, writer)
            async with database.transaction() as session:
                await session.raw.execute("UPDATE relay SET epoch = epoch + 1")
            return published

    bus = Slow()
    async with relaying(database, bus):
        await publish_erasures(database, new_id())
        await until(lambda: len(bus.sent) == 1)
        await asyncio.sleep(0.1)
        assert await positions(effects) == [None]
        assert await effects.value("SELECT position FROM relay") == 0


async def test_days_ahead_are_prepared_and_sent_days_past_the_retention_are_dropped(
    database: Database, effects: Effects
) -> None:
    today = utc_now().date()
    old, unsent = today - timedelta(days=40), today - timedelta(days=41)
    async with database.transaction() as session:
        for day in (old, unsent):
            await session.raw.execute(housekeeping.day_partitions(day, 1)[0])
        insert = "INSERT INTO outbox (topic, events, frame, created_at) VALUES ('records', 1, '', $1)"
        noon = utc_now().replace(hour=12)
        await session.raw.execute(insert, noon - timedelta(days=40))
        await session.raw.execute(insert, noon - timedelta(days=41))
        await session.raw.execute(insert, noon - timedelta(days=41))
        await session.raw.execute(
            "INSERT INTO outbox_queue SELECT seq, created_at FROM outbox ORDER BY seq DESC LIMIT 1"
        )
        await session.raw.execute(insert, noon - timedelta(days=90))  # lies in the default partition
        await session.raw.execute(
            "INSERT INTO outbox_positions VALUES ('records', 1, '{1}', '{1}', '{now}', '{}', now() - interval '40 days'),"
            " ('records', 2, '{2}', '{2}', '{now}', '{}', now())"
        )
        await session.raw.execute(f"DROP TABLE {housekeeping.partition_name(today + timedelta(days=3))}")
    await tidied(database)
    await tidied(database)
    names = {row[0] for row in await effects.rows("SELECT relname FROM pg_class WHERE relname LIKE 'outbox_2%'")}
    assert housekeeping.partition_name(old) not in names
    assert housekeeping.partition_name(unsent) in names
    assert {housekeeping.partition_name(today + timedelta(days=ahead)) for ahead in range(7)} <= names
    assert await effects.value("SELECT count(*) FROM outbox") == 1
    assert await effects.value("SELECT array_agg(last_position) FROM outbox_positions") == [2]


async def test_the_inbox_forgets_by_days_and_only_what_nobody_may_send_again() -> None:
    url = migrated_database(TINY)
    database = Database(settings_for(Settings, url))
    effects = Effects(database)
    now = utc_now()
    ids = {days: UUID(int=(int((now + timedelta(days=days)).timestamp() * 1000) << 80) + 1) for days in (0, 5, 60, 80)}
    too_old = UUID(int=1 << 80)
    write = "INSERT INTO inbox VALUES ($1, 'tiny') ON CONFLICT DO NOTHING"
    for days, event_id in ids.items():
        await tidied(database, now + timedelta(days=days))
        async with database.transaction() as session:
            assert await session.raw.execute(write, event_id) == "INSERT 0 1"
            assert await session.raw.execute(write, event_id) == "INSERT 0 0"
    assert await _inbox(effects) == set(ids.values())
    await tidied(database, now + timedelta(days=100))
    assert await _inbox(effects) == {ids[60], ids[80]}
    async with database.transaction() as session:
        await session.raw.execute(write, too_old)  # older than every partition: it lies in the default partition
    assert await _inbox(effects) == {too_old, ids[60], ids[80]}
    await tidied(database, now + timedelta(days=100))
    assert await _inbox(effects) == {ids[60], ids[80]}
    names = "SELECT relname FROM pg_class WHERE relname LIKE 'inbox_%' AND relkind = 'r'"
    partitions = {row[0] for row in await effects.rows(names)}
    assert "inbox_before" not in partitions
    assert housekeeping.partition_name((now + timedelta(days=106)).date(), "inbox") in partitions
    await database.close()
    drop_database(url)


async def _inbox(effects: Effects) -> set[UUID]:
    return {UUID(str(row[0])) for row in await effects.rows("SELECT event_id FROM inbox")}


async def tidied(database: Database, now: datetime | None = None) -> None:
    connection = await database.dedicated()
    try:
        await tidy(connection, 30, now or utc_now())
    finally:
        await connection.close()


async def test_rows_that_came_before_their_day_s_partition_are_sent_all_the_same(
    database: Database, effects: Effects
) -> None:
    today = housekeeping.partition_name(utc_now().date())
    async with database.transaction() as session:
        await session.raw.execute(f"DROP TABLE {today}")
    bus = ListBus()
    await publish_erasures(database, new_id())
    async with relaying(database, bus):
        await until(lambda: _all_sent(effects))
    assert len(bus.sent) == 1


@pytest.mark.parametrize("count", [1, 499, 500, 501])
async def test_every_size_of_backlog_is_sent(database: Database, effects: Effects, count: int) -> None:
    bus = ListBus()
    await publish_erasures(database, *[new_id() for _ in range(count)])
    async with relaying(database, bus):
        await until(lambda: _all_sent(effects))
    assert await positions(effects) == list(range(1, count + 1))


BACKLOG = """
WITH made AS (
    INSERT INTO outbox (topic, events, frame) SELECT 'records', 1, '\\x00' FROM generate_series(1, 100000)
    RETURNING seq, created_at, events
)
INSERT INTO outbox_queue (seq, created_at, events) SELECT seq, created_at, events FROM made
"""


async def test_a_backlog_is_read_by_its_keys_where_the_plan_was_made_while_all_was_empty() -> None:
    """A relay plans once, and may do so on a day that has just begun."""
    url = migrated_database(TINY)
    connection = await asyncpg.connect(url, server_settings={"jit": "off"})
    try:
        await connection.execute("VACUUM ANALYZE")
        await connection.execute(relay_module._PLANS)
        await connection.execute("UPDATE relay SET epoch = 1")
        for name, sql in (
            ("pick", relay_module._PICK),
            ("pick_besides", relay_module._PICK_BESIDES),
            ("give", relay_module._GIVE_POSITIONS),
        ):
            await connection.execute(f"PREPARE {name} AS {sql}")
        await _rows_read(connection, _picking(500))
        await _rows_read(connection, _picking_besides(500))
        await _rows_read(connection, _giving([1]))

        await connection.execute(BACKLOG)
        seqs = [seq for (seq,) in await connection.fetch("SELECT seq FROM outbox_queue ORDER BY seq LIMIT 500")]
        assert await _rows_read(connection, _picking(500)) == 500 * 2  # of the queue, and of the outbox
        assert await _rows_read(connection, _picking_besides(500)) == 500 * 2
        assert await _rows_read(connection, _giving(seqs)) == 500
    finally:
        await connection.close()
        drop_database(url)


def _picking(limit: int) -> str:
    return f"pick({limit}, 0, 1000)"


def _picking_besides(limit: int) -> str:
    """While an event that was set aside has others of its key wait."""
    return f"pick_besides({limit}, 0, 1000, ARRAY['records'], ARRAY[gen_random_uuid()])"


def _giving(seqs: Sequence[int]) -> str:
    listed = ", ".join(map(str, seqs))
    firsts = ", ".join("0" for _ in seqs)
    return f"give(1, 0, ARRAY[{listed}], ARRAY[{firsts}], '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}')"


async def _rows_read(connection: asyncpg.Connection, call: str) -> int:
    """How many rows the scans of the outbox and its queue read for a prepared statement, those they left out included."""
    text = await connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE {call}")
    waiting = [json.loads(text)[0]["Plan"]]
    rows = 0.0
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        if node.get("Relation Name", "").startswith("outbox") and "Scan" in node["Node Type"]:
            rows += node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
    return round(rows)
