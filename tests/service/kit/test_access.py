"""Roles and projects, walked over every endpoint."""

from uuid import uuid4

import pytest

from shared.contracts.values import Role
from shared.kit.endpoints import EdgeRoute, endpoints_of
from shared.kit.token_keys import TokenKey, mint_token
from tests.support.service import ServiceUnderTest
from tests.support.tokens import KEY

OPEN = {"/live", "/ready", "/metrics", "/v1/objects/{key:path}"}


def routes(service: ServiceUnderTest) -> list[EdgeRoute]:
    return endpoints_of(service.app.routes)


def path_of(route: EdgeRoute) -> str:
    path = route.path_format
    for name in route.param_convertors:
        path = path.replace("{" + name + "}", str(uuid4()))
    return path


async def test_every_endpoint_but_the_open_ones_declares_its_roles(tiny: ServiceUnderTest) -> None:
    assert {route.path for route in routes(tiny) if not route.parameters.guards} == OPEN


async def test_nobody_gets_in_without_a_token_or_with_a_bad_one(tiny: ServiceUnderTest) -> None:
    bad = [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YTpi"},
        {"Authorization": f"Token {mint_token(KEY, 'a', ['admin'])}"},
        {"Authorization": f"Bearer {mint_token(KEY, 'a', ['admin'], ttl_s=-60)}"},
        {"Authorization": f"Bearer {mint_token(TokenKey.create(), 'a', ['admin'])}"},
    ]
    for route in routes(tiny):
        if route.parameters.guards:
            for method in route.methods or ():
                for headers in bad:
                    answer = await tiny.client.request(method, path_of(route), headers=headers)
                    assert answer.status_code == 401, (method, route.path, headers)
                    assert answer.headers["www-authenticate"] == "Bearer"


async def test_every_wrong_role_is_refused_on_every_endpoint(tiny: ServiceUnderTest) -> None:
    for route in routes(tiny):
        allowed = set[str]().union(*(guard.roles for guard in route.parameters.guards))
        for method in route.methods or ():
            for role in set(Role) - allowed - {Role.ADMIN} if allowed else ():
                answer = await tiny.client.request(method, path_of(route), headers=tiny.token(role))
                assert answer.status_code == 403, (method, route.path, role)
                assert answer.json()["type"] == "wrong-role"
                assert answer.json()["detail"] == f"One of: {', '.join(sorted(allowed | {Role.ADMIN}))}."


async def test_a_token_limited_to_other_projects_is_refused(tiny: ServiceUnderTest) -> None:
    for route in routes(tiny):
        if "project_id" in route.param_convertors:
            for method in route.methods or ():
                headers = tiny.token("admin", projects=[uuid4()])
                answer = await tiny.client.request(method, path_of(route), headers=headers)
                assert answer.status_code == 403, (method, route.path)
                assert answer.json()["type"] == "wrong-project"


@pytest.mark.parametrize("form", [str, lambda p: str(p).upper(), lambda p: p.hex, lambda p: "{" + str(p) + "}"])
async def test_no_way_of_writing_a_project_gets_round_its_limit(tiny: ServiceUnderTest, form: object) -> None:
    assert callable(form)
    path = f"/v1/projects/{form(uuid4())}/things"
    answer = await tiny.client.get(path, headers=tiny.token("manager", projects=[uuid4()]))
    assert answer.status_code in {403, 422}


async def test_admin_may_everything(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.get(f"/v1/projects/{uuid4()}/things", headers=tiny.token("admin"))
    assert answer.status_code == 200


async def test_openapi_names_roles_problems_and_nothing_of_our_plumbing(tiny: ServiceUnderTest) -> None:
    document = (await tiny.client.get("/openapi.json")).json()
    operation = document["paths"]["/v1/projects/{project_id}/things"]["post"]
    assert operation["operationId"] == "add_thing"
    assert operation["x-roles"] == ["manager"]
    assert operation["security"] == [{"bearer": []}]
    for status in ("400", "401", "403", "409", "413", "422", "500", "503"):
        assert list(operation["responses"][status]["content"]) == ["application/problem+json"]
    text = str(document)
    for word in ("Session", "Runtime", "Principal", "HTTPValidationError"):
        assert word not in text
    ids = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(ids) == len(set(ids))


async def test_the_document_is_written_once(tiny: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for it needs no token."""
    first = await tiny.client.get("/openapi.json")
    monkeypatch.setattr(tiny.app, "openapi", None)
    again = await tiny.client.get("/openapi.json")
    assert again.content == first.content
