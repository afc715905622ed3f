"""Answers may come in other forms than they are kept in: UTF-16 offsets, decomposed labels, boxes over the edge."""

import unicodedata
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.answers import LabelSchema
from shared.contracts.events import AnnotationSubmitted, ArbitrationRequested, RecordAccepted, RecordPredicted
from shared.contracts.fields import AssetReference
from shared.contracts.values import Origin, Pool, Role, ScoredFor, Split
from shared.kit.clock import new_id
from tests.service.queue.world import World, policies
from tests.support.service import ServiceUnderTest

CAFE = "Café"
TEXT = "👩🏽‍🔬 Ada e\u0301 𠮷野家"
ENTITIES = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "entities", "kind": "spans", "field": "text", "labels": ["PER", CAFE]}],
    }
)
CARS = LabelSchema.model_validate(
    {
        "fields": [{"name": "photo", "kind": "image"}],
        "questions": [{"name": "cars", "kind": "boxes", "field": "photo", "labels": ["car"], "outside": "clip"}],
    }
)
ADA = (TEXT.index("Ada"), TEXT.index("Ada") + 3)
SHOP = (TEXT.index("𠮷"), len(TEXT))


def spans(*places: tuple[int, int]) -> dict[str, Any]:
    return {"entities": {"spans": [{"start": start, "end": end, "label": "PER"} for start, end in places]}}


def utf16(*places: tuple[int, int]) -> dict[str, Any]:
    return spans(*[(_units(start), _units(end)) for start, end in places])


def _units(offset: int) -> int:
    return len(TEXT[:offset].encode("utf-16-le")) // 2


@pytest.fixture
async def texts(service: ServiceUnderTest) -> World:
    return await World(service, schemas=(ENTITIES,)).open()


async def submitted(world: World, record_id: UUID) -> list[Any]:
    return [event.payload.answers for event in await world.published(AnnotationSubmitted, record_id)]


async def predict(world: World, record_id: UUID, answers: dict[str, Any]) -> None:
    payload = RecordPredicted(
        model_id=world.model_id,
        model_version=1,
        schema_version=1,
        answers=answers,
        confidence=0.8,
        acquisition_score=0.5,
        scored_for=ScoredFor.ROUTING,
    )
    await world.publish(payload, record_id, world.next("prediction", record_id))


async def test_utf16_offsets_are_kept_in_code_points_and_shown_as_asked_for(texts: World) -> None:
    person = await texts.person()
    record_id = new_id()
    await texts.publish(texts.accepted(text=TEXT), record_id)
    await predict(texts, record_id, spans(SHOP))
    path = f"/v1/projects/{texts.project_id}/leases"
    leased = await texts.client.post(f"{path}?offset_unit=utf16", json={}, headers=person.headers)
    [lease] = leased.json()["leases"]
    assert lease["prediction"] == utf16(SHOP)
    [listed] = (await texts.client.get(path, headers=person.headers)).json()["leases"]
    assert listed["prediction"] == spans(SHOP)

    draft = f"/v1/leases/{lease['token']}/draft"
    half_done = {**utf16(ADA), "note": {"text": "not yet"}}
    saved = await texts.client.put(draft, json={"answers": half_done, "offset_unit": "utf16"}, headers=person.headers)
    assert saved.json()["answers"] == half_done
    read = (await texts.client.get(draft, headers=person.headers)).json()
    assert read["answers"] == {**spans(ADA), "note": {"text": "not yet"}}
    read = (await texts.client.get(f"{draft}?offset_unit=utf16", headers=person.headers)).json()
    assert read["answers"] == half_done

    checked = {"token": lease["token"], "answers": utf16(ADA, SHOP)}
    for unit, valid in (("utf16", True), ("code_points", False)):
        answer = await texts.client.post("/v1/validate", json={**checked, "offset_unit": unit}, headers=person.headers)
        assert answer.json()["valid"] is valid
    kept = await person.submit(lease["token"], utf16(ADA, SHOP), offset_unit="utf16")
    assert kept.status_code == 200, kept.text
    assert await submitted(texts, record_id) == [spans(ADA, SHOP)]
    for answers, unit, status in (
        (utf16(ADA, SHOP), "utf16", 200),
        (spans(ADA, SHOP), "code_points", 200),
        (spans(ADA), "code_points", 409),
    ):
        assert (await person.submit(lease["token"], answers, offset_unit=unit)).status_code == status


async def test_an_offset_inside_a_character_is_refused_with_its_place(texts: World) -> None:
    person = await texts.person()
    await texts.record(text="a😀b")
    token = (await person.one())["token"]
    answers = spans((0, 1), (2, 4))
    expected = ("/answers/entities/spans/1/start", "offset-inside-character")
    refused = await person.submit(token, answers, offset_unit="utf16")
    draft = await texts.client.put(
        f"/v1/leases/{token}/draft", json={"answers": answers, "offset_unit": "utf16"}, headers=person.headers
    )
    for answer in (refused, draft):
        assert (answer.status_code, answer.json()["type"]) == (422, "schema-violated")
        [error] = answer.json()["errors"]
        assert (error["pointer"], error["rule"]) == expected
    unknown = await person.submit(token, answers, offset_unit="bytes")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/offset_unit")


