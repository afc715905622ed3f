"""`multi_choice`: any number of labels, none of them twice; their order has no meaning."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.contracts.answers.json_schema import JsonSchema, carrying, one_of
from shared.contracts.answers.offsets import Content
from shared.contracts.answers.question import MAX_LABELS, AnswerExample, Label, LabelledQuestion, unknown_label
from shared.contracts.answers.violation import Violation
from shared.contracts.values import BrokenRule, Frozen


class MultiChoiceAnswer(Frozen):
    labels: list[Label] = Field(max_length=MAX_LABELS)


class MultiChoiceQuestion(LabelledQuestion):
    """At least `minimum` and at most `maximum` labels (None: as many as there are). No label is a legal answer."""

    kind: Literal["multi_choice"]
    minimum: int = Field(default=0, ge=0)
    maximum: int | None = Field(default=None, ge=1)

    answer_model: ClassVar[type[Frozen]] = MultiChoiceAnswer
    example: ClassVar[AnswerExample] = AnswerExample(
        question={"name": "moods", "kind": "multi_choice", "labels": ["angry", "sad", "calm"], "maximum": 2},
        content={"text": "The package came two days late."},
        answer={"labels": ["angry", "sad"]},
    )

    @model_validator(mode="after")
    def _the_numbers_fit(self) -> Self:
        most = len(self.labels) if self.maximum is None else self.maximum
        if not self.minimum <= most <= len(self.labels):
            raise BrokenRule("minimum, maximum and the number of labels must be in this order")
        return self

    def check(self, answer: MultiChoiceAnswer, content: Content) -> Iterator[Violation]:
        del content
        known, seen = frozenset(self.labels), set[str]()
        for index, label in enumerate(answer.labels):
            if label not in known:
                yield unknown_label("labels", index)
            elif label in seen:
                yield Violation("", "label-twice", "the label is given twice").under("labels", index)
            seen.add(label)
        if len(answer.labels) < self.minimum:
            yield Violation("/labels", "too-few-labels", f"at least {self.minimum} labels are needed")
        if self.maximum is not None and len(answer.labels) > self.maximum:
            yield Violation("/labels", "too-many-labels", f"at most {self.maximum} labels are allowed")

    def carried_by(self, answer: MultiChoiceAnswer) -> frozenset[str]:
        return frozenset(answer.labels)

    def narrow(self, members: JsonSchema) -> None:
        members["labels"] = {
            "type": "array",
            "items": one_of(self.labels),
            "uniqueItems": True,
            "minItems": self.minimum,
            "maxItems": len(self.labels) if self.maximum is None else self.maximum,
        }

    def carrying_schema(self, labels: Sequence[str]) -> JsonSchema:
        return carrying("labels", {"contains": one_of(labels)})
