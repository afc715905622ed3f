"""Models come in, are tried out, become champion and step back."""

import asyncio
import hashlib
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper
from structlog.testing import CapturingLogger

from services.prelabel import metrics
from services.prelabel.compute import sessions
from services.prelabel.domain import evaluation
from services.prelabel.exceptions import ModelRefused
from services.prelabel.operations import scoring
from services.prelabel.operations.checks import check_model
from shared.contracts.events import FeedbackReceived, ModelChanged, ModelManifest, RecordPredicted, Unanswered
from shared.contracts.values import ModelStage, ProjectStatus, Split, Verdict
from shared.kit.clock import new_id, utc_now
from shared.kit.compute.exceptions import ComputeTimeout
from tests.service.prelabel.world import (
    DIGIT_SCHEMA,
    World,
    digit_manifest,
    digit_model,
    eventually,
    png,
    policies,
    text_manifest,
    text_model,
)
from tests.support.documents import openapi_document
from tests.support.service import ServiceUnderTest


def tiny(output: str = "Softmax", *, width: int = 64, classes: int = 10, **changes: Any) -> bytes:
    """A hand-made image model: one matrix, then `output`."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [width, classes], [0.01] * (width * classes))
    if changes.get("external"):
        weights.ClearField("float_data")
        weights.data_location = TensorProto.EXTERNAL
        entry = weights.external_data.add()
        entry.key, entry.value = "location", "secrets.bin"
    number = changes.get("number", TensorProto.FLOAT)
    nodes = [
        helper.make_node("MatMul", ["input", "w"], ["scores"]),
        helper.make_node(output, ["scores"], ["probabilities"], domain=changes.get("domain", "")),
    ]
    if number != TensorProto.FLOAT:
        nodes[0].input[0], nodes[1].output[0] = "floats", "answers"
        nodes.insert(0, helper.make_node("Cast", ["input"], ["floats"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Cast", ["answers"], ["probabilities"], to=number))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", number, [changes.get("batch"), width])],
        [helper.make_tensor_value_info("probabilities", number, [None, classes])],
        [weights],
    )
    opsets = [helper.make_opsetid("", 18)]
    if "domain" in changes:
        opsets.append(helper.make_opsetid(changes["domain"], 1))
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 9
    return bytes(model.SerializeToString())


def endless() -> bytes:
    """A model with a loop that never ends."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Identity", ["state"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    model = ModelProto()
    model.ParseFromString(tiny())
    graph = model.graph
    graph.initializer.append(helper.make_tensor("true", TensorProto.BOOL, [], [True]))
    graph.node.insert(0, helper.make_node("Loop", ["", "true", "input"], ["looped"], body=body))
    graph.node[1].input[0] = "looped"
    return bytes(model.SerializeToString())


def fastidious() -> bytes:
    """A model that gives no numbers for a picture whose first pixel is 7."""
    model = ModelProto()
    model.ParseFromString(tiny())
    graph = model.graph
    for name, value in (("seven", 7 / 255), ("nan", float("nan")), ("zero", 0.0), ("near", 1e-6)):
        graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [1], [value]))
    for name, number in (("from", 0), ("to", 1), ("axis", 1)):
        graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [1], [number]))
    extra = [
        helper.make_node("Slice", ["input", "from", "to", "axis"], ["first"]),
        helper.make_node("Sub", ["first", "seven"], ["off"]),
        helper.make_node("Abs", ["off"], ["away"]),
        helper.make_node("Less", ["away", "near"], ["hit"]),
        helper.make_node("Where", ["hit", "nan", "zero"], ["spoilt"]),
        helper.make_node("Add", ["scores", "spoilt"], ["sums"]),
    ]
    for place, node in enumerate(extra):
        graph.node.insert(1 + place, node)
    graph.node[-1].input[0] = "sums"
    return bytes(model.SerializeToString())


