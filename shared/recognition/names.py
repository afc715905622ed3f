"""The recogniser of what only context shows to be personal data."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

import numpy as np

from shared.contracts.personal_data import ContextRecogniser, Finding, Kind
from shared.recognition.head import LABELS, Head, trained_head
from shared.recognition.text_reading import TextReading, read
from shared.recognition.words import DATED, Word

SOURCE: Final = "names"

THRESHOLD: Final = 0.2
"""A word is masked where the probability that it is personal data is as high: a name that stays is dearer than a word lost.

By cross-validation by template, of .1 to .6 in steps: where recall and precision of characters are as far above .95 and .90.
"""

_DATE: Final = LABELS.index(Kind.DATE)
_MASK = re.compile(rf"\[(?:{'|'.join(Kind)})\]")


class NamesRecogniser(ContextRecogniser):
    """People, addresses, places, organisations, dates, ages, groups and other numbers, by the model and its trained head;
    a date that is written out is one, whatever they make of it.
    """

    def __init__(
        self, head: Head | None = None, threshold: float = THRESHOLD, kept: frozenset[Kind] = frozenset()
    ) -> None:
        """`head` None: the one that comes with the project; `kept` kinds are not reported."""
        self._head = head
        self._threshold = threshold
        self._nothing = np.array([label is None or label in kept for label in LABELS])

    def read(self, text: str, found: Sequence[Finding]) -> list[Finding]:
        return self.found_in(text, read(text, found))

    def found_in(self, text: str, reading: TextReading) -> list[Finding]:
        """As `read`, of a text that was read before."""
        head = self._head or trained_head()
        probabilities = head.probabilities(reading)
        sure = 1 - probabilities[:, self._nothing].sum(axis=1)
        labels = np.where(self._nothing, -1.0, probabilities).argmax(axis=1)
        taken = [
            int(label) if share >= self._threshold else 0 for label, share in zip(labels, sure.tolist(), strict=True)
        ]
        if not self._nothing[_DATE]:
            for at, of_word in enumerate(reading.features):
                if DATED in of_word:
                    taken[at] = _DATE
        for at in _inside_masks(text, reading.words):
            taken[at] = 0
        return [*_joined(reading.words, taken, sure.tolist())]


def _inside_masks(text: str, words: Sequence[Word]) -> Iterator[int]:
    """Which words are parts of what masking leaves."""
    starts = [word.start for word in words]
    for mask in _MASK.finditer(text):
        yield from range(bisect_left(starts, mask.start()), bisect_left(starts, mask.end()))


def _joined(words: Sequence[Word], labels: Sequence[int], sure: Sequence[float]) -> Iterator[Finding]:
    """Neighbours of one label, with the white space between them, as one finding; as sure as the surest."""
    for label, run in groupby(range(len(words)), key=labels.__getitem__):
        kind = LABELS[label]
        if kind is not None:
            places = list(run)
            score = max(sure[at] for at in places)
            yield Finding(words[places[0]].start, words[places[-1]].end, kind, min(1.0, score), SOURCE)
