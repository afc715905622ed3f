"""A refused model's reason names what is wrong with it and what to do."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from services.prelabel.compute.model_check import check
from shared.contracts.events import ModelManifest

SIDE = 2
PIXELS = SIDE * SIDE
MANIFEST = ModelManifest(
    task="image_classification", schema_version=1, question="q", field="f", labels=["a", "b", "c"],
    input_name="pixels", output_name="scores", width=SIDE, height=SIDE,
)  # fmt: skip


def model(
    *,
    reads: int = TensorProto.FLOAT,
    shape: tuple[Any, ...] = ("n", PIXELS),
    last: str = "Softmax",
    gives: int = TensorProto.FLOAT,
    columns: int = 3,
    opset: int = 18,
    ir_version: int = 8,
) -> bytes:
    kept: dict[str, Any] = {"keepdims": 1} if last == "ArgMax" else {}
    weights = numpy_helper.from_array(np.eye(PIXELS, columns, dtype=np.float32), "weights")
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["products"]),
        helper.make_node(last, ["products"], ["scores"], axis=1, **kept),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("pixels", reads, shape)],
        [helper.make_tensor_value_info("scores", gives, ("n", 1 if last == "ArgMax" else columns))],
        [weights],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
    data: bytes = made.SerializeToString()
    return data


@pytest.mark.parametrize("opset", [7, 13, 20])
@pytest.mark.parametrize("shape", [("n", PIXELS), (None, PIXELS), ("batch", "features")])
def test_old_and_new_exports_are_accepted(opset: int, shape: tuple[Any, ...]) -> None:
    assert check(model(opset=opset, shape=shape), MANIFEST) == ("probabilities", "")


@pytest.mark.parametrize(
    ("data", "change", "words"),
    [
        (model(opset=99), {}, "export it with an earlier target_opset"),
        (model(ir_version=99), {}, "export it with an earlier target_opset"),
        (model(shape=(1, PIXELS)), {}, "first dimension of the input must be free"),
        (model(shape=(0, PIXELS)), {}, "first dimension of the input must be free"),
        (model(shape=("n", SIDE, SIDE, 1)), {"layout": "nchw"}, "makes, [n, 1, 2, 2], not [n, 2, 2, 1]"),
        (model(shape=("n", 1, SIDE, SIDE)), {}, "makes, [n, 4], not [n, 1, 2, 2]"),
        (model(columns=2), {}, "makes, [n, 3], not [n, 2]"),
        (model(reads=TensorProto.UINT8), {}, "Let it read float32: each pixel's value divided by the manifest's scale"),
        (model(last="ArgMax", gives=TensorProto.INT64), {}, "the output that holds the probabilities: the model gives scores"),
        (model(), {"input_name": "input"}, "with the manifest's input_name; it has pixels"),
        (model(), {"output_name": "output"}, "the manifest's output_name but scores"),
    ],
)  # fmt: skip
def test_the_reason_names_the_cure(data: bytes, change: dict[str, Any], words: str) -> None:
    form, reason = check(data, MANIFEST.model_copy(update=change))
    assert form is None
    assert words in reason
