"""jsonb in and out of the bare asyncpg connection, which takes and gives it as text."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel


def dump(value: Any) -> str | None:
    """The text of a jsonb parameter; None stays SQL's null."""
    if value is None:
        return None
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    return orjson.dumps(value, default=_as_json, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _as_json(value: Any) -> Any:
    """What orjson takes of a model within a value; raises TypeError for what isn't one."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)


def load(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def loaded(row: Mapping[str, Any], *columns: str) -> dict[str, Any]:
    """A row as a dictionary, with its jsonb columns parsed."""
    found = dict(row)
    for column in columns:
        found[column] = load(found[column])
    return found
