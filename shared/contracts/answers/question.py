"""The base of all kinds of question. A kind is one file in `answers/kinds/` with a subclass of `Question`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.answers.violation import Violation
from shared.contracts.fields import FieldKind, FieldValue, Name, RecordField
from shared.contracts.values import BrokenRule, Frozen

Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A class that an answer may name. It is shown and published as it is."""

MAX_LABELS = 10_000
MAX_REGIONS = 2_000
"""Most spans, relations or boxes in one answer; keeps an answer well below the size of an event."""


MoveOffset = Callable[[str, int, bool], int]
"""Of a field's name, an offset in its text, and whether something ends there: the offset after masking."""


class VisibleWhen(Frozen):
    """The question is asked only when the answer to an earlier `question` carries one of `labels`."""

    question: Name
    labels: list[Label] = Field(min_length=1, max_length=MAX_LABELS)


class Question(Frozen):
    """What every kind has. A subclass sets `kind` to a `Literal` and `answer_model` to the shape of its answers."""

    name: Name
    kind: str
    title: str | None = Field(default=None, max_length=500)
    required: bool = True
    visible_when: VisibleWhen | None = None

    answer_model: ClassVar[type[Frozen]]

    def check_fields(self, known: Mapping[str, RecordField]) -> None:
        """Refuse a question that asks about a field which `known` doesn't have, or which is of the wrong kind.

        Raises:
            BrokenRule: the question doesn't fit the fields.
        """

    def check(self, answer: Any, fields: Mapping[str, FieldValue]) -> Iterator[Violation]:
        """Check an answer of this kind's model against the question and the record; pointers relative to the answer."""
        raise NotImplementedError

    def moved(self, answer: Any, move: MoveOffset) -> Frozen:
        """The answer with its text offsets moved; kinds that have none return it as it is."""
        del move
        read: Frozen = answer
        return read

    def may_carry(self) -> frozenset[str]:
        """The labels that an answer to this question may carry; what `visible_when` may ask for."""
        return frozenset()

    def carried_by(self, answer: Any) -> frozenset[str]:
        """The labels that `answer` carries."""
        raise NotImplementedError


class LabelledQuestion(Question):
    """A question whose answers name labels out of a closed list."""

    labels: list[Label] = Field(min_length=1, max_length=MAX_LABELS)

    @model_validator(mode="after")
    def _labels_are_unique(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise BrokenRule("labels must be unique")
        return self

    def may_carry(self) -> frozenset[str]:
        return frozenset(self.labels)


def check_field(field: str, kind: FieldKind, known: Mapping[str, RecordField]) -> None:
    """Refuse a `field` that the schema doesn't have, or has as another kind.

    Raises:
        BrokenRule: it is so.
    """
    if field not in known:
        raise BrokenRule("the question asks about a field that the schema does not have", "field", rule="field-unknown")
    if known[field].kind != kind:
        raise BrokenRule(f"the field that the question asks about must be of kind {kind}", "field", rule="field-kind")


def unknown_label(*path: str | int) -> Violation:
    return Violation("", "label-unknown", "the label is not one of the question's labels").under(*path)


def missing_field() -> Violation:
    return Violation("", "field-missing", "the record does not have the field that the question asks about")
