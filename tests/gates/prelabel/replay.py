"""Active learning replayed on labelled sets: how many labels it takes until a model is nearly as good as with all of them.

Models are trained by prelabel's own code, records are chosen by it, as its loop does; only the database is left out.
"""

import csv
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.prelabel.compute import choices, training
from services.prelabel.compute.training import TrainingSet
from services.prelabel.domain import acquisition
from services.prelabel.domain.acquisition import ChanceWindow
from services.prelabel.domain.items import Thumbnail
from services.prelabel.domain.uncertainty import unsureness
from services.prelabel.exceptions import CannotTrain
from tests.support.left_out import NOT_BESIDE

TEXT = Path(__file__).parents[3].parent / "shared" / "data" / "text"
COLD_POOL = 2_000
TEST_SHARE = 0.3


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """`inputs` as models are trained on them, `looks` as candidates come to the choice."""

    name: str
    task: Any
    inputs: NDArray[Any]
    looks: Sequence[str | Thumbnail]
    labels: NDArray[Any]

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, places: NDArray[Any]) -> TrainingSet:
        return TrainingSet(self.task, self.inputs[places], self.labels[places], np.ones(len(places)))

    def without(self, name: str, share: float, classes: Sequence[str]) -> "LabelledSet":
        """The same set with this share of these classes left out."""
        kept = np.ones(len(self), dtype=bool)
        for label in classes:
            places = np.random.default_rng(0).permutation(np.flatnonzero(self.labels == label))
            kept[places[: int(len(places) * share)]] = False
        places = np.flatnonzero(kept)
        looks = [self.looks[int(place)] for place in places]
        return LabelledSet(name, self.task, self.inputs[places], looks, self.labels[places])


@cache
def texts(name: str) -> LabelledSet:
    rows: list[tuple[str, str]] = []
    for part in ("train", "test"):
        file = TEXT / name / f"{part}.csv"
        if not file.is_file():
            pytest.skip(f"{name} {NOT_BESIDE}")
        with file.open(newline="", encoding="utf-8") as lines:
            rows.extend((row["text"], row["category"]) for row in csv.DictReader(lines))
    written = [text for text, _ in rows]
    read = np.array([" ".join(text.split()).lower() for text in written], dtype=object)
    return LabelledSet(name, "text_classification", read, written, np.array([label for _, label in rows]))


@cache
def digits() -> LabelledSet:
    from sklearn.datasets import load_digits

    data, truth = load_digits(return_X_y=True)
    pixels = np.round(data * 255 / 16).astype(np.uint8)
    looks = [Thumbnail(8, 8, 1, each.tobytes()) for each in pixels]
    inputs = pixels.astype(np.float32) / np.float32(255)
    return LabelledSet("digits", "image_classification", inputs, looks, truth.astype(str))


