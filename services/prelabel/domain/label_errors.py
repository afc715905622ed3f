"""Which labels are likely wrong: confident learning over probabilities of models that did not learn from them.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels" (JAIR 70): the joint
distribution of given and right classes is counted from the labels of which a model is confident (3.1, equations 1 to 3).
Here it is then used as a model of the noise: by Bayes' rule it turns the model's probabilities into the probability that
the given class is wrong, which all labels are ranked by. Where noise falls on all classes alike that is the order of
self-confidence; where people confuse certain pairs, these weigh more.

Rows of `probabilities` are distributions over the classes, shape [n, classes]; `given` holds the index of the given class,
shape [n].
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from services.prelabel.domain.calibration import Floats, Indices, temper_by_others

_PRIOR_LABELS: Final = 5.0
"""Labels of each class that the noise is shrunk by towards one that falls on all classes alike."""

_PRIOR_WRONG: Final = 0.5
"""Wrong labels, and as many right ones, that are added before the share of wrong ones is known."""


class DoubtReason(StrEnum):
    """Why a label is doubted.

    `sure_of_another`: another class is as likely as it is on average where it was given, so the label counts as wrong in
    the joint distribution. `unlikely`: the given class is unlikely, and no other one is certain.
    """

    SURE_OF_ANOTHER = "sure_of_another"
    UNLIKELY = "unlikely"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A label that looks wrong. `index` is its place among the examined, `suggested` the index of the likeliest other class.

    `score` is the estimated probability that the given class is wrong.
    """

    index: int
    suggested: int
    given_probability: float
    suggested_probability: float
    score: float
    reason: DoubtReason


@dataclass(frozen=True, slots=True)
class LabelReview:
    """All labels of a look, judged. `scores` and `suggested` have the shape [n]; `estimated_wrong` is a share of them."""

    probabilities: Floats
    given: Indices
    suggested: Indices
    confident: Indices
    scores: Floats
    estimated_wrong: float

    def top(self, most: int) -> list[Doubt]:
        """The `most` labels that are likeliest wrong, the likeliest first."""
        order = np.argsort(-self.scores, kind="stable")[:most]
        return [self._doubt(int(index)) for index in order]

    def _doubt(self, index: int) -> Doubt:
        given, suggested = self.given[index], self.suggested[index]
        sure = self.confident[index] not in {-1, given}
        return Doubt(
            index,
            int(suggested),
            float(self.probabilities[index, given]),
            float(self.probabilities[index, suggested]),
            float(self.scores[index]),
            DoubtReason.SURE_OF_ANOTHER if sure else DoubtReason.UNLIKELY,
        )


def review(probabilities: Floats, given: Indices) -> LabelReview:
    """Judge all labels. Every class must be given at least once.

    Probabilities are tempered first (each by a temperature that its own label had no part in), since cross-validated models
    may be too sure or not sure enough.
    """
    tempered = temper_by_others(probabilities, given)
    confident = confident_classes(tempered, given)
    joint = calibrated_joint(confident_counts(confident, given, tempered.shape[1]), given)
    wrong = wrong_probabilities(tempered, given, joint)
    others = tempered.copy()
    others[np.arange(len(given)), given] = -1.0
    return LabelReview(tempered, given, others.argmax(axis=1), confident, wrong, float(wrong.mean()))


def class_thresholds(probabilities: Floats, given: Indices) -> Floats:
    """The mean probability of each class where it was given (equation 2), shape [classes]; 1 for a class that never was."""
    classes = probabilities.shape[1]
    count = np.bincount(given, minlength=classes)
    total = np.bincount(given, weights=probabilities[np.arange(len(given)), given], minlength=classes)
    return np.where(count > 0, total / np.maximum(count, 1), 1.0)


def confident_classes(probabilities: Floats, given: Indices) -> Indices:
    """The class that a model is confident of, for each label: the likeliest of those that reach their threshold.

    -1 where none does (equation 1; a tie goes to the first).
    """
    reached = probabilities >= class_thresholds(probabilities, given)
    best: Indices = np.where(reached, probabilities, -1.0).argmax(axis=1)
    return np.where(reached.any(axis=1), best, -1)


def confident_counts(confident: Indices, given: Indices, classes: int) -> Indices:
    """The confident joint C: how many labels of each given class (rows) a model is confident are of each class (columns)."""
    counted = confident >= 0
    cells = given[counted] * classes + confident[counted]
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def calibrated_joint(counts: Indices, given: Indices) -> Floats:
    """The joint distribution Q of given (rows) and right classes (columns), which sums to 1 (equation 3).

    The rows are scaled to how often each class was given; a class that no model is confident of counts as right.
    """
    classes = len(counts)
    labels = np.bincount(given, minlength=classes).astype(np.float64)
    filled = counts.astype(np.float64)
    empty = filled.sum(axis=1) == 0
    filled[empty, empty.nonzero()[0]] = 1.0
    joint: Floats = filled / filled.sum(axis=1, keepdims=True) * labels[:, None]
    joint /= joint.sum()
    return joint


def wrong_probabilities(probabilities: Floats, given: Indices, joint: Floats) -> Floats:
    """The probability that the given class is wrong, shape [n]: P(right = k | x, given = i) is as p(k | x) P(given = i | k).

    P(given | right) is the joint's, shrunk: each right class has `_PRIOR_LABELS` more labels, of which as large a share is
    wrong as of all, on all other classes alike.
    """
    classes, labels = len(joint), len(given)
    counts = joint * labels
    wrong = (counts.sum() - np.trace(counts) + _PRIOR_WRONG) / (counts.sum() + 2.0 * _PRIOR_WRONG)
    prior = np.full((classes, classes), wrong / max(classes - 1, 1))
    np.fill_diagonal(prior, 1.0 - wrong)
    noise = (counts + _PRIOR_LABELS * prior) / (counts.sum(axis=0) + _PRIOR_LABELS)
    weights = probabilities * noise[given]
    right = weights[np.arange(labels), given] / weights.sum(axis=1)
    wrong_at_all: Floats = np.clip(1.0 - right, 0.0, 1.0)
    return wrong_at_all
