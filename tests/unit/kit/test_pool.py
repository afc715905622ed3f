"""Connections that a process keeps open: how many, which one is given, and who waits."""

import asyncio
import time

import pytest

from shared.kit.exceptions import NoFreeConnection
from shared.kit.pool import ConnectionPool


class Connection:
    """As much of asyncpg's as a pool needs."""

    def __init__(self) -> None:
        self.closed = False

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        self.closed = True

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109  asyncpg's signature
        self.closed = True


class Server:
    def __init__(self, size: int = 2, wait_s: float = 0.05) -> None:
        self.opened: list[Connection] = []
        self.away = False
        self.pool = ConnectionPool(self.connect, size, wait_s)

    async def connect(self) -> Connection:
        await asyncio.sleep(0)
        if self.away:
            raise ConnectionRefusedError
        self.opened.append(Connection())
        return self.opened[-1]


async def test_the_connection_that_was_used_last_is_given_first() -> None:
    server = Server()
    first, second = await server.pool.take(), await server.pool.take()
    assert server.pool.taken == 2
    server.pool.give_back(first)
    server.pool.give_back(second)
    assert server.pool.taken == 0
    assert await server.pool.take() is second
    assert await server.pool.take() is first
    assert len(server.opened) == 2


async def test_who_finds_no_connection_waits_in_line_and_not_for_ever() -> None:
    server = Server(size=1)
    only = await server.pool.take()
    served: list[int] = []

    async def use(number: int) -> None:
        connection = await server.pool.take()
        served.append(number)
        server.pool.give_back(connection)

    waiting = [asyncio.create_task(use(number)) for number in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    server.pool.give_back(only)
    await asyncio.gather(*waiting, return_exceptions=True)
    assert served == [0, 2]
    await server.pool.take()
    with pytest.raises(NoFreeConnection):
        await server.pool.take()


async def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    server = Server(size=1)
    first = await server.pool.take()
    server.pool.give_back(first)
    first.closed = True
    second = await server.pool.take()
    assert second is not first
    second.closed = True
    server.pool.give_back(second)
    assert await server.pool.take() is server.opened[2]


async def test_an_old_connection_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(size=1)
    first = await server.pool.take()
    server.pool.give_back(first)
    now = time.monotonic() + 3601
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert await server.pool.take() is not first
    assert first.closed


async def test_a_connection_that_could_not_be_opened_takes_no_place() -> None:
    server = Server(size=1)
    server.away = True
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await server.pool.take()
    server.away = False
    assert await server.pool.take() is server.opened[0]


async def test_what_is_thrown_away_makes_room() -> None:
    server = Server(size=1)
    first = await server.pool.take()
    server.pool.throw_away(first)
    assert first.closed
    assert await server.pool.take() is server.opened[1]


async def test_a_closed_pool_closes_what_comes_back() -> None:
    server = Server()
    idle, used = await server.pool.take(), await server.pool.take()
    server.pool.give_back(idle)
    await server.pool.close()
    assert (idle.closed, used.closed) == (True, False)
    server.pool.give_back(used)
    assert used.closed
