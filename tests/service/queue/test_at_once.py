"""Everything at the same time: people, events and loops. Nothing fails, nothing is taken, nothing counts twice."""

import asyncio
import random
from collections import Counter
from uuid import UUID

from shared.contracts.events import AnnotationSubmitted, GoldPlaced
from shared.contracts.values import Split
from tests.service.queue.world import Person, World, finalized, policies, sentiment
from tests.support.service import service_under_test

CHOSEN = policies(
    gold={"entry_test": 2, "share": 0.2},
    learning={"enabled": True, "random_share": 0.2, "random_rate": 0.5},
    redundancy={"without_model": 2, "with_model": 2, "held_out": 3},
    auto_accept={"audit_share": 0.2},
)
PEOPLE, RECORDS, ROUNDS = 10, 60, 12


async def labour(person: Person, dice: random.Random, faults: list[str], acknowledged: list[str]) -> None:
    """Somebody who leases, submits, submits again, skips, gives back, and sometimes just goes to lunch."""
    for _ in range(ROUNDS):
        asked = await person.ask(dice.choice([1, 1, 1, 3]))
        if asked.status_code != 200:
            faults.append(asked.text)
            continue
        for lease in asked.json()["leases"]:
            token, chance = lease["token"], dice.random()
            if chance < 0.1:
                continue
            if chance < 0.2:
                answer = await person.skip(token)
            elif chance < 0.3:
                answer = await person.release(token)
            else:
                answer = await person.submit(token, sentiment(dice.choice(["positive", "negative"])), next=0)
                if answer.status_code == 200:
                    acknowledged.append(answer.json()["annotation_id"])
            if answer.status_code >= 500:
                faults.append(answer.text)


async def news(world: World, record_ids: list[UUID], dice: random.Random) -> None:
    """Events of qa and prelabel meanwhile."""
    for number, record_id in enumerate(record_ids):
        match number % 6:
            case 0:
                await world.from_qa(record_id, GoldPlaced(schema_version=1, exposures=4))
            case 1:
                await world.request(record_id, 4)
            case 2:
                await world.from_qa(record_id, finalized())
            case 3:
                await world.arbitrate(record_id)
            case 4:
                await world.relabel(record_id, slots_total=2)
            case _:
                await world.predict(record_id, "positive", 0.99, selected=dice.random() < 0.5)


async def upkeep(world: World, done: asyncio.Event) -> None:
    revision = 0
    while not done.is_set():
        revision += 1
        await world.publish(world.threshold_of(0.9 if revision % 2 else None, revision))
        for loop in ("reroute", "find_unservable", "fold_progress", "route_waiting"):
            await world.service.run_loop(loop)
        await world.expire_leases()
        await asyncio.sleep(0)


async def test_everything_at_once_keeps_every_promise() -> None:
    dice = random.Random(3)
    async with service_under_test("queue", unservable_after_s=0, database_pool_size=20) as service:
        world = await World(service, policies=CHOSEN).open()
        people = [*await world.people(PEOPLE), await world.person("expert")]  # type: ignore[arg-type]
        record_ids = [
            await world.record(
                Split.TEST if number % 4 == 0 else Split.TRAIN, "positive", 0.95, selected=number % 3 > 0
            )
            for number in range(RECORDS)
        ]
        faults: list[str] = []
        acknowledged: list[str] = []
        done = asyncio.Event()
        background = asyncio.create_task(upkeep(world, done))
        await asyncio.gather(
            news(world, record_ids, dice), *(labour(person, dice, faults, acknowledged) for person in people)
        )
        done.set()
        await background
        assert faults == []
        await check(world, acknowledged)


async def check(world: World, acknowledged: list[str]) -> None:
    async with world.service.database.transaction() as session:
        twice = await session.raw.fetchval(
            "SELECT count(*) FROM (SELECT FROM slots WHERE state IN ('leased', 'submitted', 'skipped')"
            " GROUP BY record_id, annotator_id HAVING count(*) > 1) found"
        )
        slots = await session.raw.fetchval("SELECT count(*) FROM slots WHERE state = 'submitted'")
        kept = [str(row[0]) for row in await session.raw.fetch("SELECT annotation_id FROM annotations")]
        accepted_and_alive = await session.raw.fetchval(
            "SELECT count(*) FROM routes r JOIN slots s USING (record_id)"
            " WHERE r.route = 'auto_accept' AND s.state IN ('held', 'free', 'leased', 'submitted')"
            " AND s.lane NOT IN ('gold', 'arbitration') AND s.round = r.round"
        )
        gold_served_on = await session.raw.fetchval(
            "SELECT count(*) FROM records r JOIN slots s USING (record_id)"
            " WHERE r.state = 'gold' AND s.lane <> 'gold' AND s.state IN ('held', 'free')"
        )
        returned = await session.raw.fetch(
            "SELECT m.granted - m.returned AS used, (SELECT count(*) FROM slots s WHERE s.annotator_id = m.annotator_id"
            " AND s.project_id = m.project_id AND s.state IN ('leased', 'submitted')) AS held FROM memberships m"
        )
    assert twice == 0
    assert accepted_and_alive == 0
    assert gold_served_on == 0
    published = [str(one.payload.annotation_id) for one in await world.service.published(AnnotationSubmitted)]
    assert Counter(published) == Counter(kept) == Counter(set(acknowledged))
    assert slots == len(kept)
    assert all(row["used"] == row["held"] for row in returned), [tuple(row) for row in returned]
    progress = await world.progress()
    assert progress["annotations"] + progress["gold_annotations"] + progress["decisions"] == len(kept)
    assert sum(progress["records"].values()) == RECORDS
