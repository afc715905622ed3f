import asyncio
import base64
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.events import ProjectChanged
from shared.contracts.policies import Policies
from shared.contracts.values import Role
from shared.kit.compute.pool import CALLS
from tests.service.ingest.conftest import IMAGE_SCHEMA, TEXT_SCHEMA, Ingest, png, text


async def _published(ingest: Ingest, project_id: UUID) -> list[Any]:
    return [event for event in await ingest.service.published(ProjectChanged) if event.project_id == project_id]


async def test_a_project_is_published_whole_at_every_change(ingest: Ingest) -> None:
    made = await ingest.client.post("/v1/projects", json={"name": "Support"}, headers=ingest.manager)
    assert made.status_code == 201
    assert made.headers["etag"] == '"1"'
    body = made.json()
    project_id = UUID(body["project_id"])
    path = f"/v1/projects/{project_id}"
    assert body["active_schema"] is None
    assert body["active_policy"] == 1
    for answer, revision in (
        (await ingest.client.post(f"{path}/schemas", json=TEXT_SCHEMA, headers=ingest.manager), 2),
        (await ingest.client.post(f"{path}/guidelines", json={"markdown": "Choose."}, headers=ingest.manager), 3),
        (await ingest.client.put(f"{path}/policies", json={"gold": {"share": 0.1}}, headers=ingest.manager), 4),
        (await ingest.client.patch(path, json={"status": "paused"}, headers=ingest.manager), 5),
    ):
        assert answer.is_success, answer.text
        assert answer.json()["revision"] == revision
        assert answer.headers["etag"] == f'"{revision}"'
    published = await _published(ingest, project_id)
    assert [event.revision for event in published] == [1, 2, 3, 4, 5]
    last = published[-1].payload
    assert (last.active_schema, last.active_guideline, last.active_policy, last.status) == (1, 1, 2, "paused")
    assert [item.version for item in last.policies] == [1, 2]
    assert last.policies[1].policies.gold.share == 0.1
    assert len(last.draw_salt) >= 32
    read = await ingest.get(path)
    assert read["status"] == "paused"
    assert "draw_salt" not in str(read)
    assert "dedup_key" not in str(read)


async def test_long_texts_are_searched_in_a_process_of_their_own(ingest: Ingest) -> None:
    made = await ingest.client.post("/v1/projects", json={"name": "Long"}, headers=ingest.manager)
    path = f"/v1/projects/{made.json()['project_id']}"
    count = CALLS.labels("clean", "done")._value
    before = count.get()
    markdown = "Write to ann@example.com. " * 200
    answer = await ingest.client.post(f"{path}/guidelines", json={"markdown": markdown}, headers=ingest.manager)
    assert answer.json()["guidelines"][0]["markdown"] == "Write to [EMAIL]. " * 200
    labels = [f"label {number}" for number in range(500)]
    question = {"name": "topic", "kind": "choice", "labels": labels}
    schema = {"fields": [{"name": "text", "kind": "text"}], "questions": [question]}
    assert (await ingest.client.post(f"{path}/schemas", json=schema, headers=ingest.manager)).status_code == 201
    assert count.get() == before + 2
    labels.append("label  7")
    answer = await ingest.client.post(f"{path}/schemas", json=schema, headers=ingest.manager)
    assert (answer.status_code, answer.json()["pointer"]) == (422, "/questions/0/labels/500")


async def test_who_annotates_sees_the_active_schema_and_guideline_alone(ingest: Ingest) -> None:
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}"
    await ingest.client.post(f"{path}/schemas?activate=false", json=TEXT_SCHEMA, headers=ingest.manager)
    for role in (Role.ANNOTATOR, Role.ARBITER):
        answer = await ingest.client.get(path, headers=ingest.service.token(role))
        shown = answer.json()
        assert answer.headers["etag"] == f'"{shown["revision"]}"'
        assert [each["version"] for each in shown["schemas"]] == [shown["active_schema"]]
        assert shown["policies"] == []
    for role in (Role.AUDITOR, Role.TRAINER, Role.PRODUCT):
        shown = (await ingest.client.get(path, headers=ingest.service.token(role, Role.ANNOTATOR))).json()
        assert len(shown["schemas"]) == 2
        assert set(shown["policies"][0]["policies"]) == set(Policies.model_fields) - {"gold"}
    shown = (await ingest.client.get(path, headers=ingest.manager)).json()
    assert set(shown["policies"][0]["policies"]) == set(Policies.model_fields)


