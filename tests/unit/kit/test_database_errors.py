"""What the database's errors mean for whoever asked."""

import errno
import socket

import asyncpg
import pytest

from shared.kit.database import DatabaseErrorKind, database_error_kind
from shared.kit.exceptions import NoFreeConnection
from shared.kit.migrations import driver_url


def data_error(cause: Exception) -> asyncpg.DataError:
    error = asyncpg.DataError("invalid input for query argument $1")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (ConnectionRefusedError(), DatabaseErrorKind.AWAY),
        (ConnectionResetError(), DatabaseErrorKind.AWAY),
        (TimeoutError(), DatabaseErrorKind.AWAY),
        (socket.gaierror(), DatabaseErrorKind.AWAY),
        (OSError("Multiple exceptions: [Errno 111] …, [Errno 111] …"), DatabaseErrorKind.AWAY),
        (OSError(errno.EHOSTUNREACH, "No route to host"), DatabaseErrorKind.AWAY),
        (asyncpg.InterfaceError("connection is closed"), DatabaseErrorKind.AWAY),
        (asyncpg.InternalClientError("cannot switch to state 12"), DatabaseErrorKind.AWAY),
        (asyncpg.ConnectionDoesNotExistError("gone"), DatabaseErrorKind.AWAY),
        (asyncpg.AdminShutdownError("terminating"), DatabaseErrorKind.AWAY),
        (asyncpg.CannotConnectNowError("starting up"), DatabaseErrorKind.AWAY),
        (asyncpg.TooManyConnectionsError("too many"), DatabaseErrorKind.AWAY),
        (asyncpg.DiskFullError("no space left"), DatabaseErrorKind.AWAY),
        (asyncpg.LockNotAvailableError("lock timeout"), DatabaseErrorKind.BUSY),
        (asyncpg.QueryCanceledError("statement timeout"), DatabaseErrorKind.BUSY),
        (NoFreeConnection(), DatabaseErrorKind.BUSY),
        (asyncpg.DeadlockDetectedError("deadlock"), DatabaseErrorKind.RETRY),
        (asyncpg.SerializationError("could not serialize"), DatabaseErrorKind.RETRY),
        (asyncpg.InvalidCachedStatementError("cached plan"), DatabaseErrorKind.RETRY),
        (asyncpg.CharacterNotInRepertoireError("0x00"), DatabaseErrorKind.UNSTORABLE),
        (asyncpg.UntranslatableCharacterError("u0000"), DatabaseErrorKind.UNSTORABLE),
        (asyncpg.NumericValueOutOfRangeError("bigint"), DatabaseErrorKind.UNSTORABLE),
        (data_error(OverflowError()), DatabaseErrorKind.UNSTORABLE),
        (data_error(UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates")), DatabaseErrorKind.UNSTORABLE),
        (None, None),
        (ValueError(), None),
        (FileNotFoundError(errno.ENOENT, "No such file"), None),
        (PermissionError(errno.EACCES, "denied"), None),
        (data_error(TypeError()), None),
        (asyncpg.InterfaceError("cannot perform operation: another operation is in progress"), None),
        (asyncpg.UniqueViolationError("duplicate"), None),
        (asyncpg.PostgresSyntaxError("syntax"), None),
        (asyncpg.FeatureNotSupportedError("not supported"), None),
    ],
)
def test_what_errors_mean(error: Exception | None, meaning: DatabaseErrorKind | None) -> None:
    assert database_error_kind(error) is meaning


def test_libpqs_sslmode_is_translated() -> None:
    url = driver_url("postgresql://u:p%40@h:5433/d?sslmode=require")
    assert (url.drivername, url.password, url.query) == ("postgresql+asyncpg", "p@", {"ssl": "require"})
