"""Every list of every service takes its cursor and its limit in one way, and every view knows a project that is none."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from shared.contracts.services import SERVICE_NAMES
from shared.contracts.values import Role
from tests.contracts.http.test_closed_inputs import of_routes, refused, route_of
from tests.security.test_every_endpoint import ENDPOINTS, Endpoint
from tests.support.service import ServiceUnderTest, service_under_test


@pytest.fixture(scope="module", params=SERVICE_NAMES)
async def service(request: pytest.FixtureRequest) -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test(request.param) as running:
        yield running


def of(service: ServiceUnderTest, *parameters: str) -> list[Endpoint]:
    """The service's views that have these query parameters."""
    return [
        endpoint
        for endpoint in ENDPOINTS
        if endpoint.service == service.runtime.spec.name
        and endpoint.method == "GET"
        and route_of(endpoint).parameters.queries.keys() >= set(parameters)
    ]


async def view(service: ServiceUnderTest, url: str, **params: str) -> httpx.Response:
    return await service.client.get(url, headers=service.token(Role.ADMIN), params=params)


async def test_an_empty_cursor_is_refused_by_every_list(service: ServiceUnderTest) -> None:
    """It is no cursor that was given out: who sends it would begin again from the first page, for ever."""
    lists = of(service, "after")
    assert len(lists) > 1
    for endpoint in lists:
        answer = await view(service, endpoint.url, after="")
        assert (answer.status_code, answer.json()["type"]) == (422, "invalid-request"), f"{endpoint}: {answer.text}"
        assert [error["parameter"] for error in answer.json()["errors"]] == ["query after"], endpoint


@pytest.mark.parametrize("limit", [" 1", "1 ", "+1", "1_0", "1.0", "\u0661", "", "true", "0x1"])
async def test_a_limit_is_written_as_json_writes_a_number(service: ServiceUnderTest, limit: str) -> None:
    for endpoint in of(service, "limit"):
        answer = await view(service, endpoint.url, limit=limit)
        refused(answer, "int_parsing")
        assert answer.json()["errors"][0]["parameter"] == "query limit", endpoint


async def test_every_view_of_a_project_that_is_not_known_says_so(service: ServiceUnderTest) -> None:
    if service.runtime.spec.name == "queue":  # leases are for who is registered
        registered = {"subject": "tester"}
        await service.client.post("/v1/annotators", headers=service.token(Role.ADMIN), json=registered)
    views = [endpoint for endpoint in of(service) if "{project_id}" in endpoint.path]
    for endpoint in views:
        project_id = uuid4()
        url = re.sub(r"\{version\}", "1", endpoint.path.replace("{project_id}", str(project_id)))
        answer = await view(service, re.sub(r"\{[^}]+\}", lambda _: str(uuid4()), url))
        assert (answer.status_code, answer.json()["type"]) == (404, "not-known-here"), f"{endpoint}: {answer.text}"
        assert answer.json()["detail"] == f"No project {project_id} is known here.", endpoint


@of_routes(lambda route: "{version}" in route.path)
async def test_a_number_in_the_path_is_one(endpoint: Endpoint) -> None:
    async with service_under_test(endpoint.service) as service:
        url = endpoint.path.replace("{project_id}", str(uuid4()))
        for version in ("%201", "+1", "1_0"):
            refused(await view(service, url.replace("{version}", version)), "int_parsing")
