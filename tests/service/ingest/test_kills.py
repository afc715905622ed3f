"""Whenever ingest is killed while it erases, takes files in or deletes them: what it comes to is the same."""

import base64
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.ingest import loops
from shared.kit import erasures
from tests.service.ingest.conftest import IMAGE_SCHEMA, Ingest, png, text
from tests.support.bus import ListBus
from tests.support.kills import same_end_wherever_killed, same_report_wherever_killed
from tests.support.service import service_under_test


@pytest.fixture(scope="module")
async def ingest(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ingest]:
    folder: Path = tmp_path_factory.mktemp("objects")
    async with service_under_test("ingest", objects_url=folder.as_uri()) as service:
        yield Ingest(service)


async def with_picture(ingest: Ingest) -> UUID:
    project_id = await ingest.project(IMAGE_SCHEMA)
    image = base64.b64encode(png()).decode()
    sent = await ingest.send(project_id, {"fields": {"image": {"base64": image}}})
    return UUID(sent["records"][0]["record_id"])


async def erase(ingest: Ingest, record_id: UUID) -> None:
    answer = await ingest.client.delete(f"/v1/records/{record_id}?reason=request", headers=ingest.product)
    assert answer.status_code == 204


async def left_of(ingest: Ingest, record_id: UUID) -> Any:
    """What the receipt says of ingest's own places."""
    answer = await ingest.client.get(f"/v1/records/{record_id}/erasure", headers=ingest.product)
    assert answer.status_code == 200, answer.text
    return [(one["place"], one["state"]) for one in answer.json()["places"] if one["service"] == "ingest"]


async def test_the_files_of_an_erased_record_go_once(ingest: Ingest) -> None:
    async def prepare() -> UUID:
        record_id = await with_picture(ingest)
        await erase(ingest, record_id)
        return record_id

    async def end(record_id: UUID) -> Any:
        assert await ingest.scalar("SELECT count(*) FROM asset_deletions") == 0
        await erasures.work(ingest.service.runtime, ListBus())
        return await left_of(ingest, record_id)

    await same_end_wherever_killed(ingest.service, prepare, loops.sweep_assets, end)


async def test_an_erasure_is_noted_once(ingest: Ingest) -> None:
    project_id = await ingest.project()
    numbers = itertools.count()

    async def erased() -> UUID:
        sent = await ingest.send(project_id, text(f"number {next(numbers)}"))
        record_id = UUID(sent["records"][0]["record_id"])
        await erase(ingest, record_id)
        return record_id

    async def end(record_id: UUID) -> Any:
        return await left_of(ingest, record_id)

    await same_report_wherever_killed(ingest.service, erased, end)
