"""The documents that the code describes itself by."""

import importlib
from typing import Any

import orjson

from shared.kit.settings import settings_class
from tests.support.service import settings_for


def openapi_document(service: str) -> dict[str, Any]:
    """A service's OpenAPI document, as a client gets it."""
    package = f"services.{service}"
    settings = settings_for(settings_class(package), "postgresql://nobody@127.0.0.1:1/none")
    document = importlib.import_module(f"{package}.main").create_app(settings).openapi()
    whole: dict[str, Any] = orjson.loads(orjson.dumps(document))
    return whole
