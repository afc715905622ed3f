"""One connection to the log's database, and what both ends of the log know."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import asyncpg

from shared.kit.database import LETS_GO, DatabaseErrorKind, database_error_kind
from shared.kit.exceptions import BusUnavailable

CHANNEL: Final = "touchstone_bus"
_CONNECT_TIMEOUT_S: Final = 5.0
_COMMAND_TIMEOUT_S: Final = 30.0
_CLOSE_TIMEOUT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class LogSettings:
    """`session_s`: after how long a silent member loses its partitions; `poll_s`: after how long without a notification the log is read."""

    url: str
    prefix: str
    session_s: float
    poll_s: float


class LogTopic(NamedTuple):
    id: int
    partitions: int
    kept: str
    retention_s: int


class Link:
    """One connection, made when needed and again when lost; one user at a time."""

    def __init__(
        self, url: str, server_settings: dict[str, str], prepare: Callable[[Any], Awaitable[None]] | None = None
    ) -> None:
        self._url = url
        self._settings = {
            "application_name": "touchstone-bus",
            "timezone": "UTC",
            "jit": "off",
            **LETS_GO,
            **server_settings,
        }
        self._prepare = prepare
        self._lock = asyncio.Lock()
        self._connection: Any = None

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[Any]:
        """The connection, for the length of the block. Raises BusUnavailable when the server is away."""
        async with self._lock:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._connect()
                yield self._connection
            except Exception as error:
                if database_error_kind(error) is None:
                    raise
                if database_error_kind(error) is DatabaseErrorKind.AWAY:
                    self.terminate()
                raise BusUnavailable(f"{type(error).__name__}: {error}") from error
            except BaseException:
                self.terminate()  # cancelled in the middle of a transaction
                raise

    async def _connect(self) -> Any:
        connection = await asyncpg.connect(
            self._url, timeout=_CONNECT_TIMEOUT_S, command_timeout=_COMMAND_TIMEOUT_S, server_settings=self._settings
        )
        if self._prepare is not None:
            try:
                await self._prepare(connection)
            except BaseException:
                connection.terminate()
                raise
        return connection

    def terminate(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None and not connection.is_closed():
                with contextlib.suppress(Exception):
                    await connection.close(timeout=_CLOSE_TIMEOUT_S)
