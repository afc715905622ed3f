"""Bodies of many lines: NDJSON streams read in constant memory, and JSON batches, both in chunks."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request

from services.ingest.api.shapes import Rejection
from shared.kit.bodies import JSON, check_storable, lift_body_limit, parse_json, require_media_type
from shared.kit.exceptions import MalformedJson
from shared.kit.problems import Problem

NDJSON = "application/x-ndjson"
_NDJSON_TOO = ("application/ndjson", "application/jsonl")
CHUNK_LINES = 1000
"""Most lines in one transaction."""
CHUNK_BYTES = 4 * 1024 * 1024
"""Bytes after which a chunk is full, however few lines it has."""
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line as it came: bytes of a stream, or an item of a batch. `raw` None: longer than a line may be.

    `nul` False: there is none in the batch, so nobody has to look.
    """

    number: int
    raw: Any
    nul: bool = True

    def parse(self) -> Any:
        """The line's JSON.

        Raises:
            LineRefused: it is none, or none that can be stored.
        """
        if self.raw is None:
            raise LineRefused("line-too-long", "a line may not be so long")
        try:
            if not isinstance(self.raw, bytes):
                check_storable(self.raw, nul=self.nul)
                return self.raw
            value = parse_json(self.raw)
        except MalformedJson as error:
            raise LineRefused("json-malformed", str(error)) from None
        except Problem as problem:
            raise LineRefused(problem.type, problem.title, problem.pointer or "") from None
        # As many names as there are strings before a colon; else it is looked at closely, which takes long.
        if self.raw.count(b'":') != _names(value):
            _refuse_repeated(self.raw)
        return value


class LineRefused(ValueError):
    """The line can't be read."""

    def __init__(self, reason: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.pointer = pointer


def is_stream(request: Request) -> bool:
    """Whether the body is NDJSON; raises the 415 problem for anything but that and JSON."""
    if "content-type" not in request.headers:
        return False
    return require_media_type(request, JSON, NDJSON, *_NDJSON_TOO) != JSON


def as_line(value: Any) -> str:
    return orjson.dumps(value).decode() + "\n"


def _names(value: Any) -> int:
    """How many names the objects in it have."""
    found, inner = (len(value), value.values()) if isinstance(value, dict) else (0, value)
    if isinstance(value, dict | list):
        for item in inner:
            if type(item) is dict or type(item) is list:  # the parser makes no others; most items are neither
                found += _names(item)
    return found


def _refuse_repeated(raw: bytes) -> None:
    """Which of two values is meant nobody can know (RFC 8259, section 4)."""

    def check(pairs: list[tuple[str, Any]]) -> None:
        if len(pairs) != len({name for name, _ in pairs}):
            raise LineRefused("name-repeated", "an object has a name twice")

    json.loads(raw, object_pairs_hook=check)


async def chunks_of_stream(request: Request, max_line_bytes: int) -> AsyncIterator[list[Line]]:
    """The lines of the body in chunks; blank lines count but are left out."""
    lift_body_limit(request)
    splitter = _Splitter(max_line_bytes)
    chunk: list[Line] = []
    size = 0
    async for piece in request.stream():
        for line in splitter.feed(piece):
            chunk.append(line)
            size += len(line.raw or b"")
            if len(chunk) >= CHUNK_LINES or size >= CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
    chunk += splitter.end()
    if chunk:
        yield chunk


async def chunks_of_batch(items: Sequence[Any], *, nul: bool) -> AsyncIterator[list[Line]]:
    """The items of a JSON batch in chunks."""
    for start in range(0, len(items), CHUNK_LINES):
        part = items[start : start + CHUNK_LINES]
        yield [Line(start + index + 1, item, nul) for index, item in enumerate(part)]


class _Splitter:
    """Cuts pieces of a stream into lines and holds at most one unfinished line."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._open: list[bytes] = []
        self._open_bytes = 0
        self._number = 0

    def feed(self, piece: bytes) -> Iterator[Line]:
        first, *rest = piece.split(b"\n")
        self._hold(first)
        if not rest:
            return
        yield from self.end()
        unfinished = rest.pop()
        for raw in rest:  # whole lines, that need no holding
            self._number += 1
            if len(raw) > self._max:
                yield Line(self._number, None)
            elif raw and not raw.isspace():
                yield Line(self._number, raw)
        self._hold(unfinished)

    def end(self) -> Iterator[Line]:
        """Close the unfinished line."""
        self._number += 1
        too_long = self._open_bytes > self._max
        raw = b"" if too_long else b"".join(self._open)
        self._open, self._open_bytes = [], 0
        if self._number == 1:
            raw = raw.removeprefix(_BOM)
        if too_long:
            yield Line(self._number, None)
        elif raw and not raw.isspace():
            yield Line(self._number, raw)

    def _hold(self, part: bytes) -> None:
        self._open_bytes += len(part)
        if self._open_bytes > self._max:
            self._open = []
        elif part:
            self._open.append(part)


class Tally:
    """Counts what became of lines and keeps the first rejections."""

    def __init__(self, max_rejections: int) -> None:
        self.accepted = 0
        self.duplicates = 0
        self.rejected_total = 0
        self.rejected: list[Rejection] = []
        self._max = max_rejections

    @property
    def committed(self) -> int:
        return self.accepted + self.duplicates

    def count(self, *, duplicate: bool) -> None:
        if duplicate:
            self.duplicates += 1
        else:
            self.accepted += 1

    def reject(self, line: int, pointer: str, reason: str, detail: str) -> None:
        self.rejected_total += 1
        if len(self.rejected) < self._max:
            self.rejected.append(Rejection(line=line, pointer=pointer, reason=reason, detail=detail))
