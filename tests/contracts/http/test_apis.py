"""Schemathesis against every API: no 5xx, and no answer that the OpenAPI document doesn't know."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from shared.contracts.values import Role
from shared.kit.auth import mint_token
from tests.support.served import served
from tests.support.service import KEY

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
HEADERS = {"Authorization": f"Bearer {mint_token(KEY, 'schemathesis', [Role.ADMIN])}"}


def _schema(service: str) -> Iterator[BaseSchema]:
    with served(service) as url:
        # Endless streams are tested apart.
        yield schemathesis.openapi.from_url(f"{url}/openapi.json").exclude(path_regex=r"/progress$|/metrics$")


@pytest.fixture(scope="module")
def ingest_api() -> Iterator[BaseSchema]:
    yield from _schema("ingest")


@pytest.fixture(scope="module")
def prelabel_api() -> Iterator[BaseSchema]:
    yield from _schema("prelabel")


@pytest.fixture(scope="module")
def queue_api() -> Iterator[BaseSchema]:
    yield from _schema("queue")


@pytest.fixture(scope="module")
def qa_api() -> Iterator[BaseSchema]:
    yield from _schema("qa")


def _check(case: Case) -> None:
    response: Any = case.call(headers=HEADERS, timeout=30)
    case.validate_response(response, checks=CHECKS)


few_examples = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@schemathesis.pytest.from_fixture("ingest_api").parametrize()
@few_examples
def test_ingest_answers_as_documented(case: Case) -> None:
    _check(case)


@schemathesis.pytest.from_fixture("prelabel_api").parametrize()
@few_examples
def test_prelabel_answers_as_documented(case: Case) -> None:
    _check(case)


@schemathesis.pytest.from_fixture("queue_api").parametrize()
@few_examples
def test_queue_answers_as_documented(case: Case) -> None:
    _check(case)


@schemathesis.pytest.from_fixture("qa_api").parametrize()
@few_examples
def test_qa_answers_as_documented(case: Case) -> None:
    _check(case)
