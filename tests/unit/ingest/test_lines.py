import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.compute import lines as prepared_lines
from services.ingest.compute.lines import prepare_records, prepare_reports
from services.ingest.imports import Line
from services.ingest.imports.ndjson import Raw, Splitter, TooLong
from tests.unit.ingest.test_intake import project

LINES = st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")), max_size=12)


def _split(pieces: list[bytes], max_bytes: int = 100) -> list[Line]:
    splitter = Splitter(max_bytes)
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
    splitter = Splitter(limit)
    found = [line for _ in range(length) for line in splitter.feed(b"x")]
    assert found == []
    assert sum(map(len, splitter._open)) <= limit
    found = [*splitter.feed(b"\nnext"), *splitter.end()]
    too_long = limit < 4
    assert found[0] == (Line(1, TooLong(), 0) if length > limit else Line(1, Raw(b"x" * length), length))
    assert found[1] == (Line(2, TooLong(), 0) if too_long else Line(2, Raw(b"next"), 4))


GOOD = b'{"fields": {"message": "m"}, "verdict": "confirmed"}'


@pytest.mark.parametrize("reader", ["read_record", "accept"])
def test_a_line_that_breaks_the_reader_is_refused_alone(monkeypatch: pytest.MonkeyPatch, reader: str) -> None:
    genuine = getattr(prepared_lines, reader)
    calls = itertools.count(1)

    def fail_once(*arguments: Any) -> Any:
        if next(calls) == 2:
            raise KeyError("what somebody wrote")
        return genuine(*arguments)

    monkeypatch.setattr(prepared_lines, reader, fail_once)
    if reader == "read_record":
        raw = b'{"fields": {"message": "m"}}'
        records = prepare_records(project(), [Line(number, Raw(raw), len(raw)) for number in (1, 2, 3)])
        assert [number for number, _ in records.candidates] == [1, 3]
        refused, failed = records.refused, records.failed
    else:
        reports = prepare_reports(project(), [Line(number, Raw(GOOD), len(GOOD)) for number in (1, 2, 3)])
        assert [number for number, _, _ in reports.reports] == [1, 3]
        refused, failed = reports.refused, reports.failed
    assert [(number, why.reason) for number, why in refused] == [(2, "unreadable")]
    assert failed[0][0] == 2
    assert failed[0][1].startswith("KeyError at test_lines.py:")


def test_a_line_that_needs_too_much_memory_is_not_called_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(prepared_lines, "read_record", fail)
    with pytest.raises(MemoryError):
        prepare_records(project(), [Line(1, Raw(GOOD), len(GOOD))])
