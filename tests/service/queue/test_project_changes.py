"""A change of the project reaches what nobody has touched; what somebody holds ends as it was granted."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from services.queue.operations import decisions, routing
from services.queue.storage import project_changes
from shared.contracts.answers import LabelSchema
from shared.contracts.events import (
    AnnotationsRequested,
    AnnotationSubmitted,
    GoldPlaced,
    GoldWithdrawn,
    LabelRetracted,
    RecordUnlabelable,
    TaskServable,
    TaskUnservable,
)
from shared.contracts.values import Route, Split
from shared.kit.clock import utc_now
from tests.service.queue import rerouting_process
from tests.service.queue.world import LABELS, SCHEMA, Person, World, policies, shown
from tests.support.killed import run_until_killed
from tests.support.service import ServiceUnderTest

RENAMED = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "sentiment", "kind": "choice", "labels": [*LABELS[:2], "bad"]}],
    }
)
NEW: dict[str, Any] = {"schemas": (SCHEMA, RENAMED), "guidelines": 2}
TWO = policies(redundancy={"without_model": 2, "with_model": 1})
GOLDEN = policies(gold={"entry_test": 0, "share": 0.5}, serving={"leases_per_annotator": 50})


def versions(lease: dict[str, Any]) -> tuple[int, int]:
    return lease["schema_version"], lease["guideline_version"]


async def test_a_new_schema_and_guideline_reach_every_task_that_nobody_has_touched(world: World) -> None:
    record_ids = await world.records(30)
    person = await world.person()
    held = await person.lease(count=5)
    await world.change(**NEW)
    rest = await person.lease(count=15) + await (await world.person()).lease(count=20)
    assert {versions(lease) for lease in rest} == {(2, 2)}
    assert len(rest) == 25
    assert rest[0]["questions"][0]["labels"][-1] == "bad"
    for lease in held:  # and they end as they were granted
        answer = await person.submit(lease["token"], {"sentiment": {"label": "negative"}})
        assert answer.status_code == 200, answer.text
    assert (await person.submit(rest[0]["token"], {"sentiment": {"label": "negative"}})).status_code == 422
    assert (await person.submit(rest[0]["token"], {"sentiment": {"label": "bad"}})).status_code == 200
    routes = [(one := await world.route(record_id)).schema_version for record_id in record_ids]
    assert sorted(routes) == [1] * 5 + [2] * 25
    assert one.policy_version == 1


async def test_what_one_of_two_has_answered_is_answered_by_the_other_under_the_same_versions(
    service: ServiceUnderTest,
) -> None:
    world = await World(service, policies=TWO).open()
    await world.record()
    first, second = await world.people(2)
    assert (await first.submit((await first.one())["token"])).status_code == 200
    await world.change(**NEW)
    lease = await second.one()
    assert versions(lease) == (1, 1)
    assert (await second.submit(lease["token"])).status_code == 200


@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3)])
async def test_another_redundancy_reaches_what_is_open(service: ServiceUnderTest, before: int, after: int) -> None:
    world = await World(service, policies=policies(redundancy={"without_model": before})).open()
    person = await world.person()
    untouched, _ = await world.records(2)
    held = await person.one()
    untouched = next(one for one in [untouched, _] if str(one) != shown(held))
    await world.change(policies=policies(redundancy={"without_model": after}))
    assert (await world.slots(untouched)).count("free") == after
    assert (await world.route(untouched)).slots_total == after
    assert (await world.route(untouched)).policy_version == 2
    assert (await world.route(UUID(shown(held)))).slots_total == before


async def test_other_shares_reach_what_is_open_and_another_target_changes_no_route(world: World) -> None:
    record_id = await world.record()
    await world.change(policies=policies(redundancy={"posterior_target": 0.9}))
    assert len(await world.routes(record_id)) == 1, "nothing that routing goes by has changed"
    await world.change(policies=policies(redundancy={"posterior_target": 0.9}, learning={"random_share": 1.0}))
    routed = await world.route(record_id)
    assert (routed.explored, routed.selection_probability, routed.policy_version) == (True, 1.0, 3)


async def test_switching_auto_accept_off_and_on_reaches_what_is_open(service: ServiceUnderTest) -> None:
    off = policies(auto_accept={"audit_share": 0.0, "enabled": False})
    world = await World(service, policies=off).open()
    record_id = await world.record(label="positive", confidence=0.95)
    await world.threshold(0.9)
    assert (await world.route(record_id)).route is Route.PEOPLE
    await world.change(policies=policies(auto_accept={"audit_share": 0.0}))
    assert (await world.route(record_id)).route is Route.AUTO_ACCEPT


async def test_a_model_of_the_schema_before_says_nothing_of_what_moved(world: World) -> None:
    record_id = await world.record(label="positive", confidence=0.95)
    assert (await world.route(record_id)).model_id == world.model_id
    await world.change(**NEW)
    assert (await world.route(record_id)).model_id is None
    assert (await (await world.person()).one()).get("prediction") is None


@pytest.mark.parametrize("how", ["released", "expired", "skipped"])
async def test_what_was_held_during_the_change_follows_when_it_is_let_go(service: ServiceUnderTest, how: str) -> None:
    world = await World(service).open()
    record_id = await world.record()
    first, second = await world.people(2)
    lease = await first.one()
    await world.change(**NEW)
    assert (await world.route(record_id)).schema_version == 1
    if how == "released":
        assert (await first.release(lease["token"])).status_code == 204
    elif how == "expired":
        await world.expire_leases()
    else:
        assert (await first.skip(lease["token"])).status_code == 200
    await service.run_loop("route_waiting")
    assert (await world.route(record_id)).schema_version == 2
    assert versions(await second.one()) == (2, 2)
    async with service.database.transaction() as session:
        assert await session.raw.fetchval("SELECT count(*) FROM routes WHERE waiting") == 0


async def test_a_lease_that_ran_out_before_the_change_takes_no_answer_and_keeps_its_draft(world: World) -> None:
    await world.record()
    person, other = await world.people(2)
    late = await person.one()
    await world.expire_leases()
    await world.change(**NEW)
    answer = await person.submit(late["token"])
    assert answer.status_code == 409, answer.text
    assert answer.json()["type"] == "stale-lease", "the task is open, and served"
    assert "follows a newer schema or guideline" in answer.json()["detail"]
    assert answer.json()["detail"].endswith("Your answers are kept as the draft.")
    draft = await world.client.get(f"/v1/leases/{late['token']}/draft", headers=person.headers)
    assert draft.json()["answers"] == {"sentiment": {"label": "positive"}}
    again = await person.one()
    assert versions(again) == (2, 2), "it comes to them again first"
    assert again["task_id"] == late["task_id"]
    assert await other.nothing() == "all_leased"
    assert (await person.submit(again["token"], {"sentiment": {"label": "bad"}})).status_code == 200
    [submitted] = [event.payload for event in await world.published(AnnotationSubmitted)][-1:]
    assert (submitted.schema_version, submitted.guideline_version) == (2, 2)


async def test_a_later_round_moves_too_and_a_dispute_stays(world: World) -> None:
    relabelled, disputed = await world.records(2)
    person = await world.person()
    for lease in await person.lease(count=2):
        assert (await person.submit(lease["token"])).status_code == 200
    await world.finalize(relabelled)
    await world.relabel(relabelled)
    await world.arbitrate(disputed)
    await world.change(**NEW)
    route = await world.route(relabelled)
    assert (route.round, route.schema_version, route.guideline_version, route.slots_total) == (2, 2, 2, 1)
    arbiter = await world.person("expert")  # type: ignore[arg-type]
    kinds = {lease["kind"]: versions(lease) for lease in await arbiter.lease(count=2)}
    assert kinds["arbitration"] == (1, 1)


async def test_held_out_records_move_and_stay_held_out(service: ServiceUnderTest) -> None:
    world = await World(service).open()
    record_id = await world.record(Split.TEST)
    await world.change(**NEW)
    route = await world.route(record_id)
    assert (route.schema_version, route.slots_total, route.blind) == (2, 2, True)


async def test_gold_that_is_withdrawn_after_a_change_is_an_ordinary_task_of_the_new_versions(world: World) -> None:
    untouched, skipped = await world.records(2)
    person, other = await world.people(2)
    lease = next(one for one in await person.lease(count=2) if shown(one) == str(skipped))
    assert (await person.skip(lease["token"])).status_code == 200
    await world.expire_leases()
    for record_id in (untouched, skipped):
        await world.gold(record_id)
    await world.change(**NEW)
    for record_id in (untouched, skipped):
        await world.withdraw_gold(record_id)
        assert (await world.route(record_id)).schema_version == 2
    assert [versions(lease) for lease in await other.lease(count=2)] == [(2, 2), (2, 2)]


async def test_gold_that_is_withdrawn_keeps_what_was_answered_before_it_was_placed(service: ServiceUnderTest) -> None:
    world = await World(service, policies=TWO).open()
    record_id = await world.record()
    first, second = await world.people(2)
    assert (await first.submit((await first.one())["token"])).status_code == 200
    await world.gold(record_id)
    await world.change(**NEW)
    await world.withdraw_gold(record_id)
    assert versions(await second.one()) == (1, 1)


async def test_what_qa_asked_for_after_gold_was_placed_follows_a_change_before_it_is_withdrawn(world: World) -> None:
    """The events of gold come late, so the request stands while the record is gold."""
    record_id = await world.record()
    asked = AnnotationsRequested(round=1, slots_total=2, reason="unsure")
    await world.publish(asked, record_id, revision=3)
    await world.publish(GoldPlaced(schema_version=1, exposures=5), record_id, revision=1)
    await world.change(**NEW)
    await world.publish(GoldWithdrawn(reason="wrong"), record_id, revision=2)
    route = await world.route(record_id)
    assert (route.schema_version, route.slots_total) == (2, 2)
    assert versions(await (await world.person()).one()) == (2, 2)


async def test_what_nobody_could_serve_during_a_change_is_asked_for_again_under_the_new_versions(world: World) -> None:
    record_id = await world.record()
    person = await world.person()
    assert (await person.skip((await person.one())["token"])).status_code == 200
    await world.service.run_loop("find_unservable")
    assert len(await world.published(TaskUnservable, record_id)) == 1
    await world.from_qa(record_id, RecordUnlabelable(reason="nobody"))
    await world.change(**NEW)
    other = await world.person()
    await world.service.run_loop("find_unservable")
    assert len(await world.published(TaskServable, record_id)) == 1
    await world.request(record_id, 1)
    assert (await world.route(record_id)).schema_version == 2
    assert versions(await other.one()) == (2, 2)


async def test_what_was_accepted_unseen_before_a_change_opens_again_under_the_new_versions(
    service: ServiceUnderTest,
) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    record_id = await world.record(label="positive", confidence=0.95)
    await world.threshold(0.9)
    assert (await world.route(record_id)).route is Route.AUTO_ACCEPT
    await world.finalize(record_id)
    await world.change(**NEW)
    await world.from_qa(record_id, LabelRetracted(label_revision=2, reason="wrong"))
    assert versions(await (await world.person()).one()) == (2, 2)
    assert (await world.route(record_id)).schema_version == 2


@pytest.mark.parametrize("how", ["expired", "skipped"])
async def test_another_redundancy_reaches_what_ran_out_or_was_skipped(service: ServiceUnderTest, how: str) -> None:
    world = await World(service, policies=TWO).open()
    record_id = await world.record()
    person = await world.person()
    lease = await person.one()
    if how == "expired":
        await world.expire_leases()
    else:
        assert (await person.skip(lease["token"])).status_code == 200
    await world.change(policies=policies(redundancy={"without_model": 1}))
    route = await world.route(record_id)
    assert (route.slots_total, route.policy_version) == (1, 2)
    assert (await world.slots(record_id)).count("free") == 1
    late = await person.submit(lease["token"])
    assert late.status_code == 409, late.text
    assert late.json()["type"] == "stale-lease"
    if how == "expired":  # it comes to them again first
        assert "the project changed" in late.json()["detail"]
        assert (await person.one())["task_id"] == lease["task_id"]
    else:
        assert await person.nothing() == "others_needed"


async def test_a_lease_that_ran_out_takes_work_after_a_change_of_what_routing_does_not_go_by(world: World) -> None:
    await world.record()
    person = await world.person()
    lease = await person.one()
    await world.expire_leases()
    await world.change(policies=policies(redundancy={"posterior_target": 0.9}))
    assert (await person.submit(lease["token"])).status_code == 200


async def test_what_qa_asked_for_stays_whatever_the_redundancy_becomes(world: World) -> None:
    record_id = await world.record()
    await world.request(record_id, 3)
    person = await world.person()
    lease = await person.one()
    await world.expire_leases()
    await world.change(policies=TWO)
    assert (await world.route(record_id)).slots_total == 3
    assert (await person.submit(lease["token"])).status_code == 200


async def test_gold_and_ordinary_work_that_was_returned_before_a_change_come_again_alike(
    service: ServiceUnderTest,
) -> None:
    """With the new guideline, one like the other."""
    world = await World(service, policies=GOLDEN).open()
    for record_id in await world.records(10):
        await world.gold(record_id)
    await world.records(40)
    person = await world.person()
    batch = await person.lease(count=12)
    for lease in batch:
        assert (await person.release(lease["token"])).status_code == 204
    await world.change(guidelines=2)
    again = await person.lease(count=12)
    assert {lease["task_id"] for lease in again} == {lease["task_id"] for lease in batch}
    assert {versions(lease) for lease in again} == {(1, 2)}


async def test_work_goes_on_while_a_small_project_follows_its_change(service: ServiceUnderTest) -> None:
    """What is being moved is locked; never all of it."""
    world = await World(service).open()
    await world.records(60)
    person = await world.person()

    async def work(person: Person) -> int:
        return sum([len(await person.lease(count=1)) for _ in range(15)])

    world.guidelines = 2
    await world.open()
    _, leased = await asyncio.gather(service.run_loop("reroute"), work(person))
    assert leased == 15


async def test_others_have_their_turn_while_a_large_set_is_decided_on(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await World(service).open()
    await world.records(4 * routing._DECIDED_AT_ONCE)
    world.guidelines = 2
    await world.open()
    monkeypatch.setattr(routing, "SETS_OF_PAGE", 1)
    turn, decided_in = 0, Counter[int]()
    route = decisions.route

    def counted(*arguments: Any) -> None:
        decided_in[turn] += 1
        route(*arguments)

    async def others() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    monkeypatch.setattr(routing, "route", counted)
    waiting = asyncio.create_task(others())
    await service.run_loop("reroute")
    waiting.cancel()
    assert decided_in.total() == 4 * routing._DECIDED_AT_ONCE
    assert max(decided_in.values()) <= routing._DECIDED_AT_ONCE


async def test_a_small_project_does_not_wait_for_a_large_one(service: ServiceUnderTest) -> None:
    await service.run_loop("reroute")
    large = await World(service).open()
    await large.records(3 * routing.SETS_OF_PAGE)
    small = await World(service).open()
    record_id = await small.record()
    for world in (large, small):
        world.guidelines = 2
        await world.open()
    for _ in range(2):
        await routing.reroute(service.database, service.runtime.resources.projects, utc_now(), 1)
    assert (await small.route(record_id)).guideline_version == 2
    await service.run_loop("reroute")


async def test_a_change_on_top_of_a_change_begins_again(service: ServiceUnderTest) -> None:
    await service.run_loop("reroute")
    world = await World(service).open()
    record_ids = await world.records(2 * routing.SETS_OF_PAGE)
    world.guidelines = 2
    await world.open()
    assert await routing.reroute(service.database, service.runtime.resources.projects, utc_now(), 1)
    await world.change(guidelines=3)
    assert {(await world.route(one)).guideline_version for one in record_ids} == {3}


@pytest.mark.parametrize("committed", [0, 1, rerouting_process.SETS])
async def test_a_process_killed_within_a_page_leaves_no_task_behind_and_moves_none_twice(
    service: ServiceUnderTest, committed: int
) -> None:
    await service.run_loop("reroute")
    world = await World(service).open()
    record_ids = await world.records(2 * rerouting_process.SETS)
    world.guidelines = 2
    await world.open()
    database_url = service.settings.database_url
    assert database_url is not None
    await run_until_killed(rerouting_process.__name__, database_url.get_secret_value(), committed, 2)
    moved = [(await world.route(one)).guideline_version for one in record_ids]
    assert moved.count(2) == 2 * committed
    await service.run_loop("reroute")
    for record_id in record_ids:
        assert [one.guideline_version for one in await world.routes(record_id)] == [1, 2]
    async with service.database.transaction() as session:
        assert await project_changes.next_change(session) is None
