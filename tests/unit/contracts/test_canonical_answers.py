"""Answers have one form, however they were written: units of offsets, spelling of labels, boxes over the edge."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.answers import Content, LabelSchema, OffsetUnit, accept, canonical, from_code_points
from shared.contracts.fields import PictureSize

CAFE, CAFE_NFD = "Café", unicodedata.normalize("NFD", "Café")
HANGUL, HANGUL_NFD = "한국", unicodedata.normalize("NFD", "한국")
ENTITIES = {"name": "entities", "kind": "spans", "field": "text", "labels": ["PER", CAFE], "relations": [HANGUL]}
PLACE = {"name": "place", "kind": "choice", "labels": [CAFE, "bar"]}
TAGS = {"name": "tags", "kind": "multi_choice", "labels": [CAFE, HANGUL]}
CARS = {
    "name": "cars",
    "kind": "boxes",
    "field": "photo",
    "labels": [CAFE],
    "outside": "clip",
    "rotation": True,
    "attributes": [{"name": "colour", "values": [HANGUL]}],
}
PHOTO = PictureSize(width=100, height=50)


def schema(*questions: dict[str, Any]) -> LabelSchema:
    fields = [{"name": "text", "kind": "text"}, {"name": "photo", "kind": "image", "required": False}]
    return LabelSchema.model_validate({"fields": fields, "questions": list(questions)})


def spans(*places: tuple[int, int]) -> dict[str, Any]:
    return {"entities": {"spans": [{"start": start, "end": end, "label": "PER"} for start, end in places]}}


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


# Emoji with a modifier and a joiner, CJK beyond the basic plane, combining marks, a flag.
TEXTS = ["plain", "naïve", "😀 Ada", "👩🏽‍🔬 met 𠮷野家 in Köln", "e\u0301a\u0308 한국", "🇩🇪🇫🇷x", "中文字符"]


@pytest.mark.parametrize("text", TEXTS)
def test_utf16_offsets_mean_what_a_javascript_frontend_counts(text: str) -> None:
    asked, content = schema(ENTITIES), {"text": text}
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            given = spans((utf16_length(text[:start]), utf16_length(text[:end])))
            found = accept(asked, content, given, unit=OffsetUnit.UTF16)
            assert (found.answers, found.violations) == (spans((start, end)), [])
            assert from_code_points(asked, content, found.answers, OffsetUnit.UTF16) == given


@given(st.text(st.sampled_from("aé\u0301中😀𠮷"), min_size=1, max_size=30), st.data())
def test_offsets_there_and_back_are_the_same(text: str, data: st.DataObject) -> None:
    asked, content = schema(ENTITIES), {"text": text}
    kept = spans((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text) + 9))))
    shown = from_code_points(asked, content, kept, OffsetUnit.UTF16)
    assert canonical(asked, content, shown, OffsetUnit.UTF16) == kept


def test_an_offset_inside_a_surrogate_pair_is_refused_with_its_place() -> None:
    found = accept(schema(ENTITIES), {"text": "a😀b"}, spans((0, 1), (1, 2)), unit=OffsetUnit.UTF16)
    [violation] = found.violations
    assert (violation.pointer, violation.rule) == ("/entities/spans/1/end", "offset-inside-character")


def test_an_offset_behind_the_text_stays_behind_it() -> None:
    found = accept(schema(ENTITIES), {"text": "a😀b"}, spans((0, 5)), unit=OffsetUnit.UTF16)
    assert [one.rule for one in found.violations] == ["span-outside"]


@pytest.mark.parametrize("answer", [{}, {"spans": 1}, {"spans": [1, {"start": "0"}, {"start": True, "end": 0.5}]}])
def test_what_can_t_be_read_is_converted_by_nobody(answer: dict[str, Any]) -> None:
    given = {"entities": answer}
    assert canonical(schema(ENTITIES), {"text": "😀"}, given, OffsetUnit.UTF16) == given


@pytest.mark.parametrize("composed", [True, False], ids=["composed schema", "decomposed schema of long ago"])
def test_a_decomposed_answer_is_the_schema_s_label_in_every_kind(*, composed: bool) -> None:
    form: Any = "NFC" if composed else "NFD"

    def spelt(value: Any) -> Any:
        if isinstance(value, str):
            return unicodedata.normalize(form, value)
        if isinstance(value, dict):
            return {key: spelt(item) for key, item in value.items()}
        return [spelt(item) for item in value] if isinstance(value, list) else value

    asked = schema(*spelt([PLACE, TAGS, ENTITIES, CARS]))
    box = {"x": 1, "y": 1, "width": 5, "height": 5}
    for cafe, hangul in [(CAFE, HANGUL), (CAFE_NFD, HANGUL_NFD), (CAFE_NFD, HANGUL)]:
        spans_of = [{"start": 0, "end": 1, "label": cafe}, {"start": 1, "end": 2, "label": "PER"}]
        answers: dict[str, Any] = {
            "place": {"label": cafe},
            "tags": {"labels": [hangul, cafe]},
            "entities": {"spans": spans_of, "relations": [{"head": 0, "tail": 1, "label": hangul}]},
            "cars": {"boxes": [{**box, "label": cafe, "attributes": {"colour": hangul}}]},
        }
        found = accept(asked, {"text": "Ada", "photo": PHOTO}, answers)
        assert found == (spelt(answers), [])


def test_the_same_label_in_two_forms_is_given_twice() -> None:
    found = accept(schema(TAGS), {}, {"tags": {"labels": [CAFE, CAFE_NFD]}})
    assert [one.rule for one in found.violations] == ["label-twice"]


def clip(answer: dict[str, Any], **changes: Any) -> Any:
    asked = schema({**CARS, **changes})
    content: Content = {"photo": PHOTO}
    found = accept(asked, content, {"cars": {"boxes": [{**answer, "label": CAFE}]}})
    assert accept(asked, content, found.answers) == found  # cutting again changes nothing
    boxes: Any = found.answers["cars"]["boxes"]
    return {key: boxes[0][key] for key in boxes[0] if key != "label"}, [one.rule for one in found.violations]


@pytest.mark.parametrize(
    ("given_box", "kept"),
    [
        ({"x": -5, "y": 10, "width": 20, "height": 10}, {"x": 0, "y": 10, "width": 15, "height": 10}),
        ({"x": 90.5, "y": 45, "width": 20, "height": 10}, {"x": 90.5, "y": 45, "width": 9.5, "height": 5}),
        ({"x": -5, "y": -5, "width": 500, "height": 500}, {"x": 0, "y": 0, "width": 100, "height": 50}),
        ({"x": 99.7, "y": 0, "width": 0.3005, "height": 50}, {"x": 99.7, "y": 0, "width": 100 - 99.7, "height": 50}),
        ({"x": -1, "y": 0, "width": 5, "height": 5, "rotation": 0.0}, {"x": 0, "y": 0, "width": 4, "height": 5, "rotation": 0.0}),
        ({"x": 1, "y": 2, "width": 3, "height": 4}, {"x": 1, "y": 2, "width": 3, "height": 4}),
    ],
)  # fmt: skip
def test_a_box_over_the_edge_is_cut_there_where_the_question_says_so(
    given_box: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert clip(given_box) == (kept, [])


@pytest.mark.parametrize(
    "box",
    [
        {"x": 101, "y": 10, "width": 20, "height": 10},
        {"x": -20, "y": 10, "width": 20, "height": 10},
        {"x": -5, "y": 10, "width": 20, "height": 10, "rotation": 45.0},
    ],
)
def test_what_can_t_be_cut_is_refused(box: dict[str, Any]) -> None:
    assert clip(box) == (box, ["box-outside"])


def test_boxes_over_the_edge_are_refused_unless_the_question_says_otherwise() -> None:
    box = {"x": -5, "y": 10, "width": 20, "height": 10}
    assert clip(box, outside="refuse") == (box, ["box-outside"])


@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(0.001, 900), st.floats(0.001, 900))
def test_a_box_that_was_cut_lies_in_the_picture(x: float, y: float, width: float, height: float) -> None:
    _, rules = clip({"x": x, "y": y, "width": width, "height": height})
    touches = x < 100 and y < 50 and x + width > 0 and y + height > 0
    assert rules == ([] if touches else ["box-outside"])
