"""`spans`: labelled stretches of a text and, if the question has them, relations between these.

Offsets count code points; `end` is exclusive.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.contracts.answers.question import (
    MAX_LABELS,
    MAX_REGIONS,
    Label,
    LabelledQuestion,
    MoveOffset,
    check_field,
    missing_field,
    unknown_label,
)
from shared.contracts.answers.violation import Violation
from shared.contracts.fields import FieldValue, Name, RecordField
from shared.contracts.values import BrokenRule, Frozen


class Span(Frozen):
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    label: Label


class Relation(Frozen):
    """From the span at index `head` to the span at index `tail`."""

    head: int = Field(ge=0)
    tail: int = Field(ge=0)
    label: Label


class SpansAnswer(Frozen):
    spans: list[Span] = Field(max_length=MAX_REGIONS)
    relations: list[Relation] = Field(default=[], max_length=MAX_REGIONS)


class SpansQuestion(LabelledQuestion):
    """`field` is the text that the spans lie in. Without `relations` there are none; no span at all is a legal answer."""

    kind: Literal["spans"]
    field: Name
    relations: list[Label] = Field(default=[], max_length=MAX_LABELS)
    overlapping: bool = True

    answer_model: ClassVar[type[Frozen]] = SpansAnswer

    @model_validator(mode="after")
    def _relations_are_unique(self) -> Self:
        if len(set(self.relations)) != len(self.relations):
            raise BrokenRule("relations must be unique")
        return self

    def check_fields(self, known: Mapping[str, RecordField]) -> None:
        check_field(self.field, "text", known)

    def check(self, answer: SpansAnswer, fields: Mapping[str, FieldValue]) -> Iterator[Violation]:
        text = fields.get(self.field)
        if not isinstance(text, str):
            if answer.spans:
                yield missing_field().under("spans")
            return
        yield from self._check_spans(answer, len(text))
        yield from self._check_relations(answer)

    def _check_spans(self, answer: SpansAnswer, length: int) -> Iterator[Violation]:
        known, seen = frozenset(self.labels), set[tuple[int, int, str]]()
        for index, span in enumerate(answer.spans):
            if span.label not in known:
                yield unknown_label("spans", index, "label")
            if span.end <= span.start:
                yield Violation("", "span-empty", "end is exclusive and must be above start").under(
                    "spans", index, "end"
                )
            if span.end > length or span.start >= length:
                yield Violation("", "span-outside", "the span must lie inside the text").under("spans", index)
            key = (span.start, span.end, span.label)
            if key in seen:
                yield Violation("", "span-twice", "the same span is given twice").under("spans", index)
            seen.add(key)
        if not self.overlapping:
            in_order = sorted(enumerate(answer.spans), key=lambda item: (item[1].start, item[1].end))
            for (_, before), (index, after) in pairwise(in_order):
                if after.start < before.end:
                    yield Violation("", "span-overlaps", "spans must not overlap").under("spans", index)

    def _check_relations(self, answer: SpansAnswer) -> Iterator[Violation]:
        known, seen = frozenset(self.relations), set[tuple[int, int, str]]()
        for index, relation in enumerate(answer.relations):
            if relation.label not in known:
                yield Violation("", "label-unknown", "the label is not one of the question's relations").under(
                    "relations", index, "label"
                )
            for end, position in (("head", relation.head), ("tail", relation.tail)):
                if position >= len(answer.spans):
                    yield Violation("", "relation-dangling", "there is no span at this index").under(
                        "relations", index, end
                    )
            if relation.head == relation.tail:
                yield Violation("", "relation-to-itself", "a span cannot be related to itself").under(
                    "relations", index
                )
            key = (relation.head, relation.tail, relation.label)
            if key in seen:
                yield Violation("", "relation-twice", "the same relation is given twice").under("relations", index)
            seen.add(key)

    def moved(self, answer: SpansAnswer, move: MoveOffset) -> SpansAnswer:
        spans = [
            span.model_copy(
                update={"start": move(self.field, span.start, False), "end": move(self.field, span.end, True)}
            )
            for span in answer.spans
        ]
        return answer.model_copy(update={"spans": spans})

    def carried_by(self, answer: SpansAnswer) -> frozenset[str]:
        return frozenset(span.label for span in answer.spans)
