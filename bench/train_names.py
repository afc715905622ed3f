"""Train the head of the recogniser `names`, and measure it by cross-validation by template.

    python -m bench.train_names ../shared/data/pii/presidio_synth_v2.json [--write]

The file is that of presidio-research (MIT): texts made from templates, with the places of what was put in. No template is
both trained on and measured. `--write` trains on all of it and writes `shared/recognition/parameters.json`.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from shared.contracts.personal_data import RECOGNISERS, AnyRecogniser, ContextRecogniser, Finding, Kind, deidentify
from shared.contracts.personal_data.folding import fold
from shared.recognition import head as heads
from shared.recognition.names import NamesRecogniser
from shared.recognition.text_reading import TextReading, read
from shared.recognition.training import ITERATIONS, MarkedText, fit

TYPES: Final = {
    "PERSON": Kind.PERSON, "TITLE": Kind.PERSON, "STREET_ADDRESS": Kind.ADDRESS, "ZIP_CODE": Kind.ADDRESS, "GPE": Kind.PLACE,
    "LOCATION": Kind.PLACE, "ORGANIZATION": Kind.ORGANISATION, "DATE_TIME": Kind.DATE, "AGE": Kind.AGE, "NRP": Kind.GROUP,
}  # fmt: skip
"""What the marks of the file are called here; all others are numbers and addresses of some form."""

FOLDS: Final = 5


def examples_of(texts: Sequence[Mapping[str, Any]]) -> list[MarkedText]:
    """The texts, read, with the label of each word."""
    return [_example(item) for item in texts]


def _example(item: Mapping[str, Any]) -> MarkedText:
    folded = fold(item["full_text"])
    reading = read(folded.text, deidentify(folded.text)[1])
    labels = np.zeros(len(reading.words), dtype=np.int64)
    for at, word in enumerate(reading.words):
        start, end = folded.original(word.start), folded.original(word.end)
        for span in item["spans"]:
            if span["start_position"] < end and start < span["end_position"]:
                labels[at] = heads.LABELS.index(TYPES.get(span["entity_type"], Kind.ID))
                break
    return MarkedText(reading, labels, item["template_id"])


def cross_validated(
    texts: Sequence[Mapping[str, Any]], folds: int = FOLDS, iterations: int = ITERATIONS
) -> list[list[Finding]]:
    """What is found in each text by a head that has seen no text of its template."""
    examples = examples_of(texts)
    templates = sorted({one.template for one in examples}, key=str)
    np.random.default_rng(0).shuffle(templates)
    part = {template: at % folds for at, template in enumerate(templates)}
    found: list[list[Finding]] = [[] for _ in texts]
    for number in range(folds):
        head = fit([one for one in examples if part[one.template] != number], iterations)
        recogniser = NamesRecogniser(head)
        for at, one in enumerate(examples):
            if part[one.template] == number:
                found[at] = deidentify(texts[at]["full_text"], (*RECOGNISERS, _ReadBefore(recogniser, one.reading)))[1]
    return found


class _ReadBefore(ContextRecogniser):
    """The recogniser, for a text that was read already."""

    def __init__(self, recogniser: NamesRecogniser, reading: TextReading) -> None:
        self._recogniser, self._reading = recogniser, reading

    def read(self, text: str, found: Sequence[Finding]) -> list[Finding]:  # noqa: ARG002
        return self._recogniser.found_in(text, self._reading)


def measure(texts: Sequence[Mapping[str, Any]], found: Sequence[Sequence[Finding]]) -> dict[str, Any]:
    """Recall and precision of characters, and recall by the file's types."""
    hit, marked, masked = defaultdict[str, int](int), defaultdict[str, int](int), 0
    covered_once = marked_once = 0
    for item, findings in zip(texts, found, strict=True):
        hidden = {at for one in findings for at in range(one.start, one.end)}
        personal = set[int]()
        for span in item["spans"]:
            places = range(span["start_position"], span["end_position"])
            personal.update(places)
            hit[span["entity_type"]] += len(hidden.intersection(places))
            marked[span["entity_type"]] += len(places)
        masked += len(hidden)
        marked_once += len(personal)
        covered_once += len(hidden & personal)
    return {
        "recall": round(covered_once / marked_once, 4),
        "precision": round(covered_once / masked, 4),
        "recall_by_type": {kind: round(hit[kind] / marked[kind], 3) for kind in sorted(marked)},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    texts = json.loads(given.file.read_text(encoding="utf-8"))
    if given.write:
        target = Path(heads.__file__).with_name("parameters.json")
        target.write_text(fit(examples_of(texts)).dump() + "\n", encoding="utf-8")
        print(json.dumps({"written": str(target), "bytes": target.stat().st_size}))
        return
    result = measure(texts, cross_validated(texts))
    recogniser: tuple[AnyRecogniser, ...] = (*RECOGNISERS, NamesRecogniser())
    started = time.process_time()
    for item in texts[:300]:
        deidentify(item["full_text"], recogniser)
    print(json.dumps({**result, "texts_per_s": round(300 / (time.process_time() - started), 1)}))


if __name__ == "__main__":
    main()
