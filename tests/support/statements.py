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
    counting = True

    def log(query: Any) -> None:
        if counting and not query.query.strip().startswith(_TRANSACTION) and TYPE_LOOKUP not in query.query:
            sent.append(query.query)

    take = database.take

    async def take_and_log() -> Any:
        raw = await take()
        raw.add_query_logger(log)  # once, however often: the driver keeps a set
        return raw

    database.take = take_and_log  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        counting = False
        database.take = take  # type: ignore[method-assign]
