"""Who works in a project: by asking or by invitation. Who may not work any more holds nothing."""

from typing import Any

import pytest

from shared.contracts.events import TaskServable, TaskUnservable, WorkLogged
from shared.contracts.values import AssessmentStatus, Pool, Role, Split
from tests.service.queue.world import Person, World, policies, sentiment
from tests.support.service import ServiceUnderTest


async def change(world: World, person: Person, **changes: Any) -> None:
    path = f"/v1/annotators/{person.annotator_id}"
    assert (await world.client.patch(path, headers=world.manager, json=changes)).status_code == 200
    await world.service.run_loop("take_back")


async def stop(world: World, person: Person, how: str) -> None:
    if how == "removed":
        await world.remove(person)
    elif how == "assessed":
        await world.assess(person, AssessmentStatus.PAUSED)
        await world.service.run_loop("take_back")
    else:
        await change(world, person, status=how)


async def restart(world: World, person: Person, how: str) -> None:
    if how == "removed":
        await world.invite(person)
    elif how == "assessed":
        await world.assess(person, AssessmentStatus.ACTIVE, 2)
    else:
        await change(world, person, status="active")


REASONS = {"paused": "paused", "retired": "retired", "removed": "removed", "assessed": "paused"}


@pytest.mark.parametrize("how", REASONS)
async def test_what_they_hold_is_free_for_others_at_once_and_their_late_work_is_a_draft(world: World, how: str) -> None:
    await world.records(3)
    person, other = await world.people(2)
    leases = await person.lease(count=3)
    assert await other.nothing() == "all_leased"
    await stop(world, person, how)
    assert len(await other.lease(count=3)) == 3
    assert await person.nothing() == REASONS[how]
    late = leases[0]["token"]
    for answer in (await person.submit(late), await person.skip(late)):
        assert (answer.status_code, answer.json()["type"]) == (409, "stale-lease"), answer.text
    draft = await world.client.get(f"/v1/leases/{late}/draft", headers=person.headers)
    assert draft.json()["answers"] == sentiment()
    ended = [event.payload for event in await world.published(WorkLogged)]
    of_person = [one.activity for one in ended if one.annotator_id == person.annotator_id]
    assert of_person.count("expired") == 3


@pytest.mark.parametrize("how", REASONS)
async def test_what_had_run_out_takes_no_work_of_theirs_either(world: World, how: str) -> None:
    await world.record()
    person = await world.person()
    lease = await person.one()
    await world.expire_leases()
    await stop(world, person, how)
    assert (await person.submit(lease["token"])).status_code == 409
    await restart(world, person, how)
    assert (await person.submit(lease["token"])).status_code == 409, "it was taken away"
    again = await person.one()
    assert again["task_id"] == lease["task_id"]
    assert (await person.submit(again["token"])).status_code == 200


async def test_before_it_is_taken_back_what_they_hold_takes_no_work(world: World) -> None:
    """The status alone refuses it, however late the loop runs."""
    await world.record()
    person = await world.person()
    lease = await person.one()
    await world.expire_leases()
    path = f"/v1/annotators/{person.annotator_id}"
    await world.client.patch(path, headers=world.manager, json={"status": "paused"})
    assert (await person.submit(lease["token"])).status_code == 409
    renewed = await world.client.patch(f"/v1/leases/{lease['token']}", headers=person.headers, json={"ttl_s": 60})
    assert renewed.status_code == 409


async def test_who_may_work_again_before_it_is_taken_back_keeps_what_they_hold(world: World) -> None:
    await world.record()
    person = await world.person()
    lease = await person.one()
    path = f"/v1/annotators/{person.annotator_id}"
    for status in ("paused", "active"):
        assert (await world.client.patch(path, headers=world.manager, json={"status": status})).status_code == 200
    await world.service.run_loop("take_back")
    assert (await person.submit(lease["token"])).status_code == 200


async def test_a_lease_that_was_granted_in_the_moment_of_the_change_is_found_by_the_second_look(world: World) -> None:
    await world.record()
    person, other = await world.people(2)
    await change(world, person, status="paused")
    async with world.service.database.transaction() as session:  # as a claim that saw the annotator as they were
        await session.raw.execute(
            "UPDATE slots SET state = 'leased', annotator_id = $1, token = gen_random_uuid(), leased_at = now(),"
            " until = now() + interval '1 day' WHERE project_id = $2",
            person.annotator_id, world.project_id,
        )  # fmt: skip
        await session.raw.execute(
            "UPDATE memberships SET granted = granted + 1 WHERE annotator_id = $1", person.annotator_id
        )
        await session.raw.execute("UPDATE withdrawals SET due_at = now()")
    assert await other.nothing() == "all_leased"
    await world.service.run_loop("take_back")
    assert len(await other.lease()) == 1
    async with world.service.database.transaction() as session:
        assert await session.raw.fetchval("SELECT count(*) FROM withdrawals") == 0


