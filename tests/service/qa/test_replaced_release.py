"""While replicas are replaced, some still write as the release before did: nothing of it is forgotten."""

from shared.contracts.events import RelabelRequested
from shared.kit.clock import new_id
from tests.service.qa.world import World


async def test_a_record_that_was_routed_by_a_prediction_without_a_model_waits_for_none(world: World) -> None:
    record_id = new_id()
    scored = world.scored(record_id)
    await world.deliver(world.accepted(record_id), world.routed(record_id, 2))
    async with world.service.database.transaction() as session:
        await session.raw.execute(
            "UPDATE records SET routed_prediction_id = $2 WHERE record_id = $1", record_id, scored.id
        )
    await world.deliver(scored, world.annotated(record_id, "cat"), world.annotated(record_id, "cat", slot=2))
    assert (await world.label(record_id))["annotations"] == 2


async def test_a_report_without_a_flag_has_its_effect_by_and_by(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.feedback(record_id, "dog"))
    async with world.service.database.transaction() as session:
        await session.raw.execute("UPDATE records SET reported = false WHERE record_id = $1", record_id)
    await world.deliver(world.annotated(record_id, "cat"), world.annotated(record_id, "cat", slot=2))
    assert await world.published(RelabelRequested, record_id) == []
    await world.service.run_loop("review_reports")
    assert len(await world.published(RelabelRequested, record_id)) == 1
    await world.service.run_loop("review_reports")
    assert len(await world.published(RelabelRequested, record_id)) == 1
