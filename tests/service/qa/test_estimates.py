"""What a project's records hold, as managers see it; the model answers `cat` unless a test says otherwise."""

from typing import Any
from uuid import UUID

import pytest

from services.qa.resources import Pauses
from services.qa.storage import population
from shared.contracts.values import Role, Route, ScoredFor, Split
from shared.kit.clock import new_id
from tests.service.qa.world import World

BINARY = {"passing": ["cat", "dog"]}


async def count(world: World) -> None:
    world.service.runtime.resources.pauses = Pauses()
    await world.service.run_loop("count_population")


async def estimates(world: World, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = await world.get(f"/projects/{world.project_id}/estimates", **params)
    return found


async def of_project(world: World, **params: Any) -> dict[str, Any]:
    (item,) = (await estimates(world, **params))["items"]
    project: dict[str, Any] = item["project"]
    return project


def shares(project: dict[str, Any]) -> dict[str, float | None]:
    return {one["label"]: one["value"] for one in project["shares"]}


async def held_out(world: World, model_id: UUID, label: str, predicted: str = "cat") -> UUID:
    record_id = await world.finalized(label, Split.TEST)
    await world.deliver(world.predicted(record_id, predicted, 0.9, model_id=model_id, scored_for=ScoredFor.EVALUATION))
    return record_id


async def waiting(world: World, model_id: UUID, predicted: str = "cat", **more: Any) -> UUID:
    record_id = new_id()
    await world.deliver(
        world.accepted(record_id, **more),
        prediction := world.predicted(record_id, predicted, 0.9, model_id=model_id),
        world.routed(record_id, prediction=prediction),
    )
    return record_id


async def accepted(world: World, model_id: UUID, predicted: str = "cat") -> UUID:
    record_id = new_id()
    prediction = world.predicted(record_id, predicted, 0.97, model_id=model_id)
    await world.deliver(
        world.accepted(record_id),
        prediction,
        world.routed(record_id, 0, route=Route.AUTO_ACCEPT, prediction=prediction, threshold=0.95),
    )
    return record_id


async def audited(world: World, model_id: UUID, label: str) -> UUID:
    record_id = new_id()
    prediction = world.predicted(record_id, "cat", 0.97, model_id=model_id)
    await world.deliver(
        world.accepted(record_id),
        prediction,
        world.routed(record_id, 2, prediction=prediction, audit=True, threshold=0.95),
        world.annotated(record_id, label),
        world.annotated(record_id, label, slot=2),
    )
    return record_id


async def test_before_anything_was_counted_nothing_is_known(world: World) -> None:
    (item,) = (await estimates(world))["items"]
    assert (item["question"], item["project"], item["counted_at"]) == ("animal", None, None)


async def test_what_people_labelled_is_known_and_the_rest_is_estimated(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    for _ in range(9):
        await held_out(world, model_id, "cat")
    for _ in range(3):
        await held_out(world, model_id, "dog", "dog")
    for _ in range(4):
        await world.finalized("bird")
    for _ in range(4):
        await waiting(world, model_id)
    await count(world)
    project = await of_project(world)
    assert project["population"] == {
        "records": 20,
        "seen": 16,
        "accepted": 0,
        "waiting": 4,
        "held_out": 12,
        "audits": 0,
    }
    found = {one["label"]: one for one in project["shares"]}
    assert found["bird"]["low"] == pytest.approx(0.2)
    assert found["cat"]["low"] <= 0.6 <= found["cat"]["high"] <= (9 + 4) / 20
    assert found["cat"]["low"] >= 9 / 20
    assert found["cat"]["drawn"] == 12
    assert 0 <= found["cat"]["labels_needed"] <= 4
    assert project["accuracy"]["value"] > 0.8


async def test_audits_say_how_often_accepted_answers_are_right(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    for number in range(12):
        await audited(world, model_id, "dog" if number < 3 else "cat")
    for _ in range(5):
        await accepted(world, model_id)
    await count(world)
    project = await of_project(world)
    assert (project["population"]["accepted"], project["population"]["audits"]) == (5, 12)
    assert project["accuracy"]["value"] == pytest.approx(0.75, abs=0.02)


async def test_without_labels_drawn_by_chance_nothing_is_said_of_the_rest(world: World) -> None:
    await world.finalized("cat")
    await world.open_record()
    await count(world)
    project = await of_project(world)
    assert set(shares(project).values()) == {None}
    assert project["accuracy"] is None


async def test_records_that_were_not_collected_by_chance_are_left_out(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    await world.finalized("cat")
    await waiting(world, model_id, collected_by_chance=False)
    gold = await world.open_record()
    await world.put(f"/projects/{world.project_id}/records/{gold}/gold", {"answers": {"animal": {"label": "dog"}}})
    await count(world)
    project = await of_project(world)
    assert project["population"]["records"] == 1
    assert shares(project)["cat"] == 1.0


async def test_slices_are_estimated_and_small_ones_hidden(world: World) -> None:
    for number in range(24):
        record_id = new_id()
        event = world.accepted(record_id)
        place = "zoo" if number < 12 else "farm" if number < 23 else "ark"
        payload = event.payload.model_copy(update={"slice": {"place": place, "number": number}})
        await world.deliver(world.event(payload, record_id), world.routed(record_id))
        label = "cat" if place == "zoo" else "dog"
        await world.deliver(world.annotated(record_id, label), world.annotated(record_id, label, slot=2))
    await count(world)
    found = await estimates(world, slice_key="place")
    (item,) = found["items"]
    assert {one["slice_value"]: shares(one)["cat"] for one in item["slices"]} == {"zoo": 1.0, "farm": 0.0}
    assert found["slice_keys"] == ["place"]
    assert found["note"] is not None
    assert (await estimates(world))["items"][0]["slices"] == []


async def test_a_pass_rate_is_of_the_labels_that_are_asked_for(world: World) -> None:
    for label in ("cat", "dog", "bird", "fish"):
        await world.finalized(label)
    await count(world)
    assert (await of_project(world))["pass_rate"] is None
    assert (await of_project(world, **BINARY))["pass_rate"]["value"] == 0.5
    await world.get(f"/projects/{world.project_id}/estimates", 422, passing="unicorn")


async def test_new_labels_are_counted_by_the_next_round(world: World) -> None:
    await world.finalized("cat")
    await count(world)
    assert (await estimates(world))["items"][0]["current"]
    await world.finalized("dog")
    assert not (await estimates(world))["items"][0]["current"]
    await count(world)
    assert shares(await of_project(world))["dog"] == 0.5
    await world.deliver(world.accepted(new_id()))
    assert not (await estimates(world))["items"][0]["current"]


async def test_an_erased_record_is_in_no_count(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.finalized("dog")
    await world.deliver(world.erased(record_id))
    await count(world)
    assert shares(await of_project(world))["dog"] == 1.0


async def test_a_count_that_fails_is_shown_beside_the_estimates(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("The records can't be counted.")

    await world.finalized("cat")
    monkeypatch.setattr(population, "count", fail)
    with pytest.raises(RuntimeError):
        await count(world)
    found = await estimates(world)
    assert found["failure"] is not None
    assert found["items"][0]["project"] is None
    assert (await world.get(f"/projects/{world.project_id}/summary"))["failing"] == []


async def test_a_wider_interval_takes_fewer_labels_and_a_surer_one_is_wider(world: World) -> None:
    model_id = new_id()
    await world.deliver(world.model(model_id))
    for number in range(12):
        await held_out(world, model_id, "cat" if number % 2 else "dog")
    for _ in range(6):
        await waiting(world, model_id)
    await count(world)
    (strict, loose) = [(await of_project(world, half_width=one))["shares"][0] for one in (0.01, 0.2)]
    assert strict["labels_needed"] > loose["labels_needed"]
    (narrow, wide) = [(await of_project(world, level=one))["shares"][0] for one in (0.5, 0.99)]
    assert narrow["high"] - narrow["low"] < wide["high"] - wide["low"]


async def test_what_is_not_there_is_refused(world: World) -> None:
    await world.get(f"/projects/{world.project_id}/estimates", 404, schema_version=9)
    await world.get(f"/projects/{world.project_id}/estimates", 404, question="plant")
    await world.get(f"/projects/{new_id()}/estimates", 404)


async def test_the_report_on_quality_has_every_part(world: World) -> None:
    empty = await world.get(f"/projects/{world.project_id}/quality")
    assert empty["annotators"]["gold_accuracy"] is None
    assert empty["labelled"]["finished"] is None
    model_id = new_id()
    await world.deliver(world.model(model_id))
    annotator_id = new_id()
    for _ in range(3):
        gold = await world.open_record()
        await world.put(f"/projects/{world.project_id}/records/{gold}/gold", {"answers": {"animal": {"label": "cat"}}})
        await world.deliver(world.annotated(gold, "cat", annotator_id=annotator_id))
    disputed = await world.open_record(slots=2)
    await world.deliver(world.annotated(disputed, "cat"), world.annotated(disputed, "dog", slot=2))
    await world.finalized("cat")
    await count(world)
    world.service.runtime.resources.pauses = Pauses()
    await world.service.run_loop("estimate")
    await world.service.run_loop("count_agreement")
    found = await world.get(f"/projects/{world.project_id}/quality")
    assert found["labelled"]["records"]["gold"] == 3
    assert found["annotators"]["gold_accuracy"]["answers"] == 3
    assert found["annotators"]["gold_accuracy"]["low"] < 0.5
    assert found["agreement"][0]["question"] == "animal"
    assert found["consensus"][0]["method"] == "dawid_skene"
    assert found["auto_accept"]["without"][0]["reason"] == "too_few_labels"
    assert found["estimates"]["items"][0]["project"]["population"]["seen"] == 1


@pytest.mark.parametrize("path", ["estimates", "quality"])
async def test_only_managers_and_auditors_read_it(world: World, path: str) -> None:
    for role, status in ((Role.AUDITOR, 200), (Role.ANNOTATOR, 403), (Role.TRAINER, 403)):
        answer = await world.service.client.get(f"/v1/projects/{world.project_id}/{path}", headers=world.headers(role))
        assert answer.status_code == status
