import itertools

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.api.lines import Line, _Splitter

LINES = st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")), max_size=12)


def _split(pieces: list[bytes], max_bytes: int = 100) -> list[Line]:
    splitter = _Splitter(max_bytes)
    found = [line for piece in pieces for line in splitter.feed(piece)]
    return [*found, *splitter.end()]


@given(LINES, st.lists(st.integers(0, 150), max_size=6))
def test_lines_are_the_same_wherever_the_stream_is_cut(lines: list[bytes], cuts: list[int]) -> None:
    body = b"\n".join(lines)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(edges)]
    expected = [
        Line(number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
        for number, raw in enumerate(lines, start=1)
    ]
    assert _split(pieces) == [line for line in expected if line.raw and not line.raw.isspace()]


@given(st.integers(1, 30), st.integers(1, 40))
def test_a_line_that_is_too_long_is_not_held(limit: int, length: int) -> None:
    splitter = _Splitter(limit)
    found = [line for _ in range(length) for line in splitter.feed(b"x")]
    assert found == []
    assert sum(map(len, splitter._open)) <= limit
    found = [*splitter.feed(b"\nnext"), *splitter.end()]
    too_long = limit < 4
    assert found[0] == Line(1, None if length > limit else b"x" * length)
    assert found[1] == Line(2, None if too_long else b"next")
