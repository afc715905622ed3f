"""The schema and the one function that guards every road in."""

import math
import time
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from shared.contracts.answers import LabelSchema, Violation, validate
from shared.contracts.answers.kinds import QUESTION_MODELS
from shared.contracts.answers.validation import MAX_VIOLATIONS
from shared.contracts.fields import AssetReference, FieldValue
from tests.support.slowness import slowness

IMAGE = AssetReference(
    asset_id=UUID(int=1), media_type="image/png", sha256="0" * 64, size_bytes=1, width=100, height=50
)
FIELDS: dict[str, FieldValue] = {"text": "naïve 😀 text", "photo": IMAGE}
TOPIC = {"name": "topic", "kind": "choice", "labels": ["a", "b"]}
TAGS = {"name": "tags", "kind": "multi_choice", "labels": ["x", "y", "z"], "minimum": 1, "maximum": 2}
SPANS = {"name": "spans", "kind": "spans", "field": "text", "labels": ["PER", "ORG"], "relations": ["works_for"]}
BOXES = {
    "name": "boxes",
    "kind": "boxes",
    "field": "photo",
    "labels": ["car"],
    "rotation": True,
    "attributes": [
        {"name": "colour", "values": ["red", "blue"]},
        {"name": "side", "values": ["left"], "required": True},
    ],
}


def schema(*questions: dict[str, Any]) -> LabelSchema:
    fields = [{"name": "text", "kind": "text"}, {"name": "photo", "kind": "image", "required": False}]
    return LabelSchema.model_validate({"fields": fields, "questions": list(questions)})


def rules(question: dict[str, Any], answer: Any, **changes: Any) -> list[tuple[str, str]]:
    found = validate(schema({**question, **changes}), FIELDS, {question["name"]: answer})
    return [(violation.pointer, violation.rule) for violation in found]


def box(**changes: Any) -> dict[str, Any]:
    return {"x": 1, "y": 1.5, "width": 10, "height": 20, "label": "car", "attributes": {"side": "left"}, **changes}


def test_right_answers_of_every_kind_pass() -> None:
    answers = {
        "topic": {"label": "a"},
        "tags": {"labels": ["x", "z"]},
        "spans": {
            "spans": [{"start": 0, "end": 5, "label": "PER"}, {"start": 6, "end": 12, "label": "ORG"}],
            "relations": [{"head": 0, "tail": 1, "label": "works_for"}],
        },
        "boxes": {"boxes": [box(rotation=30.0, x=20, attributes={"side": "left", "colour": "red"}), box(x=90, y=30)]},
    }
    assert validate(schema(TOPIC, TAGS, SPANS, BOXES), FIELDS, answers) == []


def test_the_first_kinds_are_discovered() -> None:
    assert {"choice", "multi_choice", "spans", "boxes"} <= set(QUESTION_MODELS)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"label": "c"}, [("/topic/label", "label-unknown")]),
        ({}, [("/topic/label", "missing")]),
        ({"label": 1}, [("/topic/label", "string-type")]),
        ({"label": "a", "extra": 1}, [("/topic/extra", "extra-forbidden")]),
        (None, [("/topic", "model-type")]),
        ([], [("/topic", "model-type")]),
    ],
)
def test_choice(answer: Any, expected: list[tuple[str, str]]) -> None:
    assert rules(TOPIC, answer) == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["x", "q"], [("/tags/labels/1", "label-unknown")]),
        (["x", "x"], [("/tags/labels/1", "label-twice")]),
        ([], [("/tags/labels", "too-few-labels")]),
        (["x", "y", "z"], [("/tags/labels", "too-many-labels")]),
    ],
)
def test_multi_choice(labels: list[str], expected: list[tuple[str, str]]) -> None:
    assert rules(TAGS, {"labels": labels}) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 12, []),
        (11, 12, []),
        (0, 13, ["span-outside"]),
        (12, 13, ["span-outside"]),
        (3, 3, ["span-empty"]),
        (5, 3, ["span-empty"]),
        (-1, 3, ["greater-than-equal"]),
        (0.0, 3, ["int-type"]),
        ("0", 3, ["int-type"]),
        (True, 3, ["int-type"]),
    ],
)
def test_spans_lie_in_the_text_by_code_points_with_an_exclusive_end(start: Any, end: int, expected: list[str]) -> None:
    assert [rule for _, rule in rules(SPANS, {"spans": [{"start": start, "end": end, "label": "PER"}]})] == expected


