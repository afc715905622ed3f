"""Challengers are compared on labels of the validation split, and promoted or rejected."""

import asyncio
import contextlib
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.prelabel.exceptions import InferenceFailed
from services.prelabel.operations import comparison, registry
from shared.contracts.events import ModelChanged, RecordUnlabelable
from shared.contracts.policies import Policies
from shared.contracts.values import ModelStage, Split
from tests.service.prelabel.learning import (
    QUICK,
    alive,
    attempts_of,
    batch,
    comparison_is_due,
    label_all,
    runs,
    stages,
    texts,
    train_now,
)
from tests.service.prelabel.world import World, eventually, policies, text_manifest, text_model


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


async def test_a_newer_challenger_supersedes_one_that_still_waits(world: World) -> None:
    await world.begin(chosen=QUICK)
    records = await texts(world, 20)
    await label_all(world, records[:12])
    await train_now(world)
    await label_all(world, records[12:])
    await train_now(world)
    assert await stages(world) == ["rejected", "challenger"]
    assert [run["state"] for run in await runs(world)] == ["superseded", "comparing"]


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
    assert await attempts_of(world) == []


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
