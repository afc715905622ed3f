"""The JSON Schema of answers agrees with `validate`, but for rules that JSON Schema can't express, and these are named."""

from copy import deepcopy
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shared.contracts.answers import Content, LabelSchema, answers_schema, validate
from shared.contracts.answers.kinds import QUESTION_MODELS
from shared.contracts.fields import AssetReference, PictureSize

IMAGE = AssetReference(
    asset_id=UUID(int=1), media_type="image/png", sha256="0" * 64, size_bytes=1, width=100, height=50
)
CONTENT: Content = {"text": "naïve 😀 text", "photo": IMAGE}
TOPIC = {"name": "topic", "kind": "choice", "labels": ["a", "b", "é"]}
TAGS = {"name": "tags", "kind": "multi_choice", "labels": ["x", "y", "z"], "minimum": 1, "maximum": 2}
SPANS = {"name": "spans", "kind": "spans", "field": "text", "labels": ["PER", "ORG"], "relations": ["knows", "owns"]}
ALONE = {"name": "alone", "kind": "spans", "field": "text", "labels": ["PER"], "overlapping": False}
BOXES = {
    "name": "boxes",
    "kind": "boxes",
    "field": "photo",
    "labels": ["car", "bus"],
    "rotation": True,
    "attributes": [
        {"name": "colour", "values": ["red", "blue"]},
        {"name": "side", "values": ["left"], "required": True},
    ],
}
UPRIGHT = {"name": "upright", "kind": "boxes", "field": "photo", "labels": ["car"]}

_near = st.integers(-1, 14)
_length = st.sampled_from([-1, 0, 0.5, 1, 10, 49.9, 60, 101])


def _of(*labels: str) -> st.SearchStrategy[str]:
    return st.sampled_from([*labels, *labels, "", "unknown"])


def _spans(labels: tuple[str, ...], relations: tuple[str, ...]) -> st.SearchStrategy[Any]:
    span = st.fixed_dictionaries({"start": _near, "end": _near, "label": _of(*labels)})
    relation = st.fixed_dictionaries({"head": st.integers(-1, 3), "tail": st.integers(-1, 3), "label": _of(*relations)})
    return st.fixed_dictionaries(
        {"spans": st.lists(span, max_size=3)}, optional={"relations": st.lists(relation, max_size=2)}
    )


def _boxes(labels: tuple[str, ...], attributes: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    box = st.fixed_dictionaries(
        {"x": _length, "y": _length, "width": _length, "height": _length, "label": _of(*labels)},
        optional={"rotation": st.sampled_from([None, 0, 45.0, 359, 360]), "attributes": attributes},
    )
    return st.fixed_dictionaries({"boxes": st.lists(box, max_size=2)})


ANSWERS: dict[str, tuple[dict[str, Any], st.SearchStrategy[Any]]] = {
    "choice": (TOPIC, st.fixed_dictionaries({"label": _of("a", "b", "é")})),
    "multi_choice": (TAGS, st.fixed_dictionaries({"labels": st.lists(_of("x", "y", "z"), max_size=3)})),
    "spans": (SPANS, _spans(("PER", "ORG"), ("knows", "owns"))),
    "spans that don't overlap": (ALONE, _spans(("PER",), ("knows",))),
    "boxes": (
        BOXES,
        _boxes(
            ("car", "bus"),
            st.dictionaries(st.sampled_from(["colour", "side", "size"]), _of("red", "blue", "left"), max_size=2),
        ),
    ),
    "upright boxes": (UPRIGHT, _boxes(("car",), st.just({}))),
}

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.sampled_from([0.5, 1.0, -1.0]) | st.text("aéPx", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["label", "x", "start"]), inner),
    max_leaves=3,
)


@st.composite
def mutated(draw: st.DrawFn, answers: st.SearchStrategy[Any]) -> Any:
    """An answer, and as often one with a part of it replaced, left out, added or repeated."""
    answer = deepcopy(draw(answers))
    if not draw(st.booleans()):
        return answer
    parts: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            parts.append((value, key))
            walk(value[key])

    walk(answer)
    if not parts:
        return draw(_json)
    holder, key = draw(st.sampled_from(parts))
    change = draw(st.sampled_from(["replace", "remove", "add"]))
    if change == "replace":
        holder[key] = draw(_json)
    elif change == "remove":
        del holder[key]
    elif isinstance(holder, dict):
        holder[draw(st.sampled_from(["extra", "label", "rotation"]))] = draw(_json)
    else:
        holder.append(deepcopy(holder[key]))
    return answer


