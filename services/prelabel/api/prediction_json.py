"""Predictions as JSON. Hundreds of them are rows of numbers in the same frame, so no objects are made of each."""

from collections.abc import Mapping

import numpy as np
import orjson

from services.prelabel.domain.prediction import Predictions
from shared.contracts.events import ModelManifest

_PLACE = b"\0"
"""Stands for a number in a frame; no JSON has it."""


def encode(manifest: ModelManifest, made: Predictions, reasons: Mapping[int, str]) -> bytes:
    """A list of `ItemPrediction`, one for each row; `reasons` says for each row without an answer why it has none."""
    unsure = made.unsureness
    columns = [made.confidence, made.distribution, unsure.entropy, unsure.margin, unsure.least_confidence]
    numbers = orjson.dumps(np.column_stack(columns).ravel(), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    heads = [_frame(manifest, label)[0] for label in manifest.labels]
    _, *texts = _frame(manifest, "")
    rows, length = len(made.best), 1 + 2 * len(texts)
    # Interleaved column by column: the head of each row, then a number and the text after it, again and again.
    pieces = [b""] * (rows * length)
    pieces[::length] = [heads[best] for best in made.best.tolist()]
    for place, text in enumerate(texts):
        pieces[2 * place + 1 :: length] = numbers[place :: len(texts)]
        pieces[2 * place + 2 :: length] = [text] * rows
    for row, reason in reasons.items():
        pieces[row * length : (row + 1) * length] = [_without(reason), *[b""] * (length - 1)]
    pieces[length::length] = [b"," + head for head in pieces[length::length]]
    return b"[%b]" % b"".join(pieces)


def _frame(manifest: ModelManifest, label: str) -> list[bytes]:
    """The JSON of a prediction, cut where the numbers go."""
    number = orjson.Fragment(_PLACE)
    frame = {
        "answers": {manifest.question: {"label": label}},
        "confidence": number,
        "distributions": {manifest.question: dict.fromkeys(manifest.labels, number)},
        "uncertainty": {"entropy": number, "margin": number, "least_confidence": number},
    }
    return orjson.dumps(frame).split(_PLACE)


def _without(reason: str) -> bytes:
    return orjson.dumps({"answers": {}, "confidence": None, "distributions": {}, "uncertainty": None, "reason": reason})
