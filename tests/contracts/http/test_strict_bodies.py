"""A body is read as the OpenAPI document declares it: nothing is taken for a number that is none."""

import json
from typing import Any
from uuid import uuid4

import pytest

from services.prelabel.api.model_shapes import MANIFEST_EXAMPLE
from shared.contracts.values import Role
from tests.support.service import service_under_test

RECORD = f"/v1/projects/{uuid4()}/records/{uuid4()}"
NUMBERS: dict[str, tuple[str, str, str, dict[str, Any], str]] = {
    "ingest": ("ingest", "POST", "/v1/projects", {"name": "n", "policies": {"redundancy": {}}}, "policies/redundancy/maximum"),
    "ingest, a version": ("ingest", "PATCH", f"/v1/projects/{uuid4()}", {}, "active_schema"),
    "qa": ("qa", "PUT", f"{RECORD}/gold", {"answers": {}}, "exposures"),
    "queue": ("queue", "POST", f"/v1/projects/{uuid4()}/leases", {}, "count"),
}  # fmt: skip


@pytest.mark.parametrize("case", NUMBERS)
async def test_an_integer_is_an_integer(case: str) -> None:
    name, method, path, body, pointer = NUMBERS[case]
    *way, last = pointer.split("/")
    inner = body
    for step in way:
        inner = inner[step]
    async with service_under_test(name) as service:
        for value in (True, "3", 3.0):
            inner[last] = value
            answer = await service.client.request(method, path, json=body, headers=service.token(Role.ADMIN))
            assert answer.status_code == 422, answer.text
            assert [(error["pointer"], error["rule"]) for error in answer.json()["errors"]] == [
                (f"/{pointer}", "int_type")
            ]


async def test_a_line_of_feedback_is_read_so_too() -> None:
    async with service_under_test("ingest") as service:
        headers = service.token(Role.ADMIN)
        schema = {
            "fields": [{"name": "t", "kind": "text"}],
            "questions": [{"name": "q", "kind": "choice", "labels": ["a", "b"]}],
        }
        project = (
            await service.client.post("/v1/projects", json={"name": "n", "schema": schema}, headers=headers)
        ).json()
        reports = [{"external_id": "e", "verdict": "confirmed", "schema_version": value} for value in (True, "1", 1.0)]
        path = f"/v1/projects/{project['project_id']}/feedback"
        answer = await service.client.post(path, json={"feedback": reports}, headers=headers)
        assert [(each["pointer"], each["reason"]) for each in answer.json()["rejected"]] == [
            ("/schema_version", "int-type")
        ] * 3


async def test_a_manifest_is_read_so_too() -> None:
    async with service_under_test("prelabel") as service:
        for change in ({"schema_version": "1"}, {"schema_version": True}, {"lowercase": 1}):
            answer = await service.client.post(
                f"/v1/projects/{uuid4()}/models",
                headers=service.token(Role.ADMIN),
                files={"model": ("model.onnx", b"x", "application/octet-stream")},
                data={"manifest": json.dumps(MANIFEST_EXAMPLE | change)},
            )
            (error,) = answer.json()["errors"]
            assert (error["pointer"], error["rule"]) == (
                f"/manifest/{next(iter(change))}",
                "bool_type" if "lowercase" in change else "int_type",
            )
