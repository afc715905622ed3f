"""An audit for bias, through the front door."""

import time
from typing import Any
from uuid import UUID

from shared.contracts.values import Pool, Role, Split
from shared.kit.clock import new_id
from tests.service.qa.world import World, animal
from tests.support.slowness import slowness


async def audited(world: World) -> Any:
    job = await world.post(f"/projects/{world.project_id}/bias/recount", None, 202)
    assert await world.service.run_jobs() == 1
    state = await world.get(f"/jobs/{job['job_id']}")
    assert state["state"] == "succeeded", state
    return await world.get(f"/projects/{world.project_id}/bias")


async def record(world: World, source: str, labels: tuple[str, str], people: tuple[UUID, UUID]) -> UUID:
    record_id = new_id()
    accepted = world.accepted(record_id)
    accepted = accepted.model_copy(
        update={"payload": accepted.payload.model_copy(update={"slice": {"source": source}})}
    )
    await world.deliver_set(
        accepted,
        world.routed(record_id, 2),
        *(
            world.annotated(record_id, label, annotator_id=who, slot=slot)
            for slot, (label, who) in enumerate(zip(labels, people, strict=True), start=1)
        ),
    )
    return record_id


def cell(found: Any, measure: str, value: str, label: str | None = None) -> Any:
    [one] = [one for one in found["cells"] if (one["measure"], one["value"], one["label"]) == (measure, value, label)]
    return one


async def test_slices_are_compared_and_small_ones_hidden(world: World) -> None:
    crowd = [new_id() for _ in range(6)]
    await world.deliver(*(world.annotator(one) for one in crowd))
    for number in range(40):
        people = (crowd[number % 6], crowd[(number + 1) % 6])
        await record(world, "zoo", ("cat", "cat"), people)
        await record(world, "web", ("cat", "dog" if number % 2 else "cat"), people)
    for _ in range(3):
        await record(world, "rare", ("cat", "cat"), (crowd[0], crowd[1]))
    found = await audited(world)
    assert (found["answers"], found["schema_version"]) == (166, 1)
    web = cell(found, "disagreement", "web")
    assert web["hidden"]  # with "rare" alone hidden it would follow from the others
    assert cell(found, "disagreement", "rare")["hidden"]
    assert cell(found, "disagreement", "rare")["share"] is None
    assert str(crowd[0]) not in str(found)


async def test_a_slice_on_which_people_differ_is_reported(world: World) -> None:
    crowd = [new_id() for _ in range(6)]
    await world.deliver(*(world.annotator(one) for one in crowd))
    for number in range(40):
        people = (crowd[number % 6], crowd[(number + 1) % 6])
        await record(world, "zoo", ("cat", "cat"), people)
        await record(world, "web", ("cat", "dog" if number % 2 else "cat"), people)
    found = await audited(world)
    web = cell(found, "disagreement", "web")
    assert (web["records"], web["answers"], web["share"]["value"], web["others"]) == (40, 80, 0.5, 0.0)
    assert web["share"]["low"] < 0.5 < web["share"]["high"]
    assert web["differs"]
    assert web["q_value"] <= 0.05


async def test_errors_on_gold_are_compared_by_pool(world: World) -> None:
    crowd, staff = [new_id() for _ in range(6)], [new_id() for _ in range(6)]
    await world.deliver(
        *(world.annotator(one) for one in crowd), *(world.annotator(one, Pool.IN_HOUSE) for one in staff)
    )
    for number in range(30):
        record_id = new_id()
        await world.deliver(world.accepted(record_id))
        await world.put(
            f"/projects/{world.project_id}/records/{record_id}/gold", {"answers": animal("cat"), "exposures": 20}
        )
        await world.deliver_set(
            world.annotated(record_id, "dog", annotator_id=crowd[number % 6]),
            world.annotated(record_id, "cat", annotator_id=staff[number % 6], slot=2),
        )
    found = await audited(world)
    assert cell(found, "gold_error", "crowd")["share"]["value"] == 1.0
    assert cell(found, "gold_error", "in_house")["share"]["value"] == 0.0
    assert cell(found, "gold_error", "crowd")["differs"]


async def test_held_out_or_not_the_shares_are_of_the_labels_that_stand(world: World) -> None:
    crowd = [new_id() for _ in range(4)]
    for number in range(24):
        source, label = ("zoo", "cat") if number % 2 else ("web", "dog")
        await record(world, source, (label, label), (crowd[number % 4], crowd[(number + 1) % 4]))
    await world.finalized("bird", Split.TEST)
    found = await audited(world)
    zoo = cell(found, "label_share", "zoo", "cat")
    assert zoo["share"]["value"] > 0.9
    assert found["labels"] == 25


async def test_before_the_first_audit_there_is_none_and_who_may_ask(world: World) -> None:
    path = f"/v1/projects/{world.project_id}/bias"
    assert (await world.service.client.get(path, headers=world.headers())).status_code == 404
    for role, status in ((Role.AUDITOR, 403), (Role.TRAINER, 403), (Role.MANAGER, 202)):
        answer = await world.service.client.post(f"{path}/recount", headers=world.headers(role))
        assert answer.status_code == status, role
    await world.service.run_jobs()
    begun = time.monotonic()
    assert (await world.service.client.get(path, headers=world.headers(Role.AUDITOR))).status_code == 200
    assert time.monotonic() - begun < 0.05 * slowness()
    assert (await world.service.client.get(path, headers=world.headers(Role.TRAINER))).status_code == 403
