"""The protocol with every kind of question, from votes to label, gold and agreement."""

from typing import Any
from uuid import UUID

import pytest

from services.qa.resources import Pauses
from shared.contracts.answers import LabelSchema
from shared.contracts.events import AnnotationsRequested, AnnotatorAssessed, ArbitrationRequested, RelabelRequested
from shared.kit.clock import new_id
from tests.service.qa.world import World
from tests.support.service import ServiceUnderTest

SPANS = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "names", "kind": "spans", "field": "text", "labels": ["PER", "ORG"]}],
    }
)
BOXES = LabelSchema.model_validate(
    {
        "fields": [{"name": "picture", "kind": "image"}],
        "questions": [{"name": "things", "kind": "boxes", "field": "picture", "labels": ["car", "tree"]}],
    }
)
TAGS = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "tags", "kind": "multi_choice", "labels": ["fast", "red", "big"]}],
    }
)
PICTURE = {
    "picture": {
        "asset_id": "0198a5c0-0000-7000-8000-000000000009",
        "media_type": "image/png",
        "sha256": "0" * 64,
        "size_bytes": 100,
        "width": 100,
        "height": 80,
    }
}


def spans(*parts: tuple[int, int, str]) -> dict[str, Any]:
    return {"names": {"spans": [{"start": start, "end": end, "label": label} for start, end, label in parts]}}


def boxes(*parts: tuple[float, float, float, float, str]) -> dict[str, Any]:
    return {
        "things": {
            "boxes": [
                {"x": x, "y": y, "width": width, "height": height, "label": label}
                for x, y, width, height, label in parts
            ]
        }
    }


def tags(*labels: str) -> dict[str, Any]:
    return {"tags": {"labels": list(labels)}}


CASES = [
    pytest.param(
        SPANS,
        {"text": "Ada met Bob at Acme."},
        spans((0, 3, "PER"), (8, 11, "PER")),
        spans((0, 3, "PER"), (8, 11, "PER")),
        spans((15, 19, "ORG")),
        id="spans",
    ),
    pytest.param(
        BOXES,
        PICTURE,
        boxes((10, 10, 20, 20, "car")),
        boxes((11, 10, 20, 20, "car")),
        boxes((60, 40, 20, 20, "tree")),
        id="boxes",
    ),
    pytest.param(
        TAGS, {"text": "A fast red car."}, tags("fast", "red"), tags("red", "fast"), tags("big"), id="multi_choice"
    ),
]


async def world_of(qa: ServiceUnderTest, schema: LabelSchema) -> World:
    world = World(qa, schemas=(schema,))
    await world.deliver(world.project())
    return world


async def opened(world: World, fields: Any, slots: int = 2) -> UUID:
    record_id = new_id()
    await world.deliver(world.accepted(record_id, fields=fields), world.routed(record_id, slots))
    return record_id


@pytest.mark.parametrize(("schema", "fields", "one", "alike", "other"), CASES)
async def test_agreement_makes_a_label(
    qa: ServiceUnderTest, schema: LabelSchema, fields: Any, one: Any, alike: Any, other: Any
) -> None:
    world = await world_of(qa, schema)
    record_id = await opened(world, fields, slots=3)
    for slot in range(1, 6):
        if (await world.state(record_id))["state"] == "open":
            await world.deliver(world.annotated(record_id, alike if slot % 2 else one, slot=slot))
    label = await world.label(record_id)
    assert label["method"] == "consensus"
    (question,) = schema.questions
    found = question.answer_model.model_validate(label["answers"][question.name])
    assert found.model_dump_json()


@pytest.mark.parametrize(("schema", "fields", "one", "alike", "other"), CASES)
async def test_disagreement_ends_with_an_arbiter(
    qa: ServiceUnderTest, schema: LabelSchema, fields: Any, one: Any, alike: Any, other: Any
) -> None:
    world = await world_of(qa, schema)
    record_id = await opened(world, fields)
    await world.deliver(world.annotated(record_id, one), world.annotated(record_id, other, slot=2))
    assert await world.published(AnnotationsRequested, record_id) != []
    await world.deliver(world.unservable(record_id))
    (asked,) = await world.published(ArbitrationRequested, record_id)
    assert len(asked.disputed) == 2
    await world.deliver(world.decided(record_id, other))
    assert (await world.label(record_id))["answers"] == other
    assert (await world.lineage(record_id))["chain"]["verified"]


@pytest.mark.parametrize(("schema", "fields", "one", "alike", "other"), CASES)
async def test_gold_is_scored_and_reports_are_compared_by_kind(
    qa: ServiceUnderTest, schema: LabelSchema, fields: Any, one: Any, alike: Any, other: Any
) -> None:
    world = await world_of(qa, schema)
    good, bad = new_id(), new_id()
    for _ in range(8):
        record_id = await opened(world, fields)
        await world.put(f"/projects/{world.project_id}/records/{record_id}/gold", {"answers": one})
        await world.deliver(
            world.annotated(record_id, alike, annotator_id=good),
            world.annotated(record_id, other, annotator_id=bad),
        )
    world.service.runtime.resources.pauses = Pauses()
    await world.service.run_loop("estimate")
    published = {one.annotator_id: one for one in await world.published(AnnotatorAssessed)}
    assert (published[good].accuracy, published[bad].accuracy) == (1.0, 0.0)
    assert published[bad].status == "paused"

    record_id = await opened(world, fields, slots=1)
    await world.deliver(world.unservable(record_id))
    await world.deliver(world.decided(record_id, one))
    report = world.feedback(record_id, None)
    correction = report.payload.model_copy(update={"correction": alike})
    await world.deliver(world.event(correction, record_id))
    assert await world.published(RelabelRequested, record_id) == []
    contrary = world.feedback(record_id, None).payload.model_copy(update={"correction": other})
    await world.deliver(world.event(contrary, record_id))
    assert len(await world.published(RelabelRequested, record_id)) == 1


@pytest.mark.parametrize(("schema", "fields", "one", "alike", "other"), CASES)
async def test_agreement_is_measured(
    qa: ServiceUnderTest, schema: LabelSchema, fields: Any, one: Any, alike: Any, other: Any
) -> None:
    world = await world_of(qa, schema)
    for number in range(12):
        record_id = await opened(world, fields)
        first, second = (one, alike) if number % 2 else (other, other)
        await world.deliver(world.annotated(record_id, first), world.annotated(record_id, second, slot=2))
    await qa.run_loop("count_agreement")
    (found,) = (await world.get(f"/projects/{world.project_id}/agreement"))["items"]
    assert found["records"] == 12
    assert found["krippendorff_alpha"]["value"] > 0.6
    assert found["krippendorff_alpha"]["low"] <= found["krippendorff_alpha"]["value"]
    assert found["fleiss_kappa"] is None
