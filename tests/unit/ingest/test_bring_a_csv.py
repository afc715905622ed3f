"""The recipe of docs/bring-a-csv.md is followed as it is written."""

import csv
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.ingest.domain.intake import RecordIn

PAGE = (Path(__file__).parents[3] / "docs" / "bring-a-csv.md").read_text(encoding="utf-8")
[RECIPE] = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def converted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.chdir(folder)
    exec(RECIPE, {})
    lines = (folder / "mails.ndjson").read_bytes()
    assert lines.endswith(b"\n")
    return [orjson.loads(line) for line in lines.split(b"\n")[:-1]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_cell_with_line_breaks_commas_and_quotes_stays_one_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, line_end: str
) -> None:
    messages = ['Two lines,\nand "quotes"; für 😡', "plain", "", "a\r\nb\n\nc"]
    with (tmp_path / "mails.csv").open("w", encoding=encoding, newline="") as table:
        writer = csv.writer(table, lineterminator=line_end)
        writer.writerow(["id", "message", "more"])
        writer.writerows([f"mail-{number}", message, "x"] for number, message in enumerate(messages))
    records = [RecordIn.model_validate(record) for record in converted(tmp_path, monkeypatch)]
    assert [record.fields for record in records] == [{"text": message} for message in messages]
    assert [record.external_id for record in records] == [f"mail-{number}" for number in range(len(messages))]


def test_a_quote_that_is_never_closed_is_an_error_and_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mails.csv").write_text('id,message\n1,"open\n2,more\n', encoding="utf-8")
    with pytest.raises(csv.Error):
        converted(tmp_path, monkeypatch)


@pytest.mark.parametrize("row", ["c7,two,extra", "c7"])
def test_a_row_with_more_or_fewer_cells_than_columns_stops_it_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    (tmp_path / "mails.csv").write_text(f'id,message\nc1,one\nc2,"two\nlines"\n{row}\nc8,last\n', encoding="utf-8")
    with pytest.raises(SystemExit, match=r"mails\.csv.* line 5\b"):
        converted(tmp_path, monkeypatch)


def test_a_row_without_an_id_becomes_a_record_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mails.csv").write_text("id,message\n,one\nc2,two\n", encoding="utf-8")
    assert converted(tmp_path, monkeypatch) == [
        {"fields": {"text": "one"}},
        {"fields": {"text": "two"}, "external_id": "c2"},
    ]
