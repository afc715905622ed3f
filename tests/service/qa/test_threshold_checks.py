"""People may share a model's mistakes: an expert sees a share of what they agree on before anything is accepted."""

from uuid import UUID

import pytest

from services.qa.resources import Pauses
from services.qa.storage import counters
from services.qa.storage.counters import BackgroundWork
from shared.contracts.events import ArbitrationRequested, AutoAcceptThresholdSet, RelabelRequested
from shared.contracts.policies import AutoAcceptPolicy
from shared.contracts.values import AnnotatorStatus, ModelStage, Pool, ScoredFor, Split, TaskKind
from shared.kit.clock import new_id
from tests.service.qa.world import World, two_are_enough
from tests.support.service import ServiceUnderTest

CHECKED = two_are_enough(auto_accept=AutoAcceptPolicy(error_budget=0.2, audit_share=0.5))
"""With so few records an expert sees all on which people and the model agree, if they may be accepted."""


@pytest.fixture
async def world(qa: ServiceUnderTest) -> World:
    world = World(qa, policies=CHECKED)
    await world.deliver(world.project(), world.annotator(new_id(), Pool.EXPERT))
    return world


async def look(world: World) -> list[AutoAcceptThresholdSet]:
    world.service.runtime.resources.pauses = Pauses()
    await world.service.run_loop("test_thresholds")
    published = await world.published(AutoAcceptThresholdSet)
    return [one for one in published if one.label == "cat"]


async def held_out(world: World, model_id: UUID, count: int) -> list[UUID]:
    """Finalized held-out records that the model answers as people do, ever less surely."""
    records = []
    for number in range(count):
        record_id = await world.finalized("cat", Split.TEST)
        await predict(world, model_id, record_id, 0.99 - number * 0.4 / count)
        records.append(record_id)
    return records


async def predict(world: World, model_id: UUID, record_id: UUID, confidence: float) -> None:
    await world.deliver(
        world.predicted(record_id, "cat", confidence, model_id=model_id, scored_for=ScoredFor.EVALUATION)
    )


