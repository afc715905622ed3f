"""Schemas, questions and answers, and the one function that guards every road in: `validate`."""

from shared.contracts.answers.schema import LabelSchema, Question, RecordField
from shared.contracts.answers.validation import Violation, validate

__all__ = ["LabelSchema", "Question", "RecordField", "Violation", "validate"]
