"""The one function that guards every road in: submit, import, prediction, gold, migration."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from shared.contracts.answers.offsets import Content
from shared.contracts.answers.question import Question
from shared.contracts.answers.schema import LabelSchema
from shared.contracts.answers.violation import Violation
from shared.contracts.rules import read_error
from shared.contracts.values import Frozen, json_pointer

__all__ = ["Violation", "validate"]

MAX_VIOLATIONS = 100


def validate(
    schema: LabelSchema, content: Content, answers: Mapping[str, Any], *, partial: bool = False
) -> list[Violation]:
    """List everything that is wrong with `answers` to the questions of `schema` about this record; nothing when right.

    `partial` forgives required questions that are not answered: a model may answer only some of them. At most
    `MAX_VIOLATIONS` are reported.
    """
    found: list[Violation] = []
    for violation in _violations(schema, content, answers, partial):
        found.append(violation)
        if len(found) == MAX_VIOLATIONS:
            break
    return found


def _read_answer(question: Question, raw: Any) -> Frozen:
    """Read one answer as its kind's model: strictly, so `"3"` is no number and `1` no text.

    Raises:
        pydantic.ValidationError: it has another shape.
    """
    return question.answer_model.model_validate(raw, strict=True)


def _violations(
    schema: LabelSchema, content: Content, answers: Mapping[str, Any], partial: bool
) -> Iterator[Violation]:
    for name in answers:
        if name not in schema.question_by_name:
            yield Violation(json_pointer(name), "question-unknown", "the schema does not have this question")
    carried: dict[str, frozenset[str]] = {}
    for question in schema.questions:
        given, visible = question.name in answers, _is_visible(question, carried)
        if given and not visible:
            yield Violation(json_pointer(question.name), "question-hidden", "other answers hide this question")
        elif not given and visible and question.required and not partial:
            yield Violation(json_pointer(question.name), "answer-required", "the question must be answered")
        elif given:
            try:
                answer = _read_answer(question, answers[question.name])
            except ValidationError as error:
                yield from _shape(question, error)
            else:
                carried[question.name] = question.carried_by(answer)
                for violation in question.check(answer, content):
                    yield violation.under(question.name)


def _is_visible(question: Question, carried: Mapping[str, frozenset[str]]) -> bool:
    """`carried` holds the labels of the visible, readable answers so far."""
    condition = question.visible_when
    return condition is None or not carried.get(condition.question, frozenset()).isdisjoint(condition.labels)


def _shape(question: Question, error: ValidationError) -> Iterator[Violation]:
    for item in error.errors(include_url=False, include_input=False):
        found = read_error(item)
        yield Violation(json_pointer(question.name, *found.path), found.rule.replace("_", "-"), found.detail)
