"""Labels as people see them."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from services.ingest.exceptions import LabelShowsNothing, LabelsLookAlike, LabelTurnsWriting
from shared.contracts.answers import LabelSchema
from shared.contracts.values import json_pointer
from shared.contracts.visible import is_blank, is_visible, turns_writing


def with_composed_labels(schema: LabelSchema) -> LabelSchema:
    """A new schema with its labels in NFC, in which no two words of a list look the same. Those of before are read as they are.

    Raises:
        LabelsLookAlike: two words of a list are the same to the eye.
        LabelShowsNothing: a word, or a title, can't be seen.
        LabelTurnsWriting: a word changes in which order it is shown.
    """
    _check_titles(schema)
    for place, question in enumerate(schema.questions):
        for path, labels in question.label_lists():
            _check_list(labels, "questions", place, *path)
    return LabelSchema.model_validate(_composed(schema.model_dump(mode="json")))


def _check_titles(schema: LabelSchema) -> None:
    titles = [
        *(("fields", place, field.title) for place, field in enumerate(schema.fields)),
        *(("questions", place, question.title) for place, question in enumerate(schema.questions)),
    ]
    for noun, place, title in titles:
        if title is not None and is_blank(title):
            raise LabelShowsNothing(json_pointer(noun, place, "title"))


def _check_list(labels: Sequence[str], *path: str | int) -> None:
    seen: dict[str, int] = {}
    for number, label in enumerate(labels):
        if is_blank(label):
            raise LabelShowsNothing(json_pointer(*path, number))
        if turns_writing(label):
            raise LabelTurnsWriting(json_pointer(*path, number))
        first = seen.setdefault(_as_seen(label), number)
        if first != number:
            raise LabelsLookAlike(json_pointer(*path, number), first)


def _composed(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {key: _composed(item) for key, item in value.items()}
    return [_composed(item) for item in value] if isinstance(value, list) else value


def _as_seen(label: str) -> str:
    """One way to write what looks alike: composed, without invisible characters, one space where there is white space."""
    if not (label.isascii() and label.isprintable()):
        words = ("".join(filter(is_visible, word)) for word in label.split())
        label = unicodedata.normalize("NFC", " ".join(words))
    return " ".join(label.split())
