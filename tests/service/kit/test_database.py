"""Connections to a database: how many there are, who waits for one, and what becomes of those that broke."""

import asyncio

import asyncpg
import pytest

from shared.kit import database as kit_database
from shared.kit.caller_shares import current_caller
from shared.kit.database import Database, DatabaseErrorKind, database_error_kind
from shared.kit.exceptions import NoFreeConnection
from tests.support.service import ServiceUnderTest

_PID = "SELECT pg_backend_pid()"


@pytest.fixture
async def two(tiny: ServiceUnderTest) -> Database:
    """A database with two connections at most."""
    return Database(tiny.settings.model_copy(update={"database_pool_size": 2}))


async def pid_of(database: Database) -> int:
    async with database.transaction() as session:
        found: int = await session.raw.fetchval(_PID)
        return found


async def test_one_connection_serves_one_transaction_after_the_other(two: Database) -> None:
    assert len({await pid_of(two) for _ in range(5)}) == 1
    assert two.in_use == 0
    await two.close()


async def test_who_finds_no_connection_waits_and_not_for_ever(two: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit_database, "_CHECKOUT_TIMEOUT_S", 0.2)
    async with two.transaction(), two.transaction() as second:
        waiting = asyncio.create_task(pid_of(two))
        with pytest.raises(NoFreeConnection, match="All 2 connections were in use") as refused:
            await waiting
        assert database_error_kind(refused.value) is DatabaseErrorKind.BUSY
        last = await second.raw.fetchval(_PID)
        waiting = asyncio.create_task(pid_of(two))
        await asyncio.sleep(0.05)
    assert await waiting == last
    await two.close()


async def test_who_was_cancelled_while_waiting_leaves_no_connection_taken(two: Database) -> None:
    async with two.transaction(), two.transaction():
        waiting = asyncio.create_task(pid_of(two))
        await asyncio.sleep(0.05)
        waiting.cancel()
        assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], asyncio.CancelledError)
    assert two.in_use == 0
    await two.close()


@pytest.mark.parametrize("in_transaction", [True, False])
async def test_a_statement_that_is_broken_off_takes_its_connection_with_it(two: Database, in_transaction: bool) -> None:
    before = await pid_of(two)

    async def sleep() -> None:
        async with two.transaction() if in_transaction else two.autocommit() as session:
            await session.raw.fetchval("SELECT pg_sleep(60)")

    broken_off = asyncio.create_task(sleep())
    await asyncio.sleep(0.2)
    broken_off.cancel()
    await asyncio.gather(broken_off, return_exceptions=True)
    assert two.in_use == 0
    if not in_transaction:
        assert await pid_of(two) != before
    assert not await _in_transaction(two)
    await two.close()


async def _in_transaction(database: Database) -> bool:
    """Whether a connection of the pool comes with a transaction of somebody else's."""
    async with database.autocommit() as session:
        return bool(session.raw.is_in_transaction())


async def test_a_connection_that_the_server_ended_is_replaced_before_anything_is_done_on_it(two: Database) -> None:
    before = await pid_of(two)
    await _end(two, before)
    assert await pid_of(two) != before
    await two.close()


async def test_a_connection_that_is_lost_in_a_transaction_fails_it_and_nothing_else(two: Database) -> None:
    committed = False

    def commit() -> None:
        nonlocal committed
        committed = True

    async def lose_it() -> None:
        async with two.transaction() as session:
            session.on_commit(commit)
            await _end(two, await session.raw.fetchval(_PID))
            await session.raw.fetchval(_PID)

    [failure] = await asyncio.gather(lose_it(), return_exceptions=True)
    assert database_error_kind(failure) is DatabaseErrorKind.AWAY
    assert not committed
    assert two.in_use == 0
    assert await pid_of(two)
    await two.close()


async def _end(database: Database, pid: int) -> None:
    other = await asyncpg.connect(database.url)
    await other.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await other.close()
    await asyncio.sleep(0.05)


async def test_what_a_transaction_sets_is_not_set_in_the_next_one(two: Database) -> None:
    async with two.transaction() as session:
        await session.raw.execute("SET LOCAL lock_timeout = '123ms'")
    async with two.transaction() as session:
        assert await session.raw.fetchval("SHOW lock_timeout") != "123ms"
    await two.close()


async def test_closing_does_not_wait_for_ever_for_what_is_in_use(
    two: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_database, "_CLOSE_TIMEOUT_S", 0.2)
    async with two.autocommit() as session:
        await session.raw.fetchval(_PID)
        async with asyncio.timeout(2):
            await two.close()


async def test_a_closed_database_opens_new_connections_when_it_is_asked_again(two: Database) -> None:
    before = await pid_of(two)
    await two.close()
    assert await pid_of(two) != before
    await two.close()


async def test_a_caller_has_half_of_the_connections_at_most_and_others_find_one(tiny: ServiceUnderTest) -> None:
    """Somebody whose requests wait for a lock of their own would take all of them."""
    four = Database(tiny.settings.model_copy(update={"database_pool_size": 4}))
    released = asyncio.Event()

    async def hold(caller: str | None) -> None:
        current_caller.set(caller)
        async with four.transaction():
            await released.wait()

    greedy = [asyncio.create_task(hold("greedy")) for _ in range(20)]
    await asyncio.sleep(0.3)
    assert four.in_use == 2
    cancelled, *greedy = greedy[2:] + greedy[:2]
    cancelled.cancel()
    others = [asyncio.create_task(hold(caller)) for caller in ("modest", None)]
    await asyncio.sleep(0.3)
    assert four.in_use == 4
    released.set()
    await asyncio.gather(*greedy, *others)
    assert four.in_use == 0
    async with asyncio.timeout(2):
        await asyncio.gather(*(hold("greedy") for _ in range(20)))
    await four.close()


async def test_a_connection_that_is_thrown_away_is_no_ones_share(two: Database) -> None:
    current_caller.set("somebody")
    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            async with two.autocommit():
                raise asyncio.CancelledError
    async with asyncio.timeout(2):
        await pid_of(two)
    current_caller.set(None)
    await two.close()