def greedy() -> bytes:
    """A model that would need 640 GB for its dry run."""
    model = ModelProto()
    model.ParseFromString(tiny())
    graph = model.graph
    graph.initializer.append(helper.make_tensor("large", TensorProto.INT64, [2], [400_000, 400_000]))
    graph.initializer.append(helper.make_tensor("mean", TensorProto.INT64, [2], [0, 1]))
    graph.node.insert(0, helper.make_node("ReduceMean", ["input"], ["one"], keepdims=1))
    graph.node.insert(1, helper.make_node("Expand", ["one", "large"], ["much"]))
    graph.node.insert(2, helper.make_node("ReduceMean", ["much", "mean"], ["back"], keepdims=1))
    graph.node.insert(3, helper.make_node("Add", ["input", "back"], ["fed"]))
    graph.node[4].input[0] = "fed"
    return bytes(model.SerializeToString())


async def changes(world: World, model_id: UUID) -> list[tuple[int, ModelChanged]]:
    events = await world.service.published(ModelChanged)
    return [(event.revision, event.payload) for event in events if event.payload.model_id == model_id]


async def test_an_uploaded_model_is_a_challenger_and_is_published(world: World) -> None:
    await world.begin()
    answer = await world.upload(text_model(), text_manifest())
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert found["stage"] == "challenger"
    assert found["sha256"] == hashlib.sha256(text_model()).hexdigest()
    assert answer.headers["ETag"] == '"1"'
    ((revision, event),) = await changes(world, UUID(found["model_id"]))
    assert (revision, event.stage, event.manifest) == (1, ModelStage.CHALLENGER, text_manifest())


async def test_the_same_model_again_is_the_same_model(world: World) -> None:
    await world.begin()
    first = await world.upload(text_model(), text_manifest())
    again = await world.upload(text_model(), text_manifest())
    assert (again.status_code, again.json()["model_id"]) == (200, first.json()["model_id"])


async def test_the_file_is_fetched_by_a_signed_url(world: World) -> None:
    await world.begin()
    model_id = (await world.upload(text_model(), text_manifest())).json()["model_id"]
    client, headers = world.service.client, world.service.token("trainer")
    link = (await client.get(f"/v1/models/{model_id}/artifact", headers=headers)).json()
    assert (await client.get(link["url"])).content == text_model()
    parts = urlsplit(link["url"])
    assert (await client.get(f"{parts.path}?{parts.query[:-3]}abc")).status_code == 403


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


async def test_a_model_that_an_older_release_registered_is_the_same_model(world: World) -> None:
    await world.begin()
    first = (await world.upload(text_model(), text_manifest())).json()
    assert await world.fetch(
        "SELECT FROM models WHERE model_id = $1 AND NOT manifest ? 'output'", UUID(first["model_id"])
    )
    again = await world.upload(text_model(), text_manifest())
    assert (again.status_code, again.json()["model_id"]) == (200, first["model_id"])
    other = await world.upload(text_model(), text_manifest(labels=["delivery", "billing", "other"]))
    assert other.status_code == 201


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


async def test_a_champion_without_an_answer_is_named_and_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.begin(DIGIT_SCHEMA)
    model_id = await world.champion(fastidious(), digit_manifest())
    spoilt = np.full((8, 8), 7, dtype=np.uint8)
    fine = await world.record({"picture": await world.asset(png(spoilt + 1), 8, 8)})
    broken = await world.record({"picture": await world.asset(png(spoilt), 8, 8)})
    nothing = await world.record({})
    before = metrics.UNANSWERED.labels("unusable")._value.get()
    log = CapturingLogger()
    monkeypatch.setattr(scoring, "log", log)
    await world.service.run_loop("score")
    found = {event.record_id: event.payload for event in await world.service.published(RecordPredicted)}
    assert (found[fine].model_id, found[fine].unanswered) == (model_id, None)
    for record_id, reason in ((broken, "unusable"), (nothing, "unreadable")):
        assert (found[record_id].model_id, found[record_id].answers) == (None, {})
        assert found[record_id].unanswered == Unanswered(model_id=model_id, model_version=1, reason=reason)
    client, headers = world.service.client, world.service.token("trainer")
    shown = (await client.get(f"/v1/models/{model_id}", headers=headers)).json()
    assert shown["unanswered"] == {"unreadable": 1, "unusable": 1}
    (kept,) = (await client.get(f"/v1/records/{broken}/predictions", headers=headers)).json()["items"]
    assert kept["prediction"]["unanswered"]["reason"] == "unusable"
    assert metrics.UNANSWERED.labels("unusable")._value.get() == before + 1
    assert {call.args for call in log.calls} == {("model_gave_no_answer",)}
    told_of = [{"model_id": model_id, "reason": reason, "records": 1} for reason in ("unreadable", "unusable")]
    assert sorted((call.kwargs for call in log.calls), key=itemgetter("reason")) == told_of


