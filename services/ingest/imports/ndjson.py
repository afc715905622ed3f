"""JSON by lines, in constant memory: at most one unfinished line is held."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final, NamedTuple

from services.ingest.exceptions import NotAccepted
from services.ingest.imports.port import ImportSource, Line
from shared.kit.storable_json import parse_json

NDJSON: Final = "application/x-ndjson"
_BOM: Final = b"\xef\xbb\xbf"


class Ndjson:
    """Blank lines count but are left out; a byte order mark and CRLF are no faults."""

    media_types: tuple[str, ...] = (NDJSON, "application/ndjson", "application/jsonl")
    is_batch = False

    async def lines(self, pieces: AsyncIterator[bytes], source: ImportSource) -> AsyncIterator[list[Line]]:
        splitter = Splitter(source.max_line_bytes, source.let_go)
        async for piece in pieces:
            if found := list(splitter.feed(piece)):
                yield found
        if found := list(splitter.end()):
            yield found


class Raw(NamedTuple):
    """A line's bytes."""

    data: bytes

    def parse(self) -> Any:
        return parse_json(self.data)


class TooLong(NamedTuple):
    """A line that was not kept."""

    def parse(self) -> Any:
        raise NotAccepted("", "line-too-long", "a line may not be so long")


class Splitter:
    """Cuts pieces of a stream into lines and holds at most one unfinished line; `let_go` gets the bytes that no line has."""

    def __init__(self, max_line_bytes: int, let_go: Callable[[int], None]) -> None:
        self._max = max_line_bytes
        self._let_go = let_go
        self._open: list[bytes] = []
        self._open_bytes = 0
        self._number = 0

    def feed(self, piece: bytes) -> Iterator[Line]:
        first, *rest = piece.split(b"\n")
        self._hold(first)
        if not rest:
            return
        self._let_go(len(rest))  # the line feeds
        yield from self.end()
        unfinished = rest.pop()
        for raw in rest:  # whole lines, that need no holding
            self._number += 1
            if len(raw) > self._max:
                self._let_go(len(raw))
                yield Line(self._number, TooLong(), 0)
            elif raw and not raw.isspace():
                yield Line(self._number, Raw(raw), len(raw))
            else:
                self._let_go(len(raw))
        self._hold(unfinished)

    def end(self) -> Iterator[Line]:
        """Close the unfinished line."""
        self._number += 1
        too_long = self._open_bytes > self._max
        raw = b"" if too_long else b"".join(self._open)
        self._open, self._open_bytes = [], 0
        size = len(raw)
        if self._number == 1:
            raw = raw.removeprefix(_BOM)
        if too_long:
            yield Line(self._number, TooLong(), 0)
        elif raw and not raw.isspace():
            self._let_go(size - len(raw))
            yield Line(self._number, Raw(raw), len(raw))
        else:
            self._let_go(size)

    def _hold(self, part: bytes) -> None:
        before = self._open_bytes
        self._open_bytes += len(part)
        if self._open_bytes > self._max:
            self._let_go(len(part) if before > self._max else self._open_bytes)
            self._open = []
        elif part:
            self._open.append(part)
