"""Endpoints without a project in their path: a token that is limited to projects gets at nothing of another one.

The things are real: a token of their project reads each of them, so a refusal is not for their absence.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.qa.storage import annotators as assessments
from services.qa.storage.annotators import StoredAssessment
from shared.contracts.values import AssessmentStatus, Role
from shared.kit.clock import new_id, utc_now
from shared.kit.jobs import enqueue
from shared.kit.relay import Relay
from tests.security.test_every_endpoint import ENDPOINTS, Endpoint
from tests.service.ingest.conftest import IMAGE_SCHEMA, Ingest, png
from tests.service.prelabel.world import World as Prelabel
from tests.service.prelabel.world import text_manifest, text_model
from tests.service.qa.world import World as Qa
from tests.service.qa.world import animal
from tests.service.queue.world import World as Queue
from tests.service.queue.world import sentiment
from tests.support.bus import ListBus
from tests.support.service import ServiceUnderTest, service_under_test

SUBJECT = "somebody"
OF_NO_PROJECT = [endpoint for endpoint in ENDPOINTS if "{project_id}" not in endpoint.path]
OF_ONE_THING = [endpoint for endpoint in OF_NO_PROJECT if "{" in endpoint.path and not endpoint.whole_suite]
OF_NOBODY = {"/v1/policy-presets", "/v1/seal-keys"}
"""The same for everybody who may read it."""
LISTS = [
    endpoint
    for endpoint in OF_NO_PROJECT
    if endpoint.method == "GET"
    and "{" not in endpoint.path
    and not endpoint.whole_suite
    and endpoint.path not in OF_NOBODY
]
BODIES: Mapping[str, Any] = {
    "annotation": {"answers": sentiment()},
    "draft": {"answers": sentiment("negative")},
    "skip": {"reason": "It is black."},
    "promotion": {"reason": "It is better."},
    "rollback": {"reason": "It was better."},
}


@dataclass(frozen=True)
class Held:
    """A service that holds one thing of each kind, all of one project. `things`: their ids, as paths call them."""

    service: ServiceUnderTest
    project_id: UUID
    things: Mapping[str, Any]

    async def ask(self, endpoint: Endpoint, projects: list[UUID], body: Any = None, **parameters: Any) -> Any:
        headers = self.service.token(*endpoint.roles, subject=SUBJECT, projects=projects)
        url = endpoint.path.format_map(self.things)
        return await self.service.client.request(endpoint.method, url, headers=headers, json=body, params=parameters)


async def _ingest(service: ServiceUnderTest) -> Held:
    ingest = Ingest(service)
    project_id = await ingest.project(IMAGE_SCHEMA)
    headers = {**ingest.product, "Content-Type": "image/png"}
    asset = await service.client.post(f"/v1/projects/{project_id}/assets", content=png(), headers=headers)
    await ingest.send(project_id, {"fields": {"image": {"asset_id": asset.json()["asset_id"]}}})
    (record,) = (await ingest.get(f"/v1/projects/{project_id}/records"))["items"]
    return Held(service, project_id, {"asset_id": asset.json()["asset_id"], "record_id": record["record_id"]})


async def _prelabel(service: ServiceUnderTest) -> Held:
    world = Prelabel(service)
    await world.begin()
    record_id = await world.text("billing", 1)
    model = await world.upload(text_model(), text_manifest())
    assert model.status_code == 201, model.text
    return Held(service, world.project_id, {"record_id": record_id, "model_id": model.json()["model_id"]})


async def _queue(service: ServiceUnderTest) -> Held:
    world = await Queue(service).open()
    await world.record()
    person = await world.person(subject=SUBJECT)
    token = (await person.one())["token"]
    await service.client.put(f"/v1/leases/{token}/draft", headers=person.headers, json=BODIES["draft"])
    return Held(service, world.project_id, {"token": token})


async def _qa(service: ServiceUnderTest) -> Held:
    world = Qa(service)
    await world.deliver(world.project())
    record_id, gold_id, annotator_id = await world.finalized(), await world.finalized(), new_id()
    await world.put(f"/projects/{world.project_id}/records/{gold_id}/gold", {"answers": animal("cat")})
    release = await world.post(f"/projects/{world.project_id}/releases", {"name": "first"}, 202)
    assessed = StoredAssessment(
        world.project_id, annotator_id, 1, AssessmentStatus.ACTIVE, None, 0.9, 0.8, 1.0, 20, 30, 0, None, {}, utc_now()
    )
    async with service.database.transaction() as session:
        await assessments.save_assessments(session, [assessed])
    things = {
        "record_id": record_id,
        "gold_id": gold_id,
        "annotator_id": annotator_id,
        "release_id": release["release_id"],
    }
    return Held(service, world.project_id, things)


@pytest.fixture(scope="module")
async def held() -> AsyncIterator[dict[str, Held]]:
    async with (
        service_under_test("ingest") as ingest,
        service_under_test("prelabel") as prelabel,
        service_under_test("queue") as queue,
        service_under_test("qa") as qa,
    ):
        made = {
            "ingest": await _ingest(ingest),
            "prelabel": await _prelabel(prelabel),
            "queue": await _queue(queue),
            "qa": await _qa(qa),
        }
        yield {name: await _with_a_job(one, name) for name, one in made.items()}


async def _with_a_job(held: Held, name: str) -> Held:
    async with held.service.database.transaction() as session:
        job_id = await enqueue(session, "none", project_id=held.project_id, arguments={}, actor=SUBJECT)
    relay = asyncio.create_task(Relay(held.service.database, ListBus(), name).run())
    await asyncio.sleep(0.3)  # what was published is listed once it was sent
    relay.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await relay
    return Held(held.service, held.project_id, {**held.things, "job_id": job_id})


@pytest.mark.parametrize("endpoint", OF_ONE_THING, ids=str)
async def test_a_thing_of_another_project_is_refused(held: dict[str, Held], endpoint: Endpoint) -> None:
    body = None if endpoint.method == "GET" else BODIES.get(endpoint.path.rsplit("/", 1)[1])
    answer = await held[endpoint.service].ask(endpoint, [uuid4()], body)
    assert answer.status_code in {403, 404}, answer.text
    assert answer.json()["type"] in {"wrong-project", "not-known-here", "unknown-lease"}


@pytest.mark.parametrize("endpoint", [one for one in OF_ONE_THING if one.method == "GET"], ids=str)
async def test_a_thing_of_the_own_project_is_read(held: dict[str, Held], endpoint: Endpoint) -> None:
    one = held[endpoint.service]
    parameters = {"timeout_s": 0} if endpoint.path.endswith("/progress") else {}
    answer = await one.ask(endpoint, [one.project_id], **parameters)
    if endpoint.path.endswith("/erasure"):  # nothing was erased
        assert answer.json()["type"] == "not-erased"
    else:
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("endpoint", LISTS, ids=str)
async def test_a_list_shows_the_own_projects_alone(held: dict[str, Held], endpoint: Endpoint) -> None:
    one = held[endpoint.service]
    assert (await one.ask(endpoint, [uuid4()])).json()["items"] == []
    ours = await one.ask(endpoint, [one.project_id])
    assert str(one.project_id) in ours.text
    everything = await one.service.client.get(endpoint.path, headers=one.service.token(Role.ADMIN))
    assert everything.status_code == 200


async def test_answers_are_not_checked_by_another_projects_schema(held: dict[str, Held]) -> None:
    queue = held["queue"]
    stranger = queue.service.token(Role.MANAGER, Role.ANNOTATOR, subject=SUBJECT, projects=[uuid4()])
    for body in ({"project_id": str(queue.project_id)}, {"token": queue.things["token"]}):
        answer = await queue.service.client.post(
            "/v1/validate", headers=stranger, json={"answers": sentiment(), **body}
        )
        assert answer.status_code in {403, 404}, answer.text
