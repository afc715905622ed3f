import asyncio
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from shared.contracts.events import FeedbackReceived, RecordAccepted
from shared.kit.clock import utc_now
from tests.service.ingest.conftest import TEXT_SCHEMA, Ingest, text
from tests.support.statements import sent_statements

BILLING = {"topic": {"label": "billing"}}
DELIVERY = {"topic": {"label": "delivery"}}


async def _published(ingest: Ingest, project_id: UUID) -> list[Any]:
    return [item for item in await ingest.service.published(FeedbackReceived) if item.project_id == project_id]


async def test_a_report_about_a_known_record_is_published_with_its_key(ingest: Ingest) -> None:
    project_id = await ingest.project()
    record_id = (await ingest.send(project_id, text("lamp", external_id="t1")))["records"][0]["record_id"]
    model_id = str(uuid4())
    report = await ingest.report(
        project_id,
        {
            "feedback_id": "f1", "record_id": record_id, "model_id": model_id, "model_version": "prod-7",
            "prediction": BILLING, "confidence": 0.9, "verdict": "corrected", "correction": DELIVERY,
            "observed_at": "2026-11-02T09:00:00+01:00",
        },
        {"feedback_id": "f2", "external_id": "t1", "prediction": BILLING, "verdict": "confirmed"},
    )  # fmt: skip
    assert report["accepted"] == 2, report
    first, second = await _published(ingest, project_id)
    assert {str(first.record_id), str(second.record_id)} == {record_id}
    payload = first.payload if first.payload.verdict == "corrected" else second.payload
    assert str(payload.feedback_id) == report["feedback"][0]["feedback_id"]
    assert (str(payload.model_id), payload.model_version, payload.schema_version) == (model_id, "prod-7", 1)
    assert (payload.prediction, payload.correction, payload.confidence) == (BILLING, DELIVERY, 0.9)
    assert payload.observed_at.isoformat() == "2026-11-02T08:00:00+00:00"


async def test_a_moment_out_of_time_is_refused_by_itself(ingest: Ingest) -> None:
    project_id = await ingest.project()
    await ingest.send(project_id, text("lamp", external_id="t1"))
    plain = {"external_id": "t1", "verdict": "confirmed", "prediction": BILLING}
    moments = ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "2026-11-02T09:00:00Z"]
    report = await ingest.report(project_id, *({**plain, "observed_at": moment} for moment in moments))
    assert report["accepted"] == 1
    assert [(one["line"], one["pointer"]) for one in report["rejected"]] == [(1, "/observed_at"), (2, "/observed_at")]


async def test_what_is_yet_to_come_was_not_observed(ingest: Ingest) -> None:
    """A product's clock may be a little ahead of ours."""
    project_id = await ingest.project()
    now = utc_now()
    ahead = [now + timedelta(minutes=2), now + timedelta(minutes=10), datetime(2099, 1, 1, tzinfo=UTC)]
    plain = {"verdict": "confirmed", "prediction": BILLING}
    reports = [
        {**plain, "fields": {"message": f"lamp {moment}"}, "observed_at": moment.isoformat()} for moment in ahead
    ]
    report = await ingest.report(project_id, *reports)
    assert report["accepted"] == 1
    assert [(one["line"], one["pointer"], one["reason"]) for one in report["rejected"]] == [
        (2, "/observed_at", "in-the-future"),
        (3, "/observed_at", "in-the-future"),
    ]
    assert await ingest.scalar("SELECT count(*) FROM records WHERE project_id = $1", project_id) == 1


async def test_a_report_sent_again_has_no_second_effect(ingest: Ingest) -> None:
    project_id = await ingest.project()
    await ingest.send(project_id, text("lamp", external_id="t1"))
    named = {"feedback_id": "f1", "external_id": "t1", "verdict": "confirmed", "prediction": BILLING}
    nameless = {"external_id": "t1", "verdict": "unknown", "prediction": BILLING}
    reports = await asyncio.gather(*(ingest.report(project_id, named, nameless, named) for _ in range(6)))
    assert sum(report["accepted"] for report in reports) == 2
    assert len({item["feedback_id"] for report in reports for item in report["feedback"]}) == 2
    assert len(await _published(ingest, project_id)) == 2
    whole = {**named, "slice": {}, "purposes": [], "model_id": None, "confidence": None}
    again = await ingest.report(project_id, {**whole, "observed_at": None}, {**named, "verdict": "confirmed"})
    assert (again["accepted"], again["duplicates"]) == (0, 2)
    assert len(await _published(ingest, project_id)) == 2
    other = await ingest.report(project_id, {**named, "verdict": "unknown"})
    assert other["rejected"][0]["reason"] == "feedback-id-reused"


