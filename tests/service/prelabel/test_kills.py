"""Whenever prelabel is killed while it unlearns, trains or takes a model in: what it comes to is the same."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from services.prelabel.loops import learning, upkeep
from services.prelabel.operations import registry, training_runs, unlearning
from services.prelabel.operations.training import Begun, TrainedChallenger
from services.prelabel.storage import models, runs
from shared.contracts.events import ModelChanged, PredictionsErased, RecordErased
from shared.kit import erasures
from shared.kit.clock import new_id, utc_now
from tests.service.prelabel.world import World, text_manifest
from tests.support.kills import same_end_wherever_killed, same_report_wherever_killed
from tests.support.service import ServiceUnderTest, service_under_test


@pytest.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceUnderTest]:
    folder: Path = tmp_path_factory.mktemp("objects")
    async with service_under_test("prelabel", objects_url=folder.as_uri()) as running:
        yield running


class Learnt(NamedTuple):
    """A challenger that learnt from a record."""

    world: World
    record_id: UUID
    model_id: UUID

    @classmethod
    async def of(cls, service: ServiceUnderTest) -> "Learnt":
        world = World(service)
        await world.begin()
        record_id, now = await world.text("billing", 1), utc_now()
        async with service.database.transaction() as session:
            run = await runs.add(
                session, run_id=new_id(), project_id=world.project_id, model_id=new_id(), started_by="labels",
                reason="enough new labels", batch=None, label_seq=0, now=now,
            )  # fmt: skip
            begun = await runs.start(session, run.run_id, [record_id], 0, now)
            assert begun is not None
            await registry.write_file(service.database, service.runtime.objects, run.model_id, b"weights", now)
            assert await runs.trained(session, begun, {})
            await registry.register(
                session, model_id=run.model_id, project_id=world.project_id, manifest=text_manifest(), data=b"weights",
                reason="trained", created_by="labels", now=now, training_run_id=run.run_id, trained_on=1,
            )  # fmt: skip
        return cls(world, record_id, run.model_id)

    async def erase(self) -> None:
        await self.world.service.deliver(
            RecordErased(reason="request"), project_id=self.world.project_id, record_id=self.record_id, revision=2
        )

    async def published(self, payload: type[Any]) -> list[Any]:
        return [
            one.payload
            for one in await self.world.service.published(payload)
            if one.project_id == self.world.project_id
        ]


async def test_models_are_unlearnt_once(service: ServiceUnderTest) -> None:
    async def prepare() -> Learnt:
        learnt = await Learnt.of(service)
        await learnt.erase()
        return learnt

    async def end(learnt: Learnt) -> Any:
        async with service.database.transaction() as session:
            erasure = await erasures.find(session, learnt.record_id)
            assert erasure is not None
            [places] = (await unlearning.places(session, [erasure])).values()
        has_file = await service.runtime.objects.exists(models.object_key(learnt.model_id))
        assert not has_file
        return (
            [(one.place, one.state) for one in places],
            [one.stage for one in await learnt.published(ModelChanged)],
        )

    await same_end_wherever_killed(service, prepare, upkeep.unlearn, end)


async def test_an_erasure_is_reported_once(service: ServiceUnderTest) -> None:
    async def erased() -> Learnt:
        learnt = await Learnt.of(service)
        await learnt.erase()
        await upkeep.unlearn(service.runtime)
        return learnt

    async def end(learnt: Learnt) -> Any:
        [report] = await learnt.published(PredictionsErased)
        return [(one.place, one.state) for one in report.places]

    await same_report_wherever_killed(service, erased, end)


async def an_hour_passes(service: ServiceUnderTest) -> None:
    async with service.database.autocommit() as session:
        await session.raw.execute("UPDATE unregistered_files SET due_at = now()")


async def test_a_model_that_is_sent_again_is_registered_once_and_has_one_file(service: ServiceUnderTest) -> None:
    worlds: list[World] = []

    async def prepare() -> World:
        worlds.append(World(service))
        await worlds[-1].begin()
        return worlds[-1]

    async def work(runtime: Any) -> None:
        model_id, now = new_id(), utc_now()
        await registry.write_file(runtime.database, runtime.objects, model_id, b"weights", now)
        async with runtime.database.transaction() as session:
            await registry.register(
                session, model_id=model_id, project_id=worlds[-1].project_id, manifest=text_manifest(), data=b"weights",
                reason="uploaded", created_by="trainer", now=now,
            )  # fmt: skip
        await upkeep.unlearn(runtime)

    async def end(world: World) -> Any:
        [row] = await world.fetch("SELECT model_id, stage FROM models WHERE project_id = $1", world.project_id)
        return await service.runtime.objects.exists(models.object_key(row["model_id"])), row["stage"]

    async def meanwhile(_: World) -> None:
        await an_hour_passes(service)

    await same_end_wherever_killed(service, prepare, work, end, meanwhile)


@pytest.mark.parametrize("cancelled", [False, True], ids=["trained", "cancelled"])
async def test_a_training_makes_one_model_and_its_file_or_none(
    service: ServiceUnderTest, cancelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def make(runtime: Any, begun: Begun, _: Any) -> TrainedChallenger:
        if cancelled:
            async with runtime.database.transaction() as session:
                await runs.cancel(session, begun.run.run_id, "It was cancelled.", utc_now())
        return TrainedChallenger(text_manifest(), b"weights", {"examples": 1}, [])

    monkeypatch.setattr(training_runs, "_make", make)

    async def prepare() -> tuple[World, UUID]:
        world = World(service)
        await world.begin()
        async with service.database.transaction() as session:
            run = await runs.add(
                session, run_id=new_id(), project_id=world.project_id, model_id=new_id(), started_by="labels",
                reason="enough new labels", batch=None, label_seq=0, now=utc_now(),
            )  # fmt: skip
        return world, run.run_id

    async def work(runtime: Any) -> None:
        await learning.train(runtime)
        await upkeep.unlearn(runtime)

    async def end(subject: tuple[World, UUID]) -> Any:
        world, run_id = subject
        async with service.database.transaction() as session:
            run = await runs.get(session, run_id)
        has_file = await service.runtime.objects.exists(models.object_key(run.model_id))
        stages = await world.fetch("SELECT stage FROM models WHERE project_id = $1", world.project_id)
        assert has_file != cancelled
        return run.state, has_file, [row["stage"] for row in stages]

    async def meanwhile(_: Any) -> None:
        await an_hour_passes(service)

    await same_end_wherever_killed(service, prepare, work, end, meanwhile)
