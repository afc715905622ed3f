"""From a path to its endpoint."""

from collections.abc import Sequence

from starlette._utils import get_route_path
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.kit.endpoints import EdgeRoute


class Dispatch:
    """Calls the first endpoint that has the path and the method; everything else goes to the router, which answers it.

    Starlette's router asks each route in turn, which parses the path anew and copies the scope.
    """

    def __init__(self, routes: Sequence[BaseRoute], router: ASGIApp) -> None:
        self._router = router
        self._by_method: dict[str, list[EdgeRoute]] = {}
        for route in routes:
            if isinstance(route, EdgeRoute):
                for method in route.methods or ():
                    self._by_method.setdefault(method, []).append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = get_route_path(scope)
            for route in self._by_method.get(scope["method"], ()):
                found = route.path_regex.match(path)
                if found is not None:
                    convertors = route.param_convertors
                    scope["path_params"] = {
                        name: convertors[name].convert(value) for name, value in found.groupdict().items()
                    }
                    scope["route"], scope["endpoint"] = route, route.endpoint
                    await route.app(scope, receive, send)
                    return
        await self._router(scope, receive, send)
