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

    A question about a field that the record lacks is not asked of it: any answer to it is `field-missing`, and none is
    required. Where a required question is left out so, no answer at all is `field-missing` too: it would be a label of
    nothing. `partial` forgives required questions that are not answered: a model may answer only some of them. At most
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
    if not answers and not partial and _is_left_out(schema, content):
        detail = "the record lacks a field that a required question asks about, and nothing else is answered"
        yield Violation("", "field-missing", detail)
    carried: dict[str, frozenset[str]] = {}
    for question in schema.questions:
        not_asked = _why_not_asked(question, content, carried)
        if question.name not in answers:
            if not_asked is None and question.required and not partial:
                yield Violation(json_pointer(question.name), "answer-required", "the question must be answered")
        elif not_asked is not None:
            yield not_asked.under(question.name)
        else:
            yield from _check(question, content, answers[question.name], carried)


def _check(question: Question, content: Content, raw: Any, carried: dict[str, frozenset[str]]) -> Iterator[Violation]:
    """Check one answer, and note the labels that it carries where it can be read."""
    try:
        answer = _read_answer(question, raw)
    except ValidationError as error:
        yield from _shape(question, error)
        return
    carried[question.name] = question.carried_by(answer)
    for violation in question.check(answer, content):
        yield violation.under(question.name)


def _why_not_asked(question: Question, content: Content, carried: Mapping[str, frozenset[str]]) -> Violation | None:
    """`carried` holds the labels of the visible, readable answers so far."""
    condition = question.visible_when
    if condition is not None and carried.get(condition.question, frozenset()).isdisjoint(condition.labels):
        return Violation("", "question-hidden", "other answers hide this question")
    if not question.applies_to(content):
        return Violation("", "field-missing", "the record does not have the field that the question asks about")
    return None


def _is_left_out(schema: LabelSchema, content: Content) -> bool:
    """Whether a required question that no other one hides does not apply to the record."""
    return any(one.required and one.visible_when is None and not one.applies_to(content) for one in schema.questions)


def _shape(question: Question, error: ValidationError) -> Iterator[Violation]:
    for item in error.errors(include_url=False, include_input=False):
        found = read_error(item)
        yield Violation(json_pointer(question.name, *found.path), found.rule.replace("_", "-"), found.detail)
