import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from shared.contracts.draws import draw
from shared.contracts.events import ProjectChanged, RecordAccepted, RecordErased
from shared.contracts.values import Role
from tests.service.ingest.conftest import Ingest, text
from tests.support.service import service_under_test
from tests.support.statements import sent_statements

ROOT = Path(__file__).parents[3]


async def test_a_record_is_kept_and_published(ingest: Ingest) -> None:
    project_id = await ingest.project()
    report = await ingest.send(
        project_id,
        text(
            "The lamp",
            external_id="order 1",
            slice={"channel": "chat", "year": 2026, "vip": True},
            purposes=["quality"],
        ),
    )
    assert (report["accepted"], report["duplicates"], report["rejected"]) == (1, 0, [])
    record_id = UUID(report["records"][0]["record_id"])
    event = next(item for item in await ingest.service.published(RecordAccepted) if item.record_id == record_id)
    assert event.project_id == project_id
    assert event.revision == 1
    assert event.payload.fields == {"message": "The lamp"}
    assert event.payload.slice == {"channel": "chat", "year": 2026, "vip": True}
    assert event.payload.purposes == ["quality"]
    assert "order 1" not in event.model_dump_json()
    read = await ingest.get(f"/v1/records/{record_id}")
    assert read["external_id"] == "order 1"
    assert read["fields"] == {"message": "The lamp"}
    assert read["state"] == "open"


PLANTED = "jane.doe@example.com"


async def test_personal_data_planted_in_every_string_is_published_nowhere(ingest: Ingest) -> None:
    project_id = await ingest.project()
    await ingest.send(
        project_id,
        {
            "external_id": PLANTED,
            "fields": {"message": f"write to {PLANTED}", "note": PLANTED},
            "slice": {PLANTED: PLANTED, "number": 4111111111111111},
            "purposes": [PLANTED],
        },
    )
    published = b"".join([event.envelope for event in await ingest.outbox()])
    assert PLANTED.encode() not in published
    assert b"4111111111111111" not in published
    kept = await ingest.scalar(
        "SELECT (fields, slice, purposes, redactions)::text FROM records WHERE project_id = $1", project_id
    )
    assert PLANTED not in kept
    assert "[EMAIL]" in kept


async def test_refusals_name_place_and_rule_but_never_the_value(ingest: Ingest) -> None:
    project_id = await ingest.project(policies={"purposes_required": ["quality"]})
    good = {"purposes": ["quality"]}
    report = await ingest.send(
        project_id,
        "rubbish",
        {},
        text("a"),
        text("b", purposes=["other"]),
        {"fields": {"note": "x"}, **good},
        {"fields": {"message": "x", PLANTED: "x"}, **good},
        {"fields": {"message": 5}, **good},
        text("c", surprise=1, **good),
        text("d", external_id="", **good),
        text("e", origin=PLANTED, **good),
        text("f", priority=10_000, **good),
        text("x" * 500_000, **good),
        text("g", slice={"a": [1]}, **good),
        text("fine", **good),
    )
    assert report["accepted"] == 1
    assert report["rejected_total"] == len(report["rejected"]) == 13
    assert PLANTED not in json.dumps(report)
    reasons = [(item["line"], item["pointer"], item["reason"]) for item in report["rejected"]]
    assert reasons[2:6] == [
        (3, "/purposes", "consent-missing"),
        (4, "/purposes", "consent-missing"),
        (5, "/fields/message", "field-required"),
        (6, "/fields/[EMAIL]", "field-unknown"),
    ]
    assert reasons[6] == (7, "/fields/message", "string-type")
    assert reasons[11] == (12, "/fields", "record-too-large")
    assert reasons[12][:2] == (13, "/slice/a")


async def test_null_in_a_field_that_may_be_left_out_is_as_if_it_were(ingest: Ingest) -> None:
    """So a nullable column need not be left out by who sends it; a field that is required needs a value."""
    project_id = await ingest.project()
    null = {"fields": {"message": "The lamp", "note": None}}
    report = await ingest.send(project_id, null, text("The lamp"), {"fields": {"message": None, "note": "n"}})
    assert (report["accepted"], report["duplicates"], report["rejected_total"]) == (1, 1, 1)
    [refused] = report["rejected"]
    assert (refused["line"], refused["pointer"], refused["reason"]) == (3, "/fields/message", "field-required")
    [event] = [item for item in await ingest.service.published(RecordAccepted) if item.project_id == project_id]
    assert event.payload.fields == {"message": "The lamp"}


