"""`/docs`: Swagger UI for a service's OpenAPI document, with everything it needs served by the service itself."""

import importlib.util
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

_PACKAGE: Final = "fastapi_offline"  # we take nothing of it but the files
_FILES: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
_CACHED: Final = {"Cache-Control": "public, max-age=31536000, immutable"}  # their addresses carry their version


def install(app: FastAPI) -> None:
    """Serve the documentation; for an application that was made with `docs_url=None`."""

    async def page(request: Request) -> Response:
        base = request.scope.get("root_path", "").rstrip("/")
        script, style, icon = (f"{base}/docs/{name}?v={version(_PACKAGE)}" for name in _FILES)
        return get_swagger_ui_html(
            openapi_url=f"{base}{app.openapi_url}",
            title=app.title,
            swagger_js_url=script,
            swagger_css_url=style,
            swagger_favicon_url=icon,
            swagger_ui_parameters={"validatorUrl": None},
        )

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _FILES:
            raise HTTPException(404)
        return FileResponse(_folder() / name, headers=_CACHED)

    app.router.add_route("/docs", page, methods=["GET"], include_in_schema=False)
    app.router.add_route("/docs/{name}", file, methods=["GET"], include_in_schema=False)


@cache
def _folder() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0]) / "static"
