"""A schema version can be read by itself, and so can the JSON Schema of answers to it."""

import unicodedata
from uuid import uuid4

from jsonschema import Draft202012Validator

from shared.contracts.values import Role
from tests.service.ingest.conftest import IMAGE_SCHEMA, TEXT_SCHEMA, Ingest


async def test_a_version_is_read_by_itself_and_not_sent_twice(ingest: Ingest) -> None:
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}/schemas"
    await ingest.client.post(path, json=IMAGE_SCHEMA, headers=ingest.manager)
    whole = (await ingest.client.get(f"/v1/projects/{project_id}", headers=ingest.manager)).json()
    reader = ingest.service.token(Role.ANNOTATOR)
    for version in (1, 2):
        answer = await ingest.client.get(f"{path}/{version}", headers=reader)
        assert answer.json() == whole["schemas"][version - 1]
        again = await ingest.client.get(
            f"{path}/{version}", headers=reader | {"If-None-Match": f'"x", W/{answer.headers["etag"]}'}
        )
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
        other = await ingest.client.get(f"{path}/{version}", headers=reader | {"If-None-Match": '"x"'})
        assert other.status_code == 200


async def test_answers_have_a_json_schema(ingest: Ingest) -> None:
    questions = [{"name": "place", "kind": "choice", "labels": ["Café", "bar"]}]
    project_id = await ingest.project({**TEXT_SCHEMA, "questions": questions})
    path = f"/v1/projects/{project_id}/schemas/1/answers.schema.json"
    reader = ingest.service.token(Role.ANNOTATOR)
    answer = await ingest.client.get(path, headers=reader)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/schema+json")
    validator = Draft202012Validator(answer.json())
    assert validator.is_valid({"place": {"label": "Café"}})
    assert not validator.is_valid({"place": {"label": "of another schema"}})
    assert not validator.is_valid({})
    again = await ingest.client.get(path, headers=reader | {"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_version_or_project_that_is_not_there_is_not_found(ingest: Ingest) -> None:
    project_id = await ingest.project()
    for end in ("", "/answers.schema.json"):
        missing = await ingest.client.get(f"/v1/projects/{project_id}/schemas/2{end}", headers=ingest.manager)
        assert (missing.status_code, missing.json()["type"]) == (404, "unknown-schema-version")
        elsewhere = await ingest.client.get(f"/v1/projects/{uuid4()}/schemas/1{end}", headers=ingest.manager)
        assert (elsewhere.status_code, elsewhere.json()["type"]) == (404, "not-known-here")
        for malformed in ("0", "x", "99999999999"):
            refused = await ingest.client.get(
                f"/v1/projects/{project_id}/schemas/{malformed}{end}", headers=ingest.manager
            )
            assert refused.status_code == 422


async def test_labels_of_a_new_schema_are_kept_composed(ingest: Ingest) -> None:
    decomposed = unicodedata.normalize("NFD", "Café")
    questions = [
        {"name": "place", "kind": "choice", "labels": [decomposed, "bar"]},
        {
            "name": "tags",
            "kind": "multi_choice",
            "labels": [decomposed, "x"],
            "visible_when": {"question": "place", "labels": [decomposed]},
        },
    ]
    project_id = await ingest.project({**TEXT_SCHEMA, "questions": questions})
    read = (await ingest.client.get(f"/v1/projects/{project_id}/schemas/1", headers=ingest.manager)).json()
    place, tags = read["label_schema"]["questions"]
    assert place["labels"][0] == tags["labels"][0] == tags["visible_when"]["labels"][0] == "Café"


async def test_words_of_every_list_that_look_the_same_are_refused(ingest: Ingest) -> None:
    alike = ["é", unicodedata.normalize("NFD", "é")]
    fields = [{"name": "text", "kind": "text"}, {"name": "photo", "kind": "image"}]
    boxes = {"name": "boxes", "kind": "boxes", "field": "photo", "labels": ["car"]}
    spans = {"name": "spans", "kind": "spans", "field": "text", "labels": ["PER"]}
    for question, place in (
        ({**boxes, "attributes": [{"name": "colour", "values": alike}]}, "attributes/0/values"),
        ({**spans, "relations": alike}, "relations"),
        ({**spans, "labels": alike}, "labels"),
    ):
        body = {"name": "n", "schema": {"fields": fields, "questions": [question]}}
        answer = await ingest.client.post("/v1/projects", json=body, headers=ingest.manager)
        assert (answer.status_code, answer.json()["type"]) == (422, "labels-look-alike")
        assert answer.json()["pointer"] == f"/schema/questions/0/{place}/1"
