"""The committed OpenAPI documents are those of the code (`make openapi` writes them), and fit for generators."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.contracts.services import SERVICE_NAMES
from tests.support.documents import openapi_document

DOCUMENTS = Path(__file__).resolve().parents[3] / "docs" / "openapi"
METHODS = {"get", "put", "post", "patch", "delete"}


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


each_service = pytest.mark.parametrize("service", SERVICE_NAMES)


@each_service
def test_the_committed_document_is_the_code_s(service: str) -> None:
    committed = orjson.loads((DOCUMENTS / f"{service}.json").read_bytes())
    assert committed == openapi_document(service), "run `make openapi`"


@each_service
def test_every_operation_has_an_id_a_tag_and_a_summary(service: str) -> None:
    ids = []
    for name, operation in _operations(openapi_document(service)):
        assert operation.get("tags"), name
        assert operation.get("summary"), name
        ids.append(operation["operationId"])
    assert len(ids) == len(set(ids))


@each_service
def test_every_body_in_json_comes_with_an_example(service: str) -> None:
    document = openapi_document(service)
    schemas = document["components"]["schemas"]
    for name, operation in _operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            continue
        schema = content.get("schema", {})
        references = [schema, *schema.get("anyOf", ())]
        named = [schemas.get(part.get("$ref", "").rsplit("/", 1)[-1], {}) for part in references]
        shown = [part.get(key) for part in (content, schema, *named) for key in ("example", "examples")]
        assert any(shown), f"{name} shows no example"
