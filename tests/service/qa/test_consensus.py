"""From votes to labels."""

import asyncio

from shared.contracts.events import AnnotationsRequested, ArbitrationRequested, LabelFinalized
from shared.contracts.values import Calibrated, LabelMethod, Route, Split, TaskKind
from shared.kit.clock import new_id
from tests.service.qa.world import World, animal


async def test_two_that_agree_make_a_label(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.annotated(record_id, "cat"))
    assert (await world.state(record_id))["state"] == "open"
    await world.deliver(world.annotated(record_id, "cat", slot=2))

    label = await world.label(record_id)
    assert label["answers"] == animal("cat")
    assert label["method"] == "consensus"
    assert label["annotations"] == 2
    assert 0.9 < label["confidence"] < 0.98
    assert label["calibrated"] == "default"
    (published,) = await world.published(LabelFinalized, record_id)
    assert published.trainable
    assert published.method is LabelMethod.CONSENSUS
    assert published.calibrated is Calibrated.DEFAULT


async def test_a_tie_asks_for_one_more_and_then_for_an_arbiter(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.annotated(record_id, "cat"), world.annotated(record_id, "dog", slot=2))
    asked = await world.published(AnnotationsRequested, record_id)
    assert [one.slots_total for one in asked] == [3]

    for slot, answer in enumerate(("bird", "fish", "cat"), start=3):
        await world.deliver(world.annotated(record_id, answer, slot=slot))
    asked = await world.published(AnnotationsRequested, record_id)
    assert [one.slots_total for one in asked] == [3, 4, 5]
    (arbitration,) = await world.published(ArbitrationRequested, record_id)
    assert sorted(one["animal"]["label"] for one in arbitration.disputed) == ["bird", "cat", "dog", "fish"]

    await world.deliver(world.decided(record_id, "dog"))
    label = await world.label(record_id)
    assert label["method"] == "decision"
    assert label["answers"] == animal("dog")
    lineage = await world.lineage(record_id)
    assert lineage["decisions"][0]["reason"] == "The guideline says so."
    assert [one["status"] for one in lineage["disputes"]] == ["decided"]


async def test_one_answer_with_a_sure_model_is_enough(world: World) -> None:
    record_id = new_id()
    prediction = world.predicted(record_id, "cat", 0.9)
    await world.deliver(world.accepted(record_id), prediction, world.routed(record_id, 1, prediction=prediction))
    await world.deliver(world.annotated(record_id, "cat", shown=prediction.id))
    label = await world.label(record_id)
    assert label["annotations"] == 1
    lineage = await world.lineage(record_id)
    assert lineage["labels"][0]["parameters"]["model_as_prior"] == str(prediction.payload.model_id)
    assert lineage["predictions"][0]["shown"]


async def test_one_answer_against_the_model_asks_for_another(world: World) -> None:
    record_id = new_id()
    prediction = world.predicted(record_id, "cat", 0.9)
    await world.deliver(world.accepted(record_id), prediction, world.routed(record_id, 1, prediction=prediction))
    await world.deliver(world.annotated(record_id, "dog"))
    asked = await world.published(AnnotationsRequested, record_id)
    assert [one.slots_total for one in asked] == [2]


async def test_held_out_records_are_labelled_by_people_alone(world: World) -> None:
    record_id = new_id()
    prediction = world.predicted(record_id, "cat", 0.9)
    await world.deliver(
        world.accepted(record_id, Split.TEST), prediction, world.routed(record_id, 1, prediction=prediction)
    )
    await world.deliver(world.annotated(record_id, "cat"))
    assert (await world.state(record_id))["state"] == "open"
    await world.deliver(world.annotated(record_id, "cat", slot=2))
    (published,) = await world.published(LabelFinalized, record_id)
    assert not published.trainable
    lineage = await world.lineage(record_id)
    assert lineage["labels"][0]["parameters"]["model_as_prior"] is None
    assert lineage["labels"][0]["measures"]


async def test_an_accepted_prediction_becomes_the_label_once_both_are_here(world: World) -> None:
    for prediction_first in (True, False):
        record_id = new_id()
        prediction = world.predicted(record_id, "cat", 0.99)
        route = world.routed(record_id, 0, route=Route.AUTO_ACCEPT, prediction=prediction, threshold=0.95)
        await world.deliver(world.accepted(record_id))
        await world.deliver(*((prediction, route) if prediction_first else (route, prediction)))
        (published,) = await world.published(LabelFinalized, record_id)
        assert published.method is LabelMethod.AUTO_ACCEPT
        assert published.answers == animal("cat")
        assert published.model_id == prediction.payload.model_id
        assert not published.trainable
        assert published.annotations == 0


async def test_an_annotation_that_comes_too_late_counts_as_late(world: World) -> None:
    record_id = await world.finalized()
    await world.deliver(world.annotated(record_id, "dog", slot=3))
    lineage = await world.lineage(record_id)
    assert [one["role"] for one in lineage["annotations"]] == ["vote", "vote", "late"]
    assert (await world.label(record_id))["label_revision"] == 1


async def test_the_same_annotation_delivered_thirty_times_counts_once(world: World) -> None:
    record_id = await world.open_record()
    vote = world.annotated(record_id, "cat")
    for _ in range(30):
        await world.deliver(vote)
    assert len((await world.lineage(record_id))["annotations"]) == 1
    summary = await world.get(f"/projects/{world.project_id}/summary")
    assert summary["annotations"]["vote"] == 1


async def test_a_correction_replaces_the_annotation(world: World) -> None:
    record_id = await world.open_record()
    first = world.annotated(record_id, "dog")
    payload = first.payload.model_copy(update={"annotation_revision": 2, "answers": animal("cat")})
    await world.deliver(first, world.event(payload, record_id, 2), world.annotated(record_id, "cat", slot=2))
    assert (await world.label(record_id))["answers"] == animal("cat")
    roles = [one["role"] for one in (await world.lineage(record_id))["annotations"]]
    assert sorted(roles) == ["superseded", "vote", "vote"]


async def test_a_task_that_nobody_may_serve_goes_to_an_arbiter(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.annotated(record_id, "cat"), world.unservable(record_id))
    (arbitration,) = await world.published(ArbitrationRequested, record_id)
    assert arbitration.reason == "unservable"
    assert arbitration.disputed == [animal("cat")]
    await world.deliver(world.annotated(record_id, "bird", kind=TaskKind.ARBITRATION, reason="It flies."))
    assert (await world.label(record_id))["method"] == "decision"


async def test_answers_that_come_at_the_same_moment_make_one_label(world: World) -> None:
    records = [await world.open_record() for _ in range(10)]
    votes = [world.annotated(record_id, "cat", slot=slot) for record_id in records for slot in (1, 2)]
    await asyncio.gather(*(world.deliver(vote) for vote in (*votes, *votes)))
    for record_id in records:
        assert (await world.label(record_id))["annotations"] == 2
    assert len(await world.published(LabelFinalized)) == len(records)
    summary = await world.get(f"/projects/{world.project_id}/summary")
    assert (summary["records"]["finalized"], summary["annotations"]["vote"]) == (10, 20)
