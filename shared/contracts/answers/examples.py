"""Answers as documents describe and show them: one example of every kind, made from the kinds themselves."""

from typing import Annotated, Any

from pydantic import Field

from shared.contracts.answers.kinds import QUESTION_MODELS
from shared.contracts.values import Answers

EXAMPLES: dict[str, Answers] = {
    kind: {str(model.example.question["name"]): dict(model.example.answer)} for kind, model in QUESTION_MODELS.items()
}
"""By kind of question, valid answers to one question of this kind."""

OFFSETS = "Offsets in a text count Unicode code points, `end` is exclusive"
_UNLESS = "unless `offset_unit` says otherwise: JavaScript's strings count UTF-16 code units."

DescribedAnswers = Annotated[
    Answers,
    Field(
        description="`{question_name: answer}`. What an answer looks like is up to its question's kind; the JSON Schema of all "
        "answers is at ingest's `/v1/projects/{project_id}/schemas/{version}/answers.schema.json`. Boxes are in pixels from "
        f"the top-left corner. {OFFSETS}, {_UNLESS}",
        examples=[*EXAMPLES.values()],
    ),
]
"""Answers that can be given or read in either unit of offsets."""

AnswersInCodePoints = Annotated[
    Answers,
    Field(
        description=f"`{{question_name: answer}}`, as the question's kind has it. {OFFSETS}.",
        examples=[*EXAMPLES.values()],
    ),
]

OFFSET_UNIT = (
    "What offsets in texts count: `code_points` (Unicode), or `utf16` code units as JavaScript, Java and C# count them. A "
    "UTF-16 offset between the halves of a surrogate pair is refused (`offset-inside-character`)."
)
"""Describes an `offset_unit`."""


def body_examples(**beside: Any) -> dict[str, Any]:
    """For `openapi_extra`: a body with answers of every kind, and with what else it may hold."""
    examples = {
        kind: {"summary": f"A `{kind}` question", "value": {"answers": answers, **beside}}
        for kind, answers in EXAMPLES.items()
    }
    return {"requestBody": {"content": {"application/json": {"examples": examples}}}}