async def test_a_token_limited_to_projects_makes_no_others(ingest: Ingest) -> None:
    """It could not even read what it made."""
    ours = ingest.service.token(Role.MANAGER, projects=[await ingest.project()])
    name = f"Orphan {uuid4()}"
    answer = await ingest.client.post("/v1/projects", json={"name": name}, headers=ours)
    assert (answer.status_code, answer.json()["type"]) == (403, "wrong-project")
    assert not await ingest.scalar("SELECT count(*) FROM projects WHERE name = $1", name)


async def test_versions_are_activated_at_will(ingest: Ingest) -> None:
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}"
    added = await ingest.client.post(f"{path}/schemas?activate=false", json=TEXT_SCHEMA, headers=ingest.manager)
    assert (added.json()["active_schema"], len(added.json()["schemas"])) == (1, 2)
    changed = await ingest.client.patch(path, json={"active_schema": 2}, headers=ingest.manager)
    assert changed.json()["active_schema"] == 2
    refused = await ingest.client.patch(path, json={"active_schema": 3}, headers=ingest.manager)
    assert refused.status_code == 422
    assert refused.json()["pointer"] == "/active_schema"


async def test_a_change_that_changes_nothing_is_not_published(ingest: Ingest) -> None:
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}"
    before = len(await _published(ingest, project_id))
    etag = (await ingest.client.get(path, headers=ingest.manager)).headers["etag"]
    for nothing in ({"status": "active"}, {"status": None}, {}):
        answer = await ingest.client.patch(path, json=nothing, headers=ingest.manager)
        assert (answer.status_code, answer.headers["etag"]) == (200, etag)
    policies = (await ingest.get(path))["policies"][0]["policies"]
    assert (await ingest.client.put(f"{path}/policies", json=policies, headers=ingest.manager)).is_success
    assert len(await _published(ingest, project_id)) == before


async def test_a_stale_etag_is_refused(ingest: Ingest) -> None:
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}"
    fresh = (await ingest.client.get(path, headers=ingest.manager)).headers["etag"]
    first = await ingest.client.patch(path, json={"name": "B"}, headers={**ingest.manager, "If-Match": fresh})
    assert first.status_code == 200
    second = await ingest.client.patch(path, json={"name": "C"}, headers={**ingest.manager, "If-Match": fresh})
    assert second.status_code == 412
    assert second.json()["type"] == "project-changed-meanwhile"
    rubbish = await ingest.client.patch(path, json={"name": "C"}, headers={**ingest.manager, "If-Match": "x"})
    assert rubbish.status_code == 400


