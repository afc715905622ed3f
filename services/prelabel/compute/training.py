"""Train a challenger, scikit-learn to ONNX: for a worker that is trusted, because its libraries are imported late."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from services.prelabel.compute import text_models
from services.prelabel.compute.sessions import LoadedModel
from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.items import Item, read_text
from services.prelabel.exceptions import CannotTrain, TrainingFailure
from shared.contracts.events import ModelManifest

INPUT_NAME: Final = "input"
OUTPUT_NAME: Final = "probabilities"

_FEWEST_FOR_VECTORS: Final = 3
"""Labels of the rarest class from which on its confidence can be calibrated by cross-validation."""

_MOST_FOR_VECTORS: Final = 6000
"""Support vector machines cost the square of the examples; beyond this, logistic regression."""

_FOLDS: Final = 5
_OPSET: Final = {"": 18, "ai.onnx.ml": 3}
_MOST_TERMS: Final = 50_000
_TOLERANCE: Final = {"text_classification": 1e-5, "image_classification": 1e-3}
_BATCH: Final = 128


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """`inputs` are lower-case texts or rows of pixels divided by the scale, float32 [n, values]. `weights` are positive."""

    task: Literal["text_classification", "image_classification"]
    inputs: Any
    labels: NDArray[Any]
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What to train: `items` are texts, or pixels in the manifest's shape. The manifest's labels are those of the schema."""

    manifest: ModelManifest
    items: Sequence[Item]
    labels: Sequence[str]
    weights: Sequence[float]


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """`labels` is the order of the probabilities; `distinct` counts examples without exact repetitions;
    `largest_difference` is that of the two models' answers.
    """

    labels: list[str]
    algorithm: str
    examples: int
    distinct: int
    per_label: dict[str, int]
    largest_difference: float
    seconds: float


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """An ONNX model that answers as its scikit-learn twin does; the manifest's labels are in the order of its answers."""

    manifest: ModelManifest
    data: bytes
    report: TrainingReport


def training_set(job: TrainingJob) -> TrainingSet:
    if job.manifest.task == "text_classification":
        inputs: Any = np.array([read_text(job.manifest, str(item)) for item in job.items], dtype=object)
    else:
        pixels = np.stack([np.asarray(item) for item in job.items])
        inputs = pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(job.manifest.scale)
    return TrainingSet(
        job.manifest.task, inputs, np.array(job.labels, dtype=str), np.array(job.weights, dtype=np.float64)
    )


def content_key(value: Any) -> bytes:
    """The same for equal inputs alone, of one task."""
    data: bytes = value.encode() if isinstance(value, str) else value.tobytes()
    return data


def merged(examples: TrainingSet) -> TrainingSet:
    """Exact repetitions with the same label become one example with their weights added.

    Else a picture that was sent twice would stand on both sides of a fold, and the confidence would look better than it is.
    """
    place: dict[tuple[bytes, str], int] = {}
    weights: list[float] = []
    first: list[int] = []
    for index, label in enumerate(examples.labels):
        key = (content_key(examples.inputs[index]), str(label))
        if key in place:
            weights[place[key]] += float(examples.weights[index])
        else:
            place[key] = len(first)
            first.append(index)
            weights.append(float(examples.weights[index]))
    return TrainingSet(examples.task, examples.inputs[first], examples.labels[first], np.array(weights))


def fit(given: TrainingSet, examples: TrainingSet) -> tuple[Any, str]:
    """The scikit-learn model, fitted to the examples that were given without their repetitions, and the name of its kind.

    Texts: the terms are those that several of the given texts have, whether they repeat each other or not.

    Pictures: one calibrated support vector machine per class, whose confidences rank well (auto-accept stands on the
    ranking, not on the accuracy). Classes are not reweighted: a prior that is not the data's would make every confidence
    wrong.

    Raises:
        CannotTrain: there is only one class, or there are no terms.
    """
    labels, counts = np.unique(examples.labels, return_counts=True)
    if len(labels) <= 1:
        raise CannotTrain(TrainingFailure.ONE_CLASS, "labels of at least two classes are needed")
    if examples.task == "text_classification":
        known = text_models.vocabulary(given.inputs, _MOST_TERMS)
        model = text_models.fit(examples.inputs, examples.labels, examples.weights, known, _logistic_regression())
        return model, "tfidf_logistic_regression"
    if counts.min() >= _FEWEST_FOR_VECTORS and len(examples.labels) <= _MOST_FOR_VECTORS:
        return _fit_vectors(examples, int(min(_FOLDS, counts.min()))), "calibrated_support_vectors"
    return _logistic_regression().fit(examples.inputs, examples.labels, sample_weight=examples.weights), (
        "logistic_regression"
    )


