"""The one form of answers that is checked, kept, compared and published, whatever form they came in."""

import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.contracts.answers.offsets import Content, OffsetUnit, to_code_points
from shared.contracts.answers.schema import LabelSchema
from shared.contracts.answers.validation import validate
from shared.contracts.answers.violation import Violation
from shared.contracts.values import Answers, BrokenRule

__all__ = ["AcceptedAnswers", "accept", "canonical"]


class AcceptedAnswers(NamedTuple):
    """Answers in canonical form and what is wrong with them; as they came where they have no such form."""

    answers: Answers
    violations: list[Violation]


def accept(
    schema: LabelSchema,
    content: Content,
    answers: Answers,
    *,
    unit: OffsetUnit = OffsetUnit.CODE_POINTS,
    partial: bool = False,
) -> AcceptedAnswers:
    """Bring answers that came in into their canonical form, then `validate` them: what every road in calls."""
    try:
        found = canonical(schema, content, answers, unit)
    except BrokenRule as broken:
        return AcceptedAnswers(answers, [Violation.of(broken)])
    return AcceptedAnswers(found, validate(schema, content, found, partial=partial))


def canonical(
    schema: LabelSchema, content: Content, answers: Answers, unit: OffsetUnit = OffsetUnit.CODE_POINTS
) -> Answers:
    """The same answers with offsets in code points, labels spelt as the schema spells them, and boxes cut to the picture
    where the question says so. Whatever can't be read stays as it is. Canonical answers stay as they are.

    Raises:
        BrokenRule: a UTF-16 offset lies inside a character; its path leads there from the answers.
    """
    found = dict(to_code_points(schema, content, answers, unit))
    for question in schema.questions:
        if question.name in found:
            answer = found[question.name]
            if question.spellings:
                answer = _spelt(answer, question.spellings)
            found[question.name] = question.canonical(answer, content)
    return found


def _spelt(value: Any, spellings: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else spellings.get(unicodedata.normalize("NFC", value), value)
    if isinstance(value, dict):
        return {key: _spelt(item, spellings) for key, item in value.items()}
    if isinstance(value, list):
        return [_spelt(item, spellings) for item in value]
    return value