async def test_duplicates_are_answered_and_not_doubled(ingest: Ingest) -> None:
    project_id = await ingest.project()
    first = await ingest.send(project_id, text("one", external_id="e1"), text("two", external_id="e2"), text("three"))
    again = await ingest.send(
        project_id,
        text("one", external_id="e1"),
        text("two", external_id="e2", slice={"channel": "chat"}, purposes=["quality"]),
        text("three"),
        text("one"),
        text("two", external_id="another name"),
        text("four"),
        text("four"),
        text("four", external_id="named four"),
    )
    assert (again["accepted"], again["duplicates"]) == (1, 7)
    ids = [item["record_id"] for item in first["records"]]
    assert [item["record_id"] for item in again["records"]][:5] == [ids[0], ids[1], ids[2], ids[0], ids[1]]
    assert len({item["record_id"] for item in again["records"][5:]}) == 1
    what = ["duplicate", "duplicate", "duplicate", "duplicate", "alias", "new", "duplicate", "alias"]
    assert [item["what"] for item in again["records"]] == what
    assert [item.get("differs") for item in again["records"]] == [None, ["slice", "purposes"], *[None] * 6]
    assert again["duplicate_lines"] == [item for item in again["records"] if item["duplicate"]]
    named = await ingest.send(
        project_id, text("two", external_id="another name"), text("four", external_id="named four")
    )
    assert [item["record_id"] for item in named["records"]] == [ids[1], again["records"][5]["record_id"]]
    assert [item["what"] for item in named["records"]] == ["duplicate", "duplicate"]
    assert (await ingest.get(f"/v1/records/{ids[1]}"))["aliases"] == ["another name"]
    assert await ingest.scalar("SELECT count(*) FROM records WHERE project_id = $1", project_id) == 4
    other_project = await ingest.project()
    assert (await ingest.send(other_project, text("one", external_id="e1")))["accepted"] == 1


async def test_another_content_under_a_known_external_id_is_refused(ingest: Ingest) -> None:
    project_id = await ingest.project()
    first = await ingest.send(project_id, text("one", external_id="e1"), text("two", external_id="e2"))
    one, two = (item["record_id"] for item in first["records"])
    await ingest.send(project_id, text("two", external_id="alias"))
    body = [
        text("changed", external_id="e1"),
        text("changed", external_id="e3"),  # the same content is new where the first of it was refused
        text("one", external_id="e1"),
        text("changed", external_id="alias"),
        text("three", external_id="e4"),
        text("thirty", external_id="e4"),
        text("two", external_id="e5"),
        text("twenty", external_id="e5"),
        text("one", external_id="e2"),
        text("three", external_id="e6"),
        text("sixty", external_id="e6"),
    ]
    report = await ingest.send(project_id, *body)
    kept = {item["line"]: (item["what"], item["record_id"]) for item in report["records"]}
    three = kept[5][1]
    assert {line: what for line, (what, _) in kept.items()} == {
        2: "new", 3: "duplicate", 5: "new", 7: "alias", 10: "alias"
    }  # fmt: skip
    assert (kept[3][1], kept[7][1], kept[10][1]) == (one, two, three)
    refused = {item["line"]: item["record_id"] for item in report["rejected"]}
    assert refused == {1: one, 4: two, 6: three, 8: two, 9: two, 11: three}
    assert {(item["pointer"], item["reason"]) for item in report["rejected"]} == {("/external_id", "content-differs")}
    assert (await ingest.get(f"/v1/records/{one}"))["fields"] == {"message": "one"}
    stream = await ingest.stream(project_id, b"\n".join(orjson.dumps(record) for record in body))
    assert (stream["accepted"], stream["duplicates"], stream["rejected_total"]) == (0, 5, 6)
    assert [item["line"] for item in stream["duplicate_lines"]] == [2, 3, 5, 7, 10]
    assert [item["record_id"] for item in stream["duplicate_lines"]] == [kept[line][1] for line in (2, 3, 5, 7, 10)]


async def test_many_names_of_one_content_cost_no_statement_each(ingest: Ingest) -> None:
    project_id = await ingest.project()
    await ingest.send(project_id, *(text(f"m{number}", external_id=f"e{number}") for number in range(200)))
    same = [text("the same", external_id=f"e{number}") for number in range(250)]
    with sent_statements(ingest.service.database) as sent:
        report = await ingest.send(project_id, *same)
    assert (report["accepted"], report["duplicates"], report["rejected_total"]) == (1, 49, 200)
    assert len(sent) <= 60, sent  # four chunks


