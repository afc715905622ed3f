"""What the tests of the edge share: where things are, and what a problem looks like."""

from typing import Any
from uuid import uuid4

import httpx

PROBLEM = "application/problem+json"
JSON = {"content-type": "application/json"}


def things(project_id: object = None) -> str:
    return f"/v1/projects/{project_id or uuid4()}/things"


def is_problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    document: dict[str, Any] = answer.json()
    assert document["type"] == kind
    assert document["status"] == status
    assert document["title"]
    assert document["request_id"] == answer.headers["x-request-id"]
    return document
