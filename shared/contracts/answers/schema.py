"""A label schema: `fields` are what the annotator sees, `questions` what they answer."""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Self, Union

from pydantic import Field, model_validator

from shared.contracts.answers import kinds
from shared.contracts.answers.question import Question
from shared.contracts.fields import FieldKind, RecordField
from shared.contracts.values import BrokenRule, Frozen

__all__ = ["AnyQuestion", "FieldKind", "LabelSchema", "RecordField"]

if TYPE_CHECKING:
    AnyQuestion = Question
else:
    # One member per kind that was discovered: the OpenAPI documents show all of them, told apart by `kind`.
    AnyQuestion = Annotated[Union[tuple(kinds.QUESTION_MODELS.values())], Field(discriminator="kind")]  # noqa: UP007


class LabelSchema(Frozen):
    """Names are unique over fields and questions; a question is visible only by an answer to an earlier one."""

    fields: list[RecordField] = Field(min_length=1, max_length=50)
    questions: list[AnyQuestion] = Field(min_length=1, max_length=50)

    @cached_property
    def question_by_name(self) -> dict[str, Question]:
        return {question.name: question for question in self.questions}

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        seen: set[str] = set()
        places = [
            *(("fields", index, field.name) for index, field in enumerate(self.fields)),
            *(("questions", index, question.name) for index, question in enumerate(self.questions)),
        ]
        for kind, index, name in places:
            if name in seen:
                raise BrokenRule("field and question names must be unique", kind, index, "name", rule="name-repeated")
            seen.add(name)
        return self

    @model_validator(mode="after")
    def _questions_fit_the_fields(self) -> Self:
        known = {field.name: field for field in self.fields}
        for index, question in enumerate(self.questions):
            try:
                question.check_fields(known)
            except BrokenRule as broken:
                raise broken.under("questions", index) from None
        return self

    @model_validator(mode="after")
    def _conditions_look_back(self) -> Self:
        earlier: dict[str, Question] = {}
        for index, question in enumerate(self.questions):
            condition = question.visible_when
            if condition is not None:
                here = ("questions", index, "visible_when")
                if condition.question not in earlier:
                    raise BrokenRule(
                        "the condition must name an earlier question", *here, "question", rule="question-not-earlier"
                    )
                if not earlier[condition.question].may_carry().issuperset(condition.labels):
                    raise BrokenRule(
                        "the condition must name labels of that question", *here, "labels", rule="label-unknown"
                    )
            earlier[question.name] = question
        return self
