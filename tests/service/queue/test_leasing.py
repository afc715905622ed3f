"""Exactly N: slots, leases and what a lease shows."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.queue.storage.hints import LeaseHints
from services.queue.storage.walks import Walks
from shared.contracts.values import AssessmentStatus, Pool, ProjectStatus, Role, Split
from shared.kit.clock import new_id, utc_now
from tests.service.queue.world import World, policies, shown, tokens_of
from tests.support.service import ServiceUnderTest


async def test_a_lease_shows_all_that_its_annotator_needs(world: World) -> None:
    person = await world.person()
    await world.record(label="negative", text="Late again.")
    lease = await person.one()
    assert lease["record"] == {"fields": {"text": "Late again."}}
    assert lease["questions"][0]["name"] == "sentiment"
    assert lease["questions"][0]["labels"] == ["positive", "neutral", "negative"]
    assert lease["prediction"] == {"sentiment": {"label": "negative"}}
    assert lease["why"] == "check_prediction"
    assert lease["kind"] == "annotation"
    assert (lease["schema_version"], lease["guideline_version"]) == (1, 1)
    until = datetime.fromisoformat(lease["until"])
    assert timedelta(seconds=590) < until - utc_now() <= timedelta(seconds=600)


async def test_without_a_model_no_prediction_is_shown(world: World) -> None:
    person = await world.person()
    await world.record()
    lease = await person.one()
    assert "prediction" not in lease
    assert lease["why"] == "own_answer"


async def test_fifty_concurrent_claims_give_fifty_distinct_slots(service: ServiceUnderTest) -> None:
    world = await World(service).open()
    people = await world.people(50)
    await world.records(50)
    got = await asyncio.gather(*(person.lease() for person in people))
    leases = [lease for one in got for lease in one]
    assert len(leases) == 50
    assert len(tokens_of(leases)) == len({lease["task_id"] for lease in leases}) == 50
    assert await people[0].lease() == []


async def test_concurrent_batches_never_overlap(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(redundancy={"without_model": 2})).open()
    people = await world.people(10)
    await world.records(20)
    got = await asyncio.gather(*(person.lease(count=5) for person in people))
    for person, one in zip(people, got, strict=True):  # who found everything being claimed by others asks again
        one.extend(await person.lease(count=5 - len(one)) if len(one) < 5 else [])
    leases = [lease for one in got for lease in one]
    assert len(leases) == len(tokens_of(leases)) == 40
    for one in got:
        records = [shown(lease) for lease in one]
        assert len(records) == len(set(records))
    taken = [shown(lease) for lease in leases]
    assert max(taken.count(record) for record in taken) == 2


async def test_one_person_in_two_tabs_never_gets_a_record_twice_nor_more_than_the_cap(
    service: ServiceUnderTest,
) -> None:
    chosen = policies(redundancy={"without_model": 3}, serving={"leases_per_annotator": 6})
    world = await World(service, policies=chosen).open()
    person = await world.person()
    await world.records(10)
    got = await asyncio.gather(*(person.lease(count=2) for _ in range(8)))
    leases = [lease for one in got for lease in one]
    records = [shown(lease) for lease in leases]
    assert len(records) == len(set(records)) == 6
    assert await person.nothing() == "limit_reached"


async def test_a_task_never_collects_more_than_its_slots(world: World) -> None:
    people = await world.people(5)
    record_id = await world.record(split=Split.TEST)
    done = [await person.work() for person in people]
    assert sum(done) == 2
    assert await world.slots(record_id) == ["submitted", "submitted"]


async def test_an_annotator_never_gets_a_record_again(world: World) -> None:
    person = await world.person()
    record_id = await world.record(split=Split.TEST)
    assert await person.work() == 1
    assert await person.nothing() == "others_needed"
    await world.relabel(record_id)
    assert await person.lease() == []


async def test_done_when_nothing_is_left(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    assert await person.work() == 1
    await world.finalize(record_id)
    assert await person.nothing() == "done"


async def test_all_leased_while_others_hold_what_is_left(world: World) -> None:
    first, second = await world.people(2)
    await world.record()
    await first.one()
    assert await second.nothing() == "all_leased"


async def test_who_holds_what_is_left_is_shown_that_it_is_theirs(world: World) -> None:
    (first, second), arbiter = await world.people(2), await world.person(Pool.CROWD, Role.ANNOTATOR, Role.ARBITER)
    disputed = await world.record()
    await first.work()
    await world.arbitrate(disputed)
    assert (await arbiter.one())["kind"] == "arbitration"
    assert (await arbiter.nothing(), await second.nothing()) == ("in_hand", "being_decided")
    await world.record()
    lease = await first.one()
    assert (await first.nothing(), await second.nothing()) == ("in_hand", "all_leased")
    held = await world.client.get(f"/v1/projects/{world.project_id}/leases", headers=first.headers)
    assert [one["token"] for one in held.json()["leases"]] == [lease["token"]]
    await first.submit(lease["token"])
    assert await first.nothing() == "being_decided"


async def test_who_holds_what_is_left_is_shown_so_though_others_are_needed_too(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(redundancy={"without_model": 2})).open()
    person = await world.person()
    await world.records(4)
    leases = await person.lease(count=4)
    assert await person.nothing() == "in_hand"
    await person.submit(leases[0]["token"])
    assert await person.nothing() == "in_hand"
    for lease in leases[1:]:
        await person.submit(lease["token"])
    assert await person.nothing() == "others_needed"


async def test_who_narrows_the_kinds_is_shown_that_it_is_for_that(world: World) -> None:
    (first, second), arbiter = await world.people(2), await world.person(Pool.CROWD, Role.ANNOTATOR, Role.ARBITER)
    record_id = await world.record()
    disputes: dict[str, Any] = {"kinds": ["arbitration"]}
    answers: dict[str, Any] = {"kinds": ["annotation"]}
    assert [await one.nothing(**disputes) for one in (first, arbiter)] == ["other_kinds"] * 2
    lease = await first.one()
    assert [await one.nothing(**disputes) for one in (first, second, arbiter)] == ["other_kinds"] * 3
    assert [await one.nothing(**answers) for one in (first, second)] == ["in_hand", "all_leased"]
    await first.submit(lease["token"])
    assert await arbiter.nothing(**disputes) == "other_kinds"
    assert await arbiter.nothing(**answers) == "all_answered"
    await world.arbitrate(record_id)
    assert await second.nothing(**disputes) == "no_skill", "no other kind, and no narrower request, would help"
    assert await second.nothing(**answers) == "being_decided"
    assert await arbiter.nothing(**answers) == "other_kinds"
    [dispute] = await arbiter.lease(**disputes)
    assert await second.nothing(**disputes) == "no_skill"
    assert [await arbiter.nothing(**kinds) for kinds in (disputes, answers)] == ["in_hand", "other_kinds"]
    await arbiter.submit(dispute["token"], reason="I read it.")
    await world.finalize(record_id)
    assert await second.nothing(**disputes) == "done"


async def test_what_waits_to_be_selected_concerns_nobody_who_asks_for_disputes(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(learning={"enabled": True})).open()
    arbiter = await world.person(Pool.EXPERT)
    await world.record()
    assert await arbiter.nothing(kinds=["arbitration"]) == "other_kinds"
    assert await arbiter.nothing(kinds=["annotation"]) == "not_selected"


async def test_nothing_yet_where_nothing_was_ever_there_to_do(world: World) -> None:
    person = await world.person()
    body = (await person.ask()).json()
    assert (body["reason"], body["retry_after_s"]) == ("nothing_yet", 5)
    record_id = await world.record()
    await world.erase(record_id)
    assert await person.nothing() == "done"


async def test_all_answered_while_nobody_holds_anything_and_no_label_has_come(world: World) -> None:
    first, second = await world.people(2)
    last, waits = await world.record(), await world.record()
    lease = await first.one()
    assert await second.work() == 1
    assert await second.nothing() == "all_leased", "the first may give it back"
    await first.submit(lease["token"])
    assert {await first.nothing(), await second.nothing()} == {"all_answered"}
    await world.finalize(last)
    assert await second.nothing() == "all_answered"
    await world.finalize(waits)
    assert await second.nothing() == "done"


async def test_being_decided_while_a_record_is_yet_to_be_routed(world: World) -> None:
    person = await world.person()
    await world.publish(world.accepted(), new_id())
    assert await person.nothing() == "being_decided"


async def test_being_decided_while_an_arbiter_has_or_may_have_what_is_left(world: World) -> None:
    (first, second), arbiter = await world.people(2), await world.person(Pool.CROWD, Role.ANNOTATOR, Role.ARBITER)
    record_id = await world.record()
    await first.work()
    await world.arbitrate(record_id)
    assert {await first.nothing(), await second.nothing()} == {"being_decided"}, "no skill of theirs is wanted"
    lease = await arbiter.one()
    assert {await first.nothing(), await second.nothing()} == {"being_decided"}
    await world.record()
    await second.one()
    assert await first.nothing() == "all_leased"
    assert lease["kind"] == "arbitration"


async def test_no_skill_when_what_is_left_needs_another_pool(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    await person.work()
    await world.relabel(record_id, pool=Pool.EXPERT)
    assert await person.nothing() == "no_skill"


async def test_no_skill_below_the_projects_minimum(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(serving={"skill": "law", "minimum_skill": 50})).open()
    novice, lawyer = await world.person(skills={"law": 49}), await world.person(skills={"law": 50})
    await world.record()
    assert await novice.nothing() == "no_skill"
    assert len(await lawyer.lease()) == 1


async def test_the_limit_of_annotations_counts_what_is_held_and_what_was_done(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(serving={"annotations_per_annotator": 3})).open()
    person = await world.person()
    await world.records(5)
    first, second = await person.lease(count=2)
    assert (await person.submit(first["token"])).status_code == 200
    assert (await person.release(second["token"])).status_code == 204
    held = await person.lease(count=5)
    assert len(held) == 2
    assert await person.nothing() == "limit_reached", "who gives one back gets another"
    for lease in held:
        await person.submit(lease["token"])
    body = (await person.ask()).json()
    assert (body["reason"], body["retry_after_s"]) == ("share_done", 600)


async def test_a_paused_annotator_gets_no_lease(world: World) -> None:
    person = await world.person()
    await world.record()
    await world.assess(person, AssessmentStatus.PAUSED, revision=2)
    assert await person.nothing() == "paused"
    await world.assess(person, AssessmentStatus.ACTIVE, revision=1)  # older: changes nothing
    assert await person.nothing() == "paused"
    await world.assess(person, AssessmentStatus.ACTIVE, revision=3)
    assert len(await person.lease()) == 1


async def test_a_paused_project_serves_nobody(world: World) -> None:
    person = await world.person()
    await world.record()
    await world.open(ProjectStatus.PAUSED)
    assert await person.nothing() == "project_paused"
    await world.open()
    assert len(await person.lease()) == 1


async def test_a_project_without_a_guideline_says_so_and_serves_once_it_has_one(service: ServiceUnderTest) -> None:
    world = await World(service, guidelines=0).open()
    person = await world.person()
    await world.record()
    body = (await person.ask()).json()
    assert body["reason"] == "no_guideline"
    assert body["next_step"].startswith("A manager adds what is missing, a guideline")
    world.guidelines = 1
    await world.open()
    await service.run_loop("route_waiting")
    following = await person.submit((await person.one())["token"], next=1)
    assert following.json()["next_step"], "where nothing comes next, too"


async def test_who_is_not_registered_gets_that_reason(world: World) -> None:
    answer = await world.client.post(
        f"/v1/projects/{world.project_id}/leases", headers=world.service.token(Role.ANNOTATOR, subject="nobody")
    )
    assert (answer.status_code, answer.json()["type"]) == (403, "not-registered")


async def test_an_unknown_project_may_still_come(world: World) -> None:
    person = await world.person()
    answer = await world.client.post(f"/v1/projects/{person.annotator_id}/leases", headers=person.headers)
    assert (answer.status_code, answer.json()["type"]) == (404, "not-known-here")


async def test_experts_are_kept_for_what_needs_them(world: World) -> None:
    expert = await world.person(Pool.EXPERT)
    await world.record()
    assert await expert.lease() == []


async def test_leases_can_be_listed_after_a_reload(world: World) -> None:
    person = await world.person()
    await world.records(3, label="neutral")
    leases = await person.lease(count=2)
    answer = await world.client.get(f"/v1/projects/{world.project_id}/leases", headers=person.headers)
    assert {lease["token"]: lease for lease in answer.json()["leases"]} == {lease["token"]: lease for lease in leases}


async def test_more_urgent_records_come_first(world: World) -> None:
    person = await world.person()
    for priority in (0, 5, 1):
        await world.record(text=str(priority), priority=priority)
    served = []
    while leases := await person.lease():
        served.append(leases[0]["record"]["fields"]["text"])
    assert served == ["5", "1", "0"]


async def test_only_the_asked_for_kinds_are_leased(world: World) -> None:
    expert, person = await world.person(Pool.EXPERT), await world.person()
    record_id = await world.record()
    await person.work()
    await world.arbitrate(record_id)
    assert await expert.lease(kinds=["annotation"]) == []
    [lease] = await expert.lease(kinds=["arbitration"])
    assert lease["kind"] == "arbitration"


async def test_going_on_where_the_last_walk_ended_misses_nothing(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    always = LeaseHints(walks=Walks(long_s=0.0))  # every walk counts as long
    monkeypatch.setattr(service.runtime, "resources", replace(service.runtime.resources, hints=always))
    world = await World(service, policies=policies(redundancy={"without_model": 2})).open()
    lonely, other = await world.people(2)
    await world.records(6)
    assert [await lonely.work() for _ in range(2)] == [6, 0]
    urgent = await world.record(priority=3)
    assert shown(await lonely.one()) == str(urgent)
    late = await world.records(6)  # some of them stand in front of where the last walk ended
    served = [shown(lease) for lease in await lonely.lease(count=4)]
    served += [shown(lease) for lease in await lonely.lease(count=4)]
    assert set(served) == {str(one) for one in late}
    assert await other.work() == 13
