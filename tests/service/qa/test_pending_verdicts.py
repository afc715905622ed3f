"""Answers of many parts are compared in a process of its own, and nothing else waits for them."""

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from services.qa.operations.pending_verdicts import MOST_ATTEMPTS
from shared.contracts.answers import LabelSchema
from shared.contracts.events import ArbitrationRequested, LabelFinalized, RelabelRequested
from shared.kit.clock import new_id
from shared.kit.compute.exceptions import ComputeCrashed, ComputeFailed, ComputeTimeout
from tests.service.qa.world import World
from tests.support.service import ServiceUnderTest
from tests.support.slowness import slowness

SCHEMA = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "names", "kind": "spans", "field": "text", "labels": ["PER", "LOC"]}],
    }
)
TEXT = "Ann met Bob. " * 100


def many(label: str = "PER", count: int = 40) -> dict[str, Any]:
    """So many that they are compared in the background."""
    return {"names": {"spans": [{"start": at * 13, "end": at * 13 + 3, "label": label} for at in range(count)]}}


@pytest.fixture
async def world(qa: ServiceUnderTest) -> World:
    world = World(qa, schemas=(SCHEMA,))
    await world.deliver(world.project())
    return world


async def opened(world: World) -> UUID:
    record_id = new_id()
    await world.deliver(world.accepted(record_id, fields={"text": TEXT}), world.routed(record_id, 2))
    return record_id


async def answered(world: World) -> UUID:
    record_id = await opened(world)
    await world.deliver(world.annotated(record_id, many()), world.annotated(record_id, many(), slot=2))
    return record_id


async def pending(world: World) -> list[tuple[int, str | None]]:
    async with world.service.database.transaction() as session:
        rows = await session.raw.fetch(
            "SELECT attempts, failure FROM pending_verdicts WHERE project_id = $1", world.project_id
        )
    return [tuple(row) for row in rows]


class Failing:
    """A compute pool in which every computation fails."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    async def run(self, *_: Any, **__: Any) -> Any:
        raise self.failure


async def judged(world: World, monkeypatch: pytest.MonkeyPatch, failure: Exception | None = None) -> None:
    """One round of the loop."""
    judge = world.service.runtime.resources.pending
    with monkeypatch.context() as patch:
        if failure is not None:
            patch.setattr(judge, "compute", Failing(failure))
        await world.service.run_loop("judge_pending")


async def test_answers_of_many_parts_are_judged_by_the_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    record_id = await answered(world)
    assert await world.published(LabelFinalized, record_id) == []
    assert await pending(world) == [(0, None)]
    await judged(world, monkeypatch)
    label = await world.label(record_id)
    assert (label["method"], label["annotations"], len(label["answers"]["names"]["spans"])) == ("consensus", 2, 40)
    assert await pending(world) == []
    assert (await world.lineage(record_id))["chain"]["verified"]


async def test_few_parts_are_judged_at_once(world: World) -> None:
    record_id = await opened(world)
    await world.deliver(world.annotated(record_id, many(count=3)), world.annotated(record_id, many(count=3), slot=2))
    assert (await world.label(record_id))["annotations"] == 2


async def test_a_report_on_a_large_label_is_compared_by_the_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    record_id = await answered(world)
    await judged(world, monkeypatch)
    report = world.feedback(record_id, None)
    await world.deliver(world.event(report.payload.model_copy(update={"correction": many("LOC")}), record_id))
    assert await world.published(RelabelRequested, record_id) == []
    await judged(world, monkeypatch)
    assert len(await world.published(RelabelRequested, record_id)) == 1
    assert await pending(world) == []


async def test_reports_are_compared_with_nothing_before_there_is_a_label(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_id = await opened(world)
    report = world.feedback(record_id, None).payload
    for _ in range(3):
        again = report.model_copy(update={"feedback_id": new_id(), "correction": many("LOC")})
        await world.deliver(world.event(again, record_id))
    await world.deliver(world.annotated(record_id, many()))
    assert await pending(world) == []
    await world.deliver(world.annotated(record_id, many(), slot=2))
    await judged(world, monkeypatch)
    assert len(await world.published(RelabelRequested, record_id)) == 1


async def test_a_fact_that_comes_meanwhile_is_judged_with_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was computed without it is not applied."""
    record_id = await answered(world)
    pool, more = world.service.runtime.compute, world.routed(record_id, 3)

    class Slow:
        async def run(self, *arguments: Any, **more_arguments: Any) -> Any:
            verdict = await pool.run(*arguments, **more_arguments)
            if not await world.published(LabelFinalized, record_id):
                await world.deliver(more)
            return verdict

    with monkeypatch.context() as patch:
        patch.setattr(world.service.runtime.resources.pending, "compute", Slow())
        await world.service.run_loop("judge_pending")
    assert await world.published(LabelFinalized, record_id) == [], "a third annotation is wanted now"
    await world.deliver(world.annotated(record_id, many(), slot=3))
    await judged(world, monkeypatch)
    assert (await world.label(record_id))["annotations"] == 3


