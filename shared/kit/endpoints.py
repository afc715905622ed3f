"""How every endpoint is called: token first, then the body, then the endpoint, then the commit, then the answer."""

import dataclasses
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from contextvars import ContextVar
from copy import copy
from functools import partial
from typing import Annotated, Any, Final, NamedTuple, get_args

import orjson
from fastapi._compat import ModelField, field_annotation_is_sequence
from fastapi.dependencies.models import Dependant
from fastapi.params import Body, Form
from fastapi.routing import APIRoute, APIRouter
from pydantic import BeforeValidator, PlainValidator
from starlette.requests import Request
from starlette.responses import Response

from shared.contracts.rules import NUMBER, WHOLE_NUMBER
from shared.contracts.values import BrokenRule
from shared.kit.auth import Guard
from shared.kit.bodies import (
    BODY_LIMIT_EXTENSION,
    BODY_SETTING_EXTENSION,
    DEFAULT_BODY_BYTES,
    FORMS,
    JSON,
    EdgeRequest,
    ReadBody,
    apply_body_limit,
    has_body,
    name_holder,
    refuse_content_coding,
    require_media_type,
)
from shared.kit.caller_shares import current_caller
from shared.kit.problems import Problem, ProblemError
from shared.kit.strict_reader import StrictReader

serving: Final[ContextVar[Request | None]] = ContextVar("serving", default=None)
"""The request that is being answered."""

OPENED: Final = "touchstone.opened"
"""Where a request keeps the stack of what its dependencies opened."""


class EdgeRoute(APIRoute):
    """A route that checks the token before it reads the body, reads the body as `EdgeRequest` does, and commits.

    What FastAPI would take for a body in vain, because of its media type, is refused, and so is a body in a content
    coding or where none is taken, and a query parameter that the endpoint doesn't have or that is given twice. JSON is read strictly: a number is no text, and true is
    no number; a number in the path, the query or a header is written as in JSON. A form has the parts that are declared, each
    once. A handler that reads the request
    by itself declares it as `requestBody` of `openapi_extra`, and checks by `require_media_type` what it is.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        reader = reader_of(self.dependant.body_params)
        self.dependant.body_params = [strictly_read(field) for field in self.dependant.body_params]
        read_plain_numbers(self.dependant)
        handle = super().get_route_handler()
        guards = guards_of(self.dependant)
        known = query_parameters_of(self.dependant)
        max_bytes = largest_body(self)

        accepted = accepted_media_types(self)
        takes = takes_body(self)
        parts = form_parts_of(self)

        async def guarded(request: Request) -> Response:
            if max_bytes is not None:
                apply_body_limit(request, max_bytes)
            for guard in guards:
                principal = await guard(request)
                name_holder(request, principal.subject)
                current_caller.set(principal.subject)
            if guards and (rate := request.app.state.subject_rate) is not None:
                rate.take(request.scope, principal.subject)
            if request.scope["query_string"]:
                check_query(request, known)
            if has_body(request):
                if not takes:
                    await refuse_body(request)
                refuse_content_coding(request)
                if accepted:
                    require_media_type(request, *accepted)
            serving.set(request)
            # What a dependency opens (a transaction) is closed after the endpoint and before its answer is sent.
            async with AsyncExitStack() as opened:
                request.scope[OPENED] = opened
                return await handle(EdgeRequest(request.scope, request.receive, reader, parts))

        return guarded


def edge_router(*tags: str, prefix: str = "/v1") -> APIRouter:
    """A router whose routes are complete in themselves: `create_service_app` takes them as they are."""
    return APIRouter(prefix=prefix, tags=list(tags), route_class=EdgeRoute, generate_unique_id_function=operation_id)


def operation_id(route: APIRoute) -> str:
    """The endpoint's function name: stable, and unique within a service."""
    return route.name


def strictly_read(field: ModelField) -> ModelField:
    """The same parameter, read as the OpenAPI document declares it; a form has nothing but text and stays as it is."""
    info = field.field_info
    if isinstance(info, Form) or not isinstance(info, Body):
        return field
    reader = _strict_reader(info)

    def read(value: Any) -> Any:
        return value.take() if isinstance(value, ReadBody) else reader.read(orjson.dumps(value))

    strict = copy(info)
    strict.metadata = [PlainValidator(read)]
    return dataclasses.replace(field, field_info=strict)


class _NumberForm(NamedTuple):
    """How a number is written, and what is said of one that isn't written so."""

    written: re.Pattern[str]
    rule: str
    detail: str


