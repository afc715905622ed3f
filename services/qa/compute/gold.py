"""Gold answers beside their schemas and records."""

from collections.abc import Mapping, Sequence

from shared.contracts.answers import LabelSchema, Violation, validate
from shared.contracts.fields import FieldValue
from shared.contracts.values import Answers

Checkable = tuple[int, Mapping[str, FieldValue], Answers]
"""A schema version, what the record carries, and the answers."""


def violations_of(schemas: Mapping[int, LabelSchema], given: Sequence[Checkable]) -> list[list[Violation]]:
    """Return what is wrong with each of the answers. CPU work where they are long."""
    return [validate(schemas[version], content, answers) for version, content, answers in given]
