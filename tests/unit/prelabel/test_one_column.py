"""Models of two labels that answer one column, as exporters make them: read as what they are, or refused."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from services.prelabel.compute.model_check import check
from services.prelabel.domain.outputs import Form
from shared.contracts.events import ModelManifest

CURE = '"output": "probabilities" or "output": "logits"'
TREE: dict[str, Any] = {
    "nodes_treeids": [0, 0, 0], "nodes_nodeids": [0, 1, 2], "nodes_featureids": [0, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"], "nodes_values": [0.5, 0.0, 0.0], "nodes_truenodeids": [1, 0, 0],
    "nodes_falsenodeids": [2, 0, 0], "nodes_missing_value_tracks_true": [0, 0, 0],
}  # fmt: skip
node = helper.make_node
DENSE = [node("MatMul", ["in", "matrix"], ["product"]), node("Add", ["product", "bias"], ["logit"])]
AROUND = [
    node("Reshape", ["probability", "free"], ["reshaped"]),
    node("Clip", ["reshaped", "none", "one"], ["clipped"]),
    node("Cast", ["clipped"], ["cast"], to=TensorProto.DOUBLE),
    node("Squeeze", ["cast", "axis"], ["squeezed"]),
    node("Unsqueeze", ["squeezed", "axis"], ["unsqueezed"]),
    node("Flatten", ["unsqueezed"], ["flat"]),
    node("Identity", ["flat"], ["out"]),
]


def trees(weights: Sequence[float]) -> NodeProto:
    return node(
        "TreeEnsembleRegressor", ["in"], ["out"], domain="ai.onnx.ml", post_transform="LOGISTIC", **TREE, n_targets=1,
        target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0], target_weights=list(weights),
    )  # fmt: skip


def model(nodes: Sequence[NodeProto], kind: int = TensorProto.FLOAT, shape: Sequence[Any] = ("n", 1)) -> bytes:
    """Its logits for the pictures of a dry run are within [0, 1]."""
    constants = {
        "matrix": np.full((8, 1), 0.1, np.float32), "bias": np.array([0.1], np.float32), "free": np.array([-1, 1]),
        "none": np.float32(0), "one": np.float32(1), "axis": np.array([1]),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, ["n", 8])],
        [helper.make_tensor_value_info("out", kind, shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    made: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return made


def manifest(declared: Form | None = None) -> ModelManifest:
    return ModelManifest(
        task="image_classification", schema_version=1, question="animal", field="picture", labels=["cat", "dog"],
        input_name="in", output_name="out", width=4, height=2, channels=1, output=declared,
    )  # fmt: skip


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(model([*DENSE, node("Sigmoid", ["logit"], ["out"])]), id="dense and sigmoid"),
        pytest.param(
            model([*DENSE, node("Sigmoid", ["logit"], ["probability"]), *AROUND], TensorProto.DOUBLE), id="reshaped"
        ),
        pytest.param(
            model([*DENSE, node("Sigmoid", ["logit"], ["p"]), node("Squeeze", ["p", "axis"], ["out"])], shape=["n"]),
            id="squeezed",
        ),
    ],
)
def test_what_a_sigmoid_gives_are_probabilities(made: bytes) -> None:
    assert check(made, manifest()) == ("probabilities", "")


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(model([*DENSE, node("Identity", ["logit"], ["out"])]), id="logits"),
        pytest.param(model([*DENSE, node("Clip", ["logit", "none", "one"], ["out"])]), id="clipped logits"),
        pytest.param(
            model([*DENSE, node("Sigmoid", ["logit"], ["p"]), node("Mul", ["p", "one"], ["out"])]), id="multiplied"
        ),
        pytest.param(
            model([node("Sigmoid", ["in"], ["lit"]), node("MatMul", ["lit", "matrix"], ["out"])]), id="a hidden sigmoid"
        ),
        pytest.param(model([trees([0.2, 0.7])]), id="trees"),
    ],
)
def test_one_column_that_may_be_logits_is_refused_until_it_is_declared(made: bytes) -> None:
    form, why = check(made, manifest())
    assert form is None
    assert CURE in why
    assert check(made, manifest("logits")) == ("logits", "")
    assert check(made, manifest("probabilities")) == ("probabilities", "")


def test_onnxruntime_applies_no_logistic_function_to_one_column_of_trees() -> None:
    """So the operator's attribute is no evidence that its answers are probabilities."""
    made = model([trees([-2.0, 5.0])])
    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    (answers,) = session.run(None, {"in": np.array([[0.0] * 8, [1.0] * 8], np.float32)})
    assert answers.ravel().tolist() == [-2.0, 5.0]
    assert check(made, manifest()) == ("logits", "")


def test_two_columns_need_no_declaration() -> None:
    classifier = node(
        "LinearClassifier", ["in"], ["label", "out"], domain="ai.onnx.ml", classlabels_ints=[0, 1],
        coefficients=[0.1] * 8, intercepts=[0.1], post_transform="LOGISTIC",
    )  # fmt: skip
    assert check(model([classifier], shape=["n", 2]), manifest()) == ("probabilities", "")
