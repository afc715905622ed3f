"""Which models are due to be compared or tested is asked for all of them at once, whatever their number."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.prelabel.operations import comparison, measurement, model_tests, registry
from services.prelabel.resources import backends_of
from services.prelabel.storage import labels
from services.prelabel.storage.labels import LabelsWanted
from shared.contracts.values import Split
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Session
from tests.service.prelabel.world import World, policies, text_manifest
from tests.support.service import ServiceUnderTest


async def with_challenger(service: ServiceUnderTest, labelled: int, split: Split = Split.VALIDATION) -> World:
    """A project that measures on two labels, with so many, and a challenger."""
    world, now = World(service), utc_now()
    await world.begin(chosen=policies(promotion_held_out=2, enabled=False))
    for number in range(labelled):
        await world.label(await world.text("billing", number, split), split=split)
    model_id = new_id()
    await registry.write_file(service.database, service.runtime.objects, model_id, world.project_id.bytes, now)
    async with service.database.transaction() as session:
        await registry.register(
            session, model_id=model_id, project_id=world.project_id, manifest=text_manifest(),
            data=world.project_id.bytes, reason="uploaded", created_by="trainer", now=now,
        )  # fmt: skip
    return world


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[LabelsWanted]]:
    """What labels were counted of, set by set."""
    sets: list[Sequence[LabelsWanted]] = []
    count = labels.count_measuring_sets

    async def note(session: Session, split: Split, wanted: Sequence[LabelsWanted]) -> list[int]:
        sets.append(wanted)
        return await count(session, split, wanted)

    monkeypatch.setattr(labels, "count_measuring_sets", note)
    return sets


@pytest.mark.parametrize(("at_once", "sets"), [(500, 1), (2, 3)])
async def test_labels_are_counted_for_all_challengers_at_once(
    service: ServiceUnderTest,
    counted: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
    sets: int,
) -> None:
    """Those that lack labels hold up none of the others, however many of them come first."""
    async with service.database.transaction() as session:
        await session.raw.execute("UPDATE models SET compared = true")
    monkeypatch.setattr(measurement, "_READ_AT_ONCE", at_once)
    worlds = [await with_challenger(service, labelled) for labelled in (0, 1, 2, 1, 3)]
    due = await comparison.due(backends_of(service.runtime))
    assert [each.project_id for each in due] == sorted([worlds[2].project_id, worlds[4].project_id])
    assert len(counted) == sets


async def test_labels_are_counted_for_all_untested_champions_at_once(
    service: ServiceUnderTest, counted: list[Any]
) -> None:
    worlds = [await with_challenger(service, labelled, Split.TEST) for labelled in (2, 1, 2)]
    async with service.database.transaction() as session:
        await session.raw.execute(
            "UPDATE models SET stage = 'champion' WHERE project_id = ANY($1)", [world.project_id for world in worlds]
        )
    due = await model_tests.due(backends_of(service.runtime))
    assert [each.project_id for each in due] == sorted([worlds[0].project_id, worlds[2].project_id])
    assert len(counted) == 1


async def test_labels_are_counted_up_to_a_bound_by_split_and_schema_version(service: ServiceUnderTest) -> None:
    one, other = await with_challenger(service, 3), await with_challenger(service, 1)
    wanted = [
        LabelsWanted(other.project_id, 1, 5),
        LabelsWanted(one.project_id, 1, 2),
        LabelsWanted(one.project_id, 2, 5),
        LabelsWanted(one.project_id, 1, 5),
    ]
    async with service.database.transaction() as session:
        assert await labels.count_measuring_sets(session, Split.VALIDATION, wanted) == [1, 2, 0, 3]
        assert await labels.count_measuring_sets(session, Split.TEST, wanted) == [0, 0, 0, 0]
