"""`/docs`: Swagger UI for a service's OpenAPI document, with everything it needs served by the service itself."""

import base64
import hashlib
import importlib.util
import re
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from shared.kit.openapi import OPENAPI_PATH

_PACKAGE: Final = "fastapi_offline"  # we take nothing of it but the files
_FILES: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
_CACHED: Final = {"Cache-Control": "public, max-age=31536000, immutable"}  # their addresses carry their version


def install(app: FastAPI) -> None:
    """Serve the documentation; for an application that was made with `docs_url=None`."""

    async def page(request: Request) -> Response:
        base = request.scope.get("root_path", "").rstrip("/")
        script, style, icon = (f"{base}/docs/{name}?v={version(_PACKAGE)}" for name in _FILES)
        answer = get_swagger_ui_html(
            openapi_url=f"{base}{OPENAPI_PATH}",
            title=app.title,
            swagger_js_url=script,
            swagger_css_url=style,
            swagger_favicon_url=icon,
            swagger_ui_parameters={"validatorUrl": None},
        )
        answer.headers["Content-Security-Policy"] = _policy(bytes(answer.body))
        return answer

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _FILES:
            raise HTTPException(404)
        return FileResponse(_folder() / name, headers=_CACHED)

    app.router.add_route("/docs", page, methods=["GET"], include_in_schema=False)
    app.router.add_route("/docs/{name}", file, methods=["GET"], include_in_schema=False)


def _policy(page: bytes) -> str:
    """Which content the page may load: files of this service, and the script that is written in it, by its hash."""
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    hashes = "".join(f" 'sha256-{base64.b64encode(hashlib.sha256(each).digest()).decode()}'" for each in scripts)
    return (
        f"default-src 'none'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _folder() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0]) / "static"
