"""Events are handled in sets: what a set costs is counted in statements, and a set ends as its events one by one do."""

from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import Event
from shared.contracts.events import AnnotationsRequested, LabelFinalized
from shared.kit.clock import new_id
from tests.service.qa.test_orders import (
    Scene,
    auto_accept,
    consensus,
    corrected,
    erased,
    gist,
    held_out_and_champion,
    rerouted,
    two_people,
)
from tests.service.qa.world import World
from tests.support.statements import sent_statements

MANY = 100


_OF_THE_KIT = ("INSERT INTO inbox", "FROM parked", "parked_releases", "typeinfo")
"""What every set costs, whatever its handler does: the claim, or the look; and what asyncpg asks once a connection."""


async def statements_of(world: World, events: list[Event[Any]]) -> list[str]:
    """What the handler of a set sends, but for COPY."""
    with sent_statements(world.service.database) as sent:
        await world.deliver_set(*events)
    return [one for one in sent if not any(part in one for part in _OF_THE_KIT)]


async def test_what_is_imported_costs_a_few_statements_a_set(world: World) -> None:
    await world.open_record()  # the project's copy is parsed once, not once a set
    records = [new_id() for _ in range(MANY)]
    accepted = await statements_of(world, [world.accepted(one) for one in records])
    unanswered = await statements_of(world, [world.scored(one) for one in records])
    routed = await statements_of(world, [world.routed(one) for one in records])
    assert (len(accepted), len(unanswered), len(routed)) == (3, 0, 2), (accepted, routed)


async def test_a_label_alone_costs_eight_statements_at_most(world: World) -> None:
    warm = await world.open_record(slots=1)
    await world.deliver(world.annotated(warm, "cat"))
    record_id = new_id()
    prediction = world.predicted(record_id, "cat", 0.9)
    await world.deliver(world.accepted(record_id), prediction, world.routed(record_id, 1, prediction=prediction))
    blind = await world.open_record(slots=2)
    await world.deliver(world.annotated(blind, "cat"))
    assert len(await statements_of(world, [world.annotated(blind, "cat", slot=2)])) <= 8
    assert len(await statements_of(world, [world.annotated(record_id, "cat")])) <= 9, "one more reads the prediction"
    assert len(await world.published(LabelFinalized)) == 2


async def test_labels_of_a_set_cost_less_than_one_statement_each(world: World) -> None:
    records = [await world.open_record() for _ in range(MANY)]
    await world.deliver_set(*(world.annotated(one, "cat") for one in records))
    sent = await statements_of(world, [world.annotated(one, "cat", slot=2) for one in records])
    assert len(sent) <= 8
    assert len(await world.published(LabelFinalized)) == MANY


async def test_an_annotation_that_decides_nothing_writes_no_label(world: World) -> None:
    record_id = await world.open_record(slots=3)
    await world.deliver(world.annotated(record_id, "cat"))
    sent = await statements_of(world, [world.annotated(record_id, "cat", slot=2)])
    assert not [one for one in sent if "labels" in one or "estimates" in one or "outbox" in one]


@pytest.mark.parametrize(
    "scene", [consensus, auto_accept, two_people, corrected, erased, held_out_and_champion, rerouted]
)
async def test_a_set_ends_as_its_events_one_by_one(world: World, scene: Scene) -> None:
    """Several records' events in one batch, each record's in their order; some of a record have one type."""
    alone, together = [new_id(), new_id()], [new_id(), new_id()]
    for record_id in alone:
        await world.deliver(*scene(world, record_id))
    await world.deliver_set(*(event for record_id in together for event in scene(world, record_id)))
    ends = {record_id: gist(await world.lineage(record_id)) for record_id in (*alone, *together)}
    assert [ends[one] for one in together] == [ends[one] for one in alone]


async def test_two_answers_in_one_set_are_counted_one_after_the_other(world: World) -> None:
    """The first of one slot finalizes: what comes after it in the same set is late, as it would be alone."""
    record_id = await world.open_record(slots=1)
    asked = await world.open_record(slots=1)
    await world.deliver_set(
        *(
            world.annotated(one, label, slot=slot)
            for one in (record_id, asked)
            for slot, label in ((1, "cat"), (2, "cat"))
        )
    )
    assert [one.slots_total for one in await world.published(AnnotationsRequested, record_id)] == [2]
    assert (await world.label(record_id))["annotations"] == 2
    third = world.annotated(record_id, "dog", slot=3)
    await world.deliver_set(third, world.annotated(asked, "dog", slot=3))
    roles = [one["role"] for one in (await world.lineage(record_id))["annotations"]]
    assert roles == ["vote", "vote", "late"]


async def test_an_event_that_is_too_early_holds_up_no_other_record(world: World) -> None:
    early, other = new_id(), new_id()
    await world.deliver_set(
        world.accepted(early),
        world.accepted(other),
        world.routed(early, 1, schema_version=2),
        world.routed(other, 2),
        world.annotated(early, "cat", schema_version=2),
        world.annotated(other, "cat"),
        world.annotated(early, "cat", schema_version=2, slot=2),
        world.annotated(other, "cat", slot=2),
    )
    assert await states(world, early, other) == ["open", "finalized"]
    world.schemas = (*world.schemas, world.schemas[0])
    await world.deliver(world.project())
    assert (await states(world, early))[0] == "finalized"


async def states(world: World, *records: UUID) -> list[str]:
    return [(await world.state(one))["state"] for one in records]
