"""A process's connections to one database, kept open between transactions."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from shared.kit.exceptions import NoFreeConnection

_MAX_AGE_S: Final = 3600.0
_CLOSE_TIMEOUT_S: Final = 5.0


class ConnectionPool:
    """At most `size` asyncpg connections, opened when they are needed; who finds none waits, first come, first served.

    The one that was used last is given first: its prepared statements are warm, and those that a peak needed grow old
    unused. None is given that was closed meanwhile or is older than an hour.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], size: int, wait_s: float) -> None:
        self._connect = connect
        self._wait_s = wait_s
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[Any] = []
        self._use_until: dict[Any, float] = {}
        self._taken = 0
        self._closed = False

    @property
    def taken(self) -> int:
        """How many connections are in use."""
        return self._taken

    async def take(self) -> Any:
        """A connection, to be given back by `give_back` or `throw_away`.

        Raises:
            NoFreeConnection: all of them were in use for `wait_s` seconds.
        """
        await self._wait_for_place()
        try:
            connection = await self._idle_or_new()
        except BaseException:
            self._free.release()
            raise
        self._taken += 1
        return connection

    def give_back(self, connection: Any) -> None:
        """Keep it for the next one; it is in no transaction."""
        if connection.is_closed() or self._closed:
            self.throw_away(connection)
            return
        self._idle.append(connection)
        self._taken -= 1
        self._free.release()

    def throw_away(self, connection: Any) -> None:
        """Close it at once, whatever state it and its task are in."""
        self._use_until.pop(connection, None)
        connection.terminate()
        self._taken -= 1
        self._free.release()

    async def close(self) -> None:
        """Close what is idle now, and what is in use when it is given back."""
        self._closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*map(self._close, idle))

    async def _wait_for_place(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise NoFreeConnection(f"All {self._size} connections were in use for {self._wait_s:g} s.") from None

    async def _idle_or_new(self) -> Any:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed() and time.monotonic() < self._use_until[connection]:
                return connection
            await self._close(connection)
        connection = await self._connect()
        self._use_until[connection] = time.monotonic() + _MAX_AGE_S
        return connection

    async def _close(self, connection: Any) -> None:
        self._use_until.pop(connection, None)
        try:
            await connection.close(timeout=_CLOSE_TIMEOUT_S)
        except Exception:  # noqa: BLE001  it may be lost by now; `close` has let go of it in any case
            connection.terminate()
