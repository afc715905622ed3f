"""After a training, labels that look wrong to models that did not learn from them are published."""

from typing import Any
from uuid import UUID

import pytest

from services.prelabel.operations import label_errors
from services.prelabel.resources import backends_of
from services.prelabel.storage.label_errors import DueDoubtLook
from shared.contracts.events import LabelDoubted
from shared.contracts.policies import Policies
from shared.contracts.values import LabelMethod, Split
from shared.kit.compute.exceptions import ComputeTimeout
from tests.service.prelabel.world import World

LABELS = ("billing", "delivery", "other")


def policies(**label_errors: Any) -> Policies:
    return Policies.model_validate({"learning": {"random_share": 0.0}, "label_errors": label_errors})


async def labelled(world: World, count: int = 60) -> list[UUID]:
    records = [await world.text(LABELS[number % 3], number) for number in range(count)]
    for record_id in records:
        await world.label(record_id)
    return records


async def train(world: World) -> Any:
    """Train by hand, look for wrong labels, and return the run."""
    path = f"/v1/projects/{world.project_id}/training-runs"
    asked = await world.service.client.post(path, headers=world.service.token("manager"), json={"reason": "to see"})
    assert asked.status_code == 202, asked.text
    await world.service.run_loop("train")
    await world.service.run_loop("find_label_errors")
    return await newest_run(world)


async def newest_run(world: World) -> Any:
    path = f"/v1/projects/{world.project_id}/training-runs"
    answer = await world.service.client.get(path, headers=world.service.token("manager"))
    return answer.json()["items"][0]


async def doubted(world: World) -> list[Any]:
    return await world.service.published(LabelDoubted, world.project_id)


async def test_a_label_that_was_given_by_mistake_is_doubted_first(world: World) -> None:
    await world.begin(chosen=policies(share=0.05))
    records = await labelled(world)
    await world.label(records[3], "delivery")
    run = await train(world)
    events = await doubted(world)
    assert [event.payload.rank for event in events] == [1, 2, 3]
    assert events[0].record_id == records[3]
    first = events[0].payload
    assert (first.given, first.suggested, first.question, first.schema_version) == ("delivery", "billing", "topic", 1)
    assert first.score > 0.5 > events[1].payload.score
    assert (first.examined, str(first.training_run_id)) == (60, run["run_id"])
    assert (run["label_errors"]["outcome"], run["label_errors"]["doubted"]) == ("done", 3)


async def test_a_look_is_made_once(world: World) -> None:
    await world.begin(chosen=policies())
    await labelled(world)
    await train(world)
    before = len(await doubted(world))
    await world.service.run_loop("find_label_errors")
    assert len(await doubted(world)) == before > 0


async def test_held_out_labels_and_gold_are_not_judged(world: World) -> None:
    await world.begin(chosen=policies(share=1.0))
    records = await labelled(world)
    held_out = await world.text("billing", 1, Split.TEST)
    await world.label(held_out, "delivery", Split.TEST)
    await world.gold(records[0])
    await train(world)
    names = {event.record_id for event in await doubted(world)}
    assert names == set(records[1:])


async def test_machine_labels_are_judged_by_models_that_do_not_learn_from_them(world: World) -> None:
    await world.begin(chosen=policies(share=0.02))
    await labelled(world)
    accepted = await world.text("billing", 1)
    await world.label(accepted, "delivery", method=LabelMethod.AUTO_ACCEPT, trainable=False)
    run = await train(world)
    assert (run["examples"], run["label_errors"]["examined"]) == (60, 61)
    assert accepted in {event.record_id for event in await doubted(world)}


async def test_a_project_may_do_without(world: World) -> None:
    await world.begin(chosen=policies(enabled=False))
    await labelled(world)
    run = await train(world)
    assert run["label_errors"] == {"outcome": "not_wanted"}
    assert await doubted(world) == []


async def test_too_few_labels_of_a_class_are_no_failure_of_the_training(world: World) -> None:
    await world.begin(chosen=policies())
    await labelled(world, 9)
    run = await train(world)
    assert run["state"] == "comparing"
    assert run["label_errors"]["outcome"] == "one_class"


async def test_what_changed_meanwhile_is_not_published(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.begin(chosen=policies(share=1.0))
    records = await labelled(world)
    compute = label_errors._compute

    async def relabelled_meanwhile(*given: Any) -> Any:
        found = await compute(*given)
        await world.label(records[0], "other")
        await world.gold(records[1])
        return found

    monkeypatch.setattr(label_errors, "_compute", relabelled_meanwhile)
    await train(world)
    assert {event.record_id for event in await doubted(world)} == set(records[2:])


async def test_a_look_that_takes_too_long_is_tried_again_and_then_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.begin(chosen=policies())
    await labelled(world)

    async def too_slow(*_: Any) -> Any:
        raise ComputeTimeout("it took too long")

    monkeypatch.setattr(label_errors, "_compute", too_slow)
    run = await train(world)
    assert run["label_errors"] is None
    look = DueDoubtLook(UUID(run["run_id"]), world.project_id)
    for _ in range(2):
        await label_errors.look_once(backends_of(world.service.runtime), look, world.service.runtime.resources.training)
    assert (await newest_run(world))["label_errors"]["outcome"] == "too_slow"
    assert (await newest_run(world))["state"] == "comparing"