async def test_duplicates_are_found_by_the_original_not_by_what_is_left_of_it(ingest: Ingest) -> None:
    project_id = await ingest.project()
    report = await ingest.send(project_id, text("mail a@example.com"), text("mail b@example.com"))
    assert report["accepted"] == 2
    again = await ingest.send(project_id, text("mail b@example.com"))
    assert again["records"][0]["record_id"] == report["records"][1]["record_id"]


async def test_the_same_import_sent_by_many_at_once_is_taken_once(ingest: Ingest) -> None:
    project_id = await ingest.project()
    forwards = [text(f"message {number}", external_id=f"e{number}") for number in range(60)]
    mixed = [text(f"message {number}", external_id=f"e{(number * 7) % 60}") for number in range(60)]
    reports = await asyncio.gather(
        *(ingest.send(project_id, *(forwards if turn % 2 else forwards[::-1])) for turn in range(8)),
        *(ingest.send(project_id, *mixed) for _ in range(2)),
    )
    assert sum(report["accepted"] for report in reports) == await ingest.scalar(
        "SELECT count(*) FROM records WHERE project_id = $1", project_id
    )
    published = [
        item.record_id for item in await ingest.service.published(RecordAccepted) if item.project_id == project_id
    ]
    assert len(published) == len(set(published)) == sum(report["accepted"] for report in reports)
    assert all(report["accepted"] + report["duplicates"] + report["rejected_total"] == 60 for report in reports)
    assert {item["reason"] for report in reports for item in report["rejected"]} <= {"content-differs"}


async def test_a_stream_is_committed_in_chunks_and_its_bad_lines_are_listed(ingest: Ingest) -> None:
    project_id = await ingest.project()
    lines = [orjson.dumps(text(f"line {number}")) for number in range(1, 2501)]
    lines[9] = b'{"fields": {"message": "cut'
    lines[19] = b""
    lines[1499] = b'{"fields": {"message": "\\u0000"}}'
    lines[1999] = b'{"fields": {"message": "' + b"x" * 200_000 + b'"}}'
    lines[2099] = b"[" * 100 + b"]" * 100
    report = await ingest.stream(project_id, b"\xef\xbb\xbf" + b"\r\n".join(lines))
    assert report["accepted"] == 2495
    assert "records" not in report
    assert [(item["line"], item["reason"]) for item in report["rejected"]] == [
        (10, "json-malformed"),
        (1500, "nul-character"),
        (2000, "line-too-long"),
        (2100, "nested-too-deep"),
    ]
    again = await ingest.stream(project_id, b"\n".join(lines) + b"\n")
    assert (again["accepted"], again["duplicates"], again["rejected_total"]) == (0, 2495, 4)


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("path", ["records", "feedback"])
async def test_an_import_of_which_nothing_is_taken_is_no_success(ingest: Ingest, path: str, media_type: str) -> None:
    project_id = await ingest.project()
    body = orjson.dumps({path: [{}, []]}) if media_type == "application/json" else b"{}\n[]\n"
    headers = {**ingest.product, "Content-Type": media_type}
    answer = await ingest.client.post(f"/v1/projects/{project_id}/{path}", content=body, headers=headers)
    assert answer.status_code == 422
    problem = answer.json()
    assert (problem["type"], problem["status"], problem["request_id"] != "") == ("nothing-taken", 422, True)
    assert (problem["accepted"], problem["duplicates"], problem["rejected_total"]) == (0, 0, 2)
    assert [item["line"] for item in problem["rejected"]] == [1, 2]


async def test_lines_may_be_cut_anywhere_on_the_way(ingest: Ingest) -> None:
    project_id = await ingest.project()
    body = b"\n".join(orjson.dumps(text(f"größe {number} 😀")) for number in range(50))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    headers = {**ingest.product, "Content-Type": "application/x-ndjson; charset=utf-8"}
    answer = await ingest.client.post(f"/v1/projects/{project_id}/records", content=pieces(), headers=headers)
    assert answer.json()["accepted"] == 50


async def test_the_list_of_rejections_is_bounded(ingest: Ingest) -> None:
    project_id = await ingest.project()
    report = await ingest.stream(project_id, b"{}\n" * 1500)
    assert len(report["rejected"]) == 1000
    assert report["rejected_total"] == 1500


