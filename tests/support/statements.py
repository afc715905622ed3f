"""Counts the SQL statements that a service sends."""

import contextlib
from collections.abc import Iterator
from typing import Any

from shared.kit.database import Database

TYPE_LOOKUP = "typeinfo_tree"
"""In what the driver asks once a connection, of each type that a parameter has."""
_TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SELECT pg_advisory")


@contextlib.contextmanager
def sent_statements(database: Database) -> Iterator[list[str]]:
    """The statements that are sent on the pool's connections meanwhile, without those that begin or end transactions."""
    sent: list[str] = []
    logged: list[Any] = []

    def log(query: Any) -> None:
        if not query.query.strip().startswith(_TRANSACTION) and TYPE_LOOKUP not in query.query:
            sent.append(query.query)

    take = database.pool.take

    async def take_and_log() -> Any:
        raw = await take()
        if raw not in logged:
            raw.add_query_logger(log)
            logged.append(raw)
        return raw

    database.pool.take = take_and_log  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        database.pool.take = take  # type: ignore[method-assign]
        for raw in logged:
            raw.remove_query_logger(log)