def schema(*questions: dict[str, Any]) -> LabelSchema:
    fields = [{"name": "text", "kind": "text"}, {"name": "photo", "kind": "image", "required": False}]
    return LabelSchema.model_validate({"fields": fields, "questions": list(questions)})


def assert_agreement(asked: LabelSchema, content: Content, answers: dict[str, Any]) -> None:
    beyond = {rule for question in asked.questions for rule in question.beyond_schema}
    broken = {violation.rule for violation in validate(asked, content, answers)}
    accepted = Draft202012Validator(answers_schema(asked)).is_valid(answers)
    if not broken:
        assert accepted
    elif not broken <= beyond:
        assert not accepted


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_schema_accepts_what_validate_accepts_and_refuses_what_it_can_express(kind: str) -> None:
    question, answers = ANSWERS[kind]
    asked = schema(question)

    @given(answer=mutated(answers), content=st.sampled_from([CONTENT, {}]))
    def agree(answer: Any, content: Content) -> None:
        assert_agreement(asked, content, {question["name"]: answer})

    agree()


CONDITIONS: dict[str, list[dict[str, Any]]] = {
    "choice": [TOPIC, {**TAGS, "visible_when": {"question": "topic", "labels": ["a", "é"]}}],
    "multi_choice": [TAGS, {**TOPIC, "visible_when": {"question": "tags", "labels": ["x"]}, "required": False}],
    "spans": [SPANS, {**TOPIC, "visible_when": {"question": "spans", "labels": ["ORG"]}}],
    "boxes": [UPRIGHT, {**TOPIC, "visible_when": {"question": "upright", "labels": ["car"]}}],
    "in a row": [
        {**TOPIC, "required": False},
        {**TAGS, "visible_when": {"question": "topic", "labels": ["a"]}},
        {**ALONE, "visible_when": {"question": "tags", "labels": ["x", "y"]}},
    ],
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_it_knows_which_questions_are_hidden_and_which_are_needed(condition: str) -> None:
    asked = schema(*CONDITIONS[condition])
    right = {str(question["name"]): answers for question, answers in ANSWERS.values()}

    @given(answers=st.fixed_dictionaries({}, optional={one.name: right[one.name] for one in asked.questions}))
    def agree(answers: dict[str, Any]) -> None:
        assert_agreement(asked, CONTENT, answers)

    agree()


def test_there_is_a_schema_for_every_kind() -> None:
    assert {question["kind"] for question, _ in ANSWERS.values()} == QUESTION_MODELS.keys()


@pytest.mark.parametrize("kind", QUESTION_MODELS)
def test_a_schema_is_one_by_the_dialect_and_names_what_it_can_t_express(kind: str) -> None:
    model = QUESTION_MODELS[kind]
    question = model.model_validate(dict(model.example.question))
    found = question.answer_schema()
    Draft202012Validator.check_schema(found)
    assert "$ref" not in str(found)
    assert all(text in found["$comment"] for text in model.beyond_schema.values())


@pytest.mark.parametrize("kind", QUESTION_MODELS)
def test_the_example_of_a_kind_is_valid(kind: str) -> None:
    example = QUESTION_MODELS[kind].example
    fields = [
        {"name": name, "kind": "text" if isinstance(value, str) else "image"} for name, value in example.content.items()
    ]
    asked = LabelSchema.model_validate({"fields": fields, "questions": [example.question]})
    content: Content = {
        name: value if isinstance(value, str) else PictureSize(**value) for name, value in example.content.items()
    }
    answers = {str(example.question["name"]): dict(example.answer)}
    assert validate(asked, content, answers) == []
    assert Draft202012Validator(answers_schema(asked)).is_valid(answers)


def test_relations_are_checked_where_the_text_is_missing() -> None:
    dangling = {"spans": [], "relations": [{"head": 0, "tail": 1, "label": "knows"}]}
    assert {one.rule for one in validate(schema(SPANS), {}, {"spans": dangling})} == {"relation-dangling"}
