"""Batches are selected, models are trained on what comes of them, compared and promoted."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import ValidationError

from services.prelabel import metrics
from services.prelabel.domain.evaluation import Measured
from services.prelabel.exceptions import InferenceFailed
from services.prelabel.operations import comparison, model_tests, registry, training
from services.prelabel.storage import comparison_attempts, selection
from services.prelabel.storage.comparison_attempts import ComparisonAttempt
from shared.contracts.draws import draw
from shared.contracts.events import GoldWithdrawn, LabelRetracted, ModelChanged, RecordPredicted, RecordUnlabelable
from shared.contracts.policies import Policies
from shared.contracts.values import LabelMethod, ModelStage, Split
from shared.kit import outbox
from shared.kit.compute.exceptions import ComputeCrashed
from shared.kit.database import Session
from shared.kit.jobs import CANCELLED
from shared.kit.loops import LoopRunner
from tests.service.prelabel import scoring_process
from tests.service.prelabel.world import DIGIT_SCHEMA, World, eventually, policies, text_manifest, text_model
from tests.support.killed import run_until_killed
from tests.support.service import ServiceUnderTest, service_under_test
from tests.support.slowness import slowness

QUICK = policies(cold_start=12, batch_size=6, promotion_held_out=6)
LABELS = ("billing", "delivery", "other")


@contextlib.asynccontextmanager
async def alive(world: World) -> AsyncIterator[None]:
    """The service's loops run by themselves."""
    runtime = world.service.runtime
    runner = LoopRunner(runtime, runtime.spec.loops)
    runtime.replica.start()
    runner.start()
    try:
        yield
    finally:
        await runner.close()
        await runtime.replica.close()


async def texts(world: World, count: int, split: Split = Split.TRAIN) -> list[UUID]:
    return [await world.text(LABELS[number % 3], number, split) for number in range(count)]


async def batch(world: World, number: int, *, state: str = "open") -> list[UUID]:
    rows = await world.fetch(
        "SELECT record_id FROM records WHERE project_id = $1 AND batch = $2 AND state = $3 ORDER BY record_id",
        world.project_id, number, state,
    )  # fmt: skip
    return [row[0] for row in rows]


async def label_all(world: World, records: Sequence[UUID], split: Split = Split.TRAIN) -> None:
    for record_id in records:
        await world.label(record_id, split=split)


async def stages(world: World) -> list[str]:
    rows = await world.fetch("SELECT stage FROM models WHERE project_id = $1 ORDER BY version", world.project_id)
    return [row[0] for row in rows]


async def runs(world: World) -> list[Any]:
    url = f"/v1/projects/{world.project_id}/training-runs"
    answer = await world.service.client.get(url, headers=world.service.token("manager"))
    items: list[Any] = answer.json()["items"]
    return items[::-1]


async def test_the_loop_of_learning_goes_round(world: World) -> None:
    await world.begin(chosen=QUICK)
    held_out = await texts(world, 6, Split.VALIDATION)
    await texts(world, 30)
    async with alive(world):
        first = await eventually(lambda: batch(world, 0))
        assert len(first) == 12
        await label_all(world, held_out, Split.VALIDATION)
        await label_all(world, first)
        second = await eventually(lambda: batch(world, 1))
        assert await stages(world) == ["champion"]
        await label_all(world, second)
        await eventually(lambda: batch(world, 2))
    (first_run, *_) = await runs(world)
    assert (first_run["state"], first_run["batch"], first_run["examples"]) == ("promoted", 0, 12)
    assert first_run["report"]["largest_difference"] < 1e-5
    published = [
        (event.payload.selection, event.payload.model_id)
        for event in await world.service.published(RecordPredicted)
        if event.payload.selection and event.project_id == world.project_id
    ]
    cold = [(selection.strategy, model_id) for selection, model_id in published if selection.batch == 0]
    assert {strategy for strategy, _ in cold} == {"chance", "k_means"}
    assert {model_id for _, model_id in cold} == {None}
    assert all(model_id for selection, model_id in published if selection.batch == 1)


