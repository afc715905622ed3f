"""Lines that are no records: each is reported by its number, place and rule, and the ones about it count."""

from typing import Any
from uuid import UUID

import pytest

from shared.contracts.events import FeedbackReceived, RecordAccepted
from shared.contracts.rules import BROKEN
from tests.service.ingest.conftest import IMAGE_SCHEMA, Ingest, text

GOOD = b'{"fields": {"message": "good %d"}}'


def _of(message: bytes) -> bytes:
    return b'{"fields": {"message": %b}}' % message


@pytest.mark.parametrize(
    ("line", "pointer", "reason"),
    [
        (_of(b'"\xff\xfe"'), "", "json-malformed"),
        (_of(b'"a\x00b"'), "", "json-malformed"),
        (_of(b'"\\ud800"'), "", "lone-surrogate"),
        (_of(b'"a\\u0000b"'), "/fields/message", "nul-character"),
        (b'{"fields": {"mess\\u0000age": "x"}}', "/fields", "nul-character"),
        (_of(b"1e400"), "", "json-malformed"),
        (_of(b"NaN"), "", "json-malformed"),
        (_of(b"-Infinity"), "", "json-malformed"),
        (_of(b'"one"') + _of(b'"two"'), "", "json-malformed"),
        (_of(b'"x"')[:-1], "", "json-malformed"),
        (b"[" * 90_000, "", "nested-too-deep"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "", "nested-too-deep"),
        (_of(b'"' + b"x" * 10_000_000 + b'"'), "", "line-too-long"),
        (b'{"fields": {"message": "one", "message": "two"}}', "/fields", "name-repeated"),
        (b'{"fields": {"message" : "one", "message": "two"}}', "/fields", "name-repeated"),
        (
            b'{"fields": {"message": "x"}, "slice": {"a@example.com": {"a": 1, "a": 2}}}',
            "/slice/[EMAIL]",
            "name-repeated",
        ),
        (b'{"fields": {"message": "one"}, "fields" : {"message": "\\":"}}', "", "name-repeated"),
        (b"7", "", "object-expected"),
        (b"[]", "", "object-expected"),
        (b'{"fields": {"message": "x"}, "priority": 18446744073709551616}', "/priority", "number-too-large"),
        (b'{"fields": {"message": "x"}, "slice": {"n": [-9223372036854775809]}}', "/slice/n/0", "number-too-large"),
        (b'{"fields": {"message": "x"}, "slice": {"year": [1]}}', "/slice/year", "slice-value"),
        (b'{"fields": {"message": "x"}, "origin": "nowhere"}', "/origin", "enum"),
    ],
)
async def test_a_bad_line_is_reported_and_the_lines_about_it_count(
    ingest: Ingest, line: bytes, pointer: str, reason: str
) -> None:
    project_id = await ingest.project()
    report = await ingest.stream(project_id, b"\r\n".join([b"\xef\xbb\xbf" + GOOD % 1, b"", line, GOOD % 2, b""]))
    assert report["accepted"] == 2
    (refused,) = report["rejected"]
    assert (refused["line"], refused["pointer"], refused["reason"]) == (3, pointer, reason)
    assert refused["detail"] not in {"", BROKEN}
    assert await ingest.scalar("SELECT count(*) FROM records WHERE project_id = $1", project_id) == 2
    published = [item for item in await ingest.service.published(RecordAccepted) if item.project_id == project_id]
    assert len(published) == 2


