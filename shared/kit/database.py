"""PostgreSQL: one pool of asyncpg's connections, one open transaction per `Session`."""

import asyncio
import contextlib
import errno
import re
import socket
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from types import TracebackType
from typing import Any

import asyncpg

from shared.kit.caller_shares import CallerShares, current_caller
from shared.kit.exceptions import NoFreeConnection
from shared.kit.settings import Settings

APPLICATION_NAME = "touchstone"
"""What every connection of a service calls itself."""

_CONNECT_TIMEOUT_S = 5.0
_CHECKOUT_TIMEOUT_S = 5.0
_CLIENT_GRACE_S = 5.0
_CLOSE_TIMEOUT_S = 5.0
_ROLLBACK_TIMEOUT_S = 2.0
# A host that is lost, or a process that hangs in a transaction, lets go of its locks within so many seconds.
_GONE_AFTER_S = 6
LETS_GO = {
    "idle_in_transaction_session_timeout": str(_GONE_AFTER_S * 1000),
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": str(_GONE_AFTER_S * 1000),
    "client_connection_check_interval": str(_GONE_AFTER_S * 1000),
}


class DatabaseErrorKind(StrEnum):
    """What an error from the database means for whoever asked."""

    AWAY = "away"  # no server, or it went: try again later
    BUSY = "busy"  # a lock, a statement or a free connection took too long: try again later
    RETRY = "retry"  # the transaction lost against another one: try again now
    UNSTORABLE = "unstorable"  # the input holds what no column can hold: never try again


_RETRY = {"40001", "40P01", "0A000"}  # serialization failure, deadlock, cached plan invalid after a migration
_BUSY = {"55P03", "57014", "25P03", "25P04"}  # lock timeout, statement timeout, idle or transaction timeout
_AWAY = {"57P01", "57P02", "57P03", "57P05", "53300", "25006"}  # shutdown, crash, starting, too many, read only
_CLOSED = re.compile(r"\bclos(ed|ing)\b|released back")
_NETWORK_ERRORS = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EMFILE}
_UNSTORABLE = {"22021", "22P05", "22003"}  # NUL or broken text, number out of range


def database_error_kind(error: BaseException | None) -> DatabaseErrorKind | None:
    """Classify an exception; None when it isn't the database's, or is a fault of ours."""
    if isinstance(error, NoFreeConnection):
        return DatabaseErrorKind.BUSY
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return DatabaseErrorKind.RETRY
    if isinstance(error, asyncpg.PostgresError):
        return _by_state(error)
    if isinstance(error, asyncpg.DataError):  # asyncpg's own: it could not encode a parameter
        return DatabaseErrorKind.UNSTORABLE if isinstance(error.__cause__, UnicodeError | OverflowError) else None
    return DatabaseErrorKind.AWAY if _is_connection_lost(error) else None


def _is_connection_lost(error: BaseException | None) -> bool:
    if isinstance(error, asyncpg.InterfaceError):
        return _CLOSED.search(str(error)) is not None  # the others are faults of ours
    if type(error) is OSError:  # what asyncio raises when several addresses refuse; a missing file has its own class
        return error.errno is None or error.errno in _NETWORK_ERRORS
    return isinstance(error, asyncpg.InternalClientError | ConnectionError | TimeoutError | socket.gaierror)


def _by_state(error: Any) -> DatabaseErrorKind | None:
    state = error.sqlstate or ""
    if state in _RETRY and not (state == "0A000" and not isinstance(error, asyncpg.InvalidCachedStatementError)):
        return DatabaseErrorKind.RETRY
    if state in _BUSY:
        return DatabaseErrorKind.BUSY
    if state in _AWAY or state.startswith(("08", "53", "58")):
        return DatabaseErrorKind.AWAY
    if state in _UNSTORABLE or isinstance(error.__cause__, UnicodeError | OverflowError):
        return DatabaseErrorKind.UNSTORABLE
    return None


class Session:
    """One open transaction.

    `raw` is the asyncpg connection, for constant SQL with `$1` parameters; jsonb goes in and out of it as text. Nobody but
    its owner commits it.
    """

    __slots__ = ("_callbacks", "database", "raw", "releases")

    def __init__(self, raw: Any, database: "Database") -> None:
        self.raw = raw
        self.database = database
        self._callbacks: list[Callable[[], None]] = []
        self.releases: set[int] = set()  # of parked events, that this transaction has begun

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what is done inside when it raises, and only that."""
        async with self.raw.transaction():
            yield

    def wake(self, name: str) -> None:
        """Wake whoever waits for the name in this process, once the transaction is committed; see `Replica.on_wake`."""
        self.on_commit(lambda: self.database.wake(name))

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call back once the transaction is committed; never if it isn't."""
        self._callbacks.append(callback)

    def committed(self) -> None:
        """Run the callbacks. For the owner of the transaction."""
        for callback in self._callbacks:
            callback()


