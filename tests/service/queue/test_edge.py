"""Annotators, media in leases, republishing, and that the hot statements stay on their indexes."""

import re
from uuid import uuid4

import pytest

from shared.contracts.answers import LabelSchema
from shared.contracts.events import (
    AnnotationSubmitted,
    AnnotatorChanged,
    RecordAccepted,
    RecordRouted,
    TaskSkipped,
    WorkLogged,
)
from shared.contracts.fields import AssetReference
from shared.contracts.values import AnnotatorStatus, Origin, Pool, Role, Split
from shared.kit.clock import new_id
from shared.kit.republication import republish
from tests.service.queue.world import World, policies
from tests.support.service import ServiceUnderTest, service_under_test


async def test_an_annotator_is_registered_once(world: World) -> None:
    person = await world.person(skills={"law": 80}, languages=["en", "pt-BR"])
    again = await world.client.post(
        "/v1/annotators", headers=world.manager, json={"subject": person.subject, "name": "Somebody else"}
    )
    assert (again.status_code, again.json()["type"]) == (409, "annotator-exists")
    found = await world.client.get(f"/v1/annotators/{person.annotator_id}", headers=world.manager)
    assert (found.json()["name"], found.json()["skills"], found.json()["languages"]) == (
        "Ada",
        {"law": 80},
        ["en", "pt-BR"],
    )
    published = [
        one for one in await world.service.published(AnnotatorChanged)
        if one.payload.annotator_id == person.annotator_id
    ]  # fmt: skip
    assert [one.revision for one in published] == [1]


async def test_a_repeated_registration_with_its_key_answers_the_same(world: World) -> None:
    headers = world.manager | {"Idempotency-Key": uuid4().hex}
    body = {"subject": f"person-{uuid4().hex}"}
    first = await world.client.post("/v1/annotators", headers=headers, json=body)
    again = await world.client.post("/v1/annotators", headers=headers, json=body)
    assert (again.status_code, again.json()) == (201, first.json())
    path = f"/v1/annotators/{first.json()['annotator_id']}"
    changed = await world.client.patch(path, headers=world.manager, json={"name": "Ada"})
    later = await world.client.post("/v1/annotators", headers=headers, json=body)
    assert (later.status_code, later.json()) == (201, changed.json()), "as they are by then"
    assert (first.headers["ETag"], later.headers["ETag"]) == ('"1"', changed.headers["ETag"])


async def test_annotators_are_listed_page_by_page(world: World) -> None:
    made = {str(person.annotator_id) for person in await world.people(5)}
    seen: list[str] = []
    path = "/v1/annotators?limit=2"
    while True:
        page = (await world.client.get(path, headers=world.manager)).json()
        seen += [one["annotator_id"] for one in page["items"]]
        if "next" not in page:
            break
        path = f"/v1/annotators?limit=2&after={page['next']}"
    assert made <= set(seen)
    assert seen == sorted(set(seen))


async def test_two_managers_do_not_overwrite_each_other(world: World) -> None:
    person = await world.person()
    path = f"/v1/annotators/{person.annotator_id}"
    etag = (await world.client.get(path, headers=world.manager)).headers["ETag"]
    headers = world.manager | {"If-Match": etag}
    first = await world.client.patch(path, headers=headers, json={"pool": Pool.EXPERT})
    assert (first.status_code, first.json()["pool"], first.headers["ETag"]) == (200, "expert", '"2"')
    second = await world.client.patch(path, headers=headers, json={"status": AnnotatorStatus.RETIRED})
    assert (second.status_code, second.json()["type"]) == (412, "annotator-changed-meanwhile")
    unknown = await world.client.patch(f"/v1/annotators/{uuid4()}", headers=world.manager, json={})
    assert (unknown.status_code, unknown.json()["type"]) == (404, "not-known-here")


async def test_a_change_of_an_annotator_that_changes_nothing_is_not_published(world: World) -> None:
    person = await world.person()
    path = f"/v1/annotators/{person.annotator_id}"
    before = await world.client.get(path, headers=world.manager)
    published = len(await world.service.published(AnnotatorChanged))
    for nothing in ({"name": "Ada"}, {"name": None}, {}):
        answer = await world.client.patch(path, headers=world.manager, json=nothing)
        assert (answer.status_code, answer.headers["ETag"], answer.json()) == (
            200,
            before.headers["ETag"],
            before.json(),
        )
    assert len(await world.service.published(AnnotatorChanged)) == published


async def test_a_subject_belongs_to_one_annotator(world: World) -> None:
    first, second = await world.people(2)
    taken = await world.client.patch(
        f"/v1/annotators/{second.annotator_id}", headers=world.manager, json={"subject": first.subject}
    )
    assert taken.status_code == 409


async def test_only_managers_see_annotators_and_progress(world: World) -> None:
    person = await world.person()
    for path in ("/v1/annotators", f"/v1/projects/{world.project_id}/progress"):
        assert (await world.client.get(path, headers=person.headers)).status_code == 403


async def test_annotators_of_the_suite_are_not_governed_by_one_project(world: World) -> None:
    person = await world.person()
    path = f"/v1/annotators/{person.annotator_id}"
    for role in (Role.MANAGER, Role.ADMIN):
        ours = world.service.token(role, projects=[world.project_id])
        for method, url, body in (
            ("GET", "/v1/annotators", None),
            ("POST", "/v1/annotators", {"subject": f"person-{uuid4().hex}", "pool": "expert"}),
            ("GET", path, None),
            ("PATCH", path, {"status": "paused"}),
        ):
            answer = await world.client.request(method, url, headers=ours, json=body)
            assert (answer.status_code, answer.json()["type"]) == (403, "wrong-project"), (method, url)
    assert (await world.client.get(path, headers=world.manager)).json()["status"] == "active"