def test_spans_and_relations_are_distinguished_and_closed() -> None:
    spans = [
        {"start": 0, "end": 2, "label": "PER"},
        {"start": 1, "end": 3, "label": "LOC"},
        {"start": 0, "end": 2, "label": "PER"},
    ]
    relations = [
        {"head": 0, "tail": 3, "label": "works_for"},
        {"head": 1, "tail": 1, "label": "works_for"},
        {"head": 0, "tail": 1, "label": "PER"},
        {"head": 0, "tail": 1, "label": "works_for"},
        {"head": 0, "tail": 1, "label": "works_for"},
    ]
    assert rules(SPANS, {"spans": spans, "relations": relations}) == [
        ("/spans/spans/1/label", "label-unknown"),
        ("/spans/spans/2", "span-twice"),
        ("/spans/relations/0/tail", "relation-dangling"),
        ("/spans/relations/1", "relation-to-itself"),
        ("/spans/relations/2/label", "label-unknown"),
        ("/spans/relations/4", "relation-twice"),
    ]


def test_spans_may_be_forbidden_to_overlap() -> None:
    spans = [{"start": 4, "end": 6, "label": "PER"}, {"start": 0, "end": 5, "label": "ORG"}]
    assert rules(SPANS, {"spans": spans}) == []
    assert rules(SPANS, {"spans": spans}, overlapping=False) == [("/spans/spans/0", "span-overlaps")]


def test_the_same_box_twice_is_refused() -> None:
    once, again = box(), box(rotation=0.0, attributes={"side": "left", "colour": "red"})
    assert rules(BOXES, {"boxes": [once, again]}) == [("/boxes/boxes/1", "box-twice")]
    assert rules(BOXES, {"boxes": [once, box(x=1.5)]}) == []
    assert rules(BOXES, {"boxes": [once, box(label="bus")]}, labels=["car", "bus"]) == []


@pytest.mark.parametrize("side", ["x", "y", "width", "height"])
@pytest.mark.parametrize("difference", [1e-12, -1e-7, 5e-5])
def test_a_box_that_differs_by_rounding_alone_is_the_same_box(side: str, difference: float) -> None:
    for value in (1.0, 2.0001, 3.3333):
        once, again = box(**{side: value}), box(**{side: value + difference})
        assert rules(BOXES, {"boxes": [once, again]}) == [("/boxes/boxes/1", "box-twice")]
        assert rules(BOXES, {"boxes": [once, box(**{side: value + 1e-3})]}) == []


@pytest.mark.parametrize(("one", "other"), [(0.0, 359.99999), (359.99995, 0.00004), (None, 359.99999)])
def test_a_full_turn_makes_no_other_box(one: float | None, other: float) -> None:
    for first, second in ((one, other), (other, one)):
        boxes = [box(x=40, y=15, rotation=first), box(x=40, y=15, rotation=second)]
        assert rules(BOXES, {"boxes": boxes}) == [("/boxes/boxes/1", "box-twice")]


def test_a_box_that_is_turned_further_is_another_one() -> None:
    boxes = [box(x=40, y=15, rotation=rotation) for rotation in (0.0, 359.999, 180.0)]
    assert rules(BOXES, {"boxes": boxes}) == []


@pytest.mark.parametrize("side", ["width", "height"])
def test_a_box_too_small_to_hold_anything_is_refused(side: str) -> None:
    for length in (1e-9, 1e-4):
        assert rules(BOXES, {"boxes": [box(**{side: length})]}) == [("/boxes/boxes/0", "box-too-small")]
    assert rules(BOXES, {"boxes": [box(**{side: 0.001})]}) == []


