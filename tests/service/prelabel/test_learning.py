"""The loop of learning goes round, and where it stands can be seen."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from shared.contracts.events import RecordPredicted
from shared.contracts.values import Split
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
from tests.service.prelabel.world import DIGIT_SCHEMA, World, eventually, policies, text_manifest, text_model


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


async def test_a_paused_project_is_left_alone(world: World) -> None:
    await world.begin(chosen=policies(cold_start=4))
    await texts(world, 12)
    await world.begin(chosen=policies(cold_start=4), revision=2, status="paused")
    async with alive(world):
        await asyncio.sleep(1.2)
    assert await batch(world, 0) == []


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
