"""Which records are selected for people."""

from services.prelabel.storage import selection
from shared.contracts.draws import draw
from shared.contracts.values import Split
from tests.service.prelabel.learning import QUICK, alive, batch, label_all, texts
from tests.service.prelabel.world import World, eventually, policies


async def test_the_cold_start_logs_the_true_chance(world: World) -> None:
    await world.begin(chosen=QUICK)
    await texts(world, 48)
    async with alive(world):
        await eventually(lambda: batch(world, 0))
    rows = await world.fetch(
        "SELECT strategy, selection_probability, draw FROM records WHERE project_id = $1 AND batch = 0",
        world.project_id,
    )
    assert len(rows) == 12
    start = draw("salt", "select", world.project_id, 0)
    for strategy, probability, of_record in rows:
        by_chance = (of_record - start) % 1.0 < 6 / 48
        assert (strategy, probability) == (("chance", 6 / 48) if by_chance else ("k_means", 1.0))


async def test_a_later_batch_is_chosen_by_what_the_champion_answers(world: World) -> None:
    await world.begin(chosen=QUICK)
    await label_all(world, await texts(world, 6, Split.VALIDATION), Split.VALIDATION)
    await texts(world, 60)
    async with alive(world):
        await label_all(world, await eventually(lambda: batch(world, 0)))
        selected = await eventually(lambda: batch(world, 1))
    rows = await world.fetch(
        "SELECT strategy, selection_probability FROM records WHERE record_id = ANY($1::uuid[])", selected
    )
    assert {row[0]: row[1] for row in rows if row[0] == "margin_clusters"} == {"margin_clusters": 1.0}
    assert {row[1] for row in rows if row[0] == "chance"} <= {0.6 / 48}


async def test_the_champions_class_comes_with_a_candidate(world: World) -> None:
    """So that a batch can be divided over the classes; before there is a champion there is none."""
    await world.begin(chosen=QUICK)
    (before,) = await texts(world, 1)
    runtime = world.service.runtime
    async with runtime.database.transaction() as session:
        (candidate,) = await selection.from_draw(session, world.project_id, 9, "topic", 0.5)
        assert (candidate.record_id, candidate.label) == (before, None)
    await world.champion()
    await world.service.run_loop("score")
    async with runtime.database.transaction() as session:
        (by_draw,) = await selection.from_draw(session, world.project_id, 9, "topic", 0.5)
        (by_score,) = await selection.most_unsure(session, world.project_id, 9, "topic")
    assert (by_draw.label, by_draw) == (world.truth[before], by_score)


async def test_a_sample_goes_round_the_circle_of_draws(world: World) -> None:
    await world.begin(chosen=QUICK)
    await texts(world, 20)
    async with world.service.runtime.database.transaction() as session:
        sample = await selection.from_draw(session, world.project_id, 15, None, 0.5)
    distances = [(each.draw - 0.5) % 1.0 for each in sample]
    assert len(sample) == 15
    rows = await world.fetch("SELECT draw FROM records WHERE project_id = $1", world.project_id)
    assert sorted(distances) == sorted((row[0] - 0.5) % 1.0 for row in rows)[:15]


async def test_what_comes_late_fills_up_the_cold_start(world: World) -> None:
    await world.begin(chosen=QUICK)
    await texts(world, 5)
    async with alive(world):
        assert len(await eventually(lambda: batch(world, 0))) == 5
        await texts(world, 20)
        assert len(await eventually(lambda: batch(world, 1))) == 7


async def test_held_out_explored_and_gold_records_are_never_selected(world: World) -> None:
    await world.begin(chosen=policies(cold_start=12, batch_size=6, random_share=0.5))
    held_out = await texts(world, 10, Split.TEST)
    train = await texts(world, 40)
    for record_id in train[:5]:
        await world.gold(record_id)
    async with alive(world):
        selected = await eventually(lambda: batch(world, 0))
    explored = {
        row[0] for row in await world.fetch("SELECT record_id FROM records WHERE project_id = $1 AND explored", world.project_id)
    }  # fmt: skip
    assert not set(selected) & {*held_out, *train[:5], *explored}


async def test_records_drawn_by_chance_are_selected_once_nothing_else_is_left(world: World) -> None:
    await world.begin(chosen=policies(cold_start=4, batch_size=4, random_share=1.0))
    await texts(world, 4)
    async with alive(world):
        assert len(await eventually(lambda: batch(world, 0))) == 4
