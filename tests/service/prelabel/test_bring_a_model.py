"""The recipes of docs/bring-a-model.md are followed as they are written."""

import base64
import re
import warnings
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import onnxruntime
import pytest

from services.prelabel.api import models as models_api
from tests.service.prelabel.test_predictions import ask
from tests.service.prelabel.world import DIGIT_SCHEMA, TEXT_SCHEMA, World, digits, png

PAGE = (Path(__file__).parents[3] / "docs" / "bring-a-model.md").read_text(encoding="utf-8")
TEXTS, IMAGES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def made(recipe: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # skl2onnx reads attributes that scikit-learn will drop
        exec(recipe, names)
    return names


async def brought(world: World, names: dict[str, Any]) -> UUID:
    answer = await world.upload(names["model"], names["manifest"])
    assert answer.status_code == 201, answer.text
    assert "labels of the validation split" in answer.json()["next_step"]
    return UUID(answer.json()["model_id"])


async def test_a_scikit_learn_pipeline_of_texts_comes_as_its_converter_makes_it(world: World) -> None:
    await world.begin(TEXT_SCHEMA)
    names = made(TEXTS)
    model_id = await brought(world, names)
    texts = ["Where is my PARCEL", "refund my money", "hello"]
    answer = await ask(world, [{"fields": {"message": text}} for text in texts], model_id=str(model_id))
    found = [each["distributions"]["topic"] for each in answer.json()["predictions"]]
    expected = names["pipeline"].predict_proba([text.lower() for text in texts])
    assert [[each[label] for label in ("billing", "delivery", "other")] for each in found] == [
        pytest.approx(row, abs=1e-4) for row in expected.tolist()
    ]


async def test_a_model_of_images_with_logits_comes_as_pytorch_exports_it(world: World) -> None:
    await world.begin(DIGIT_SCHEMA)
    names = made(IMAGES)
    model_id = await brought(world, names)
    pixels, _ = digits()[3]
    session = onnxruntime.InferenceSession(names["model"])
    (logits,) = session.run(None, {"pixels": (pixels / np.float32(255)).astype(np.float32).reshape(1, 1, 8, 8)})
    picture = {"base64": base64.b64encode(png(pixels)).decode()}
    answer = await ask(world, [{"fields": {"picture": picture}}], model_id=str(model_id))
    (found,) = answer.json()["predictions"]
    powers = np.exp(logits[0] - logits[0].max())
    expected = dict(zip(names["manifest"]["labels"], (powers / powers.sum()).tolist(), strict=True))
    assert found["distributions"]["digit"] == pytest.approx(expected, abs=1e-4)


def test_the_upload_sends_the_parts_that_there_are() -> None:
    sent = set(re.findall(r'-F "?(\w+)=', PAGE))
    assert {"model", "manifest", "reason"} <= sent <= set(models_api.upload_model.__annotations__)
