"""A JSON object with a list of items: `{"records": [{…}, …]}`."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import orjson

from services.ingest.imports.ndjson import Raw
from services.ingest.imports.port import ImportItem, ImportSource, Line, Parsed, RefusedItem
from shared.contracts.personal_data import mask
from shared.contracts.values import json_pointer
from shared.contracts.visible import MAX_NAME
from shared.kit.bodies import JSON, LARGE_BYTES
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.exceptions import MalformedJson
from shared.kit.problems import MAX_ERRORS, Problem, ProblemError
from shared.kit.storable_json import (
    Fault,
    may_be_rounded,
    may_hold_nul,
    may_repeat_names,
    read_exactly,
    read_json,
    refuse_faults,
)

MAX_ITEMS: Final = 10_000
MAX_VALUES: Final = 500_000
"""How many values a batch may hold. It is parsed by a worker process, where that takes long."""

_TIMEOUT_S: Final = 20.0


class JsonBatch:
    media_types: tuple[str, ...] = (JSON,)
    is_batch = True

    async def lines(self, pieces: AsyncIterator[bytes], source: ImportSource) -> AsyncIterator[list[Line]]:
        body = b"".join([piece async for piece in pieces])
        try:
            items = await _items(body, source)
        except MalformedJson as error:
            raise Problem(400, "malformed-json", "The body is not JSON (RFC 8259).", str(error)) from None
        size = len(body) // len(items)
        del body  # the items are what is left of it
        yield [
            Line(number, item, len(item.data) if isinstance(item, Raw) else size)
            for number, item in enumerate(items, start=1)
        ]


async def _items(body: bytes, source: ImportSource) -> list[ImportItem]:
    if len(body) < LARGE_BYTES:
        return [*read_items(source.name, body)]
    try:
        return await source.compute.run(
            cut_items, source.name, body, project_id=source.project_id, timeout_s=_TIMEOUT_S
        )
    except ComputeFailed:
        raise Problem(413, "too-costly", "It takes too much time or memory to read the body.") from None


def read_items(name: str, body: bytes) -> list[Parsed]:
    """The items of a batch.

    Raises:
        MalformedJson: it isn't JSON.
        Problem: 413, 422, it is no batch.
    """
    whole = read_json(body, MAX_VALUES)
    faults = may_be_rounded(body) or may_repeat_names(body, whole)
    items = _listed(name, read_exactly(body) if faults else whole)
    nul = may_hold_nul(body)
    return [Parsed(item, nul, faults) for item in items]


def cut_items(name: str, body: bytes) -> list[ImportItem]:
    """As `read_items`, each item as a line would have it, or refused: what a worker process answers is to be read quickly."""
    return [_cut(item) for item in read_items(name, body)]


def _cut(item: Parsed) -> ImportItem:
    try:
        return Raw(orjson.dumps(item.parse()))
    except Problem as problem:
        return RefusedItem(mask(problem.pointer or ""), problem.type, problem.title)


def _listed(name: str, whole: Any) -> list[Any]:
    if isinstance(whole, Fault):
        refuse_faults(whole)
    if not isinstance(whole, dict):
        raise _refused(f"The body is a JSON object with {name}.")
    if name not in whole:
        raise _refused(f"The body has no {name}.", name)
    unknown = [member for member in whole if member != name]
    if unknown:
        raise _unknown_members(name, unknown)
    items = whole[name]
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_ITEMS:
        raise _refused(f"It is a list of 1 to {MAX_ITEMS} items; more of them come as a stream.", name)
    return items


def _refused(detail: str, *path: str) -> Problem:
    return Problem(422, "invalid-request", "The request breaks a rule.", detail, pointer=json_pointer(*path))


def _unknown_members(name: str, unknown: Sequence[str]) -> Problem:
    """A name that is longer than names may be is not shown."""
    errors = [
        ProblemError(
            pointer=json_pointer(mask(member)) if len(member) <= MAX_NAME else "",
            rule="extra_forbidden",
            detail=f"The body holds {name} and nothing else.",
        )
        for member in unknown[:MAX_ERRORS]
    ]
    return Problem(
        422, "invalid-request", "The request breaks a rule.", errors[0].detail, pointer=errors[0].pointer, errors=errors
    )
