"""Superseded predictions go when events of their age do; what lineage names stays."""

from uuid import UUID

from shared.contracts.envelope import Event
from shared.contracts.events import RecordPredicted
from shared.contracts.values import ModelStage
from shared.kit.clock import new_id
from tests.service.qa.world import World


async def kept(world: World, record_id: UUID) -> list[int]:
    async with world.service.database.transaction() as session:
        rows = await session.raw.fetch(
            "SELECT revision FROM predictions WHERE record_id = $1 ORDER BY revision", record_id
        )
    return [row["revision"] for row in rows]


async def pass_days(world: World, days: int) -> None:
    async with world.service.database.transaction() as session:
        await session.raw.execute(
            "UPDATE superseded_predictions SET superseded_at = superseded_at - make_interval(days => $1)", days
        )
    await world.service.run_loop("prune")


async def predicted(world: World, record_id: UUID, predictions: int) -> list[Event[RecordPredicted]]:
    events = [world.predicted(record_id, "cat") for _ in range(predictions)]
    await world.deliver(*events)
    return events


async def test_superseded_predictions_are_pruned_when_their_time_is_over(world: World) -> None:
    record_id = await world.open_record()
    await predicted(world, record_id, 3)
    await pass_days(world, 29)
    assert await kept(world, record_id) == [1, 2, 3]
    await pass_days(world, 2)
    assert await kept(world, record_id) == [3]
    await pass_days(world, 31)
    assert await kept(world, record_id) == [3]


async def test_a_prediction_counts_as_superseded_since_the_next_one_came(world: World) -> None:
    record_id = await world.open_record()
    await predicted(world, record_id, 2)
    await pass_days(world, 20)
    await predicted(world, record_id, 1)
    await pass_days(world, 20)
    assert await kept(world, record_id) == [2, 3]


async def test_predictions_that_routed_a_record_or_were_shown_stay_and_lineage_shows_them(world: World) -> None:
    record_id = new_id()
    await world.deliver(world.accepted(record_id))
    routed_by, rerouted_by, shown, unused, newest = await predicted(world, record_id, 5)
    await world.deliver(
        world.routed(record_id, prediction=routed_by),
        world.routed(record_id, prediction=rerouted_by),
        world.annotated(record_id, "cat", shown=shown.id),
        world.annotated(record_id, "cat", slot=2),
    )
    before = await world.lineage(record_id)
    await pass_days(world, 31)
    lineage = await world.lineage(record_id)
    assert [UUID(one["prediction_id"]) for one in lineage["predictions"]] == [
        routed_by.id, rerouted_by.id, shown.id, newest.id
    ]  # fmt: skip
    assert [(one["routed_by"], one["shown"]) for one in lineage["predictions"]] == [
        (True, False), (True, False), (False, True), (False, False)
    ]  # fmt: skip
    assert lineage["chain"]["verified"]
    without = [one for one in before["predictions"] if UUID(one["prediction_id"]) != unused.id]
    assert lineage == {**before, "predictions": without}


async def test_a_route_of_an_earlier_release_names_its_prediction(world: World) -> None:
    record_id = new_id()
    await world.deliver(world.accepted(record_id))
    routed_by, _ = await predicted(world, record_id, 2)
    event = world.routed(record_id, prediction=routed_by)
    await world.deliver(event)
    async with world.service.database.transaction() as session:
        await session.raw.execute(
            "UPDATE routes SET content = $2, prediction_id = NULL WHERE record_id = $1",
            record_id,
            event.payload.model_dump_json(),
        )
    await pass_days(world, 31)
    assert await kept(world, record_id) == [1, 2]


async def test_what_the_champion_predicted_stays_as_evidence_until_another_takes_its_place(world: World) -> None:
    record_id = await world.open_record()
    champion = new_id()
    await world.deliver(world.model(champion), world.predicted(record_id, "cat", model_id=champion))
    await predicted(world, record_id, 1)
    await pass_days(world, 31)
    assert await kept(world, record_id) == [1, 2]

    await world.deliver(world.model(champion, stage=ModelStage.RETIRED))
    await predicted(world, record_id, 1)
    await pass_days(world, 31)
    assert await kept(world, record_id) == [3]


async def test_an_older_prediction_that_comes_late_goes_with_its_time(world: World) -> None:
    record_id = await world.open_record()
    older, newer = world.predicted(record_id, "dog"), world.predicted(record_id, "cat")
    await world.deliver(newer, older)
    assert await kept(world, record_id) == [1, 2]
    await pass_days(world, 31)
    assert await kept(world, record_id) == [2]

    # A repeat of what is pruned is a superseded row again.
    await world.deliver(older)
    await pass_days(world, 31)
    assert await kept(world, record_id) == [2]


async def test_a_long_backlog_is_pruned_in_sets(world: World) -> None:
    async with world.service.database.transaction() as session:
        await session.raw.execute(BACKLOG, world.project_id)
    await pass_days(world, 31)
    async with world.service.database.transaction() as session:
        left = await session.raw.fetch(
            "SELECT revision, count(*) AS rows FROM predictions WHERE project_id = $1 GROUP BY revision",
            world.project_id,
        )
    assert [tuple(row) for row in left] == [(2, 1_200)]


BACKLOG = """
WITH made AS (
    INSERT INTO records (record_id, project_id, annotated, reported)
    SELECT gen_random_uuid(), $1, false, false FROM generate_series(1, 1200) RETURNING record_id
), kept AS (
    INSERT INTO predictions (prediction_id, record_id, project_id, revision, model_id, model_version, schema_version,
        answers, confidence, scored_for, predicted_at)
    SELECT gen_random_uuid(), record_id, $1, number, gen_random_uuid(), 1, 1, '{}', 0.5, 'routing', now()
    FROM made, generate_series(1, 2) AS number
)
INSERT INTO superseded_predictions (record_id, revision) SELECT record_id, 2 FROM made
"""
