"""The JSON of predictions is that of the answers that are published of the same rows."""

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from services.prelabel.api.prediction_json import encode
from services.prelabel.api.prediction_shapes import ItemPrediction
from services.prelabel.domain import prediction
from shared.contracts.events import ModelManifest

REASON = 'field "message" is no text'


def manifest(question: str, labels: list[str]) -> ModelManifest:
    return ModelManifest(
        task="text_classification", schema_version=1, question=question, field="message", labels=labels,
        input_name="input", output_name="probabilities",
    )  # fmt: skip


def rows(labels: int, *, without: tuple[int, ...] = ()) -> NDArray[np.float64]:
    made = np.random.default_rng(0).dirichlet(np.ones(labels), 40)
    made[7] = np.eye(labels)[1]
    made[list(without)] = np.nan
    return made


@pytest.mark.parametrize(
    ("question", "labels"),
    [("topic", ["billing", "delivery", "other"]), ('50 %b of "ü"', ["a%", "b\\", "c\0%s", "d,e", "[f]"])],
)
@pytest.mark.parametrize("without", [(), (3,), (0, 1, 39), tuple(range(40))])
def test_each_row_is_what_is_published_of_it(question: str, labels: list[str], without: tuple[int, ...]) -> None:
    model = manifest(question, labels)
    probabilities = rows(len(labels), without=without)
    encoded = encode(model, prediction.predictions(probabilities, 0.9), dict.fromkeys(without, REASON))
    read = orjson.loads(encoded)
    for row, (got, published) in enumerate(zip(read, prediction.answered(model, probabilities, 0.9), strict=True)):
        assert (published is None) == (row in without)
        if published is None:
            assert ItemPrediction.model_validate(got).reason == REASON
            assert got["answers"] == {}
        else:
            assert got == published
