"""What happens when a record comes, with and without a model, and when it goes."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts.draws import draw
from shared.contracts.events import (
    AssetReference,
    LabelFinalized,
    ModelChanged,
    RecordErased,
    RecordPredicted,
    RecordUnlabelable,
)
from shared.contracts.values import ScoredFor, Split
from shared.kit.clock import new_id
from tests.service.prelabel.world import (
    DIGIT_SCHEMA,
    World,
    accepted,
    digit_manifest,
    digit_model,
    digits,
    png,
    policies,
    project,
    text_model,
)
from tests.support.service import ServiceUnderTest


async def predictions_of(world: World, record_id: object) -> list[RecordPredicted]:
    events = await world.service.published(RecordPredicted)
    mine = [event for event in events if event.record_id == record_id]
    assert [event.revision for event in mine] == list(range(1, len(mine) + 1))
    return [event.payload for event in mine]


async def test_without_a_model_a_records_turn_comes_by_chance(world: World) -> None:
    await world.begin()
    record_id = await world.text("billing", 1)
    (first,) = await predictions_of(world, record_id)
    assert (first.model_id, first.answers, first.confidence, first.selection) == (None, {}, None, None)
    assert first.acquisition_score == pytest.approx(draw("salt", "select", record_id))
    assert first.scored_for is ScoredFor.ROUTING


async def test_a_record_waits_for_its_project(world: World) -> None:
    record_id = await world.text("billing", 1)
    assert await predictions_of(world, record_id) == []
    await world.begin()
    assert len(await predictions_of(world, record_id)) == 1


async def test_with_a_champion_a_record_is_predicted_and_the_answers_are_calibrated(world: World) -> None:
    await world.begin()
    model_id = await world.champion()
    record_id = await world.text("delivery", 1)
    await world.service.run_loop("score")
    (first,) = await predictions_of(world, record_id)
    assert first.model_id == model_id
    assert first.answers == {"topic": {"label": "delivery"}}
    assert first.confidence is not None
    assert first.confidence == pytest.approx(max(first.distributions["topic"].values()), abs=1e-5)
    assert sum(first.distributions["topic"].values()) == pytest.approx(1, abs=1e-5)
    assert first.uncertainty is not None
    assert first.acquisition_score == first.uncertainty.margin


async def test_a_picture_is_read_from_the_object_store(world: World) -> None:
    await world.begin(DIGIT_SCHEMA)
    await world.champion(digit_model(), digit_manifest())
    right = 0
    for index in range(400, 420):
        record_id = await world.digit(index)
        await world.service.run_loop("score")
        (first,) = await predictions_of(world, record_id)
        right += first.answers == {"digit": {"label": world.truth[record_id]}}
    assert right >= 18


async def test_a_picture_that_is_missing_or_broken_has_no_answer_and_harms_nobody(world: World) -> None:
    await world.begin(DIGIT_SCHEMA)
    await world.champion(digit_model(), digit_manifest())
    whole = await world.asset(png(digits()[0][0]), 8, 8)
    gone = AssetReference.model_validate(whole.model_dump() | {"asset_id": new_id()})
    broken = await world.record({"picture": gone})
    nonsense = await world.record({"picture": await world.asset(b"\x89PNG not at all", 8, 8)})
    nothing = await world.record({})
    fine = await world.record({"picture": whole})
    await world.service.run_loop("score")
    for record_id in (broken, nonsense, nothing):
        (first,) = await predictions_of(world, record_id)
        assert first.model_id is None
        assert first.answers == {}
    (first,) = await predictions_of(world, fine)
    assert first.answers == {"digit": {"label": digits()[0][1]}}


async def test_a_store_that_is_away_only_delays_an_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.begin(DIGIT_SCHEMA)
    await world.champion(digit_model(), digit_manifest())
    record_id = await world.digit(1)
    objects, get = world.service.runtime.objects, world.service.runtime.objects.get
    refusals = iter([True])

    async def sometimes(key: str) -> bytes:
        if next(refusals, False):
            raise ConnectionError("the store is away")
        return await get(key)

    monkeypatch.setattr(objects, "get", sometimes)
    await world.service.run_loop("score")
    (first,) = await predictions_of(world, record_id)
    assert first.answers == {"digit": {"label": digits()[1][1]}}


async def test_pictures_are_fetched_reduced_and_dropped_sixteen_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without an open transaction: a store that is slow holds no connection."""
    await world.begin(DIGIT_SCHEMA)
    await world.champion(digit_model(), digit_manifest())
    records = [await world.digit(index) for index in range(40)]
    runtime = world.service.runtime
    get, run = runtime.objects.get, runtime.compute.run
    held = most = 0

    async def fetch(key: str) -> bytes:
        nonlocal held, most
        held += key.startswith("assets/")
        most = max(most, held)
        assert runtime.database.in_use == 0
        return await get(key)

    async def compute(*arguments: Any, **limits: Any) -> Any:
        nonlocal held
        held = 0
        return await run(*arguments, **limits)

    monkeypatch.setattr(runtime.objects, "get", fetch)
    monkeypatch.setattr(runtime.compute, "run", compute)
    await world.service.run_loop("score")
    assert most == 16
    for record_id in records:
        assert (await predictions_of(world, record_id))[-1].answers


