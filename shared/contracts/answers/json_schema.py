"""Answers as JSON Schema (draft 2020-12): what a frontend or a generator of code can check by itself.

A schema refuses nothing that `validate` accepts of a record with the fields that the label schema requires. A question
about another field is never required here, since a record may lack it. What it can't express (`Question.beyond_schema`) is named in `$comment`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

if TYPE_CHECKING:
    from shared.contracts.answers.question import Question
    from shared.contracts.answers.schema import LabelSchema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MEDIA_TYPE: Final = "application/schema+json"

JsonSchema = dict[str, Any]


def shape_of(model: type[BaseModel]) -> JsonSchema:
    """The JSON Schema of a model in one piece: without references, and without titles that repeat names."""
    whole = model.model_json_schema()
    inlined: JsonSchema = _inlined(whole, whole.pop("$defs", {}))
    return inlined


def one_of(labels: Sequence[str]) -> JsonSchema:
    return {"type": "string", "enum": list(labels)}


def carrying(member: str, value: JsonSchema) -> JsonSchema:
    """An object whose `member` fits `value`."""
    return {"properties": {member: value}, "required": [member]}


def answers_schema(schema: "LabelSchema") -> JsonSchema:
    """The JSON Schema of whole answers to `schema`: `{question_name: answer}`, with who hides and needs whom."""
    sure = {field.name for field in schema.fields if field.required}
    needed = {one.name for one in schema.questions if one.required and one.fields_asked() <= sure}
    document: JsonSchema = {
        "$schema": DIALECT,
        "title": "Answers",
        "type": "object",
        "properties": {question.name: question.answer_schema() for question in schema.questions},
        "required": [one.name for one in schema.questions if one.name in needed and one.visible_when is None],
        "additionalProperties": False,
    }
    conditions = [
        one
        for question in schema.questions
        for one in _conditions(question, schema.question_by_name, needed=question.name in needed)
    ]
    return document | ({"allOf": conditions} if conditions else {})


def _conditions(question: "Question", questions: Mapping[str, "Question"], *, needed: bool) -> list[JsonSchema]:
    """What `visible_when` means: hidden questions have no answer, and visible ones that are required have one."""
    condition = question.visible_when
    if condition is None:
        return []
    shown = carrying(condition.question, questions[condition.question].carrying_schema(condition.labels))
    answered = {"required": [question.name]}
    found: list[JsonSchema] = [{"if": answered, "then": shown}]
    return [*found, {"if": shown, "then": answered}] if needed else found


def _inlined(part: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_inlined(item, definitions) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _inlined(definitions[part["$ref"].rsplit("/", 1)[-1]], definitions)
    return {
        key: _inlined(value, definitions)
        for key, value in part.items()
        if not (key == "title" and isinstance(value, str))
    }
