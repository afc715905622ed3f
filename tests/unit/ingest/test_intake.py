"""From what somebody sent to a record that may be published."""

import base64
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.ingest.domain import intake
from services.ingest.domain.intake import (
    IntakeProject,
    RecordCandidate,
    by_chance,
    content_hash,
    read_record,
    split_of,
)
from services.ingest.domain.reports import ReportIn
from services.ingest.exceptions import NotAccepted
from shared.contracts.answers import LabelSchema
from shared.contracts.policies import Policies, SplitShares
from shared.contracts.values import Origin, Split
from shared.recognition.choice import recognisers_of

RECORD_ID = UUID(int=7)
SCHEMA = LabelSchema.model_validate(
    {
        "fields": [
            {"name": "message", "kind": "text"},
            {"name": "photo", "kind": "image", "required": False},
            {"name": "note", "kind": "text", "required": False},
        ],
        "questions": [{"name": "topic", "kind": "choice", "labels": ["a", "b"]}],
    }
)


def project(**policies: Any) -> IntakeProject:
    return IntakeProject(UUID(int=1), "salt", b"key", 1, SCHEMA, Policies.model_validate(policies))


def read(raw: Any, **policies: Any) -> RecordCandidate:
    found = project(**policies)
    return read_record(found, raw, lambda: RECORD_ID, recognisers_of(found.policies.deidentification))


def refusal(raw: Any, **policies: Any) -> tuple[str, str]:
    with pytest.raises(NotAccepted) as caught:
        read(raw, **policies)
    return caught.value.pointer, caught.value.reason


def test_a_text_is_masked_and_remembers_where() -> None:
    candidate = read({"fields": {"message": "ask a@example.com"}})
    assert candidate.fields == {"message": "ask [EMAIL]"}
    assert candidate.redactions == {"message": [(4, 17, "EMAIL")]}
    assert candidate.payload().fields == {"message": "ask [EMAIL]"}


def test_null_in_a_field_that_may_be_left_out_is_as_if_it_were() -> None:
    without = read({"fields": {"message": "m"}})
    nulls = read({"fields": {"message": "m", "photo": None, "note": None}})
    assert nulls.fields == without.fields == {"message": "m"}
    assert nulls.content_hash == without.content_hash


def test_a_record_whose_fields_are_all_null_is_none() -> None:
    optional = LabelSchema.model_validate(
        {"fields": [{"name": "note", "kind": "text", "required": False}], "questions": SCHEMA.questions}
    )
    found = replace(project(), schema=optional)
    with pytest.raises(NotAccepted) as caught:
        read_record(found, {"fields": {"note": None}}, lambda: RECORD_ID, ())
    assert (caught.value.pointer, caught.value.reason) == ("/fields", "too-short")


def test_the_content_hash_is_of_the_original_alone() -> None:
    one = read({"fields": {"message": "ask a@example.com"}, "slice": {"a": 1}, "external_id": "x"})
    same = read({"fields": {"message": "ask a@example.com"}, "priority": 3})
    other = read({"fields": {"message": "ask b@example.com"}})
    assert one.content_hash == same.content_hash != other.content_hash


def test_hashes_of_two_projects_cannot_be_compared() -> None:
    mine = project()
    theirs = IntakeProject(UUID(int=2), "salt", b"other key", 1, SCHEMA, Policies())
    assert content_hash(mine, {"a": "b"}) != content_hash(theirs, {"a": "b"})


@pytest.mark.parametrize(
    "field",
    [
        {"base64": "AAEC"},
        {"media_type": "image/png", "base64": "AAEC"},
        "data:image/png;base64,AAEC",
        "DATA:image/png;BASE64,AAEC",
    ],
)
def test_an_inline_image_waits_beside_the_fields(field: Any) -> None:
    candidate = read({"fields": {"message": "m", "photo": field}})
    assert candidate.files["photo"].data == base64.b64decode("AAEC")
    assert "photo" not in candidate.fields
    assert candidate.content_hash


def test_a_record_with_an_uploaded_asset_is_hashed_once_the_asset_is_known() -> None:
    candidate = read({"fields": {"message": "m", "photo": {"asset_id": str(UUID(int=3))}}})
    assert candidate.assets == {"photo": UUID(int=3)}
    assert candidate.content_hash == b""


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (5, ("", "object-expected")),
        ({}, ("/fields", "missing")),
        ({"fields": {}}, ("/fields", "too-short")),
        ({"fields": {"message": None}}, ("/fields/message", "field-required")),
        ({"fields": {"message": 5}}, ("/fields/message", "string-type")),
        ({"fields": {"message": "m", "other": None}}, ("/fields/other", "field-unknown")),
        ({"fields": {"photo": {"base64": "AAEC"}}}, ("/fields/message", "field-required")),
        ({"fields": {"message": "m", "a@example.com": 1}}, ("/fields/[EMAIL]", "field-unknown")),
        ({"fields": {"message": "m"}, "a@example.com": 1}, ("/[EMAIL]", "extra-forbidden")),
        ({"fields": {"message": "m", "photo": "data:text/plain,x"}}, ("/fields/photo", "data-url-malformed")),
        ({"fields": {"message": "m", "photo": {"base64": "="}}}, ("/fields/photo", "base64-malformed")),
        ({"fields": {"message": "m"}, "slice": {"a": {}}}, ("/slice/a", "slice-value")),
        ({"fields": {"message": "m"}, "slice": {"a": "x" * 1001}}, ("/slice/a", "slice-value")),
        ({"fields": {"message": "m"}, "slice": {"k" * 201: 1}}, ("/slice", "string-too-long")),
        ({"fields": {"message": "m", "k" * 201: 1}}, ("/fields", "string-too-long")),
        ({"fields": {"message": "m"}, "k" * 201: 1}, ("", "extra-forbidden")),
        ({"fields": {"message": "m"}, "slice": {"": 1}}, ("/slice/", "string-too-short")),
        ({"fields": {"message": "m"}, "priority": True}, ("/priority", "int-type")),
        ({"fields": {"message": "m"}, "priority": "7"}, ("/priority", "int-type")),
        ({"fields": {"message": "m"}, "collected_by_chance": "no"}, ("/collected_by_chance", "bool-type")),
    ],
)
def test_refusals_point_at_the_place(raw: Any, expected: tuple[str, str]) -> None:
    assert refusal(raw) == expected


