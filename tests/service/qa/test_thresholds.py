"""Auto-accept only on evidence."""

from uuid import UUID

import pytest

from services.qa.resources import Pauses
from shared.contracts.answers import LabelSchema
from shared.contracts.events import AutoAcceptThresholdSet, RelabelRequested
from shared.contracts.policies import AutoAcceptPolicy, Policies
from shared.contracts.values import ModelStage, Pool, Role, ScoredFor, Split, TaskKind
from shared.kit.clock import new_id
from tests.service.qa.world import LABELS, SCHEMA, World
from tests.support.service import ServiceUnderTest

LENIENT = Policies(auto_accept=AutoAcceptPolicy(error_budget=0.2, audit_share=0.5))
"""A budget of 20 % is shown by 14 labels without an error; the sequence starts at 23."""


@pytest.fixture
async def world(qa: ServiceUnderTest) -> World:
    world = World(qa, policies=LENIENT)
    await world.deliver(world.project())
    return world


async def look(world: World) -> list[AutoAcceptThresholdSet]:
    world.service.runtime.resources.pauses = Pauses()
    await world.service.run_loop("test_thresholds")
    return await world.published(AutoAcceptThresholdSet)


async def held_out(world: World, model_id: UUID, count: int, wrong: int = 0) -> list[UUID]:
    """Finalized held-out records with the model's predictions; the least sure `wrong` of them are wrong."""
    records = []
    for number in range(count):
        record_id = await world.finalized("cat", Split.TEST)
        confidence = 0.99 - number * 0.4 / count
        label = "dog" if number >= count - wrong else "cat"
        await world.deliver(
            world.predicted(record_id, label, confidence, model_id=model_id, scored_for=ScoredFor.EVALUATION)
        )
        records.append(record_id)
    return records