async def test_a_stream_that_the_database_breaks_off_reports_what_is_committed(ingest: Ingest) -> None:
    project_id = await ingest.project()
    killed = False
    kept = "SELECT count(*) FROM records WHERE project_id = $1"

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal killed
        for number in range(3000):
            if number == 2500:
                for _ in range(200):
                    if await ingest.scalar(kept, project_id) == 2500:
                        break
                    await asyncio.sleep(0.05)
                await ingest.scalar("ALTER TABLE records RENAME TO records_away")
                killed = True
            yield orjson.dumps(text(f"broken {number}")) + b"\n"

    headers = {**ingest.product, "Content-Type": "application/x-ndjson"}
    try:
        answer = await ingest.client.post(f"/v1/projects/{project_id}/records", content=pieces(), headers=headers)
    finally:
        if killed:
            await ingest.scalar("ALTER TABLE records_away RENAME TO records")
    assert answer.status_code >= 500
    count = await ingest.scalar(kept, project_id)
    assert count == 2500, "all that came before"
    published = [item for item in await ingest.service.published(RecordAccepted) if item.project_id == project_id]
    assert len(published) == count


async def test_the_split_is_drawn_by_a_keyed_hash(ingest: Ingest) -> None:
    project_id = await ingest.project(policies={"split": {"train": 0.5, "validation": 0.2, "test": 0.3}})
    await ingest.stream(project_id, b"\n".join(orjson.dumps(text(f"m {number}")) for number in range(600)))
    salt = next(
        item.payload.draw_salt
        for item in await ingest.service.published(ProjectChanged)
        if item.project_id == project_id
    )
    published = [item for item in await ingest.service.published(RecordAccepted) if item.project_id == project_id]
    for event in published:
        assert event.record_id is not None
        drawn = draw(salt, "split", event.record_id)
        assert event.payload.split == ("test" if drawn < 0.3 else "validation" if drawn < 0.5 else "train")
    shares = Counter(event.payload.split.value for event in published)
    assert 240 < shares["train"] < 360
    assert 120 < shares["test"] < 240


async def test_only_chance_brings_a_record_into_the_held_out_splits(ingest: Ingest) -> None:
    project_id = await ingest.project(policies={"split": {"train": 0.0, "validation": 0.5, "test": 0.5}})
    await ingest.send(
        project_id,
        text("s", origin="synthetic"),
        text("s2", origin="synthetic", collected_by_chance=True),
        text("d", origin="deployment"),
        text("c", collected_by_chance=False),
        text("chance"),
        text("dc", origin="deployment", collected_by_chance=True),
    )
    published = {
        item.payload.fields["message"]: item.payload
        for item in await ingest.service.published(RecordAccepted)
        if item.project_id == project_id
    }
    for name in ("s", "s2", "d", "c"):
        assert published[name].split == "train"
        assert not published[name].collected_by_chance
    for name in ("chance", "dc"):
        assert published[name].split != "train"
        assert published[name].collected_by_chance


async def test_lists_are_paged_and_filtered(ingest: Ingest) -> None:
    project_id = await ingest.project()
    sent = await ingest.send(project_id, *(text(f"m{number}", external_id=f"x{number}") for number in range(25)))
    path = f"/v1/projects/{project_id}/records"
    found, after = [], None
    while True:
        page = await ingest.get(path, limit=10, **({"after": after} if after else {}))
        found += page["items"]
        after = page.get("next")
        if after is None:
            break
    assert {item["record_id"] for item in found} == {item["record_id"] for item in sent["records"]}
    assert len(found) == 25
    assert {item["external_id"] for item in found} == {f"x{number}" for number in range(25)}
    train = await ingest.get(path, split="train", limit=1000)
    assert {item["split"] for item in train["items"]} == {"train"}
    assert (await ingest.get(path, origin="synthetic"))["items"] == []
    combinations: tuple[dict[str, Any], ...] = (
        {"state": "open"},
        {"split": "train", "origin": "collected", "state": "open"},
    )
    for filters in combinations:
        first = await ingest.get(path, limit=5, **filters)
        rest = await ingest.get(path, limit=1000, after=first["next"], **filters)
        ids = [item["record_id"] for item in (*first["items"], *rest["items"])]
        assert ids == sorted(
            {item["record_id"] for item in (train if "split" in filters else {"items": found})["items"]}
        )
    await ingest.get(path, 422, limit=0)
    await ingest.get(path, 400, after="rubbish")


