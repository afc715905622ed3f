"""Champions are tested on the test split, once."""

from typing import Any
from uuid import UUID

import pytest

from services.prelabel.domain.evaluation import Measured
from services.prelabel.operations import comparison, model_tests
from services.prelabel.storage import comparison_attempts
from services.prelabel.storage.comparison_attempts import ComparisonAttempt
from shared.contracts.events import ModelChanged
from shared.contracts.values import ModelStage, Split
from shared.kit.database import Session
from tests.service.prelabel.learning import attempts_of, label_all, texts
from tests.service.prelabel.world import World, policies, text_manifest, text_model


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
    assert await attempts_of(world) == []
