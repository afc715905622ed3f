"""Whenever qa is killed while it seals, releases, replaces, clears up, erases or places gold: what it comes to is the same."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from services.qa import loops
from services.qa.operations import gold
from services.qa.storage import projects
from shared.contracts.events import ChainSealed, GoldPlaced, LabelRetracted, LabelsErased, ReleasePublished
from shared.kit.clock import utc_now
from shared.kit.jobs import JobWorker
from tests.service.qa.world import World, animal
from tests.support.kills import same_end_wherever_killed, same_report_wherever_killed
from tests.support.service import ServiceUnderTest, service_under_test


@pytest.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("objects")


@pytest.fixture(scope="module")
async def service(folder: Path) -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test("qa", objects_url=folder.as_uri()) as running:
        yield running


async def opened(service: ServiceUnderTest) -> World:
    world = World(service)
    await world.deliver(world.project())
    return world


async def later(service: ServiceUnderTest) -> None:
    """As a minute after the kill: what the killed process held by a lease is free, and what waits for it is due."""
    async with service.database.autocommit() as session:
        await session.raw.execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE lease IS NOT NULL")


async def verified(world: World, record_id: UUID) -> tuple[bool, int]:
    """Whether the record's chain verifies, and how many of its links are sealed."""
    found = (await world.lineage(record_id))["chain"]
    return found["verified"], found["sealed"]


def files_of(folder: Path, release_id: str) -> list[str]:
    root = folder / "releases" / release_id
    return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())


async def ask_for_release(world: World, **options: Any) -> dict[str, Any]:
    made: dict[str, Any] = await world.post(f"/projects/{world.project_id}/releases", {"name": "first", **options}, 202)
    return made


async def test_links_are_sealed_once(service: ServiceUnderTest) -> None:
    async def prepare() -> tuple[World, UUID]:
        world = await opened(service)
        return world, await world.finalized()

    async def end(subject: tuple[World, UUID]) -> Any:
        world, record_id = subject
        seals = await world.published(ChainSealed)
        return await verified(world, record_id), [(one.number, one.leaves) for one in seals]

    await same_end_wherever_killed(service, prepare, loops.seal, end)


async def test_a_release_is_made_once_and_leaves_no_parts(service: ServiceUnderTest, folder: Path) -> None:
    async def prepare() -> tuple[World, dict[str, Any]]:
        world = await opened(service)
        await world.finalized()
        await loops.seal(service.runtime)
        return world, await ask_for_release(world, splits=["train"])

    async def work(runtime: Any) -> None:
        while await JobWorker(runtime).run_one():
            pass

    async def end(subject: tuple[World, dict[str, Any]]) -> Any:
        world, made = subject
        found = await world.get(f"/releases/{made['release_id']}")
        job = await world.get(f"/jobs/{made['job_id']}")
        manifest = orjson.loads((folder / "releases" / made["release_id"] / "manifest.json").read_bytes())
        assert manifest == found["manifest"]
        assert job["result"] == {
            "release_id": made["release_id"],
            "records": 1,
            "manifest_sha256": found["manifest_sha256"],
        }
        return (
            (found["status"], found["records"], job["state"], job["done"], job["total"]),
            files_of(folder, made["release_id"]),
            len(await world.published(ReleasePublished)),
        )

    async def meanwhile(_: Any) -> None:
        await later(service)

    await same_end_wherever_killed(service, prepare, work, end, meanwhile)


async def test_a_release_that_an_erasure_touched_has_one_successor(service: ServiceUnderTest, folder: Path) -> None:
    async def prepare() -> tuple[World, UUID, dict[str, Any]]:
        world = await opened(service)
        gone = await world.finalized()
        made = await ask_for_release(world, splits=["train"])
        await service.run_jobs()
        await world.deliver(world.erased(gone))
        return world, gone, made

    async def end(subject: tuple[World, UUID, dict[str, Any]]) -> Any:
        world, _, made = subject
        found = (await world.get(f"/projects/{world.project_id}/releases"))["items"]
        assert files_of(folder, made["release_id"]) == []
        await service.run_jobs()
        return [(one["name"], one["status"]) for one in found], len(await world.published(ReleasePublished))

    await same_end_wherever_killed(service, prepare, loops.supersede_releases, end)


