"""How records are routed, and when they are routed again."""

import itertools
from uuid import UUID

import pytest

from services.queue.operations import routing
from services.queue.storage import thresholds
from services.queue.storage.thresholds import ThresholdChange
from shared.contracts.draws import draw
from shared.contracts.events import RecordRouted
from shared.contracts.values import AnnotatorStatus, Pool, Route, ScoredFor, Split
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Session
from tests.service.queue import rerouting_process
from tests.service.queue.world import World, policies, shown
from tests.support.killed import run_until_killed
from tests.support.outbox import outbox_events
from tests.support.service import ServiceUnderTest

LEARNING = {"learning": {"enabled": True, "random_share": 0.0}}
AUDITED = {"auto_accept": {"audit_share": 0.3}}


def drawn(world: World, purpose: str, low: float, high: float) -> UUID:
    """A record id whose die for this purpose falls into [low, high)."""
    while not low <= draw(world.salt, purpose, record_id := new_id()) < high:  # type: ignore[arg-type]
        pass
    return record_id


async def test_a_record_without_a_model_goes_to_people(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(redundancy={"without_model": 3, "with_model": 1})).open()
    record_id = await world.record()
    [routed] = await world.routes(record_id)
    assert (routed.route, routed.slots_total, routed.model_id) == (Route.PEOPLE, 3, None)
    assert (routed.schema_version, routed.guideline_version, routed.policy_version) == (1, 1, 1)
    assert await world.slots(record_id) == ["free"] * 3


async def test_a_model_needs_fewer_people_and_untouched_slots_follow(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(redundancy={"without_model": 3, "with_model": 1})).open()
    record_id = await world.record()
    prediction_id = await world.predict(record_id, "positive")
    first, second = await world.routes(record_id)
    assert (second.slots_total, second.model_id, second.prediction_id) == (1, world.model_id, prediction_id)
    assert second.task_id == first.task_id
    assert (await world.slots(record_id)).count("free") == 1


async def test_touched_slots_stay_as_they_were_decided(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(redundancy={"without_model": 2, "with_model": 1})).open()
    person = await world.person()
    record_id = await world.record()
    await person.one()
    await world.predict(record_id, "positive")
    routed = await world.route(record_id)
    assert (routed.slots_total, routed.model_id) == (2, world.model_id)


async def test_what_was_not_selected_is_held_until_it_is(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(**LEARNING)).open()
    person = await world.person()
    record_id = await world.record()
    assert await world.slots(record_id) == ["held"]
    assert await person.nothing() == "not_selected"
    await world.predict(record_id, selected=True)
    assert await world.slots(record_id) == ["free"]
    routed = await world.route(record_id)
    assert routed.selection_probability == pytest.approx(0.25)
    assert routed.reason == "batch 0 by margin"
    await world.predict(record_id)  # scored again without a word on selection
    assert await world.slots(record_id) == ["free"]
    assert len(await person.lease()) == 1


async def test_held_out_records_are_open_at_once_and_blind(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(**LEARNING)).open()
    person = await world.person()
    record_id = await world.record(Split.VALIDATION, label="positive")
    routed = await world.route(record_id)
    assert (routed.slots_total, routed.blind, routed.audit, routed.explored) == (2, True, False, False)
    assert await world.slots(record_id) == ["free", "free"]
    assert "prediction" not in await person.one()


async def test_the_random_share_is_open_at_once(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(learning={"enabled": True, "random_share": 0.2})).open()
    inside, outside = drawn(world, "explore", 0.0, 0.2), drawn(world, "explore", 0.2, 1.0)
    await world.record(record_id=inside)
    await world.record(record_id=outside)
    assert (await world.route(inside)).explored
    assert (await world.route(inside)).selection_probability == pytest.approx(0.2)
    assert await world.slots(inside) == ["free"]
    assert not (await world.route(outside)).explored
    assert await world.slots(outside) == ["held"]


async def test_nothing_is_accepted_without_a_threshold(world: World) -> None:
    record_id = await world.record(label="positive", confidence=1.0)
    assert (await world.route(record_id)).route is Route.PEOPLE


