"""How every endpoint is called: token first, then the body, then the endpoint, then the commit, then the answer."""

import dataclasses
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from contextvars import ContextVar
from copy import copy
from typing import Annotated, Any, Final

import orjson
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.params import Body, Form
from fastapi.routing import APIRoute, APIRouter
from pydantic import PlainValidator, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from shared.kit.auth import Guard
from shared.kit.bodies import (
    BODY_LIMIT_EXTENSION,
    FORMS,
    JSON,
    EdgeRequest,
    has_body,
    lift_body_limit,
    refuse_content_coding,
    require_media_type,
)
from shared.kit.problems import Problem, ProblemError

serving: Final[ContextVar[Request | None]] = ContextVar("serving", default=None)
"""The request that is being answered."""

OPENED: Final = "touchstone.opened"
"""Where a request keeps the stack of what its dependencies opened."""


class EdgeRoute(APIRoute):
    """A route that checks the token before it reads the body, reads the body as `EdgeRequest` does, and commits.

    What FastAPI would take for a body in vain, because of its media type, is refused, and so is a body in a content
    coding, and a query parameter that the endpoint doesn't have. JSON is read strictly: a number is no text, and true is
    no number. A handler that reads the request
    by itself declares by `require_media_type` what it takes.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        self.dependant.body_params = [strictly_read(field) for field in self.dependant.body_params]
        handle = super().get_route_handler()
        guards = guards_of(self.dependant)
        known = query_parameters_of(self.dependant)
        max_bytes: int | None = (self.openapi_extra or {}).get(BODY_LIMIT_EXTENSION)

        accepted = accepted_media_types(self)

        async def guarded(request: Request) -> Response:
            if max_bytes is not None:
                lift_body_limit(request, max_bytes)
            for guard in guards:
                await guard(request)
            if request.scope["query_string"]:
                refuse_unknown_parameters(request, known)
            if has_body(request):
                refuse_content_coding(request)
                if accepted:
                    require_media_type(request, *accepted)
            serving.set(request)
            # What a dependency opens (a transaction) is closed after the endpoint and before its answer is sent.
            async with AsyncExitStack() as opened:
                request.scope[OPENED] = opened
                return await handle(EdgeRequest(request.scope, request.receive))

        return guarded


def edge_router(*tags: str, prefix: str = "/v1") -> APIRouter:
    """A router whose routes are complete in themselves: `create_service_app` takes them as they are."""
    return APIRouter(prefix=prefix, tags=list(tags), route_class=EdgeRoute, generate_unique_id_function=operation_id)


def operation_id(route: APIRoute) -> str:
    """The endpoint's function name: stable, and unique within a service."""
    return route.name


def strictly_read(field: ModelField) -> ModelField:
    """The same parameter, read as the OpenAPI document declares it; a form has nothing but text and stays as it is.

    Read as JSON, not as Python's objects: there UUIDs, moments and members of an enumeration are texts.
    """
    info = field.field_info
    if isinstance(info, Form) or not isinstance(info, Body):
        return field
    kind: Any = info.annotation
    for constraint in info.metadata:
        kind = Annotated[kind, constraint]
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def read(value: Any) -> Any:
        return adapter.validate_json(orjson.dumps(value), strict=True)

    strict = copy(info)
    strict.metadata = [PlainValidator(read)]
    return dataclasses.replace(field, field_info=strict)


def accepted_media_types(route: APIRoute) -> tuple[str, ...]:
    """What the body that FastAPI parses for a route may be; nothing where it parses none."""
    if route.body_field is None:
        return ()
    return FORMS if isinstance(route.body_field.field_info, Form) else (JSON,)


def query_parameters_of(dependant: Dependant) -> frozenset[str]:
    """The names of the query parameters anywhere among an endpoint's dependencies."""
    own = frozenset(field.alias for field in dependant.query_params)
    return own.union(*(query_parameters_of(child) for child in dependant.dependencies))


def refuse_unknown_parameters(request: Request, known: frozenset[str]) -> None:
    """Raises the 422 problem: a filter that is not one would be answered with everything."""
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        takes = f"It takes {', '.join(sorted(known))}." if known else "It takes none."
        errors = [ProblemError(parameter="query", rule="unknown-parameter", detail=takes) for _ in unknown]
        raise Problem(
            422,
            "invalid-request",
            "The request breaks a rule.",
            f"A query parameter is unknown. {takes}",
            errors=errors,
        )


def guards_of(dependant: Dependant) -> list[Guard]:
    """The guards anywhere among an endpoint's dependencies."""
    found = [dependant.call] if isinstance(dependant.call, Guard) else []
    return found + [guard for child in dependant.dependencies for guard in guards_of(child)]
