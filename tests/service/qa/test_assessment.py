"""What qa concludes about annotators, and what follows."""

from uuid import UUID

import pytest

from services.qa.resources import Pauses
from services.qa.storage import annotators
from shared.contracts.events import AnnotationsRequested, AnnotatorAssessed, DriftDetected, LabelFinalized, WorkLogged
from shared.contracts.events.work import Activity
from shared.contracts.policies import Policies
from shared.contracts.values import AssessmentStatus, Split, TaskKind
from shared.kit.clock import new_id
from tests.service.qa.world import LABELS, World, animal
from tests.support.service import ServiceUnderTest


async def estimate(world: World) -> None:
    world.service.runtime.resources.pauses = Pauses()
    await world.service.run_loop("estimate")
    await world.service.run_loop("replace_votes")


async def gold_records(world: World, count: int) -> list[UUID]:
    records = []
    for number in range(count):
        record_id = await world.open_record()
        body = {"answers": animal(LABELS[number % len(LABELS)])}
        await world.put(f"/projects/{world.project_id}/records/{record_id}/gold", body)
        records.append(record_id)
    return records


async def answer_gold(world: World, annotator_id: UUID, records: list[UUID], right: int) -> None:
    for number, record_id in enumerate(records):
        label = LABELS[(number + (number >= right)) % len(LABELS)]
        await world.deliver(world.annotated(record_id, label, annotator_id=annotator_id))


async def assessed(world: World, annotator_id: UUID) -> list[AnnotatorAssessed]:
    return [one for one in await world.published(AnnotatorAssessed) if one.annotator_id == annotator_id]


async def test_gold_gives_an_accuracy_with_its_interval(world: World) -> None:
    annotator_id = new_id()
    await answer_gold(world, annotator_id, await gold_records(world, 10), right=9)
    await estimate(world)
    (published,) = await assessed(world, annotator_id)
    assert published.status is AssessmentStatus.ACTIVE
    assert published.accuracy == pytest.approx(0.9)
    assert published.interval_low < 0.65
    assert published.gold_answers == 10
    (found,) = (await world.get(f"/annotators/{annotator_id}/assessment"))["assessments"]
    assert found["status"] == "active"
    assert [one["assessment_revision"] for one in found["history"]] == [1]
    listed = await world.get(f"/projects/{world.project_id}/assessments")
    assert [one["annotator_id"] for one in listed["items"]] == [str(annotator_id)]


async def test_without_gold_the_agreement_with_the_consensus_is_there(world: World) -> None:
    good, other = new_id(), new_id()
    for number in range(12):
        record_id, label = await world.open_record(), LABELS[number % len(LABELS)]
        await world.deliver(
            world.annotated(record_id, label, annotator_id=good),
            world.annotated(record_id, label, annotator_id=other, slot=2),
        )
    await estimate(world)
    (found,) = (await world.get(f"/annotators/{good}/assessment"))["assessments"]
    assert found["accuracy"] is None
    assert found["consensus_accuracy"] == found["details"]["diagonal"]
    assert 0.5 < found["consensus_accuracy"] < 1.0
    listed = await world.get(f"/projects/{world.project_id}/assessments")
    assert {one["consensus_accuracy"] for one in listed["items"]} == {found["consensus_accuracy"]}


async def test_an_assessment_that_did_not_change_is_not_published_again(world: World) -> None:
    annotator_id = new_id()
    records = await gold_records(world, 11)
    await answer_gold(world, annotator_id, records[:10], right=10)
    await estimate(world)
    await world.deliver(world.annotated(records[10], LABELS[10 % 4], annotator_id=annotator_id))
    await estimate(world)
    assert len(await assessed(world, annotator_id)) == 1


async def test_what_was_published_last_is_in_no_answer_and_is_read_under_its_former_name(world: World) -> None:
    annotator_id = new_id()
    records = await gold_records(world, 12)
    await answer_gold(world, annotator_id, records[:10], right=10)
    await estimate(world)
    async with world.service.database.transaction() as session:
        await session.raw.execute(
            """
            UPDATE assessments SET details = details - '{published_accuracy,published_answers}'::text[]
                || jsonb_build_object('told_accuracy', details->'published_accuracy',
                    'told_answers', details->'published_answers')
            WHERE annotator_id = $1
            """,
            annotator_id,
        )
    for number in (10, 11):
        (found,) = (await world.get(f"/annotators/{annotator_id}/assessment"))["assessments"]
        (listed,) = (await world.get(f"/projects/{world.project_id}/assessments"))["items"]
        assert found["details"].keys() == listed["details"].keys()
        assert {"diagonal", "drift_statistic", "baseline_error"} <= found["details"].keys()
        assert not [name for name in found["details"] if name.startswith(("published", "told"))]
        await world.deliver(world.annotated(records[number], LABELS[number % 4], annotator_id=annotator_id))
        await estimate(world)
    assert len(await assessed(world, annotator_id)) == 1


