"""Reports of many regions, about records in which much was masked, and in either unit of offsets."""

import asyncio
import time
from typing import Any
from uuid import UUID

import orjson

from shared.contracts.events import FeedbackReceived
from tests.service.ingest.conftest import Ingest, report_of, text
from tests.support.slowness import slowness

ADDRESS = "a@b.co "
MASKED = "[EMAIL] "
ADDRESSES = 30_000
SPANS = 2_000


def spans(*places: tuple[int, int]) -> dict[str, Any]:
    return {"places": {"spans": [{"start": start, "end": end, "label": "PLACE"} for start, end in places]}}


def masked_place(start: int, end: int) -> tuple[int, int]:
    """Of a text of addresses alone."""
    (first, at), (last, until) = divmod(start, len(ADDRESS)), divmod(end, len(ADDRESS))
    return (
        len(MASKED) * first + (at and (0 if at < len(ADDRESS) - 1 else len(MASKED) - 1)),
        len(MASKED) * last + (len(MASKED) - 1 if until else 0),
    )


async def published(ingest: Ingest, project_id: UUID) -> list[Any]:
    found = await ingest.service.published(FeedbackReceived)
    return [item.payload for item in found if item.project_id == project_id]


async def test_a_report_of_thousands_of_spans_holds_up_nobody(ingest: Ingest) -> None:
    project_id = await ingest.project()
    original = ADDRESS * ADDRESSES
    assert (await ingest.send(project_id, text(original, external_id="many")))["accepted"] == 1
    places = [(100 * at, 100 * at + 5 + at % 90) for at in range(SPANS)]
    answers = spans(*places)
    report = {"external_id": "many", "verdict": "corrected", "prediction": spans(*places[1:]), "correction": answers}
    body = orjson.dumps({"feedback": [report]})
    headers = {**ingest.product, "Content-Type": "application/json"}
    stalls: list[float] = []
    ticking = asyncio.create_task(tick(stalls))
    answer = await ingest.client.post(f"/v1/projects/{project_id}/feedback", content=body, headers=headers)
    ticking.cancel()
    assert report_of(answer)["accepted"] == 1, answer.text
    assert max(stalls) < 0.25 * slowness()
    (payload,) = await published(ingest, project_id)
    masked = [masked_place(*place) for place in places]
    assert (payload.prediction, payload.correction) == (spans(*masked[1:]), spans(*masked))


async def tick(stalls: list[float]) -> None:
    """Note how long the event loop did not come to this."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.01)
        stalls.append(time.monotonic() - before - 0.01)


async def test_answers_that_can_not_be_kept_are_refused_alone(ingest: Ingest) -> None:
    project_id = await ingest.project()
    about = {"fields": {"message": ADDRESS * 10}, "verdict": "confirmed"}
    report = await ingest.report(
        project_id,
        {**about, "prediction": spans(*[(0, 1)] * 20_000)},
        {**about, "prediction": spans(*[(at, at + 1) for at in range(SPANS + 1)])},
        {**about, "prediction": spans((0, 3))},
    )
    assert report["accepted"] == 1
    assert [(one["line"], one["pointer"], one["reason"]) for one in report["rejected"]] == [
        (1, "", "report-too-large"),
        (2, "/prediction/places/spans", "too-long"),
    ]


async def test_reports_about_large_and_small_records_are_fitted_together(ingest: Ingest) -> None:
    project_id = await ingest.project()
    await ingest.send(project_id, text(ADDRESS * 5_000, external_id="large"), text(ADDRESS, external_id="small"))
    about = {"verdict": "confirmed", "prediction": spans((7, 12)), "fields": {"message": ADDRESS * 4_000}}
    named = {key: value for key, value in about.items() if key != "fields"}
    report = await ingest.report(
        project_id,
        {**named, "external_id": "large"},
        {**named, "external_id": "small"},
        {**named, "external_id": "large", "schema_version": 2},
        {**named, "external_id": "new"},
        about,
        {**about, "external_id": "new", "feedback_id": "twin"},
        {**named, "external_id": "new", "feedback_id": "by the name"},
    )
    assert [one["line"] for one in report["feedback"]] == [1, 4, 5, 6, 7], report
    assert [(one["line"], one["reason"]) for one in report["rejected"]] == [
        (2, "span-outside"),
        (3, "schema-version-unknown"),
    ]
    assert [payload.prediction for payload in await published(ingest, project_id)] == [spans((8, 15))] * 5


async def test_offsets_may_count_utf16_code_units(ingest: Ingest) -> None:
    project_id = await ingest.project()
    digits = "".join(chr(0x1D7D8 + int(digit)) for digit in "4111111111111111")
    original = f"😀 pay {digits}, mail jane@example.com 😀 about Berlin 😀."
    masked = "😀 pay [CARD], mail [EMAIL] 😀 about Berlin 😀."

    def place(words: str, of: str = original) -> tuple[int, int]:
        start = len(of[: of.index(words)].encode("utf-16-le")) // 2
        return start, start + len(words.encode("utf-16-le")) // 2

    inside = place(digits)
    wanted = [place("Berlin"), (inside[0] + 3, inside[0] + 8), place("jane@example.com 😀"), place("😀")]
    known = (await ingest.send(project_id, text(original, external_id="known")))["records"][0]["record_id"]
    assert (await ingest.get(f"/v1/records/{known}"))["fields"]["message"] == masked
    about = {"verdict": "confirmed", "offset_unit": "utf16"}
    report = await ingest.report(
        project_id,
        {**about, "external_id": "known", "prediction": spans(*wanted)},
        {**about, "fields": {"message": original + "!"}, "prediction": spans(*wanted)},
        {**about, "external_id": "known", "prediction": spans((1, 4))},
        {**about, "external_id": "known", "offset_unit": "bytes"},
        {**about, "external_id": "known", "offset_unit": "code_points", "prediction": spans((0, 1))},
    )
    assert report["accepted"] == 3, report
    assert [(one["line"], one["pointer"], one["reason"]) for one in report["rejected"]] == [
        (3, "/prediction/places/spans/0/start", "offset-inside-character"),
        (4, "/offset_unit", "enum"),
    ]
    words = [
        [masked[span["start"] : span["end"]] for span in payload.prediction["places"]["spans"]]
        for payload in await published(ingest, project_id)
    ]
    assert sorted(words) == sorted([["Berlin", "[CARD]", "[EMAIL] 😀", "😀"]] * 2 + [["😀"]])
