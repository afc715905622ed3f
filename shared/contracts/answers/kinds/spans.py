"""`spans`: labelled stretches of a text and, if the question has them, relations between these.

Offsets count code points; `end` is exclusive.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self, cast

from pydantic import Field, model_validator

from shared.contracts.answers.json_schema import JsonSchema, carrying, one_of
from shared.contracts.answers.offsets import Content
from shared.contracts.answers.question import (
    MAX_LABELS,
    MAX_REGIONS,
    AnswerExample,
    Label,
    LabelledQuestion,
    MoveOffset,
    check_field,
    unknown_label,
)
from shared.contracts.answers.violation import Violation
from shared.contracts.fields import Name, RecordField
from shared.contracts.values import BrokenRule, Frozen


class Span(Frozen):
    """Offsets count Unicode code points of the text from 0, not UTF-16 code units, unless `offset_unit` says so."""

    start: int = Field(ge=0, description="Where it begins.")
    end: int = Field(ge=1, description="Where it ends; the character here is no part of it.")
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
    beyond_schema: ClassVar[Mapping[str, str]] = {
        "int-type": "offsets and indices are written without a fraction, 1 and not 1.0",
        "field-missing": "the record has the text",
        "span-empty": "end is above start",
        "span-outside": "a span ends within the text",
        "span-overlaps": "spans don't overlap, where the question says so",
        "relation-dangling": "head and tail are indices of spans",
        "relation-to-itself": "head and tail differ",
    }
    example: ClassVar[AnswerExample] = AnswerExample(
        question={
            "name": "entities",
            "kind": "spans",
            "field": "text",
            "labels": ["person", "place"],
            "relations": ["lives_in"],
        },
        content={"text": "Ada lives in Köln."},
        answer={
            "spans": [{"start": 0, "end": 3, "label": "person"}, {"start": 13, "end": 17, "label": "place"}],
            "relations": [{"head": 0, "tail": 1, "label": "lives_in"}],
        },
    )

    @model_validator(mode="after")
    def _relations_are_unique(self) -> Self:
        if len(set(self.relations)) != len(self.relations):
            raise BrokenRule("relations must be unique")
        return self

    def check_fields(self, known: Mapping[str, RecordField]) -> None:
        check_field(self.field, "text", known)

    def fields_asked(self) -> frozenset[str]:
        return frozenset({self.field})

    def applies_to(self, content: Content) -> bool:
        return isinstance(content.get(self.field), str)

    def check(self, answer: SpansAnswer, content: Content) -> Iterator[Violation]:
        yield from self._check_spans(answer, len(cast("str", content[self.field])))
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

    def moved(self, answer: Any, move: MoveOffset) -> Any:
        spans = answer.get("spans") if isinstance(answer, dict) else None
        if not isinstance(spans, list) or len(spans) > MAX_REGIONS:
            return answer
        return {**answer, "spans": [self._moved_span(index, span, move) for index, span in enumerate(spans)]}

    def _moved_span(self, index: int, span: Any, move: MoveOffset) -> Any:
        if not isinstance(span, dict):
            return span
        moved = dict(span)
        for name, at_end in (("start", False), ("end", True)):
            offset = span.get(name)
            if isinstance(offset, int) and not isinstance(offset, bool):
                try:
                    moved[name] = move(self.field, offset, at_end)
                except BrokenRule as broken:
                    raise broken.under("spans", index, name) from None
        return moved

    def narrow(self, members: JsonSchema) -> None:
        members["spans"]["uniqueItems"] = members["relations"]["uniqueItems"] = True
        members["spans"]["items"]["properties"]["label"] = one_of(self.labels)
        if self.relations:
            members["relations"]["items"]["properties"]["label"] = one_of(self.relations)
        else:
            members["relations"]["maxItems"] = 0

    def carrying_schema(self, labels: Sequence[str]) -> JsonSchema:
        return carrying("spans", {"contains": carrying("label", one_of(labels))})

    def label_lists(self) -> Iterator[tuple[tuple[str | int, ...], Sequence[str]]]:
        yield from super().label_lists()
        yield ("relations",), self.relations

    def carried_by(self, answer: SpansAnswer) -> frozenset[str]:
        return frozenset(span.label for span in answer.spans)
