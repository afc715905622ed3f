"""Bodies of many items: a JSON batch or an NDJSON stream, described and read in one way."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request

from services.ingest.api import lines
from services.ingest.api.lines import Line
from services.ingest.api.shapes import self_contained
from shared.contracts.values import json_pointer
from shared.kit.bodies import JSON, may_hold_nul, read_json
from shared.kit.exceptions import MalformedJson
from shared.kit.problems import Problem

MAX_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Many:
    """What came, in chunks. Of a batch, which is bounded, each item is answered; of a stream only the bad ones are."""

    is_batch: bool
    chunks: AsyncIterator[list[Line]]


def described(name: str, item: type[BaseModel], noun: str) -> dict[str, Any]:
    """For `openapi_extra=`: `{name: [item, …]}`, or an item on each line."""
    schema = self_contained(item)
    example = schema["examples"][0]
    batch = {
        "type": "object",
        "required": [name],
        "additionalProperties": False,
        "properties": {name: {"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": schema}},
    }
    stream = {"type": "string", "description": f"A {noun}, as JSON, on each line."}
    return {
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": batch, "example": {name: [example]}},
                lines.NDJSON: {"schema": stream, "example": lines.as_line(example)},
            },
        }
    }


async def read_many(request: Request, name: str, max_line_bytes: int) -> Many:
    """The body in chunks of lines.

    Raises:
        Problem: 415, it is neither; 400, it isn't JSON; 422, it is no batch.
    """
    if lines.is_stream(request):
        return Many(is_batch=False, chunks=lines.chunks_of_stream(request, max_line_bytes))
    try:
        body = await request.body()
        whole = read_json(body)
    except MalformedJson:
        raise Problem(400, "malformed-json", "The body is not JSON (RFC 8259).") from None
    return Many(is_batch=True, chunks=lines.chunks_of_batch(_items(whole, name), nul=may_hold_nul(body)))


def _items(raw: Any, name: str) -> list[Any]:
    if not isinstance(raw, dict):
        raise _refused(f"The body is a JSON object with {name}.")
    if name not in raw:
        raise _refused(f"The body has no {name}.", name)
    if len(raw) > 1:
        raise _refused(f"The body holds {name} and nothing else.")
    items = raw[name]
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_BATCH:
        raise _refused(f"It is a list of 1 to {MAX_BATCH} items; more of them come as {lines.NDJSON}.", name)
    return items


def _refused(detail: str, *path: str) -> Problem:
    return Problem(422, "invalid-request", "The request breaks a rule.", detail, pointer=json_pointer(*path))
