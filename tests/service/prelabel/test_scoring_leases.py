"""One replica scores a project at a time, for as long as it can; another one follows when it hangs, is lost, or ends."""

import asyncio
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.prelabel.operations import scoring_lease
from services.prelabel.storage import scoring_leases
from shared.contracts.events import RecordPredicted
from shared.kit.database import Session
from shared.kit.loops import LoopRunner
from tests.service.prelabel import hanging_process
from tests.service.prelabel.world import World
from tests.support.service import service_under_test
from tests.support.slowness import slowness
from tests.support.waiting import until


class SlowModel:
    """Lets a model think until `done` is set."""

    def __init__(self, predict: Any) -> None:
        self._predict = predict
        self.asked = 0
        self.begun = asyncio.Event()
        self.done = asyncio.Event()

    async def predict(self, *arguments: Any, **named: Any) -> Any:
        self.asked += 1
        self.begun.set()
        await self.done.wait()
        return await self._predict(*arguments, **named)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_leases, "LEASE_S", 1.0)
    monkeypatch.setattr(scoring_lease, "_RENEW_EVERY_S", 0.2)


@pytest.fixture
def model(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowModel]:
    inference = world.service.runtime.resources.inference
    slow = SlowModel(inference.predict)
    monkeypatch.setattr(inference, "predict", slow.predict)
    yield slow
    slow.done.set()


async def due(world: World, count: int) -> list[UUID]:
    await world.begin()
    await world.champion()
    return sorted([await world.text("billing", number) for number in range(count)])


async def scored(world: World) -> list[UUID]:
    """The records with an answer of a model, as often as one was published."""
    events = await world.service.published(RecordPredicted, world.project_id)
    return sorted(each.record_id for each in events if each.record_id and each.payload.model_id)


async def another_scorer(world: World) -> None:
    world.service.runtime.resources.unscored.add(world.project_id)
    await world.service.run_loop("score")


async def holders(world: World) -> list[UUID]:
    rows = await world.fetch("SELECT holder FROM scoring_leases WHERE project_id = $1", world.project_id)
    return [row[0] for row in rows]


@pytest.mark.usefixtures("short")
async def test_a_lease_is_renewed_while_a_model_thinks_also_when_the_database_is_away_for_a_moment(
    world: World, model: SlowModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = await due(world, 3)
    renew, away = scoring_leases.renew, iter([True, True])

    async def interrupted(session: Session, project_id: UUID, holder: UUID) -> bool:
        if next(away, False):
            raise ConnectionResetError("the database is away")
        return await renew(session, project_id, holder)

    monkeypatch.setattr(scoring_leases, "renew", interrupted)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(another_scorer(world))
        await model.begun.wait()
        tasks.create_task(another_scorer(world))
        await asyncio.sleep(2.5)
        assert model.asked == 1
        model.done.set()
    assert await scored(world) == records
    assert await holders(world) == []


@pytest.mark.usefixtures("short")
async def test_who_lost_the_lease_saves_nothing(
    world: World, model: SlowModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = await due(world, 3)

    async def away(*_: Any) -> bool:
        raise ConnectionResetError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(scoring_leases, "renew", away)
        lost = asyncio.create_task(another_scorer(world))
        await model.begun.wait()
        await asyncio.sleep(1.2)
        follower = asyncio.create_task(another_scorer(world))
        await until(lambda: model.asked == 2)
    model.done.set()
    await asyncio.gather(lost, follower)
    assert await scored(world) == records
    assert await holders(world) == []


async def test_a_service_that_ends_gives_its_leases_up_at_once(world: World, model: SlowModel) -> None:
    records = await due(world, 3)
    runtime = world.service.runtime
    loops = LoopRunner(runtime, [each for each in runtime.spec.loops if each.name == "score"])
    runtime.resources.unscored.add(world.project_id)
    loops.start()
    await model.begun.wait()
    assert len(await holders(world)) == 1
    await loops.close()
    assert await holders(world) == []
    model.done.set()
    await another_scorer(world)
    assert await scored(world) == records


async def test_a_process_that_hangs_is_followed_by_another_one_and_has_no_effect_when_it_goes_on(
    tmp_path: Path,
) -> None:
    objects_url = tmp_path.as_uri()
    async with service_under_test("prelabel", objects_url=objects_url) as service:
        world = World(service)
        records = await due(world, 5)
        database_url = service.settings.database_url
        assert database_url is not None
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", hanging_process.__name__, database_url.get_secret_value(), objects_url
        )
        try:
            await until(lambda: _state(process.pid) == "T", timeout_s=60)
            hung = time.monotonic()
            await another_scorer(world)
            assert time.monotonic() - hung < 10 * slowness()
            assert await scored(world) == records
            process.send_signal(signal.SIGCONT)
            async with asyncio.timeout(60):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert await scored(world) == records
        attempts = await world.fetch("SELECT DISTINCT scoring_attempts FROM records")
        assert [row[0] for row in attempts] == [0], "what failed while it hung counts for no record"


def _state(pid: int) -> str:
    """What Linux says the process does: R, S, T (stopped) or another letter."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
