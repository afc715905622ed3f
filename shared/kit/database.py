"""PostgreSQL: one engine, one pool, one open transaction per `Session`.

The engine is SQLAlchemy's over asyncpg in AUTOCOMMIT mode, and the transaction is asyncpg's own. So SQLAlchemy Core and
the bare asyncpg connection share one transaction, and the hot path doesn't pay for what it doesn't use.
"""

import asyncio
import contextlib
import errno
import re
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from enum import StrEnum
from types import TracebackType
from typing import Any

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL, CursorResult, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from shared.kit.settings import Settings

APPLICATION_NAME = "touchstone"
"""What every connection of a service calls itself."""

_CONNECT_TIMEOUT_S = 5.0
_CHECKOUT_TIMEOUT_S = 5.0
_CLIENT_GRACE_S = 5.0
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
_MAX_CONNECTION_AGE_S = 3600


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
    if isinstance(error, exc.TimeoutError):
        return DatabaseErrorKind.BUSY
    if isinstance(error, exc.DBAPIError) and error.orig is not None:
        error = error.orig.__cause__ or error.orig
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return DatabaseErrorKind.RETRY
    if isinstance(error, asyncpg.PostgresError):
        return _by_state(error)
    if isinstance(error, asyncpg.DataError):  # asyncpg's own: it could not encode a parameter
        return DatabaseErrorKind.UNSTORABLE if isinstance(error.__cause__, UnicodeError | OverflowError) else None
    lost = isinstance(error, exc.DBAPIError) and error.connection_invalidated
    return DatabaseErrorKind.AWAY if lost or _is_connection_lost(error) else None


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

    `raw` is the asyncpg connection, for constant SQL with `$1` parameters; jsonb goes in and out of it as text.
    `execute` takes SQLAlchemy Core and `text()`. Both are in the same transaction. Nobody but its owner commits it.
    """

    __slots__ = ("_callbacks", "_connection", "database", "raw", "releases")

    def __init__(self, connection: AsyncConnection, raw: Any, database: "Database") -> None:
        self._connection = connection
        self.raw = raw
        self.database = database
        self._callbacks: list[Callable[[], None]] = []
        self.releases: set[int] = set()  # of parked events, that this transaction has begun

    async def execute(
        self,
        statement: sa.Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        return await self._connection.execute(statement, parameters)

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what is done inside when it raises, and only that."""
        async with self.raw.transaction():
            yield

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call back once the transaction is committed; never if it isn't."""
        self._callbacks.append(callback)

    def committed(self) -> None:
        """Run the callbacks. For the owner of the transaction."""
        for callback in self._callbacks:
            callback()


class Database:
    """The pool of connections to one database; connects when first asked."""

    def __init__(self, settings: Settings) -> None:
        self._url = driver_url(settings.database_url.get_secret_value())
        self._server_settings = {
            "application_name": APPLICATION_NAME,
            "timezone": "UTC",
            "statement_timeout": str(settings.statement_timeout_ms),
            "lock_timeout": str(settings.lock_timeout_ms),
            **LETS_GO,
            "jit": "off",
            **settings.database_session,
        }
        self.engine = create_async_engine(
            self._url,
            isolation_level="AUTOCOMMIT",
            pool_size=settings.database_pool_size,
            max_overflow=0,
            pool_timeout=_CHECKOUT_TIMEOUT_S,
            pool_recycle=_MAX_CONNECTION_AGE_S,
            pool_use_lifo=True,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            hide_parameters=True,
            connect_args={
                "server_settings": self._server_settings,
                "timeout": _CONNECT_TIMEOUT_S,
                "command_timeout": settings.statement_timeout_ms / 1000 + _CLIENT_GRACE_S,
            },
        )
        # jsonb is text on the bare connection; Core columns of type JSONB are parsed by SQLAlchemy.
        self.engine.dialect.supports_native_json_deserialization = False
        sa.event.listen(self.engine.sync_engine, "connect", _leave_json_as_text)

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
        return await asyncpg.connect(
            host=self._url.host,
            port=self._url.port,
            user=self._url.username,
            password=self._url.password,
            database=self._url.database,
            timeout=_CONNECT_TIMEOUT_S,
            server_settings=self._server_settings,
            **self._url.query,
        )

    async def close(self) -> None:
        await self.engine.dispose()


class Transaction:
    """`async with` it. A class and not a generator, since every request pays for it."""

    __slots__ = ("_begins", "_connection", "_database", "_raw", "_session", "_transaction")

    def __init__(self, database: Database, *, begins: bool = True) -> None:
        self._database = database
        self._begins = begins

    async def __aenter__(self) -> Session:
        """Begin on a live connection. One that died in the pool is replaced: nothing was done on it yet."""
        failed_before = False
        while True:
            connection = await self._database.engine.connect()
            raw: Any = None
            try:
                raw = (await connection.get_raw_connection()).driver_connection
                if raw.is_closed():
                    await _abandon(connection, raw)
                    continue
                transaction = None
                if self._begins:
                    transaction = raw.transaction()
                    await transaction.start()
            except BaseException as error:
                await _abandon(connection, raw)
                if failed_before or database_error_kind(error) is not DatabaseErrorKind.AWAY:
                    raise
                failed_before = True
            else:
                self._connection, self._raw, self._transaction = connection, raw, transaction
                self._session = Session(connection, raw, self._database)
                return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._transaction is None:
                if error is not None and not isinstance(error, Exception):
                    self._raw.terminate()  # broken off in the middle of a statement
            elif error is None:
                await self._transaction.commit()
            elif not self._raw.is_closed():
                async with asyncio.timeout(_ROLLBACK_TIMEOUT_S):
                    await self._transaction.rollback()
        except BaseException as failure:
            # What the commit came to is unknown, or the connection can't be rolled back: nobody gets it again.
            await _abandon(self._connection, self._raw)
            if error is None or not isinstance(failure, Exception):
                raise
            return
        if self._raw.is_closed():
            await _abandon(self._connection, self._raw)
        else:
            await self._connection.close()
        if error is None:
            self._session.committed()


async def _abandon(connection: AsyncConnection, raw: Any) -> None:
    """Throw a connection away, whatever state it and its task are in."""
    if raw is not None:
        raw.terminate()

    async def forget() -> None:
        await connection.invalidate()
        await connection.close()

    await asyncio.shield(asyncio.ensure_future(forget()))


def _leave_json_as_text(connection: Any, _record: Any) -> None:
    async def reset(raw: Any) -> None:
        for name in ("json", "jsonb"):
            await raw.reset_type_codec(name, schema="pg_catalog")

    connection.run_async(reset)


def driver_url(url: str) -> URL:
    """Turn libpq's form of a URL into the one that SQLAlchemy's asyncpg dialect takes."""
    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    if "sslmode" in parsed.query:
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return parsed