async def test_versions_added_at_once_get_different_numbers(ingest: Ingest) -> None:
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}/guidelines"
    answers = await asyncio.gather(
        *(ingest.client.post(path, json={"markdown": f"# {n}"}, headers=ingest.manager) for n in range(8))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert [item["version"] for item in (await ingest.get(f"/v1/projects/{project_id}"))["guidelines"]] == list(
        range(1, 10)
    )
    revisions = [event.revision for event in await _published(ingest, project_id)]
    assert revisions == sorted(set(revisions))


async def test_personal_data_is_masked_or_refused(ingest: Ingest) -> None:
    schema = {**TEXT_SCHEMA, "fields": [{"name": "message", "kind": "text", "title": "From jane@example.com"}]}
    project_id = await ingest.project(schema, name="For jane@example.com", guideline="Ask jane@example.com")
    published = (await _published(ingest, project_id))[-1]
    assert "jane@example.com" not in published.model_dump_json()
    assert published.payload.name == "For [EMAIL]"
    assert published.payload.guidelines[0].markdown == "Ask [EMAIL]"
    assert published.payload.schemas[0].label_schema.fields[0].title == "From [EMAIL]"
    bad = {**TEXT_SCHEMA, "questions": [{"name": "who", "kind": "choice", "labels": ["a", "jane@example.com"]}]}
    refused = await ingest.client.post(f"/v1/projects/{project_id}/schemas", json=bad, headers=ingest.manager)
    assert refused.status_code == 422
    assert refused.json()["pointer"] == "/questions/0/labels/1"
    assert "jane" not in refused.text
    policies = {"purposes_required": ["call +49 30 901820"]}
    refused = await ingest.client.put(f"/v1/projects/{project_id}/policies", json=policies, headers=ingest.manager)
    assert refused.status_code == 422
    assert refused.json()["type"] == "personal-data-in-policies"
    assert refused.json()["pointer"] == "/purposes_required/0"
    for part, place in (
        ({"schema": bad}, "/schema/questions/0/labels/1"),
        (
            {"policies": policies},
            "/policies/purposes_required/0",
        ),
    ):
        refused = await ingest.client.post("/v1/projects", json={"name": "new", **part}, headers=ingest.manager)
        assert (refused.status_code, refused.json()["pointer"]) == (422, place)


async def test_creation_is_idempotent_by_key(ingest: Ingest) -> None:
    headers = {**ingest.manager, "Idempotency-Key": str(uuid4())}
    first = await ingest.client.post("/v1/projects", json={"name": "Once"}, headers=headers)
    again = await ingest.client.post("/v1/projects", json={"name": "Once"}, headers=headers)
    assert first.json() == again.json()
    other = await ingest.client.post("/v1/projects", json={"name": "Twice"}, headers=headers)
    assert other.status_code == 422


async def test_lists_are_paged_and_limited_to_the_tokens_projects(ingest: Ingest) -> None:
    mine = [await ingest.project(name=f"P{number}") for number in range(3)]
    headers = ingest.service.token(Role.PRODUCT, projects=mine)
    first = (await ingest.client.get("/v1/projects?limit=2", headers=headers)).json()
    second = (
        await ingest.client.get("/v1/projects", params={"limit": 2, "after": first["next"]}, headers=headers)
    ).json()
    assert [item["name"] for item in first["items"] + second["items"]] == ["P0", "P1", "P2"]
    assert "next" not in second
    other = await ingest.project()
    assert (await ingest.client.get(f"/v1/projects/{other}", headers=headers)).status_code == 403


async def test_bad_projects_are_refused(ingest: Ingest) -> None:
    for body in (
        {},
        {"name": ""},
        {"name": "x", "shcema": {}},
        {"name": "x", "schema": {**TEXT_SCHEMA, "questions": []}},
        {"name": "x", "policies": {"split": {"train": 2}}},
    ):
        answer = await ingest.client.post("/v1/projects", json=body, headers=ingest.manager)
        assert answer.status_code == 422, body
    missing = await ingest.get(f"/v1/projects/{uuid4()}", 404)
    assert missing["type"] == "not-known-here"


async def test_a_project_with_very_many_guidelines_can_still_be_published(ingest: Ingest) -> None:
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}/guidelines"
    for number in range(8):
        body = {"markdown": f"{number} " + "x " * 45_000}
        assert (await ingest.client.post(path, json=body, headers=ingest.manager)).status_code == 201
    last = (await _published(ingest, project_id))[-1].payload
    assert len(last.guidelines) == 9
    assert last.guidelines[-1].markdown.startswith("7 x")
    assert last.guidelines[1].markdown == ""
    assert (await ingest.get(f"/v1/projects/{project_id}"))["guidelines"][1]["markdown"].startswith("0 x")


async def test_a_refusal_names_which_rule_across_fields_is_broken(ingest: Ingest) -> None:
    field = {"name": "text", "kind": "text"}
    question = {"name": "tone", "kind": "choice", "labels": ["good", "bad"]}
    schema = {"fields": [field, field], "questions": [question]}
    answer = await ingest.client.post("/v1/projects", json={"name": "P", "schema": schema}, headers=ingest.manager)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "field and question names must be unique"
    split = {"split": {"train": 0.5, "validation": 0.1, "test": 0.1}}
    answer = await ingest.client.post("/v1/projects", json={"name": "P", "policies": split}, headers=ingest.manager)
    assert answer.json()["detail"] == "the shares of train, validation and test must sum to 1"


async def test_a_skill_in_the_policies_is_a_name(ingest: Ingest) -> None:
    policies = {"serving": {"skill": "ann.lee@example.org"}}
    answer = await ingest.client.post("/v1/projects", json={"name": "P", "policies": policies}, headers=ingest.manager)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("question", "pointer", "rule", "word"),
    [
        ({"kind": "spans", "field": "image"}, "/questions/1/field", "field-kind", "must be of kind text"),
        ({"kind": "spans", "field": "sound"}, "/questions/1/field", "field-unknown", "does not have"),
        ({"kind": "boxes", "field": "caption"}, "/questions/1/field", "field-kind", "must be of kind image"),
        (
            {"kind": "choice", "visible_when": {"question": "extra", "labels": ["a"]}},
            "/questions/1/visible_when/question", "question-not-earlier", "an earlier question",
        ),
        (
            {"kind": "choice", "visible_when": {"question": "digit", "labels": ["0", "7"]}},
            "/questions/1/visible_when/labels", "label-unknown", "labels of that question",
        ),
        ({"kind": "choice", "name": "caption"}, "/questions/1/name", "name-repeated", "unique"),
        ({"kind": "choice", "labels": ["a", "a"]}, "/questions/1", "value_error", "unique"),
    ],
)  # fmt: skip
async def test_a_schema_that_does_not_fit_together_is_refused_with_place_and_reason(
    ingest: Ingest, question: dict[str, Any], pointer: str, rule: str, word: str
) -> None:
    schema = {
        **IMAGE_SCHEMA,
        "questions": [*IMAGE_SCHEMA["questions"], {"name": "extra", "labels": ["a", "b"], **question}],
    }
    project_id = await ingest.project()
    for path, body, under in (
        ("/v1/projects", {"name": "n", "schema": schema}, "/schema"),
        (f"/v1/projects/{project_id}/schemas", schema, ""),
    ):
        answer = await ingest.client.post(path, json=body, headers=ingest.manager)
        assert (answer.status_code, answer.json()["type"]) == (422, "invalid-request")
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["rule"]) == (under + pointer, rule)
        assert word in error["detail"]
        assert "digit" not in error["detail"]


