"""A model's answers as probabilities: one reader for the check of an upload and for inference.

`labels` is the order of the columns. A model of two labels may answer one column, for the second one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from services.prelabel.domain.calibration import Floats
from services.prelabel.exceptions import InferenceFailed, ModelRefused

Form = Literal["probabilities", "logits"]

TOLERANCE: Final = 1e-3
"""By how much probabilities may leave [0, 1], and their sum 1."""

WRONG_SHAPE: Final = "the model's answers do not have one column per label"
_NO_DISTRIBUTION: Final = "the answers of the dry run are not probabilities that sum to 1"
_NOT_FINITE: Final = (
    "the answers of the dry run are NaN or infinite: the model must give finite numbers for every input"
)
_ONE_COLUMN: Final = (
    "the answers are one column within [0, 1] that is not a Sigmoid's, and may be probabilities or logits: end the model "
    'with a Sigmoid, or give "output": "probabilities" or "output": "logits" in the manifest'
)
_MOST_NAMED: Final = 10


def values(raw: Any, rows: int, labels: Sequence[str]) -> Floats:
    """What a model gave for `rows` items, as float64 [rows, labels], or [rows, 1] of a model that answers one column.

    Raw answers are an array, or by label a list of mappings, as scikit-learn's ZipMap makes them.

    Raises:
        InferenceFailed: there is not one column per label.
    """
    if isinstance(raw, list) and all(isinstance(row, Mapping) for row in raw):
        answers = np.array([_by_label(row, labels) for row in raw], dtype=np.float64).reshape(-1, len(labels))
    else:
        answers = np.asarray(raw, dtype=np.float64)
    if has_one_column(labels, answers.shape[1:]) and len(answers) == rows:
        return answers.reshape(rows, 1)
    if answers.shape != (rows, len(labels)):
        raise InferenceFailed(WRONG_SHAPE)
    return answers


def has_one_column(labels: Sequence[str], beside_batch: Sequence[Any]) -> bool:
    """Whether answers with these dimensions beside the batch are one column of a model of two labels."""
    return len(labels) == 2 and tuple(beside_batch) in {(), (1,)}  # noqa: PLR2004


def probabilities(answers: Floats, form: Form) -> Floats:
    """Rows that sum to exactly 1, one column per label; a row that is no distribution is NaN."""
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(answers).all(axis=1))
    filled = np.where(finite[:, None], answers, 0.0)
    if filled.shape[1] == 1:
        filled = np.hstack([np.zeros_like(filled), filled]) if form == "logits" else np.hstack([1 - filled, filled])
    if form == "logits":
        powers = np.exp(filled - filled.max(axis=1, keepdims=True))
        found: Floats = powers / powers.sum(axis=1, keepdims=True)
        found[~finite] = np.nan
        return found
    sound = finite & (filled >= -TOLERANCE).all(axis=1) & (np.abs(filled.sum(axis=1) - 1.0) <= TOLERANCE)
    found = np.clip(filled, 0.0, 1.0)
    found[sound] /= found[sound].sum(axis=1, keepdims=True)
    found[~sound] = np.nan
    return found


def form_of(answers: Floats, declared: Form | None, *, ends_in_sigmoid: bool) -> Form:
    """How the answers to the samples of a dry run are to be read; declared, or what leaves no doubt.

    One column within [0, 1] may be logits that happen to be small, unless `ends_in_sigmoid`: the model's graph shows
    that they are probabilities.

    Raises:
        ModelRefused: they are not what was declared, or may be one as well as the other.
    """
    if not np.isfinite(answers).all():
        raise ModelRefused(_NOT_FINITE)
    if declared == "logits":
        return declared
    if not np.isnan(probabilities(answers, "probabilities")).any():
        if answers.shape[1] == 1 and declared is None and not ends_in_sigmoid:
            raise ModelRefused(_ONE_COLUMN)
        return "probabilities"
    if declared == "probabilities":
        raise ModelRefused(_NO_DISTRIBUTION)
    if (answers < -TOLERANCE).any() or (answers > 1.0 + TOLERANCE).any():
        return "logits"
    raise ModelRefused(
        "the answers are in [0, 1] but do not sum to 1: end the model with a Softmax, "
        'or give "output": "logits" in the manifest if a softmax is to make probabilities of them'
    )


def _by_label(row: Mapping[Any, float], labels: Sequence[str]) -> list[float]:
    """The values in the order of the labels."""
    named = {str(key): value for key, value in row.items()}
    if named.keys() != set(labels):
        classes = ", ".join(list(named)[:_MOST_NAMED])
        raise InferenceFailed(
            f"the model's classes are not the manifest's labels but {classes}: train it on the labels, "
            "or convert it with zipmap=False and give the labels in the order of its classes"
        )
    return [named[label] for label in labels]
