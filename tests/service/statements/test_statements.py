"""Every constant SQL statement of a service is one that PostgreSQL accepts on the service's own tables."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator

import asyncpg
import pytest

from shared.contracts.services import SERVICE_NAMES

_STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s", re.IGNORECASE)


def statements(service: str) -> Iterator[tuple[str, str]]:
    """(where, SQL) of every module-level text of the storage package that begins as a statement does."""
    package = importlib.import_module(f"services.{service}.storage")
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if isinstance(value, str) and _STATEMENT.match(value) and "{" not in value:
                yield f"{found.name}.{name}", value


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_every_statement_is_accepted(service: str, migrated: Callable[[str], str]) -> None:
    refused: list[str] = []
    connection = await asyncpg.connect(migrated(service))
    try:
        for where, statement in statements(service):
            try:
                await connection.prepare(statement)
            except asyncpg.PostgresError as error:
                refused.append(f"{where}: {error}")
    finally:
        await connection.close()
    assert refused == []
