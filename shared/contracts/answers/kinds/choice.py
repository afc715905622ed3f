"""`choice`: exactly one label."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.answers.json_schema import JsonSchema, carrying, one_of
from shared.contracts.answers.offsets import Content
from shared.contracts.answers.question import MAX_LABELS, AnswerExample, Label, LabelledQuestion, unknown_label
from shared.contracts.answers.violation import Violation
from shared.contracts.values import Frozen


class ChoiceAnswer(Frozen):
    label: Label


class ChoiceQuestion(LabelledQuestion):
    kind: Literal["choice"]
    labels: list[Label] = Field(min_length=2, max_length=MAX_LABELS)
    ordered: bool = Field(
        default=False,
        exclude_if=lambda ordered: not ordered,
        description="The labels are in order, as grades are: agreement is then also measured with weights, by which neighbours"
        " agree more than labels far apart. Of more than 100 labels it is not.",
    )

    answer_model: ClassVar[type[Frozen]] = ChoiceAnswer
    example: ClassVar[AnswerExample] = AnswerExample(
        question={"name": "topic", "kind": "choice", "labels": ["billing", "delivery"]},
        content={"text": "The package came two days late."},
        answer={"label": "delivery"},
    )

    def check(self, answer: ChoiceAnswer, content: Content) -> Iterator[Violation]:
        del content
        if answer.label not in self.labels:
            yield unknown_label("label")

    def carried_by(self, answer: ChoiceAnswer) -> frozenset[str]:
        return frozenset({answer.label})

    def narrow(self, members: JsonSchema) -> None:
        members["label"] = one_of(self.labels)

    def carrying_schema(self, labels: Sequence[str]) -> JsonSchema:
        return carrying("label", one_of(labels))