async def test_projects_that_cant_be_read_hold_up_no_other(service: ServiceUnderTest) -> None:
    worlds = first, sound, last = World(service), World(service), World(service)
    for world in worlds:
        await world.begin()
        await world.champion()
        await world.record({"message": "Where is my parcel?"})
        if world is not sound:
            async with service.database.transaction() as session:  # as no event would
                broken = '{"status": "active"}'
                await session.raw.execute(
                    "UPDATE projects SET revision = 9, state = $2::jsonb WHERE project_id = $1",
                    world.project_id,
                    broken,
                )
    try:
        for loop in ("learn", "score"):
            with pytest.raises(ValidationError):
                await service.run_loop(loop)
    finally:
        async with service.database.transaction() as session:
            await session.raw.execute(
                "DELETE FROM projects WHERE project_id = ANY($1)", [first.project_id, last.project_id]
            )
    newest = (await service.published(RecordPredicted))[-1]
    assert (newest.project_id, newest.payload.model_id is None) == (sound.project_id, False)


async def test_an_erased_record_leaves_a_tombstone_and_nothing_else(world: World) -> None:
    await world.begin()
    record_id = await world.text("billing", 1)
    await world.label(record_id)
    erased = RecordErased(reason="asked for")
    await world.service.deliver(erased, project_id=world.project_id, record_id=record_id, revision=2)
    assert await world.fetch("SELECT 1 FROM contents WHERE record_id = $1", record_id) == []
    assert await world.fetch("SELECT 1 FROM predictions WHERE record_id = $1", record_id) == []
    (row,) = await world.fetch("SELECT state, label, trainable FROM records WHERE record_id = $1", record_id)
    assert tuple(row) == ("erased", None, False)
    await world.service.deliver(
        accepted({"message": "again"}), project_id=world.project_id, record_id=record_id, revision=1
    )
    assert await world.fetch("SELECT 1 FROM contents WHERE record_id = $1", record_id) == []


async def test_erasure_before_the_record_keeps_its_content_out(world: World) -> None:
    await world.begin()
    record_id = new_id()
    erased = RecordErased(reason="asked for")
    await world.service.deliver(erased, project_id=world.project_id, record_id=record_id, revision=2)
    await world.record({"message": "late"}, record_id=record_id)
    assert await world.fetch("SELECT 1 FROM contents WHERE record_id = $1", record_id) == []
    assert await predictions_of(world, record_id) == []


async def test_a_label_before_its_record_waits_for_it(world: World) -> None:
    await world.begin()
    record_id = new_id()
    world.truth[record_id] = "billing"
    await world.label(record_id)
    await world.record({"message": "late"}, record_id=record_id)
    (row,) = await world.fetch("SELECT state, label FROM records WHERE record_id = $1", record_id)
    assert tuple(row) == ("finalized", "billing")


