"""JSON in and out of jsonb columns through the bare connection."""

from typing import Any

import orjson
from pydantic import BaseModel


def dump(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    return orjson.dumps(value).decode()


def load(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
