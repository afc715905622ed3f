"""The reasons that annotators get when they don't get what they asked for: each reason is the true one."""

from typing import Any

import httpx
import pytest

from services.queue.operations import work_check
from services.queue.operations.work_check import CheckedWork
from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.values import AssessmentStatus, Pool, ProjectStatus, Split
from shared.kit.compute.pool import ComputePool
from tests.service.queue.world import Person, World, policies, sentiment
from tests.support.service import ServiceUnderTest


async def put_draft(person: Person, token: str, answers: Any = None) -> httpx.Response:
    body = {"answers": sentiment("neutral") if answers is None else answers}
    return await person.world.client.put(f"/v1/leases/{token}/draft", headers=person.headers, json=body)


async def get_draft(person: Person, token: str) -> httpx.Response:
    return await person.world.client.get(f"/v1/leases/{token}/draft", headers=person.headers)


async def renew(person: Person, token: str) -> httpx.Response:
    return await person.world.client.patch(f"/v1/leases/{token}", headers=person.headers)


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


async def test_what_is_left_needs_somebody_else(world: World) -> None:
    first, second = await world.people(2)
    await world.record(Split.TEST)
    assert await first.work() == 1
    assert await first.nothing() == "others_needed"
    lease = await second.one()
    assert await first.nothing() == "all_leased"  # it may come free, though not for the first
    await second.skip(lease["token"])
    assert await second.nothing() == "others_needed"


async def test_what_waits_to_be_selected_may_still_come(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(learning={"enabled": True})).open()
    person = await world.person()
    await world.record(Split.TEST)
    await world.record()
    assert await person.work() == 1
    assert await person.nothing() == "not_selected"


async def test_an_expert_who_annotated_a_record_is_not_the_one_to_arbitrate_it(world: World) -> None:
    expert = await world.person(Pool.EXPERT)
    record_id = await world.record()
    await world.relabel(record_id, pool=Pool.EXPERT)
    assert await expert.work() == 1
    await world.arbitrate(record_id, round_=2)
    assert await expert.nothing() == "others_needed"


async def test_an_archived_project_has_ended(world: World) -> None:
    person = await world.person()
    await world.record()
    await world.open(ProjectStatus.ARCHIVED)
    body = (await person.ask()).json()
    assert (body["reason"], body["retry_after_s"]) == ("archived", 600)


async def test_a_kind_that_is_never_leased_is_refused_in_plain_words(world: World) -> None:
    person = await world.person()
    answer = await person.ask(kinds=["review"])
    assert answer.status_code == 422
    assert answer.json()["detail"] == "It must be one of: annotation or arbitration."
    assert await person.lease(kinds=["annotation", "arbitration"]) == []


async def test_after_the_submit_a_lease_has_ended_by_it(world: World) -> None:
    person = await world.person()
    await world.record()
    token = (await person.one())["token"]
    await person.submit(token)
    assert problem(await renew(person, token)) == (409, "already-submitted")
    assert problem(await put_draft(person, token)) == (409, "already-submitted")
    assert problem(await person.skip(token)) == (409, "already-submitted")
    assert problem(await person.submit(token, sentiment("negative"))) == (409, "answers-differ")
    assert (await person.release(token)).status_code == 204


@pytest.mark.parametrize("end", ["release", "skip"])
async def test_returned_work_takes_no_draft(world: World, end: str) -> None:
    person = await world.person()
    await world.record()
    token = (await person.one())["token"]
    assert (await put_draft(person, token)).status_code == 200
    await getattr(person, end)(token)
    assert problem(await put_draft(person, token, sentiment("negative"))) == (409, "stale-lease")
    late = await person.submit(token, sentiment("negative"))
    assert problem(late) == (409, "stale-lease")
    assert late.json()["detail"] == "You gave the lease back, or skipped its task: nothing more is kept under it."
    assert (await get_draft(person, token)).json()["answers"] == sentiment("neutral")


