"""Models whose calibration is known: probabilities together with those that the labels are drawn from."""

from dataclasses import dataclass

import numpy as np

from services.prelabel.domain.calibration import temper

FRESH = 6_000
_BINS = 60


@dataclass(frozen=True)
class SimulatedModel:
    """A model of so many `classes`. Its true distributions are a softmax of normal values with the deviation `spread`; it
    answers these tempered by 1 / `temperature`: above 1 it is over-confident, below 1 under-confident. `lapses`: the share of
    answers in which it is as sure as ever and the right class is any. `crooked`: over-confident where it is sure, and
    under-confident where it isn't, so that no temperature helps.
    """

    classes: int
    spread: float
    temperature: float
    lapses: float = 0.0
    crooked: bool = False

    def rows(self, generator: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """What the model answers, and the distribution of the right class: both of shape [count, classes]."""
        logits = generator.normal(0.0, self.spread, (count, self.classes))
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        truth = powers / powers.sum(axis=1, keepdims=True)
        answered = temper(truth, 1.0 / self.temperature)
        if self.crooked:
            sure = answered.max(axis=1) > 0.8
            truth[sure] = temper(truth[sure], 1.6)
            truth[~sure] = temper(truth[~sure], 1 / 1.6)
        lapsed = generator.random(count) < self.lapses
        truth[lapsed] = 1.0 / self.classes
        return answered, truth

    def labelled(self, generator: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """What the model answers, and a right class for each."""
        answered, truth = self.rows(generator, count)
        return answered, draw(generator, truth)


def draw(generator: np.random.Generator, distributions: np.ndarray) -> np.ndarray:
    steps = np.cumsum(distributions, axis=1)
    drawn: np.ndarray = np.minimum((generator.random((len(steps), 1)) > steps).sum(axis=1), distributions.shape[1] - 1)
    return drawn


def true_error(answered: np.ndarray, truth: np.ndarray) -> float:
    """The root mean square of confidence minus accuracy, from the distributions themselves and many rows."""
    confidence = answered.max(axis=1)
    right = truth[np.arange(len(truth)), answered.argmax(axis=1)]
    order = np.argsort(confidence, kind="stable")
    gaps = [float((confidence[some] - right[some]).mean()) for some in np.array_split(order, _BINS)]
    return float(np.sqrt(np.mean(np.square(gaps))))
