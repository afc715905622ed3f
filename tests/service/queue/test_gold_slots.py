"""Slots for gold are made as they are needed: what gold costs doesn't grow with how many annotators it may be served to."""

from services.queue.domain.tasks import Purpose
from services.queue.operations.gold_exposures import AHEAD, top_up
from services.queue.storage import records
from shared.contracts.events import GoldPlaced, GoldWithdrawn
from tests.service.queue.test_sets import CountedDatabase, handle
from tests.service.queue.world import World, policies, shown
from tests.support.service import ServiceUnderTest

ALL_GOLD = policies(gold={"entry_test": 0, "share": 1.0}, serving={"leases_per_annotator": 100})


async def slots_in_line(world: World) -> tuple[int, int, int]:
    """How many free slots there are in the project's line of gold, how many numbers of them, and how many places."""
    async with world.service.database.transaction() as session:
        row = await session.raw.fetchrow(
            "SELECT count(*), count(DISTINCT (task_id, slot)), count(DISTINCT sort_key) FROM slots"
            " WHERE project_id = $1 AND lane = 'gold' AND state = 'free'",
            world.project_id,
        )
    return tuple(row)


async def test_placing_gold_again_sets_the_exposures(world: World) -> None:
    record_id = await world.record()
    for exposures, free in ((3, 3), (5, 5), (2, 2)):
        await world.gold(record_id, exposures)
        await world.service.run_loop("top_up_gold")
        assert (await world.slots(record_id)).count("free") == free


async def test_gold_is_changed_without_loading_its_slots(service: ServiceUnderTest) -> None:
    """Placed again, and ended while somebody has it: the slots change in statements, and who had one may have another."""
    world = await World(service, policies=ALL_GOLD).open()
    person = await world.person()
    record_id = await world.record()
    await world.gold(record_id, exposures=400)
    await world.record()
    lease = await person.one()
    assert shown(lease) == str(record_id)
    async with world.service.database.transaction() as session:
        locked = await records.lock(session, [record_id])
        assert [len(task.slots) for record in locked for task in record.tasks if task.purpose is Purpose.GOLD] == [0]
    await world.gold(record_id, exposures=3)
    await world.service.run_loop("top_up_gold")
    assert (await slots_in_line(world))[0] == 2, "one is leased"
    await world.from_qa(record_id, GoldWithdrawn(reason="it was wrong"))
    assert await slots_in_line(world) == (0,) * 3
    assert (await person.submit(lease["token"])).status_code == 409
    async with world.service.database.transaction() as session:
        row = await session.raw.fetchrow(
            "SELECT granted, returned FROM memberships WHERE project_id = $1 AND annotator_id = $2",
            world.project_id,
            person.annotator_id,
        )
    assert tuple(row) == (1, 1)
    await world.gold(record_id, exposures=90)
    await world.service.run_loop("top_up_gold")
    assert (await slots_in_line(world))[0] == AHEAD
    await world.erase(record_id)
    assert await slots_in_line(world) == (0,) * 3


async def test_gold_costs_as_many_rows_and_statements_whether_it_is_for_ten_annotators_or_for_thousands(
    world: World,
) -> None:
    costs = []
    for count, exposures in ((3, 10), (150, 10), (150, 5_000)):
        placed = [
            world.event(GoldPlaced(schema_version=1, exposures=exposures), one, world.next("qa", one))
            for one in await world.records(count)
        ]
        before = (await slots_in_line(world))[0]
        statements = await handle(world, placed)
        costs.append((len(statements), ((await slots_in_line(world))[0] - before) / count))
    assert len({statements for statements, _ in costs}) == 1, costs
    assert {rows for _, rows in costs} == {AHEAD}
    await world.service.run_loop("look_through_gold")
    await world.service.run_loop("top_up_gold")
    assert await slots_in_line(world) == ((3 + 150 + 150) * AHEAD,) * 3, "nobody had any"


async def test_gold_gets_more_slots_as_it_is_served_and_no_more_than_it_has_exposures(
    service: ServiceUnderTest,
) -> None:
    world = await World(service, policies=ALL_GOLD).open()
    exposures = 2 * AHEAD + 2
    gold = await world.record()
    await world.gold(gold, exposures)
    await world.records(30)
    served = []
    for person in await world.people(exposures + 4):
        served.append(shown(await person.one()) == str(gold))
        await world.service.run_loop("top_up_gold")
    assert served == [True] * exposures + [False] * 4


async def test_topping_up_takes_as_many_statements_for_many_tasks_as_for_one(service: ServiceUnderTest) -> None:
    world = await World(service, policies=ALL_GOLD).open()
    for record_id in await world.records(40):
        await world.gold(record_id)
    await world.records(40)
    counted, resources = CountedDatabase(service.database), service.runtime.resources
    [first, second] = await world.people(2)
    statements = []
    for person, count in ((first, 1), (second, 40)):
        assert len(await person.lease(count=count)) == count
        served = resources.hints.gold.take(100)
        assert 1 <= len(served) <= count
        counted.sent.clear()
        async with counted.transaction() as session:
            await top_up(session, resources.projects, served)
        statements.append(len(counted.sent))
    assert statements[0] == statements[1] <= 8
    assert await slots_in_line(world) == (40 * AHEAD,) * 3


async def test_gold_that_was_served_by_a_process_that_ended_is_found(service: ServiceUnderTest) -> None:
    world = await World(service, policies=ALL_GOLD).open()
    await world.gold(await world.record())
    await world.records(3)
    await (await world.person()).one()
    service.runtime.resources.hints.gold.take(10)  # and forgets it
    await service.run_loop("top_up_gold")
    assert (await slots_in_line(world))[0] == AHEAD - 1
    await service.run_loop("look_through_gold")
    assert (await slots_in_line(world))[0] == AHEAD


async def test_gold_that_is_withdrawn_or_for_fewer_gets_no_more_slots(world: World) -> None:
    withdrawn, fewer, erased = await world.records(3)
    for record_id in (withdrawn, fewer, erased):
        await world.gold(record_id, exposures=200)
    await world.from_qa(withdrawn, GoldWithdrawn(reason="it was wrong"))
    await world.gold(fewer, exposures=3)
    await world.erase(erased)
    for loop in ("look_through_gold", "top_up_gold"):
        await world.service.run_loop(loop)
        assert await slots_in_line(world) == (3,) * 3
    for exposures, free in ((300, AHEAD), (2, 2)):
        await world.gold(fewer, exposures)
        await world.service.run_loop("top_up_gold")
        assert await slots_in_line(world) == (free,) * 3