async def test_a_new_threshold_accepts_what_nobody_has_touched(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    person = await world.person()
    sure = await world.record(label="positive", confidence=0.99)
    unsure = await world.record(label="positive", confidence=0.8)
    started = await world.record(label="positive", confidence=0.99, priority=5)
    held_out = await world.record(Split.TEST, label="positive", confidence=0.99)
    assert shown(await person.one()) == str(started)
    await world.threshold(0.95)
    routed = await world.route(sure)
    assert (routed.route, routed.slots_total, routed.threshold) == (Route.AUTO_ACCEPT, 0, 0.95)
    assert await world.slots(sure) == ["void"]
    for other in (unsure, started, held_out):
        assert (await world.route(other)).route is Route.PEOPLE
    assert await world.slots(started) == ["leased"]


async def test_a_threshold_that_came_first_is_read_when_the_record_is_routed(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    await world.threshold(0.95)
    record_id = await world.record(label="positive", confidence=0.96)
    assert [routed.route for routed in await world.routes(record_id)] == [Route.AUTO_ACCEPT]


async def test_expired_work_may_still_come_so_its_record_is_not_accepted(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    person = await world.person()
    record_id = await world.record(label="positive", confidence=0.99)
    lease = await person.one()
    await world.expire_leases()
    await world.threshold(0.95)
    assert await world.slots(record_id) == ["free"]
    assert (await person.submit(lease["token"])).status_code == 200


async def test_a_threshold_for_one_class_does_not_hold_for_others(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    positive = await world.record(label="positive", confidence=0.99)
    negative = await world.record(label="negative", confidence=0.99)
    await world.threshold(0.9, label="positive")
    assert (await world.route(positive)).route is Route.AUTO_ACCEPT
    assert (await world.route(negative)).route is Route.PEOPLE
    await world.threshold(0.9, revision=2)
    assert (await world.route(negative)).route is Route.AUTO_ACCEPT


async def test_thresholds_of_several_classes_are_one_change_that_leaves_other_records_alone(
    service: ServiceUnderTest,
) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    sure = await world.record(confidence=0.97, label="positive")
    unsure = await world.record(confidence=0.93, label="positive")
    other = await world.record(confidence=0.97, label="negative")
    rare = await world.record(confidence=0.99, label="neutral")
    before = {record_id: len(await world.routes(record_id)) for record_id in (unsure, other, rare)}
    new = [
        world.threshold_of(0.95, 1, "positive"),
        world.threshold_of(0.98, 2, "negative"),
        world.threshold_of(None, 3, "neutral"),
    ]
    await service.deliver_many([world.event(one) for one in new])
    async with service.database.transaction() as session:
        change = await thresholds.next_change(session)
        assert change is not None
        assert await session.raw.fetchval("SELECT count(*) FROM threshold_changes") == 1
        concerned, _ = await change.concerned(session, 100)
    assert concerned == [sure], "the others are not even locked"
    await service.run_loop("reroute")
    assert (await world.route(sure)).route is Route.AUTO_ACCEPT
    for record_id, count in before.items():
        assert len(await world.routes(record_id)) == count


async def test_of_gold_the_thresholds_of_its_predicted_class_are_looked_at_again(service: ServiceUnderTest) -> None:
    """Whether it may show its prediction hangs on whether an ordinary record would come to people."""
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    concerned_gold = await world.record(confidence=0.97, label="positive")
    other_gold = await world.record(confidence=0.97, label="negative")
    for record_id in (concerned_gold, other_gold):
        await world.gold(record_id)
    await service.deliver_many(
        [world.event(one) for one in (world.threshold_of(0.95, 1, "positive"), world.threshold_of(0.98, 2, "negative"))]
    )
    async with service.database.transaction() as session:
        change = await thresholds.next_change(session)
        assert change is not None
        concerned, _ = await change.concerned(session, 100)
    assert concerned == [concerned_gold]
    await service.run_loop("reroute")
    assert await blind_gold(world, concerned_gold)
    assert not await blind_gold(world, other_gold)


async def blind_gold(world: World, record_id: UUID) -> bool:
    statement = "SELECT blind FROM tasks WHERE record_id = $1 AND purpose = 'gold'"
    async with world.service.database.transaction() as session:
        blind: bool = await session.raw.fetchval(statement, record_id)
    return blind


async def test_a_class_that_has_no_threshold_any_more_falls_back_to_none(service: ServiceUnderTest) -> None:
    """Its own row says that there is none, whatever holds for the rest."""
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    await world.threshold(0.9)
    await world.threshold(None, revision=2, label="positive")
    positive = await world.record(confidence=0.99, label="positive")
    negative = await world.record(confidence=0.99, label="negative")
    assert (await world.route(positive)).route is Route.PEOPLE
    assert (await world.route(negative)).route is Route.AUTO_ACCEPT


async def test_a_withdrawn_threshold_accepts_nothing_more(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    await world.threshold(0.9, revision=1)
    await world.threshold(None, revision=2)
    await world.threshold(0.9, revision=1)  # late: older than what is held
    record_id = await world.record(label="positive", confidence=0.99)
    assert (await world.route(record_id)).route is Route.PEOPLE


async def test_a_share_of_what_would_be_accepted_is_audited_blind(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(**AUDITED, learning={"enabled": True, "random_share": 0.0})).open()
    person = await world.person()
    audited, accepted = drawn(world, "audit", 0.0, 0.3), drawn(world, "audit", 0.3, 1.0)
    for record_id in (audited, accepted):
        await world.record(label="positive", confidence=0.99, record_id=record_id)
        assert await world.slots(record_id) == ["held"]
    await world.threshold(0.9)
    routed = await world.route(audited)
    assert (routed.route, routed.audit, routed.blind, routed.threshold) == (Route.PEOPLE, True, True, 0.9)
    assert routed.selection_probability == pytest.approx(0.3)
    assert (await world.route(accepted)).route is Route.AUTO_ACCEPT
    lease = await person.one()
    assert shown(lease) == str(audited)
    assert "prediction" not in lease


async def test_evaluations_do_not_route(world: World) -> None:
    record_id = new_id()
    await world.publish(world.accepted(), record_id)
    await world.publish(world.predicted("positive", scored_for=ScoredFor.EVALUATION), record_id)
    assert await world.routes(record_id) == []


async def test_an_older_prediction_changes_nothing(world: World) -> None:
    record_id = new_id()
    await world.publish(world.accepted(), record_id)
    await world.publish(world.predicted("positive"), record_id, 2)
    await world.publish(world.predicted(), record_id, 1)
    assert (await world.route(record_id)).model_id == world.model_id


async def test_the_same_decision_is_published_once(world: World) -> None:
    record_id = await world.record(label="positive")
    for _ in range(3):
        await world.predict(record_id, "positive")
    assert len(await world.routes(record_id)) == 1


async def test_routes_are_counted_by_revision(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(redundancy={"without_model": 3, "with_model": 1})).open()
    record_id = await world.record()
    await world.predict(record_id, "positive")
    events = await world.published(RecordRouted, record_id)
    assert [event.revision for event in events] == [1, 2]


async def test_unsure_predictions_go_to_an_expert(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(serving={"expert_below": 0.5})).open()
    person, expert = await world.person(), await world.person(Pool.EXPERT)
    record_id = await world.record(label="positive", confidence=0.4)
    assert (await world.route(record_id)).route is Route.EXPERT
    assert await person.nothing() == "no_skill"
    assert len(await expert.lease()) == 1


async def test_a_project_without_a_guideline_is_routed_once_it_has_one(service: ServiceUnderTest) -> None:
    world = await World(service, guidelines=0).open()
    record_id = await world.record()
    assert await world.routes(record_id) == []
    world.guidelines = 1
    await world.open()
    await service.run_loop("route_waiting")
    assert (await world.route(record_id)).guideline_version == 1


async def test_switching_learning_off_opens_what_was_held(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(**LEARNING)).open()
    record_id = await world.record()
    assert await world.slots(record_id) == ["held"]
    await world.change(policies=policies())
    assert await world.slots(record_id) == ["free"]


async def test_rerouting_goes_on_where_it_stopped(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    record_ids = await world.records(routing.SETS_OF_PAGE + 1, label="positive", confidence=0.99)
    await world.publish(world.threshold_of(0.9))
    assert await routing.reroute(service.database, service.runtime.resources.projects, utc_now(), 1)
    routes = [(await world.route(one)).route for one in record_ids]
    assert routes.count(Route.AUTO_ACCEPT) == routing.SETS_OF_PAGE  # and then it crashed
    await service.run_loop("reroute")
    assert [(await world.route(one)).route for one in record_ids] == [Route.AUTO_ACCEPT] * len(record_ids)


async def test_rerouting_that_failed_in_between_is_done_again_without_another_effect(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    record_ids = await world.records(4, label="positive", confidence=0.99)
    await world.publish(world.threshold_of(0.9))

    async def crash(*_: object) -> None:
        raise ConnectionError("the process ends here")

    projects = service.runtime.resources.projects
    with monkeypatch.context() as crashing:
        crashing.setattr(ThresholdChange, "go_on", crash)
        with pytest.raises(ConnectionError):
            await routing.reroute(service.database, projects, utc_now(), 2)
    assert await routing.reroute(service.database, projects, utc_now(), 2)
    assert not await routing.reroute(service.database, projects, utc_now(), 2)
    for record_id in record_ids:
        assert [one.route for one in await world.routes(record_id)] == [Route.PEOPLE, Route.AUTO_ACCEPT]


@pytest.mark.parametrize("committed", [0, 1, rerouting_process.SETS])
async def test_a_process_killed_within_a_page_of_rerouting_leaves_nothing_out_and_does_nothing_twice(
    service: ServiceUnderTest, committed: int
) -> None:
    world = await World(service, policies=policies(auto_accept={"audit_share": 0.0})).open()
    record_ids = await world.records(2 * rerouting_process.SETS, label="positive", confidence=0.99)
    await world.publish(world.threshold_of(0.9))
    database_url = service.settings.database_url
    assert database_url is not None
    await run_until_killed(rerouting_process.__name__, database_url.get_secret_value(), committed, 2)
    routes = [(await world.route(one)).route for one in record_ids]
    assert routes.count(Route.AUTO_ACCEPT) == 2 * committed
    await service.run_loop("reroute")
    for record_id in record_ids:
        assert [one.route for one in await world.routes(record_id)] == [Route.PEOPLE, Route.AUTO_ACCEPT]
    async with service.database.transaction() as session:
        assert await thresholds.next_change(session) is None


async def test_a_replica_that_leads_no_longer_does_not_take_rerouting_back(service: ServiceUnderTest) -> None:
    world = await World(service).open()
    await world.records(3, label="positive", confidence=0.99)
    await world.publish(world.threshold_of(0.9))
    async with service.database.transaction() as session:
        stale = await thresholds.next_change(session)
        assert stale is not None
        _, first = await stale.concerned(session, 1)
        _, second = await stale.concerned(session, 2)
        await stale.go_on(session, second)
        await stale.go_on(session, first)
        await stale.go_on(session, None)
        change = await thresholds.next_change(session)
    assert change is not None
    assert change.done_to == second


@pytest.mark.parametrize("first", ["before", "now"])
async def test_a_replica_of_the_version_before_and_one_of_this_leave_no_record_out(
    service: ServiceUnderTest, first: str
) -> None:
    """The one of before goes on in the order of confidence, and both note in the same row how far they are."""
    world = await World(service).open()
    confidences = [0.91 + 0.01 * (5 * number % 8) for number in range(8)]
    all_ids = [(await world.records(1, label="positive", confidence=each))[0] for each in confidences]
    await service.run_loop("reroute")  # what other tests have left
    await world.publish(world.threshold_of(0.9))
    done: set[UUID] = set()

    async def before(session: Session) -> None:
        row = await session.raw.fetchrow("SELECT * FROM threshold_changes")
        place = (row["after_confidence"], row["after_record"])
        rows = await session.raw.fetch(
            "SELECT record_id, confidence FROM routes WHERE project_id = $1 AND model_id = $2"
            " AND (confidence, record_id) > ($3, $4) AND confidence < $5 ORDER BY confidence, record_id LIMIT 1",
            row["project_id"], row["model_id"], *place, row["below"],
        )  # fmt: skip
        if not rows:
            await session.raw.execute(
                "DELETE FROM threshold_changes WHERE after_confidence = $1 AND after_record = $2", *place
            )
            return
        done.update(each["record_id"] for each in rows)
        await session.raw.execute(
            "UPDATE threshold_changes SET after_confidence = $1, after_record = $2",
            rows[-1]["confidence"], rows[-1]["record_id"],
        )  # fmt: skip

    async def now(session: Session) -> None:
        change = await thresholds.next_change(session)
        assert change is not None
        record_ids, end = await change.concerned(session, 1)
        done.update(record_ids)
        await change.go_on(session, end)

    turns = itertools.cycle([before, now] if first == "before" else [now, now, before])
    for turn in turns:
        async with service.database.transaction() as session:
            if await thresholds.next_change(session) is None:
                break
            await turn(session)
    assert done == set(all_ids)


async def test_annotators_are_published_without_their_names(world: World) -> None:
    person = await world.person(subject="secret-subject")
    answer = await world.client.patch(
        f"/v1/annotators/{person.annotator_id}", headers=world.manager, json={"status": AnnotatorStatus.PAUSED}
    )
    assert answer.status_code == 200
    async with world.service.database.transaction() as session:
        published = [event for event in await outbox_events(session.raw) if event.key == person.annotator_id]
    assert len(published) == 2
    assert all(b"secret-subject" not in event.envelope and b"Ada" not in event.envelope for event in published)
    assert b'"revision":2' in published[1].envelope
    assert await person.nothing() == "paused"