async def test_labels_that_look_the_same_are_refused_in_a_new_schema(ingest: Ingest) -> None:
    project_id = await ingest.project()
    questions = [{"name": "tone", "kind": "choice", "labels": ["good", "bad", "good "]}]
    schema = {"fields": [{"name": "message", "kind": "text"}], "questions": questions}
    for path, body, under in (
        ("/v1/projects", {"name": "n", "schema": schema}, "/schema"),
        (f"/v1/projects/{project_id}/schemas", schema, ""),
    ):
        answer = await ingest.client.post(path, json=body, headers=ingest.manager)
        assert (answer.status_code, answer.json()["type"]) == (422, "labels-look-alike")
        assert answer.json()["pointer"] == under + "/questions/0/labels/2"
        assert "label 1" in answer.json()["detail"]


@pytest.mark.parametrize("purpose", ["", " ", "\t\u00a0", "x" * 201])
async def test_a_purpose_that_no_record_can_have_is_not_required(ingest: Ingest, purpose: str) -> None:
    policies = {"purposes_required": ["quality", purpose]}
    answer = await ingest.client.post("/v1/projects", json={"name": "n", "policies": policies}, headers=ingest.manager)
    assert (answer.status_code, answer.json()["type"]) == (422, "impossible-purpose")
    assert answer.json()["pointer"] == "/policies/purposes_required/1"


async def test_a_project_by_a_preset_has_its_policies_but_for_what_is_set(ingest: Ingest) -> None:
    headers = ingest.manager
    presets = (await ingest.client.get("/v1/policy-presets", headers=headers)).json()
    assert [one["name"] for one in presets["items"]] == ["label_everything", "learn", "high_stakes"]
    assert all(one["summary"] for one in presets["items"])
    body = {"name": "P", "preset": "label_everything", "policies": {"serving": {"lease_ttl_s": 60}}}
    made = (await ingest.client.post("/v1/projects", headers=headers, json=body)).json()
    policies = made["policies"][-1]["policies"]
    assert (policies["learning"]["enabled"], policies["split"]["train"], policies["serving"]["lease_ttl_s"]) == (
        False,
        1.0,
        60,
    )
    url = f"/v1/projects/{made['project_id']}/policies"
    set_again = await ingest.client.put(url, headers=headers, json={"preset": "high_stakes"})
    assert set_again.json()["policies"][-1]["policies"]["redundancy"]["without_model"] == 3
    for wrong in ({"preset": "cheap"}, {"preset": "high_stakes", "redundancy": {"maximum": 2}}):
        refused = await ingest.client.put(url, headers=headers, json=wrong)
        assert refused.status_code == 422, refused.text
    refused = await ingest.client.post(
        "/v1/projects",
        headers=headers,
        json={"name": "P", "preset": "high_stakes", "policies": {"redundancy": {"maximum": 2}}},
    )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/policies/redundancy"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("\u202e", "blank"),
        ("\u200b\u2060 \u00a0", "blank"),
        ("\ufeff", "blank"),
        ("\u3164\u2800", "blank"),
        ("invoice\u202ecod.exe", "bidi-control"),
        ("\u2066mail\u2069", "bidi-control"),
        ("mail\u200f", "bidi-control"),
    ],
)
async def test_a_name_shows_what_it_is(ingest: Ingest, name: str, rule: str) -> None:
    project_id = await ingest.project()
    answers = [
        await ingest.client.post("/v1/projects", json={"name": name}, headers=ingest.manager),
        await ingest.client.patch(f"/v1/projects/{project_id}", json={"name": name}, headers=ingest.manager),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert [(error["pointer"], error["rule"]) for error in answer.json()["errors"]] == [("/name", rule)]
    labels = {**TEXT_SCHEMA, "questions": [{"name": "topic", "kind": "choice", "labels": ["fine", name]}]}
    answer = await ingest.client.post(f"/v1/projects/{project_id}/schemas", json=labels, headers=ingest.manager)
    assert (answer.status_code, answer.json()["pointer"]) == (422, "/questions/0/labels/1")


async def test_titles_and_guidelines_show_something(ingest: Ingest) -> None:
    path = f"/v1/projects/{await ingest.project()}"
    titled = {**TEXT_SCHEMA, "fields": [{"name": "message", "kind": "text", "title": "\u200b"}]}
    answer = await ingest.client.post(f"{path}/schemas", json=titled, headers=ingest.manager)
    assert (answer.status_code, answer.json()["pointer"]) == (422, "/fields/0/title")
    answer = await ingest.client.post(f"{path}/guidelines", json={"markdown": " \u200b\n"}, headers=ingest.manager)
    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, "blank")
    turned = {"markdown": "\u200f\u05d1\u05d7\u05e8 \u2066billing\u2069"}
    assert (await ingest.client.post(f"{path}/guidelines", json=turned, headers=ingest.manager)).is_success


