"""Labels that look wrong to models are listed, and labelled again as the project's policy says."""

from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import Event
from shared.contracts.events import LabelDoubted, LabelFinalized, RelabelRequested
from shared.contracts.policies import LabelErrorPolicy
from shared.contracts.values import Role, Split
from shared.kit.clock import new_id
from tests.service.qa.world import World, animal, two_are_enough
from tests.support.service import ServiceUnderTest

RELABEL = two_are_enough(label_errors=LabelErrorPolicy(relabel=True, threshold=0.6, per_day=3))


@pytest.fixture
async def relabelling(qa: ServiceUnderTest) -> World:
    world = World(qa, policies=RELABEL)
    await world.deliver(world.project())
    return world


def doubted(
    world: World, record_id: UUID, score: float = 0.9, *, run_id: UUID | None = None, given: str = "cat", rank: int = 1
) -> Event[Any]:
    payload = LabelDoubted(
        training_run_id=run_id or new_id(),
        schema_version=1,
        question="animal",
        given=given,
        suggested="dog",
        given_probability=0.05,
        suggested_probability=0.9,
        score=score,
        rank=rank,
        examined=100,
        estimated_wrong=0.05,
        reason="sure_of_another",
    )
    return world.event(payload, record_id)


async def listed(world: World, **params: Any) -> list[Any]:
    items: list[Any] = (await world.get(f"/projects/{world.project_id}/label-errors", **params))["items"]
    return items


async def send(world: World) -> None:
    await world.service.run_loop("relabel")


async def test_labels_that_look_wrong_are_listed_the_likeliest_first(world: World) -> None:
    run_id = new_id()
    records = [await world.finalized("cat") for _ in range(5)]
    await world.deliver_set(
        *(doubted(world, one, 0.5 + number / 10, run_id=run_id) for number, one in enumerate(records))
    )
    items = await listed(world)
    assert [UUID(one["record_id"]) for one in items] == records[::-1]
    first = items[0]
    assert (first["given"], first["suggested"], first["current_label"], first["outcome"]) == (
        "cat",
        "dog",
        "cat",
        "doubted",
    )
    assert (first["model_score"], first["reason"], first["requested_at"]) == (0.9, "sure_of_another", None)
    assert 0.85 < first["score"] < 0.95  # two votes are about as sure as labels are on average
    (look,) = (await world.get(f"/projects/{world.project_id}/label-errors/looks"))["items"]
    assert (look["question"], look["examined"], look["estimated_wrong"]) == ("animal", 100, 0.05)


async def test_the_list_is_read_page_by_page(world: World) -> None:
    run_id = new_id()
    records = [await world.finalized("cat") for _ in range(5)]
    await world.deliver_set(*(doubted(world, one, 0.7, run_id=run_id) for one in records))
    seen: list[str] = []
    after = None
    while True:
        page = await world.get(
            f"/projects/{world.project_id}/label-errors", limit=2, **({"after": after} if after else {})
        )
        seen += [one["record_id"] for one in page["items"]]
        after = page.get("next")
        if after is None:
            break
    assert sorted(seen) == sorted(map(str, records))
    assert len(seen) == 5


async def test_the_next_look_replaces_the_one_before_whatever_comes_first(world: World) -> None:
    first, second = new_id(), new_id()
    one, other = await world.finalized("cat"), await world.finalized("cat")
    await world.deliver(doubted(world, one, run_id=first))
    await world.deliver(doubted(world, other, run_id=second))
    await world.deliver(doubted(world, one, run_id=first))
    assert [item["record_id"] for item in await listed(world)] == [str(other)]


async def test_a_doubt_about_another_label_than_stands_is_dropped(world: World) -> None:
    record_id, still_open = await world.finalized("bird"), await world.open_record()
    await world.deliver(doubted(world, record_id), doubted(world, still_open))
    assert await listed(world) == []


