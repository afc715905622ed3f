"""Every endpoint of every service refuses who may not call it."""

import importlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from fastapi import FastAPI

from shared.contracts.services import SERVICE_NAMES
from shared.contracts.values import Role
from shared.kit.auth import LOCAL_ISSUER
from shared.kit.endpoints import EdgeRoute
from shared.kit.settings import settings_class
from shared.kit.token_keys import TokenKey, mint_token
from tests.support.service import ServiceUnderTest, service_under_test, settings_for
from tests.support.tokens import KEY

PUBLIC = {"/live", "/ready", "/metrics", "/docs", "/docs/{name}", "/openapi.json", "/v1/objects/{key:path}"}


@dataclass(frozen=True)
class Endpoint:
    service: str
    method: str
    path: str
    roles: frozenset[str]
    whole_suite: bool

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.path}"

    @property
    def url(self) -> str:
        return re.sub(r"\{[^}]+\}", lambda _: str(uuid4()), self.path)


def app_of(service: str) -> FastAPI:
    package = f"services.{service}"
    create_app = importlib.import_module(f"{package}.main").create_app
    app: FastAPI = create_app(settings_for(settings_class(package), "postgresql://nobody@127.0.0.1:1/none"))
    return app


def routes_of(service: str) -> Iterator[tuple[str, EdgeRoute | Any]]:
    for route in app_of(service).routes:
        for method in sorted(getattr(route, "methods", None) or ()):
            if method != "HEAD":
                yield method, route


def _endpoints() -> Iterator[Endpoint]:
    for service in SERVICE_NAMES:
        for method, route in routes_of(service):
            if route.path not in PUBLIC:
                guards = route.parameters.guards if isinstance(route, EdgeRoute) else ()
                roles = [guard.roles for guard in guards]
                declared = frozenset[str]().union(*roles)
                yield Endpoint(service, method, route.path, declared, any(guard.whole_suite for guard in guards))


ENDPOINTS = tuple(_endpoints())
OF_THE_WHOLE_SUITE = {
    "ingest POST /v1/projects",
    "queue GET /v1/annotators",
    "queue POST /v1/annotators",
    "queue GET /v1/annotators/{annotator_id}",
    "queue PATCH /v1/annotators/{annotator_id}",
    "queue POST /v1/actors",
}
each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)


@pytest.fixture(scope="module")
async def services() -> AsyncIterator[dict[str, ServiceUnderTest]]:
    async with (
        service_under_test("ingest") as ingest,
        service_under_test("prelabel") as prelabel,
        service_under_test("queue") as queue,
        service_under_test("qa") as qa,
    ):
        yield {"ingest": ingest, "prelabel": prelabel, "queue": queue, "qa": qa}


async def _call(services: dict[str, ServiceUnderTest], endpoint: Endpoint, token: str | None) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await services[endpoint.service].client.request(endpoint.method, endpoint.url, headers=headers)


async def _status(services: dict[str, ServiceUnderTest], endpoint: Endpoint, token: str | None) -> int:
    return (await _call(services, endpoint, token)).status_code


def _token(**changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": LOCAL_ISSUER, "aud": "touchstone", "sub": "mallory", "roles": [*Role], "iat": 1, "exp": 4_000_000_000,
    }  # fmt: skip
    claims.update(changes)
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, KEY.private, algorithm="EdDSA", headers={"kid": KEY.kid})


def _unsigned(token: str) -> str:
    _, claims, _ = token.split(".")
    header = jwt.encode({}, "", algorithm="none").split(".")[0]
    return f"{header}.{claims}."


UNTRUSTED = {
    "absent": None,
    "rubbish": "not-a-token",
    "forged": mint_token(TokenKey.create(), "mallory", list(Role)),
    "unsigned": _unsigned(_token()),
    "expired": _token(exp=2),
    "endless": _token(exp=None),
    "of another audience": _token(aud="elsewhere"),
    "of another issuer": _token(iss="elsewhere"),
    "nobody's": _token(sub=None),
}


def test_every_service_has_endpoints() -> None:
    assert {endpoint.service for endpoint in ENDPOINTS} == set(SERVICE_NAMES)


@each_endpoint
def test_every_endpoint_declares_its_roles(endpoint: Endpoint) -> None:
    assert endpoint.roles, f"{endpoint} may be called by any token"
    assert endpoint.roles <= set(Role)


@each_endpoint
@pytest.mark.parametrize("kind", UNTRUSTED)
async def test_an_untrusted_token_is_refused(
    services: dict[str, ServiceUnderTest], endpoint: Endpoint, kind: str
) -> None:
    assert await _status(services, endpoint, UNTRUSTED[kind]) == 401


@each_endpoint
async def test_a_wrong_role_is_refused_with_those_that_would_do(
    services: dict[str, ServiceUnderTest], endpoint: Endpoint
) -> None:
    would_do = f"One of: {', '.join(sorted(endpoint.roles | {Role.ADMIN}))}."
    for role in set(Role) - endpoint.roles - {Role.ADMIN}:
        refused = await _call(services, endpoint, mint_token(KEY, "mallory", [role]))
        assert (refused.status_code, refused.json()["detail"]) == (403, would_do), role


@each_endpoint
async def test_a_token_of_another_project_is_refused(services: dict[str, ServiceUnderTest], endpoint: Endpoint) -> None:
    """Without a body or a thing of that id; `test_things_of_other_projects` asks for things that are there."""
    elsewhere = mint_token(KEY, "mallory", [*endpoint.roles], [uuid4()])
    status = await _status(services, endpoint, elsewhere)
    if "{project_id}" in endpoint.path or endpoint.whole_suite:
        assert status == 403
    elif "{" in endpoint.path:
        assert status in {400, 403, 404, 422}
    else:
        assert status < 500


def test_what_governs_the_whole_suite_is_known() -> None:
    assert {str(endpoint) for endpoint in ENDPOINTS if endpoint.whole_suite} == OF_THE_WHOLE_SUITE


@each_endpoint
async def test_what_governs_the_whole_suite_refuses_even_an_admin_of_some_projects(
    services: dict[str, ServiceUnderTest], endpoint: Endpoint
) -> None:
    if endpoint.whole_suite:
        assert await _status(services, endpoint, mint_token(KEY, "mallory", [Role.ADMIN], [uuid4()])) == 403
