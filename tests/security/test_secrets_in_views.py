"""No answer to a GET shows what predicts gold: a project's salt to nobody, its gold policy to managers alone."""

from collections import defaultdict
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.values import Role
from tests.security.test_every_endpoint import ENDPOINTS, Endpoint
from tests.security.test_things_of_other_projects import SUBJECT, Held, held

__all__ = ["held"]

GETS = [endpoint for endpoint in ENDPOINTS if endpoint.method == "GET"]
OF_GOLD = ("entry_test", "warned_share", "exposures")
LIMITED = ("unlimited", "limited to the project")
MAY_SEE_GOLD_POLICY = {Role.ADMIN, Role.MANAGER}


async def _read(held: Held, endpoint: Endpoint, role: Role, projects: list[UUID] | None) -> str:
    headers = held.service.token(role, subject=SUBJECT, projects=projects)
    url = endpoint.path.format_map(defaultdict(uuid4, {"project_id": held.project_id, **held.things}))
    params: dict[str, Any] = {"timeout_s": 0} if endpoint.path.endswith("/progress") else {}
    answer = await held.service.client.get(url, headers=headers, params=params)
    return answer.text if answer.is_success else ""


async def _salt(held: Held) -> str:
    """The project's salt, as the service keeps or receives it."""
    if held.service.runtime.spec.name != "ingest":
        return '"draw_salt"'
    async with held.service.database.transaction() as session:
        found = await session.raw.fetchval("SELECT draw_salt FROM projects WHERE project_id = $1", held.project_id)
    return str(found)


@pytest.mark.parametrize("endpoint", GETS, ids=str)
async def test_no_view_predicts_gold(held: dict[str, Held], endpoint: Endpoint) -> None:
    one = held[endpoint.service]
    salt = await _salt(one)
    for role, limits in product(Role, LIMITED):
        text = await _read(one, endpoint, role, [one.project_id] if limits != "unlimited" else None)
        assert salt not in text, (role, limits)
        if role not in MAY_SEE_GOLD_POLICY:
            assert not [name for name in OF_GOLD if f'"{name}"' in text], (role, limits)


@pytest.mark.parametrize("path", ["/v1/projects/{project_id}", "/v1/events"])
async def test_a_manager_sees_the_gold_policy(held: dict[str, Held], path: str) -> None:
    one = held["ingest"]
    (endpoint,) = [each for each in GETS if (each.service, each.path) == ("ingest", path)]
    assert '"entry_test"' in await _read(one, endpoint, Role.MANAGER, [one.project_id])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/projects/{project_id}/gold",
        "/v1/projects/{project_id}/records/{record_id}/gold",
        "/v1/records/{record_id}/lineage",
    ],
)
async def test_how_often_gold_is_served_is_for_managers(held: dict[str, Held], path: str) -> None:
    """The text that is chained holds it, escaped: that can't change without breaking the hash."""
    one = held["qa"]
    (endpoint,) = [each for each in GETS if (each.service, each.path) == ("qa", path)]
    of_gold = Held(one.service, one.project_id, {**one.things, "record_id": one.things["gold_id"]})
    seen = {role: await _read(of_gold, endpoint, role, [one.project_id]) for role in Role}
    assert '"gold_revision"' in seen[Role.AUDITOR]
    assert {role for role, text in seen.items() if '"exposures"' in text} == MAY_SEE_GOLD_POLICY
