"""A label schema: `fields` are what the annotator sees, `questions` what they answer."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from shared.contracts.answers import kinds
from shared.contracts.answers.question import Name, Question
from shared.contracts.values import Frozen

FieldKind = Literal["text", "image"]


class RecordField(Frozen):
    """Something a record carries. Text is a string, media an asset reference."""

    name: Name
    kind: FieldKind
    title: str | None = None
    required: bool = True


def _question(value: Any) -> Any:
    if isinstance(value, dict):
        return kinds.question_model(value.get("kind")).model_validate(value)
    return value


class LabelSchema(Frozen):
    """Names are unique over fields and questions."""

    fields: list[RecordField] = Field(min_length=1, max_length=50)
    questions: list[Annotated[SerializeAsAny[Question], BeforeValidator(_question)]] = Field(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names: Sequence[str] = [item.name for item in (*self.fields, *self.questions)]
        if len(set(names)) != len(names):
            raise ValueError("field and question names must be unique")
        known = {field.name: field for field in self.fields}
        for question in self.questions:
            question.check_fields(known)
        return self
