"""No endpoint reads more of a body than it declares."""

from collections.abc import AsyncIterator

import httpx
import pytest

from shared.contracts.services import SERVICE_NAMES
from shared.contracts.values import Role
from shared.kit.bodies import DEFAULT_BODY_BYTES
from shared.kit.endpoints import EdgeRoute
from shared.kit.token_keys import mint_token
from tests.security.test_every_endpoint import app_of, routes_of
from tests.support.tokens import KEY

MIB = 1024 * 1024
BEYOND_THE_DEFAULT = {
    "ingest create_project": MIB,
    "ingest add_schema": MIB,
    "ingest add_guideline": MIB,
    "ingest send_records": None,
    "ingest send_feedback": None,
    "ingest upload_asset": None,
    "prelabel upload_model": 512 * MIB,
    "prelabel predict": None,
    "queue submit_annotation": MIB,
    "queue save_draft": MIB,
    "queue validate_answers": MIB,
    "qa place_gold": MIB,
    "qa place_gold_batch": None,
    **{f"{service} write_object": 5 * 1024**3 for service in SERVICE_NAMES},
}
"""In bytes; None: up to what the settings say."""

ROUTES = [
    pytest.param(service, method, route, id=f"{service} {route.name}")
    for service in SERVICE_NAMES
    for method, route in routes_of(service)
    if isinstance(route, EdgeRoute) and route.takes_body
]
HEADERS = {"Authorization": f"Bearer {mint_token(KEY, 'somebody', [Role.ADMIN])}"}


@pytest.mark.parametrize(("service", "method", "route"), ROUTES)
def test_what_is_more_than_the_default_is_known(service: str, method: str, route: EdgeRoute) -> None:
    assert route.largest_body == BEYOND_THE_DEFAULT.get(f"{service} {route.name}", DEFAULT_BODY_BYTES), method


@pytest.fixture(scope="module")
def clients() -> dict[str, httpx.AsyncClient]:
    return {
        name: httpx.AsyncClient(transport=httpx.ASGITransport(app_of(name)), base_url="http://service", headers=HEADERS)
        for name in SERVICE_NAMES
    }


@pytest.mark.parametrize(("service", "method", "route"), ROUTES)
async def test_a_body_beyond_what_is_declared_is_refused(
    clients: dict[str, httpx.AsyncClient], service: str, method: str, route: EdgeRoute
) -> None:
    """Announced: it is refused before a byte is read."""
    accepted, limit = route.media_types, route.largest_body
    if not accepted:
        return  # it is read by the endpoint itself

    async def unread() -> AsyncIterator[bytes]:
        yield b""
        raise AssertionError("it was read")

    length = (16 * MIB if limit is None else limit) + 1
    headers = {"Content-Length": str(length), "Content-Type": f"{accepted[0]}; boundary=x"}
    answer = await clients[service].request(
        method, route.path.replace("{", "").replace("}", ""), content=unread(), headers=headers
    )
    assert (answer.status_code, answer.json()["type"]) == (413, "body-too-large")