async def test_a_champion_that_fails_again_and_again_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.begin(DIGIT_SCHEMA)
    model_id = await world.champion(tiny(), digit_manifest())
    record_id = await world.digit(1)

    compute = world.service.runtime.compute
    run = compute.run

    async def too_slow(function: Any, *arguments: Any, **limits: Any) -> Any:
        if function is sessions.predict:
            raise ComputeTimeout("the computation took longer than 30 s")
        return await run(function, *arguments, **limits)

    monkeypatch.setattr(compute, "run", too_slow)
    await world.service.run_loop("score")
    (found,) = [
        event.payload for event in await world.service.published(RecordPredicted) if event.record_id == record_id
    ]
    assert found.unanswered == Unanswered(model_id=model_id, model_version=1, reason="failed")


async def test_a_champion_that_hangs_holds_up_the_scoring_of_no_other_project(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurt, sound, late = World(service), World(service), World(service)
    for world in (hurt, sound, late):
        await world.begin()
        await world.champion()
    stuck = await hurt.text("billing", 1)
    record_id = await sound.text("other", 1)
    predict, freed, hangs = service.runtime.resources.inference.predict, asyncio.Event(), asyncio.Event()

    async def hanging(model_id: UUID, items: Any, *, project_id: UUID, **more: Any) -> Any:
        if project_id == hurt.project_id:
            hangs.set()
            await freed.wait()
        return await predict(model_id, items, project_id=project_id, **more)

    async def scored(record_id: UUID) -> bool:
        events = await service.published(RecordPredicted)
        return any(event.record_id == record_id and event.payload.model_id is not None for event in events)

    monkeypatch.setattr(service.runtime.resources.inference, "predict", hanging)
    scoring = asyncio.create_task(service.run_loop("score"))
    try:
        await asyncio.wait_for(hangs.wait(), 10)
        assert await eventually(lambda: scored(record_id))
        came = await late.text("delivery", 1)
        assert await eventually(lambda: scored(came)), "also what came while it hung"
        assert not await scored(stuck)
        assert not scoring.done()
    finally:
        freed.set()
        await asyncio.wait_for(scoring, 10)
    assert await scored(stuck)


async def test_a_manifest_that_is_none_gets_pointers(world: World) -> None:
    await world.begin()
    answer = await world.upload(text_model(), {"task": "dreaming", "labels": ["one"]})
    assert answer.status_code == 422
    assert "/manifest/task" in [error["pointer"] for error in answer.json()["errors"]]


async def test_whatever_is_wrong_with_an_upload_is_pointed_at_in_its_form(world: World) -> None:
    await world.begin()
    answer = await world.upload(text_model(), text_manifest(), use_now="maybe")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/use_now"]
    manifest = text_manifest().model_dump() | {"labels": ["one", "two"]}
    answer = await world.upload(text_model(), manifest)
    assert (answer.status_code, answer.json()["type"]) == (422, "manifest-refused")
    assert answer.json()["pointer"] == "/manifest/labels"


async def test_a_model_for_an_unknown_project_may_come_later(world: World) -> None:
    answer = await world.upload(text_model(), text_manifest())
    assert (answer.status_code, answer.json()["type"]) == (404, "not-known-here")
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("path", ["models", "training-runs", "batches", "learning"])
async def test_nothing_is_listed_of_a_project_that_is_not_known_here(world: World, path: str) -> None:
    answer = await world.service.client.get(f"/v1/projects/{new_id()}/{path}", headers=world.service.token("trainer"))
    assert (answer.status_code, answer.json()["type"]) == (404, "not-known-here")


async def test_an_archived_project_takes_no_model_and_trains_none(world: World) -> None:
    await world.begin()
    await world.begin(revision=2, status=ProjectStatus.ARCHIVED)
    uploaded = await world.upload(text_model(), text_manifest())
    asked = await world.service.client.post(
        f"/v1/projects/{world.project_id}/training-runs", headers=world.service.token("trainer"), json={"reason": "now"}
    )
    for answer in (uploaded, asked):
        assert (answer.status_code, answer.json()["type"]) == (409, "project-archived")


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


def test_the_example_of_a_manifest_is_json() -> None:
    document = openapi_document("prelabel")
    body = document["components"]["schemas"]["Body_upload_model"]
    (example,) = body["properties"]["manifest"]["examples"]
    assert ModelManifest.model_validate_json(example).question == "topic"


async def test_a_model_that_is_too_large_is_refused(world: World) -> None:
    await world.begin()
    limits = world.service.runtime.resources.uploads
    answer = await world.upload(b"\0" * (limits.model_bytes + 1), text_manifest())
    assert answer.status_code == 413


async def test_promotion_and_rollback(world: World) -> None:
    await world.begin()
    first = await world.champion()
    second = await world.champion(text_model(4))
    client, headers = world.service.client, world.service.token("manager")
    stages = {
        item["model_id"]: item["stage"]
        for item in (await client.get(f"/v1/projects/{world.project_id}/models", headers=headers)).json()["items"]
    }
    assert stages == {str(first): "retired", str(second): "champion"}
    reason = {"reason": "errors on the phone, call +49 151 23456789"}
    back = await client.post(f"/v1/models/{second}/rollback", headers=headers, json=reason)
    assert (back.status_code, back.json()["model_id"]) == (200, str(first))
    shown = [payload for _, payload in await changes(world, first)]
    assert [event.stage for event in shown] == ["challenger", "champion", "retired", "champion"]
    assert "151" not in shown[-1].reason
    assert [revision for revision, _ in await changes(world, first)] == [1, 2, 3, 4]
    again = await client.post(f"/v1/models/{second}/rollback", headers=headers, json=reason)
    assert (again.status_code, again.json()["type"]) == (409, "not-champion")
    further = await client.post(f"/v1/models/{first}/rollback", headers=headers, json=reason)
    assert (further.status_code, further.json()["type"]) == (409, "no-predecessor")


async def test_an_uploaded_model_is_used_at_once_where_somebody_decides_so(world: World) -> None:
    await world.begin()
    waiting = [await world.text("billing", number) for number in range(3)]
    reason = "The model that we had, call +49 151 23456789"
    answer = await world.upload(text_model(), text_manifest(), "manager", use_now="true", reason=reason)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["stage"], made["decided_by"], made["evaluation"]) == ("champion", world.service.actor("tester"), None)
    assert made["reason"].startswith("The model that we had")
    assert "151" not in made["reason"]
    assert "next_step" not in made or made["next_step"] is None
    await world.service.run_loop("score")
    predicted = await world.service.published(RecordPredicted)
    assert {event.record_id for event in predicted if event.payload.model_id == UUID(made["model_id"])} == {*waiting}

    again = await world.upload(text_model(), text_manifest(), "manager", use_now="true", reason=reason)
    assert (again.status_code, again.json()["revision"]) == (200, made["revision"])


