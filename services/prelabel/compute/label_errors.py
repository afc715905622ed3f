"""Look for labels that are wrong: models are trained without a fifth of the labels, and asked about these.

For a worker that is trusted, as trainings are. Each of the five models is a call of its own, so that a look holds a worker
no longer than a training does.
"""

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from services.prelabel.compute import training
from services.prelabel.compute.training import TrainingJob, TrainingSet
from services.prelabel.domain.calibration import Floats, Indices
from services.prelabel.domain.folds import Folds, folds_of
from services.prelabel.domain.label_errors import Doubt, LabelReview, review
from services.prelabel.exceptions import CannotTrain, TrainingFailure

FOLDS: Final = 5

FEWEST_OF_CLASS: Final = 5
"""Contents of a class from which on its labels are examined: with fewer, some model would never have seen the class."""


@dataclass(frozen=True, slots=True)
class DoubtJob:
    """The labels to judge, and how many of those that look wrong are wanted: a share, `most` at most, one at least.

    `learnt`: which of them models may learn from, by their places in the training. `seed` draws the folds.
    """

    training: TrainingJob
    learnt: Sequence[bool]
    share: float
    most: int
    seed: int


@dataclass(frozen=True, slots=True)
class FoundDoubts:
    """The labels that are likeliest wrong, the likeliest first; the index of each is its place in the job's items.

    `classes` names the suggested ones. `examined` labels were looked at; classes with few are not.
    """

    doubts: Sequence[Doubt]
    classes: Sequence[str]
    examined: int
    estimated_wrong: float


@dataclass(frozen=True, slots=True)
class FoldAnswers:
    """What the model of one fold says of the labels that it did not learn from.

    `places` are theirs among the examined labels, shape [m]; `probabilities` has the shape [m, classes].
    """

    places: Indices
    probabilities: Floats


@dataclass(frozen=True, slots=True)
class _ExaminedLabels:
    """The labels of classes that have enough of them: `places` in the job, and the fold of each; `classes` in their order."""

    examples: TrainingSet
    learnt: Any
    places: Any
    folds: Folds
    classes: Any


def answer_fold(job: DoubtJob, fold: int) -> FoldAnswers:
    """Train without a fold, and ask about it. It takes as long as a training. A class that is not learnt has probability 0.

    Raises:
        CannotTrain: fewer than two classes have enough labels, or the texts have no words in common.
    """
    import sklearn

    examined = _examined(job)
    inside = (examined.folds == fold).nonzero()[0]
    others = _part(examined.examples, (examined.learnt & (examined.folds != fold)).nonzero()[0])
    probabilities = np.zeros((len(inside), len(examined.classes)))
    if len(inside) > 0:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with sklearn.config_context(enable_metadata_routing=True):  # weights reach the estimators inside others
                model, _ = training.fit(others, training.merged(others))
                columns = np.searchsorted(examined.classes, np.asarray(model.classes_))
                probabilities[:, columns] = model.predict_proba(examined.examples.inputs[inside])
    return FoldAnswers(inside, probabilities)


def find_doubts(job: DoubtJob, answers: Sequence[FoldAnswers]) -> FoundDoubts:
    """Find the labels that are likeliest wrong, with the answers of all folds."""
    examined = _examined(job)
    found = review_labels(job, answers)
    wanted = min(job.most, max(1, math.ceil(job.share * len(examined.places))))
    doubts = [replace(doubt, index=int(examined.places[doubt.index])) for doubt in found.top(wanted)]
    return FoundDoubts(doubts, [str(one) for one in examined.classes], len(examined.places), found.estimated_wrong)


def review_labels(job: DoubtJob, answers: Sequence[FoldAnswers]) -> LabelReview:
    """Judge the examined labels, in their order."""
    examined = _examined(job)
    probabilities = np.zeros((len(examined.places), len(examined.classes)))
    for one in answers:
        probabilities[one.places] = one.probabilities
    return review(probabilities, np.searchsorted(examined.classes, examined.examples.labels))


def _examined(job: DoubtJob) -> _ExaminedLabels:
    """The labels to judge, in the same folds whenever it is called."""
    given = training.training_set(job.training)
    keys = [training.content_key(value) for value in given.inputs]
    learnt = np.array(job.learnt, dtype=bool)
    labelled = {(keys[place], str(given.labels[place])) for place in learnt.nonzero()[0]}
    contents = Counter(label for _, label in labelled)
    enough = [at for at, label in enumerate(given.labels) if contents[str(label)] >= FEWEST_OF_CLASS]
    places = np.array(enough, dtype=np.int64)
    examples = _part(given, places)
    classes = np.unique(examples.labels)
    if len(classes) <= 1:
        raise CannotTrain(TrainingFailure.ONE_CLASS, f"two classes with {FEWEST_OF_CLASS} contents are needed")
    labels = [str(label) for label in examples.labels]
    folds = folds_of([keys[place] for place in places], labels, FOLDS, np.random.default_rng(job.seed))
    return _ExaminedLabels(examples, learnt[places], places, folds, classes)


def _part(examples: TrainingSet, places: Any) -> TrainingSet:
    return TrainingSet(examples.task, examples.inputs[places], examples.labels[places], examples.weights[places])
