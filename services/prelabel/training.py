"""Train a challenger in a process of its own: scikit-learn to ONNX.

`python -m services.prelabel.training` imports its libraries, says `{"ready": true}`, then reads one folder per line from
standard input and answers each with one JSON line. A folder holds `job.json` and what it names; the process adds
`model.onnx` and `expected.npy`, scikit-learn's own probabilities for the training inputs, against which the ONNX model is
then checked where it will run. Nothing is pickled. The process ends when its standard input does.
"""

import json
import os
import resource
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

INPUT_NAME: Final = "input"
OUTPUT_NAME: Final = "probabilities"

_FEWEST_FOR_VECTORS: Final = 3
"""Labels of the rarest class from which on its confidence can be calibrated by cross-validation."""

_MOST_FOR_VECTORS: Final = 6000
"""Support vector machines cost the square of the examples; beyond this, logistic regression."""

_FOLDS: Final = 5
_OPSET: Final = {"": 18, "ai.onnx.ml": 3}
_PUNCTUATION: Final = r"""[^ \t\r\n\f\v!"#$%&'()*+,./:;<=>?@\[\\\]^_`{|}~-]+"""
_WORDS_PER_TEXT: Final = 2.0
"""Texts with fewer words than this are taken to be of a script without spaces, and read letter by letter."""
_MOST_TERMS: Final = 50_000


class CannotTrain(Exception):
    """The labels give no model."""


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """`inputs` are lower-case texts or rows of pixels divided by the scale, float32 [n, values]. `weights` are positive."""

    task: Literal["text_classification", "image_classification"]
    inputs: Any
    labels: NDArray[Any]
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """`labels` is the order of the probabilities. `distinct` counts examples without exact repetitions."""

    labels: list[str]
    algorithm: str
    examples: int
    distinct: int
    per_label: dict[str, int]
    seconds: float


def read_set(folder: Path) -> TrainingSet:
    job = json.loads((folder / "job.json").read_text())
    if job["task"] == "text_classification":
        inputs: Any = np.array(job["texts"], dtype=object)
    else:
        pixels = np.load(folder / "pixels.npy", allow_pickle=False)
        inputs = pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(job["scale"])
    return TrainingSet(
        job["task"], inputs, np.array(job["labels"], dtype=str), np.array(job["weights"], dtype=np.float64)
    )


def merged(examples: TrainingSet) -> TrainingSet:
    """Exact repetitions with the same label become one example with their weights added.

    Else a picture that was sent twice would stand on both sides of a fold, and the confidence would look better than it is.
    """
    place: dict[tuple[bytes, str], int] = {}
    weights: list[float] = []
    first: list[int] = []
    for index, label in enumerate(examples.labels):
        value = examples.inputs[index]
        key = (value.encode() if isinstance(value, str) else value.tobytes(), str(label))
        if key in place:
            weights[place[key]] += float(examples.weights[index])
        else:
            place[key] = len(first)
            first.append(index)
            weights.append(float(examples.weights[index]))
    return TrainingSet(examples.task, examples.inputs[first], examples.labels[first], np.array(weights))


def fit(examples: TrainingSet) -> tuple[Any, str]:
    """The fitted scikit-learn model and the name of its kind.

    Pictures: one calibrated support vector machine per class, whose confidences rank well (auto-accept stands on the
    ranking, not on the accuracy). Classes are not reweighted: a prior that is not the data's would make every confidence
    wrong.

    Raises:
        CannotTrain: there is only one class.
    """
    labels, counts = np.unique(examples.labels, return_counts=True)
    if len(labels) <= 1:
        raise CannotTrain("labels of at least two classes are needed")
    if examples.task == "text_classification":
        return _fit_texts(examples), "tfidf_logistic_regression"
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


