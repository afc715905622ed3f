"""Which personal data is masked is the project's policy; where some is kept, the content takes a role of its own."""

from typing import Any
from uuid import UUID

import pytest

from shared.contracts.events import ProjectChanged, RecordAccepted
from shared.contracts.personal_data import RecogniserName
from shared.contracts.values import Role
from shared.recognition import choice
from tests.service.ingest.conftest import Ingest, text

MESSAGE = "Write to jane@example.com or call +49 30 901820."
KEEP_ADDRESSES = {"deidentification": {"kept": ["EMAIL"]}}


def allowed(ingest: Ingest, *roles: str) -> dict[str, str]:
    return ingest.service.token(*roles, Role.PERSONAL_DATA)


async def set_policies(ingest: Ingest, project_id: UUID, policies: dict[str, Any]) -> dict[str, Any]:
    answer = await ingest.client.put(
        f"/v1/projects/{project_id}/policies", json=policies, headers=allowed(ingest, Role.MANAGER)
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def messages(ingest: Ingest, project_id: UUID) -> list[Any]:
    events = await ingest.service.published(RecordAccepted)
    return [event.payload.fields["message"] for event in events if event.project_id == project_id]


async def test_all_kinds_are_masked_unless_the_policy_keeps_some(ingest: Ingest) -> None:
    project_id = await ingest.project()
    assert not (await ingest.get(f"/v1/projects/{project_id}"))["holds_personal_data"]
    await ingest.send(project_id, text(MESSAGE))
    await set_policies(ingest, project_id, KEEP_ADDRESSES)
    await ingest.send(project_id, text(f"{MESSAGE} Please.", slice={"by": "jane@example.com"}))
    await set_policies(ingest, project_id, {"deidentification": {"kept": sorted(RecogniserName.PATTERNS.kinds)}})
    await ingest.send(project_id, text(f"{MESSAGE} Soon."))
    assert await messages(ingest, project_id) == [
        "Write to [EMAIL] or call [PHONE].",
        "Write to jane@example.com or call [PHONE]. Please.",
        f"{MESSAGE} Soon.",
    ]
    slices = [one.payload.slice for one in await ingest.service.published(RecordAccepted)]
    assert "jane@example.com" not in str(slices), "it shows in counts, for which no role is needed"


async def test_a_project_that_ever_kept_personal_data_is_marked_for_good(ingest: Ingest) -> None:
    project_id = await ingest.project()
    assert (await set_policies(ingest, project_id, KEEP_ADDRESSES))["holds_personal_data"]
    masking = await set_policies(ingest, project_id, {})
    assert masking["holds_personal_data"], "what came before is not masked by that"
    await ingest.send(project_id, text(f"{MESSAGE} Again."))
    assert await messages(ingest, project_id) == ["Write to [EMAIL] or call [PHONE]. Again."]
    published = [one.payload for one in await ingest.service.published(ProjectChanged) if one.project_id == project_id]
    assert [one.holds_personal_data for one in published] == [False, True, True]
    page = await ingest.get("/v1/projects", limit=500)
    assert [one["holds_personal_data"] for one in page["items"] if one["project_id"] == str(project_id)] == [True]


async def test_changing_what_is_masked_takes_the_role(ingest: Ingest) -> None:
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}"
    refused = await ingest.client.put(f"{path}/policies", json=KEEP_ADDRESSES, headers=ingest.manager)
    assert (refused.status_code, refused.json()["type"]) == (403, "wrong-role")
    assert "personal_data" in refused.json()["detail"]
    body = {"name": "new", "policies": KEEP_ADDRESSES}
    assert (await ingest.client.post("/v1/projects", json=body, headers=ingest.manager)).status_code == 403
    made = await ingest.client.post("/v1/projects", json=body, headers=allowed(ingest, Role.MANAGER))
    assert (made.status_code, made.json()["holds_personal_data"]) == (201, True)
    await set_policies(ingest, project_id, KEEP_ADDRESSES)
    back = await ingest.client.put(f"{path}/policies", json={}, headers=ingest.manager)
    assert back.status_code == 403
    await set_policies(ingest, project_id, {})
    activation = await ingest.client.patch(path, json={"active_policy": 2}, headers=ingest.manager)
    assert activation.status_code == 403
    other = await ingest.client.put(f"{path}/policies", json={"gold": {"share": 0.1}}, headers=ingest.manager)
    assert other.status_code == 200, "what masks stays"
    unknown = {"deidentification": {"kept": ["NAMES"]}}
    refused = await ingest.client.put(f"{path}/policies", json=unknown, headers=ingest.manager)
    assert refused.status_code == 422


@pytest.mark.parametrize("role", [Role.MANAGER, Role.PRODUCT, Role.AUDITOR])
async def test_content_of_such_a_project_takes_the_role_besides_the_ordinary_one(ingest: Ingest, role: Role) -> None:
    project_id = await ingest.project()
    await set_policies(ingest, project_id, KEEP_ADDRESSES)
    record_id = (await ingest.send(project_id, text(f"{MESSAGE} {role}")))["records"][0]["record_id"]
    for path in (f"/v1/records/{record_id}", f"/v1/projects/{project_id}/records"):
        refused = await ingest.client.get(path, headers=ingest.service.token(role))
        assert (refused.status_code, refused.json()["type"]) == (403, "wrong-role")
        assert "personal_data" in refused.json()["detail"]
        alone = await ingest.client.get(path, headers=ingest.service.token(Role.PERSONAL_DATA))
        assert alone.status_code == 403, "the role allows nothing by itself"
        assert (await ingest.client.get(path, headers=allowed(ingest, role))).status_code == 200
        assert (await ingest.client.get(path, headers=ingest.service.token(Role.ADMIN))).status_code == 200


ASK_FOR_NAMES = {"deidentification": {"recognisers": ["patterns", "names"]}}


async def test_a_project_says_what_nothing_looks_for(ingest: Ingest) -> None:
    project_id = await ingest.project()
    assert "PERSON" in (await ingest.get(f"/v1/projects/{project_id}"))["not_recognised"]
    assert "EMAIL" not in (await ingest.get(f"/v1/projects/{project_id}"))["not_recognised"]


async def test_a_recogniser_that_is_not_installed_is_refused(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "installed", lambda: frozenset({RecogniserName.PATTERNS}))
    project_id = await ingest.project()
    path = f"/v1/projects/{project_id}/policies"
    answer = await ingest.client.put(path, json=ASK_FOR_NAMES, headers=allowed(ingest, Role.MANAGER))
    assert (answer.status_code, answer.json()["type"]) == (422, "recogniser-not-installed")
    assert "PERSON" in answer.text
    assert "requirements/names.txt" in answer.text


@pytest.mark.skipif(
    RecogniserName.NAMES not in choice.installed(), reason="the recogniser `names` is not installed (make names)"
)
async def test_names_are_masked_where_the_policy_asks_for_it(ingest: Ingest) -> None:
    project_id = await ingest.project()
    changed = await set_policies(ingest, project_id, ASK_FOR_NAMES)
    assert changed["not_recognised"] == []
    assert not changed["holds_personal_data"]
    await ingest.send(project_id, text("Elena Petrova, jane@example.com, has worked as a nurse in Dublin."))
    assert await messages(ingest, project_id) == ["[PERSON], [EMAIL], has worked as a nurse in [PLACE]."]
