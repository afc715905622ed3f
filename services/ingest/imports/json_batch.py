"""A JSON object with a list of items: `{"records": [{…}, …]}`."""

from collections.abc import AsyncIterator
from typing import Final

import orjson

from services.ingest.imports.ndjson import Raw
from services.ingest.imports.port import ImportItem, ImportSource, Line, RefusedItem
from shared.kit.bodies import JSON, LARGE_BYTES
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.exceptions import MalformedJson
from shared.kit.json_batches import BatchItem, read_items, shown_pointer
from shared.kit.problems import Problem

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
        return [*_read(source.name, body)]
    try:
        return await source.compute.run(
            cut_items, source.name, body, project_id=source.project_id, timeout_s=_TIMEOUT_S
        )
    except ComputeFailed:
        raise Problem(413, "too-costly", "It takes too much time or memory to read the body.") from None


def cut_items(name: str, body: bytes) -> list[ImportItem]:
    """The items, each as a line would have it, or refused: what a worker process answers is to be read quickly."""
    return [_cut(item) for item in _read(name, body)]


def _cut(item: BatchItem) -> ImportItem:
    try:
        return Raw(orjson.dumps(item.parse()))
    except Problem as problem:
        return RefusedItem(shown_pointer(problem), problem.type, problem.title)


def _read(name: str, body: bytes) -> list[BatchItem]:
    """The items of a batch; raises as `shared.kit.json_batches.read_items`."""
    return read_items(name, body, MAX_ITEMS, MAX_VALUES, hint="; more of them come as a stream")
