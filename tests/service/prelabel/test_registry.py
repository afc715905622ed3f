"""Models come in, are listed and read."""

import hashlib
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from shared.contracts.events import FeedbackReceived, ModelManifest
from shared.contracts.values import ModelStage, ProjectStatus, Verdict
from shared.kit.clock import new_id, utc_now
from tests.service.prelabel.learning import changes
from tests.service.prelabel.world import (
    World,
    digit_manifest,
    digit_model,
    text_manifest,
    text_model,
)
from tests.support.documents import openapi_document


async def test_an_uploaded_model_is_a_challenger_and_is_published(world: World) -> None:
    await world.begin()
    answer = await world.upload(text_model(), text_manifest())
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert found["stage"] == "challenger"
    assert found["sha256"] == hashlib.sha256(text_model()).hexdigest()
    assert answer.headers["ETag"] == '"1"'
    ((revision, event),) = await changes(world, UUID(found["model_id"]))
    assert (revision, event.stage, event.manifest) == (1, ModelStage.CHALLENGER, text_manifest())


async def test_the_same_model_again_is_the_same_model(world: World) -> None:
    await world.begin()
    first = await world.upload(text_model(), text_manifest())
    again = await world.upload(text_model(), text_manifest())
    assert (again.status_code, again.json()["model_id"]) == (200, first.json()["model_id"])


async def test_the_file_is_fetched_by_a_signed_url(world: World) -> None:
    await world.begin()
    model_id = (await world.upload(text_model(), text_manifest())).json()["model_id"]
    client, headers = world.service.client, world.service.token("trainer")
    link = (await client.get(f"/v1/models/{model_id}/artifact", headers=headers)).json()
    assert (await client.get(link["url"])).content == text_model()
    parts = urlsplit(link["url"])
    assert (await client.get(f"{parts.path}?{parts.query[:-3]}abc")).status_code == 403


async def test_a_model_that_an_older_release_registered_is_the_same_model(world: World) -> None:
    await world.begin()
    first = (await world.upload(text_model(), text_manifest())).json()
    assert await world.fetch(
        "SELECT FROM models WHERE model_id = $1 AND NOT manifest ? 'output'", UUID(first["model_id"])
    )
    again = await world.upload(text_model(), text_manifest())
    assert (again.status_code, again.json()["model_id"]) == (200, first["model_id"])
    other = await world.upload(text_model(), text_manifest(labels=["delivery", "billing", "other"]))
    assert other.status_code == 201


async def test_a_model_for_an_unknown_project_may_come_later(world: World) -> None:
    answer = await world.upload(text_model(), text_manifest())
    assert (answer.status_code, answer.json()["type"]) == (404, "not-known-here")
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("path", ["models", "training-runs", "batches", "learning"])
async def test_nothing_is_listed_of_a_project_that_is_not_known_here(world: World, path: str) -> None:
    answer = await world.service.client.get(f"/v1/projects/{new_id()}/{path}", headers=world.service.token("trainer"))
    assert (answer.status_code, answer.json()["type"]) == (404, "not-known-here")


async def test_an_archived_project_takes_no_model_and_trains_none(world: World) -> None:
    await world.begin()
    await world.begin(revision=2, status=ProjectStatus.ARCHIVED)
    uploaded = await world.upload(text_model(), text_manifest())
    asked = await world.service.client.post(
        f"/v1/projects/{world.project_id}/training-runs", headers=world.service.token("trainer"), json={"reason": "now"}
    )
    for answer in (uploaded, asked):
        assert (answer.status_code, answer.json()["type"]) == (409, "project-archived")


def test_the_example_of_a_manifest_is_json() -> None:
    document = openapi_document("prelabel")
    body = document["components"]["schemas"]["Body_upload_model"]
    (example,) = body["properties"]["manifest"]["examples"]
    assert ModelManifest.model_validate_json(example).question == "topic"


async def test_models_are_listed_page_by_page_the_newest_first(world: World) -> None:
    await world.begin()
    for repetitions in (2, 3, 4):
        assert (await world.upload(text_model(repetitions), text_manifest())).status_code == 201
    client, headers = world.service.client, world.service.token("auditor")
    versions: list[int] = []
    after = ""
    while True:
        url = f"/v1/projects/{world.project_id}/models?limit=2{after}"
        page = (await client.get(url, headers=headers)).json()
        versions += [item["version"] for item in page["items"]]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert versions == [3, 2, 1]


async def test_live_errors_are_counted_once_folded_or_not(world: World) -> None:
    await world.begin()
    model_id = await world.champion()

    def report(verdict: Verdict, **named: Any) -> FeedbackReceived:
        return FeedbackReceived(feedback_id=new_id(), schema_version=1, verdict=verdict, observed_at=utc_now(), **named)

    reports = [
        report(Verdict.CONFIRMED, model_id=model_id),
        report(Verdict.CORRECTED, model_version="1"),
        report(Verdict.CORRECTED, model_version="somebody else's"),
        report(Verdict.CORRECTED, model_version="99999999999999999999"),
    ]
    for found in [*reports, *reports]:
        await world.service.deliver(found, project_id=world.project_id, record_id=new_id())

    async def live() -> Any:
        url = f"/v1/models/{model_id}"
        return (await world.service.client.get(url, headers=world.service.token("manager"))).json()["live"]

    expected = {"confirmed": 1, "corrected": 1, "unknown": 0, "error_rate": 0.5}
    assert await live() == expected
    await world.service.run_loop("count")
    assert await live() == expected


async def test_another_project_cannot_be_reached(world: World) -> None:
    await world.begin()
    model_id = await world.champion()
    elsewhere = world.service.token("manager", projects=[new_id()])
    client = world.service.client
    for path in (
        f"/v1/models/{model_id}",
        f"/v1/models/{model_id}/artifact",
        f"/v1/projects/{world.project_id}/models",
    ):
        assert (await client.get(path, headers=elsewhere)).status_code == 403
    for action in ("promotion", "rollback"):
        answer = await client.post(f"/v1/models/{model_id}/{action}", headers=elsewhere, json={"reason": "mine"})
        assert answer.status_code == 403


async def test_damaged_bytes_are_not_served(world: World) -> None:
    await world.begin()
    answer = await world.upload(digit_model(0, 60), digit_manifest())
    assert answer.status_code == 422, "a picture model in a text project"
    uploaded = (await world.upload(text_model(5), text_manifest())).json()
    await world.service.runtime.objects.put(f"models/{uploaded['model_id']}", b"something else")
    asked = await world.service.client.post(
        f"/v1/projects/{world.project_id}/predictions",
        headers=world.service.token("product"),
        json={"model_id": uploaded["model_id"], "items": [{"fields": {"message": "hello"}}]},
    )
    assert (asked.status_code, asked.json()["type"]) == (503, "artifact-damaged")
