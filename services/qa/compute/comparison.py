"""Labels by people beside what a model had answered."""

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from services.qa.domain.record_consensus import hits
from shared.contracts.answers import LabelSchema


class ComparedAnswer(NamedTuple):
    """A model's answer: whether people's agrees, and its class, None where the question's kind has none."""

    right: bool
    label: str | None


def compare(schema: LabelSchema, question: str, pairs: Sequence[tuple[str, str]]) -> list[ComparedAnswer | None]:
    """For each pair of a prediction and a label, both as JSON, how they compare on the question.

    None where the model did not answer it.
    """
    found: list[ComparedAnswer | None] = []
    for prediction, label in pairs:
        answers = orjson.loads(prediction)
        if question not in answers:
            found.append(None)
            continue
        given = answers[question].get("label")
        right = hits(schema, answers, orjson.loads(label)).get(question, False)
        found.append(ComparedAnswer(right, given if isinstance(given, str) else None))
    return found