async def test_what_ran_out_takes_a_draft_even_when_somebody_else_has_it(world: World) -> None:
    slow, quick = await world.people(2)
    await world.record()
    token = (await slow.one())["token"]
    await world.expire_leases()
    assert (await put_draft(slow, token)).status_code == 200
    await quick.one()
    assert (await put_draft(slow, token, sentiment("negative"))).status_code == 200
    assert problem(await slow.submit(token)) == (409, "stale-lease")
    assert (await get_draft(slow, token)).json()["answers"] == sentiment()


async def test_a_draft_is_no_larger_than_an_annotation_can_be(world: World) -> None:
    slow, quick = await world.people(2)
    await world.record()
    token = (await slow.one())["token"]
    fits = {"sentiment": {"label": "x" * (MAX_EVENT_BYTES - 100)}}
    assert (await put_draft(slow, token, fits)).status_code == 200
    assert (await put_draft(slow, token)).status_code == 200
    large = {"sentiment": {"label": "x" * MAX_EVENT_BYTES}}
    assert problem(await put_draft(slow, token, large)) == (413, "draft-too-large")
    await world.expire_leases()
    await quick.one()
    late = await slow.submit(token, large)
    assert problem(late) == (409, "stale-lease")
    assert late.json()["detail"].endswith("Your answers are too large to be kept.")
    assert (await get_draft(slow, token)).json()["answers"] == sentiment("neutral"), "the draft is as it was"


async def test_work_that_came_while_its_holder_was_paused_is_never_taken_unchecked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await world.person()
    record_id = await world.record()
    token = (await person.one())["token"]
    await world.assess(person, AssessmentStatus.PAUSED, revision=2)
    finish = work_check.finish_check

    async def reinstate_meanwhile(compute: ComputePool, checked: CheckedWork) -> CheckedWork:
        await world.assess(person, AssessmentStatus.ACTIVE, revision=3)
        return await finish(compute, checked)

    monkeypatch.setattr(work_check, "finish_check", reinstate_meanwhile)
    late = await person.submit(token, sentiment("no such label"))
    assert problem(late) == (409, "stale-lease")
    assert late.json()["detail"].endswith("submit once more. Your answers are kept as the draft.")
    assert await world.slots(record_id) == ["leased"]


async def test_what_comes_next_is_leased_once_for_each_annotation(world: World) -> None:
    person = await world.person()
    await world.records(4)
    token = (await person.one())["token"]
    plain = (await person.submit(token)).json()
    assert "next" not in plain
    asked = (await person.submit(token, next=1)).json()
    assert asked | {"next": None} == plain | {"next": None}
    [following] = asked["next"]
    assert (await person.submit(token, next=1)).json() == asked
    assert (await person.submit(token, next=3)).json() == asked
    assert (await person.submit(token)).json() == plain
    await person.submit(following["token"])
    later = (await person.submit(token, next=1)).json()
    assert (later["next"], "reason" in later) == ([], False)


async def test_nothing_next_is_asked_for_again(world: World) -> None:
    person = await world.person()
    await world.record()
    token = (await person.one())["token"]
    first = (await person.submit(token, next=1)).json()
    assert (first["next"], first["reason"]) == ([], "all_answered")
    assert (await person.submit(token, next=1)).json() == first
    await world.record()
    assert len((await person.submit(token, next=1)).json()["next"]) == 1


async def test_a_body_that_no_annotation_can_have_is_refused_before_it_is_read(world: World) -> None:
    person = await world.person()
    await world.record()
    token = (await person.one())["token"]
    path = f"/v1/leases/{token}"
    large = {"answers": {f"question {number}": {"label": "x"} for number in range(60_000)}}
    for method, url in (("PUT", f"{path}/annotation"), ("PUT", f"{path}/draft"), ("POST", "/v1/validate")):
        answer = await world.client.request(method, url, headers=person.headers, json=large)
        assert (answer.status_code, answer.json()["type"]) == (413, "body-too-large"), url


async def test_answers_that_no_event_can_carry_are_refused_before_they_are_checked(world: World) -> None:
    person = await world.person()
    await world.record()
    token = (await person.one())["token"]
    answer = await person.submit(token, {"sentiment": {"label": "x" * MAX_EVENT_BYTES}})
    assert (answer.status_code, answer.json()["type"]) == (413, "answers-too-large")
    assert (await person.submit(token)).status_code == 200
