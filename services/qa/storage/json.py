"""jsonb goes through asyncpg as text."""

from collections.abc import Mapping
from typing import Any

import orjson


def dump(value: Any) -> str | None:
    """For a jsonb parameter; None stays SQL's null."""
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def load(value: str | None) -> Any:
    return None if value is None else orjson.loads(value)


def loaded(row: Mapping[str, Any], *columns: str) -> dict[str, Any]:
    """A row as a dictionary, with its jsonb columns parsed."""
    found = dict(row)
    for column in columns:
        found[column] = load(found[column])
    return found