AS_PEOPLE_WRITE: dict[str, Sequence[str]] = {
    "billing": (
        "WHY was I charged TWICE?? twice!!! {}",
        "pls pls refund {} 😡😡\n\nthanks",
        "bill bill bill… £{},50 why",
    ),
    "delivery": ("so so late 📦 {}", "no parcel\r\nno call\r\nNO NOTHING {}", "  WHERE is it?\twhere is it {} :-("),
    "other": ("ok ok {} 👍🏽", "hahaha haha {}", "谢谢 谢谢 {} très très bien"),
}


async def test_texts_as_people_write_them_make_a_champion(world: World) -> None:
    """Shouted, said twice, with signs, over several lines."""

    async def write(count: int, split: Split) -> list[UUID]:
        written = []
        for number in range(count):
            label = LABELS[number % 3]
            text = AS_PEOPLE_WRITE[label][number // 3 % 3].format(number)
            written.append(await world.record({"message": text}, split))
            world.truth[written[-1]] = label
        return written

    await world.begin(chosen=policies(cold_start=120, batch_size=6, promotion_held_out=6))
    await label_all(world, await write(6, Split.VALIDATION), Split.VALIDATION)
    await write(130, Split.TRAIN)
    async with alive(world):
        await label_all(world, await eventually(lambda: batch(world, 0)))
        await eventually(lambda: batch(world, 1))
    (run, *_) = await runs(world)
    assert run["state"] == "promoted"
    assert 108 <= run["examples"] <= 120  # it begins once nine in ten of the batch are labelled
    assert run["report"]["largest_difference"] < 1e-5


async def test_the_cold_start_logs_the_true_chance(world: World) -> None:
    await world.begin(chosen=QUICK)
    await texts(world, 48)
    async with alive(world):
        await eventually(lambda: batch(world, 0))
    rows = await world.fetch(
        "SELECT strategy, selection_probability, draw FROM records WHERE project_id = $1 AND batch = 0",
        world.project_id,
    )
    assert len(rows) == 12
    start = draw("salt", "select", world.project_id, 0)
    for strategy, probability, of_record in rows:
        by_chance = (of_record - start) % 1.0 < 6 / 48
        assert (strategy, probability) == (("chance", 6 / 48) if by_chance else ("k_means", 1.0))


async def test_a_later_batch_is_chosen_by_what_the_champion_answers(world: World) -> None:
    await world.begin(chosen=QUICK)
    await label_all(world, await texts(world, 6, Split.VALIDATION), Split.VALIDATION)
    await texts(world, 60)
    async with alive(world):
        await label_all(world, await eventually(lambda: batch(world, 0)))
        selected = await eventually(lambda: batch(world, 1))
    rows = await world.fetch(
        "SELECT strategy, selection_probability FROM records WHERE record_id = ANY($1::uuid[])", selected
    )
    assert {row[0]: row[1] for row in rows if row[0] == "margin_clusters"} == {"margin_clusters": 1.0}
    assert {row[1] for row in rows if row[0] == "chance"} <= {0.6 / 48}


async def test_the_champions_class_comes_with_a_candidate(world: World) -> None:
    """So that a batch can be divided over the classes; before there is a champion there is none."""
    await world.begin(chosen=QUICK)
    (before,) = await texts(world, 1)
    runtime = world.service.runtime
    async with runtime.database.transaction() as session:
        (candidate,) = await selection.from_draw(session, world.project_id, 9, "topic", 0.5)
        assert (candidate.record_id, candidate.label) == (before, None)
    await world.champion()
    await world.service.run_loop("score")
    async with runtime.database.transaction() as session:
        (by_draw,) = await selection.from_draw(session, world.project_id, 9, "topic", 0.5)
        (by_score,) = await selection.most_unsure(session, world.project_id, 9, "topic")
    assert (by_draw.label, by_draw) == (world.truth[before], by_score)


async def test_a_sample_goes_round_the_circle_of_draws(world: World) -> None:
    await world.begin(chosen=QUICK)
    await texts(world, 20)
    async with world.service.runtime.database.transaction() as session:
        sample = await selection.from_draw(session, world.project_id, 15, None, 0.5)
    distances = [(each.draw - 0.5) % 1.0 for each in sample]
    assert len(sample) == 15
    rows = await world.fetch("SELECT draw FROM records WHERE project_id = $1", world.project_id)
    assert sorted(distances) == sorted((row[0] - 0.5) % 1.0 for row in rows)[:15]


async def test_what_comes_late_fills_up_the_cold_start(world: World) -> None:
    await world.begin(chosen=QUICK)
    await texts(world, 5)
    async with alive(world):
        assert len(await eventually(lambda: batch(world, 0))) == 5
        await texts(world, 20)
        assert len(await eventually(lambda: batch(world, 1))) == 7


async def test_held_out_explored_and_gold_records_are_never_selected(world: World) -> None:
    await world.begin(chosen=policies(cold_start=12, batch_size=6, random_share=0.5))
    held_out = await texts(world, 10, Split.TEST)
    train = await texts(world, 40)
    for record_id in train[:5]:
        await world.gold(record_id)
    async with alive(world):
        selected = await eventually(lambda: batch(world, 0))
    explored = {
        row[0] for row in await world.fetch("SELECT record_id FROM records WHERE project_id = $1 AND explored", world.project_id)
    }  # fmt: skip
    assert not set(selected) & {*held_out, *train[:5], *explored}


async def test_records_drawn_by_chance_are_selected_once_nothing_else_is_left(world: World) -> None:
    await world.begin(chosen=policies(cold_start=4, batch_size=4, random_share=1.0))
    await texts(world, 4)
    async with alive(world):
        assert len(await eventually(lambda: batch(world, 0))) == 4


async def test_a_first_challenger_waits_for_held_out_labels_but_serving_goes_on_when_nothing_else_is_left(
    world: World,
) -> None:
    await world.begin(chosen=QUICK)
    held_out = await texts(world, 8, Split.VALIDATION)
    await texts(world, 30)
    async with alive(world):
        await label_all(world, await eventually(lambda: batch(world, 0)))
        await eventually(lambda: stages(world))
        await asyncio.sleep(0.6)
        assert await stages(world) == ["challenger"]
        assert await batch(world, 1) == [], "held-out records are still being served"
        for record_id in held_out[:4]:
            await world.deliver_state(record_id, RecordUnlabelable(reason="nobody can read it"))
        assert await eventually(lambda: batch(world, 1)), "six held-out labels can't be reached any more"


async def test_with_enough_held_out_labels_the_first_challenger_is_promoted(world: World) -> None:
    await world.begin(chosen=QUICK)
    held_out = await texts(world, 8, Split.VALIDATION)
    await texts(world, 30)
    async with alive(world):
        await label_all(world, await eventually(lambda: batch(world, 0)))
        await eventually(lambda: stages(world))
        await label_all(world, held_out[:6], Split.VALIDATION)
        await eventually(lambda: batch(world, 1))
    assert await stages(world) == ["champion"]


async def test_promotion_by_hand_waits_for_people(world: World) -> None:
    by_hand = QUICK.model_copy(update={"learning": QUICK.learning.model_copy(update={"promotion": "by_hand"})})
    await world.begin(chosen=Policies.model_validate(by_hand.model_dump()))
    held_out = await texts(world, 6, Split.VALIDATION)
    await texts(world, 30)
    await label_all(world, held_out, Split.VALIDATION)
    async with alive(world):
        await label_all(world, await eventually(lambda: batch(world, 0)))
        assert await eventually(lambda: batch(world, 1)), "a decision that is left to people holds up nobody"
    assert await stages(world) == ["challenger"]
    ((run, *_), (model,)) = await runs(world), (await world.service.published(ModelChanged))[-1:]
    assert run["state"] == "compared"
    assert model.payload.evaluation is not None


async def test_a_worse_challenger_is_rejected(world: World) -> None:
    await world.begin(chosen=policies(cold_start=12, batch_size=6, promotion_held_out=6, enabled=False))
    await label_all(world, await texts(world, 9, Split.VALIDATION), Split.VALIDATION)
    await world.champion()
    worse = await world.upload(text_model(4), text_manifest(labels=["delivery", "billing", "other"]))
    assert worse.status_code == 201
    await world.service.run_loop("compare")
    published = (await world.service.published(ModelChanged))[-1].payload
    assert (published.model_id, published.stage) == (UUID(worse.json()["model_id"]), ModelStage.REJECTED)
    assert published.evaluation is not None
    assert published.evaluation.against_accuracy == 1.0
    assert await stages(world) == ["champion", "rejected"]


async def test_a_challenger_is_chosen_by_the_validation_split_alone(world: World) -> None:
    """On the test split it would be the better one."""
    await world.begin(chosen=policies(promotion_held_out=6, enabled=False))
    await label_all(world, await texts(world, 9, Split.VALIDATION), Split.VALIDATION)
    await world.champion()
    swapped = {"billing": "delivery", "delivery": "billing", "other": "other"}
    for record_id in await texts(world, 30, Split.TEST):
        await world.label(record_id, swapped[world.truth[record_id]], Split.TEST)
    other = await world.upload(text_model(4), text_manifest(labels=["delivery", "billing", "other"]))
    await world.service.run_loop("compare")
    changed = [event.payload for event in await world.service.published(ModelChanged)]
    published = [payload for payload in changed if payload.model_id == UUID(other.json()["model_id"])][-1]
    assert published.stage is ModelStage.REJECTED
    assert published.evaluation is not None
    assert (published.evaluation.split, published.evaluation.held_out) == ("validation", 9)


async def test_labels_of_the_test_split_let_no_challenger_be_compared(world: World) -> None:
    await world.begin(chosen=policies(promotion_held_out=6, enabled=False))
    await label_all(world, await texts(world, 9, Split.TEST), Split.TEST)
    assert (await world.upload(text_model(), text_manifest())).status_code == 201
    await world.service.run_loop("compare")
    assert await stages(world) == ["challenger"]


async def tests_of(world: World) -> list[Any]:
    events = await world.service.published(ModelChanged)
    return [
        event.payload.test
        for event in events
        if event.project_id == world.project_id and event.payload.test is not None
    ]


async def test_the_test_split_is_read_once_after_the_promotion(world: World) -> None:
    await world.begin(chosen=policies(promotion_held_out=6, enabled=False))
    model_id = await world.champion()
    await label_all(world, await texts(world, 5, Split.TEST), Split.TEST)
    await world.service.run_loop("test")
    assert await tests_of(world) == [], "too few labels"
    await label_all(world, await texts(world, 3, Split.TEST), Split.TEST)
    await world.service.run_loop("test")
    (report,) = await tests_of(world)
    assert (report.records, report.untouched, report.failure) == (8, True, None)
    assert report.interval_low < report.accuracy <= report.interval_high

    await label_all(world, await texts(world, 20, Split.TEST), Split.TEST)
    await world.service.run_loop("test")
    client, headers = world.service.client, world.service.token("trainer")
    read = (await client.get(f"/v1/models/{model_id}", headers=headers)).json()
    assert read["test"]["records"] == 8
    assert await tests_of(world) == [report]


async def test_a_challenger_is_not_tested(world: World) -> None:
    await world.begin(chosen=policies(promotion_held_out=6, enabled=False))
    assert (await world.upload(text_model(), text_manifest())).status_code == 201
    await label_all(world, await texts(world, 9, Split.TEST), Split.TEST)
    await world.service.run_loop("test")
    assert await tests_of(world) == []


async def test_a_model_that_is_replaced_during_its_test_has_no_report(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file may be gone by then, as that of one which learnt from an erased record."""
    await world.begin(chosen=policies(promotion_held_out=6, enabled=False))
    tested = await world.champion()
    await label_all(world, await texts(world, 8, Split.TEST), Split.TEST)
    measure = model_tests.measure

    async def replaced_meanwhile(*arguments: Any) -> Measured | None:
        measured = await measure(*arguments)
        monkeypatch.undo()
        await world.champion(text_model(4), text_manifest(labels=["delivery", "billing", "other"]))
        return measured

    monkeypatch.setattr(model_tests, "measure", replaced_meanwhile)
    await world.service.run_loop("test")
    assert await tests_of(world) == []
    rows = await world.fetch("SELECT stage, test FROM models WHERE model_id = $1", tested)
    assert [tuple(row) for row in rows] == [("retired", None)]
    await world.service.run_loop("test")
    assert len(await tests_of(world)) == 1, "the one in use now"


@pytest.mark.parametrize(("loop", "split"), [("test", Split.TEST), ("compare", Split.VALIDATION)])
async def test_no_attempt_is_counted_for_a_model_that_was_decided_on_before_it_began(
    world: World, monkeypatch: pytest.MonkeyPatch, loop: str, split: Split
) -> None:
    """Nobody would delete it: what is measured no more has no next attempt."""
    await world.begin(chosen=policies(promotion_held_out=6, enabled=False))
    if loop == "test":
        await world.champion()
    else:
        assert (await world.upload(text_model(), text_manifest())).status_code == 201
    await label_all(world, await texts(world, 8, split), split)
    measured: list[Any] = []

    async def out_of_reach(*arguments: Any) -> None:
        measured.append(arguments)

    begin = comparison_attempts.begin

    async def decided_on_before(session: Session, model_id: UUID, stage: ModelStage) -> ComparisonAttempt | None:
        if stage is ModelStage.CHAMPION:
            await world.champion(text_model(4), text_manifest(labels=["delivery", "billing", "other"]))
        else:
            path, trainer = f"/v1/models/{model_id}/promotion", world.service.token("trainer")
            promoted = await world.service.client.post(path, headers=trainer, json={"reason": "by hand"})
            assert promoted.status_code == 200, promoted.text
        monkeypatch.setattr(model_tests if loop == "test" else comparison, "measure", out_of_reach)
        return await begin(session, model_id, stage)

    monkeypatch.setattr(comparison_attempts, "begin", decided_on_before)
    await world.service.run_loop(loop)
    assert measured == []
    assert await world.fetch("SELECT FROM comparison_attempts") == []


async def train_now(world: World) -> Any:
    answer = await world.service.client.post(
        f"/v1/projects/{world.project_id}/training-runs",
        headers=world.service.token("trainer"),
        json={"reason": "by hand"},
    )
    assert answer.status_code == 202, answer.text
    await world.service.run_loop("train")
    await world.service.run_jobs()
    job = await world.service.client.get(f"/v1/jobs/{answer.json()['job_id']}", headers=world.service.token("trainer"))
    return job.json()


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


async def learning(world: World) -> Any:
    url = f"/v1/projects/{world.project_id}/learning"
    return (await world.service.client.get(url, headers=world.service.token("auditor"))).json()


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


async def test_a_challenger_waits_whether_it_was_trained_or_uploaded_and_whatever_came_after_it(world: World) -> None:
    chosen = policies(promotion_held_out=6, enabled=False)
    await world.begin(chosen=chosen)
    assert ((await learning(world))["comparing"], (await learning(world))["waiting_models"]) == (False, [])
    uploaded = (await world.upload(text_model(), text_manifest())).json()
    words = "It predicts nothing until 6 labels of the validation split made by people are there (0 now)"
    assert words in uploaded["next_step"]
    found = await learning(world)
    assert (found["comparing"], found["held_out_labels"]) == (True, 0)
    assert found["waiting_reason"] == found["waiting_models"][0]["reason"] == "validation_split_too_small"
    assert [(each["model_id"], each["training_run_id"]) for each in found["waiting_models"]] == [
        (uploaded["model_id"], None)
    ]
    assert words in found["next_step"]

    await label_all(world, await texts(world, 12))
    await train_now(world)
    await world.begin(DIGIT_SCHEMA, chosen, revision=2, versions=2)
    await train_now(world)  # fails: there are no labels of this version
    [trained, failed] = await runs(world)
    assert (trained["state"], failed["failure_reason"]) == ("comparing", "no_labels")
    found = await learning(world)
    assert [each["training_run_id"] for each in found["waiting_models"]] == [trained["run_id"], None]
    assert found["last_failure"]["reason"] == "no_labels"
    client, headers = world.service.client, world.service.token("trainer")
    read = (await client.get(f"/v1/models/{uploaded['model_id']}", headers=headers)).json()
    assert words in read["next_step"]
    promoted = await client.post(
        f"/v1/models/{uploaded['model_id']}/promotion", headers=headers, json={"reason": "to begin with"}
    )
    assert (promoted.json()["stage"], promoted.json()["next_step"]) == ("champion", None)


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


async def test_a_newer_challenger_supersedes_one_that_still_waits(world: World) -> None:
    await world.begin(chosen=QUICK)
    records = await texts(world, 20)
    await label_all(world, records[:12])
    await train_now(world)
    await label_all(world, records[12:])
    await train_now(world)
    assert await stages(world) == ["rejected", "challenger"]
    assert [run["state"] for run in await runs(world)] == ["superseded", "comparing"]


async def test_a_paused_project_is_left_alone(world: World) -> None:
    await world.begin(chosen=policies(cold_start=4))
    await texts(world, 12)
    await world.begin(chosen=policies(cold_start=4), revision=2, status="paused")
    async with alive(world):
        await asyncio.sleep(1.2)
    assert await batch(world, 0) == []


async def test_an_interrupted_promotion_leaves_everything_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.begin(chosen=policies(promotion_held_out=6, enabled=False))
    await label_all(world, await texts(world, 6, Split.VALIDATION), Split.VALIDATION)
    await world.upload(text_model(), text_manifest())
    deliver_state = registry.publish_changes

    async def interrupted(*_: object) -> None:
        raise ConnectionResetError("killed")

    monkeypatch.setattr(registry, "publish_changes", interrupted)
    with pytest.raises(ConnectionResetError):
        await world.service.run_loop("compare")
    assert await stages(world) == ["challenger"]
    monkeypatch.setattr(registry, "publish_changes", deliver_state)
    await comparison_is_due(world)
    await world.service.run_loop("compare")
    assert await stages(world) == ["champion"]


async def comparison_is_due(world: World) -> None:
    await world.fetch("UPDATE comparison_attempts SET retry_at = now()")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (IndexError("list index out of range"), "A fault of the service (IndexError)."),
        (asyncpg.QueryCanceledError("canceling statement due to statement timeout"), "The database failed (busy)."),
        (
            InferenceFailed("longer than 30 s"),
            "it could not answer the records of the validation split: longer than 30 s",
        ),
    ],
)
async def test_every_attempt_at_a_comparison_counts_and_after_the_last_one_the_model_is_rejected_with_its_reason(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    await world.begin(chosen=policies(promotion_held_out=6, enabled=False))
    await label_all(world, await texts(world, 6, Split.VALIDATION), Split.VALIDATION)
    await world.upload(text_model(), text_manifest())
    attempts = 0

    async def fails(*_: object, **__: object) -> Any:
        nonlocal attempts
        attempts += 1
        raise error

    monkeypatch.setattr(comparison, "measure", fails)
    for attempt in range(1, 6):
        assert await stages(world) == ["challenger"]
        with contextlib.suppress(type(error)):
            await world.service.run_loop("compare")
        await world.service.run_loop("compare")  # not at once
        assert attempts == attempt
        await comparison_is_due(world)
    await world.service.run_loop("compare")
    assert attempts == 5
    rejected = (await world.service.published(ModelChanged))[-1].payload
    assert (rejected.stage, rejected.reason) == (ModelStage.REJECTED, f"its comparison failed 5 times: {reason}")
    assert await world.fetch("SELECT FROM comparison_attempts") == []


async def test_a_comparison_that_ends_the_process_each_time_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.begin(chosen=policies(promotion_held_out=6, enabled=False))
    await label_all(world, await texts(world, 6, Split.VALIDATION), Split.VALIDATION)
    await world.upload(text_model(), text_manifest())

    async def killed(*_: object, **__: object) -> Any:
        raise asyncio.CancelledError  # nothing is written after it

    monkeypatch.setattr(comparison, "measure", killed)
    for _ in range(5):
        with pytest.raises(asyncio.CancelledError):
            await world.service.run_loop("compare")
        await comparison_is_due(world)
    await world.service.run_loop("compare")
    rejected = (await world.service.published(ModelChanged))[-1].payload
    assert (rejected.stage, rejected.reason) == (
        ModelStage.REJECTED,
        "its comparison failed 5 times: The service was interrupted.",
    )


async def test_a_comparison_whose_records_are_out_of_reach_waits_for_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.begin(chosen=policies(promotion_held_out=6, enabled=False))
    await label_all(world, await texts(world, 6, Split.VALIDATION), Split.VALIDATION)
    await world.upload(text_model(), text_manifest())

    async def away(*_: object, **__: object) -> Any:
        return None

    with monkeypatch.context() as patched:
        patched.setattr(comparison, "measure", away)
        for _ in range(7):
            await world.service.run_loop("compare")
            await comparison_is_due(world)
    await world.service.run_loop("compare")
    assert await stages(world) == ["champion"]


async def test_scoring_goes_on_where_it_was_interrupted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.begin()
    records = await texts(world, 30)
    model_id = await world.champion()
    tools = world.service.runtime.resources
    monkeypatch.setattr(tools.pace, "size", 7)
    monkeypatch.setattr(tools.pace, "took", lambda _: None)
    publish, left = outbox.publish_many, iter([True, True, False])

    async def interrupted(session: Session, items: Sequence[outbox.Outgoing]) -> list[UUID]:
        ids = await publish(session, items)
        if not next(left, True):
            raise ConnectionResetError("killed")
        return ids

    monkeypatch.setattr(outbox, "publish_many", interrupted)
    with pytest.raises(ConnectionResetError):
        await world.service.run_loop("score")
    await world.service.run_loop("score")
    published = [
        event for event in await world.service.published(RecordPredicted) if event.payload.model_id == model_id
    ]
    assert sorted(event.record_id for event in published if event.record_id) == sorted(records)


async def test_a_process_killed_within_a_page_of_scoring_leaves_nothing_out_and_does_nothing_twice(
    tmp_path: Path,
) -> None:
    objects_url = tmp_path.as_uri()
    async with service_under_test("prelabel", objects_url=objects_url) as service:
        world = World(service)
        await world.begin()
        records = await texts(world, 30)
        model_id = await world.champion()
        database_url = service.settings.database_url
        assert database_url is not None

        async def scored() -> list[UUID]:
            published = await service.published(RecordPredicted)
            return sorted(each.record_id for each in published if each.record_id and each.payload.model_id == model_id)

        await run_until_killed(scoring_process.__name__, database_url.get_secret_value(), objects_url, 7)
        assert len(await scored()) == 7
        lost = time.monotonic()
        await service.run_loop("score")
        assert await scored() == sorted(records)
        assert time.monotonic() - lost < 10 * slowness(), "the lease of the process that was killed runs out"


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


async def test_records_that_come_during_a_promotion_are_scored_by_the_new_champion(world: World) -> None:
    await world.begin()
    await world.champion()
    before = await texts(world, 5)
    newest = await world.champion(text_model(4))
    after = await texts(world, 5)
    await world.service.run_loop("score")
    rows = await world.fetch("SELECT DISTINCT model_id FROM records WHERE record_id = ANY($1)", [*before, *after])
    assert [row[0] for row in rows] == [newest]


async def test_two_replicas_share_the_scoring(world: World) -> None:
    await world.begin()
    records = await texts(world, 40)
    model_id = await world.champion()
    await asyncio.gather(*(world.service.run_loop("score") for _ in range(3)))
    await world.service.run_loop("score")
    published = [
        event for event in await world.service.published(RecordPredicted) if event.payload.model_id == model_id
    ]
    assert sorted(event.record_id for event in published if event.record_id) == sorted(records)


async def test_where_learning_stands_can_be_seen(world: World) -> None:
    await world.begin(chosen=QUICK)
    await texts(world, 30)
    async with alive(world):
        await eventually(lambda: batch(world, 0))
    client, headers = world.service.client, world.service.token("auditor")
    published = (await client.get(f"/v1/projects/{world.project_id}/learning", headers=headers)).json()
    assert (published["batch"], published["batch_size"], published["batch_open"], published["candidates"]) == (
        0,
        12,
        12,
        18,
    )
    listed = (await client.get(f"/v1/projects/{world.project_id}/batches", headers=headers)).json()["items"]
    assert [(item["batch"], item["size"], item["still_open"]) for item in listed] == [(0, 12, 12)]