async def test_speed_is_that_of_the_newest_submitted_tasks_of_each_project(world: World) -> None:
    annotator_id, others = new_id(), new_id()
    ended: list[tuple[float, Activity]] = [
        (9.0, "submitted"),
        (2.0, "submitted"),
        (4.0, "submitted"),
        (50.0, "expired"),
    ]
    for active_s, activity in ended:
        at = world.moment()
        work = WorkLogged(
            annotator_id=annotator_id,
            task_id=new_id(),
            task_kind=TaskKind.ANNOTATION,
            activity=activity,
            leased_at=at,
            ended_at=at,
            active_s=active_s,
        )
        await world.deliver(world.event(work))
    async with world.service.database.transaction() as session:
        speeds = await annotators.speeds(session, [world.project_id, others], annotator_id, 2)
    assert speeds == {world.project_id: {"sessions": 2, "active_s": 6.0, "median_active_s": 3.0}}


async def test_a_spammer_is_paused_and_their_votes_on_open_records_are_replaced(world: World) -> None:
    spammer = new_id()
    waiting = await world.open_record()
    await world.deliver(world.annotated(waiting, "fish", annotator_id=spammer))
    done = await world.open_record()
    await world.deliver(world.annotated(done, "fish", annotator_id=spammer), world.annotated(done, "fish", slot=2))
    await answer_gold(world, spammer, await gold_records(world, 8), right=0)
    await estimate(world)

    (published,) = await assessed(world, spammer)
    assert published.status is AssessmentStatus.PAUSED
    assert published.reason == "spam_on_gold"
    (asked,) = await world.published(AnnotationsRequested, waiting)
    assert (asked.slots_total, asked.reason) == (3, "annotator_paused")
    roles = [one["role"] for one in (await world.lineage(waiting))["annotations"]]
    assert roles == ["void"]
    assert [one["role"] for one in (await world.lineage(done))["annotations"]] == ["vote", "vote"]

    await world.deliver(world.annotated(waiting, "cat", slot=2))
    assert (await world.state(waiting))["state"] == "open"
    await world.deliver(world.annotated(waiting, "cat", slot=3))
    label = await world.label(waiting)
    assert (label["answers"], label["annotations"]) == (animal("cat"), 2)


async def test_what_a_paused_annotator_still_submits_is_replaced_at_once(world: World) -> None:
    spammer = new_id()
    await answer_gold(world, spammer, await gold_records(world, 8), right=0)
    await estimate(world)
    record_id = await world.open_record()
    await world.deliver(world.annotated(record_id, "fish", annotator_id=spammer))
    (asked,) = await world.published(AnnotationsRequested, record_id)
    assert asked.slots_total == 3


async def test_a_paused_annotator_stays_paused_until_a_person_reinstates_them(world: World) -> None:
    spammer = new_id()
    records = await gold_records(world, 16)
    await answer_gold(world, spammer, records[:8], right=0)
    await estimate(world)
    await answer_gold(world, spammer, records[8:], right=8)
    await estimate(world)
    assert len(await assessed(world, spammer)) == 1
    path = f"/projects/{world.project_id}/annotators/{spammer}/reinstatement"
    await world.post(path, {"reason": "Trained again."})
    assert [one.status for one in await assessed(world, spammer)] == [
        AssessmentStatus.PAUSED,
        AssessmentStatus.ACTIVE,
    ]
    await estimate(world)
    assert len(await assessed(world, spammer)) == 2
    await world.post(path, {"reason": "Once more."}, 409)


async def test_only_who_is_known_and_paused_can_be_reinstated(world: World) -> None:
    at_work, newcomer = new_id(), new_id()
    await world.deliver(world.annotator(newcomer))
    await answer_gold(world, at_work, await gold_records(world, 1), right=1)
    await estimate(world)
    for annotator_id, status, kind in (
        (new_id(), 404, "not-known-here"),
        (newcomer, 409, "not-paused"),
        (at_work, 409, "not-paused"),
    ):
        path = f"/projects/{world.project_id}/annotators/{annotator_id}/reinstatement"
        assert (await world.post(path, {"reason": "Trained again."}, status))["type"] == kind


