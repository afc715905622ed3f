"""A running ingest, and short words for what tests do with it."""

import io
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image

from shared.contracts.values import Role
from tests.support.outbox import OutboxEvent, outbox_events
from tests.support.service import ServiceUnderTest, service_under_test

TEXT_SCHEMA: dict[str, Any] = {
    "fields": [{"name": "message", "kind": "text"}, {"name": "note", "kind": "text", "required": False}],
    "questions": [
        {"name": "topic", "kind": "choice", "labels": ["billing", "delivery"]},
        {"name": "places", "kind": "spans", "field": "message", "labels": ["PLACE"], "required": False},
    ],
}
IMAGE_SCHEMA: dict[str, Any] = {
    "fields": [{"name": "image", "kind": "image"}, {"name": "caption", "kind": "text", "required": False}],
    "questions": [{"name": "digit", "kind": "choice", "labels": ["0", "1"]}],
}


def report_of(answer: httpx.Response) -> dict[str, Any]:
    """What became of the lines: 200 if any was taken, or none came."""
    report: dict[str, Any] = answer.json()
    taken = report["accepted"] + report["duplicates"] if "accepted" in report else None
    status = 422 if taken == 0 and report["rejected_total"] else 200
    assert answer.status_code == status, answer.text
    if status == 422:
        assert report["type"] == "nothing-taken"
        assert answer.headers["content-type"] == "application/problem+json"
    return report


class Ingest:
    """What tests do with ingest, by its front door."""

    def __init__(self, service: ServiceUnderTest) -> None:
        self.service = service
        self.client = service.client
        self.manager = service.token(Role.MANAGER)
        self.product = service.token(Role.PRODUCT)

    async def project(self, schema: dict[str, Any] | None = None, **more: Any) -> UUID:
        body = {"name": "A project", "schema": schema or TEXT_SCHEMA, "guideline": "Choose.", **more}
        answer = await self.client.post("/v1/projects", json=body, headers=self.manager)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["project_id"])

    async def send(self, project_id: UUID, *records: Any) -> dict[str, Any]:
        path = f"/v1/projects/{project_id}/records"
        answer = await self.client.post(path, json={"records": list(records)}, headers=self.product)
        return report_of(answer)

    async def stream(self, project_id: UUID, body: bytes) -> dict[str, Any]:
        headers = {**self.product, "Content-Type": "application/x-ndjson"}
        answer = await self.client.post(f"/v1/projects/{project_id}/records", content=body, headers=headers)
        return report_of(answer)

    async def report(self, project_id: UUID, *reports: Any) -> dict[str, Any]:
        path = f"/v1/projects/{project_id}/feedback"
        answer = await self.client.post(path, json={"feedback": list(reports)}, headers=self.product)
        return report_of(answer)

    async def get(self, path: str, status: int = 200, **params: Any) -> Any:
        answer = await self.client.get(path, headers=self.manager, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def scalar(self, statement: str, *arguments: Any) -> Any:
        async with self.service.database.transaction() as session:
            return await session.raw.fetchval(statement, *arguments)

    async def outbox(self) -> list[OutboxEvent]:
        async with self.service.database.transaction() as session:
            return await outbox_events(session.raw)


@pytest.fixture(scope="module")
async def ingest(postgres_url: str) -> AsyncIterator[Ingest]:
    del postgres_url
    async with service_under_test("ingest", max_line_bytes=100_000, max_asset_bytes=50_000) as service:
        yield Ingest(service)


def text(message: str, **more: Any) -> dict[str, Any]:
    return {"fields": {"message": message}, **more}


def png(shade: int = 0, size: tuple[int, int] = (8, 8)) -> bytes:
    out = io.BytesIO()
    Image.new("L", size, shade).save(out, "PNG")
    return out.getvalue()
