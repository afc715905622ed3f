"""What product systems report is evidence; qa decides."""

import time
from uuid import UUID

from shared.contracts.events import ArbitrationRequested, LabelFinalized, RelabelRequested
from shared.contracts.values import Verdict
from tests.service.qa.world import World, animal
from tests.support.service import ServiceUnderTest
from tests.support.slowness import slowness
from tests.support.statements import sent_statements


async def relabelled(world: World, record_id: object, label: str, number: int) -> None:
    await world.deliver(
        world.annotated(record_id, label, number=number),  # type: ignore[arg-type]
        world.annotated(record_id, label, number=number, slot=2),  # type: ignore[arg-type]
    )


async def test_a_correction_that_agrees_changes_nothing(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver(world.feedback(record_id, "cat"), world.feedback(record_id, None, verdict=Verdict.CONFIRMED))
    assert await world.published(RelabelRequested, record_id) == []
    assert not (await world.state(record_id))["under_review"]


async def test_a_contrary_correction_asks_for_another_round_and_the_label_stands_meanwhile(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver(world.feedback(record_id, "dog"))
    (asked,) = await world.published(RelabelRequested, record_id)
    assert (asked.round, asked.blind, asked.pool) == (2, True, None)
    label = await world.label(record_id)
    assert label["under_review"]
    assert label["answers"] == animal("cat")
    assert (await world.state(record_id))["state"] == "finalized"

    await relabelled(world, record_id, "dog", 2)
    label = await world.label(record_id)
    assert (label["label_revision"], label["answers"], label["under_review"]) == (2, animal("dog"), False)
    assert [one.label_revision for one in await world.published(LabelFinalized, record_id)] == [1, 2]


async def test_a_second_contrary_correction_goes_to_an_arbiter_whose_decision_is_final(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver(world.feedback(record_id, "dog"))
    await relabelled(world, record_id, "cat", 2)
    await world.deliver(world.feedback(record_id, "dog"))
    (arbitration,) = await world.published(ArbitrationRequested, record_id)
    assert arbitration.round == 3
    assert sorted(one["animal"]["label"] for one in arbitration.disputed) == ["cat", "dog"]
    await world.deliver(world.decided(record_id, "cat", number=3))
    assert (await world.label(record_id))["method"] == "decision"

    await world.deliver(world.feedback(record_id, "dog"))
    assert len(await world.published(ArbitrationRequested, record_id)) == 1
    assert len(await world.published(RelabelRequested, record_id)) == 1
    effects = [one["effect"] for one in (await world.lineage(record_id))["feedback"]]
    assert effects == ["relabel_requested", "arbitration_requested", "agrees_or_decided"]


async def test_reports_that_come_during_a_review_wait_for_its_end(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver(world.feedback(record_id, "dog"), world.feedback(record_id, "dog"))
    assert len(await world.published(RelabelRequested, record_id)) == 1
    await relabelled(world, record_id, "dog", 2)
    effects = [one["effect"] for one in (await world.lineage(record_id))["feedback"]]
    assert effects == ["relabel_requested", "agrees_or_decided"]


async def test_the_same_report_twice_is_one_report(world: World) -> None:
    record_id = await world.finalized("cat")
    report = world.feedback(record_id, "dog")
    again = world.event(report.payload, record_id, 2)
    await world.deliver(report, again)
    await relabelled(world, record_id, "cat", 2)
    assert len(await world.published(RelabelRequested, record_id)) == 1
    assert len((await world.lineage(record_id))["feedback"]) == 1


async def test_a_report_on_an_open_record_waits_for_its_label(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.feedback(record_id, "dog"))
    await relabelled(world, record_id, "cat", 1)
    assert len(await world.published(RelabelRequested, record_id)) == 1


async def effects_of(world: World, record_id: UUID) -> list[str]:
    """What each of the record's reports led to, oldest first."""
    async with world.service.database.transaction() as session:
        rows = await session.raw.fetch(
            "SELECT effect FROM feedback WHERE record_id = $1 ORDER BY observed_at, feedback_id", record_id
        )
    return [row["effect"] for row in rows]


async def test_many_reports_on_one_record_cost_what_few_do_and_hold_up_no_other_project(
    qa: ServiceUnderTest, world: World
) -> None:
    neighbour = World(qa)
    await neighbour.deliver(neighbour.project())
    costs = []
    for count in (5, 500):
        record_id, other = await world.open_record(), await neighbour.finalized("cat")
        reports = [world.feedback(record_id, "dog") for _ in range(count)]
        begun = time.monotonic()
        with sent_statements(qa.database) as sent:
            await world.deliver_set(*reports, neighbour.feedback(other, "dog"))
        assert time.monotonic() - begun < 2.0 * slowness()
        costs.append(len(sent))
        assert len(await neighbour.published(RelabelRequested, other)) == 1
        assert await effects_of(world, record_id) == ["pending"] * count
    assert costs[0] == costs[1], costs


async def test_of_many_reports_each_has_its_effect_in_the_order_of_observation(world: World) -> None:
    record_id = await world.open_record()
    reports = [world.feedback(record_id, "cat") for _ in range(250)]
    await world.deliver_set(*reports, world.feedback(record_id, "dog"), world.feedback(record_id, "bird"))
    await relabelled(world, record_id, "cat", 1)
    label = await world.label(record_id)
    assert (label["label_revision"], label["under_review"]) == (1, False), "it stands while the others are compared"
    assert await effects_of(world, record_id) == ["agrees_or_decided"] * 100 + ["pending"] * 152

    await world.service.run_loop("judge_pending")
    assert await effects_of(world, record_id) == ["agrees_or_decided"] * 250 + ["relabel_requested", "pending"]
    assert len(await world.published(RelabelRequested, record_id)) == 1

    await relabelled(world, record_id, "bird", 2)
    assert (await effects_of(world, record_id))[-2:] == ["relabel_requested", "agrees_or_decided"]
    assert await world.published(ArbitrationRequested, record_id) == []


async def test_a_report_that_comes_while_others_wait_is_judged_after_them(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver_set(*(world.feedback(record_id, "cat") for _ in range(150)))
    await relabelled(world, record_id, "cat", 1)
    await world.deliver(world.feedback(record_id, "dog"))
    await world.service.run_loop("judge_pending")
    assert await effects_of(world, record_id) == ["agrees_or_decided"] * 150 + ["relabel_requested"]
