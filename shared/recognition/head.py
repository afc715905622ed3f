"""The trained head: from what is true of each word, and what the model says of it, to how likely each label is."""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np

from shared.contracts.personal_data import Kind
from shared.recognition.chain import ChainWeights, Floats, marginals
from shared.recognition.text_reading import TextReading, measured

LABELS: Final[tuple[Kind | None, ...]] = (
    None, Kind.PERSON, Kind.ADDRESS, Kind.PLACE, Kind.ORGANISATION, Kind.DATE, Kind.AGE, Kind.GROUP, Kind.ID,
)  # fmt: skip
"""What a word may be; None: nothing."""

_STEP = 1 / 64
"""Weights are kept as multiples of this."""


@dataclass(frozen=True, slots=True)
class Head:
    """`lexical` (labels): by feature of a word; `dense` (columns of `measured`, labels)."""

    lexical: Mapping[str, Floats]
    dense: Floats
    chain: ChainWeights

    def probabilities(self, reading: TextReading) -> Floats:
        """How likely each label is at each word, (words, labels)."""
        if not reading.words:
            return np.zeros((0, len(LABELS)))
        unary = measured(reading.probabilities) @ self.dense
        for at, of_word in enumerate(reading.features):
            for name in of_word:
                weights = self.lexical.get(name)
                if weights is not None:
                    unary[at] += weights
        return marginals(unary, self.chain)

    def dump(self) -> str:
        """As `read_head` reads it, rounded: JSON with numbers packed."""
        names = sorted(self.lexical)
        return json.dumps({
            "labels": [label and label.value for label in LABELS],
            "names": "\n".join(names),
            "lexical": _packed(np.array([self.lexical[name] for name in names])),
            "dense": _packed(self.dense),
            "first": _packed(self.chain.first),
            "transitions": _packed(self.chain.transitions),
        }, indent=1)  # fmt: skip


def read_head(dumped: str) -> Head:
    """Raises ValueError where it has other labels."""
    given = json.loads(dumped)
    if given["labels"] != [label and label.value for label in LABELS]:
        raise ValueError("the parameters are for other labels")
    count = len(LABELS)
    names, rows = given["names"].split("\n"), _unpacked(given["lexical"]).reshape(-1, count)
    chain = ChainWeights(_unpacked(given["first"]), _unpacked(given["transitions"]).reshape(count, count))
    return Head(dict(zip(names, rows, strict=True)), _unpacked(given["dense"]).reshape(-1, count), chain)


@cache
def trained_head() -> Head:
    """The one that comes with the project, made by `python -m bench.train_names --write`."""
    return read_head((files("shared.recognition") / "parameters.json").read_text(encoding="utf-8"))


def _packed(values: Floats) -> str:
    rounded = np.clip(np.round(values / _STEP), -32767, 32767).astype("<i2")
    return base64.b64encode(zlib.compress(rounded.tobytes(), 9)).decode()


def _unpacked(packed: str) -> Floats:
    return np.frombuffer(zlib.decompress(base64.b64decode(packed)), "<i2") * _STEP
