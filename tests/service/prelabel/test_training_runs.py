"""Trainings by hand and by the loop: what they learn from, and how they end."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from services.prelabel import metrics
from services.prelabel.operations import training
from shared.contracts.events import GoldWithdrawn, LabelRetracted, ModelChanged
from shared.contracts.values import LabelMethod, Split
from shared.kit.compute.exceptions import ComputeCrashed
from shared.kit.jobs import CANCELLED
from tests.service.prelabel.learning import (
    LABELS,
    QUICK,
    alive,
    batch,
    label_all,
    learning,
    runs,
    stages,
    texts,
    train_now,
)
from tests.service.prelabel.world import DIGIT_SCHEMA, World, eventually, policies
from tests.support.service import ServiceUnderTest


async def test_a_training_by_hand_is_a_job(world: World) -> None:
    await world.begin(chosen=QUICK)
    await label_all(world, await texts(world, 12))
    job = await train_now(world)
    assert job["state"] == "succeeded"
    assert job["result"]["report"]["examples"] == 12
    assert await stages(world) == ["challenger"]


async def cancel(world: World, job_id: str) -> Any:
    answer = await world.service.client.post(f"/v1/jobs/{job_id}/cancellation", headers=world.service.token("trainer"))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_training_that_is_cancelled_stops_and_the_next_one_may_begin(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.begin(chosen=QUICK)
    await label_all(world, await texts(world, 12))
    url, headers = f"/v1/projects/{world.project_id}/training-runs", world.service.token("trainer")
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def train_for_ever(*_: Any) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    with monkeypatch.context() as endless:
        endless.setattr(training, "make", train_for_ever)
        job_id = (await world.service.client.post(url, headers=headers, json={"reason": "one"})).json()["job_id"]
        loop = asyncio.create_task(world.service.run_loop("train"))
        await asyncio.wait_for(begun.wait(), 10)
        assert (await cancel(world, job_id))["cancelled"]
        await asyncio.wait_for(loop, 10)
    assert stopped.is_set()
    [run] = await runs(world)
    assert (run["state"], run["failure"]) == ("failed", CANCELLED)
    assert (await train_now(world))["state"] == "succeeded"


async def test_a_training_that_is_cancelled_before_it_begins_never_does(world: World) -> None:
    await world.begin(chosen=QUICK)
    await label_all(world, await texts(world, 12))
    url, headers = f"/v1/projects/{world.project_id}/training-runs", world.service.token("trainer")
    job_id = (await world.service.client.post(url, headers=headers, json={"reason": "one"})).json()["job_id"]
    await cancel(world, job_id)
    await world.service.run_loop("train")
    [run] = await runs(world)
    assert (run["state"], run["started_at"]) == ("failed", None)
    assert await stages(world) == []


async def test_one_training_at_a_time(world: World) -> None:
    await world.begin(chosen=QUICK)
    url, headers = f"/v1/projects/{world.project_id}/training-runs", world.service.token("trainer")
    first = await world.service.client.post(url, headers=headers, json={"reason": "one"})
    second = await world.service.client.post(url, headers=headers, json={"reason": "two"})
    assert (first.status_code, second.status_code) == (202, 409)
    assert second.json()["type"] == "run-under-way"
    await world.service.run_loop("train")


async def test_a_run_of_a_project_that_cant_be_read_holds_up_no_other(service: ServiceUnderTest) -> None:
    broken, sound = World(service), World(service)
    for world in (broken, sound):
        await world.begin(chosen=QUICK)
        asked = await service.client.post(
            f"/v1/projects/{world.project_id}/training-runs", headers=service.token("trainer"), json={"reason": "now"}
        )
        assert asked.status_code == 202
    async with service.database.transaction() as session:  # as no event would
        await session.raw.execute(
            "UPDATE projects SET revision = 9, state = $2::jsonb WHERE project_id = $1",
            broken.project_id,
            '{"status": "active"}',
        )
    try:
        with pytest.raises(ValidationError):
            await service.run_loop("train")
    finally:
        async with service.database.transaction() as session:
            for table in ("training_runs", "projects"):
                await session.raw.execute(f"DELETE FROM {table} WHERE project_id = $1", broken.project_id)
    (run,) = await sound.fetch("SELECT state, failure FROM training_runs WHERE project_id = $1", sound.project_id)
    assert (run["state"], run["failure"]) == ("failed", "there are no labels to learn from")


async def test_labels_of_one_class_give_no_model_and_hold_up_nobody(world: World) -> None:
    await world.begin(chosen=QUICK)
    records = [await world.text("billing", number) for number in range(30)]
    async with alive(world):
        await label_all(world, await eventually(lambda: batch(world, 0)))
        assert await eventually(lambda: batch(world, 1))
    assert await runs(world) == []
    await label_all(world, records[:3])
    job = await train_now(world)
    assert (job["state"], await stages(world)) == ("failed", [])
    (run,) = await runs(world)
    assert run["state"] == "failed"
    assert "two classes" in run["failure"]
    assert run["failure_reason"] == "one_class"
    found = await learning(world)
    assert found["last_failure"] == {
        "run_id": run["run_id"],
        "reason": "one_class",
        "detail": run["failure"],
        "at": run["ended_at"],
    }
    assert "another class" in found["next_step"]
    assert metrics.TRAINED.labels("failed", "one_class")._value.get() >= 1


@pytest.mark.parametrize(
    "written",
    [
        ["! !", "? ?", ". .", "- -", "( )", "~ ~"],
        ["\U0001f600", "\U0001f621", "\u597d", "a", "1", "\u03a9"],
        ["good morning", "bad evening", "very late", "pas encore", "nicht hier", "so what"],
    ],
    ids=["no words", "one sign each", "no word twice"],
)
async def test_texts_that_give_no_model_are_refused_at_once_with_one_reason_that_is_shown(
    world: World, written: Sequence[str]
) -> None:
    await world.begin(chosen=QUICK)
    for number, text in enumerate(written):
        record_id = await world.record({"message": text})
        await world.label(record_id, LABELS[number % 3])
    before = metrics.TRAINED.labels("failed", "no_common_terms")._value.get()
    job = await train_now(world)
    (run,) = await runs(world)
    assert (job["state"], run["state"], run["attempts"]) == ("failed", "failed", 1)
    found = await learning(world)
    assert {run["failure_reason"], found["last_failure"]["reason"]} == {"no_common_terms"}
    assert run["failure"] == found["last_failure"]["detail"]
    assert "Label more texts, some of which have words in common" in found["next_step"]
    assert metrics.TRAINED.labels("failed", "no_common_terms")._value.get() == before + 1


async def test_gold_held_out_and_machine_labels_are_not_learnt_from(world: World) -> None:
    await world.begin(chosen=QUICK)
    records = await texts(world, 20)
    await label_all(world, records[:12])
    await label_all(world, await texts(world, 6, Split.TEST), Split.TEST)
    await world.gold(records[0])
    await world.gold(records[1])
    await world.deliver_state(records[1], GoldWithdrawn(reason="disputed"))
    await world.label(records[1])
    await world.deliver_state(records[2], LabelRetracted(label_revision=1, reason="schema changed"))
    await world.label(records[13], method=LabelMethod.AUTO_ACCEPT)
    job = await train_now(world)
    assert job["result"]["report"]["examples"] == 9
    learnt = {row[0] for row in await world.fetch(
        "SELECT record_id FROM training_examples WHERE run_id = $1", UUID(job["result"]["run_id"])
    )}  # fmt: skip
    assert learnt == set(records[3:12])


async def test_machine_labels_are_learnt_from_when_the_policy_admits_them(world: World) -> None:
    await world.begin(chosen=policies(cold_start=12, admit_machine_labels=True, machine_label_weight=0.3))
    records = await texts(world, 12)
    await label_all(world, records[:6])
    for record_id in records[6:]:
        await world.label(record_id, method=LabelMethod.AUTO_ACCEPT)
    assert (await train_now(world))["result"]["report"]["examples"] == 12


async def test_a_model_that_learnt_from_what_is_gold_now_is_marked(world: World) -> None:
    await world.begin(chosen=QUICK)
    records = await texts(world, 12)
    await label_all(world, records)
    job = await train_now(world)
    await world.gold(records[0])
    await world.gold(records[5])
    await world.service.run_loop("count")
    await world.service.run_loop("count")
    published = [
        event
        for event in await world.service.published(ModelChanged)
        if str(event.payload.model_id) == job["result"]["model_id"]
    ]
    assert [event.payload.contaminated_by for event in published] == [0, 2]
    assert [event.revision for event in published] == [1, 2]


async def test_pictures_are_learnt(world: World) -> None:
    await world.begin(DIGIT_SCHEMA)
    for index in range(60):
        record_id = await world.digit(index)
        await world.label(record_id, question="digit")
    job = await train_now(world)
    assert job["state"] == "succeeded", job
    assert job["result"]["report"]["per_label"].keys() == {str(digit) for digit in range(10)}


async def test_a_training_that_dies_is_tried_again_and_reported(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.begin(chosen=QUICK)
    await label_all(world, await texts(world, 12))
    compute = world.service.runtime.compute
    run_there = compute.run

    async def dies(*_: object, **__: object) -> Any:
        raise ComputeCrashed("the computation ended its process (SIGKILL)")

    monkeypatch.setattr(compute, "run", dies)
    await world.service.client.post(
        f"/v1/projects/{world.project_id}/training-runs", headers=world.service.token("trainer"), json={"reason": "try"}
    )
    await world.service.run_loop("train")
    (run,) = await runs(world)
    assert (run["state"], run["attempts"], run["failure"]) == (
        "queued",
        1,
        "the computation ended its process (SIGKILL)",
    )
    await world.service.run_loop("train")
    assert (await runs(world))[0]["attempts"] == 1, "not at once"
    await world.fetch("UPDATE training_runs SET retry_at = now() WHERE project_id = $1", world.project_id)
    monkeypatch.setattr(compute, "run", run_there)
    await world.service.run_loop("train")
    assert (await runs(world))[0]["state"] == "comparing"


async def test_a_training_that_fails_in_an_unforeseen_way_is_tried_again_later_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.begin(chosen=QUICK)
    await label_all(world, await texts(world, 12))

    async def fails(*_: object, **__: object) -> Any:
        raise IndexError("list index out of range")

    monkeypatch.setattr(world.service.runtime.compute, "run", fails)
    await world.service.client.post(
        f"/v1/projects/{world.project_id}/training-runs", headers=world.service.token("trainer"), json={"reason": "try"}
    )
    for attempt in (1, 2, 3):
        await world.fetch("UPDATE training_runs SET retry_at = now() WHERE project_id = $1", world.project_id)
        with pytest.raises(IndexError):
            await world.service.run_loop("train")
        await world.service.run_loop("train")  # not at once
        (run,) = await runs(world)
        assert (run["attempts"], run["failure"]) == (attempt, "A fault of the service (IndexError).")
    assert run["state"] == "failed"


async def test_a_training_that_was_interrupted_after_its_work_is_done_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.begin(chosen=QUICK)
    await label_all(world, await texts(world, 12))
    await world.service.client.post(
        f"/v1/projects/{world.project_id}/training-runs", headers=world.service.token("trainer"), json={"reason": "try"}
    )
    finish = training.finish

    async def interrupted(*_: object) -> None:
        raise ConnectionResetError("killed")

    monkeypatch.setattr(training, "finish", interrupted)
    with pytest.raises(ConnectionResetError):
        await world.service.run_loop("train")
    assert [run["state"] for run in await runs(world)] == ["running"]
    monkeypatch.setattr(training, "finish", finish)
    await world.service.run_loop("train")
    assert [(run["state"], run["attempts"]) for run in await runs(world)] == [("comparing", 2)]
    assert await stages(world) == ["challenger"]
