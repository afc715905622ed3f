"""What qa asks for, how records end, gold, and tasks that nobody can serve."""

from typing import Any
from uuid import UUID

from shared.contracts.events import (
    AnnotationsRequested,
    GoldWithdrawn,
    LabelRetracted,
    RecordUnlabelable,
    TaskServable,
    TaskUnservable,
)
from shared.contracts.values import LabelMethod, Pool, Role, Route, Split
from tests.service.queue.world import Person, World, finalized, policies, sentiment, shown
from tests.support.service import ServiceUnderTest

NOBODY_NEW = "everybody in the project who may answer it has had it already: somebody new is needed"


async def unservable(world: World, record_id: Any) -> list[str]:
    await world.service.run_loop("find_unservable")
    return [event.payload.reason for event in await world.published(TaskUnservable, record_id)]


async def test_requests_are_targets_not_increments(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    await person.work()
    for _ in range(3):
        await world.request(record_id, 2)
    assert sorted(await world.slots(record_id)) == ["free", "submitted"]
    assert (await world.route(record_id)).slots_total == 2
    await world.request(record_id, 1)
    assert (await world.route(record_id)).slots_total == 2


async def test_requested_annotations_are_served_first(world: World) -> None:
    first, second = await world.people(2)
    record_ids = await world.records(5)
    await first.work()
    await world.records(5)
    await world.request(record_ids[3], 2)
    assert shown(await second.one()) == str(record_ids[3])


async def test_a_request_for_an_ended_round_changes_nothing(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    await person.work()
    await world.publish(finalized(), record_id, 5)
    await world.publish(AnnotationsRequested(round=1, slots_total=3, reason="late"), record_id, 4)
    assert await world.slots(record_id) == ["submitted"]


async def test_a_label_closes_what_is_open(world: World) -> None:
    first, second = await world.people(2)
    record_id = await world.record(Split.TEST)
    lease = await first.one()
    await world.finalize(record_id)
    assert await world.slots(record_id) == ["void", "void"]
    assert (await first.submit(lease["token"])).status_code == 409
    assert await second.nothing() == "done"


async def test_a_relabel_opens_the_next_round_for_others(world: World) -> None:
    first, second = await world.people(2)
    record_id = await world.record(label="positive")
    await first.work()
    await world.finalize(record_id)
    await world.relabel(record_id, blind=True)
    routed = await world.route(record_id)
    assert (routed.round, routed.slots_total, routed.blind, routed.route) == (2, 1, True, Route.PEOPLE)
    assert await first.lease() == []
    lease = await second.one()
    assert "prediction" not in lease
    assert (await second.submit(lease["token"])).status_code == 200


async def test_a_relabel_for_experts_is_served_to_experts_only(world: World) -> None:
    person, expert = await world.person(), await world.person(Pool.EXPERT)
    record_id = await world.record()
    await world.finalize(record_id)
    await world.relabel(record_id, pool=Pool.EXPERT)
    assert (await world.route(record_id)).route is Route.EXPERT
    assert await person.lease() == []
    assert (await expert.one())["kind"] == "annotation"


async def test_an_arbiter_sees_the_dispute_without_names_and_gives_a_reason(world: World) -> None:
    person, expert = await world.person(), await world.person(Pool.EXPERT)
    record_id = await world.record(label="positive")
    await person.work()
    await world.arbitrate(record_id)
    lease = await expert.one()
    assert (lease["kind"], lease["why"]) == ("arbitration", "decide_dispute")
    assert lease["disputed"] == [sentiment("positive"), sentiment("negative")]
    assert "prediction" not in lease
    assert str(person.annotator_id) not in str(lease)
    refused = await expert.submit(lease["token"], sentiment("neutral"))
    assert (refused.status_code, refused.json()["type"]) == (422, "reason-required")
    decided = await expert.submit(lease["token"], sentiment("neutral"), reason="It is neither.")
    assert decided.status_code == 200
    assert (await world.progress())["decisions"] == 1


async def test_nobody_arbitrates_what_they_annotated(world: World) -> None:
    arbiter = await world.person(Pool.CROWD, Role.ANNOTATOR, Role.ARBITER)
    other = await world.person(Pool.CROWD, Role.ANNOTATOR, Role.ARBITER)
    record_id = await world.record()
    await arbiter.work()
    await world.arbitrate(record_id)
    assert await arbiter.lease() == []
    assert (await other.one())["kind"] == "arbitration"


async def test_who_is_no_arbiter_gets_no_arbitration(world: World) -> None:
    person, other = await world.people(2)
    record_id = await world.record()
    await person.work()
    await world.arbitrate(record_id)
    assert await other.nothing() == "being_decided"


async def test_while_a_dispute_waits_nobody_else_starts_the_record(world: World) -> None:
    first, second = await world.people(2)
    record_id = await world.record(Split.TEST)
    started = await first.one()
    await world.arbitrate(record_id)
    assert await second.lease() == []
    assert (await first.submit(started["token"])).status_code == 200


async def test_without_an_arbiter_the_arbitration_is_unservable_until_one_comes(world: World) -> None:
    async with world.service.database.transaction() as session:  # the other tests' experts
        await session.raw.execute("UPDATE annotators SET status = 'retired'")
    person = await world.person()
    record_id = await world.record()
    await person.work()
    await world.arbitrate(record_id)
    assert await unservable(world, record_id) == ["the project has no expert and no arbiter to decide it"]
    assert await unservable(world, record_id) == ["the project has no expert and no arbiter to decide it"]
    await world.from_qa(record_id, RecordUnlabelable(reason="no arbiter"))
    assert (await world.progress())["records"]["unlabelable"] == 1
    expert = await world.person(Pool.EXPERT)
    assert await expert.nothing() == "being_decided", "it may come any moment"
    await world.arbitrate(record_id)
    assert (await expert.one())["kind"] == "arbitration"
    assert (await world.progress())["records"]["open"] == 1


async def only_somebody_new_can_go_on(world: World) -> tuple[Person, UUID]:
    """A project whose only annotator has answered a record for which one more answer is wanted, and qa has given it up."""
    async with world.service.database.transaction() as session:  # the other tests' people
        await session.raw.execute("UPDATE annotators SET status = 'retired'")
    person = await world.person()
    record_id = await world.record()
    await person.work()
    await world.request(record_id, 2)
    assert await person.nothing() == "others_needed"
    await unservable(world, record_id)
    await world.arbitrate(record_id)
    reasons = await unservable(world, record_id)
    assert reasons == [NOBODY_NEW, f"{NOBODY_NEW}, and the project has no expert and no arbiter to decide it"]
    await world.from_qa(record_id, RecordUnlabelable(reason=reasons[-1]))
    return person, record_id


async def test_the_reason_is_that_somebody_new_is_needed_where_everybody_has_answered(world: World) -> None:
    person, _ = await only_somebody_new_can_go_on(world)
    body = (await person.ask()).json()
    assert (body["reason"], body["retry_after_s"]) == ("others_needed", 10)
    assert await person.nothing(kinds=["arbitration"]) == "being_decided", "by an arbiter, if one comes"


async def test_a_new_annotator_is_shown_that_what_was_given_up_may_come_any_moment(world: World) -> None:
    _, record_id = await only_somebody_new_can_go_on(world)
    newcomer = await world.person()
    body = (await newcomer.ask()).json()
    assert (body["reason"], body["retry_after_s"]) == ("being_decided", 5)
    await world.service.run_loop("find_unservable")
    assert await world.published(TaskServable, record_id) != []
    body = (await newcomer.ask()).json()
    assert (body["reason"], body["retry_after_s"]) == ("being_decided", 5), "qa has yet to ask for it again"
    await world.request(record_id, 2)
    assert len(await newcomer.lease()) == 1


async def test_what_waits_for_an_arbiter_to_come_is_being_decided(world: World) -> None:
    person, record_id = await world.person(), await world.record()
    await person.work()
    await world.arbitrate(record_id)
    await unservable(world, record_id)
    await world.from_qa(record_id, RecordUnlabelable(reason="no arbiter"))
    assert [await one.nothing() for one in (person, await world.person())] == ["being_decided"] * 2


async def test_who_may_not_have_what_was_given_up_is_shown_so(world: World) -> None:
    record_id = await world.record()
    person = await world.person(Pool.EXPERT)
    await world.request(record_id, 1)
    assert (await world.person()).annotator_id != person.annotator_id
    await world.relabel(record_id, pool="in_house")
    assert await unservable(world, record_id) == [
        "no active annotator of the project has the pool in_house that it needs"
    ]
    await world.from_qa(record_id, RecordUnlabelable(reason="nobody"))
    assert await person.nothing() == "no_skill"


async def test_what_too_many_skipped_comes_to_nobody_new(world: World) -> None:
    people = await world.people(3)
    record_id = await world.record()
    for person in people:
        await person.skip((await person.one())["token"])
    await unservable(world, record_id)
    await world.from_qa(record_id, RecordUnlabelable(reason="skipped"))
    assert await (await world.person()).nothing() == "done"


async def test_a_task_that_everybody_skipped_is_unservable(world: World) -> None:
    async with world.service.database.transaction() as session:
        await session.raw.execute("UPDATE annotators SET status = 'retired'")
    people = await world.people(2)
    record_id = await world.record()
    for person in people:
        assert await unservable(world, record_id) == []
        await person.skip((await person.one())["token"])
    assert await unservable(world, record_id) == [NOBODY_NEW]
    assert await world.slots(record_id) == ["skipped", "skipped", "void"]


async def test_too_many_skips_make_a_task_unservable(world: World) -> None:
    people = await world.people(4)
    record_id = await world.record()
    for person in people[:3]:
        await person.skip((await person.one())["token"])
    assert await unservable(world, record_id) == ["3 annotators skipped it"]
    assert await people[3].lease() == []


async def test_a_project_that_nobody_has_joined_yet_waits(world: World) -> None:
    async with world.service.database.transaction() as session:
        await session.raw.execute("UPDATE annotators SET status = 'retired'")
    record_id = await world.record()
    assert await unservable(world, record_id) == []


async def test_a_task_that_only_its_own_annotator_could_finish_is_found_when_they_ask(world: World) -> None:
    async with world.service.database.transaction() as session:
        await session.raw.execute("UPDATE annotators SET status = 'retired'")
    person = await world.person()
    record_id = await world.record(Split.TEST)
    await person.work()
    assert await unservable(world, record_id) == [NOBODY_NEW]


async def test_gold_wins_at_any_moment(world: World) -> None:
    started, fresh = await world.people(2)
    record_id = await world.record(Split.TEST)
    lease = await started.one()
    await world.gold(record_id, exposures=3)
    assert sorted(await world.slots(record_id)) == ["free", "free", "free", "leased", "void"]
    assert (await started.submit(lease["token"])).status_code == 200
    assert await fresh.nothing() == "done"  # gold never takes the place of nothing
    assert (await world.progress())["records"]["gold"] == 1


async def test_a_lease_of_what_became_gold_is_not_served_on_when_it_runs_out(world: World) -> None:
    first, second = await world.people(2)
    record_id = await world.record()
    lease = await first.one()
    await world.gold(record_id, exposures=1)
    await world.expire_leases()
    assert "void" in await world.slots(record_id)
    assert await second.lease() == []
    assert (await first.submit(lease["token"])).status_code == 409


async def test_withdrawn_gold_is_a_record_like_any_other(world: World) -> None:
    person = await world.person()
    record_id = await world.record()
    await world.gold(record_id)
    await world.from_qa(record_id, GoldWithdrawn(reason="it was wrong"))
    assert (await world.slots(record_id)).count("free") == 1
    assert await person.work() == 1
    assert (await world.progress())["gold_annotations"] == 0


async def test_gold_that_was_withdrawn_under_way_goes_on_where_it_was(world: World) -> None:
    first, second = await world.people(2)
    record_id = await world.record(Split.TEST)
    await first.work()
    await world.gold(record_id)
    await world.from_qa(record_id, GoldWithdrawn(reason="it was wrong"))
    assert await second.work() == 1
    assert (await world.slots(record_id)).count("submitted") == 2


async def test_a_retracted_machine_label_goes_to_people(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    person = await world.person()
    await world.threshold(0.9)
    record_id = await world.record(label="positive", confidence=0.99)
    await world.from_qa(record_id, finalized(method=LabelMethod.AUTO_ACCEPT))
    await world.from_qa(record_id, LabelRetracted(label_revision=1, reason="wrong"))
    assert (await world.route(record_id)).route is Route.PEOPLE
    assert await person.work() == 1


async def test_erasure_leaves_a_tombstone_without_content(world: World) -> None:
    person = await world.person()
    record_id = await world.record(text="all about Ada", label="positive")
    await person.work()
    await world.erase(record_id)
    await world.publish(world.accepted(text="all about Ada"), record_id)
    await world.predict(record_id, "positive")
    await world.gold(record_id)
    async with world.service.database.transaction() as session:
        row = await session.raw.fetchrow("SELECT * FROM records WHERE record_id = $1", record_id)
        kept = await session.raw.fetchval("SELECT answers FROM annotations WHERE record_id = $1", record_id)
    assert (row["state"], row["fields"], row["prediction"], kept) == ("erased", None, None, None)
    assert await person.lease() == []
    assert (await world.progress())["records"] == {
        "open": 0,
        "finalized": 0,
        "gold": 0,
        "unlabelable": 0,
        "erased": 1,
    }


async def test_progress_is_the_same_before_and_after_folding(world: World) -> None:
    person = await world.person()
    await world.records(3, label="positive")
    gold = await world.record()
    await world.gold(gold)
    lease = await person.one()
    await person.submit(lease["token"])
    before = await world.progress()
    assert before["records"] | {} == {"open": 3, "finalized": 0, "gold": 1, "unlabelable": 0, "erased": 0}
    assert before["annotations"] == 1
    assert before["routes"]["people"] == 4
    await world.service.run_loop("fold_progress")
    assert await world.progress() == before
    async with world.service.database.transaction() as session:
        assert await session.raw.fetchval("SELECT count(*) FROM progress_deltas") == 0