async def test_a_record_is_found_by_each_of_its_external_ids(ingest: Ingest) -> None:
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}/records"
    sent = await ingest.send(
        project_id, text("one", external_id="ticket 1/ä"), text("two", external_id=2), text("one", external_id="again")
    )
    first, second, same = (item["record_id"] for item in sent["records"])
    assert same == first
    for external_id, record_id in (("ticket 1/ä", first), ("again", first), ("2", second)):
        page = await ingest.get(path, external_id=external_id)
        assert [item["record_id"] for item in page["items"]] == [record_id]
        assert "next" not in page
        [listed] = [item for item in (await ingest.get(path))["items"] if item["record_id"] == record_id]
        assert page["items"] == [listed]
    assert (await ingest.get(path, external_id="ticket"))["items"] == []
    assert (await ingest.get(path, external_id="2", state="finalized"))["items"] == []
    assert (await ingest.get(path, external_id="2", state="open", origin="collected"))["items"]
    other = await ingest.project()
    assert (await ingest.get(f"/v1/projects/{other}/records", external_id="2"))["items"] == []
    bare = (await ingest.client.post("/v1/projects", json={"name": "bare"}, headers=ingest.manager)).json()
    assert (await ingest.get(f"/v1/projects/{bare['project_id']}/records", external_id="2"))["items"] == []
    await ingest.get(f"/v1/projects/{uuid4()}/records", 404, external_id="2")
    await ingest.get(path, 422, external_id="")
    await ingest.client.delete(f"/v1/records/{second}", headers=ingest.product)
    [tombstone] = (await ingest.get(path, external_id="2"))["items"]
    assert (tombstone["record_id"], tombstone["state"], tombstone["external_id"]) == (second, "erased", None)


async def test_bodies_that_are_no_batch_are_refused(ingest: Ingest) -> None:
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}/records"
    for content, media_type, status in (
        (b"not json", "application/json", 400),
        (b"{}", "application/json", 422),
        (b'{"records": []}', "application/json", 422),
        (b'{"records": [{}], "more": 1}', "application/json", 422),
        (b"[]", "application/json", 422),
        (b"a,b", "text/csv", 415),
    ):
        answer = await ingest.client.post(path, content=content, headers={**ingest.product, "Content-Type": media_type})
        assert answer.status_code == status, (content, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await ingest.stream(project_id, b""))["accepted"] == 0


@pytest.mark.parametrize("records", [1, 3_000])
async def test_a_member_beside_the_list_is_named(ingest: Ingest, records: int) -> None:
    path = f"/v1/projects/{await ingest.project()}/records"
    body = {"records": [text(f"lamp {number}") for number in range(records)], "more": 1, "to jane@example.com": 2}
    answer = await ingest.client.post(path, json=body, headers=ingest.product)
    assert (answer.status_code, answer.json()["pointer"]) == (422, "/more")
    named = [(error["pointer"], error["rule"]) for error in answer.json()["errors"]]
    assert named == [("/more", "extra_forbidden"), ("/to [EMAIL]", "extra_forbidden")]


