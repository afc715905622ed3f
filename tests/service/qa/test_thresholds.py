"""Auto-accept only on evidence. Unless a test says otherwise, the model answers `cat`."""

import threading
from typing import Any
from uuid import UUID

import pytest

from services.qa.domain import class_thresholds
from services.qa.domain.class_thresholds import ThresholdSet
from services.qa.operations import threshold_looks
from services.qa.operations.threshold_looks import DueLook, LookOutcome
from services.qa.resources import Pauses
from shared.contracts.answers import LabelSchema
from shared.contracts.events import AutoAcceptThresholdSet, RelabelRequested
from shared.contracts.policies import AutoAcceptPolicy
from shared.contracts.values import ModelStage, Pool, Role, ScoredFor, Split, TaskKind
from shared.kit.clock import new_id
from tests.service.qa.world import LABELS, SCHEMA, World, two_are_enough
from tests.support.service import ServiceUnderTest

LENIENT = two_are_enough(auto_accept=AutoAcceptPolicy(error_budget=0.2, audit_share=0.5, check_share=0.0))
"""A budget of 20 % is shown by 16 labels without an error at the level of the first look, which is made at 26."""


@pytest.fixture
async def world(qa: ServiceUnderTest) -> World:
    world = World(qa, policies=LENIENT)
    await world.deliver(world.project())
    return world


async def look(world: World) -> list[AutoAcceptThresholdSet]:
    world.service.runtime.resources.pauses = Pauses()
    await world.service.run_loop("test_thresholds")
    published = await world.published(AutoAcceptThresholdSet)
    return [one for one in published if one.label == "cat"]


async def of_class(world: World, label: str) -> AutoAcceptThresholdSet:
    """What was published of the class last."""
    found: AutoAcceptThresholdSet = [
        one for one in await world.published(AutoAcceptThresholdSet) if one.label == label
    ][-1]
    return found


