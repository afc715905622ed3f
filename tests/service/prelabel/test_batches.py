"""Which records are selected for people."""

from shared.contracts.values import Split
from tests.service.prelabel.learning import QUICK, alive, batch, texts
from tests.service.prelabel.world import World, eventually, policies


async def test_the_cold_start_logs_the_true_chance(world: World) -> None:
    await world.begin(chosen=QUICK)
    await texts(world, 48)
    async with alive(world):
        await eventually(lambda: batch(world, 0))
    rows = await world.fetch(
        "SELECT strategy, selection_probability, count(*) FROM records WHERE project_id = $1 AND batch = 0 GROUP BY 1, 2",
        world.project_id,
    )
    assert sorted(tuple(row) for row in rows) == [("chance", 6 / 48, 6), ("k_means", 1.0, 6)]


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