@pytest.mark.parametrize("number", [0, 7, -3, 2**64 - 1])
def test_a_whole_number_is_an_external_id(number: int) -> None:
    named = read({"fields": {"message": "m"}, "external_id": number})
    assert named.external_id == str(number)
    assert named.external_hash == read({"fields": {"message": "m"}, "external_id": str(number)}).external_hash
    report = ReportIn.model_validate({"external_id": number, "feedback_id": number, "verdict": "confirmed"})
    assert (report.external_id, report.feedback_id) == (str(number), str(number))


@pytest.mark.parametrize("value", [True, False, 1.0, 1.5, [1]])
def test_what_is_no_name_is_no_external_id(value: Any) -> None:
    assert refusal({"fields": {"message": "m"}, "external_id": value}) == ("/external_id", "string-type")
    with pytest.raises(ValidationError):
        ReportIn.model_validate({"external_id": value, "verdict": "confirmed"})


@pytest.mark.parametrize(
    "blank",
    ["", " ", "\t\r\n", "\u00a0\u3000", "\u200b\u200d\ufeff\u2060", "\u00ad", "\u3164\u2800\ufe0f", "\u202e", "\x07"],
)
def test_a_required_text_that_shows_nothing_is_refused(blank: str) -> None:
    assert refusal({"fields": {"message": blank}}) == ("/fields/message", "field-blank")
    assert read({"fields": {"message": "m", "note": blank}}).fields["note"] == blank
    assert read({"fields": {"message": blank + "m"}}).fields["message"] == blank + "m"


@pytest.mark.parametrize("shown", [".", "\u0301", "😀", "❤\ufe0f", "ﷺ", "\ue000", "한"])
def test_whatever_shows_is_a_text(shown: str) -> None:
    assert read({"fields": {"message": shown}})


def test_consent_must_cover_the_required_purposes() -> None:
    required = {"purposes_required": ["training", "quality"]}
    assert refusal({"fields": {"message": "m"}, "purposes": ["quality"]}, **required) == (
        "/purposes",
        "consent-missing",
    )
    assert read({"fields": {"message": "m"}, "purposes": ["quality", "x", "training"]}, **required)


@pytest.mark.parametrize(
    "value", [4930901820, 2079460958, 5550109999, 1718000000, 202405170871, 41796001122, -4930901820]
)
def test_other_numbers_in_slices_stay_numbers(value: int) -> None:
    assert read({"fields": {"message": "m"}, "slice": {"id": value}}).slice == {"id": value}


def test_numbers_in_slices_that_read_as_personal_data_are_masked() -> None:
    candidate = read({"fields": {"message": "m"}, "slice": {"card": 4111111111111111, "count": 12345678, "share": 0.5}})
    assert candidate.slice == {"card": "[CARD]", "count": 12345678, "share": 0.5}


@pytest.mark.parametrize(
    ("origin", "declared", "chance"),
    [
        (Origin.COLLECTED, None, True),
        (Origin.COLLECTED, False, False),
        (Origin.DEPLOYMENT, None, False),
        (Origin.DEPLOYMENT, True, True),
        (Origin.SYNTHETIC, None, False),
        (Origin.SYNTHETIC, True, False),
    ],
)
def test_what_counts_as_chance(origin: Origin, declared: bool | None, chance: bool) -> None:
    assert by_chance(origin, declared) is chance


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1), st.floats(0, 1))
def test_shares_decide_the_split(drawn: float, first: float, second: float) -> None:
    test, validation = min(first, second), abs(first - second)
    shares = SplitShares(test=test, validation=validation, train=1.0 - (test + validation))
    split = split_of(shares, drawn)
    assert (split is Split.TEST) == (drawn < test)
    assert (split is Split.TRAIN) == (drawn >= test + validation)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"fields": {"message": "m" * 491_521}}, ("/fields", "record-too-large")),
        ({"fields": {"message": "m" * 300_000, "note": "m" * 300_000}}, ("/fields", "record-too-large")),
        ({"fields": {"message": "é" * 300_000}}, ("/fields", "record-too-large")),
        ({"fields": {"note": "m"}}, ("/fields/message", "field-required")),
        ({"fields": {"message": "m", "unknown": "m"}}, ("/fields/unknown", "field-unknown")),
        ({"fields": {"message": "m", "note": 5}}, ("/fields/note", "string-type")),
        ({"fields": {"message": " ", "note": "m"}}, ("/fields/message", "field-blank")),
    ],
)
def test_nothing_is_searched_of_a_record_that_is_refused(
    monkeypatch: pytest.MonkeyPatch, raw: Any, expected: tuple[str, str]
) -> None:
    searched: list[str] = []
    monkeypatch.setattr(intake, "masked_text", lambda text, _: searched.append(text))
    monkeypatch.setattr(intake, "mask_slice", lambda values: searched.append(str(values)))
    assert refusal({**raw, "slice": {"a": "b"}}) == expected
    assert not searched


def test_a_text_that_grows_with_its_masks_is_measured_again() -> None:
    assert refusal({"fields": {"message": "a@b.co " * 65_000}}) == ("/fields", "record-too-large")
