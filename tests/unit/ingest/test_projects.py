import pickle
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.ingest.domain.projects import MAX_GUIDELINE_TEXT, Project, ProjectParts, clean
from services.ingest.exceptions import (
    ImpossiblePurpose,
    LabelShowsNothing,
    LabelsLookAlike,
    PersonalDataInPolicies,
    PersonalDataInSchema,
    UnknownVersion,
)
from shared.contracts.answers import LabelSchema
from shared.contracts.policies import Policies
from shared.contracts.values import ProjectStatus

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def bare() -> Project:
    return Project(UUID(int=1), "", ProjectStatus.ACTIVE, "salt", b"key", 1, NOW, NOW)


def schema(title: str = "T", label: str = "a") -> LabelSchema:
    return LabelSchema.model_validate(
        {
            "fields": [{"name": "message", "kind": "text", "title": title}],
            "questions": [{"name": "topic", "kind": "choice", "labels": [label, "b"]}],
        }
    )


def test_versions_count_from_one_and_are_activated_on_demand() -> None:
    project = bare().with_schema(schema(), NOW, activate=False).with_schema(schema(), NOW, activate=True)
    assert [item.version for item in project.schemas] == [1, 2]
    assert project.active_schema == 2
    assert project.activated(1, None, None).active_schema == 1
    with pytest.raises(UnknownVersion):
        project.activated(3, None, None)
    with pytest.raises(UnknownVersion):
        project.activated(None, 1, None)


def test_titles_are_masked_and_labels_with_personal_data_are_refused() -> None:
    masked = clean(ProjectParts(label_schema=schema("of a@example.com"))).label_schema
    assert masked is not None
    assert masked.fields[0].title == "of [EMAIL]"
    with pytest.raises(PersonalDataInSchema) as caught:
        clean(ProjectParts(label_schema=schema(label="a@example.com")))
    assert caught.value.pointer == "/questions/0/labels/0"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("good", "good "),
        ("good", " good"),
        ("very good", "very  good"),
        ("very good", "very\u00a0good"),
        ("very good", "very \u200b good"),
        ("good", "goo\u200bd"),
        ("good", "good\ufeff"),
        ("g\u00fct", "gu\u0308t"),
        ("g\u00fct", "gu\u200b\u0308t"),
        ("\u212b", "\u00c5"),
    ],
)
def test_labels_that_look_the_same_are_refused(one: str, other: str) -> None:
    labels = ["first", one, "third", other]
    questions = [
        {"name": f"q{number}", "kind": "multi_choice", "labels": labels[number * 4 :] or ["a", "b"]}
        for number in (1, 0)
    ]
    fields = [{"name": "message", "kind": "text"}]
    new = LabelSchema.model_validate({"fields": fields, "questions": questions})
    with pytest.raises(LabelsLookAlike) as caught:
        clean(ProjectParts(label_schema=new))
    assert caught.value.pointer == "/questions/1/labels/3"
    assert "label 2" in str(caught.value)


@pytest.mark.parametrize("blank", [" ", "\u200b", "\u2800", "\u3164", "\u00a0\ufe0f"])
def test_a_label_that_shows_nothing_is_refused(blank: str) -> None:
    new = {
        "fields": [{"name": "m", "kind": "text"}],
        "questions": [{"name": "q", "kind": "choice", "labels": ["good", blank]}],
    }
    with pytest.raises(LabelShowsNothing) as caught:
        clean(ProjectParts(label_schema=LabelSchema.model_validate(new)))
    assert caught.value.pointer == "/questions/0/labels/1"


def test_labels_that_differ_to_the_eye_are_taken() -> None:
    labels = ["good", "Good", "goods", "go od", "g\u00f6od", "0", "O", "\u041e"]
    new = {"fields": [{"name": "m", "kind": "text"}], "questions": [{"name": "q", "kind": "choice", "labels": labels}]}
    parts = ProjectParts(label_schema=LabelSchema.model_validate(new))
    assert clean(parts) == parts


def test_purposes_with_personal_data_are_refused() -> None:
    with pytest.raises(PersonalDataInPolicies):
        clean(ProjectParts(policies=Policies(purposes_required=["a@example.com"])))


@pytest.mark.parametrize(
    "refusal", [LabelsLookAlike("/questions/0/labels/1", 0), LabelShowsNothing("/questions/0/labels/1"), ImpossiblePurpose(3, 200), PersonalDataInPolicies(2),
                PersonalDataInSchema("/fields/0/name")]
)  # fmt: skip
def test_a_refusal_comes_out_of_a_worker_process_as_it_is(refusal: Exception) -> None:
    back = pickle.loads(pickle.dumps(refusal))
    assert (type(back), str(back), vars(back)) == (type(refusal), str(refusal), vars(refusal))


def test_the_event_holds_the_active_guideline_and_the_newest_that_fit() -> None:
    project = bare().with_policies(Policies(), NOW, activate=True)
    for number in range(4):
        project = project.with_guideline(f"{number}" * (MAX_GUIDELINE_TEXT // 2 - 10), NOW, activate=number == 0)
    lengths = [len(item.markdown) for item in project.event().guidelines]
    assert [length > 0 for length in lengths] == [True, False, False, True]
