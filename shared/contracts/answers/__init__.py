"""Schemas, questions and answers, and the one function that guards every road in: `accept`, which calls `validate`."""

from shared.contracts.answers.canonical import AcceptedAnswers, accept, canonical
from shared.contracts.answers.json_schema import answers_schema
from shared.contracts.answers.offsets import Content, OffsetUnit, from_code_points, near_code_points, to_code_points
from shared.contracts.answers.question import Question, VisibleWhen
from shared.contracts.answers.schema import LabelSchema
from shared.contracts.answers.validation import validate
from shared.contracts.answers.violation import Violation
from shared.contracts.fields import RecordField

__all__ = [
    "AcceptedAnswers",
    "Content",
    "LabelSchema",
    "OffsetUnit",
    "Question",
    "RecordField",
    "Violation",
    "VisibleWhen",
    "accept",
    "answers_schema",
    "canonical",
    "from_code_points",
    "near_code_points",
    "to_code_points",
    "validate",
]