@pytest.mark.parametrize(
    ("item", "pointer", "reason"),
    [
        (_of(b'"a\\u0000b"'), "/fields/message", "nul-character"),
        (b'{"fields": {"mess\\u0000age": "x"}}', "/fields", "nul-character"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "", "nested-too-deep"),
        (b'{"fields": {"message": "one", "message": "two"}}', "/fields", "name-repeated"),
        (b'{"fields": {"message": "one"}, "fields": {"message": "two"}}', "", "name-repeated"),
        (b'{"fields": {"message": "x"}, "slice": {"n": 18446744073709551616}}', "/slice/n", "number-too-large"),
        (b'{"fields": {"message": "x"}, "slice": {"n": 1e999}}', "/slice/n", "number-too-large"),
        (b'{"fields": {"message": "x"}, "slice": {"n": -1%b}}' % (b"0" * 5000), "/slice/n", "number-too-large"),
        (_of(b'"half \\ud800"'), "/fields/message", "lone-surrogate"),
        (_of(b'"half \\udfff\\ud83d\\ude21"'), "/fields/message", "lone-surrogate"),
        (b'{"fields": {"mess\\ud800age": "x"}}', "/fields", "lone-surrogate"),
        (b'"\\ud800"', "", "lone-surrogate"),
        (b"1e999", "", "number-too-large"),
    ],
)
@pytest.mark.parametrize("padding", [0, 100_000])
async def test_a_bad_item_of_a_batch_is_bad_alone(
    ingest: Ingest, item: bytes, pointer: str, reason: str, padding: int
) -> None:
    """However large the body is."""
    project_id = await ingest.project()
    body = b'{"records": [%b, %b, %b]%b}' % (GOOD % 1, item, GOOD % 2, b" " * padding)
    headers = {**ingest.product, "Content-Type": "application/json"}
    answer = await ingest.client.post(f"/v1/projects/{project_id}/records", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["accepted"] == 2
    (refused,) = report["rejected"]
    assert (refused["line"], refused["pointer"], refused["reason"]) == (2, pointer, reason)


async def test_what_is_around_the_items_of_a_batch_is_looked_at_too(ingest: Ingest) -> None:
    project_id = await ingest.project()
    headers = {**ingest.product, "Content-Type": "application/json"}
    for body in (b'{"rec\\u0000ords": []}', b'{"records": [1], "\\u0000": 1}', b'{"records": "\\u0000"}'):
        answer = await ingest.client.post(f"/v1/projects/{project_id}/records", content=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (422, "invalid-request")
    for body, status, kind in (
        (b'{"rec\\ud800ords": []}', 422, "lone-surrogate"),
        (b'{"records": "\\ud800"}', 422, "invalid-request"),
        (b'{"records": 1e999}', 422, "invalid-request"),
        (b'{"records": ["\\ud800"], "more": 1}', 422, "invalid-request"),
        (b'{"records": ["\\ud800", NaN]}', 400, "malformed-json"),
        (b'{"records": ["\\ud800"]', 400, "malformed-json"),
    ):
        answer = await ingest.client.post(f"/v1/projects/{project_id}/records", content=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (status, kind), body
    twice = b'{"records": [%b], "records": [%b]}' % (GOOD % 1, GOOD % 2)
    answer = await ingest.client.post(f"/v1/projects/{project_id}/records", content=twice, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "name-repeated")


async def test_what_looks_like_a_repeated_name_is_none(ingest: Ingest) -> None:
    project_id = await ingest.project()
    lines = [
        b'{"fields" : {"message": "spaces before the colon"}}',
        _of(b'"a name in a text: \\"name\\":"'),
        b'{"fields": {"message": "same names apart"}, "slice": {"fields": 1, "message": 2}}',
    ]
    assert (await ingest.stream(project_id, b"\n".join(lines)))["accepted"] == 3


REPORT = b'{"feedback_id": "%d", "fields": {"message": "good"}, "verdict": "confirmed"}'


@pytest.mark.parametrize(
    ("more", "pointer", "reason"),
    [
        (b'"verdict": "nope"', "/verdict", "enum"),
        (b'"verdict": "confirmed", "confidence": 1e400', "", "json-malformed"),
        (b'"verdict": "confirmed", "confidence": "NaN"', "/confidence", "float-type"),
        (b'"verdict": "confirmed", "slice": {"": 1}', "/slice/", "string-too-short"),
        (b'"verdict": "confirmed", "purposes": [""]', "/purposes/0", "string-too-short"),
        (b'"verdict": "confirmed", "schema_version": 99999999999', "/schema_version", "schema-version-unknown"),
        (b'"verdict": "confirmed", "schema_version": 2', "/schema_version", "schema-version-unknown"),
        (b'"verdict": "confirmed", "observed_at": 1', "/observed_at", "broken-rule"),
        (b'"verdict": "corrected"', "", "broken-rule"),
        (b'"verdict": "confirmed", "verdict": "unknown"', "", "name-repeated"),
    ],
)
async def test_a_bad_report_is_reported_and_the_ones_about_it_count(
    ingest: Ingest, more: bytes, pointer: str, reason: str
) -> None:
    project_id = await ingest.project()
    body = b"\n".join([REPORT % 1, b'{"fields": {"message": "bad"}, %b}' % more, REPORT % 2])
    headers = {**ingest.product, "Content-Type": "application/x-ndjson"}
    answer = await ingest.client.post(f"/v1/projects/{project_id}/feedback", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["accepted"] == 2
    (refused,) = report["rejected"]
    assert (refused["line"], refused["pointer"], refused["reason"]) == (2, pointer, reason)
    published = [item for item in await ingest.service.published(FeedbackReceived) if item.project_id == project_id]
    assert len(published) == 2
    assert await ingest.scalar("SELECT count(*) FROM records WHERE project_id = $1", project_id) == 1


@pytest.mark.parametrize("path", ["records", "feedback"])
async def test_an_item_that_the_database_refuses_is_refused_alone(ingest: Ingest, path: str) -> None:
    project_id = await ingest.project()
    condition = "priority <> 13" if path == "records" else "confidence <> 0.13"
    await ingest.scalar(f"ALTER TABLE {path} ADD CONSTRAINT unlucky CHECK ({condition})")
    items = [text(f"{path} {number}", external_id=f"e{number}") for number in range(40)]
    for number, item in enumerate(items):
        unlucky = number in {3, 35}
        item.update({"priority": 13 if unlucky else 1} if path == "records" else
                    {"confidence": 0.13 if unlucky else 0.5, "verdict": "confirmed"})  # fmt: skip
    try:
        report = await (ingest.send if path == "records" else ingest.report)(project_id, *items)
    finally:
        await ingest.scalar(f"ALTER TABLE {path} DROP CONSTRAINT unlucky")
    assert (report["accepted"], report["rejected_total"]) == (38, 2)
    assert [(item["line"], item["reason"]) for item in report["rejected"]] == [(4, "unstorable"), (36, "unstorable")]
    assert await ingest.scalar("SELECT count(*) FROM records WHERE project_id = $1", project_id) == 38
    published = [item for item in await ingest.service.published(RecordAccepted) if item.project_id == project_id]
    assert len(published) == 38


@pytest.mark.parametrize("path", ["records", "feedback"])
async def test_a_project_that_is_archived_while_a_stream_comes_in_reports_how_far_it_came(
    ingest: Ingest, path: str
) -> None:
    project_id = await ingest.project()

    async def pieces() -> Any:
        line = GOOD if path == "records" else REPORT
        yield b"\n".join(line % number for number in range(1000)) + b"\n"
        yield b"".join(line % number + b"\n" for number in range(1000, 1999))
        for _ in range(200):
            if await _kept(ingest, path, project_id) >= 1000:
                break
        change = {"status": "archived"}
        await ingest.client.patch(f"/v1/projects/{project_id}", json=change, headers=ingest.manager)
        yield line % 1999 + b"\n"

    headers = {**ingest.product, "Content-Type": "application/x-ndjson"}
    answer = await ingest.client.post(f"/v1/projects/{project_id}/{path}", content=pieces(), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (409, "project-archived")
    kept = await _kept(ingest, path, project_id)
    assert 1000 <= kept < 2000
    assert answer.json()["detail"] == f"{kept} lines are committed"
    again = await ingest.client.post(f"/v1/projects/{project_id}/{path}", content=GOOD % 1, headers=headers)
    assert (again.status_code, again.json()["type"]) == (409, "project-archived")
    assert again.json()["detail"] == "0 lines are committed"


@pytest.mark.parametrize("path", ["records", "feedback"])
async def test_a_project_that_is_archived_before_the_first_line_is_kept_reports_that_none_is(
    ingest: Ingest, path: str
) -> None:
    project_id = await ingest.project()

    async def pieces() -> Any:
        yield (GOOD if path == "records" else REPORT) % 1
        change = {"status": "archived"}
        await ingest.client.patch(f"/v1/projects/{project_id}", json=change, headers=ingest.manager)
        yield b"\n"

    headers = {**ingest.product, "Content-Type": "application/x-ndjson"}
    answer = await ingest.client.post(f"/v1/projects/{project_id}/{path}", content=pieces(), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (409, "project-archived")
    assert answer.json()["detail"] == "0 lines are committed"
    assert await _kept(ingest, path, project_id) == 0


async def _kept(ingest: Ingest, table: str, project_id: UUID) -> int:
    found: int = await ingest.scalar(f"SELECT count(*) FROM {table} WHERE project_id = $1", project_id)
    return found


@pytest.mark.parametrize("path", ["records", "feedback"])
async def test_a_body_of_another_kind_gets_what_is_taken(ingest: Ingest, path: str) -> None:
    project_id = await ingest.project()
    headers = {**ingest.product, "Content-Type": "text/csv"}
    answer = await ingest.client.post(f"/v1/projects/{project_id}/{path}", content=b"a,b", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "media-type-not-accepted")
    assert "application/x-ndjson" in answer.headers["accept"]


@pytest.mark.parametrize("body", [[], {}, {"records": []}, {"records": {}}, {"records": [1], "more": 1}])
async def test_a_body_that_is_no_batch_is_refused_in_our_words(ingest: Ingest, body: Any) -> None:
    project_id = await ingest.project()
    answer = await ingest.client.post(f"/v1/projects/{project_id}/records", json=body, headers=ingest.product)
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-request")
    assert "dictionary" not in answer.text
    assert "instance" not in answer.text


async def test_a_refused_image_is_named_by_its_field(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    report = await ingest.send(
        project_id,
        {"fields": {"image": {"base64": "AAEC"}}},
        {"fields": {"image": {"asset_id": "018f3c1e-0000-7000-8000-000000000001"}}},
        text("no image"),
    )
    places = [(item["line"], item["pointer"], item["reason"]) for item in report["rejected"]]
    assert places[:2] == [(1, "/fields/image", "image-unreadable"), (2, "/fields/image/asset_id", "asset-unknown")]
