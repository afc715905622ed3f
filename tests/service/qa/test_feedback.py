"""What product systems report is evidence; qa decides."""

from shared.contracts.events import ArbitrationRequested, LabelFinalized, RelabelRequested
from shared.contracts.values import Verdict
from tests.service.qa.world import World, animal


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