async def test_a_cancelled_release_leaves_no_files(service: ServiceUnderTest, folder: Path) -> None:
    async def prepare() -> tuple[World, dict[str, Any]]:
        world = await opened(service)
        await world.finalized()
        made = await ask_for_release(world)
        for part in ("train-000000", "train-000000.lineage"):
            await service.runtime.objects.put(f"releases/{made['release_id']}/parts/{part}", b"{}")
        await world.post(f"/jobs/{made['job_id']}/cancellation", {})
        async with service.database.autocommit() as session:  # as after a minute
            await session.raw.execute("UPDATE releases SET cancelled_at = cancelled_at - interval '1 hour'")
        return world, made

    async def end(subject: tuple[World, dict[str, Any]]) -> Any:
        world, made = subject
        found = await world.get(f"/releases/{made['release_id']}")
        async with service.database.autocommit() as session:
            assert await session.raw.fetchval("SELECT count(*) FROM releases WHERE cancelled_at IS NOT NULL") == 0
        return found["status"], found["cancelled"], files_of(folder, made["release_id"])

    await same_end_wherever_killed(service, prepare, loops.supersede_releases, end)


async def test_a_release_whose_job_failed_leaves_no_files(service: ServiceUnderTest, folder: Path) -> None:
    async def prepare() -> tuple[World, dict[str, Any]]:
        world = await opened(service)
        made = await ask_for_release(world)
        await service.runtime.objects.put(f"releases/{made['release_id']}/parts/train-000000", b"{}")
        async with service.database.autocommit() as session:
            await session.raw.execute(
                "UPDATE jobs SET state = 'failed', failure = 'A fault.' WHERE id = $1", UUID(made["job_id"])
            )
        return world, made

    async def end(subject: tuple[World, dict[str, Any]]) -> Any:
        world, made = subject
        found = await world.get(f"/releases/{made['release_id']}")
        return found["status"], found["status_reason"], files_of(folder, made["release_id"])

    await same_end_wherever_killed(service, prepare, loops.supersede_releases, end)


async def test_an_erasure_is_reported_once(service: ServiceUnderTest) -> None:
    async def erased() -> tuple[World, UUID]:
        world = await opened(service)
        record_id = await world.open_record()
        await world.deliver(world.erased(record_id))
        return world, record_id

    async def end(subject: tuple[World, UUID]) -> Any:
        world, record_id = subject
        [report] = await world.published(LabelsErased, record_id)
        return [(one.place, one.state) for one in report.places]

    await same_report_wherever_killed(service, erased, end)


async def test_gold_is_placed_once(service: ServiceUnderTest) -> None:
    """A manager whose request got no answer sends it again."""
    wished: list[tuple[World, UUID]] = []

    async def prepare() -> tuple[World, UUID]:
        world = await opened(service)
        wished.append((world, await world.finalized()))
        return wished[-1]

    async def work(runtime: Any) -> None:
        world, record_id = wished[-1]
        async with runtime.database.transaction() as session:
            project = await projects.load(session, world.project_id)
            assert project is not None
            read = await gold.read(session, [gold.Placement(record_id=record_id, answers=animal("dog"))])
        checked = await gold.check(runtime.compute, project, read)
        async with runtime.database.transaction() as session:
            await gold.place(session, project, checked, "manager", utc_now())

    async def end(subject: tuple[World, UUID]) -> Any:
        world, record_id = subject
        return (
            (await world.state(record_id))["state"],
            await verified(world, record_id),
            [len(await world.published(one, record_id)) for one in (GoldPlaced, LabelRetracted)],
        )

    await same_end_wherever_killed(service, prepare, work, end)