async def test_using_a_model_at_once_asks_for_the_reason_and_for_the_role(world: World) -> None:
    await world.begin()
    answer = await world.service.client.post(
        f"/v1/projects/{world.project_id}/models",
        headers=world.service.token("manager"),
        files={"model": ("model.onnx", text_model(), "application/octet-stream")},
        data={"manifest": text_manifest().model_dump_json(), "use_now": "true"},
    )
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, ["/reason"])
    for role in ("product", "annotator", "auditor"):
        refused = await world.upload(text_model(), text_manifest(), role, use_now="true")
        assert refused.status_code == 403
    assert await world.fetch("SELECT FROM models WHERE project_id = $1", world.project_id) == []


async def test_a_waiting_upload_is_put_to_use_by_sending_it_again(world: World) -> None:
    await world.begin()
    waiting = (await world.upload(text_model(), text_manifest())).json()
    assert f"POST /v1/models/{waiting['model_id']}/promotion" in waiting["next_step"]
    used = await world.upload(text_model(), text_manifest(), use_now="true", reason="to begin with")
    assert (used.status_code, used.json()["model_id"], used.json()["stage"]) == (200, waiting["model_id"], "champion")


async def test_who_decided_on_a_stage_stands_beside_the_reason(world: World) -> None:
    await world.begin()
    first, second = await world.champion(), await world.champion(text_model(4))
    client, headers = world.service.client, world.service.token("manager", subject="mia")

    async def decided() -> dict[str, str | None]:
        page = (await client.get(f"/v1/projects/{world.project_id}/models", headers=headers)).json()
        return {item["model_id"]: item["decided_by"] for item in page["items"]}

    actor = world.service.actor
    assert await decided() == {str(first): actor("tester"), str(second): actor("tester")}
    await client.post(f"/v1/models/{second}/rollback", headers=headers, json={"reason": "worse"})
    assert await decided() == {str(first): actor("mia"), str(second): actor("mia")}
    waiting = (await world.upload(text_model(5), text_manifest())).json()
    assert waiting["decided_by"] is None


