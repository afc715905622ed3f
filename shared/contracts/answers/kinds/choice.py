"""`choice`: exactly one label."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.answers.question import MAX_LABELS, Label, LabelledQuestion, unknown_label
from shared.contracts.answers.violation import Violation
from shared.contracts.fields import FieldValue
from shared.contracts.values import Frozen


class ChoiceAnswer(Frozen):
    label: Label


class ChoiceQuestion(LabelledQuestion):
    kind: Literal["choice"]
    labels: list[Label] = Field(min_length=2, max_length=MAX_LABELS)

    answer_model: ClassVar[type[Frozen]] = ChoiceAnswer

    def check(self, answer: ChoiceAnswer, fields: Mapping[str, FieldValue]) -> Iterator[Violation]:
        del fields
        if answer.label not in self.labels:
            yield unknown_label("label")

    def carried_by(self, answer: ChoiceAnswer) -> frozenset[str]:
        return frozenset({answer.label})
