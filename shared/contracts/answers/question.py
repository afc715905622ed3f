"""The base of all kinds of question. A kind is one file in `answers/kinds/` with a subclass of `Question`."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.answers.json_schema import JsonSchema, shape_of
from shared.contracts.answers.offsets import Content
from shared.contracts.answers.violation import Violation
from shared.contracts.fields import FieldKind, Name, RecordField
from shared.contracts.values import BrokenRule, Frozen

Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A class that an answer may name. It is shown and published as it is."""

MAX_LABELS = 10_000
MAX_REGIONS = 2_000
"""Most spans, relations or boxes in one answer; keeps an answer well below the size of an event."""


MoveOffset = Callable[[str, int, bool], int]
"""Of a field's name, an offset in its text, and whether something ends there: the offset after masking, or in another
unit. It may raise BrokenRule.
"""


@dataclass(frozen=True, slots=True)
class AnswerExample:
    """A question of a kind, what a record may carry for it, and an answer: for documents, and valid."""

    question: Mapping[str, Any]
    content: Mapping[str, Any]
    answer: Mapping[str, Any]


class VisibleWhen(Frozen):
    """The question is asked only when the answer to an earlier `question` carries one of `labels`."""

    question: Name
    labels: list[Label] = Field(min_length=1, max_length=MAX_LABELS)


class Question(Frozen):
    """What every kind has. A subclass sets `kind` to a `Literal` and `answer_model` to the shape of its answers.

    `beyond_schema`: rules of `check` that JSON Schema can't express, or not in full, with what they ask for.
    """

    name: Name
    kind: str
    title: str | None = Field(default=None, max_length=500)
    required: bool = True
    visible_when: VisibleWhen | None = None

    answer_model: ClassVar[type[Frozen]]
    beyond_schema: ClassVar[Mapping[str, str]] = {}
    example: ClassVar[AnswerExample]

    def check_fields(self, known: Mapping[str, RecordField]) -> None:
        """Refuse a question that asks about a field which `known` doesn't have, or which is of the wrong kind.

        Raises:
            BrokenRule: the question doesn't fit the fields.
        """

    def fields_asked(self) -> frozenset[str]:
        """The names of the fields that answers lie in."""
        return frozenset()

    def applies_to(self, content: Content) -> bool:
        """Whether the record has what the question is about; one that does not apply is not asked and has no answer."""
        del content
        return True

    def check(self, answer: Any, content: Content) -> Iterator[Violation]:
        """Check an answer of this kind's model against the question and a record that it applies to; pointers relative to
        the answer.
        """
        raise NotImplementedError

    def canonical(self, answer: Any, content: Content) -> Any:
        """The answer's JSON in the form that is kept, apart from its labels and offsets; as it is where it can't be read."""
        del content
        return answer

    def moved(self, answer: Any, move: MoveOffset) -> Any:
        """The answer's JSON with its text offsets moved; as it is where it has none, or where it can't be read.

        Raises:
            BrokenRule: an offset can't be moved.
        """
        del move
        return answer

    def answer_schema(self) -> JsonSchema:
        """The JSON Schema of an answer to this question. It refuses nothing that `check` accepts."""
        schema = shape_of(self.answer_model)
        self.narrow(schema["properties"])
        if self.title is not None:
            schema["title"] = self.title
        if self.beyond_schema:
            schema["$comment"] = "Checked on submit beside this: " + "; ".join(self.beyond_schema.values()) + "."
        return schema

    def narrow(self, members: JsonSchema) -> None:
        """Narrow the JSON Schemas of the answer's members, by their names, to what this question takes."""
        raise NotImplementedError

    def carrying_schema(self, labels: Sequence[str]) -> JsonSchema:
        """The JSON Schema of answers to this question that carry one of `labels`."""
        raise NotImplementedError

    def label_lists(self) -> Iterator[tuple[tuple[str | int, ...], Sequence[str]]]:
        """Each closed list that answers take words from, with the path to it from the question."""
        yield from ()

    @cached_property
    def spellings(self) -> dict[str, str]:
        """By its NFC, each label as the question spells it; nothing where all labels are ASCII and have one form only."""
        labels = [label for _, listed in self.label_lists() for label in listed]
        if all(map(str.isascii, labels)):
            return {}
        return {unicodedata.normalize("NFC", label): label for label in labels}

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

    def label_lists(self) -> Iterator[tuple[tuple[str | int, ...], Sequence[str]]]:
        yield ("labels",), self.labels


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