@pytest.mark.parametrize("subject", [" ", "\t", "\u2003 "])
async def test_a_blank_subject_is_refused(world: World, subject: str) -> None:
    made = await world.client.post("/v1/annotators", headers=world.manager, json={"subject": subject})
    assert (made.status_code, made.json()["errors"][0]["pointer"]) == (422, "/subject")
    person = await world.person()
    path = f"/v1/annotators/{person.annotator_id}"
    assert (await world.client.patch(path, headers=world.manager, json={"subject": subject})).status_code == 422


@pytest.mark.parametrize("number", [True, "3", 1.0])
async def test_only_an_integer_is_taken_for_one(world: World, number: object) -> None:
    person = await world.person()
    lease, token = f"/v1/projects/{world.project_id}/leases", uuid4()
    for method, url, headers, body in (
        ("POST", lease, person.headers, {"count": number}),
        ("PATCH", f"/v1/leases/{token}", person.headers, {"ttl_s": number}),
        ("PUT", f"/v1/leases/{token}/annotation", person.headers, {"answers": {}, "next": number}),
        ("POST", f"/v1/leases/{token}/skip", person.headers, {"reason": "black", "next": number}),
        ("POST", "/v1/annotators", world.manager, {"subject": uuid4().hex, "skills": {"law": number}}),
        ("POST", "/v1/validate", world.manager, {"answers": {}, "schema_version": number}),
    ):
        answer = await world.client.request(method, url, headers=headers, json=body)
        assert answer.status_code == 422, (url, answer.text)


async def test_images_come_with_a_signed_link(service: ServiceUnderTest) -> None:
    schema = LabelSchema.model_validate(
        {
            "fields": [{"name": "scan", "kind": "image"}],
            "questions": [{"name": "sentiment", "kind": "choice", "labels": ["positive", "negative"]}],
        }
    )
    world = await World(service, schemas=(schema,)).open()
    person = await world.person()
    scan = AssetReference(asset_id=uuid4(), media_type="image/png", sha256="0" * 64, size_bytes=10, width=8, height=6)
    record_id = new_id()
    accepted = RecordAccepted(schema_version=1, fields={"scan": scan}, split=Split.TRAIN, origin=Origin.COLLECTED)
    await world.publish(accepted, record_id)
    await world.predict(record_id)
    shown = (await person.one())["record"]["fields"]["scan"]
    assert (shown["asset_id"], shown["width"], shown["height"]) == (str(scan.asset_id), 8, 6)
    assert re.match(rf"/v1/objects/assets/{scan.asset_id}\?.*signature=", shown["url"])


async def test_links_to_a_local_store_lead_to_ingest() -> None:
    async with service_under_test("queue", asset_base_url="https://touchstone.example/ingest/") as service:
        schema = LabelSchema.model_validate(
            {
                "fields": [{"name": "scan", "kind": "image"}],
                "questions": [{"name": "sentiment", "kind": "choice", "labels": ["positive", "negative"]}],
            }
        )
        world = await World(service, schemas=(schema,)).open()
        person = await world.person()
        scan = AssetReference(asset_id=uuid4(), media_type="image/png", sha256="0" * 64, size_bytes=10)
        record_id = new_id()
        await world.publish(
            RecordAccepted(schema_version=1, fields={"scan": scan}, split=Split.TRAIN, origin=Origin.COLLECTED),
            record_id,
        )
        await world.predict(record_id)
        url = (await person.one())["record"]["fields"]["scan"]["url"]
        assert url.startswith(f"https://touchstone.example/ingest/v1/objects/assets/{scan.asset_id}?")


async def test_republishing_repeats_the_present_state_with_the_same_revisions() -> None:
    async with service_under_test("queue") as service:
        world = await World(service, policies=policies(redundancy={"without_model": 2, "with_model": 2})).open()
        first, second = await world.people(2)
        record_id = await world.record()
        await world.predict(record_id, "positive")
        await first.submit((await first.one())["token"])
        await second.skip((await second.one())["token"])
        kinds = (AnnotatorChanged, RecordRouted, AnnotationSubmitted, WorkLogged, TaskSkipped)
        before = {kind: await service.published(kind) for kind in kinds}
        published = await republish(service.runtime)
        after = {kind: (await service.published(kind))[len(before[kind]) :] for kind in kinds}
        assert sum(len(events) for events in after.values()) == published
        assert [one.payload for one in after[AnnotatorChanged]] == [one.payload for one in before[AnnotatorChanged]]
        assert [(one.revision, one.payload) for one in after[RecordRouted]] == [
            (one.revision, one.payload) for one in before[RecordRouted][-1:]
        ]
        assert [one.payload for one in after[AnnotationSubmitted]] == [
            one.payload for one in before[AnnotationSubmitted]
        ]
        assert [one.payload for one in after[TaskSkipped]] == [one.payload for one in before[TaskSkipped]]
        works = sorted(str(one.payload) for one in after[WorkLogged])
        assert works == sorted(str(one.payload) for one in before[WorkLogged])


async def test_a_token_without_the_role_may_not_lease(world: World) -> None:
    headers = world.service.token(Role.PRODUCT, subject="shop")
    answer = await world.client.post(f"/v1/projects/{world.project_id}/leases", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "wrong-role")
