"""Every answer tells browsers to guess, keep and run nothing."""

import base64
import hashlib
import re

import httpx
import pytest
from fastapi import FastAPI

from shared.contracts.services import SERVICE_NAMES
from tests.security.test_every_endpoint import ENDPOINTS, app_of

PATHS = (
    "/live",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/docs/swagger-ui.css",
    "/docs/none.js",
    "/v1/nowhere",
    "/v1/%00",
)
API_POLICY = "default-src 'none'; frame-ancestors 'none'"


@pytest.fixture(scope="module", params=SERVICE_NAMES)
def app(request: pytest.FixtureRequest) -> FastAPI:
    """The service without its database: it is asked for what needs none."""
    return app_of(request.param)


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


def is_protected(answer: httpx.Response) -> None:
    for name in ("x-content-type-options", "cache-control", "content-security-policy"):
        assert len(answer.headers.get_list(name)) == 1, (answer.request.url, name)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", PATHS)
async def test_an_answer_without_a_token_is_protected(app: FastAPI, path: str) -> None:
    async with client_of(app) as client:
        is_protected(await client.get(path))


async def test_every_refusal_is_protected_and_kept_nowhere(app: FastAPI) -> None:
    async with client_of(app) as client:
        for endpoint in ENDPOINTS:
            if endpoint.service == app.state.runtime.spec.name:
                answer = await client.request(endpoint.method, endpoint.url)
                is_protected(answer)
                assert answer.headers["cache-control"] == "no-store"
                assert answer.headers["content-security-policy"] == API_POLICY


async def test_what_says_how_long_it_may_be_kept_is_believed(app: FastAPI) -> None:
    async with client_of(app) as client:
        assert "immutable" in (await client.get("/docs/swagger-ui.css")).headers["cache-control"]


async def test_the_documentation_runs_its_own_scripts_alone(app: FastAPI) -> None:
    async with client_of(app) as client:
        page = await client.get("/docs")
    directives = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    (inline,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    assert directives["script-src"] == f"'self' 'sha256-{digest}'"
    assert directives["connect-src"] == "'self'"