def test_many_boxes_that_differ_little_are_compared_quickly() -> None:
    boxes = [box(x=40 + number / 1000, y=15, rotation=number / 100) for number in range(2000)]
    started = time.process_time()
    assert rules(BOXES, {"boxes": boxes}) == []
    assert time.process_time() - started < 2.0 * slowness()


def test_a_box_beyond_all_pictures_is_outside() -> None:
    assert rules(BOXES, {"boxes": [box(x=1e308), box(x=-1e308), box(width=1e308)]}) == [
        (f"/boxes/boxes/{number}", "box-outside") for number in range(3)
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"x": 90.0}, []),
        ({"x": 90.01}, [("/boxes/boxes/0", "box-outside")]),
        ({"y": -1}, [("/boxes/boxes/0", "box-outside")]),
        ({"width": 0}, [("/boxes/boxes/0/width", "greater-than")]),
        ({"x": math.nan}, [("/boxes/boxes/0/x", "finite-number")]),
        ({"height": math.inf}, [("/boxes/boxes/0/height", "finite-number")]),
        ({"x": "1"}, [("/boxes/boxes/0/x", "float-type")]),
        ({"label": "bus"}, [("/boxes/boxes/0/label", "label-unknown")]),
        ({"rotation": 360}, [("/boxes/boxes/0/rotation", "less-than")]),
        ({"rotation": 90.0}, [("/boxes/boxes/0", "box-outside")]),
        ({"attributes": {}}, [("/boxes/boxes/0/attributes/side", "attribute-required")]),
        ({"attributes": {"side": "top"}}, [("/boxes/boxes/0/attributes/side", "attribute-value-unknown")]),
        ({"attributes": {"side": "left", "age": "1"}}, [("/boxes/boxes/0/attributes/age", "attribute-unknown")]),
    ],
)
def test_boxes(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert rules(BOXES, {"boxes": [box(**changes)]}) == expected


def test_turned_boxes_need_a_question_that_takes_them() -> None:
    assert rules(BOXES, {"boxes": [box(x=20, rotation=10)]}, rotation=False) == [
        ("/boxes/boxes/0/rotation", "rotation-not-allowed")
    ]


@pytest.mark.parametrize("answer", [{"boxes": []}, {"boxes": [box()]}])
def test_a_question_about_a_field_that_the_record_lacks_takes_no_answer_not_even_an_empty_one(answer: Any) -> None:
    only_text: dict[str, FieldValue] = {"text": "x"}
    asked = schema(TOPIC, BOXES)
    found = validate(asked, only_text, {"topic": {"label": "a"}, "boxes": answer})
    assert [(item.pointer, item.rule) for item in found] == [("/boxes", "field-missing")]
    assert validate(asked, only_text, {"topic": {"label": "a"}}) == [], "though it is required"
    assert [item.rule for item in validate(asked, FIELDS, {"topic": {"label": "a"}})] == ["answer-required"]


def test_a_field_of_another_kind_is_not_the_one_that_is_asked_about() -> None:
    found = validate(schema(SPANS), {"text": IMAGE}, {"spans": {"spans": []}})
    assert [(item.pointer, item.rule) for item in found] == [("/spans", "field-missing")]
    assert validate(schema(SPANS), {"text": ""}, {"spans": {"spans": []}}) == []


def test_a_record_that_no_required_question_applies_to_is_not_answered_with_nothing() -> None:
    optional = {**TOPIC, "required": False}
    for asked in (schema(BOXES), schema(BOXES, optional)):
        found = validate(asked, {"text": "x"}, {})
        assert [(item.pointer, item.rule) for item in found] == [("", "field-missing")]
        assert validate(asked, {"text": "x"}, {}, partial=True) == []
    assert validate(schema(BOXES, optional), {"text": "x"}, {"topic": {"label": "a"}}) == []
    hidden = {**BOXES, "visible_when": {"question": "topic", "labels": ["a"]}}
    assert validate(schema(optional, hidden), {"text": "x"}, {}) == []


def test_what_hangs_on_a_question_that_does_not_apply_is_hidden() -> None:
    asked = schema(BOXES, TAGS, {**TOPIC, "visible_when": {"question": "boxes", "labels": ["car"]}})
    tags = {"tags": {"labels": ["x"]}}
    assert validate(asked, {"text": "x"}, tags) == []
    assert [item.rule for item in validate(asked, {}, {**tags, "topic": {"label": "a"}})] == ["question-hidden"]


def test_required_questions_must_be_answered_unless_the_answers_are_partial() -> None:
    both = schema(TOPIC, {**TAGS, "required": False})
    assert [item.rule for item in validate(both, FIELDS, {})] == ["answer-required"]
    assert validate(both, FIELDS, {}, partial=True) == []


def test_unknown_questions_are_refused_and_pointers_are_escaped() -> None:
    found = validate(schema(TOPIC), FIELDS, {"topic": {"label": "a"}, "a/b~c": {}})
    assert found == [Violation("/a~1b~0c", "question-unknown", "the schema does not have this question")]


def test_a_question_may_depend_on_an_earlier_answer() -> None:
    asked = schema(TOPIC, {**TAGS, "visible_when": {"question": "topic", "labels": ["a"]}})
    assert [item.rule for item in validate(asked, FIELDS, {"topic": {"label": "a"}})] == ["answer-required"]
    assert validate(asked, FIELDS, {"topic": {"label": "b"}}) == []
    hidden = validate(asked, FIELDS, {"topic": {"label": "b"}, "tags": {"labels": ["x"]}})
    assert [item.rule for item in hidden] == ["question-hidden"]
    chained = schema(
        TOPIC,
        {**TAGS, "visible_when": {"question": "topic", "labels": ["a"]}},
        {**TOPIC, "name": "third", "visible_when": {"question": "tags", "labels": ["x"]}},
    )
    assert validate(chained, FIELDS, {"topic": {"label": "b"}}) == []


@pytest.mark.parametrize(
    "questions",
    [
        [],
        [TOPIC, TOPIC],
        [{**TOPIC, "name": "text"}],
        [{**TOPIC, "name": "1st"}],
        [{**TOPIC, "labels": ["a"]}],
        [{**TOPIC, "labels": ["a", "a"]}],
        [{**TOPIC, "labels": ["a", ""]}],
        [{**TOPIC, "surprise": 1}],
        [{**TOPIC, "kind": "nonsense"}],
        [{"name": "topic", "labels": ["a", "b"]}],
        [{**TAGS, "minimum": 3, "maximum": 2}],
        [{**TAGS, "maximum": 4}],
        [{**SPANS, "field": "photo"}],
        [{**SPANS, "field": "missing"}],
        [{**SPANS, "relations": ["a", "a"]}],
        [{**BOXES, "field": "text"}],
        [{**BOXES, "attributes": [{"name": "a", "values": ["x"]}, {"name": "a", "values": ["y"]}]}],
        [{**TOPIC, "visible_when": {"question": "topic", "labels": ["a"]}}],
        [TOPIC, {**TAGS, "visible_when": {"question": "topic", "labels": ["c"]}}],
    ],
)
def test_a_schema_that_makes_no_sense_is_refused(questions: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        schema(*questions)


def test_a_schema_survives_json() -> None:
    before = schema(TOPIC, TAGS, SPANS, BOXES)
    after = LabelSchema.model_validate_json(before.model_dump_json())
    assert after == before
    assert [type(question) for question in after.questions] == [type(question) for question in before.questions]


def test_only_so_many_violations_are_listed() -> None:
    spans = [{"start": 0, "end": 99, "label": "?"}] * 500
    assert len(validate(schema(SPANS), FIELDS, {"spans": {"spans": spans}})) == MAX_VIOLATIONS
