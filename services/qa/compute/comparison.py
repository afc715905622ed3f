"""Labels by people beside what a model had answered."""

from collections.abc import Sequence

import orjson

from services.qa.domain.record_consensus import hits
from shared.contracts.answers import LabelSchema


def agree(schema: LabelSchema, question: str, pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
    """For each pair of a prediction and a label, both as JSON: whether they agree on the question.

    None where the model did not answer it.
    """
    found: list[bool | None] = []
    for prediction, label in pairs:
        answers = orjson.loads(prediction)
        right = hits(schema, answers, orjson.loads(label)).get(question, False) if question in answers else None
        found.append(right)
    return found
