"""Fencing: whose work counts, whose came too late, and that nothing of it is lost."""

import asyncio
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.events import AnnotationSubmitted, TaskSkipped, WorkLogged
from shared.contracts.values import Role, TaskKind
from tests.service.queue.world import World, policies, sentiment, shown
from tests.support.outbox import outbox_events
from tests.support.service import ServiceUnderTest
from tests.support.slowness import slowness
from tests.support.statements import sent_statements


async def activities(world: World, person: Any) -> list[str]:
    return [
        event.payload.activity
        for event in await world.published(WorkLogged)
        if event.payload.annotator_id == person.annotator_id
    ]


async def test_a_submitted_annotation_is_published_with_all_it_took(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    prediction_id = await world.predict(record_id, "negative")
    lease = await person.one()
    answer = await person.submit(lease["token"], sentiment("neutral"), active_s=4.5)
    assert answer.status_code == 200
    [event] = await world.published(AnnotationSubmitted, record_id)
    published = event.payload
    assert str(published.annotation_id) == answer.json()["annotation_id"]
    assert published.answers == sentiment("neutral")
    assert (published.annotator_id, published.round, published.slot, published.task_kind) == (
        person.annotator_id,
        1,
        1,
        TaskKind.ANNOTATION,
    )
    assert (published.schema_version, published.guideline_version, published.active_s) == (1, 1, 4.5)
    assert published.prediction_shown == prediction_id
    assert published.leased_at < published.submitted_at
    assert await activities(world, person) == ["submitted"]


async def test_submitting_the_same_again_answers_the_same(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    lease = await person.one()
    first = await person.submit(lease["token"], active_s=1.0)
    again = await person.submit(lease["token"], active_s=2.0)
    assert (again.status_code, again.json()) == (200, first.json())
    published = await world.published(AnnotationSubmitted, record_id)
    assert len(published) == 1
    assert (await world.progress())["annotations"] == 1


async def test_thirty_concurrent_submits_count_once(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    lease = await person.one()
    answers = await asyncio.gather(*(person.submit(lease["token"]) for _ in range(30)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["annotation_id"] for answer in answers}) == 1
    assert len(await world.published(AnnotationSubmitted, record_id)) == 1


async def test_other_answers_under_the_same_token_are_refused(world: World) -> None:
    person = await world.person()
    await world.record()
    lease = await person.one()
    await person.submit(lease["token"])
    other = await person.submit(lease["token"], sentiment("negative"))
    assert (other.status_code, other.json()["type"]) == (409, "answers-differ")
    assert other.json()["detail"] == "The first ones count; these are not kept."


async def test_late_work_counts_while_nobody_else_has_the_slot(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    lease = await person.one()
    await world.expire_leases()
    assert await world.slots(record_id) == ["free"]
    assert (await person.submit(lease["token"])).status_code == 200
    assert await world.slots(record_id) == ["submitted"]
    assert await activities(world, person) == ["expired", "submitted"]


async def test_a_stale_token_is_refused_its_draft_kept_and_its_work_logged(world: World) -> None:
    slow, quick = await world.people(2)
    record_id = await world.record()
    lease = await slow.one()
    await world.expire_leases()
    again = await quick.one()
    assert again["task_id"] == lease["task_id"]
    assert again["token"] != lease["token"]
    refused = await slow.submit(lease["token"], sentiment("neutral"), active_s=30.0)
    assert (refused.status_code, refused.json()["type"]) == (409, "stale-lease")
    assert (
        refused.json()["detail"]
        == "The task was leased again, or taken back, meanwhile. Your answers are kept as the draft."
    )
    draft = await world.client.get(f"/v1/leases/{lease['token']}/draft", headers=slow.headers)
    assert draft.json()["answers"] == sentiment("neutral")
    assert (await slow.submit(lease["token"], sentiment("neutral"))).status_code == 409
    assert await activities(world, slow) == ["expired", "refused"]
    assert (await quick.submit(again["token"])).status_code == 200
    assert await world.slots(record_id) == ["submitted"]
    assert len(await world.published(AnnotationSubmitted, record_id)) == 1


async def test_late_work_is_refused_when_its_annotator_got_another_slot_of_the_record(
    service: ServiceUnderTest,
) -> None:
    world = await World(service, policies=policies(redundancy={"without_model": 2})).open()
    person = await world.person()
    record_id = await world.record()
    first = await person.one()
    await world.expire_leases()
    async with service.database.transaction() as session:  # so that the other slot is the one served
        await session.raw.execute("UPDATE slots SET rank = 9 WHERE token = $1", first["token"])
    second = await person.one()
    assert (await person.submit(first["token"])).status_code == 409
    assert (await person.submit(second["token"])).status_code == 200
    assert sorted(await world.slots(record_id)) == ["free", "submitted"]


async def test_a_closed_task_refuses_with_409(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    lease = await person.one()
    await world.finalize(record_id)
    refused = await person.submit(lease["token"])
    assert (refused.status_code, refused.json()["type"]) == (409, "task-closed")
    assert refused.json()["detail"].endswith("Your answers are kept as the draft.")
    renewed = await world.client.patch(f"/v1/leases/{lease['token']}", headers=person.headers)
    assert renewed.json()["detail"].endswith("Your draft is kept.")
    assert await activities(world, person) == ["refused"]


async def test_a_lease_and_a_submit_are_a_statement_each(world: World) -> None:
    person = await world.person()
    for _ in range(4):
        await world.record()
    for _ in range(2):  # the first makes the membership, the second remembers it
        await person.submit((await person.one())["token"])
    with sent_statements(world.service.database) as sent:
        lease = await person.one()
        assert len(sent) == 1
        assert (await person.submit(lease["token"])).status_code == 200
        assert len(sent) == 2
        lease = await person.one()
        world.service.runtime.resources.hints.granted.take(
            UUID(lease["token"])
        )  # as another replica, which leased nothing
        assert (await person.submit(lease["token"])).status_code == 200
        assert len(sent) == 5


async def test_a_closed_task_is_closed_whatever_is_wrong_with_the_answers(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    lease = await person.one()
    await world.finalize(record_id)
    refused = await person.submit(lease["token"], {"sentiment": {"label": "no such label"}})
    assert (refused.status_code, refused.json()["type"]) == (409, "task-closed")


async def test_an_erased_record_refuses_with_410_and_keeps_nothing(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    lease = await person.one()
    await world.client.put(f"/v1/leases/{lease['token']}/draft", headers=person.headers, json={"answers": sentiment()})
    await world.erase(record_id)
    refused = await person.submit(lease["token"])
    assert (refused.status_code, refused.json()["type"]) == (410, "record-gone")
    assert refused.json()["detail"] == "Nothing of the work on it is kept."
    draft = await world.client.get(f"/v1/leases/{lease['token']}/draft", headers=person.headers)
    assert (draft.status_code, draft.json()["type"]) == (404, "no-draft")


async def test_answers_that_break_the_schema_are_refused_with_pointer_and_rule(world: World) -> None:
    person = await world.person()
    await world.record()
    lease = await person.one()
    refused = await person.submit(lease["token"], sentiment("furious"))
    assert refused.status_code == 422
    assert refused.json()["type"] == "schema-violated"
    assert refused.json()["errors"] == [
        {
            "pointer": "/answers/sentiment/label",
            "rule": "label-unknown",
            "detail": "the label is not one of the question's labels",
        }
    ]
    assert "furious" not in refused.text
    assert (await person.submit(lease["token"], {})).status_code == 422
    assert (await person.submit(lease["token"])).status_code == 200


async def test_the_lease_of_somebody_else_is_unknown(world: World) -> None:
    owner, thief = await world.people(2)
    await world.record()
    lease = await owner.one()
    for answer in (
        await thief.submit(lease["token"]),
        await thief.skip(lease["token"]),
        await thief.release(lease["token"]),
        await world.client.patch(f"/v1/leases/{lease['token']}", headers=thief.headers),
        await thief.submit(str(uuid4())),
    ):
        assert (answer.status_code, answer.json()["type"]) == (404, "unknown-lease")


async def test_a_token_limited_to_another_project_is_refused(world: World) -> None:
    person = await world.person()
    await world.record()
    lease = await person.one()
    headers = world.service.token(Role.ANNOTATOR, subject=person.subject, projects=[uuid4()])
    answer = await world.client.put(
        f"/v1/leases/{lease['token']}/annotation", headers=headers, json={"answers": sentiment()}
    )
    assert (answer.status_code, answer.json()["type"]) == (403, "wrong-project")


async def test_submit_and_next_in_one_call(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(serving={"leases_per_annotator": 1})).open()
    person = await world.person()
    await world.records(2)
    lease = await person.one()
    first = await person.submit(lease["token"], next=1)
    [following] = first.json()["next"]
    assert following["task_id"] != lease["task_id"]
    again = await person.submit(lease["token"], next=1)
    assert again.json() == first.json()
    last = await person.submit(following["token"], next=1)
    assert last.json()["next"] == []
    assert last.json()["reason"] == "all_answered"


async def test_a_released_task_can_be_leased_again_at_once(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    lease = await person.one()
    assert (await person.release(lease["token"])).status_code == 204
    assert (await person.release(lease["token"])).status_code == 204
    assert await world.slots(record_id) == ["free"]
    assert (await person.submit(lease["token"])).status_code == 409
    assert (await person.one())["token"] != lease["token"]
    assert await activities(world, person) == ["released"]


async def test_a_skipped_slot_stays_skipped_and_another_takes_its_place(world: World) -> None:
    first, second = await world.people(2)
    record_id = await world.record()
    lease = await first.one()
    assert (await first.skip(lease["token"])).json() == {"skipped": True}
    assert (await first.skip(lease["token"])).json() == {"skipped": True}
    assert await world.slots(record_id) == ["skipped", "free"]
    assert await first.nothing() == "others_needed"
    assert (await first.submit(lease["token"])).status_code == 409
    assert (await second.submit((await second.one())["token"])).status_code == 200
    [published] = [one.payload for one in await world.published(TaskSkipped, record_id)]
    assert published.annotator_id == first.annotator_id
    assert (await world.progress())["skips"] == 1


async def test_renewing_holds_a_lease_even_after_it_ran_out(world: World) -> None:
    first, second = await world.people(2)
    await world.record()
    lease = await first.one()
    await world.expire_leases()
    renewed = await world.client.patch(f"/v1/leases/{lease['token']}", headers=first.headers, json={"ttl_s": 100_0})
    assert renewed.status_code == 200
    assert renewed.json()["until"] > lease["until"]
    assert await second.nothing() == "all_leased"
    assert (await first.submit(lease["token"])).status_code == 200
    late = await world.client.patch(f"/v1/leases/{lease['token']}", headers=first.headers)
    assert late.status_code == 409


async def test_a_draft_survives_the_lease(world: World) -> None:
    person = await world.person()
    await world.record()
    lease = await person.one()
    path = f"/v1/leases/{lease['token']}/draft"
    assert (await world.client.get(path, headers=person.headers)).status_code == 404
    saved = await world.client.put(path, headers=person.headers, json={"answers": sentiment("neutral")})
    assert saved.status_code == 200
    await world.expire_leases()
    again = await person.one()
    draft = await world.client.get(f"/v1/leases/{again['token']}/draft", headers=person.headers)
    assert draft.json() == saved.json()
    assert (await person.submit(again["token"])).status_code == 200
    assert (await world.client.get(path, headers=person.headers)).status_code == 404


async def test_free_text_is_masked_before_it_is_published(world: World) -> None:
    person, expert = await world.person(), await world.person("expert")  # type: ignore[arg-type]
    record_id = await world.record()
    await world.record()
    [first, second] = await person.lease(count=2)
    await person.skip(first["token"], reason="Ask ada@example.org about it.")
    [published] = [
        one.payload for one in await world.published(TaskSkipped)
        if str(one.record_id) == shown(first)
    ]  # fmt: skip
    assert "ada@example.org" not in published.reason
    await person.release(second["token"])
    await world.arbitrate(record_id)
    lease = await expert.one()
    reason = "Confirmed with bob@example.org by mail."
    assert (await expert.submit(lease["token"], reason=reason)).status_code == 200
    assert (await expert.submit(lease["token"], reason=reason)).status_code == 200
    async with world.service.database.transaction() as session:
        leaks = await session.raw.fetchval(
            "SELECT (SELECT count(*) FROM annotations WHERE reason LIKE '%@example.org%')"
            " + (SELECT count(*) FROM ended_leases WHERE reason LIKE '%@example.org%')"
        )
        events = await outbox_events(session.raw)
    assert leaks == 0
    assert not any(b"@example.org" in event.envelope for event in events)


async def test_answers_are_checked_live(world: World) -> None:
    person = await world.person()
    await world.record()
    lease = await person.one()

    async def check(**body: Any) -> Any:
        return (await world.client.post("/v1/validate", headers=person.headers, json=body)).json()

    assert await check(token=lease["token"], answers=sentiment()) == {"valid": True, "violations": []}
    found = await check(token=lease["token"], answers=sentiment("furious"))
    assert found["violations"][0]["pointer"] == "/answers/sentiment/label"
    assert (await check(project_id=str(world.project_id), answers=sentiment()))["valid"]
    unknown = await check(project_id=str(world.project_id), schema_version=7, answers=sentiment())
    assert (unknown["status"], unknown["type"]) == (422, "unknown-schema-version")
    assert (await check(answers=sentiment()))["status"] == 422
    more = {"fields": {"message": "another"}, "project_id": str(world.project_id), "schema_version": 1}
    for name, value in more.items():
        both = await check(token=lease["token"], answers=sentiment(), **{name: value})
        assert (both["status"], both["type"], both["pointer"]) == (422, "checked-against-two", f"/{name}")
    assert (await check(token=str(uuid4()), answers=sentiment()))["status"] == 404


async def test_a_commit_that_fails_gives_an_error_and_no_event(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    lease = await person.one()
    statements = (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$",
        """CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON annotations DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse()""",
    )
    async with world.service.database.transaction() as session:
        for statement in statements:
            await session.raw.execute(statement)
    try:
        assert (await person.submit(lease["token"])).status_code >= 500
    finally:
        async with world.service.database.transaction() as session:
            await session.raw.execute("DROP FUNCTION refuse CASCADE")
    assert await world.published(AnnotationSubmitted, record_id) == []
    assert (await person.submit(lease["token"])).status_code == 200


@pytest.mark.parametrize("gold_share", [0.0, 1.0])
async def test_late_work_with_next_never_leases_the_slot_that_it_is_submitted_to(
    service: ServiceUnderTest, gold_share: float
) -> None:
    """It was leased again before it was kept: the acknowledged submit then counted as stale."""
    world = await World(service, policies=policies(gold={"entry_test": 0, "share": gold_share})).open()
    person = await world.person()
    for record_id in await world.records(2):
        await world.gold(record_id)
    await world.records(2)
    lease = await person.one()
    await world.expire_leases()
    first = await person.submit(lease["token"], next=1)
    assert first.status_code == 200, first.text
    [following] = first.json()["next"]
    assert following["task_id"] != lease["task_id"]
    again = await person.submit(lease["token"], next=1)
    assert (again.status_code, again.json()) == (200, first.json())
    async with service.database.transaction() as session:
        granted, returned = await session.raw.fetchrow(
            "SELECT granted, returned FROM memberships WHERE annotator_id = $1", person.annotator_id
        )
    assert (granted, returned) == (2, 0)
    assert (await person.submit(following["token"])).status_code == 200


async def test_long_text_is_masked_without_holding_up_others(world: World) -> None:
    person = await world.person()
    await world.record()
    await world.record()
    lease, other = await person.lease(count=2)
    text = "Write to ada@example.org about the lamp. " * 90
    held_up: list[float] = []

    async def watch() -> None:
        while True:
            begun = perf_counter()
            await asyncio.sleep(0.01)
            held_up.append(perf_counter() - begun)

    watching = asyncio.create_task(watch())
    answers = [await person.submit(one["token"], reason=text) for one in (lease, lease, other)]
    watching.cancel()
    assert [answer.status_code for answer in answers] == [200] * 3
    assert answers[0].json() == answers[1].json()
    [event] = [one for one in await world.published(AnnotationSubmitted) if str(one.record_id) == shown(lease)]
    assert "ada@example.org" not in str(event.payload.reason)
    assert "about the lamp" in str(event.payload.reason)
    assert max(held_up) < 0.25 * slowness()
