"""A broken manifest or model file is refused with a reason."""

import contextlib
from collections.abc import Mapping

import pytest
from onnx import TensorProto, helper

from services.prelabel.api.models import _manifest
from services.prelabel.domain.objective import check_manifest
from services.prelabel.domain.onnxfile import check_file
from services.prelabel.exceptions import ManifestRefused, ModelRefused
from shared.contracts.answers import LabelSchema
from shared.contracts.events import ModelManifest
from shared.kit.problems import Problem
from tests.fuzz.mutations import BYTES, CASES, chance_of, mutated
from tests.fuzz.test_lines import LINES

SCHEMAS: Mapping[int, LabelSchema] = {
    1: LabelSchema.model_validate(
        {
            "fields": [{"name": "picture", "kind": "image"}],
            "questions": [{"name": "animal", "kind": "choice", "labels": ["cat", "dog"]}],
        }
    )
}
GOOD = (
    ModelManifest(
        task="image_classification", schema_version=1, question="animal", field="picture", labels=["cat", "dog"],
        input_name="in", output_name="out", width=4, height=2, channels=3,
    )
    .model_dump_json()
    .encode()
)  # fmt: skip


@pytest.mark.timeout(3600)
def test_a_broken_manifest_is_refused() -> None:
    check_manifest(_manifest(GOOD.decode()), SCHEMAS)
    for case in range(CASES):
        text = mutated(chance_of(case, "manifest"), GOOD, LINES).decode(errors="surrogateescape")
        with contextlib.suppress(Problem, ManifestRefused):
            check_manifest(_manifest(text), SCHEMAS)


@pytest.mark.timeout(3600)
def test_a_broken_model_file_is_refused_before_anything_loads_it() -> None:
    value = helper.make_tensor_value_info("in", TensorProto.FLOAT, [None, 4])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [None, 4])
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4], [1.0, 2.0, 3.0, 4.0])
    graph = helper.make_graph([helper.make_node("Mul", ["in", "w"], ["out"])], "g", [value], [out], [weights])
    good = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    check_file(good)
    for case in range(CASES):
        with contextlib.suppress(ModelRefused):
            check_file(mutated(chance_of(case, "model"), good, BYTES))
