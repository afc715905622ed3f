"""An endpoint takes what it declares and nothing else: what it doesn't know is refused, not ignored."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from shared.contracts.services import SERVICE_NAMES
from shared.contracts.values import Role
from shared.kit.endpoints import EdgeRoute
from shared.kit.token_keys import mint_token
from tests.security.test_every_endpoint import ENDPOINTS, Endpoint, app_of, routes_of
from tests.support.service import ServiceUnderTest, service_under_test
from tests.support.tokens import KEY

FORM = "multipart/form-data"
HEADERS = {"Authorization": f"Bearer {mint_token(KEY, 'somebody', [Role.ADMIN])}"}
ROUTES: dict[tuple[str, str, str], EdgeRoute] = {
    (service, method, route.path): route
    for service in SERVICE_NAMES
    for method, route in routes_of(service)
    if isinstance(route, EdgeRoute)
}
each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)


def route_of(endpoint: Endpoint) -> EdgeRoute:
    return ROUTES[endpoint.service, endpoint.method, endpoint.path]


def of_routes(chosen: Callable[[EdgeRoute], object]) -> pytest.MarkDecorator:
    endpoints = [endpoint for endpoint in ENDPOINTS if chosen(route_of(endpoint))]
    assert endpoints
    return pytest.mark.parametrize("endpoint", endpoints, ids=str)


@pytest.fixture(scope="module")
def clients() -> dict[str, httpx.AsyncClient]:
    """The services without their databases: what is refused here is refused before one is needed."""
    return {
        name: httpx.AsyncClient(transport=httpx.ASGITransport(app_of(name)), base_url="http://service", headers=HEADERS)
        for name in SERVICE_NAMES
    }


def refused(answer: httpx.Response, rule: str) -> None:
    assert answer.status_code == 422, answer.text
    assert [error["rule"] for error in answer.json()["errors"]] == [rule]


@each_endpoint
async def test_an_unknown_query_parameter_is_refused(clients: dict[str, httpx.AsyncClient], endpoint: Endpoint) -> None:
    answer = await clients[endpoint.service].request(endpoint.method, endpoint.url, params={"unknown": "1"})
    refused(answer, "unknown-parameter")


@of_routes(lambda route: route.parameters.queries)
async def test_a_repeated_query_parameter_is_refused(clients: dict[str, httpx.AsyncClient], endpoint: Endpoint) -> None:
    """The last one would win silently."""
    for name, is_list in route_of(endpoint).parameters.queries.items():
        if not is_list:
            answer = await clients[endpoint.service].request(
                endpoint.method, endpoint.url, params=[(name, "1"), (name, "2")]
            )
            refused(answer, "repeated-parameter")


@of_routes(lambda route: not route.takes_body)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_is_refused_where_none_is_taken(
    clients: dict[str, httpx.AsyncClient], endpoint: Endpoint, chunked: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"[1]"

    content = pieces() if chunked else b"[1]"
    answer = await clients[endpoint.service].request(endpoint.method, endpoint.url, content=content)
    refused(answer, "unknown-body")


@of_routes(lambda route: route.reader)
def test_an_unknown_field_of_a_body_is_refused(endpoint: Endpoint) -> None:
    reader = route_of(endpoint).reader
    assert reader is not None
    with pytest.raises(ValidationError) as refusal:
        reader.read(b'{"unknown": 1}')
    assert ("extra_forbidden", ("unknown",)) in {(error["type"], error["loc"]) for error in refusal.value.errors()}


DOCUMENTS: dict[str, dict[str, Any]] = {service: app_of(service).openapi() for service in SERVICE_NAMES}


def _form_parts(endpoint: Endpoint) -> list[str]:
    """The parts of the form that the OpenAPI document lists for an endpoint."""
    document = DOCUMENTS[endpoint.service]
    operation = document["paths"][endpoint.path][endpoint.method.lower()]
    schema = operation.get("requestBody", {}).get("content", {}).get(FORM, {}).get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return list(schema.get("properties", ()))


WITH_FORMS = {endpoint: parts for endpoint in ENDPOINTS if (parts := _form_parts(endpoint))}


@pytest.fixture(scope="module", params=sorted({endpoint.service for endpoint in WITH_FORMS}))
async def form_service(request: pytest.FixtureRequest) -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test(request.param) as service:
        yield service


def test_forms_are_found_however_they_are_read() -> None:
    assert {endpoint.service for endpoint in WITH_FORMS} == {"ingest", "prelabel"}


@pytest.mark.parametrize("filename", [None, "a.png"])
async def test_an_unknown_or_repeated_part_of_a_form_is_refused(
    form_service: ServiceUnderTest, filename: str | None
) -> None:
    for endpoint, parts in WITH_FORMS.items():
        if endpoint.service != form_service.runtime.spec.name:
            continue
        for more, rule in [("unknown", "extra_forbidden"), *((name, "given-twice") for name in parts)]:
            files = [(name, (filename, b"1")) for name in [*parts, more]]
            answer = await form_service.client.request(
                endpoint.method, endpoint.url, files=files, headers=form_service.token(Role.ADMIN)
            )
            refused(answer, rule)
            assert answer.json()["errors"][0]["pointer"] == f"/{more}"