async def test_a_threshold_is_set_once_the_held_out_labels_are_all_there(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await held_out(world, model_id, 30)
    waiting = await world.open_record(Split.TEST)
    assert await look(world) == []
    await world.deliver(
        world.annotated(waiting, "cat"),
        world.annotated(waiting, "cat", slot=2),
        world.predicted(waiting, "cat", 0.9, model_id=model_id),
    )
    (published,) = await look(world)
    assert published.model_id == model_id
    assert published.threshold is not None
    assert published.threshold < 0.7
    assert published.evidence is not None
    assert (published.evidence.tested, published.evidence.errors) == (31, 0)
    assert published.evidence.upper_bound <= 0.2
    shown = await world.get(f"/projects/{world.project_id}/thresholds")
    assert shown["thresholds"][0]["threshold"] == published.threshold
    assert [(one["kind"], one["number"]) for one in shown["tests"]] == [("selection", 1)]


async def without(world: World) -> dict[str, tuple[str, str]]:
    shown = await world.get(f"/projects/{world.project_id}/thresholds")
    return {one["question"]: (one["reason"], one["detail"]) for one in shown["without"]}


async def test_it_is_shown_why_there_is_no_threshold(world: World) -> None:
    assert (await without(world))["animal"][0] == "no_model"
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await held_out(world, model_id, 3)
    assert (await without(world))["animal"] == ("too_few_labels", "3 of 23 held-out labels are there.")
    await held_out(world, model_id, 27)
    waiting = await world.open_record(Split.TEST)
    assert (await without(world))["animal"][0] == "records_open"
    await world.deliver(world.erased(waiting))
    assert (await without(world))["animal"][0] == "test_is_due"
    assert len(await look(world)) == 1
    assert await without(world) == {}


async def test_a_question_without_a_model_is_shown(qa: ServiceUnderTest) -> None:
    schema = SCHEMA.model_dump(mode="json")
    two = LabelSchema.model_validate(
        {**schema, "questions": [*schema["questions"], {"name": "also", "kind": "choice", "labels": LABELS}]}
    )
    world = World(qa, schemas=(two,), policies=LENIENT)
    await world.deliver(world.project(), world.model(new_id()))
    found = await without(world)
    assert found["animal"][0] == "too_few_labels"
    assert found["also"] == (
        "no_model",
        "No model answers it: the champion answers animal. A record is accepted only where every question is.",
    )


async def test_without_new_labels_there_is_no_second_look(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await held_out(world, model_id, 30)
    await look(world)
    record_id = await world.finalized("cat", Split.TEST)
    await world.deliver(world.predicted(record_id, "cat", 0.9, model_id=model_id))
    await look(world)
    shown = await world.get(f"/projects/{world.project_id}/thresholds")
    assert len(shown["tests"]) == 1


async def test_an_expert_sees_where_a_sure_model_differs_before_the_look(world: World) -> None:
    model_id = new_id()
    records = await held_out(world, model_id, 30, wrong=2)
    assert await look(world) == []
    await world.deliver(world.model(model_id))
    assert await look(world) == []
    asked = await world.published(RelabelRequested)
    assert len(asked) == 2
    for one in asked:
        assert (one.round, one.slots_total, one.pool, one.blind) == (2, 1, Pool.EXPERT, True)
        assert one.reason == "champion_differs"
    (first, second) = records[-2:]
    await world.deliver(world.annotated(first, "dog", number=2))
    assert await look(world) == []
    await world.deliver(world.annotated(second, "cat", number=2))
    (published,) = await look(world)
    assert published.evidence is not None
    assert (published.evidence.tested, published.evidence.errors) == (30, 1)
    label = await world.label(first)
    assert (label["method"], label["label_revision"], label["annotations"]) == ("decision", 2, 1)

    other = new_id()
    await world.deliver(world.model(model_id, ModelStage.RETIRED), world.model(other))
    for record_id in records:
        await world.deliver(world.predicted(record_id, "cat", 0.9, model_id=other))
    assert len(await look(world)) == 2
    assert len(await world.published(RelabelRequested)) == 2


async def test_an_expert_is_asked_while_the_last_held_out_records_are_still_labelled(world: World) -> None:
    """So that the expert's answers are there when the look is due, and people don't label on what would be accepted."""
    model_id = new_id()
    await world.deliver(world.model(model_id))
    records = await held_out(world, model_id, 30, wrong=1)
    waiting = await world.open_record(Split.TEST)
    assert await look(world) == []
    assert len(await world.published(RelabelRequested)) == 1

    await world.deliver(
        world.annotated(waiting, "cat"),
        world.annotated(waiting, "cat", slot=2),
        world.predicted(waiting, "cat", 0.9, model_id=model_id),
    )
    assert await look(world) == [], "the expert has not answered yet"
    await world.deliver(world.annotated(records[-1], "dog", number=2))
    (published,) = await look(world)
    assert published.evidence is not None
    assert (published.evidence.tested, published.evidence.errors) == (31, 0)


async def test_without_an_expert_the_label_counts_as_it_is(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    records = await held_out(world, model_id, 30, wrong=1)
    await look(world)
    await world.deliver(world.unservable(records[-1], number=2))
    assert await look(world) == []
    await world.deliver(world.unservable(records[-1], TaskKind.ARBITRATION, number=2))
    (published,) = await look(world)
    assert published.evidence is not None
    assert published.evidence.errors == 1


async def test_no_threshold_is_a_legal_outcome(world: World) -> None:
    model_id = new_id()
    records = await held_out(world, model_id, 30, wrong=30)
    await world.deliver(world.model(model_id))
    assert await look(world) == []
    for record_id in records:
        await world.deliver(world.annotated(record_id, "cat", number=2))
    (published,) = await look(world)
    assert published.threshold is None
    assert published.reason == "no_threshold_passes"


async def test_a_threshold_is_withdrawn_when_the_audits_speak_against_it(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await held_out(world, model_id, 30)
    (published,) = await look(world)
    for number in range(12):
        record_id = new_id()
        prediction = world.predicted(record_id, "dog", 0.98, model_id=model_id)
        await world.deliver(
            world.accepted(record_id),
            prediction,
            world.routed(record_id, 2, prediction=prediction, audit=True, threshold=published.threshold),
        )
        label = "cat" if number % 2 else "dog"
        await world.deliver(world.annotated(record_id, label), world.annotated(record_id, label, slot=2))
    (_, withdrawn) = await look(world)
    assert withdrawn.threshold is None
    assert withdrawn.threshold_revision == 2
    assert withdrawn.reason in {"audits_exceed_budget", "bound_exceeds_budget"}
    shown = await world.get(f"/projects/{world.project_id}/thresholds")
    assert {one["kind"] for one in shown["tests"]} == {"selection", "audit"}


async def test_an_audit_is_labelled_by_people_alone(world: World) -> None:
    record_id = new_id()
    prediction = world.predicted(record_id, "cat", 0.98)
    await world.deliver(
        world.accepted(record_id),
        prediction,
        world.routed(record_id, 1, prediction=prediction, audit=True, threshold=0.9),
        world.annotated(record_id, "cat"),
    )
    assert (await world.state(record_id))["state"] == "open"


async def test_a_policy_that_forbids_it_withdraws_the_threshold(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await held_out(world, model_id, 30)
    await look(world)
    world.policies = Policies(auto_accept=AutoAcceptPolicy(enabled=False))
    await world.deliver(world.project())
    (_, withdrawn) = await look(world)
    assert (withdrawn.threshold, withdrawn.reason) == (None, "disabled_by_policy")


async def test_thresholds_are_shown_to_who_trains(world: World) -> None:
    path = f"/v1/projects/{world.project_id}/thresholds"
    for role, status in ((Role.TRAINER, 200), (Role.ANNOTATOR, 403)):
        answer = await world.service.client.get(path, headers=world.headers(role))
        assert answer.status_code == status
