"""Events come in any order across topics: a record ends the same whichever came first."""

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import Event
from shared.contracts.events import (
    AnnotationsRequested,
    GoldPlaced,
    GoldWithdrawn,
    LabelRetracted,
    RecordErased,
    RecordUnlabelable,
    RelabelRequested,
)
from shared.contracts.topics import TOPIC_OF
from shared.contracts.values import LabelMethod, Split, TaskKind
from shared.kit.clock import new_id
from tests.service.queue.world import World, arbitration, finalized, policies
from tests.support.service import ServiceUnderTest

Scene = Callable[[World, UUID], list[Event[Any]]]

AFTER_ROUTING = 3
"""How many events of a scene come first and in order, where the rest can only come once the record was routed."""


def arrived(world: World, record_id: UUID, split: Split = Split.TRAIN, label: str | None = None) -> list[Event[Any]]:
    return [
        world.event(world.project()),
        world.event(world.accepted(split), record_id),
        world.event(world.predicted(label), record_id),
    ]


def routed(world: World, record_id: UUID) -> list[Event[Any]]:
    return [*arrived(world, record_id), world.event(world.predicted("positive", selected=True), record_id, 2)]


def gold(world: World, record_id: UUID) -> list[Event[Any]]:
    return [*arrived(world, record_id), world.event(GoldPlaced(schema_version=1, exposures=3), record_id)]


def gold_for_a_while(world: World, record_id: UUID) -> list[Event[Any]]:
    return [*gold(world, record_id), world.event(GoldWithdrawn(reason="wrong"), record_id, 2)]


def erased(world: World, record_id: UUID) -> list[Event[Any]]:
    return [*gold(world, record_id), world.event(RecordErased(reason="asked for"), record_id, 2)]


def threshold_before_prediction(world: World, record_id: UUID) -> list[Event[Any]]:
    return [*arrived(world, record_id, label="positive"), world.event(world.threshold_of(0.5))]


def finalized_before_it_was_asked_for_more(world: World, record_id: UUID) -> list[Event[Any]]:
    return [
        *arrived(world, record_id),
        world.event(AnnotationsRequested(round=1, slots_total=3, reason="unsure"), record_id, 1),
        world.event(finalized(), record_id, 2),
        world.event(world.predicted("positive"), record_id, 2),
    ]


def finalized_then_relabelled(world: World, record_id: UUID) -> list[Event[Any]]:
    return [
        *arrived(world, record_id),
        world.event(finalized(), record_id, 1),
        world.event(RelabelRequested(round=2, slots_total=1, reason="contradicted"), record_id, 2),
    ]


def unlabelable_then_an_arbiter(world: World, record_id: UUID) -> list[Event[Any]]:
    return [
        *arrived(world, record_id),
        world.event(arbitration(), record_id, 1),
        world.event(RecordUnlabelable(reason="no arbiter"), record_id, 2),
        world.event(arbitration(), record_id, 3),
        world.event(world.predicted("positive"), record_id, 2),
    ]


def retracted(world: World, record_id: UUID) -> list[Event[Any]]:
    return [
        *arrived(world, record_id),
        world.event(finalized(method=LabelMethod.AUTO_ACCEPT), record_id, 1),
        world.event(LabelRetracted(label_revision=1, reason="wrong"), record_id, 2),
    ]


def gold_withdrawn_then_asked_for(world: World, record_id: UUID) -> list[Event[Any]]:
    return [
        *arrived(world, record_id),
        world.event(GoldPlaced(schema_version=1, exposures=3), record_id, 1),
        world.event(GoldWithdrawn(reason="wrong"), record_id, 2),
        world.event(arbitration(), record_id, 3),
    ]


SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        routed,
        gold,
        gold_for_a_while,
        erased,
        threshold_before_prediction,
    )
}
LATER_SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        finalized_before_it_was_asked_for_more,
        finalized_then_relabelled,
        unlabelable_then_an_arbiter,
        retracted,
        gold_withdrawn_then_asked_for,
    )
}


def orders(events: list[Event[Any]], fixed: int) -> Iterator[tuple[Event[Any], ...]]:
    """All orders that keep each topic's own; the first `fixed` events stay where they are."""
    place = {event.id: index for index, event in enumerate(events)}
    for rest in permutations(events[fixed:]):
        order = (*events[:fixed], *rest)
        by_topic: dict[str, list[int]] = {}
        for event in order:
            by_topic.setdefault(TOPIC_OF[type(event.payload)].name, []).append(place[event.id])
        if all(places == sorted(places) for places in by_topic.values()):
            yield order


async def outcome(world: World, record_id: UUID) -> tuple[Any, ...]:
    """What can still happen to the record: its state, its round, and the slots that are not void."""
    async with world.service.database.transaction() as session:
        record = await session.raw.fetchrow("SELECT state, round FROM records WHERE record_id = $1", record_id)
        slots = await session.raw.fetch(
            "SELECT t.purpose, s.round, s.state, s.lane, s.pool, s.blind, count(*) FROM slots s"
            " JOIN tasks t ON t.task_id = s.task_id WHERE s.record_id = $1 AND s.state <> 'void'"
            " GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3",
            record_id,
        )
        parked = await session.raw.fetchval("SELECT count(*) FROM parked")
    last = None
    if record["state"] == "open":
        routed = [one for one in await world.routes(record_id) if one.task_kind is TaskKind.ANNOTATION][-1]
        last = (routed.route, routed.slots_total, routed.round, routed.blind)
    return (*record, [tuple(slot) for slot in slots], last, parked)


@pytest.mark.parametrize("name", [*SCENES, *LATER_SCENES])
async def test_every_order_ends_the_same(service: ServiceUnderTest, name: str) -> None:
    scene, fixed = (SCENES[name], 0) if name in SCENES else (LATER_SCENES[name], AFTER_ROUTING)
    chosen = policies(auto_accept={"audit_share": 0.0}, learning={"enabled": True, "random_share": 0.0})
    outcomes = []
    record_id = new_id()
    count = len(list(orders(scene(World(service, policies=chosen), record_id), fixed)))
    for number in range(count):
        world = World(service, policies=chosen)
        record_id = new_id()
        order = list(orders(scene(world, record_id), fixed))[number]
        for event in order:
            await service.deliver(event)
        await service.run_loop("route_waiting")
        await service.run_loop("reroute")
        outcomes.append((await outcome(world, record_id), [event.type for event in order]))
    assert len({str(found) for found, _ in outcomes}) == 1, outcomes


async def test_thirty_deliveries_of_an_event_have_one_effect(world: World) -> None:
    record_id = new_id()
    accepted, predicted = world.event(world.accepted(), record_id), world.event(world.predicted(), record_id)
    for event in (accepted, predicted):
        for _ in range(30):
            await world.service.deliver(event)
    assert await world.slots(record_id) == ["free"]
    assert len(await world.routes(record_id)) == 1
    assert (await world.progress())["records"]["open"] == 1