async def test_a_pause_in_one_project_leaves_another_alone(service: ServiceUnderTest) -> None:
    here, there = [await World(service).open() for _ in range(2)]
    person = await here.person()
    in_there = Person(there, person.subject, person.annotator_id)
    for world, one in ((here, person), (there, in_there)):
        await world.record()
        assert len(await one.lease()) == 1
    await here.assess(person, AssessmentStatus.PAUSED)
    await service.run_loop("take_back")
    held = await there.client.get(f"/v1/projects/{there.project_id}/leases", headers=person.headers)
    [lease] = held.json()["leases"]
    assert (await in_there.submit(lease["token"])).status_code == 200
    assert await person.nothing() == "paused"


async def test_gold_that_is_taken_back_is_neither_lost_nor_shown(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(gold={"entry_test": 0, "share": 1.0})).open()
    await world.gold(await world.record(), exposures=2)
    await world.records(2)
    person, other = await world.people(2)
    assert len(await person.lease(count=2)) == 2
    await change(world, person, status="paused")
    assert len(await other.lease(count=2)) == 2


async def test_people_of_other_projects_serve_nothing_here_until_they_ask_or_are_invited(world: World) -> None:
    await world.stranger()
    record_id = await world.record(Split.TEST)  # which needs two
    await (await world.person()).work()

    async def published() -> list[str]:
        await world.service.run_loop("find_unservable")
        kinds = (TaskUnservable, TaskServable)
        return [
            one.type
            for one in await world.service.published(project_id=world.project_id)
            if one.record_id == record_id and isinstance(one.payload, kinds)
        ]

    assert await published() == ["TaskUnservable"]
    stranger = await world.stranger()
    assert await published() == ["TaskUnservable"]
    assert await stranger.nothing() == "being_decided"  # the task that nobody could serve is out
    assert await published() == ["TaskUnservable", "TaskServable"]


async def test_a_project_lists_its_people_without_their_names(world: World) -> None:
    person, removed = await world.people(2)
    await world.stranger()
    await world.remove(removed)
    await world.record()
    await person.one()
    url = f"/v1/projects/{world.project_id}/annotators"
    limited = world.service.token(Role.MANAGER, projects=[world.project_id])
    answer = (await world.client.get(url, headers=limited)).json()
    assert {one["annotator_id"]: (one["removed"], one["leases"]) for one in answer["items"]} == {
        str(person.annotator_id): (False, 1),
        str(removed.annotator_id): (True, 0),
    }
    assert all("name" not in one and "subject" not in one for one in answer["items"])
    assert (await world.client.get(url, headers=person.headers)).status_code == 403


async def test_every_read_of_a_project_that_is_not_known_is_to_be_repeated(world: World) -> None:
    person = await world.person()
    paths = (await world.client.get("/openapi.json")).json()["paths"]
    reads = [path for path, operations in paths.items() if "{project_id}" in path and "get" in operations]
    assert len(reads) >= 3
    for path in reads:
        headers = person.headers if path.endswith("/leases") else world.manager
        answer = await world.client.get(path.format(project_id=person.annotator_id), headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (404, "not-known-here"), path
        assert answer.headers["Retry-After"] == "1"


async def test_who_is_not_known_can_be_neither_invited_nor_removed(world: World) -> None:
    stranger = await world.stranger(Pool.EXPERT)
    unknown = f"/v1/projects/{world.project_id}/annotators/{world.project_id}"
    elsewhere = f"/v1/projects/{stranger.annotator_id}/annotators/{stranger.annotator_id}"
    for path in (unknown, elsewhere):
        assert (await world.client.put(path, headers=world.manager)).status_code == 404
        assert (await world.client.delete(path, headers=world.manager)).status_code == 404


@pytest.mark.parametrize(
    ("name", "rule"), [("\u202e", "blank"), ("\u200b \u2060", "blank"), ("Ada\u202e", "bidi-control")]
)
async def test_a_persons_name_shows_who_they_are(world: World, name: str, rule: str) -> None:
    person = await world.person()
    path = f"/v1/annotators/{person.annotator_id}"
    for answer, pointer in (
        (await world.client.patch(path, headers=world.manager, json={"name": name}), "/name"),
        (await world.client.post("/v1/annotators", headers=world.manager, json={"subject": name}), "/subject"),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, rule), answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer
