"""Events are handled in sets: what a set costs is a number of statements, whatever its size."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import pytest

from services.queue.operations import routing
from shared.contracts.envelope import Event, Payload
from shared.contracts.events import (
    AnnotationsRequested,
    GoldPlaced,
    RecordErased,
    RecordUnlabelable,
    RelabelRequested,
)
from shared.contracts.values import Route
from shared.kit.clock import new_id, utc_now
from shared.kit.consuming import EventSet
from shared.kit.database import Database, Session
from tests.service.queue.world import World, arbitration, finalized, policies
from tests.support.service import ServiceUnderTest, envelope
from tests.support.statements import TYPE_LOOKUP

SIZE = 150


class CountedDatabase:
    """A database that notes the statements that are sent in its transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.sent: list[str] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        def note(query: Any) -> None:
            if TYPE_LOOKUP not in query.query:
                self.sent.append(query.query)

        async with self._database.transaction() as session:
            session.raw.add_query_logger(note)
            try:
                yield session
            finally:
                session.raw.remove_query_logger(note)


async def handle(world: World, events: Sequence[Event[Payload]]) -> list[str]:
    """Have the service's handler take the events as one set; return the statements it sent."""
    subscription = next(
        each
        for each in world.service.runtime.spec.subscriptions(world.service.runtime)
        if each.payload is type(events[0].payload)
    )
    found: EventSet[Any] = EventSet(events)
    database = CountedDatabase(world.service.database)
    async with database.transaction() as session:
        await subscription.handle(session, found)
    assert not found.needs
    return database.sent


def of_each(
    world: World, record_ids: Sequence[UUID], payload: Callable[[int], Payload], revision: int = 1
) -> list[Event[Any]]:
    return [world.event(payload(number), record_id, revision) for number, record_id in enumerate(record_ids)]


async def test_changes_of_many_projects_cost_as_much_as_one(world: World) -> None:
    """What differs of each is noted for the walks that carry it out."""

    def of_many(ids: Sequence[UUID], revision: int) -> list[Event[Any]]:
        return [envelope(world.project(), project_id, revision=revision) for project_id in ids]

    many = [new_id() for _ in range(20)]
    await handle(world, of_many(many, 1))
    world.policies = policies(redundancy={"without_model": 3}, serving={"blind_share": 0.5})
    one, others = await handle(world, of_many(many[:1], 2)), await handle(world, of_many(many[1:], 2))
    assert one == others
    async with world.service.database.transaction() as session:
        noted = await session.raw.fetchval("SELECT count(*) FROM project_changes WHERE project_id = ANY($1)", many)
    assert noted == len(many)


async def test_a_set_of_records_is_accepted_in_five_statements(world: World) -> None:
    record_ids = [new_id() for _ in range(SIZE)]
    events = of_each(world, record_ids, lambda number: world.accepted(text=str(number)))
    sent = await handle(world, [*events, *events[:3]])
    assert len(sent) <= 5, sent
    assert (await world.progress())["records"]["open"] == SIZE


@pytest.mark.parametrize("label", [None, "positive"])
async def test_a_set_of_records_is_routed_in_eight_statements(world: World, label: str | None) -> None:
    record_ids = [new_id() for _ in range(SIZE)]
    await handle(world, of_each(world, record_ids, lambda _: world.accepted()))
    await world.record(label=label)  # so that the project and its thresholds have been read
    sent = await handle(world, of_each(world, record_ids, lambda _: world.predicted(label)))
    assert len(sent) <= 8, sent
    assert await world.slots(record_ids[-1]) == ["free"]


async def test_a_set_that_is_predicted_again_moves_in_twelve_statements(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(redundancy={"without_model": 3, "with_model": 1})).open()
    record_ids = [new_id() for _ in range(SIZE)]
    await handle(world, of_each(world, record_ids, lambda _: world.accepted()))
    await handle(world, of_each(world, record_ids, lambda _: world.predicted()))
    again = of_each(world, record_ids, lambda _: world.predicted("positive"), 2)
    sent = await handle(world, again)
    assert len(sent) <= 12, sent
    assert await world.slots(record_ids[0]) == ["free", "void", "void"]


async def test_events_of_one_record_in_a_set_count_in_their_order(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(redundancy={"without_model": 3, "with_model": 1})).open()
    record_id = new_id()
    await handle(world, [world.event(world.accepted(), record_id)])
    await handle(
        world,
        [
            world.event(world.predicted(), record_id, 1),
            world.event(world.predicted("positive"), record_id, 3),
            world.event(world.predicted(), record_id, 2),
        ],
    )
    assert [(one.slots_total, one.model_id) for one in await world.routes(record_id)] == [
        (3, None),
        (1, world.model_id),
    ]
    assert await world.slots(record_id) == ["free", "void", "void"]


ENDS: list[tuple[str, Callable[[int], Payload], int]] = [
    ("finalized", lambda _: finalized(), 8),
    ("unlabelable", lambda _: RecordUnlabelable(reason="no arbiter"), 8),
    ("gold", lambda _: GoldPlaced(schema_version=1, exposures=3), 12),
    ("requested", lambda _: AnnotationsRequested(round=1, slots_total=2, reason="unsure"), 12),
    ("relabelled", lambda _: RelabelRequested(round=2, slots_total=1, reason="contradicted"), 12),
    ("arbitrated", lambda _: arbitration(), 12),
    ("erased", lambda _: RecordErased(reason="asked for"), 22),
]


@pytest.mark.parametrize(("payload", "most"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
async def test_what_happens_to_a_set_of_records_takes_few_statements(
    world: World, payload: Callable[[int], Payload], most: int
) -> None:
    record_ids = [new_id() for _ in range(SIZE)]
    await handle(world, of_each(world, record_ids, lambda _: world.accepted()))
    await handle(world, of_each(world, record_ids, lambda _: world.predicted()))
    sent = await handle(world, of_each(world, record_ids, payload, 2))
    assert len(sent) <= most, sent


async def test_a_new_threshold_reads_only_what_lies_between_it_and_the_old_one(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    record_ids = [new_id() for _ in range(100)]
    await handle(world, of_each(world, record_ids, lambda _: world.accepted()))
    await handle(world, of_each(world, record_ids, lambda number: world.predicted("positive", number / 100)))
    await world.threshold(0.9)
    await world.publish(world.threshold_of(0.8, revision=2))
    async with service.database.transaction() as session:
        before = await session.raw.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())")
    database = CountedDatabase(service.database)
    assert await routing.reroute(cast("Database", database), service.runtime.resources.projects, utc_now(), 50)
    async with service.database.transaction() as session:
        locked = await session.raw.fetchval(
            "SELECT count(*) FROM records WHERE xmax::text::bigint >= $1::bigint", before
        )
    assert len(database.sent) <= 15, database.sent
    assert locked == 10
    accepted = [one for one in record_ids if (await world.route(one)).route is Route.AUTO_ACCEPT]
    assert accepted == record_ids[80:]
    await service.run_loop("reroute")
    async with service.database.transaction() as session:
        assert await session.raw.fetchval("SELECT count(*) FROM threshold_changes") == 0