async def test_promoting_the_champion_again_changes_nothing(world: World) -> None:
    await world.begin()
    model_id = await world.champion()
    before = await changes(world, model_id)
    answer = await world.service.client.post(
        f"/v1/models/{model_id}/promotion", headers=world.service.token("trainer"), json={"reason": "again"}
    )
    assert answer.status_code == 200
    assert await changes(world, model_id) == before


async def test_a_decision_on_an_older_state_is_refused(world: World) -> None:
    await world.begin()
    model_id = await world.champion()
    answer = await world.service.client.post(
        f"/v1/models/{model_id}/rollback",
        headers=world.service.token("trainer") | {"If-Match": '"1"'},
        json={"reason": "late"},
    )
    assert (answer.status_code, answer.json()["type"]) == (412, "model-changed-meanwhile")


async def test_a_promoted_model_scores_every_open_and_every_held_out_record(world: World) -> None:
    await world.begin()
    waiting = [await world.text("billing", number) for number in range(5)]
    held = [await world.text("other", number, Split.TEST) for number in range(5)]
    for record_id in held[:3]:
        await world.label(record_id, split=Split.TEST)
    model_id = await world.champion()
    await world.service.run_loop("score")
    events = [event for event in await world.service.published(RecordPredicted) if event.payload.model_id == model_id]
    assert {event.record_id for event in events} == {*waiting, *held}
    assert [event.record_id in held for event in events] == [True] * 5 + [False] * 5, "held-out records come first"


async def test_a_promotion_by_hand_calibrates_on_the_labels_that_are_there(world: World) -> None:
    await world.begin(chosen=policies(promotion_held_out=1000))
    for number in range(30):
        record_id = await world.text(("billing", "delivery", "other")[number % 3], number, Split.VALIDATION)
        await world.label(record_id, split=Split.VALIDATION)
    model_id = await world.champion()
    found = (await changes(world, model_id))[-1][1]
    assert found.evaluation is not None
    assert found.evaluation.held_out == 30
    assert found.evaluation.temperature < 1, "a model that is always right is surer than its confidence"