async def test_an_unknown_input_becomes_a_record_that_is_never_held_out(ingest: Ingest) -> None:
    project_id = await ingest.project(policies={"split": {"train": 0.0, "validation": 0.5, "test": 0.5}})
    new = {
        "fields": {"message": "Mail a@example.com"},
        "external_id": "new",
        "verdict": "confirmed",
        "prediction": BILLING,
    }
    report = await ingest.report(
        project_id, new, {**new, "feedback_id": "other"}, {**new, "external_id": "alias", "feedback_id": "third"}
    )
    assert report["accepted"] == 3, report
    (record_id,) = {item["record_id"] for item in report["feedback"]}
    (accepted,) = [item for item in await ingest.service.published(RecordAccepted) if item.project_id == project_id]
    assert str(accepted.record_id) == record_id
    assert (accepted.payload.origin, accepted.payload.split) == ("deployment", "train")
    assert not accepted.payload.collected_by_chance
    assert accepted.payload.fields == {"message": "Mail [EMAIL]"}
    sampled = {"fields": {"message": "by chance"}, "collected_by_chance": True, "verdict": "unknown"}
    record_id = (await ingest.report(project_id, sampled))["feedback"][0]["record_id"]
    assert (await ingest.get(f"/v1/records/{record_id}"))["split"] != "train"


async def test_a_report_that_gives_a_known_record_another_content_is_refused(ingest: Ingest) -> None:
    project_id = await ingest.project()
    record_id = (await ingest.send(project_id, text("lamp", external_id="t1")))["records"][0]["record_id"]
    about = {"verdict": "confirmed", "prediction": BILLING}
    report = await ingest.report(
        project_id,
        {**about, **text("lamp", external_id="t1")},
        {**about, **text("another", external_id="t1")},
        {**about, **text("another", record_id=record_id)},
        {**about, **text("new", external_id="t2")},
        {**about, **text("newer", external_id="t2")},
    )
    assert report["accepted"] == 2, report
    made = report["feedback"][1]["record_id"]
    assert [(item["line"], item["pointer"], item["reason"], item["record_id"]) for item in report["rejected"]] == [
        (2, "/external_id", "content-differs", record_id),
        (3, "/record_id", "content-differs", record_id),
        (5, "/external_id", "content-differs", made),
    ]


async def test_offsets_of_the_original_text_follow_the_mask(ingest: Ingest) -> None:
    project_id = await ingest.project()
    original = "Ask jane.doe@example.com about Berlin."
    start = original.index("Berlin")
    span = {"start": start, "end": start + 6, "label": "PLACE"}
    inside = {"start": 6, "end": 10, "label": "PLACE"}
    answers = {"topic": {"label": "billing"}, "places": {"spans": [span, inside]}}
    report = await ingest.report(
        project_id,
        {"fields": {"message": original}, "verdict": "corrected", "prediction": DELIVERY, "correction": answers},
    )
    assert report["accepted"] == 1, report
    (published,) = await _published(ingest, project_id)
    masked = "Ask [EMAIL] about Berlin."
    spans = published.payload.correction["places"]["spans"]
    assert [masked[item["start"] : item["end"]] for item in spans] == ["Berlin", "[EMAIL]"]


async def test_bad_reports_are_listed_and_the_good_ones_count(ingest: Ingest) -> None:
    project_id = await ingest.project()
    await ingest.send(project_id, text("lamp", external_id="t1"))
    about = {"external_id": "t1"}
    report = await ingest.report(
        project_id,
        {"verdict": "confirmed"},
        {**about, "verdict": "corrected"},
        {**about, "verdict": "confirmed", "correction": BILLING},
        {**about, "verdict": "nonsense"},
        {"external_id": "nobody@example.com", "verdict": "confirmed"},
        {"record_id": str(uuid4()), "verdict": "confirmed"},
        {**about, "verdict": "confirmed", "prediction": {"topic": {"label": "no such"}}},
        {**about, "verdict": "confirmed", "prediction": {"jane@example.com": {}}},
        {**about, "verdict": "confirmed", "confidence": 1.5},
        {**about, "verdict": "confirmed", "schema_version": 9},
        {"fields": {"nonsense": "x"}, "verdict": "confirmed"},
        {"fields": {"message": 5}, "external_id": "t9", "verdict": "confirmed"},
        [],
        {**about, "verdict": "confirmed"},
    )
    assert (report["accepted"], report["rejected_total"]) == (1, 13), report
    assert "example.com" not in str(report)
    assert [item["line"] for item in report["rejected"]] == list(range(1, 14))
    by_line = {item["line"]: (item["pointer"], item["reason"]) for item in report["rejected"]}
    assert by_line[5] == ("/external_id", "record-unknown")
    assert by_line[7] == ("/prediction/topic/label", "label-unknown")
    assert by_line[8] == ("/prediction/[EMAIL]", "question-unknown")
    assert by_line[10] == ("/schema_version", "schema-version-unknown")


