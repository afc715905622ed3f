"""The lines of a stream are the same wherever it is cut, and one that is too long is not held: drawn by hypothesis."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.imports import Line
from services.ingest.imports.ndjson import Raw, Splitter, TooLong

LINES = st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")), max_size=12)


def _split(pieces: list[bytes], max_bytes: int = 100) -> list[Line]:
    splitter = Splitter(max_bytes, let_go=lambda _: None)
    found = [line for piece in pieces for line in splitter.feed(piece)]
    return [*found, *splitter.end()]


@given(LINES, st.lists(st.integers(0, 150), max_size=6))
def test_lines_are_the_same_wherever_the_stream_is_cut(lines: list[bytes], cuts: list[int]) -> None:
    body = b"\n".join(lines)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(edges)]
    whole = [
        (number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw) for number, raw in enumerate(lines, start=1)
    ]
    expected = [Line(number, Raw(raw), len(raw)) for number, raw in whole if raw and not raw.isspace()]
    assert _split(pieces) == expected


@given(st.integers(1, 30), st.integers(1, 40))
def test_a_line_that_is_too_long_is_not_held(limit: int, length: int) -> None:
    gone: list[int] = []
    splitter = Splitter(limit, gone.append)
    found = [line for _ in range(length) for line in splitter.feed(b"x")]
    assert found == []
    assert sum(map(len, splitter._open)) <= limit
    found = [*splitter.feed(b"\nnext"), *splitter.end()]
    too_long = limit < 4
    assert found[0] == (Line(1, TooLong(), 0) if length > limit else Line(1, Raw(b"x" * length), length))
    assert found[1] == (Line(2, TooLong(), 0) if too_long else Line(2, Raw(b"next"), 4))
    assert sum(gone) + sum(line.size for line in found) == length + len(b"\nnext")


@given(LINES, st.integers(1, 20), st.integers(1, 50))
def test_every_byte_is_in_a_line_or_let_go(lines: list[bytes], limit: int, cut: int) -> None:
    body = b"\n".join(lines)
    gone: list[int] = []
    splitter = Splitter(limit, gone.append)
    found = [line for start in range(0, len(body), cut) for line in splitter.feed(body[start : start + cut])]
    found += splitter.end()
    assert sum(gone) + sum(line.size for line in found) == len(body)