async def test_a_promotion_by_hand_does_not_depend_on_what_measures_the_model(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.begin(chosen=policies(promotion_held_out=1000))
    await world.label(await world.text("billing", 0, Split.VALIDATION), split=Split.VALIDATION)
    compute = world.service.runtime.compute
    run = compute.run

    async def fails(function: Any, *arguments: Any, **limits: Any) -> Any:
        if function is evaluation.measure:
            raise ComputeTimeout("longer than 60 s")
        return await run(function, *arguments, **limits)

    monkeypatch.setattr(compute, "run", fails)
    model_id = await world.champion()
    promoted = (await changes(world, model_id))[-1][1]
    assert (promoted.stage, promoted.evaluation) == (ModelStage.CHAMPION, None)


async def test_models_are_listed_page_by_page_the_newest_first(world: World) -> None:
    await world.begin()
    for repetitions in (2, 3, 4):
        assert (await world.upload(text_model(repetitions), text_manifest())).status_code == 201
    client, headers = world.service.client, world.service.token("auditor")
    versions: list[int] = []
    after = ""
    while True:
        url = f"/v1/projects/{world.project_id}/models?limit=2{after}"
        page = (await client.get(url, headers=headers)).json()
        versions += [item["version"] for item in page["items"]]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert versions == [3, 2, 1]


async def test_live_errors_are_counted_once_folded_or_not(world: World) -> None:
    await world.begin()
    model_id = await world.champion()

    def report(verdict: Verdict, **named: Any) -> FeedbackReceived:
        return FeedbackReceived(feedback_id=new_id(), schema_version=1, verdict=verdict, observed_at=utc_now(), **named)

    reports = [
        report(Verdict.CONFIRMED, model_id=model_id),
        report(Verdict.CORRECTED, model_version="1"),
        report(Verdict.CORRECTED, model_version="somebody else's"),
        report(Verdict.CORRECTED, model_version="99999999999999999999"),
    ]
    for found in [*reports, *reports]:
        await world.service.deliver(found, project_id=world.project_id, record_id=new_id())

    async def live() -> Any:
        url = f"/v1/models/{model_id}"
        return (await world.service.client.get(url, headers=world.service.token("manager"))).json()["live"]

    expected = {"confirmed": 1, "corrected": 1, "unknown": 0, "error_rate": 0.5}
    assert await live() == expected
    await world.service.run_loop("count")
    assert await live() == expected


async def test_another_project_cannot_be_reached(world: World) -> None:
    await world.begin()
    model_id = await world.champion()
    elsewhere = world.service.token("manager", projects=[new_id()])
    client = world.service.client
    for path in (
        f"/v1/models/{model_id}",
        f"/v1/models/{model_id}/artifact",
        f"/v1/projects/{world.project_id}/models",
    ):
        assert (await client.get(path, headers=elsewhere)).status_code == 403
    for action in ("promotion", "rollback"):
        answer = await client.post(f"/v1/models/{model_id}/{action}", headers=elsewhere, json={"reason": "mine"})
        assert answer.status_code == 403


async def test_damaged_bytes_are_not_served(world: World) -> None:
    await world.begin()
    answer = await world.upload(digit_model(0, 60), digit_manifest())
    assert answer.status_code == 422, "a picture model in a text project"
    uploaded = (await world.upload(text_model(5), text_manifest())).json()
    await world.service.runtime.objects.put(f"models/{uploaded['model_id']}", b"something else")
    asked = await world.service.client.post(
        f"/v1/projects/{world.project_id}/predictions",
        headers=world.service.token("product"),
        json={"model_id": uploaded["model_id"], "items": [{"fields": {"message": "hello"}}]},
    )
    assert (asked.status_code, asked.json()["type"]) == (503, "artifact-damaged")