@pytest.mark.parametrize("path", ["records", "feedback"])
async def test_who_brings_a_table_is_told_how_it_may_come(ingest: Ingest, path: str) -> None:
    url = f"/v1/projects/{await ingest.project()}/{path}"
    table = b"id,message\n1,hello\n"
    answers = [
        await ingest.client.post(
            url, content=table, headers={**ingest.product, "Content-Type": "text/csv; header=present"}
        ),
        await ingest.client.post(url, files={"file": ("mails.csv", table, "text/csv")}, headers=ingest.product),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (415, "media-type-not-accepted")
        for named in ("application/json", "application/x-ndjson", "docs/bring-a-csv.md"):
            assert named in answer.json()["detail"]
    assert (ROOT / "docs" / "bring-a-csv.md").exists()


async def test_projects_that_take_nothing_in_refuse(ingest: Ingest) -> None:
    path = f"/v1/projects/{uuid4()}/records"
    assert (await ingest.client.post(path, json={"records": [{}]}, headers=ingest.product)).status_code == 404
    bare = (await ingest.client.post("/v1/projects", json={"name": "bare"}, headers=ingest.manager)).json()[
        "project_id"
    ]
    answer = await ingest.client.post(f"/v1/projects/{bare}/records", json={"records": [{}]}, headers=ingest.product)
    assert (answer.status_code, answer.json()["type"]) == (409, "no-active-schema")
    project_id = await ingest.project()
    await ingest.client.patch(f"/v1/projects/{project_id}", json={"status": "paused"}, headers=ingest.manager)
    assert (await ingest.send(project_id, text("a paused project still collects")))["accepted"] == 1
    await ingest.client.patch(f"/v1/projects/{project_id}", json={"status": "archived"}, headers=ingest.manager)
    answer = await ingest.client.post(
        f"/v1/projects/{project_id}/records", json={"records": [text("x")]}, headers=ingest.product
    )
    assert (answer.status_code, answer.json()["type"]) == (409, "project-archived")


async def test_erasure_leaves_a_tombstone_and_nothing_else(ingest: Ingest) -> None:
    project_id = await ingest.project()
    sent = await ingest.send(project_id, text("very private", external_id="who", slice={"a": "b"}, purposes=["p"]))
    record_id = UUID(sent["records"][0]["record_id"])
    await ingest.send(project_id, text("very private", external_id="alias of who"))
    await ingest.report(
        project_id, {"record_id": str(record_id), "verdict": "confirmed", "prediction": {"topic": {"label": "billing"}}}
    )
    for _ in range(2):
        answer = await ingest.client.delete(
            f"/v1/records/{record_id}?reason=mail+jane@example.com", headers=ingest.product
        )
        assert answer.status_code == 204
    published = [item for item in await ingest.service.published(RecordErased) if item.record_id == record_id]
    assert [(item.revision, item.payload.reason) for item in published] == [(2, "other")], "free text is not kept"
    tombstone = await ingest.get(f"/v1/records/{record_id}")
    assert (tombstone["state"], tombstone["fields"], tombstone["external_id"]) == ("erased", None, None)
    assert tombstone["aliases"] == []
    names = "SELECT count(*) FROM external_aliases WHERE record_id = $1 AND external_id IS "
    assert await ingest.scalar(names + "NOT NULL", record_id) == 0
    assert await ingest.scalar(names + "NULL", record_id) == 1
    kept = await ingest.scalar("SELECT r::text FROM records r WHERE record_id = $1", record_id)
    assert "private" not in kept
    assert "who" not in kept
    assert await ingest.scalar("SELECT prediction FROM feedback WHERE record_id = $1", record_id) is None
    again = await ingest.send(
        project_id,
        text("something else", external_id="who"),
        text("x", external_id="alias of who"),
        text("very private"),
    )
    assert [item["reason"] for item in again["rejected"]] == ["record-erased", "record-erased"]
    assert again["accepted"] == 1, "the same words of somebody else are another record"
    refused = await ingest.report(project_id, {"record_id": str(record_id), "verdict": "confirmed"})
    assert refused["rejected"][0]["reason"] == "record-erased"
    assert (await ingest.client.delete(f"/v1/records/{uuid4()}", headers=ingest.product)).status_code == 404


async def test_records_of_other_projects_are_out_of_reach(ingest: Ingest) -> None:
    project_id = await ingest.project()
    record_id = (await ingest.send(project_id, text("mine")))["records"][0]["record_id"]
    stranger = ingest.service.token(Role.MANAGER, projects=[uuid4()])
    assert (await ingest.client.get(f"/v1/records/{record_id}", headers=stranger)).status_code == 403
    assert (await ingest.client.delete(f"/v1/records/{record_id}", headers=stranger)).status_code == 403
    assert (await ingest.get(f"/v1/records/{record_id}"))["state"] == "open"


@pytest.mark.parametrize("size", [1, 999, 1000, 1001])
async def test_chunks_lose_nothing_at_their_edges(ingest: Ingest, size: int) -> None:
    project_id = await ingest.project()
    body = b"\n".join(orjson.dumps(text(f"edge {number}")) for number in range(size))
    assert (await ingest.stream(project_id, body))["accepted"] == size


async def test_a_stream_that_stalls_reports_what_is_committed() -> None:
    async def lines() -> AsyncIterator[bytes]:
        for number in range(1001):
            yield orjson.dumps(text(f"line {number}")) + b"\n"
        await asyncio.sleep(60)

    async with service_under_test("ingest", body_timeout_s=2) as service:
        ingest = Ingest(service)
        project_id = await ingest.project()
        headers = {**ingest.product, "Content-Type": "application/x-ndjson"}
        answer = await ingest.client.post(f"/v1/projects/{project_id}/records", content=lines(), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (408, "body-stalled")
    assert answer.json()["detail"] == "Nothing of it came for 2 s. 1001 lines are committed."
