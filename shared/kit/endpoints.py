"""How every endpoint is called: token first, then the body, then the endpoint, then the commit, then the answer."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from contextvars import ContextVar
from typing import Any, Final

from fastapi.routing import APIRoute, APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from shared.kit.bodies import (
    BODY_LIMIT_EXTENSION,
    BODY_SETTING_EXTENSION,
    DEFAULT_BODY_BYTES,
    FORMS,
    JSON,
    EdgeRequest,
    apply_body_limit,
    has_body,
    name_holder,
    refuse_content_coding,
    require_media_type,
)
from shared.kit.caller_shares import current_caller
from shared.kit.endpoint_parameters import parameters_of, read_plain_numbers, read_strictly
from shared.kit.problems import Problem, ProblemError

serving: Final[ContextVar[Request | None]] = ContextVar("serving", default=None)
"""The request that is being answered."""

OPENED: Final = "touchstone.opened"
"""Where a request keeps the stack of what its dependencies opened."""


class EdgeRoute(APIRoute):
    """A route that checks the token before it reads the body, reads the body as `EdgeRequest` does, and commits.

    What FastAPI would take for a body in vain, because of its media type, is refused, and so is a body in a content
    coding or where none is taken, and a query parameter that the endpoint doesn't have or that is given twice. JSON is read strictly: a number is no text, and true is
    no number; a number in the path, the query or a header is written as in JSON. A form has the parts that are declared, each
    once. A handler that reads the request by itself declares it as `requestBody` of `openapi_extra`, and checks by `require_media_type` what it is.

    `parameters` are what it takes, and `reader` reads its JSON; `media_types` what the body that FastAPI parses may be, none where it parses none.
    `takes_body`: FastAPI parses one, or the endpoint declares one that it reads by itself. `form_parts`: those that FastAPI
    reads, or those declared for an own reader. `largest_body`, in bytes, is None where the setting says it, or the endpoint
    itself.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Raises TypeError for an endpoint with parameters that it can't have here."""
        extra = options.get("openapi_extra") or {}
        self.parameters = parameters_of(endpoint, path, options.get("dependencies") or ())
        body = self.parameters.body
        self.reader = None if body is None else read_strictly(endpoint, body)
        read_plain_numbers(endpoint, path, options.get("dependencies") or ())
        self.media_types = (JSON,) if body is not None else FORMS if self.parameters.form else ()
        self.takes_body = bool(self.media_types) or "requestBody" in extra
        self.form_parts = self.parameters.form or tuple(_declared_parts(extra))
        self.largest_body: int | None = (
            None if BODY_SETTING_EXTENSION in extra else extra.get(BODY_LIMIT_EXTENSION, DEFAULT_BODY_BYTES)
        )
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        guards, known = self.parameters.guards, self.parameters.queries
        max_bytes, accepted, takes = self.largest_body, self.media_types, self.takes_body
        reader, parts = self.reader, self.form_parts

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


def endpoints_of(routes: Iterable[BaseRoute]) -> list[EdgeRoute]:
    """The endpoints among these routes."""
    return [route for route in routes if isinstance(route, EdgeRoute)]


def _declared_parts(openapi_extra: Mapping[str, Any]) -> Iterable[str]:
    content = openapi_extra.get("requestBody", {}).get("content", {})
    return (name for form in FORMS for name in content.get(form, {}).get("schema", {}).get("properties", ()))


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
