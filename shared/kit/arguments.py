"""Where the arguments of an endpoint come from, as FastAPI found out from its signature.

FastAPI's own solver looks everything up again for each request, with what no endpoint here has: dependencies that are
generators, run in threads, are overridden or have dependencies themselves, and background tasks. Those are refused when the
application is made.
"""

from collections.abc import Callable, Coroutine, Sequence
from inspect import iscoroutinefunction
from typing import Any, Final

from fastapi._compat import ModelField, Undefined
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_body_to_args, request_params_to_args
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

NO_BODY: Final = Undefined
"""What stands for the body of a request that has none."""

_UNUSED: Final = (
    "websocket_param_name",
    "http_connection_param_name",
    "background_tasks_param_name",
    "security_scopes_param_name",
)


class Arguments:
    """The arguments of one endpoint, the results of these of its dependencies among them.

    `embedded`: the body is an object or a form with a member for each parameter, not one parameter's whole value.
    """

    def __init__(self, dependant: Dependant, dependencies: Sequence[Dependant], *, embedded: bool) -> None:
        self._own = _Parameters(dependant)
        self._dependencies = [(child.name, _asynchronous(child), _Parameters(child)) for child in dependencies]
        self._body = dependant.body_params
        self._embedded = embedded
        self._whole = None if embedded or len(self._body) != 1 else self._body[0]
        self.takes_response = dependant.response_param_name is not None

    async def find(self, request: Request, body: Any, response: Response | None) -> dict[str, Any]:
        """The arguments by name. The dependencies are called once all parameters are valid.

        Raises:
            RequestValidationError: some of the parameters or the body are not valid.
        """
        errors: list[Any] = []
        of_dependencies = [parameters.find(request, response, errors) for _, _, parameters in self._dependencies]
        values = self._own.find(request, response, errors)
        if self._whole is not None and body is not NO_BODY:
            values[self._whole.name], found = self._whole.validate(body, values, loc=("body",))
            errors += found
        elif self._body:
            of_body, found = await request_body_to_args(self._body, body, self._embedded)
            values |= of_body
            errors += found
        if errors:
            raise RequestValidationError(errors, body=None if body is NO_BODY else body)
        for (name, call, _), arguments in zip(self._dependencies, of_dependencies, strict=True):
            found = await call(**arguments)
            if name is not None:
                values[name] = found
        return values


class _Parameters:
    """The parameters of a function that the request itself has, but for its body."""

    def __init__(self, dependant: Dependant) -> None:
        unused = [name for name in _UNUSED if getattr(dependant, name) is not None]
        if unused:
            raise TypeError(f"{dependant.call}: its {unused[0]} is not supported")
        self._path = dependant.path_params
        self._others: list[tuple[list[ModelField], str]] = [
            (fields, place)
            for fields, place in (
                (dependant.query_params, "query_params"),
                (dependant.header_params, "headers"),
                (dependant.cookie_params, "cookies"),
            )
            if fields
        ]
        self._request = dependant.request_param_name
        self._response = dependant.response_param_name

    def find(self, request: Request, response: Response | None, errors: list[Any]) -> dict[str, Any]:
        """The values by name; what is wrong with them is added to the errors."""
        values: dict[str, Any] = {}
        for field in self._path:
            value, found = field.validate(request.path_params[field.alias], values, loc=("path", field.alias))
            values[field.name] = value
            errors += found
        for fields, place in self._others:
            these, found = request_params_to_args(fields, getattr(request, place))
            values |= these
            errors += found
        if self._request is not None:
            values[self._request] = request
        if self._response is not None:
            values[self._response] = response
        return values


def _asynchronous(dependency: Dependant) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The dependency's function. Raises TypeError for one that can't simply be called and awaited."""
    call: Any = dependency.call
    if not iscoroutinefunction(call) and not iscoroutinefunction(getattr(call, "__call__", None)):  # noqa: B004
        raise TypeError(f"{call}: a dependency is a coroutine function")
    if dependency.dependencies or dependency.body_params:
        raise TypeError(f"{call}: a dependency has no dependencies and no body")
    return call  # type: ignore[no-any-return]
