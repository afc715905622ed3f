"""What the kit takes an endpoint's parameters for is what FastAPI takes them for, whose document is made from its own inspection."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.contracts.services import SERVICE_NAMES
from shared.kit.bodies import FORMS, JSON
from shared.kit.endpoints import EdgeRoute, endpoints_of
from tests.security.test_every_endpoint import app_of

CHANGED = "FastAPI reads a signature otherwise than shared/kit/endpoint_parameters.py"


def _operations() -> Iterator[Any]:
    for service in SERVICE_NAMES:
        app = app_of(service)
        document = app.openapi()
        for route in endpoints_of(app.routes):
            for method in sorted(route.methods or ()):
                operation = document["paths"].get(route.path_format, {}).get(method.lower())
                yield pytest.param(route, operation, document, id=f"{service} {route.name}")


each_operation = pytest.mark.parametrize(("route", "operation", "document"), list(_operations()))


@each_operation
def test_every_endpoint_is_in_the_document(route: EdgeRoute, operation: Any, document: Any) -> None:
    assert operation is not None


def _is_list(schema: dict[str, Any]) -> bool:
    return any(each.get("type") == "array" for each in (schema, *schema.get("anyOf", ())))


@each_operation
def test_query_parameters_are_those_of_the_document(route: EdgeRoute, operation: Any, document: Any) -> None:
    declared = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    assert route.parameters.queries == {each["name"]: _is_list(each["schema"]) for each in declared}, CHANGED


@each_operation
def test_the_body_is_that_of_the_document(route: EdgeRoute, operation: Any, document: Any) -> None:
    content = operation.get("requestBody", {}).get("content", {})
    assert route.takes_body is bool(content), CHANGED
    extra = (route.openapi_extra or {}).get("requestBody", {}).get("content", {})
    own = "schema" in extra.get(JSON, {})
    assert (JSON in content and not own) is (route.reader is not None), CHANGED
    parts = set[str]()
    for form in FORMS:
        schema = content.get(form, {}).get("schema", {})
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        parts |= schema.get("properties", {}).keys()
    assert set(route.form_parts) == parts, CHANGED


@each_operation
def test_a_token_is_asked_for_where_the_document_says_so(route: EdgeRoute, operation: Any, document: Any) -> None:
    assert bool(route.parameters.guards) is bool(operation.get("security")), CHANGED
