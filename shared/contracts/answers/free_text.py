"""Free text in answers: every string that is not one of the schema's own words. It is masked before it is published."""

from collections.abc import Callable, Iterator
from typing import Any

from shared.contracts.answers.schema import LabelSchema
from shared.contracts.values import Answers


def words_of(schema: LabelSchema) -> frozenset[str]:
    """All strings that the questions are made of: their names, labels, attributes and values."""
    return frozenset(_strings(schema.model_dump(mode="json", include={"questions"})))


def masked(answers: Answers, words: frozenset[str], mask: Callable[[str], str]) -> Answers:
    """The answers with `mask` applied to each free text; keys stay as they are."""
    return {question: _masked(answer, words, mask) for question, answer in answers.items()}


def free_characters(answers: Answers, words: frozenset[str]) -> int:
    """How many characters `masked` would look through: many regions have none."""
    return sum(_free_characters(answer, words) for answer in answers.values())


def _free_characters(value: Any, words: frozenset[str]) -> int:
    if isinstance(value, str):
        return 0 if value in words else len(value)
    if isinstance(value, dict):
        return sum(_free_characters(item, words) for item in value.values())
    return sum(_free_characters(item, words) for item in value) if isinstance(value, list) else 0


def _masked(value: Any, words: frozenset[str], mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return value if value in words else mask(value)
    if isinstance(value, dict):
        return {key: _masked(item, words, mask) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, words, mask) for item in value]
    return value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
