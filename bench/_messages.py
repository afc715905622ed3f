"""Real messages with their classes: data sets that lie beside the checkout, and are read in place."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SETS = Path(__file__).parents[2] / "shared" / "data" / "text"
SetName = Literal["sms_spam", "trec_qc"]

LOOK_ALIKES: Mapping[SetName, Mapping[str, Mapping[str, float]]] = {
    # Spam that greets like a friend is taken for a friend's more often than the other way round.
    "sms_spam": {"spam": {"ham": 2.0}, "ham": {"spam": 0.85}},
    # Descriptions, entities, abbreviations, humans, numbers, locations.
    "trec_qc": {
        "0": {"1": 0.9, "3": 0.1},
        "1": {"0": 0.9, "3": 0.3, "5": 0.3},
        "2": {"1": 0.5, "0": 0.5},
        "3": {"1": 0.5, "5": 0.1},
        "4": {"0": 0.3, "1": 0.3},
        "5": {"1": 0.5, "3": 0.2},
    },
}
"""For each class what people take it for, and how often in proportion to their mean error."""


@dataclass(frozen=True, slots=True)
class Message:
    text: str
    label: str


def messages(name: SetName, part: Literal["train", "test"] = "train") -> list[Message] | None:
    """The set in its own order; None where it is not beside the checkout."""
    file = SETS / name / f"{part}.csv"
    if not file.is_file():
        return None
    with file.open(newline="", encoding="utf-8") as lines:
        return [Message(row["text"], row["category"]) for row in csv.DictReader(lines)]