Pair = tuple[float, float]
"""Of accuracies, or of labels until they are reached: over all test records, and the mean over the classes."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model and the order of its probabilities."""

    model: Any
    classes: NDArray[Any]

    def probabilities(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(self.model.predict_proba(inputs))

    def right(self, data: TrainingSet) -> NDArray[np.bool_]:
        return np.asarray(self.classes[self.probabilities(data.inputs).argmax(axis=1)] == data.labels)


def fitted(given: TrainingSet) -> Fitted | None:
    """None where nothing can be learnt yet."""
    import sklearn

    try:
        with warnings.catch_warnings(), sklearn.config_context(enable_metadata_routing=True):
            warnings.simplefilter("ignore")
            model, _ = training.fit(given, training.merged(given))
    except CannotTrain:
        return None
    return Fitted(model, np.asarray(model.classes_))


@dataclass(frozen=True, eq=False)
class Trial:
    """One split of a set into a pool and a test part, with a draw for each record. `cold`: the size of the first batch.

    At most `pool` and `tested` records are in the parts.
    """

    data: LabelledSet
    seed: int
    batch: int
    cold: int
    pool: int = 1_000_000
    tested: int = 1_500

    @property
    def parts(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The places of the pool, and those of the test."""
        order = np.random.default_rng(self.seed).permutation(len(self.data))
        tested = min(int(TEST_SHARE * len(order)), self.tested)
        return order[tested : tested + self.pool], order[:tested]

    @property
    def draws(self) -> NDArray[np.float64]:
        return np.random.default_rng(self.seed + 7_000).random(len(self.data))

    def accuracy(self, labelled: NDArray[Any]) -> Pair:
        """With these labels."""
        return self._measured(fitted(self.data.part(labelled)))

    def _measured(self, model: Fitted | None) -> Pair:
        if model is None:
            return 0.0, 0.0
        test = self.data.part(self.parts[1])
        right = model.right(test)
        return float(right.mean()), float(np.mean([right[test.labels == one].mean() for one in np.unique(test.labels)]))

    def labels_needed(self, share: float) -> tuple[Pair, Pair, Pair]:
        """For this share of the accuracy that all labels of the pool give: by chance, by the plain margin, as prelabel does."""
        whole = self.accuracy(self.parts[0])
        target = (share * whole[0], share * whole[1])
        return self._by_chance(target), self._by_batches(by_margin, target), self._by_batches(as_prelabel, target)

    def _by_batches(self, choose: "Choice", target: Pair) -> Pair:
        free, labelled = np.sort(self.parts[0]), np.empty(0, dtype=np.int64)
        model: Fitted | None = None
        curve: list[tuple[int, Pair]] = []
        while len(free) and not _reached(curve, target):
            size = min(self.cold if not curve else self.batch, len(free))
            chosen = choose(self, free, model, size, len(curve))
            labelled, free = np.concatenate([labelled, chosen]), np.setdiff1d(free, chosen)
            model = fitted(self.data.part(labelled))
            curve.append((len(labelled), self._measured(model)))
        return _needed(curve, target, 0), _needed(curve, target, 1)

    def _by_chance(self, target: Pair) -> Pair:
        """Of ever larger samples: each is a tenth, and a batch at least, larger than the one before."""
        order = self.parts[0][np.argsort(self.draws[self.parts[0]])]
        curve: list[tuple[int, Pair]] = []
        size = self.cold
        while not _reached(curve, target) and (not curve or curve[-1][0] < len(order)):
            size = min(size, len(order))
            curve.append((size, self.accuracy(order[:size])))
            size += max(self.batch, size // 10)
        return _needed(curve, target, 0), _needed(curve, target, 1)


def _reached(curve: Sequence[tuple[int, Pair]], target: Pair) -> bool:
    return all(any(pair[column] >= target[column] for _, pair in curve) for column in (0, 1))


def _needed(curve: Sequence[tuple[int, Pair]], target: Pair, column: int) -> float:
    """The labels at which the target is first reached, between two batches by interpolation; all where it is not."""
    before = (0, 0.0)
    for labels, pair in curve:
        if pair[column] >= target[column]:
            if before[0] == 0:
                return float(labels)
            share = (target[column] - before[1]) / (pair[column] - before[1])
            return before[0] + share * (labels - before[0])
        before = labels, pair[column]
    return float(curve[-1][0])


Choice = Callable[[Trial, NDArray[Any], Fitted | None, int, int], NDArray[Any]]
"""From the free records, under a model or none, so many for the batch of this number."""


def by_chance(trial: Trial, free: NDArray[Any], _model: Fitted | None, size: int, _number: int) -> NDArray[Any]:
    chosen: NDArray[Any] = free[np.argsort(trial.draws[free])[:size]]
    return chosen


def by_margin(trial: Trial, free: NDArray[Any], model: Fitted | None, size: int, number: int) -> NDArray[Any]:
    """The smallest margins of all, after a cold start by chance."""
    if model is None:
        return by_chance(trial, free, model, size, number)
    scores = unsureness(model.probabilities(trial.data.inputs[free])).margin
    chosen: NDArray[Any] = free[np.lexsort((trial.draws[free], -scores))[:size]]
    return chosen


def as_prelabel(trial: Trial, free: NDArray[Any], model: Fitted | None, size: int, number: int) -> NDArray[Any]:
    """What operations/selection.py would choose."""
    draws = trial.draws[free]
    die = float(np.random.default_rng((trial.seed, number)).random())
    cold = model is None
    window = ChanceWindow.of(acquisition.expected_by_chance(size, cold=cold), len(free), die)
    scores, labels = draws, np.full(len(free), None, dtype=object)
    candidates = np.argsort((draws - window.start) % 1.0)[: max(COLD_POOL, size) if cold else size]
    if model is not None:
        probabilities = model.probabilities(trial.data.inputs[free])
        scores, labels = unsureness(probabilities).margin, model.classes[probabilities.argmax(axis=1)]
        most_unsure = np.argsort(-scores, kind="stable")[: size * (acquisition.POOL_FACTOR + 1)]
        candidates = np.array(list(dict.fromkeys([*candidates.tolist(), *most_unsure.tolist()])))
    chosen = choices.choose(
        "cold_start" if cold else "next_batch",
        scores[candidates].tolist(),
        draws[candidates].tolist(),
        [None if label is None else str(label) for label in labels[candidates]],
        [trial.data.looks[place] for place in free[candidates]],
        size,
        number,
        window,
    )
    return np.asarray(free[candidates[[each.index for each in chosen]]])
