"""Events come in any order across topics: a record ends the same whichever came first."""

from collections.abc import Callable
from itertools import combinations, permutations
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import Event
from shared.contracts.events import LabelFinalized
from shared.contracts.values import Route, Split
from shared.kit.clock import new_id
from tests.service.qa.world import World

Scene = Callable[[World, UUID], list[Event[Any]]]


def consensus(world: World, record_id: UUID) -> list[Event[Any]]:
    prediction = world.predicted(record_id, "cat")
    return [
        world.accepted(record_id),
        prediction,
        world.routed(record_id, 1, prediction=prediction),
        world.annotated(record_id, "cat"),
    ]


def auto_accept(world: World, record_id: UUID) -> list[Event[Any]]:
    prediction = world.predicted(record_id, "cat", 0.99)
    return [
        world.accepted(record_id),
        prediction,
        world.routed(record_id, 0, route=Route.AUTO_ACCEPT, prediction=prediction),
    ]


def two_people(world: World, record_id: UUID) -> list[Event[Any]]:
    return [
        world.accepted(record_id),
        world.routed(record_id, 2),
        world.annotated(record_id, "cat"),
        world.annotated(record_id, "cat", slot=2),
    ]


def corrected(world: World, record_id: UUID) -> list[Event[Any]]:
    return [*two_people(world, record_id), world.feedback(record_id, "dog")]


def erased(world: World, record_id: UUID) -> list[Event[Any]]:
    return [*two_people(world, record_id)[:3], world.erased(record_id)]


def held_out_and_champion(world: World, record_id: UUID) -> list[Event[Any]]:
    model_id = new_id()
    return [
        world.accepted(record_id, Split.TEST),
        world.routed(record_id, 1),
        world.predicted(record_id, "dog", model_id=model_id),
        world.annotated(record_id, "cat"),
        world.annotated(record_id, "cat", slot=2),
    ]


def rerouted(world: World, record_id: UUID) -> list[Event[Any]]:
    first, second = world.routed(record_id, 2), world.routed(record_id, 1)
    prediction = world.predicted(record_id, "cat", 0.97)
    second = world.event(
        second.payload.model_copy(update={"prediction_id": prediction.id, "model_id": prediction.payload.model_id}),
        record_id,
        second.revision,
    )
    return [world.accepted(record_id), prediction, first, second, world.annotated(record_id, "cat")]


def gist(lineage: dict[str, Any]) -> Any:
    """What must be the same; ids and times are not."""
    state = lineage["state"]
    return (
        state["state"],
        state["under_review"],
        state["round"],
        [(one["method"], one["answers"], one["annotations"]) for one in lineage["labels"]],
        sorted(one["role"] for one in lineage["annotations"]),
        [one["effect"] for one in lineage["feedback"]],
        lineage["chain"]["verified"],
    )


def orders(size: int) -> list[tuple[int, ...]]:
    """All orders of a few events; of more those in which any two of them have changed places, and the reverse."""
    if size <= 4:
        return list(permutations(range(size)))
    found = {tuple(range(size)), tuple(reversed(range(size)))}
    for one, other in combinations(range(size), 2):
        swapped = list(range(size))
        swapped[one], swapped[other] = other, one
        found.add(tuple(swapped))
    return sorted(found)


@pytest.mark.parametrize(
    "scene", [consensus, auto_accept, two_people, corrected, erased, held_out_and_champion, rerouted]
)
async def test_every_order_ends_the_same(world: World, scene: Scene) -> None:
    ends = {}
    size = len(scene(world, new_id()))
    for order in orders(size):
        record_id = new_id()
        events = scene(world, record_id)
        await world.deliver(*(events[place] for place in order))
        ends[order] = gist(await world.lineage(record_id))
    first = ends[tuple(range(size))]
    assert {order: end for order, end in ends.items() if end != first} == {}


async def test_events_wait_for_their_project(qa: Any) -> None:
    world = World(qa)
    record_id = new_id()
    events = [*two_people(world, record_id), world.feedback(record_id, "cat")]
    project = world.project()
    await world.deliver(*events)
    assert await world.published(LabelFinalized) == []
    await world.deliver(project)
    assert (await world.label(record_id))["method"] == "consensus"


async def test_events_wait_for_a_newer_copy_of_the_project(world: World) -> None:
    record_id = new_id()
    world.schemas = (*world.schemas, world.schemas[0])
    newer = world.project()
    await world.deliver(
        world.accepted(record_id),
        world.routed(record_id, 2, schema_version=2),
        world.annotated(record_id, "cat", schema_version=2),
        world.annotated(record_id, "cat", schema_version=2, slot=2),
    )
    assert await world.published(LabelFinalized) == []
    await world.deliver(newer)
    assert (await world.label(record_id))["schema_version"] == 2


async def test_an_older_revision_changes_nothing(world: World) -> None:
    record_id = await world.open_record(slots=3)
    await world.deliver(world.routed(record_id, 1, revision=2), world.routed(record_id, 5, revision=1))
    await world.deliver(world.annotated(record_id, "cat"))
    lineage = await world.lineage(record_id)
    assert lineage["state"]["state"] == "open"
    await world.deliver(world.annotated(record_id, "cat", slot=2))
    assert (await world.label(record_id))["annotations"] == 2


async def test_a_tombstone_refuses_content(world: World) -> None:
    record_id = new_id()
    prediction = world.predicted(record_id, "cat")
    await world.deliver(
        world.erased(record_id),
        world.accepted(record_id),
        prediction,
        world.routed(record_id),
        world.annotated(record_id, "cat"),
        world.feedback(record_id, "dog"),
    )
    lineage = await world.lineage(record_id)
    assert lineage["state"]["state"] == "erased"
    assert lineage["record"]["slice"] is None
    assert [one["answers"] for one in lineage["annotations"]] == [None]
    async with world.service.database.transaction() as session:
        row = await session.raw.fetchrow("SELECT fields, slice, salt FROM records WHERE record_id = $1", record_id)
    assert tuple(row) == (None, None, None)