async def test_a_label_of_a_schema_version_to_come_waits_for_it(world: World) -> None:
    await world.begin()
    record_id = await world.text("billing", 1)
    await world.label(record_id, schema_version=2)
    assert [row[0] for row in await world.fetch("SELECT state FROM records WHERE record_id = $1", record_id)] == [
        "open"
    ]
    await world.service.deliver(project(versions=2), project_id=world.project_id, revision=2)
    (row,) = await world.fetch("SELECT state, label_schema_version FROM records WHERE record_id = $1", record_id)
    assert tuple(row) == ("finalized", 2)


async def test_an_older_revision_changes_nothing(world: World) -> None:
    await world.begin(chosen=policies(cold_start=7))
    await world.begin(chosen=policies(cold_start=9), revision=1)
    record_id = await world.text("billing", 1)
    await world.label(record_id, "delivery")
    world.revisions[record_id] = 0
    await world.deliver_state(record_id, RecordUnlabelable(reason="nobody"))
    (row,) = await world.fetch("SELECT state, label FROM records WHERE record_id = $1", record_id)
    assert tuple(row) == ("finalized", "delivery")


async def test_one_event_delivered_often_has_one_effect(world: World) -> None:
    await world.begin()
    record_id, event_id = new_id(), new_id()
    for _ in range(30):
        await world.service.deliver(
            accepted({"message": "once"}), project_id=world.project_id, record_id=record_id, event_id=event_id
        )
    assert len(await predictions_of(world, record_id)) == 1


async def test_a_held_out_record_with_its_label_is_predicted_for_evaluation(world: World) -> None:
    await world.begin()
    waiting = await world.text("billing", 1, Split.VALIDATION)
    ended = await world.text("other", 2, Split.TEST)
    learnt = await world.text("other", 3)
    await world.label(ended, split=Split.TEST)
    await world.label(learnt)
    await world.champion()
    await world.service.run_loop("score")
    assert [each.scored_for for each in await predictions_of(world, waiting)] == [ScoredFor.ROUTING, ScoredFor.ROUTING]
    assert [each.scored_for for each in await predictions_of(world, ended)] == [ScoredFor.ROUTING, ScoredFor.EVALUATION]
    assert len(await predictions_of(world, learnt)) == 1, "a finalized record that is not held out is not scored again"


async def test_a_label_event_does_not_change_another_question(world: World) -> None:
    await world.begin()
    record_id = await world.text("billing", 1)
    label = LabelFinalized.model_validate(
        {
            "label_revision": 1, "round": 1, "method": "consensus", "answers": {"elsewhere": {"label": "billing"}},
            "confidence": 1, "schema_version": 1, "guideline_version": 1, "split": "train", "trainable": True,
            "annotations": 1,
        }
    )  # fmt: skip
    await world.deliver_state(record_id, label)
    (row,) = await world.fetch("SELECT state, label FROM records WHERE record_id = $1", record_id)
    assert tuple(row) == ("finalized", None)


async def test_republishing_repeats_every_prediction_with_the_id_and_revision_it_had(world: World) -> None:
    await world.begin()
    held_out, plain = await world.text("other", 1, Split.TEST), await world.text("billing", 2)
    model_id = await world.champion()
    await world.service.run_loop("score")
    await world.label(held_out, split=Split.TEST)
    await world.champion(text_model(4))
    await world.service.run_loop("score")
    republish = world.service.runtime.spec.republish
    assert republish is not None
    async with world.service.database.transaction() as session:
        republished = [item async for item in republish(session) if item.project_id == world.project_id]
    models = [(item.payload.model_id, item.revision) for item in republished if isinstance(item.payload, ModelChanged)]
    assert (model_id, 3) in models
    predictions = [(item, item.payload) for item in republished if isinstance(item.payload, RecordPredicted)]
    published = {event.id: event for event in await world.service.published(RecordPredicted)}
    for item, payload in predictions:
        assert item.event_id is not None
        assert (published[item.event_id].revision, published[item.event_id].payload) == (item.revision, payload)
    purposes = [payload.scored_for for item, payload in predictions if item.record_id == held_out]
    assert purposes == [ScoredFor.ROUTING, ScoredFor.ROUTING, ScoredFor.EVALUATION]
    assert [item.revision for item, _ in predictions if item.record_id == plain] == [1, 2, 3]