@pytest.mark.parametrize("failure", [ComputeTimeout(), ComputeCrashed()])
async def test_what_can_not_be_computed_goes_to_an_arbiter_with_an_alarm(
    world: World, monkeypatch: pytest.MonkeyPatch, failure: ComputeFailed
) -> None:
    reason = {"reason": type(failure).__name__}
    before = REGISTRY.get_sample_value("touchstone_verdicts_set_aside_total", reason) or 0.0
    record_id = await answered(world)
    await judged(world, monkeypatch, failure)
    (asked,) = await world.published(ArbitrationRequested, record_id)
    assert asked.reason == "consensus_failed"
    assert len(asked.disputed) == 1
    assert REGISTRY.get_sample_value("touchstone_verdicts_set_aside_total", reason) == before + 1.0
    assert await pending(world) == []
    await world.deliver(world.decided(record_id, many()))
    assert (await world.label(record_id))["method"] == "decision"


async def test_an_attempt_counts_although_the_process_died_in_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    record_id = await answered(world)

    class Dying:
        async def run(self, *_: Any, **__: Any) -> Any:
            raise asyncio.CancelledError

    for number in range(1, MOST_ATTEMPTS + 1):
        with monkeypatch.context() as patch:
            patch.setattr(world.service.runtime.resources.pending, "compute", Dying())
            with pytest.raises(asyncio.CancelledError):
                await world.service.run_loop("judge_pending")
        assert await pending(world) == [(number, None)]
    await judged(world, monkeypatch)
    (asked,) = await world.published(ArbitrationRequested, record_id)
    assert asked.reason == "consensus_failed"


async def test_gold_wins_over_a_pending_verdict(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    record_id = await answered(world)
    await world.put(f"/projects/{world.project_id}/records/{record_id}/gold", {"answers": many()})
    await judged(world, monkeypatch)
    assert (await world.state(record_id))["state"] == "gold"
    assert (await world.published(LabelFinalized, record_id), await pending(world)) == ([], [])


async def test_projects_take_turns(qa: ServiceUnderTest, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much one project has pending, another one's record is among the first."""
    for _ in range(12):
        await answered(world)
    other = World(qa, schemas=(SCHEMA,))
    await other.deliver(other.project())
    await answered(other)
    pool, order = qa.runtime.compute, []

    class Noting:
        async def run(self, *arguments: Any, project_id: UUID, **more: Any) -> Any:
            order.append(project_id)
            return await pool.run(*arguments, project_id=project_id, **more)

    with monkeypatch.context() as patch:
        patch.setattr(qa.runtime.resources.pending, "compute", Noting())
        await qa.run_loop("judge_pending")
    assert order.index(other.project_id) < 8
    assert len(await world.published(LabelFinalized)) == 12


BOXES = LabelSchema.model_validate(
    {
        "fields": [{"name": "photo", "kind": "image"}],
        "questions": [{"name": "things", "kind": "boxes", "field": "photo", "labels": ["car"]}],
    }
)
PHOTO = {
    "photo": {
        "asset_id": str(new_id()),
        "media_type": "image/png",
        "width": 5000,
        "height": 5000,
        "sha256": "0" * 64,
        "size_bytes": 1,
    }
}


def crowd(count: int, shift: float) -> dict[str, Any]:
    """As many like boxes, side by side."""
    boxes = [
        {"x": 100.0 * (at % 45) + shift, "y": 100.0 * (at // 45), "width": 90.0, "height": 80.0, "label": "car"}
        for at in range(count)
    ]
    return {"things": {"boxes": boxes}}


async def test_thousands_of_boxes_hold_up_nobody(qa: ServiceUnderTest, world: World) -> None:
    """While they are compared the event loop answers, and another project's label is made."""
    large = World(qa, schemas=(BOXES,))
    await large.deliver(large.project())
    record_id = new_id()
    await large.deliver(large.accepted(record_id, fields=PHOTO), large.routed(record_id, 3))
    for slot, shift in enumerate((0.0, 1.5, 3.0), start=1):
        await large.deliver(large.annotated(record_id, crowd(2000, shift), slot=slot))
    stalls: list[float] = []
    ticking = asyncio.create_task(tick(stalls))
    judging = asyncio.create_task(qa.run_loop("judge_pending"))
    other = await opened(world)
    few = many(count=3)
    await world.deliver(world.annotated(other, few), world.annotated(other, few, slot=2))
    assert (await world.label(other))["annotations"] == 2
    await judging
    ticking.cancel()
    label = await large.label(record_id)
    assert (label["annotations"], len(label["answers"]["things"]["boxes"])) == (3, 2000)
    assert max(stalls) < 0.25 * slowness()


async def tick(stalls: list[float]) -> None:
    """Note how long the event loop did not come to this."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.01)
        stalls.append(time.monotonic() - before - 0.01)
