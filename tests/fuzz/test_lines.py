"""A broken line of an import is refused alone."""

import base64
from uuid import UUID

import orjson
import pytest

from services.ingest.compute.lines import prepare_records, prepare_reports
from services.ingest.domain.intake import IntakeProject
from services.ingest.imports.ndjson import Splitter
from shared.contracts.answers import LabelSchema
from shared.contracts.policies import Policies
from tests.fuzz.mutations import BYTES, CASES, Chance, Mutation, chance_of, good_images, mutated

SCHEMA = LabelSchema.model_validate(
    {
        "fields": [
            {"name": "message", "kind": "text", "required": False},
            {"name": "photo", "kind": "image", "required": False},
        ],
        "questions": [{"name": "topic", "kind": "choice", "labels": ["a", "b"]}],
    }
)
PROJECT = IntakeProject(UUID(int=1), "salt", b"key", 1, SCHEMA, Policies())
LONGEST = 64 * 1024

_VALUES = (
    "null", "true", "-0", "1e999", "-1e-999", "18446744073709551616", "NaN", "[]", "{}", '""', '"\\u0000"', '"\\ud800"',
    '"\ufeff"', "[[[[[[[[]]]]]]]]", '{"base64": "!"}', '{"asset_id": "x"}', '"data:image/png;base64,"',
    '"2026-02-30"', "[" * 2000, '{"a": 1, "a": 2}',
)  # fmt: skip


def value(chance: Chance, line: bytes) -> bytes:
    """The value of some name becomes another one."""
    colons = [place for place, byte in enumerate(line) if byte == ord(":")]
    if not colons:
        return line
    place = chance.choice(colons) + 1
    end = min((at for at in (line.find(b",", place), line.find(b"}", place)) if at >= 0), default=len(line))
    return line[:place] + chance.choice(_VALUES).encode() + line[end:]


LINES: tuple[Mutation, ...] = (*BYTES, value, value, value)


def record(number: int, **fields: object) -> bytes:
    return orjson.dumps(
        {
            "external_id": f"r{number}",
            "fields": {"message": f"Message {number} of jane@example.com", **fields},
            "slice": {"channel": "chat", "year": 2026},
            "purposes": ["quality"],
            "origin": "collected",
            "priority": 3,
        }
    )


def report(number: int) -> bytes:
    return orjson.dumps(
        {
            "external_id": f"r{number}",
            "verdict": "corrected",
            "prediction": {"topic": {"label": "a"}},
            "correction": {"topic": {"label": "b"}},
            "observed_at": "2026-01-01T00:00:00Z",
        }
    )


@pytest.mark.timeout(3600)
def test_a_broken_record_costs_none_of_its_neighbours() -> None:
    image = {"base64": base64.b64encode(good_images()[2]).decode()}
    for case in range(CASES):
        chance = chance_of(case, "record")
        line = mutated(chance, chance.choice((record(1), record(2, photo=image))), LINES)
        splitter = Splitter(LONGEST, let_go=lambda _: None)
        body = b"\n".join((record(8), line, record(9)))
        lines = [*splitter.feed(body), *splitter.end()]
        prepared = prepare_records(PROJECT, lines)
        ends = [prepared.candidates[0][1].external_id, prepared.candidates[-1][1].external_id]
        assert ends == ["r8", "r9"], case
        assert len(prepared.candidates) + len(prepared.refused) == len(lines), case
        assert "unreadable" not in {why.reason for _, why in prepared.refused}, (case, line)


@pytest.mark.timeout(3600)
def test_a_broken_report_costs_none_of_its_neighbours() -> None:
    for case in range(CASES):
        chance = chance_of(case, "report")
        line = mutated(chance, report(1), LINES)
        splitter = Splitter(LONGEST, let_go=lambda _: None)
        lines = [*splitter.feed(b"\n".join((report(8), line, report(9)))), *splitter.end()]
        prepared = prepare_reports(PROJECT, lines)
        assert prepared.reports[0].report.external_id == "r8", case
        assert prepared.reports[-1].report.external_id == "r9", case
        assert len(prepared.reports) + len(prepared.refused) == len(lines), case
        assert "unreadable" not in {why.reason for _, why in prepared.refused}, (case, line)
