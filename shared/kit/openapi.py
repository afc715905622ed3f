"""The OpenAPI document of a service: stable operation ids, every refusal as a problem, roles on every operation."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response

from shared.kit.auth import Guard
from shared.kit.endpoints import EdgeRoute, endpoints_of
from shared.kit.problems import ProblemDocument, responses

OPENAPI_PATH: Final = "/openapi.json"


def install(app: FastAPI) -> None:
    """Let the application describe itself so; for one that was made with `openapi_url=None`."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = document(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]
    _serve_as_bytes(app)


def _serve_as_bytes(app: FastAPI) -> None:
    """Write the document once: FastAPI would for every request, which takes milliseconds and needs no token."""
    written: list[bytes] = []

    async def openapi(request: Request) -> Response:
        if not written:
            root_path = request.scope.get("root_path", "").rstrip("/")
            servers = {"servers": [{"url": root_path}]} if root_path else {}
            written.append(orjson.dumps(app.openapi() | servers))
        return Response(written[0], media_type="application/json")

    app.router.add_route(OPENAPI_PATH, openapi, include_in_schema=False)


def document(app: FastAPI) -> dict[str, Any]:
    whole = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schemas = whole.setdefault("components", {}).setdefault("schemas", {})
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    whole["components"]["schemas"] = dict(sorted(schemas.items()))
    for route in endpoints_of(app.routes):
        if route.include_in_schema:
            for method in route.methods or ():
                operation = whole["paths"].get(route.path_format, {}).get(method.lower())
                if operation is not None:
                    _complete(operation, route)
    return whole


def _complete(operation: dict[str, Any], route: EdgeRoute) -> None:
    answers: dict[str, Any] = operation.setdefault("responses", {})
    statuses = [400, 422, 429, 500, 503]
    guards = route.parameters.guards
    if guards:
        statuses += [401, 403]
        roles = frozenset[str]().union(*(guard.roles for guard in guards))
        operation["x-roles"] = sorted(str(role) for role in roles)
    if _is_fastapis(answers.get("422")):
        del answers["422"]
    if "requestBody" in operation:
        statuses += [408, 413, 415]
    documented: Mapping[int | str, Any] = responses(*statuses)
    for status, answer in documented.items():
        answers.setdefault(str(status), answer)
    if guards:
        answers["403"]["description"] = _who_may(guards)
    operation["responses"] = dict(sorted(answers.items()))


def _who_may(guards: Sequence[Guard]) -> str:
    """What a 403 means here, with the roles that would do."""
    needed = [f"one of the roles {', '.join(guard.roles_that_do)}" for guard in guards if guard.roles]
    if any(guard.whole_suite for guard in guards):
        needed.append("a token that isn't limited to projects")
    needed.append("a token that isn't limited to other projects")
    return f"The token doesn't allow this. It takes {', and '.join(needed)}."


def _is_fastapis(answer: Any) -> bool:
    return answer is not None and "HTTPValidationError" in str(answer)
