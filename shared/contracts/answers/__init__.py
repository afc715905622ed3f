"""Schemas, questions and answers, and the one function that guards every road in: `validate`."""

from shared.contracts.answers.question import Question, VisibleWhen
from shared.contracts.answers.schema import LabelSchema
from shared.contracts.answers.validation import read_answer, validate
from shared.contracts.answers.violation import Violation
from shared.contracts.fields import RecordField

__all__ = ["LabelSchema", "Question", "RecordField", "Violation", "VisibleWhen", "read_answer", "validate"]
