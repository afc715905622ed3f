"""Champions answer what is due, whatever interrupts them."""

import asyncio
import math
import time
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from structlog.testing import CapturingLogger

from services.prelabel import metrics
from services.prelabel.compute import sessions
from services.prelabel.operations import scoring
from shared.contracts.events import (
    RecordPredicted,
    Unanswered,
)
from shared.kit import outbox
from shared.kit.compute.exceptions import ComputeTimeout
from shared.kit.database import Session
from tests.service.prelabel import scoring_process
from tests.service.prelabel.learning import texts
from tests.service.prelabel.made_models import fastidious, tiny
from tests.service.prelabel.world import (
    DIGIT_SCHEMA,
    World,
    digit_manifest,
    digit_model,
    eventually,
    png,
    text_model,
)
from tests.support.killed import run_until_killed
from tests.support.service import ServiceUnderTest, service_under_test
from tests.support.slowness import slowness


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


async def test_a_champion_without_an_answer_is_named_and_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.begin(DIGIT_SCHEMA)
    model_id = await world.champion(fastidious(), digit_manifest())
    spoilt = np.full((8, 8), 7, dtype=np.uint8)
    fine = await world.record({"picture": await world.asset(png(spoilt + 1), 8, 8)})
    broken = await world.record({"picture": await world.asset(png(spoilt), 8, 8)})
    nothing = await world.record({})
    before = metrics.UNANSWERED.labels("unusable")._value.get()
    log = CapturingLogger()
    monkeypatch.setattr(scoring, "log", log)
    await world.service.run_loop("score")
    found = {event.record_id: event.payload for event in await world.service.published(RecordPredicted)}
    assert (found[fine].model_id, found[fine].unanswered) == (model_id, None)
    for record_id, reason in ((broken, "unusable"), (nothing, "unreadable")):
        assert (found[record_id].model_id, found[record_id].answers) == (None, {})
        assert found[record_id].unanswered == Unanswered(model_id=model_id, model_version=1, reason=reason)
    client, headers = world.service.client, world.service.token("trainer")
    shown = (await client.get(f"/v1/models/{model_id}", headers=headers)).json()
    assert shown["unanswered"] == {"unreadable": 1, "unusable": 1}
    (kept,) = (await client.get(f"/v1/records/{broken}/predictions", headers=headers)).json()["items"]
    assert kept["prediction"]["unanswered"]["reason"] == "unusable"
    assert metrics.UNANSWERED.labels("unusable")._value.get() == before + 1
    assert {call.args for call in log.calls} == {("model_gave_no_answer",)}
    told_of = [{"model_id": model_id, "reason": reason, "records": 1} for reason in ("unreadable", "unusable")]
    assert sorted((call.kwargs for call in log.calls), key=itemgetter("reason")) == told_of


async def test_the_largest_picture_that_ingest_keeps_is_read_and_a_broken_one_is_named(world: World) -> None:
    await world.begin(DIGIT_SCHEMA)
    model_id = await world.champion(digit_model(), digit_manifest())
    side = math.isqrt(world.service.runtime.settings.max_asset_pixels)
    largest = png(np.zeros((side, side), dtype=np.uint8))
    largest_id = await world.record({"picture": await world.asset(largest, side, side)})
    larger = await world.record({"picture": await world.asset(png(np.zeros((side + 1, side + 1), np.uint8)), 8, 8)})
    broken = await world.record({"picture": await world.asset(largest[:-30], side, side)})
    await world.service.run_loop("score")
    found = {event.record_id: event.payload for event in await world.service.published(RecordPredicted)}
    assert (found[largest_id].model_id, found[largest_id].unanswered) == (model_id, None)
    client, headers = world.service.client, world.service.token("trainer")
    for record_id in (larger, broken):
        (kept,) = (await client.get(f"/v1/records/{record_id}/predictions", headers=headers)).json()["items"]
        assert kept["prediction"]["unanswered"]["reason"] == "unreadable"


async def test_a_champion_that_fails_again_and_again_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.begin(DIGIT_SCHEMA)
    model_id = await world.champion(tiny(), digit_manifest())
    record_id = await world.digit(1)

    compute = world.service.runtime.compute
    run = compute.run

    async def too_slow(function: Any, *arguments: Any, **limits: Any) -> Any:
        if function is sessions.predict:
            raise ComputeTimeout("the computation took longer than 30 s")
        return await run(function, *arguments, **limits)

    monkeypatch.setattr(compute, "run", too_slow)
    await world.service.run_loop("score")
    (found,) = [
        event.payload for event in await world.service.published(RecordPredicted) if event.record_id == record_id
    ]
    assert found.unanswered == Unanswered(model_id=model_id, model_version=1, reason="failed")


async def test_a_champion_that_hangs_holds_up_the_scoring_of_no_other_project(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurt, sound, late = World(service), World(service), World(service)
    for world in (hurt, sound, late):
        await world.begin()
        await world.champion()
    stuck = await hurt.text("billing", 1)
    record_id = await sound.text("other", 1)
    predict, freed, hangs = service.runtime.resources.inference.predict, asyncio.Event(), asyncio.Event()

    async def hanging(model_id: UUID, items: Any, *, project_id: UUID, **more: Any) -> Any:
        if project_id == hurt.project_id:
            hangs.set()
            await freed.wait()
        return await predict(model_id, items, project_id=project_id, **more)

    async def scored(record_id: UUID) -> bool:
        events = await service.published(RecordPredicted)
        return any(event.record_id == record_id and event.payload.model_id is not None for event in events)

    monkeypatch.setattr(service.runtime.resources.inference, "predict", hanging)
    scoring = asyncio.create_task(service.run_loop("score"))
    try:
        await asyncio.wait_for(hangs.wait(), 10)
        assert await eventually(lambda: scored(record_id))
        came = await late.text("delivery", 1)
        assert await eventually(lambda: scored(came)), "also what came while it hung"
        assert not await scored(stuck)
        assert not scoring.done()
    finally:
        freed.set()
        await asyncio.wait_for(scoring, 10)
    assert await scored(stuck)
