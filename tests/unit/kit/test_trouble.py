"""What the database's errors mean for whoever asked."""

import errno
import socket

import asyncpg
import pytest
from sqlalchemy import exc

from shared.kit.database import Trouble, driver_url, trouble


def wrapped(error: Exception) -> exc.DBAPIError:
    adapted = Exception("adapted")
    adapted.__cause__ = error
    return exc.DBAPIError("SELECT 1", {}, adapted)


def data_error(cause: Exception) -> asyncpg.DataError:
    error = asyncpg.DataError("invalid input for query argument $1")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (ConnectionRefusedError(), Trouble.AWAY),
        (ConnectionResetError(), Trouble.AWAY),
        (TimeoutError(), Trouble.AWAY),
        (socket.gaierror(), Trouble.AWAY),
        (OSError("Multiple exceptions: [Errno 111] …, [Errno 111] …"), Trouble.AWAY),
        (OSError(errno.EHOSTUNREACH, "No route to host"), Trouble.AWAY),
        (asyncpg.InterfaceError("connection is closed"), Trouble.AWAY),
        (asyncpg.InternalClientError("cannot switch to state 12"), Trouble.AWAY),
        (asyncpg.ConnectionDoesNotExistError("gone"), Trouble.AWAY),
        (asyncpg.AdminShutdownError("terminating"), Trouble.AWAY),
        (asyncpg.CannotConnectNowError("starting up"), Trouble.AWAY),
        (asyncpg.TooManyConnectionsError("too many"), Trouble.AWAY),
        (asyncpg.DiskFullError("no space left"), Trouble.AWAY),
        (asyncpg.LockNotAvailableError("lock timeout"), Trouble.BUSY),
        (asyncpg.QueryCanceledError("statement timeout"), Trouble.BUSY),
        (exc.TimeoutError("QueuePool limit"), Trouble.BUSY),
        (asyncpg.DeadlockDetectedError("deadlock"), Trouble.RETRY),
        (asyncpg.SerializationError("could not serialize"), Trouble.RETRY),
        (asyncpg.InvalidCachedStatementError("cached plan"), Trouble.RETRY),
        (asyncpg.CharacterNotInRepertoireError("0x00"), Trouble.UNSTORABLE),
        (asyncpg.UntranslatableCharacterError("u0000"), Trouble.UNSTORABLE),
        (asyncpg.NumericValueOutOfRangeError("bigint"), Trouble.UNSTORABLE),
        (data_error(OverflowError()), Trouble.UNSTORABLE),
        (data_error(UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates")), Trouble.UNSTORABLE),
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
def test_errors_mean_the_same_bare_and_through_sqlalchemy(error: Exception | None, meaning: Trouble | None) -> None:
    assert trouble(error) is meaning
    if error is not None and not isinstance(error, exc.SQLAlchemyError):
        assert trouble(wrapped(error)) is meaning


def test_libpqs_sslmode_is_translated() -> None:
    url = driver_url("postgresql://u:p%40@h:5433/d?sslmode=require")
    assert (url.drivername, url.password, url.query) == ("postgresql+asyncpg", "p@", {"ssl": "require"})
