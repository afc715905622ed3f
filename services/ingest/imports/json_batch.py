"""A JSON object with a list of items: `{"records": [{…}, …]}`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from services.ingest.imports.port import Line, Parsed
from shared.contracts.values import json_pointer
from shared.kit.bodies import (
    JSON,
    LARGE_BYTES,
    Fault,
    may_be_rounded,
    may_hold_nul,
    may_repeat_names,
    read_exactly,
    read_json,
    refuse_faults,
)
from shared.kit.exceptions import MalformedJson
from shared.kit.problems import Problem

MAX_ITEMS: Final = 10_000


class JsonBatch:
    media_types: tuple[str, ...] = (JSON,)
    is_batch = True

    def __init__(self, name: str) -> None:
        self._name = name

    async def lines(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[list[Line]]:
        body = b"".join([piece async for piece in pieces])
        try:
            whole, faults = _read(body) if len(body) < LARGE_BYTES else await asyncio.to_thread(_read, body)
        except MalformedJson as error:
            raise Problem(400, "malformed-json", "The body is not JSON (RFC 8259).", str(error)) from None
        items = self._items(whole)
        nul, size = may_hold_nul(body), len(body) // len(items)
        yield [Line(number, Parsed(item, nul, faults), size) for number, item in enumerate(items, start=1)]

    def _items(self, whole: Any) -> list[Any]:
        name = self._name
        if isinstance(whole, Fault):
            refuse_faults(whole)
        if not isinstance(whole, dict):
            raise _refused(f"The body is a JSON object with {name}.")
        if name not in whole:
            raise _refused(f"The body has no {name}.", name)
        if len(whole) > 1:
            raise _refused(f"The body holds {name} and nothing else.")
        items = whole[name]
        if not isinstance(items, list) or not 1 <= len(items) <= MAX_ITEMS:
            raise _refused(f"It is a list of 1 to {MAX_ITEMS} items; more of them come as a stream.", name)
        return items


def _read(body: bytes) -> tuple[Any, bool]:
    """The parsed body, and whether there may be a `Fault` in it."""
    whole = read_json(body)
    if may_be_rounded(body) or may_repeat_names(body, whole):
        return read_exactly(body), True
    return whole, False


def _refused(detail: str, *path: str) -> Problem:
    return Problem(422, "invalid-request", "The request breaks a rule.", detail, pointer=json_pointer(*path))