async def test_a_report_that_is_refused_leaves_no_record_behind(ingest: Ingest) -> None:
    project_id = await ingest.project()
    unfit = {"topic": {"label": "no such"}}
    new = {"external_id": "t1", "verdict": "confirmed"}
    report = await ingest.report(
        project_id,
        {**new, "fields": {"message": "the first"}, "prediction": unfit},
        {**new, "fields": {"message": "the second"}, "prediction": BILLING},
        {**new, "prediction": DELIVERY},
        {"fields": {"message": "another"}, "verdict": "confirmed", "prediction": unfit},
    )
    assert [item["line"] for item in report["rejected"]] == [1, 4], report
    assert [item["line"] for item in report["feedback"]] == [2, 3]
    (accepted,) = [item for item in await ingest.service.published(RecordAccepted) if item.project_id == project_id]
    assert accepted.payload.fields == {"message": "the second"}
    assert {item["record_id"] for item in report["feedback"]} == {str(accepted.record_id)}
    assert await ingest.scalar("SELECT count(*) FROM records WHERE project_id = $1", project_id) == 1
    assert len(await _published(ingest, project_id)) == 2


async def test_a_name_is_free_for_the_next_report_where_the_first_is_refused(ingest: Ingest) -> None:
    project_id = await ingest.project()
    await ingest.send(project_id, text("lamp", external_id="t1"))
    named = {"feedback_id": "f1", "external_id": "t1", "verdict": "confirmed"}
    report = await ingest.report(
        project_id,
        {**named, "prediction": {"topic": {"label": "no such"}}},
        {**named, "prediction": BILLING},
        {**named, "prediction": DELIVERY},
        {**named, "prediction": BILLING},
    )
    assert (report["accepted"], report["duplicates"]) == (1, 1), report
    assert [(item["line"], item["reason"]) for item in report["rejected"]] == [
        (1, "label-unknown"),
        (3, "feedback-id-reused"),
    ]


async def test_reports_are_kept_in_sets(ingest: Ingest) -> None:
    project_id = await ingest.project()
    known = [text(f"lamp {number}", external_id=f"t{number}") for number in range(100)]
    await ingest.send(project_id, *known)
    about_known = [
        {"external_id": f"t{number}", "verdict": "confirmed", "prediction": BILLING} for number in range(100)
    ]
    about_new = [{"fields": {"message": f"new {number}"}, "verdict": "unknown"} for number in range(100)]
    with sent_statements(ingest.service.database) as sent:
        report = await ingest.report(project_id, *about_known, *about_new)
    assert report["accepted"] == 200
    assert len(sent) <= 40, sent  # three chunks, the first of them small


async def test_a_report_that_no_event_can_hold_is_refused_alone(ingest: Ingest) -> None:
    labels = [f"{number} " + "x" * 190 for number in range(1500)]
    question = {"name": "many", "kind": "multi_choice", "labels": labels}
    project_id = await ingest.project({"fields": [{"name": "message", "kind": "text"}], "questions": [question]})
    about = {"fields": {"message": "m"}, "verdict": "corrected", "correction": {"many": {"labels": []}}}
    everything = {"many": {"labels": labels}}
    report = await ingest.report(project_id, about, {**about, "prediction": everything, "correction": everything})
    assert report["accepted"] == 1
    assert report["rejected"][0]["reason"] == "report-too-large"
    assert len(await _published(ingest, project_id)) == 1


