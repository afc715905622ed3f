"""Models are tried out when they come in, and refused with the reason and the cure."""

from typing import Any

import pytest
from onnx import TensorProto, helper

from services.prelabel.exceptions import ModelRefused
from services.prelabel.operations.checks import check_model
from shared.kit.clock import new_id
from tests.service.prelabel.made_models import endless, greedy, tiny
from tests.service.prelabel.world import (
    DIGIT_SCHEMA,
    World,
    digit_manifest,
    text_manifest,
    text_model,
)

REFUSED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "no_model": (b"not a model at all", {}, "model-refused"),
    "empty": (b"", {}, "model-refused"),
    "cut_short": (tiny()[:-400], {}, "model-refused"),
    "weights_elsewhere": (tiny(external=True), {}, "model-refused"),
    "foreign_operators": (tiny(domain="com.example"), {}, "model-refused"),
    "no_probabilities": (tiny("Relu"), {}, "model-refused"),
    "other_shape": (tiny(width=63), {}, "model-refused"),
    "other_number_of_labels": (tiny(classes=9), {}, "model-refused"),
    "fixed_batch": (tiny(batch=1), {}, "model-refused"),
    "other_input_name": (tiny(), {"input_name": "pixels"}, "model-refused"),
    "other_output_name": (tiny(), {"output_name": "label"}, "model-refused"),
    "unknown_schema": (tiny(), {"schema_version": 2}, "manifest-refused"),
    "unknown_question": (tiny(), {"question": "letter"}, "manifest-refused"),
    "unknown_field": (tiny(), {"field": "sound"}, "manifest-refused"),
    "unknown_label": (tiny(), {"labels": [str(digit) for digit in range(1, 11)]}, "manifest-refused"),
    "no_size": (tiny(), {"width": None}, "manifest-refused"),
    "wrong_task": (tiny(), {"task": "text_classification"}, "manifest-refused"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_model_that_cannot_be_served_is_refused(world: World, case: str) -> None:
    data, change, problem = REFUSED[case]
    await world.begin(DIGIT_SCHEMA)
    answer = await world.upload(data, digit_manifest().model_dump() | change)
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == problem
    assert await world.fetch("SELECT 1 FROM models WHERE project_id = $1", world.project_id) == []


async def test_a_manifest_that_gives_a_name_twice_is_refused(world: World) -> None:
    await world.begin()
    whole = text_manifest().model_dump_json()
    answer = await world.upload(text_model(), whole[:-1] + ', "question": "another"}')
    assert (answer.status_code, answer.json()["type"]) == (422, "name-repeated")
    assert answer.json()["pointer"] == "/manifest"
    answer = await world.upload(text_model(), whole[:-1])
    assert (answer.status_code, answer.json()["type"]) == (422, "malformed-json")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (tiny("Log"), "NaN or infinite"),
        (tiny("Relu"), '"output": "logits"'),
        (tiny(batch=1), "dynamic_axes"),
        (tiny(number=TensorProto.FLOAT16), "keep_io_types=True"),
        (tiny(classes=9), "that the manifest makes, [n, 10], not [?, 9]"),
    ],
)
async def test_a_refusal_names_the_cure(world: World, data: bytes, words: str) -> None:
    await world.begin(DIGIT_SCHEMA)
    answer = await world.upload(data, digit_manifest())
    assert (answer.status_code, answer.json()["type"]) == (422, "model-refused")
    assert words in answer.json()["detail"]