def _logistic_regression() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=10.0, max_iter=2000)


def _fit_vectors(examples: TrainingSet, folds: int) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import SVC

    machine = SVC(C=10.0).set_fit_request(sample_weight=True)
    calibrated = CalibratedClassifierCV(machine, ensemble=False, cv=folds).set_fit_request(sample_weight=True)
    return OneVsRestClassifier(calibrated).fit(examples.inputs, examples.labels, sample_weight=examples.weights)


def to_onnx(model: Any, examples: TrainingSet) -> bytes:
    if examples.task == "text_classification":
        return text_models.to_onnx(model, INPUT_NAME, OUTPUT_NAME)
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType

    kind = FloatTensorType([None, examples.inputs.shape[1]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # skl2onnx reads attributes that scikit-learn will drop
        converted = skl2onnx.to_onnx(
            model, initial_types=[(INPUT_NAME, kind)], options={id(model): {"zipmap": False}}, target_opset=_OPSET
        )
    data: bytes = converted.SerializeToString()
    return data


def train(job: TrainingJob) -> TrainedModel:
    """Train, export, and compare the exported model's answers with scikit-learn's.

    Raises:
        CannotTrain: the labels give no model, or the exported one answers otherwise.
    """
    import sklearn

    started = time.monotonic()
    if not job.items:
        raise CannotTrain(TrainingFailure.NO_LABELS, "there is nothing to learn from")
    given = training_set(job)
    examples = merged(given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with sklearn.config_context(enable_metadata_routing=True):  # weights reach the estimators inside others
            model, algorithm = fit(given, examples)
        expected = np.asarray(model.predict_proba(given.inputs), dtype=np.float64)
    manifest = job.manifest.model_copy(update={"labels": [str(label) for label in model.classes_]})
    data = to_onnx(model, examples)
    labels, counts = np.unique(given.labels, return_counts=True)
    report = TrainingReport(
        labels=manifest.labels,
        algorithm=algorithm,
        examples=len(given.labels),
        distinct=len(examples.labels),
        per_label={str(label): int(count) for label, count in zip(labels, counts, strict=True)},
        largest_difference=largest_difference(data, manifest, job.items, expected),
        seconds=round(time.monotonic() - started, 3),
    )
    return TrainedModel(manifest, data, report)


def largest_difference(data: bytes, manifest: ModelManifest, items: Sequence[Item], expected: Floats) -> float:
    """Between the exported model's probabilities for the training inputs and those expected.

    Raises:
        CannotTrain: it is larger than rounding explains, so the exported model is another one than was trained.
    """
    model = LoadedModel(data, manifest)
    ours = np.concatenate([model.run(items[start : start + _BATCH]) for start in range(0, len(items), _BATCH)])
    largest = float(np.abs(ours - expected).max())
    if not largest <= _TOLERANCE[manifest.task]:  # NaN is no success either
        raise CannotTrain(
            TrainingFailure.EXPORT_DIFFERS, f"the exported model differs from scikit-learn's by {largest:.2g}"
        )
    return largest


def import_libraries() -> None:
    """A second of imports, which a worker may do before the first job comes."""
    import skl2onnx  # noqa: F401
    import sklearn.calibration
    import sklearn.feature_extraction.text
    import sklearn.linear_model
    import sklearn.multiclass
    import sklearn.pipeline
    import sklearn.svm  # noqa: F401