_NUMBERS: Final[Mapping[Any, _NumberForm]] = {
    int: _NumberForm(re.compile(r"-?[0-9]+"), "int_parsing", WHOLE_NUMBER),
    float: _NumberForm(re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"), "float_parsing", NUMBER),
}


def read_plain_numbers(dependant: Dependant) -> None:
    """Have the numbers among the parameters of an endpoint and its dependencies read as JSON writes them.

    Pydantic takes a text for a number, too, that has blanks around it, a plus before it or underscores in it.
    """
    for place in ("path_params", "query_params", "header_params"):
        setattr(dependant, place, [_plainly_read(field) for field in getattr(dependant, place)])
    for child in dependant.dependencies:
        read_plain_numbers(child)


def _plainly_read(field: ModelField) -> ModelField:
    kinds = get_args(field.field_info.annotation) or (field.field_info.annotation,)
    for kind, form in _NUMBERS.items():
        if kind in kinds:
            info = copy(field.field_info)
            info.metadata = [*info.metadata, BeforeValidator(partial(_check_number, form))]
            return dataclasses.replace(field, field_info=info)
    return field


def _check_number(form: _NumberForm, value: Any) -> Any:
    if isinstance(value, str) and not form.written.fullmatch(value):
        raise BrokenRule(form.detail, rule=form.rule)
    return value


def reader_of(fields: Sequence[ModelField]) -> StrictReader | None:
    """What makes of a body's JSON the one parameter that takes all of it; None where there is no such parameter."""
    if len(fields) != 1:
        return None
    info = fields[0].field_info
    return None if isinstance(info, Form) or not isinstance(info, Body) or info.embed else _strict_reader(info)


def _strict_reader(info: Body) -> StrictReader:
    kind: Any = info.annotation
    for constraint in info.metadata:
        kind = Annotated[kind, constraint]
    return StrictReader(kind)


def accepted_media_types(route: APIRoute) -> tuple[str, ...]:
    """What the body that FastAPI parses for a route may be; nothing where it parses none."""
    if route.body_field is None:
        return ()
    return FORMS if isinstance(route.body_field.field_info, Form) else (JSON,)


def takes_body(route: APIRoute) -> bool:
    """Whether FastAPI parses a body, or the endpoint declares one that it reads by itself."""
    return route.body_field is not None or "requestBody" in (route.openapi_extra or {})


def form_parts_of(route: APIRoute) -> tuple[str, ...]:
    """The names of the parts of a route's form: those that FastAPI reads, or those declared for an own reader."""
    if accepted_media_types(route) == FORMS:
        return tuple(field.alias for field in route.dependant.body_params)
    content = (route.openapi_extra or {}).get("requestBody", {}).get("content", {})
    return tuple(name for form in FORMS for name in content.get(form, {}).get("schema", {}).get("properties", ()))


def largest_body(route: APIRoute) -> int | None:
    """How many bytes a route's body may have; None where the setting says it, or the endpoint itself."""
    extra = route.openapi_extra or {}
    if BODY_SETTING_EXTENSION in extra:
        return None
    limit: int = extra.get(BODY_LIMIT_EXTENSION, DEFAULT_BODY_BYTES)
    return limit


def query_parameters_of(dependant: Dependant) -> dict[str, bool]:
    """The query parameters anywhere among an endpoint's dependencies, and whether they may be repeated."""
    found = {field.alias: field_annotation_is_sequence(field.field_info.annotation) for field in dependant.query_params}
    for child in dependant.dependencies:
        found |= query_parameters_of(child)
    return found


def check_query(request: Request, known: Mapping[str, bool]) -> None:
    """Raises the 422 problem.

    A filter that is not one would be answered with everything, and of one that is given twice the last would count.
    """
    given = request.query_params
    if len(given) == len(given.multi_items()) and known.keys() >= given.keys():
        return
    takes = f"It takes {', '.join(sorted(known))}." if known else "It takes none."
    errors = [
        ProblemError(parameter="query", rule="unknown-parameter", detail=takes) for name in given if name not in known
    ]
    repeated = [name for name in given if not known.get(name, True) and len(given.getlist(name)) > 1]
    errors += [ProblemError(parameter=name, rule="repeated-parameter", detail="It is given once.") for name in repeated]
    if errors:
        detail = (
            f"A query parameter is unknown. {takes}" if len(errors) > len(repeated) else f"{repeated[0]} is repeated."
        )
        raise Problem(422, "invalid-request", "The request breaks a rule.", detail, errors=errors)


_NOTHING: Final = {b"", b"{}"}


async def refuse_body(request: Request) -> None:
    """Raises the 422 problem, unless the body is empty, or an object without members, which many programs always send."""
    if await request.body() not in _NOTHING:
        raise Problem(
            422,
            "invalid-request",
            "The request breaks a rule.",
            "This takes no body.",
            errors=[ProblemError(parameter="body", rule="unknown-body", detail="This takes no body.")],
        )


def guards_of(dependant: Dependant) -> list[Guard]:
    """The guards anywhere among an endpoint's dependencies."""
    found = [dependant.call] if isinstance(dependant.call, Guard) else []
    return found + [guard for child in dependant.dependencies for guard in guards_of(child)]