async def test_work_that_came_too_late_is_kept_as_a_draft_in_code_points(texts: World) -> None:
    slow, quick = await texts.people(2)
    await texts.record(text=TEXT)
    lease = await slow.one()
    await texts.expire_leases()
    await quick.one()
    assert (await slow.submit(lease["token"], utf16(SHOP), offset_unit="utf16")).status_code == 409
    draft = await texts.client.get(f"/v1/leases/{lease['token']}/draft", headers=slow.headers)
    assert draft.json()["answers"] == spans(SHOP)


async def test_late_work_is_late_and_kept_even_with_an_offset_inside_a_character(texts: World) -> None:
    slow, quick = await texts.people(2)
    await texts.record(text="a😀b")
    lease = await slow.one()
    await texts.expire_leases()
    await quick.one()
    late = await slow.submit(lease["token"], spans((0, 2), (2, 4)), offset_unit="utf16")
    assert (late.status_code, late.json()["type"]) == (409, "stale-lease")
    draft = await texts.client.get(f"/v1/leases/{lease['token']}/draft", headers=slow.headers)
    assert draft.json()["answers"] == spans((0, 2), (1, 3)), "all of the character"


async def test_disputed_answers_are_shown_in_the_unit_that_is_asked_for(texts: World) -> None:
    arbiter = await texts.person(Pool.EXPERT, Role.ARBITER)
    record_id = new_id()
    await texts.publish(texts.accepted(text=TEXT), record_id)
    await texts.predict(record_id)
    await texts.from_qa(
        record_id,
        ArbitrationRequested(round=1, schema_version=1, reason="unsure", disputed=[spans(ADA), spans(SHOP)]),
    )
    path = f"/v1/projects/{texts.project_id}/leases?offset_unit=utf16"
    [lease] = (await texts.client.post(path, json={}, headers=arbiter.headers)).json()["leases"]
    assert lease["disputed"] == [utf16(ADA), utf16(SHOP)]


async def test_a_decomposed_answer_is_the_label_of_the_schema(texts: World) -> None:
    person = await texts.person()
    record_id = await texts.record(text=TEXT)
    token = (await person.one())["token"]

    def answer(label: str) -> dict[str, Any]:
        return {"entities": {"spans": [{"start": 0, "end": 1, "label": label}]}}

    decomposed = answer(unicodedata.normalize("NFD", CAFE))
    assert (await person.submit(token, decomposed)).status_code == 200
    assert await submitted(texts, record_id) == [answer(CAFE)]
    assert (await person.submit(token, answer(CAFE))).status_code == 200


async def test_boxes_over_the_edge_are_cut_and_checked_alike_without_a_lease(service: ServiceUnderTest) -> None:
    world = await World(service, schemas=(CARS,)).open()
    person = await world.person()
    photo = AssetReference(asset_id=uuid4(), media_type="image/png", sha256="0" * 64, size_bytes=9, width=80, height=60)
    record_id = new_id()
    await world.publish(
        RecordAccepted(schema_version=1, fields={"photo": photo}, split=Split.TRAIN, origin=Origin.COLLECTED), record_id
    )
    await world.predict(record_id)
    token = (await person.one())["token"]

    def answer(x: float, width: float) -> dict[str, Any]:
        return {"cars": {"boxes": [{"x": x, "y": 0, "width": width, "height": 60, "label": "car"}]}}

    over, outside = answer(-4, 24.5), answer(90, 5)
    for answers, valid in ((over, True), (outside, False)):
        for place in (
            {"token": token},
            {"project_id": str(world.project_id), "fields": {"photo": {"width": 80, "height": 60}}},
        ):
            body = {**place, "answers": answers}
            checked = await world.client.post("/v1/validate", json=body, headers=person.headers)
            assert checked.json()["valid"] is valid, checked.text
    malformed = {"project_id": str(world.project_id), "answers": over, "fields": {"photo": {"width": 0, "height": 60}}}
    assert (await world.client.post("/v1/validate", json=malformed, headers=person.headers)).status_code == 422
    assert (await person.submit(token, outside)).status_code == 422
    assert (await person.submit(token, over)).status_code == 200
    assert await submitted(world, record_id) == [answer(0, 20.5)]


async def test_a_question_about_a_field_that_the_record_lacks_is_not_answered(service: ServiceUnderTest) -> None:
    schema = LabelSchema.model_validate(
        {
            "fields": [{"name": "text", "kind": "text"}, {"name": "body", "kind": "text", "required": False}],
            "questions": [
                {"name": "entities", "kind": "spans", "field": "body", "labels": ["PER"]},
                {"name": "topic", "kind": "choice", "labels": ["a", "b"], "required": False},
            ],
        }
    )
    world = await World(service, schemas=(schema,), policies=policies(redundancy={"without_model": 1})).open()
    person = await world.person()
    record_id = await world.record()
    lease = await person.one()
    assert set(lease["record"]["fields"]) == {"text"}
    topic = {"topic": {"label": "a"}}
    for answers, pointer in ((spans(), "/answers/entities"), (spans() | topic, "/answers/entities"), ({}, "/answers")):
        body = {"token": lease["token"], "answers": answers}
        checked = (await world.client.post("/v1/validate", json=body, headers=person.headers)).json()
        assert not checked["valid"]
        assert [(one["pointer"], one["rule"]) for one in checked["violations"]] == [(pointer, "field-missing")]
        assert (await person.submit(lease["token"], answers)).status_code == 422
    assert (await person.submit(lease["token"], topic)).status_code == 200
    assert await submitted(world, record_id) == [topic]
