"""Nobody who relies on the contracts published last is broken by those of the code."""

from importlib.metadata import version
from pathlib import Path

import orjson
import pytest

from deploy.contracts.publish import DOCS, DOCUMENTS, breaks, publish, published
from shared.contracts.asyncapi import document
from shared.contracts.services import SERVICE_NAMES
from tests.support.documents import openapi_document

HINT = "keep it as it was, or add the new beside it; `make publish-contracts BREAKING=yes` if the break is meant"


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_no_client_of_the_published_api_is_broken(service: str) -> None:
    name = f"openapi/{service}.json"
    assert published(DOCS, name) is not None
    assert list(map(str, breaks(name, openapi_document(service)))) == [], HINT


def test_no_service_of_the_published_events_is_broken() -> None:
    assert published(DOCS, "asyncapi.json") is not None
    generated = orjson.loads(orjson.dumps(document(version("touchstone"))))
    assert list(map(str, breaks("asyncapi.json", generated))) == [], HINT


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of the docs, published."""
    for name in DOCUMENTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((DOCS / name).read_bytes())
    assert publish(tmp_path, breaking=False) == []
    return tmp_path


def test_a_change_that_breaks_somebody_is_published_only_on_purpose(docs: Path) -> None:
    file = docs / "openapi" / "qa.json"
    changed = orjson.loads(file.read_bytes())
    changed["paths"].pop("/v1/jobs")
    file.write_bytes(orjson.dumps(changed))
    assert publish(docs, breaking=False) == ["openapi/qa.json: /v1/jobs: path-removed"]
    assert "/v1/jobs" in published(docs, "openapi/qa.json")["paths"]
    assert publish(docs, breaking=True) == []
    assert "/v1/jobs" not in published(docs, "openapi/qa.json")["paths"]


def test_a_change_that_breaks_nobody_is_published_without_a_word(docs: Path) -> None:
    file = docs / "openapi" / "qa.json"
    changed = orjson.loads(file.read_bytes())
    changed["paths"]["/v1/new"] = {}
    file.write_bytes(orjson.dumps(changed))
    assert publish(docs, breaking=False) == []
    assert "/v1/new" in published(docs, "openapi/qa.json")["paths"]