async def test_reports_may_come_as_a_stream(ingest: Ingest) -> None:
    project_id = await ingest.project()
    lines = [
        orjson.dumps({"fields": {"message": f"m{number}"}, "model_version": "a@example.com", "verdict": "confirmed"})
        for number in range(1200)
    ]
    headers = {**ingest.product, "Content-Type": "application/x-ndjson"}
    answer = await ingest.client.post(f"/v1/projects/{project_id}/feedback", content=b"\n".join(lines), headers=headers)
    assert answer.json()["accepted"] == 1200
    assert {item.payload.model_version for item in await _published(ingest, project_id)} == {"[EMAIL]"}


async def test_the_summary_is_the_same_folded_and_unfolded(ingest: Ingest) -> None:
    project_id = await ingest.project()
    await ingest.send(project_id, text("lamp", external_id="t1"))
    model_id = str(uuid4())
    reports = [
        {"external_id": "t1", "model_id": model_id, "verdict": "confirmed", "feedback_id": f"c{number}"}
        for number in range(5)
    ] + [{"external_id": "t1", "model_version": "old", "verdict": "unknown", "feedback_id": "u"}]
    await ingest.report(project_id, *reports)
    path = f"/v1/projects/{project_id}/feedback/summary"
    unfolded = await ingest.get(path)
    await ingest.service.run_loop("fold_feedback")
    assert await ingest.scalar("SELECT count(*) FROM feedback_deltas") == 0
    assert await ingest.get(path) == unfolded
    await ingest.report(project_id, {"external_id": "t1", "model_id": model_id, "verdict": "unknown"})
    models = {item["model"]: item for item in (await ingest.get(path))["models"]}
    assert models[model_id] == {"model": model_id, "reports": 6, "by_verdict": {"confirmed": 5, "unknown": 1}}
    assert models["old"]["reports"] == 1
    await ingest.get(f"/v1/projects/{uuid4()}/feedback/summary", 404)


async def test_a_decomposed_label_in_a_report_is_the_schemas_label(ingest: Ingest) -> None:
    questions = [{"name": "place", "kind": "choice", "labels": ["Café", "bar"]}]
    project_id = await ingest.project({**TEXT_SCHEMA, "questions": questions})
    decomposed = {"place": {"label": unicodedata.normalize("NFD", "Café")}}
    report = await ingest.report(
        project_id,
        {**text("near"), "verdict": "confirmed", "prediction": decomposed},
        {**text("far"), "verdict": "corrected", "correction": decomposed},
        {**text("by"), "verdict": "corrected", "prediction": {"place": {"label": "Café"}}, "correction": decomposed},
    )
    assert report["accepted"] == 2, report
    assert [(one["line"], one["reason"]) for one in report["rejected"]] == [(3, "correction-equals-prediction")]
    payloads = [one.payload for one in await _published(ingest, project_id)]
    assert {one.verdict: one.prediction or one.correction for one in payloads} == {
        "confirmed": {"place": {"label": "Café"}},
        "corrected": {"place": {"label": "Café"}},
    }


async def test_a_correction_that_equals_the_prediction_is_refused_by_itself(ingest: Ingest) -> None:
    project_id = await ingest.project()
    await ingest.send(project_id, text("lamp", external_id="t1"))
    about = {"external_id": "t1", "verdict": "corrected", "correction": BILLING}
    report = await ingest.report(
        project_id, {**about, "prediction": BILLING}, {**about, "prediction": DELIVERY}, {**about, "model_version": "2"}
    )
    assert report["accepted"] == 2, report
    (refused,) = report["rejected"]
    assert (refused["line"], refused["pointer"], refused["reason"]) == (
        1,
        "/correction",
        "correction-equals-prediction",
    )
    summary = await ingest.get(f"/v1/projects/{project_id}/feedback/summary")
    assert sum(one["by_verdict"].get("corrected", 0) for one in summary["models"]) == 2


async def test_regions_that_differ_only_in_what_was_masked_are_a_correction(ingest: Ingest) -> None:
    project_id = await ingest.project()
    predicted = {"places": {"spans": [{"start": 5, "end": 9, "label": "PLACE"}]}}
    corrected = {"places": {"spans": [{"start": 5, "end": 13, "label": "PLACE"}]}}
    mail = {"fields": {"message": "Ask jane.doe@example.com about Berlin."}, "verdict": "corrected"}
    report = await ingest.report(
        project_id,
        {**mail, "prediction": predicted, "correction": corrected},
        {**mail, "prediction": corrected, "correction": corrected},
    )
    assert report["accepted"] == 1, report
    assert [one["line"] for one in report["rejected"]] == [2]