async def test_activating_a_schema_says_how_many_open_records_fit(ingest: Ingest) -> None:
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}"
    await ingest.send(project_id, text("one"), text("two"))
    same = {**TEXT_SCHEMA, "questions": [{"name": "tone", "kind": "choice", "labels": ["good", "bad"]}]}
    added = await ingest.client.post(f"{path}/schemas", json=same, headers=ingest.manager)
    assert added.json()["open_records"] == {"open": 2, "fit": 2, "may_fit": 0, "all_counted": True}
    noted = {**same, "fields": [{"name": "note", "kind": "text"}]}
    added = await ingest.client.post(f"{path}/schemas", json=noted, headers=ingest.manager)
    found = added.json()["open_records"]
    assert (found["open"], found["fit"], found["may_fit"]) == (2, 0, 2), "some may have the note"
    more = await ingest.send(project_id, {"fields": {"note": "three"}})
    assert more["accepted"] == 1
    added = await ingest.client.post(f"{path}/schemas", json=same, headers=ingest.manager)
    found = added.json()["open_records"]
    assert (found["open"], found["fit"], found["may_fit"]) == (3, 2, 0)
    assert found["warning"].startswith("1 open records lack")
    renamed = await ingest.client.patch(path, json={"name": "Another"}, headers=ingest.manager)
    assert "open_records" not in renamed.json()
    assert "open_records" not in await ingest.get(path)


async def test_a_schema_that_no_open_record_fits_is_activated_only_by_force(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    path = f"/v1/projects/{project_id}"
    empty = await ingest.client.post(f"{path}/schemas", json=TEXT_SCHEMA, headers=ingest.manager)
    assert empty.json()["open_records"] == {"open": 0, "fit": 0, "may_fit": 0, "all_counted": True}
    await ingest.client.patch(path, json={"active_schema": 1}, headers=ingest.manager)
    image = base64.b64encode(png(3)).decode()
    assert (await ingest.send(project_id, {"fields": {"image": {"base64": image}}}))["accepted"] == 1
    before = await ingest.get(path)
    for answer in (
        await ingest.client.post(f"{path}/schemas", json=TEXT_SCHEMA, headers=ingest.manager),
        await ingest.client.patch(path, json={"active_schema": 2}, headers=ingest.manager),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "no-open-record-fits")
        assert "None of the 1 open records" in answer.json()["detail"]
        assert "what is missing: `message`." in answer.json()["detail"]
        assert "`force=true` it becomes active all the same: people get these records" in answer.json()["detail"]
    assert await ingest.get(path) == before
    added = await ingest.client.post(f"{path}/schemas?activate=false", json=TEXT_SCHEMA, headers=ingest.manager)
    assert (added.status_code, added.json()["active_schema"]) == (201, 1)
    forced = await ingest.client.patch(f"{path}?force=true", json={"active_schema": 2}, headers=ingest.manager)
    assert (forced.status_code, forced.json()["active_schema"]) == (200, 2)
    assert forced.json()["open_records"]["warning"]


async def test_records_that_are_labelled_already_do_not_hold_a_schema_up(ingest: Ingest) -> None:
    project_id = await ingest.project()
    await ingest.send(project_id, text("done"))
    async with ingest.service.database.transaction() as session:
        await session.raw.execute("UPDATE records SET state = 'finalized' WHERE project_id = $1", project_id)
    answer = await ingest.client.post(f"/v1/projects/{project_id}/schemas", json=IMAGE_SCHEMA, headers=ingest.manager)
    assert (answer.status_code, answer.json()["open_records"]["open"]) == (201, 0)