class Database:
    """The pool of connections to one database; connects when first asked. `wake` is what `Session.wake` calls."""

    def __init__(self, settings: Settings, wake: Callable[[str], None] = lambda _: None) -> None:
        self.wake = wake
        self.url = settings.database_url.get_secret_value()
        self._size = settings.database_pool_size
        self._command_timeout_s = settings.statement_timeout_ms / 1000 + _CLIENT_GRACE_S
        self._server_settings = {
            "application_name": APPLICATION_NAME,
            "timezone": "UTC",
            "statement_timeout": str(settings.statement_timeout_ms),
            "lock_timeout": str(settings.lock_timeout_ms),
            **LETS_GO,
            "jit": "off",
            **settings.database_session,
        }
        self._pool: Any = None
        self._closed = True  # until somebody asks
        self._shares = CallerShares(self._size)
        self._callers: dict[Any, str | None] = {}  # who has which connection

    def transaction(self) -> "Transaction":
        """Open a transaction; commit it on a clean exit, roll it back on an exception."""
        return Transaction(self)

    def autocommit(self) -> "Transaction":
        """A session whose every statement is a transaction of its own: for hot paths of one constant statement.

        What `Session.on_commit` was given is called back on a clean exit.
        """
        return Transaction(self, begins=False)

    async def dedicated(self) -> Any:
        """A connection of its own, outside the pool: to hold session locks or to LISTEN. The caller closes it."""
        return await asyncpg.connect(self.url, timeout=_CONNECT_TIMEOUT_S, server_settings=self._server_settings)

    async def take(self) -> Any:
        """A connection of the pool, to be given back, or thrown away.

        Raises:
            NoFreeConnection: all of them, or all that the caller may have, were in use for some time.
        """
        if self._closed:
            self._pool, self._closed = self._make_pool(), False
        pool = await self._pool  # which has nothing to do after the first time
        caller = current_caller.get()
        try:
            async with asyncio.timeout(_CHECKOUT_TIMEOUT_S):
                await self._shares.take(caller)
                try:
                    raw = await pool.acquire()
                except BaseException:
                    self._shares.give_back(caller)
                    raise
                self._callers[raw] = caller
                return raw
        except TimeoutError:
            message = f"All {self._size} connections were in use for {_CHECKOUT_TIMEOUT_S:g} s."
            raise NoFreeConnection(message) from None

    async def give_back(self, raw: Any) -> None:
        """Keep the connection for others; it is in no transaction. One that is closed makes room for a new one."""
        try:
            await self._pool.release(raw)
        finally:
            self._shares.give_back(self._callers.pop(raw, None))

    def throw_away(self, raw: Any) -> None:
        """Close a connection at once, whatever state it and its task are in; the pool may open another one."""
        try:
            with contextlib.suppress(asyncpg.InterfaceError):  # it is thrown away already
                raw.terminate()
        finally:
            self._shares.give_back(self._callers.pop(raw, None))

    @property
    def in_use(self) -> int:
        """How many connections of the pool are taken."""
        taken: int = 0 if self._pool is None else self._pool.get_size() - self._pool.get_idle_size()
        return taken

    async def close(self) -> None:
        """Close all connections; those in use after some seconds. The next transaction opens new ones."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    def _make_pool(self) -> Any:
        return asyncpg.create_pool(
            self.url,
            min_size=0,
            max_size=self._size,
            connect=_connect,
            reset=_leave_as_it_is,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=self._command_timeout_s,
            server_settings=self._server_settings,
        )


async def _connect(*arguments: Any, **named: Any) -> Any:
    """Connect; a server that doesn't answer is away, not busy."""
    try:
        return await asyncpg.connect(*arguments, **named)
    except TimeoutError as error:
        raise ConnectionError("The server did not answer in time.") from error


async def _leave_as_it_is(_raw: Any) -> None:
    """A connection comes back as it was: what a transaction sets, it sets for itself alone. Spares a round trip."""


class Transaction:
    """`async with` it. A class and not a generator, since every request pays for it."""

    __slots__ = ("_begins", "_database", "_raw", "_session", "_transaction")

    def __init__(self, database: Database, *, begins: bool = True) -> None:
        self._database = database
        self._begins = begins

    async def __aenter__(self) -> Session:
        """Begin on a live connection. One that died in the pool is replaced: nothing was done on it yet."""
        failed_before = False
        while True:
            raw: Any = None
            try:
                raw = await self._database.take()
                transaction = None
                if self._begins:
                    transaction = raw.transaction()
                    await transaction.start()
            except BaseException as error:
                if raw is not None:
                    self._database.throw_away(raw)
                if failed_before or database_error_kind(error) is not DatabaseErrorKind.AWAY:
                    raise
                failed_before = True
            else:
                self._raw, self._transaction = raw, transaction
                self._session = Session(raw, self._database)
                return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raw = self._raw
        try:
            if self._transaction is None:
                if error is not None and not isinstance(error, Exception):
                    self._database.throw_away(raw)  # broken off in the middle of a statement
            elif error is None:
                await self._transaction.commit()
            else:
                async with asyncio.timeout(_ROLLBACK_TIMEOUT_S):
                    await self._transaction.rollback()
        except BaseException as failure:
            # What the commit came to is unknown, or the connection can't be rolled back: nobody gets it again.
            self._database.throw_away(raw)
            if error is None or not isinstance(failure, Exception):
                raise
            return
        await self._database.give_back(raw)
        if error is None:
            self._session.committed()