async def test_a_text_model_that_lower_cases_itself_is_refused_with_the_cure(world: World) -> None:
    nodes = [
        helper.make_node("Reshape", ["text", "flat"], ["row"]),
        helper.make_node("StringNormalizer", ["row"], ["lower"], case_change_action="LOWER", locale="xx_XX"),
        helper.make_node("LabelEncoder", ["lower"], ["probabilities"], domain="ai.onnx.ml", keys_strings=["a"],
                         values_floats=[1.0]),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "lower",
        [helper.make_tensor_value_info("text", TensorProto.STRING, [None, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None])],
        [helper.make_tensor("flat", TensorProto.INT64, [1], [-1])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    data = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    await world.begin()
    answer = await world.upload(data, text_manifest(input_name="text"))
    assert (answer.status_code, answer.json()["type"]) == (422, "model-refused")
    assert '"lowercase": true in the manifest' in answer.json()["detail"]


@pytest.mark.parametrize(
    ("data", "output"),
    [
        (tiny(), None),
        (tiny(number=TensorProto.DOUBLE), None),
        (tiny("Neg"), "logits"),
        (tiny("LogSoftmax"), "logits"),
    ],
)
async def test_a_hand_made_model_is_accepted_and_its_manifest_names_logits(
    world: World, data: bytes, output: str | None
) -> None:
    await world.begin(DIGIT_SCHEMA)
    answer = await world.upload(data, digit_manifest())
    assert answer.status_code == 201, answer.text
    assert answer.json()["manifest"]["output"] == output
    again = await world.upload(data, digit_manifest())
    assert (again.status_code, again.json()["model_id"]) == (200, answer.json()["model_id"])


async def test_a_model_that_never_ends_takes_down_only_its_own_process(world: World) -> None:
    with pytest.raises(ModelRefused, match="too long"):
        await check_model(
            world.service.runtime.compute,
            endless(),
            digit_manifest(),
            timeout_s=3,
            memory_mb=2048,
            project_id=world.project_id,
        )


async def test_a_model_is_tried_out_at_its_projects_expense(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compute pool is fair between projects; what names none is of one and the same."""
    await world.begin(DIGIT_SCHEMA)
    compute = world.service.runtime.compute
    run, named = compute.run, []

    async def noted(function: Any, *arguments: Any, **limits: Any) -> Any:
        named.append(limits.get("project_id"))
        return await run(function, *arguments, **limits)

    monkeypatch.setattr(compute, "run", noted)
    assert (await world.upload(tiny(), digit_manifest())).status_code == 201
    assert named == [world.project_id]


async def test_a_model_that_needs_too_much_memory_is_refused_with_the_reason(world: World) -> None:
    await world.begin(DIGIT_SCHEMA)
    answer = await world.upload(greedy(), digit_manifest())
    assert (answer.status_code, answer.json()["type"]) == (422, "model-refused")
    assert "memory" in answer.json()["detail"]
    assert "4096 MB" in answer.json()["detail"]


async def test_a_manifest_that_is_none_gets_pointers(world: World) -> None:
    await world.begin()
    answer = await world.upload(text_model(), {"task": "dreaming", "labels": ["one"]})
    assert answer.status_code == 422
    assert "/manifest/task" in [error["pointer"] for error in answer.json()["errors"]]


async def test_a_model_comes_as_a_form(world: World) -> None:
    await world.begin()
    answer = await world.service.client.post(
        f"/v1/projects/{world.project_id}/models", headers=world.service.token("trainer"), json={"model": "bytes"}
    )
    assert (answer.status_code, answer.json()["type"]) == (415, "media-type-not-accepted")


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"data": {"promote": "true"}}, "extra_forbidden"),
        ({"files": {"labels": ("labels.txt", b"a")}}, "extra_forbidden"),
        ({"data": {"reason": ["one", "two"]}}, "given-twice"),
    ],
)
async def test_a_part_of_the_form_that_is_none_is_refused(world: World, more: dict[str, Any], rule: str) -> None:
    await world.begin()
    answer = await world.service.client.post(
        f"/v1/projects/{world.project_id}/models",
        headers=world.service.token("trainer"),
        files={"model": ("model.onnx", text_model(), "application/octet-stream")} | more.get("files", {}),
        data={"manifest": text_manifest().model_dump_json()} | more.get("data", {}),
    )
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-request"), answer.text
    name = [*more.get("data", {}), *more.get("files", {})][0]
    assert [(error["pointer"], error["rule"]) for error in answer.json()["errors"]] == [(f"/{name}", rule)]
    assert await world.fetch("SELECT FROM models WHERE project_id = $1", world.project_id) == []


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("models/{model_id}/promotion", {"reason": "now", "force": True}, "/force"),
        ("models/{model_id}/rollback", {"reason": "now", "to": 1}, "/to"),
        ("projects/{project_id}/training-runs", {"reason": "now", "examples": 10}, "/examples"),
        ("projects/{project_id}/predictions", {"items": [{"fields": {}}], "model": "m"}, "/model"),
    ],
)
async def test_a_member_that_there_is_not_is_refused(
    world: World, path: str, body: dict[str, Any], pointer: str
) -> None:
    await world.begin()
    path = path.format(model_id=new_id(), project_id=world.project_id)
    answer = await world.service.client.post(f"/v1/{path}", headers=world.service.token("manager"), json=body)
    assert answer.status_code == 422, answer.text
    assert [(error["pointer"], error["rule"]) for error in answer.json()["errors"]] == [(pointer, "extra_forbidden")]


async def test_a_model_that_is_too_large_is_refused(world: World) -> None:
    await world.begin()
    limits = world.service.runtime.resources.uploads
    answer = await world.upload(b"\0" * (limits.model_bytes + 1), text_manifest())
    assert answer.status_code == 413


async def test_whatever_is_wrong_with_an_upload_is_pointed_at_in_its_form(world: World) -> None:
    await world.begin()
    answer = await world.upload(text_model(), text_manifest(), use_now="maybe")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/use_now"]
    manifest = text_manifest().model_dump() | {"labels": ["one", "two"]}
    answer = await world.upload(text_model(), manifest)
    assert (answer.status_code, answer.json()["type"]) == (422, "manifest-refused")
    assert answer.json()["pointer"] == "/manifest/labels"