async def held_out(world: World, model_id: UUID, count: int, wrong: int = 0) -> list[UUID]:
    """Finalized held-out records with the model's predictions; the least sure `wrong` of them are wrong."""
    records = []
    for number in range(count):
        record_id = await world.finalized("dog" if number >= count - wrong else "cat", Split.TEST)
        confidence = 0.99 - number * 0.4 / count
        await world.deliver(
            world.predicted(record_id, "cat", confidence, model_id=model_id, scored_for=ScoredFor.EVALUATION)
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
    assert {one["label"]: one["threshold"] for one in shown["thresholds"]} == {
        **dict.fromkeys(LABELS),
        "cat": published.threshold,
    }
    assert [(one["kind"], one["number"]) for one in shown["tests"]] == [("selection", 1)]


async def without(world: World) -> dict[str, tuple[str, str]]:
    shown = await world.get(f"/projects/{world.project_id}/thresholds")
    return {one["question"]: (one["reason"], one["detail"]) for one in shown["without"]}


async def test_it_is_shown_why_there_is_no_threshold(world: World) -> None:
    assert (await without(world))["animal"][0] == "no_model"
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await held_out(world, model_id, 3)
    assert (await without(world))["animal"] == ("too_few_labels", "3 of 26 held-out labels are there.")
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


@pytest.mark.parametrize("change", ["champion", "policy", "look"])
async def test_what_a_look_found_is_dropped_if_what_it_stood_on_changed_meanwhile(
    world: World, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await held_out(world, model_id, 30)
    carry_out = threshold_looks.carry_out

    async def changed_meanwhile(due: DueLook) -> LookOutcome:
        monkeypatch.undo()
        match change:
            case "champion":
                await world.deliver(world.model(model_id, ModelStage.RETIRED), world.model(new_id()))
            case "policy":
                world.policies = two_are_enough(auto_accept=AutoAcceptPolicy(error_budget=0.1))
                await world.deliver(world.project())
            case _:
                await look(world)
        return await carry_out(due)

    monkeypatch.setattr(threshold_looks, "carry_out", changed_meanwhile)
    found = await look(world)
    shown = await world.get(f"/projects/{world.project_id}/thresholds")
    kept = 1 if change == "look" else 0
    assert (len(found), len(shown["tests"])) == (kept, kept)


async def test_a_look_at_many_labels_leaves_the_event_loop_free(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threshold_looks, "_FEW_LABELS", 20)
    threads: list[str] = []
    choose = class_thresholds.choose_thresholds

    def noted(*arguments: Any, **named: Any) -> ThresholdSet:
        threads.append(threading.current_thread().name)
        return choose(*arguments, **named)

    monkeypatch.setattr(class_thresholds, "choose_thresholds", noted)
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await held_out(world, model_id, 30)
    assert len(await look(world)) == 1
    assert threads != [threading.main_thread().name]
    assert len(threads) == 1


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
    await world.deliver(world.annotated(first, "cat", number=2))
    assert await look(world) == []
    await world.deliver(world.annotated(second, "dog", number=2))
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
    await world.deliver(world.annotated(records[-1], "cat", number=2))
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
        await world.deliver(world.annotated(record_id, "dog", number=2))
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
        prediction = world.predicted(record_id, "cat", 0.98, model_id=model_id)
        await world.deliver(
            world.accepted(record_id),
            prediction,
            world.routed(record_id, 2, prediction=prediction, audit=True, threshold=published.threshold),
        )
        label = "dog" if number % 2 else "cat"
        await world.deliver(world.annotated(record_id, label), world.annotated(record_id, label, slot=2))
    (_, withdrawn) = await look(world)
    assert withdrawn.threshold is None
    assert withdrawn.threshold_revision == len(LABELS) + 1, "it counts the model's rows"
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
    world.policies = two_are_enough(auto_accept=AutoAcceptPolicy(enabled=False))
    await world.deliver(world.project())
    (_, withdrawn) = await look(world)
    assert (withdrawn.threshold, withdrawn.reason) == (None, "disabled_by_policy")


async def test_thresholds_are_shown_to_who_trains(world: World) -> None:
    path = f"/v1/projects/{world.project_id}/thresholds"
    for role, status in ((Role.TRAINER, 200), (Role.ANNOTATOR, 403)):
        answer = await world.service.client.get(path, headers=world.headers(role))
        assert answer.status_code == status


async def classes(world: World) -> dict[str, Any]:
    shown = await world.get(f"/projects/{world.project_id}/thresholds")
    return {one["label"]: one for one in shown["classes"]}


async def given(world: World, model_id: UUID, label: str, count: int, *, wrong: int = 0) -> None:
    """Held-out records that the model answers so, `wrong` of which are something else."""
    for number in range(count):
        truth = label if number >= wrong else next(each for each in LABELS if each != label)
        record_id = await world.finalized(truth, Split.TEST)
        prediction = world.predicted(
            record_id, label, 0.99 - number * 0.4 / count, model_id=model_id, scored_for=ScoredFor.EVALUATION
        )
        await world.deliver(prediction)


async def test_each_class_has_its_own_threshold_or_a_reason(world: World) -> None:
    model_id = new_id()
    await given(world, model_id, "cat", 45)
    await given(world, model_id, "dog", 45, wrong=20)
    await world.deliver(world.model(model_id))
    await look(world)
    for record in await world.published(RelabelRequested):  # an expert sees what differs, and sees it as people did
        assert record.reason == "champion_differs"
    await without_experts(world)
    await look(world)
    shown = await classes(world)
    cat, dog = shown["cat"], shown["dog"]
    assert cat["threshold"] < 0.7
    assert (cat["why_none"], cat["evidence"]["tested"], cat["evidence"]["errors"]) == (None, 45, 0)
    assert cat["evidence"]["level"] > 0.95, "the risk is shared among looks and classes"
    assert cat["evidence"]["upper_bound"] <= 0.2
    assert (dog["threshold"], dog["why_none"]["reason"]) == (None, "no_threshold_passes")
    assert (dog["evidence"]["class_tested"], dog["evidence"]["class_errors"]) == (45, 20)
    assert (await of_class(world, "dog")).threshold is None


async def without_experts(world: World) -> None:
    """Nobody can be asked, so that labels count as they are."""
    for event in await world.service.published(RelabelRequested, world.project_id):
        assert event.record_id is not None
        await world.deliver(world.unservable(event.record_id, number=2))
        await world.deliver(world.unservable(event.record_id, TaskKind.ARBITRATION, number=2))


async def test_a_class_that_is_hardly_ever_given_goes_to_people(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await given(world, model_id, "cat", 30)
    await given(world, model_id, "dog", 3)
    await look(world)
    shown = await classes(world)
    assert shown["cat"]["threshold"] is not None
    assert shown["dog"]["threshold"] is None
    assert shown["dog"]["why_none"]["reason"] == "too_few_of_class"
    assert "3 of 5 held-out labels of answers dog are there." in shown["dog"]["why_none"]["detail"]


async def test_classes_that_cannot_be_tested_alone_are_tested_together(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await given(world, model_id, "cat", 15)
    await given(world, model_id, "dog", 15)
    await look(world)
    shown = await classes(world)
    assert shown["cat"]["threshold"] == shown["dog"]["threshold"] is not None
    evidence = shown["cat"]["evidence"]
    assert (evidence["tested"], evidence["class_tested"], evidence["tested_with"]) == (30, 15, ["dog"])


async def test_audits_of_one_class_leave_the_others_their_thresholds(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await given(world, model_id, "cat", 40)
    await given(world, model_id, "dog", 40)
    await look(world)
    before = await classes(world)
    assert before["cat"]["evidence"]["tested_with"] == []
    for _ in range(8):
        record_id = new_id()
        prediction = world.predicted(record_id, "dog", 0.98, model_id=model_id)
        await world.deliver(
            world.accepted(record_id),
            prediction,
            world.routed(record_id, 2, prediction=prediction, audit=True, threshold=before["dog"]["threshold"]),
            world.annotated(record_id, "cat"),
            world.annotated(record_id, "cat", slot=2),
        )
    await look(world)
    after = await classes(world)
    assert after["cat"]["threshold"] == before["cat"]["threshold"]
    assert after["dog"]["threshold"] is None
    assert after["dog"]["why_none"]["reason"] == "withdrawn"
