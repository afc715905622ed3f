import itertools
from typing import Any

import pytest

from services.ingest.compute import lines as prepared_lines
from services.ingest.compute.lines import prepare_records, prepare_reports
from services.ingest.imports import Line
from services.ingest.imports.ndjson import Raw
from tests.support.memory import held_without_collector
from tests.unit.ingest.test_intake import project

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
        assert [report.line for report in reports.reports] == [1, 3]
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


def test_a_refused_line_is_not_held() -> None:
    """What it is refused for is raised in the middle of parsing it."""
    some = [
        b'{"fields": {"message": "%b' % (b"x" * 500_000),
        b'{"fields": {"message": {"a": "%b"}}}' % (b"x" * 500_000),
    ]
    with held_without_collector() as held:
        prepared = prepare_records(project(), [Line(number, Raw(raw), len(raw)) for number, raw in enumerate(some * 4)])
        assert len(prepared.refused) == 8
        assert held() < 250_000