async def test_an_expert_sees_what_people_and_a_sure_model_agree_on_before_the_look(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    records = await held_out(world, model_id, 40)
    assert await look(world) == []
    asked = await world.published(RelabelRequested)
    assert len(asked) == len(records)
    assert {(one.pool, one.blind, one.slots_total, one.reason) for one in asked} == {
        (Pool.EXPERT, True, 1, "agreement_drawn")
    }
    assert (await world.get(f"/projects/{world.project_id}/thresholds"))["tests"] == []
    for record_id in records:
        await world.deliver(world.annotated(record_id, "cat", number=2))
    (published,) = await look(world)
    evidence = published.evidence
    assert published.threshold is not None
    assert evidence is not None
    assert (evidence.tested, evidence.checked, evidence.wrong_agreements, evidence.check_share) == (40, 40, 0, 1.0)
    assert len(await world.published(RelabelRequested)) == len(records)


async def test_mistakes_that_people_share_count(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    records = await held_out(world, model_id, 40)
    await look(world)
    for number, record_id in enumerate(records):
        label = "dog" if number % 2 else "cat"
        await world.deliver(world.annotated(record_id, label, number=2))
        if label == "dog":
            await world.deliver(world.decided(record_id, "dog", number=3))
    (published,) = await look(world)
    assert (published.threshold, published.reason) == (None, "no_threshold_passes")
    assert published.evidence is not None
    assert published.evidence.wrong_agreements == 20


async def test_an_arbiter_decides_where_an_expert_contradicts_people_and_the_model(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    records = await held_out(world, model_id, 40)
    await look(world)
    first, second, *rest = records
    for record_id in (first, second):
        await world.deliver(world.annotated(record_id, "dog", number=2))
    for record_id in rest:
        await world.deliver(world.annotated(record_id, "cat", number=2))
    requested = await world.published(ArbitrationRequested)
    assert [(one.round, one.reason) for one in requested] == [(3, "expert_contradicts")] * 2
    assert [one["animal"]["label"] for one in requested[0].disputed] == ["cat", "dog"]
    assert await look(world) == [], "two of forty are at an arbiter's"

    await world.deliver(world.decided(first, "cat", number=3))
    await world.deliver(world.unservable(second, TaskKind.ARBITRATION, number=3))
    assert (await world.label(first))["answers"]["animal"]["label"] == "cat"
    assert (await world.label(second))["answers"]["animal"]["label"] == "dog", "without an arbiter the expert's stands"
    (published,) = await look(world)
    assert published.evidence is not None
    assert (published.evidence.tested, published.evidence.errors, published.evidence.wrong_agreements) == (40, 1, 1)


async def test_no_expert_is_asked_where_nothing_could_be_accepted_anyhow(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    records = [await world.finalized("cat" if number % 2 else "dog", Split.TEST) for number in range(40)]
    for number, record_id in enumerate(records):
        await predict(world, model_id, record_id, 0.99 - number * 0.01)
    await look(world)
    differing = await world.published(RelabelRequested)
    assert {one.reason for one in differing} == {"champion_differs"}
    for record_id in records[::2]:
        await world.deliver(world.annotated(record_id, "dog", number=2))
    (published,) = await look(world)
    assert published.threshold is None
    assert len(await world.published(RelabelRequested)) == len(differing)


async def test_versions_of_a_model_share_one_risk(world: World) -> None:
    world.policies = two_are_enough(auto_accept=AutoAcceptPolicy(error_budget=0.2, check_share=0.0))
    await world.deliver(world.project())
    first, second, third = new_id(), new_id(), new_id()
    await world.deliver(world.model(first))
    records = [await world.finalized("cat", Split.TEST) for _ in range(60)]
    for place, model_id in enumerate((first, second, third)):
        for number, record_id in enumerate(records):
            await predict(world, model_id, record_id, 0.99 - number * 0.005)
        if place:
            await world.deliver(world.model((first, second)[place - 1], ModelStage.RETIRED), world.model(model_id))
        assert len(await look(world)) == place + 1
    tests = (await world.get(f"/projects/{world.project_id}/thresholds"))["tests"]
    contents = [one["content"] for one in reversed(tests)]
    assert [one["look"] for one in contents] == [1, 2, 3]
    risks = [1.0 - one["level"] for one in contents]
    assert risks[0] == pytest.approx(0.035)
    spent = [risk - one["returned"] for risk, one in zip(risks, contents, strict=True)]
    assert sum(spent) <= 0.05
    assert risks[1] == pytest.approx(0.0075 + contents[0]["returned"]), (
        "a look of which every step passed spent nothing"
    )
    assert risks[1] > risks[0] - 0.001


async def waits(world: World) -> bool:
    """Whether a test of the project's thresholds is marked."""
    async with world.service.database.autocommit() as session:
        return (world.project_id, None) in await counters.marks(session, BackgroundWork.THRESHOLD_TEST)


async def test_who_becomes_an_expert_wakes_the_test_of_thresholds(world: World) -> None:
    await world.deliver(world.model(new_id()))
    somebody = new_id()
    for pool, status, wakes in (
        (Pool.CROWD, AnnotatorStatus.ACTIVE, False),
        (Pool.EXPERT, AnnotatorStatus.PAUSED, False),
        (Pool.EXPERT, AnnotatorStatus.ACTIVE, True),
        (Pool.EXPERT, AnnotatorStatus.ACTIVE, False),
    ):
        await look(world)
        assert not await waits(world)
        await world.deliver(world.annotator(somebody, pool, status))
        assert await waits(world) is wakes, (pool, status)


async def test_experts_of_other_projects_are_none_of_this_one(world: World) -> None:
    """queue says so: nobody may serve what experts are asked for."""
    model_id = new_id()
    await world.deliver(world.model(model_id))
    records = await held_out(world, model_id, 40)
    assert await look(world) == []
    assert len(await world.published(RelabelRequested)) == len(records)
    for record_id in records:
        await world.deliver(world.unservable(record_id, number=2))
        await world.deliver(world.unservable(record_id, TaskKind.ARBITRATION, number=2))
    assert await look(world) == [], "a look would spend risk on what nobody checked"
    assert (await world.get(f"/projects/{world.project_id}/thresholds"))["tests"] == []

    for record_id in records:
        await world.deliver(world.servable(record_id, TaskKind.ARBITRATION, number=2))
    assert await waits(world)
    for record_id in records:
        await world.deliver(world.decided(record_id, "cat", number=2))
    (published,) = await look(world)
    assert published.threshold is not None
