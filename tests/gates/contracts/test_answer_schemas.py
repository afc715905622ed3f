"""The JSON Schema of answers agrees with `validate`, but for rules that JSON Schema can't express, and these are named."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import permutations
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

Strategy = st.SearchStrategy[Any]


def _choice(question: dict[str, Any]) -> Strategy:
    return st.fixed_dictionaries({"label": st.sampled_from(question["labels"])})


def _multi_choice(question: dict[str, Any]) -> Strategy:
    some = st.lists(
        st.sampled_from(question["labels"]), min_size=question["minimum"], max_size=question["maximum"], unique=True
    )
    return st.fixed_dictionaries({"labels": some})


def _apart(edges: list[int]) -> list[tuple[int, int]]:
    edges = sorted(edges)
    return list(zip(edges[::2], edges[1::2], strict=False))


@st.composite
def _spans(draw: st.DrawFn, question: dict[str, Any]) -> Any:
    offsets = st.integers(0, len(str(CONTENT["text"])))
    place = st.lists(offsets, min_size=2, max_size=2, unique=True).map(lambda two: (min(two), max(two)))
    apart = st.lists(offsets, max_size=6, unique=True).map(_apart)
    anywhere = st.lists(place, max_size=3, unique=True)
    places: list[tuple[int, int]] = draw(apart if question.get("overlapping") is False else anywhere)
    labels = st.sampled_from(question["labels"])
    answer: dict[str, Any] = {"spans": [{"start": start, "end": end, "label": draw(labels)} for start, end in places]}
    if draw(st.booleans()):
        pairs = list(permutations(range(len(places)), 2)) if question.get("relations") else []
        chosen = draw(st.lists(st.sampled_from(pairs), max_size=2, unique=True)) if pairs else []
        answer["relations"] = [
            {"head": head, "tail": tail, "label": draw(st.sampled_from(question["relations"]))} for head, tail in chosen
        ]
    return answer


@st.composite
def _boxes(draw: st.DrawFn, question: dict[str, Any]) -> Any:
    sides = st.floats(0.001, 1)
    corners = draw(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 49)), max_size=3, unique=True))
    boxes: list[dict[str, Any]] = [
        {"x": x, "y": y, "width": (100 - x) * draw(sides), "height": (50 - y) * draw(sides)} for x, y in corners
    ]
    if question.get("rotation") and draw(st.booleans()):
        turned = {"x": 45.5, "y": 20.5, "width": 10, "height": 10}  # wherever it is turned about, it stays inside
        boxes.append({**turned, "rotation": draw(st.sampled_from([None, 0, 45.0, 359]))})
    for box in boxes:
        box["label"] = draw(st.sampled_from(question["labels"]))
        box.update(draw(_attributes(question)))
    return {"boxes": boxes}


def _attributes(question: dict[str, Any]) -> Strategy:
    """The member `attributes`; without attributes that are required, it may be left out."""
    needed: dict[str, Strategy] = {}
    others: dict[str, Strategy] = {}
    for attribute in question.get("attributes", []):
        (needed if attribute.get("required") else others)[attribute["name"]] = st.sampled_from(attribute["values"])
    member = {"attributes": st.fixed_dictionaries(needed, optional=others)}
    return st.fixed_dictionaries(member) if needed else st.fixed_dictionaries({}, optional=member)


QUESTIONS: dict[str, dict[str, Any]] = {
    "choice": TOPIC,
    "multi_choice": TAGS,
    "spans": SPANS,
    "spans that don't overlap": ALONE,
    "boxes": BOXES,
    "upright boxes": UPRIGHT,
}
VALID: dict[str, Callable[[dict[str, Any]], Strategy]] = {
    "choice": _choice,
    "multi_choice": _multi_choice,
    "spans": _spans,
    "boxes": _boxes,
}
"""Answers that `validate` accepts, drawn by what the question asks for."""

_near = st.integers(-1, 14)
_length = st.sampled_from([-1, 0, 0.5, 1, 10, 49.9, 60, 101])


def _of(*labels: str) -> st.SearchStrategy[str]:
    return st.sampled_from([*labels, *labels, "", "unknown"])


def _near_spans(labels: Sequence[str], relations: Sequence[str]) -> Strategy:
    span = st.fixed_dictionaries({"start": _near, "end": _near, "label": _of(*labels)})
    relation = st.fixed_dictionaries({"head": st.integers(-1, 3), "tail": st.integers(-1, 3), "label": _of(*relations)})
    return st.fixed_dictionaries(
        {"spans": st.lists(span, max_size=3)}, optional={"relations": st.lists(relation, max_size=2)}
    )


def _near_boxes(labels: Sequence[str], attributes: Strategy) -> Strategy:
    box = st.fixed_dictionaries(
        {"x": _length, "y": _length, "width": _length, "height": _length, "label": _of(*labels)},
        optional={"rotation": st.sampled_from([None, 0, 45.0, 359, 360]), "attributes": attributes},
    )
    return st.fixed_dictionaries({"boxes": st.lists(box, max_size=2)})


NEAR: dict[str, Strategy] = {
    "choice": st.fixed_dictionaries({"label": _of("a", "b", "é")}),
    "multi_choice": st.fixed_dictionaries({"labels": st.lists(_of("x", "y", "z"), max_size=3)}),
    "spans": _near_spans(("PER", "ORG"), ("knows", "owns")),
    "spans that don't overlap": _near_spans(("PER",), ("knows",)),
    "boxes": _near_boxes(
        ("car", "bus"),
        st.dictionaries(st.sampled_from(["colour", "side", "size"]), _of("red", "blue", "left"), max_size=2),
    ),
    "upright boxes": _near_boxes(("car",), st.just({})),
}
"""Answers that break one rule or another, most of them."""


def valid(question: dict[str, Any]) -> Strategy:
    return VALID[question["kind"]](question)


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
    fields = [{"name": "text", "kind": "text"}, {"name": "photo", "kind": "image"}]
    return LabelSchema.model_validate({"fields": fields, "questions": list(questions)})


def validator_of(asked: LabelSchema) -> Draft202012Validator:
    return Draft202012Validator(answers_schema(asked))


def assert_agreement(
    asked: LabelSchema, validator: Draft202012Validator, content: Content, answers: dict[str, Any]
) -> None:
    beyond = {rule for question in asked.questions for rule in question.beyond_schema}
    broken = {violation.rule for violation in validate(asked, content, answers)}
    accepted = validator.is_valid(answers)
    if not broken:
        assert accepted
    elif not broken <= beyond:
        assert not accepted


@pytest.mark.parametrize("kind", QUESTIONS)
def test_answers_drawn_by_what_is_asked_for_are_accepted_by_both(kind: str) -> None:
    question = QUESTIONS[kind]
    asked = schema(question)
    validator = validator_of(asked)

    @given(answer=valid(question))
    def accepted(answer: Any) -> None:
        answers = {question["name"]: answer}
        assert validate(asked, CONTENT, answers) == []
        assert validator.is_valid(answers)

    accepted()


@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_schema_accepts_what_validate_accepts_and_refuses_what_it_can_express(kind: str) -> None:
    question = QUESTIONS[kind]
    asked = schema(question)
    validator = validator_of(asked)

    @given(answer=mutated(valid(question)) | mutated(NEAR[kind]), content=st.sampled_from([CONTENT, {}]))
    def agree(answer: Any, content: Content) -> None:
        assert_agreement(asked, validator, content, {question["name"]: answer})

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
    validator = validator_of(asked)
    near = {str(question["name"]): NEAR[kind] for kind, question in QUESTIONS.items()}
    drawn = {str(one["name"]): valid(one) | near[one["name"]] for one in CONDITIONS[condition]}

    @given(answers=st.fixed_dictionaries({}, optional=drawn))
    def agree(answers: dict[str, Any]) -> None:
        assert_agreement(asked, validator, CONTENT, answers)

    agree()


def test_a_question_about_a_field_that_a_record_may_lack_is_not_required() -> None:
    fields = [{"name": "text", "kind": "text"}, {"name": "photo", "kind": "image", "required": False}]
    conditional = {**UPRIGHT, "visible_when": {"question": "topic", "labels": ["a"]}}
    asked = LabelSchema.model_validate({"fields": fields, "questions": [TOPIC, BOXES, conditional]})
    answers = {"topic": {"label": "a"}}
    assert validate(asked, {"text": "x"}, answers) == []
    assert validator_of(asked).is_valid(answers)


def test_there_is_a_schema_for_every_kind() -> None:
    assert {question["kind"] for question in QUESTIONS.values()} == VALID.keys() == QUESTION_MODELS.keys()


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
    assert validator_of(asked).is_valid(answers)