def _fit_texts(examples: TrainingSet) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import Pipeline

    words = sum(len(str(text).split()) for text in examples.inputs) / len(examples.inputs)
    terms: dict[str, Any] = (
        {"token_pattern": _PUNCTUATION, "ngram_range": (1, 2)}
        if words >= _WORDS_PER_TEXT
        else {"analyzer": "char", "ngram_range": (1, 3)}
    )
    # Lower-casing is left to whoever feeds the model: inside ONNX it needs a locale that slim images lack.
    vectors = TfidfVectorizer(lowercase=False, sublinear_tf=True, max_features=_MOST_TERMS, **terms)
    model = Pipeline([("terms", vectors), ("classes", _logistic_regression().set_fit_request(sample_weight=True))])
    try:
        return model.fit(examples.inputs, examples.labels, sample_weight=examples.weights)
    except ValueError as error:  # "empty vocabulary": nothing but punctuation
        raise CannotTrain("the texts have no words to learn from") from error


def to_onnx(model: Any, examples: TrainingSet) -> bytes:
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    if examples.task == "text_classification":
        vectors, classes = model.named_steps["terms"], model.named_steps["classes"]
        kind: Any = StringTensorType([None, 1])
        options: dict[Any, Any] = {id(vectors): {"locale": "C.UTF-8"}, id(classes): {"zipmap": False}}
    else:
        kind = FloatTensorType([None, examples.inputs.shape[1]])
        options = {id(model): {"zipmap": False}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # skl2onnx reads attributes that scikit-learn will drop
        converted = skl2onnx.to_onnx(model, initial_types=[(INPUT_NAME, kind)], options=options, target_opset=_OPSET)
    data: bytes = converted.SerializeToString()
    return data


def train(folder: Path) -> TrainingReport:
    """Read the job in `folder`, leave `model.onnx` and `expected.npy` beside it.

    Raises:
        CannotTrain: the labels give no model.
    """
    import sklearn

    started = time.monotonic()
    given = read_set(folder)
    examples = merged(given)
    with sklearn.config_context(enable_metadata_routing=True):  # weights reach the estimators inside others
        model, algorithm = fit(examples)
    expected = model.predict_proba(given.inputs)
    (folder / "model.onnx").write_bytes(to_onnx(model, examples))
    np.save(folder / "expected.npy", np.asarray(expected, dtype=np.float64), allow_pickle=False)
    labels, counts = np.unique(given.labels, return_counts=True)
    return TrainingReport(
        labels=[str(label) for label in model.classes_],
        algorithm=algorithm,
        examples=len(given.labels),
        distinct=len(examples.labels),
        per_label={str(label): int(count) for label, count in zip(labels, counts, strict=True)},
        seconds=round(time.monotonic() - started, 3),
    )


def import_libraries() -> None:
    """A second of imports, done before the first job comes."""
    import skl2onnx  # noqa: F401
    import sklearn.calibration
    import sklearn.feature_extraction.text
    import sklearn.linear_model
    import sklearn.multiclass
    import sklearn.pipeline
    import sklearn.svm  # noqa: F401


def answer(folder: Path) -> dict[str, Any]:
    try:
        return {"done": True, "report": asdict(train(folder))}
    except CannotTrain as error:
        return {"done": False, "hopeless": True, "reason": str(error)}
    except Exception as error:  # noqa: BLE001  whatever libraries raise on strange labels fails this job and not the process
        return {"done": False, "hopeless": False, "reason": f"{type(error).__name__} in training"}


def main(arguments: Sequence[str]) -> None:
    """Serve jobs until standard input ends; then stop at once, even within a job, and leave no content behind."""
    (memory_mb,) = arguments
    resource.setrlimit(resource.RLIMIT_AS, (int(memory_mb) * 1024 * 1024,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    folders: SimpleQueue[Path] = SimpleQueue()
    current: list[Path] = []

    def listen() -> None:
        for line in sys.stdin:
            folders.put(Path(line.rstrip("\n")))
        for folder in current:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    import_libraries()
    threading.Thread(target=listen, daemon=True).start()
    _say({"ready": True})
    while True:
        current[:] = [folders.get()]
        _say(answer(current[0]))
        current.clear()


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