async def test_without_the_policy_nothing_is_labelled_again(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver(doubted(world, record_id))
    await send(world)
    assert await world.published(RelabelRequested, record_id) == []
    assert not (await world.state(record_id))["under_review"]


async def test_a_doubted_label_is_labelled_again_blind_by_other_people_and_stands_meanwhile(relabelling: World) -> None:
    world = relabelling
    record_id = await world.finalized("cat")
    doubt = doubted(world, record_id)
    await world.deliver(doubt)
    await send(world)
    (asked,) = await world.published(RelabelRequested, record_id)
    assert (asked.round, asked.blind, asked.pool, asked.slots_total, asked.reason) == (
        2,
        True,
        None,
        2,
        "label_doubted",
    )
    (event,) = [
        one for one in await world.service.published(RelabelRequested, world.project_id) if one.record_id == record_id
    ]
    assert event.caused_by == doubt.id
    label = await world.label(record_id)
    assert (label["answers"], label["label_revision"], label["under_review"]) == (animal("cat"), 1, True)
    assert await listed(world) == []
    (item,) = await listed(world, requested=True)
    assert item["outcome"] == "in_review"

    await world.deliver(
        world.annotated(record_id, "dog", number=2), world.annotated(record_id, "dog", number=2, slot=2)
    )
    assert [one.label_revision for one in await world.published(LabelFinalized, record_id)] == [1, 2]
    (item,) = await listed(world, requested=True)
    assert (item["outcome"], item["current_label"], item["label_revision"]) == ("corrected", "dog", 1)
    lineage = await world.lineage(record_id)
    assert [one["given"] for one in lineage["label_doubts"]] == ["cat"]
    assert [one["answers"] for one in lineage["labels"]] == [animal("cat"), animal("dog")]
    assert lineage["chain"]["verified"]


async def test_a_label_that_people_confirm_is_not_sent_again(relabelling: World) -> None:
    world = relabelling
    record_id = await world.finalized("cat")
    await world.deliver(doubted(world, record_id))
    await send(world)
    await world.deliver(
        world.annotated(record_id, "cat", number=2), world.annotated(record_id, "cat", number=2, slot=2)
    )
    (item,) = await listed(world, requested=True)
    assert item["outcome"] == "confirmed"
    await world.deliver(doubted(world, record_id, 0.99))
    await send(world)
    assert len(await world.published(RelabelRequested, record_id)) == 1


async def test_no_more_than_the_days_share_is_sent_and_the_likeliest_first(relabelling: World) -> None:
    world = relabelling
    run_id = new_id()
    records = [await world.finalized("cat") for _ in range(6)]
    await world.deliver_set(
        *(doubted(world, one, 0.8 + number / 40, run_id=run_id) for number, one in enumerate(records))
    )
    await send(world)
    await send(world)
    assert {UUID(one["record_id"]) for one in await listed(world, requested=True)} == set(records[3:])
    async with world.service.database.transaction() as session:
        await session.raw.execute(
            "UPDATE label_doubts SET requested_at = requested_at - interval '25 hours' WHERE project_id = $1",
            world.project_id,
        )
        await session.raw.execute("UPDATE label_looks SET review_at = now() WHERE project_id = $1", world.project_id)
    await send(world)
    assert len(await listed(world, requested=True)) == 6


async def test_labels_below_the_threshold_held_out_or_decided_are_not_sent(relabelling: World) -> None:
    world = relabelling
    run_id = new_id()
    unsure = await world.finalized("cat")
    held_out = await world.finalized("cat", Split.TEST)
    decided = await world.open_record()
    for number in range(5):
        await world.deliver(world.annotated(decided, "cat" if number % 2 else "dog", slot=number + 1))
    await world.deliver(world.decided(decided, "cat"))
    assert (await world.label(decided))["method"] == "decision"
    await world.deliver_set(
        doubted(world, unsure, 0.5, run_id=run_id),
        doubted(world, held_out, run_id=run_id),
        doubted(world, decided, run_id=run_id),
    )
    await send(world)
    assert await listed(world, requested=True) == []
    assert len(await listed(world)) == 3
    async with world.service.database.transaction() as session:
        statement = "SELECT review_at FROM label_looks WHERE project_id = $1"
        assert await session.raw.fetchval(statement, world.project_id) is None


async def test_a_policy_that_begins_to_want_it_finds_what_was_doubted_before(qa: ServiceUnderTest) -> None:
    world = World(qa)
    await world.deliver(world.project())
    record_id = await world.finalized("cat")
    await world.deliver(doubted(world, record_id))
    await send(world)
    world.policies = RELABEL
    await world.deliver(world.project())
    await send(world)
    assert len(await world.published(RelabelRequested, record_id)) == 1


async def test_erasure_takes_the_doubt(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver(doubted(world, record_id), world.erased(record_id))
    assert await listed(world) == []
    assert (await world.lineage(record_id))["label_doubts"] == []


async def test_who_may_read_it(world: World) -> None:
    path = f"/v1/projects/{world.project_id}/label-errors"
    for role, status in ((Role.TRAINER, 200), (Role.AUDITOR, 200), (Role.PRODUCT, 403), (Role.ANNOTATOR, 403)):
        for end in ("", "/looks"):
            answer = await world.service.client.get(path + end, headers=world.headers(role))
            assert answer.status_code == status, (role, end)