async def test_estimates_weigh_the_next_votes(world: World) -> None:
    """Whoever was wrong on gold again and again is not believed by two votes."""
    world.policies = Policies()
    await world.deliver(world.project())
    poor, good = new_id(), new_id()
    records = await gold_records(world, 40)
    for number, record_id in enumerate(records):
        truth = LABELS[number % 4]
        wrong = LABELS[(number + 1 + number // 4 % 3) % 4]
        await world.deliver(
            world.annotated(record_id, truth, annotator_id=good),
            world.annotated(record_id, truth if number % 2 else wrong, annotator_id=poor),
        )
    await estimate(world)
    record_id = await world.open_record()
    await world.deliver(
        world.annotated(record_id, "cat", annotator_id=good), world.annotated(record_id, "dog", annotator_id=poor)
    )
    (asked,) = await world.published(AnnotationsRequested, record_id)
    assert asked.reason == "unsure"
    sure = await world.open_record(slots=1, split=Split.TEST)
    await world.deliver(world.annotated(sure, "cat", annotator_id=good))
    unsure = await world.open_record(slots=1, split=Split.TEST)
    await world.deliver(world.annotated(unsure, "cat", annotator_id=poor))
    assert await world.published(AnnotationsRequested, unsure) != []
    confidences = [one.confidence for one in await world.published(LabelFinalized, sure)]
    assert confidences == [] or confidences[0] >= 0.98


async def test_whose_error_rate_rises_is_found(world: World) -> None:
    drifting = new_id()
    records = await gold_records(world, 60)
    for number, record_id in enumerate(records):
        truth = LABELS[number % 4]
        wrong = LABELS[(number + 1) % 4]
        label = wrong if number >= 40 and number % 3 else truth
        await world.deliver(world.annotated(record_id, truth), world.annotated(record_id, label, annotator_id=drifting))
    await estimate(world)
    alarms = [one for one in await world.published(DriftDetected) if one.subject_id == drifting]
    assert len(alarms) == 1
    assert alarms[0].subject == "annotator"
    (listed,) = (await world.get(f"/projects/{world.project_id}/drifts"))["items"]
    assert listed["subject_id"] == str(drifting)
    await estimate(world)
    assert len([one for one in await world.published(DriftDetected) if one.subject_id == drifting]) == 1


async def test_withdrawn_gold_counts_no_more(world: World) -> None:
    annotator_id = new_id()
    records = await gold_records(world, 8)
    await answer_gold(world, annotator_id, records, right=4)
    for record_id in records[4:]:
        await world.delete(f"/projects/{world.project_id}/records/{record_id}/gold")
    await estimate(world)
    (published,) = await assessed(world, annotator_id)
    assert (published.gold_answers, published.accuracy) == (4, 1.0)


async def test_assessments_in_many_projects_are_read_by_pages_of_those_one_may_see(
    qa: ServiceUnderTest, world: World
) -> None:
    annotator_id = new_id()
    worlds = [world, World(qa), World(qa)]
    for one in worlds:
        if one is not world:
            await one.deliver(one.project())
        await answer_gold(one, annotator_id, await gold_records(one, 2), right=2)
        await estimate(one)
    for active_s in (2.0, 4.0):
        at = world.moment()
        work = WorkLogged(
            annotator_id=annotator_id,
            task_id=new_id(),
            task_kind=TaskKind.ANNOTATION,
            activity="submitted",
            leased_at=at,
            ended_at=at,
            active_s=active_s,
        )
        await world.deliver(world.event(work))

    path = f"/annotators/{annotator_id}/assessment"
    first = await world.get(path, limit=2)
    last = await world.get(path, limit=2, after=first["next"])
    found = [*first["assessments"], *last["assessments"]]
    assert "next" not in last
    assert [one["project_id"] for one in found] == sorted(str(one.project_id) for one in worlds)
    assert [len(one["history"]) for one in found] == [1, 1, 1]
    speeds = {one["project_id"]: (one["speed"]["sessions"], one["speed"]["median_active_s"]) for one in found}
    assert speeds.pop(str(world.project_id)) == (2, 3.0)
    assert set(speeds.values()) == {(0, None)}

    headers = world.headers(projects=[worlds[1].project_id])
    answer = await qa.client.get(f"/v1{path}", headers=headers)
    assert [one["project_id"] for one in answer.json()["assessments"]] == [str(worlds[1].project_id)]
