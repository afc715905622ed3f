"""Schemathesis against every API: no 5xx, and no answer that the OpenAPI document doesn't know."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from shared.contracts.values import Role
from shared.kit.token_keys import mint_token
from tests.support.golden import golden_events, golden_ids, handled_by
from tests.support.served import served
from tests.support.service import ServiceUnderTest
from tests.support.tokens import KEY

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
EXAMPLES = 25
HEADERS = {"Authorization": f"Bearer {mint_token(KEY, 'schemathesis', [Role.ADMIN])}"}


few_examples = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", params=["ingest", "prelabel", "queue", "qa"])
def schema(request: pytest.FixtureRequest) -> Iterator[BaseSchema]:
    with served(request.param, prepare=_fill) as url:
        # Endless streams are tested apart.
        yield schemathesis.openapi.from_url(f"{url}/openapi.json").exclude(path_regex=r"/progress$|/metrics$")


async def _fill(service: ServiceUnderTest) -> None:
    """Something to be found: the events of the golden examples, or a project made by hand."""
    if service.runtime.spec.name == "ingest":
        answer = await service.client.post("/v1/projects", json={"name": "Letters"}, headers=HEADERS)
        assert answer.status_code == HTTPStatus.CREATED
    for event in golden_events():
        if (event.type, event.version) in handled_by(service):
            await service.deliver(event)


def _known_ids(url: str) -> dict[str, str]:
    """The ids that paths may name, as the service knows them."""
    known = {name: str(value) for name, value in golden_ids().items()}
    answer = httpx.get(f"{url}/v1/projects", headers=HEADERS)
    if answer.is_success and answer.json()["items"]:
        known["project_id"] = answer.json()["items"][0]["project_id"]
    return known


def _check(operation: APIOperation[Any, Any, Any, Any], known: dict[str, str]) -> None:
    @few_examples
    @given(operation.as_strategy(), st.booleans())
    def check(case: Case[Any], known_ids: bool) -> None:
        if "wait_s" in (case.query or {}):
            case.query["wait_s"] = 0  # endless waiting is tested apart
        if known_ids:
            case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        case.validate_response(case.call(headers=HEADERS, timeout=30), checks=CHECKS)

    check()


def test_every_answer_is_documented_and_none_is_a_fault(schema: BaseSchema) -> None:
    failures = []
    known = _known_ids(schema.get_base_url())
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        try:
            _check(operation, known)
        except (Failure, FailureGroup) as failure:
            failures.append(f"{operation.label}: {failure}")
        except BaseExceptionGroup as group:
            failures.append(f"{operation.label}: {group.exceptions}")
    assert not failures, "\n\n".join(failures)
