"""Agreement is kept up as records change, and is to the last digit what counting everything anew gives."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pytest

from bench import _textbook
from services.qa.compute.agreement import contributions_of_all, sampled_distances
from services.qa.operations import agreement_recount, agreement_updates
from services.qa.storage import agreement_counts
from shared.contracts.answers import LabelSchema
from shared.contracts.values import Split
from shared.kit.clock import new_id, utc_now
from shared.kit.compute.exceptions import ComputeTimeout
from tests.service.qa.world import LABELS, World, animal
from tests.support.service import ServiceUnderTest
from tests.support.statements import sent_statements

BOTH = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [
            {"name": "animal", "kind": "choice", "labels": LABELS},
            {"name": "also", "kind": "multi_choice", "labels": LABELS, "required": False},
        ],
    }
)


async def world_of(qa: ServiceUnderTest, schema: LabelSchema = BOTH) -> World:
    world = World(qa, schemas=(schema,))
    await world.deliver(world.project())
    return world


async def counted(world: World) -> dict[str, Any]:
    """What is stored once all changes are counted, without the time."""
    world.service.runtime.resources.pauses.until.clear()
    await world.service.run_loop("count_agreement")
    return await read(world)


async def read(world: World) -> dict[str, Any]:
    found = (await world.get(f"/projects/{world.project_id}/agreement"))["items"]
    return {one.pop("question"): {**one, "measured_at": None} for one in found}


async def recount(world: World) -> dict[str, Any]:
    await world.post(f"/projects/{world.project_id}/agreement/recount", None, 202)
    await world.service.run_jobs()
    return await read(world)


def answers(generator: np.random.Generator, truth: str) -> dict[str, Any]:
    label = truth if generator.random() < 0.7 else str(generator.choice(LABELS))
    also = sorted({label, str(generator.choice(LABELS))}, key=LABELS.index)
    return animal(label) | ({"also": {"labels": also}} if generator.random() < 0.9 else {})


async def answered(world: World, records: int, annotators: list[UUID]) -> list[UUID]:
    """Records that two or three of the annotators answered."""
    generator = np.random.default_rng(7)
    made = []
    for _ in range(records):
        record_id = await world.open_record(slots=3)
        truth = str(generator.choice(LABELS))
        for slot, who in enumerate(generator.permutation(len(annotators))[: generator.integers(2, 4)], start=1):
            given = answers(generator, truth)
            await world.deliver(world.annotated(record_id, given, annotator_id=annotators[who], slot=slot))
        made.append(record_id)
    return made


async def votes(world: World) -> dict[UUID, list[str]]:
    """The classes that were answered, straight from the table."""
    query = """
        SELECT record_id, answers->'animal'->>'label' AS label FROM annotations
        WHERE project_id = $1 AND role IN ('vote', 'gold', 'late') AND answers IS NOT NULL
    """
    async with world.service.database.transaction() as session:
        rows = await session.raw.fetch(query, world.project_id)
    found: dict[UUID, list[str]] = {}
    for row in rows:
        found.setdefault(row["record_id"], []).append(row["label"])
    return found


async def test_what_is_kept_up_is_what_is_counted_anew(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    annotators = [new_id() for _ in range(4)]
    records = await answered(world, 40, annotators)
    first = await counted(world)
    assert first["animal"]["records"] == 40
    assert len(first["animal"]["cohen_kappa"]) == 6

    await world.put(f"/projects/{world.project_id}/records/{records[0]}/gold", {"answers": animal("cat")})
    await world.deliver(world.erased(records[1]), world.erased(records[2]))
    await world.deliver(world.annotated(records[3], animal("fish"), annotator_id=new_id(), slot=3))
    await answered(world, 10, annotators)
    then = await counted(world)
    assert then != first
    assert then["animal"]["records"] == 48
    assert then == await recount(world)
    await world.delete(f"/projects/{world.project_id}/records/{records[0]}/gold")
    assert await counted(world) == await recount(world)


async def test_the_coefficients_are_those_of_the_answers(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    await answered(world, 30, [new_id() for _ in range(3)])
    found = await counted(world)
    given = (await votes(world)).values()
    counts = np.array([[Counter(labels)[one] for one in LABELS] for labels in given], np.float64)
    assert found["animal"]["annotations"] == counts.sum()
    for name in ("percent_agreement", "fleiss_kappa", "krippendorff_alpha"):
        expected = getattr(_textbook, name)(counts)
        assert found["animal"][name]["value"] == pytest.approx(expected, abs=1e-12)
        assert found["animal"][name]["low"] < expected < found["animal"][name]["high"]


async def test_answers_that_were_bought_because_others_differed_are_left_out(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    record_id = await world.open_record(slots=2)
    for slot, label in enumerate(("cat", "dog"), start=1):
        await world.deliver(world.annotated(record_id, label, slot=slot))
    await world.deliver(world.routed(record_id, 4), *(world.annotated(record_id, "cat", slot=slot) for slot in (3, 4)))
    agreed = await world.open_record(slots=2)
    await world.deliver(*(world.annotated(agreed, "cat", slot=slot) for slot in (1, 2)))
    found = (await counted(world))["animal"]
    assert (found["basis"], found["records"], found["annotations"]) == ("due", 2, 4)
    assert (found["records_left_out"], found["annotations_left_out"]) == (0, 2)
    assert found["percent_agreement"]["value"] == 0.5
    assert found == (await recount(world))["animal"]


async def test_records_that_a_model_routed_are_left_out_unless_they_are_held_out(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    for split in (Split.TRAIN, Split.TEST):
        record_id = new_id()
        prediction = world.predicted(record_id, "cat")
        await world.deliver(world.accepted(record_id, split), prediction)
        await world.deliver(world.routed(record_id, 2, prediction=prediction))
        await world.deliver(*(world.annotated(record_id, "cat", slot=slot) for slot in (1, 2)))
    found = (await counted(world))["animal"]
    assert (found["records"], found["records_left_out"], found["annotations_left_out"]) == (1, 1, 2)
    assert found == (await recount(world))["animal"]


async def test_answers_count_whatever_order_record_route_and_answers_came_in(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    record_id = new_id()
    prediction = world.predicted(record_id, "cat")
    votes = [world.annotated(record_id, "cat", slot=slot) for slot in (1, 2)]
    await world.deliver(*votes)
    assert (await counted(world))["animal"]["records"] == 0
    await world.deliver(world.routed(record_id, 2, prediction=prediction))
    assert (await counted(world))["animal"]["records"] == 0
    await world.deliver(world.accepted(record_id, Split.TEST), prediction)
    found = await counted(world)
    assert found["animal"]["records"] == 1
    assert found == await recount(world)


async def test_an_erased_records_answers_are_not_kept_for_agreement(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    (record_id,) = await answered(world, 1, [new_id() for _ in range(3)])
    assert (await counted(world))["animal"]["records"] == 1
    await world.deliver(world.erased(record_id))
    assert (await counted(world))["animal"]["records"] == 0
    async with qa.database.transaction() as session:
        kept = await session.raw.fetchval("SELECT count(*) FROM agreement_records WHERE record_id = $1", record_id)
    assert kept == 0


async def test_before_anything_is_counted_nothing_is_claimed(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    (found, other) = (await world.get(f"/projects/{world.project_id}/agreement"))["items"]
    assert (found["records"], found["measured_at"], found["krippendorff_alpha"]["value"]) == (0, None, None)
    undefined = dict.fromkeys(("value", "low", "high", "standard_error")) | {"records": 0, "annotations": 0}
    assert found["fleiss_kappa"] == found["gwet_ac1"] == undefined
    assert found["ordered"] is None
    assert other["fleiss_kappa"] is None
    assert other["gwet_ac1"] is None


async def test_single_answers_count_in_the_shares_of_the_classes(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    for labels in (("cat", "cat"), ("cat", "dog"), ("dog",), ("dog",)):
        record_id = await world.open_record(slots=2)
        await world.deliver(
            *(world.annotated(record_id, label, slot=slot) for slot, label in enumerate(labels, start=1))
        )
    found = (await counted(world))["animal"]
    assert (found["records"], found["annotations"], found["single_annotations"]) == (2, 4, 2)
    counts = np.array([[2, 0], [1, 1], [0, 1], [0, 1]], np.float64)
    assert found["fleiss_kappa"]["value"] == pytest.approx(_textbook.fleiss_kappa(counts), abs=1e-12)
    assert (found["fleiss_kappa"]["records"], found["fleiss_kappa"]["annotations"]) == (2, 6)
    assert found["krippendorff_alpha"]["annotations"] == 4
    assert found == (await recount(world))["animal"]


async def test_of_labels_in_order_the_weighted_coefficients_are_measured(qa: ServiceUnderTest) -> None:
    ordered = BOTH.model_dump(mode="json")
    ordered["questions"][0]["ordered"] = True
    world = await world_of(qa, LabelSchema.model_validate(ordered))
    await answered(world, 30, [new_id(), new_id(), new_id()])
    found = (await counted(world))["animal"]
    assert len(found["ordered"]) == 6
    for one in found["ordered"].values():
        assert one["low"] <= one["value"] <= one["high"]
        assert one["records"] == 30
    for pair in found["cohen_kappa"]:
        for name in ("kappa", "scott_pi", "gwet_ac1", "kappa_linear", "kappa_quadratic"):
            assert pair[name]["low"] <= pair[name]["value"] <= pair[name]["high"]


async def test_what_an_earlier_release_measured_is_still_shown(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    await answered(world, 3, [new_id() for _ in range(3)])
    await counted(world)
    old = {"value": 0.5, "low": 0.1, "high": 0.9}
    content = {"records": 3, "annotations": 7, "percent_agreement": old, "fleiss_kappa": old, "krippendorff_alpha": old}
    async with qa.database.transaction() as session:
        query = "UPDATE agreement_results SET content = $2 WHERE project_id = $1 AND question = 'animal'"
        await session.raw.execute(query, world.project_id, orjson.dumps({**content, "cohen_kappa": []}).decode())
    found = (await read(world))["animal"]
    assert found["fleiss_kappa"] == {**old, "standard_error": None, "records": None, "annotations": None}
    assert (found["gwet_ac1"], found["single_annotations"], found["basis"]) == (None, 0, "all")


async def test_agreement_says_while_answers_wait_to_be_counted(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    assert all(one["current"] for one in (await read(world)).values())
    people = [new_id() for _ in range(3)]
    await answered(world, 2, people)
    assert not any(one["current"] for one in (await read(world)).values())
    assert all(one["current"] for one in (await counted(world)).values())
    (record_id,) = await answered(world, 1, people)
    before = await read(world)
    assert not any(one["current"] for one in before.values())
    assert before["animal"]["records"] == 2
    await world.deliver(world.erased(record_id))
    assert all(one["current"] for one in (await counted(world)).values())


async def test_what_changes_during_a_recount_is_counted_after_it(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    annotators = [new_id() for _ in range(3)]
    await answered(world, 5, annotators)
    before = await counted(world)
    first = await world.post(f"/projects/{world.project_id}/agreement/recount", None, 202)
    again = await world.post(f"/projects/{world.project_id}/agreement/recount", None, 202)
    assert first == again, "one at a time in a project"
    await answered(world, 3, annotators)
    meanwhile = await counted(world)
    assert not any(one.pop("current") for one in meanwhile.values())
    assert all(one.pop("current") for one in before.values())
    assert meanwhile == before, "the recount has the project to itself"
    await qa.run_jobs()
    found = await counted(world)
    assert found["animal"]["records"] == 8
    assert found == await recount(world)


async def test_who_asks_for_a_recount_that_is_under_way_waits_for_nobody(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    path = f"/projects/{world.project_id}/agreement/recount"
    first = await world.post(path, None, 202)
    async with qa.database.transaction() as session:
        await agreement_counts.lock(session, world.project_id)
        async with asyncio.timeout(4):  # a lock is waited for longer
            again = await asyncio.gather(*(world.post(path, None, 202) for _ in range(8)))
    assert {one["job_id"] for one in again} == {first["job_id"]}
    await qa.run_jobs()


async def test_a_recount_that_is_given_up_leaves_the_counts_as_they_were(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    annotators = [new_id() for _ in range(3)]
    await answered(world, 5, annotators)
    await counted(world)
    made = await world.post(f"/projects/{world.project_id}/agreement/recount", None, 202)
    await world.post(f"/jobs/{made['job_id']}/cancellation", None)
    await answered(world, 1, annotators)
    found = await counted(world)
    assert found["animal"]["records"] == 6
    assert found == await recount(world)


async def test_recounts_that_are_given_up_end_together(qa: ServiceUnderTest) -> None:
    async def give_up(worlds: list[World]) -> list[str]:
        for world in worlds:
            made = await world.post(f"/projects/{world.project_id}/agreement/recount", None, 202)
            await world.post(f"/jobs/{made['job_id']}/cancellation", None)
        with sent_statements(qa.database) as sent:
            await agreement_recount.release_abandoned(qa.database)
        async with qa.database.transaction() as session:
            assert await agreement_counts.recounted(session) == {}
        return sent

    assert await give_up([await world_of(qa)]) == await give_up([await world_of(qa) for _ in range(3)])


async def test_two_replicas_that_count_the_same_changes_count_them_once(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    await answered(world, 12, [new_id() for _ in range(3)])
    both = await asyncio.gather(
        *(agreement_updates.count_changes(qa.database, qa.runtime.compute, world.project_id) for _ in range(2)),
        return_exceptions=True,
    )
    assert any(one is False for one in both)
    found = await counted(world)
    assert found["animal"]["records"] == 12
    assert found == await recount(world)


async def test_a_recount_goes_on_from_its_checkpoint(qa: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    world = await world_of(qa)
    await answered(world, 12, [new_id() for _ in range(3)])
    expected = await counted(world)
    monkeypatch.setattr(agreement_recount, "_RECORDS_AT_ONCE", 5)
    made = await world.post(f"/projects/{world.project_id}/agreement/recount", None, 202)
    contributions = agreement_updates.contributions
    pages = 0

    async def broken(*arguments: Any) -> Any:
        nonlocal pages
        pages += 1
        if pages == 2:
            raise ConnectionError
        return await contributions(*arguments)

    monkeypatch.setattr(agreement_recount, "contributions", broken)
    await qa.run_jobs()
    async with qa.database.transaction() as session:
        query = "UPDATE jobs SET run_at = now() WHERE id = $1 RETURNING (checkpoint->>'done')::integer"
        assert await session.raw.fetchval(query, UUID(made["job_id"])) == 5
    await qa.run_jobs()
    assert pages == 4, "the first page was not counted again"
    assert await read(world) == expected


class Overloaded:
    """A compute pool in which what is larger than a few records takes too long, and one record does always."""

    def __init__(self, heavy: UUID) -> None:
        self._heavy = str(heavy)

    async def run(self, function: Any, *arguments: Any, **_: Any) -> Any:
        if function is contributions_of_all:
            given = arguments[1]
            if len(given) > 3 or any(str(one.annotator_id) == self._heavy for each in given for one in each):
                raise ComputeTimeout
        if function is sampled_distances and len(arguments[1]) > 3:
            raise ComputeTimeout
        return function(*arguments)


async def test_a_record_that_takes_too_long_is_left_out_and_the_others_count(qa: ServiceUnderTest) -> None:
    world = await world_of(qa)
    annotators, heavy = [new_id() for _ in range(3)], new_id()
    await answered(world, 9, annotators)
    await answered(world, 1, [heavy, *annotators[:1]])
    compute: Any = Overloaded(heavy)
    assert not await agreement_updates.count_changes(qa.database, compute, world.project_id)
    await agreement_updates.measure_outdated(qa.database, compute, world.project_id, utc_now())
    found = await read(world)
    assert found["animal"]["records"] == 9
    assert found["also"]["krippendorff_alpha"]["value"] is not None
