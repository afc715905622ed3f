"""Labels as people see them."""

import unicodedata

from services.ingest.exceptions import LabelsLookAlike
from services.ingest.media import is_visible
from shared.contracts.answers import LabelSchema
from shared.contracts.values import json_pointer


def check_labels(schema: LabelSchema) -> None:
    """Check a new schema. Those of before are read as they are.

    Raises:
        LabelsLookAlike: two labels of a question are the same to the eye.
    """
    for place, question in enumerate(schema.questions):
        seen: dict[str, int] = {}
        for number, label in enumerate(getattr(question, "labels", ())):
            first = seen.setdefault(_as_seen(label), number)
            if first != number:
                raise LabelsLookAlike(json_pointer("questions", place, "labels", number), first)


def _as_seen(label: str) -> str:
    """One way to write what looks alike: composed, without invisible characters, one space where there is white space."""
    if not (label.isascii() and label.isprintable()):
        words = ("".join(filter(is_visible, word)) for word in label.split())
        label = unicodedata.normalize("NFC", " ".join(words))
    return " ".join(label.split())
