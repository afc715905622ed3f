"""Starting, being watched, losing the database, and ending."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from deploy.embedded.postgres import EmbeddedPostgres
from shared.contracts.events import RecordErased
from shared.kit import loops as loops_module
from shared.kit import migrations
from shared.kit.app import Loop, Runtime
from shared.kit.database import Database, Session
from shared.kit.exceptions import SchemaOutdated
from shared.kit.jobs import JobWorker
from shared.kit.loops import LoopRunner
from shared.kit.outbox import wake_relays
from shared.kit.replica import Replica
from shared.kit.token_keys import mint_token
from tests.service.kit.tiny.main import Resources, create_app
from tests.service.kit.tiny.settings import TinySettings
from tests.support.postgres import create_database, drop_database
from tests.support.service import ServiceUnderTest, running, service_under_test, settings_for
from tests.support.slowness import slowness
from tests.support.tokens import ACTOR_SECRET, KEY, KEYS_FILE
from tests.support.waiting import until

TINY = "tests.service.kit.tiny"


async def test_live_ready_and_metrics_are_open(tiny: ServiceUnderTest) -> None:
    await tiny.client.get("/v1/things/rubbish", headers=tiny.token("manager"))
    answer = await tiny.client.get("/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    answer = await tiny.client.get("/ready")
    checks = {"database": "ok", "schema": "ok"}
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "degraded": False, "checks": checks})
    metrics = await tiny.client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert 'touchstone_http_request_duration_seconds_count{method="GET",route="/v1/things/{thing_id}"' in metrics.text


async def test_what_setup_makes_is_there_and_is_closed(tiny: ServiceUnderTest) -> None:
    async with service_under_test(TINY, greeting="hi") as service:
        resources: Resources = service.runtime.resources
        assert resources.greeting == "hi"
    assert resources.closed


async def test_a_service_without_its_bus_is_degraded_and_ready() -> None:
    async with service_under_test(
        TINY, bus_url=SecretStr("postgresql://nobody@127.0.0.1:1/none"), background=True
    ) as service:
        answer = await service.client.get("/ready")
        assert answer.status_code == 200
        assert answer.json()["degraded"] is True
        assert answer.json()["checks"] == {"bus": "failing", "database": "ok", "schema": "ok"}
        headers, path = service.token("manager"), f"/v1/projects/{uuid4()}/things"
        assert (await service.client.get(path, headers=headers)).status_code == 200


async def test_a_service_does_not_start_on_an_old_schema() -> None:
    url = create_database("old")
    try:
        app = create_app(settings_for(TinySettings, url))  # type: ignore[arg-type]
        with pytest.raises(SchemaOutdated, match="touchstone migrate tiny"):
            async with running(app):
                raise AssertionError("it started")
        migrations.upgrade_apart(TINY, url)
        migrations.upgrade_apart(TINY, url)  # twice changes nothing
        async with running(create_app(settings_for(TinySettings, url))) as service:  # type: ignore[arg-type]
            assert (await service.client.get("/ready")).status_code == 200
            async with service.database.transaction() as session:
                await session.raw.execute("UPDATE alembic_version SET version_num = '0000'")
            answer = await service.client.get("/ready")
            assert answer.status_code == 503
            assert [error["rule"] for error in answer.json()["errors"]] == ["schema"]
    finally:
        drop_database(url)


async def test_the_previous_release_goes_on_while_the_next_one_is_rolled_out() -> None:
    async with service_under_test(TINY) as service:
        async with service.database.transaction() as session:
            await session.raw.execute("UPDATE alembic_version SET version_num = '9999'")
        migrations.upgrade_apart(TINY, service.settings.database_url.get_secret_value())
        assert (await service.client.get("/ready")).status_code == 200


async def test_everything_runs_in_the_background() -> None:
    """Loops tick, jobs are done, and what is published goes through the bus into /v1/events."""
    async with service_under_test(TINY, background=True) as service:
        project_id = uuid4()
        headers = service.token("manager")
        await service.client.post(f"/v1/projects/{project_id}/things", json={"name": "a"}, headers=headers)
        started = await service.client.post(f"/v1/projects/{project_id}/count", params={"to": 2}, headers=headers)
        job_path = f"/v1/jobs/{started.json()['job_id']}"

        async def done() -> bool:
            state: str = (await service.client.get(job_path, headers=headers)).json()["state"]
            return state == "succeeded"

        async def is_published() -> bool:
            return bool((await service.client.get("/v1/events", headers=headers)).json()["items"])

        await until(done)
        await until(is_published)
        await until(lambda: service.runtime.resources.ticks >= 4)
        page = (await service.client.get("/v1/events", headers=headers)).json()
        assert page["items"][0]["event"]["type"] == RecordErased.event_type()
        assert (await service.client.get("/ready")).status_code == 200


class LoopingReplica:
    """A replica with two loops that only one may run: one often, one when it is woken."""

    def __init__(self, tiny: ServiceUnderTest) -> None:
        self.often = self.woken = 0
        self.runtime = Runtime(tiny.runtime.spec)
        self.loops = LoopRunner(self.runtime, [Loop("often", 0.02, self._often), Loop("woken", 3600, self._woken)])

    async def _often(self, _: Runtime) -> None:
        self.often += 1

    async def _woken(self, _: Runtime) -> None:
        self.woken += 1

    async def __aenter__(self) -> Self:
        self.runtime.replica.start()
        self.loops.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.loops.close()
        await self.runtime.replica.close()
        await self.runtime.database.close()


async def test_only_one_replica_leads_a_loop_and_another_takes_over_at_once(tiny: ServiceUnderTest) -> None:
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(LoopingReplica(tiny))
        await until(lambda: first.often > 3)
        async with LoopingReplica(tiny) as second:
            await asyncio.sleep(0.3)
            assert second.often == 0
            await stack.aclose()
            await until(lambda: second.often > 0, timeout_s=2.0)


async def test_a_replica_wakes_the_loop_of_the_one_that_leads_it(tiny: ServiceUnderTest) -> None:
    async with LoopingReplica(tiny) as first:
        await until(lambda: first.woken == 1)  # when it began to lead
        async with LoopingReplica(tiny) as second:
            await asyncio.sleep(0.3)
            second.runtime.wake("woken")
            await until(lambda: first.woken == 2, timeout_s=2.0)
            assert second.woken == 0


class HangingReplica(Replica):
    """It can hang, as a process does that is stopped: its deadline passes, and it resigns from nothing."""

    hangs = False

    async def _renew(self, connection: Any) -> None:
        if not self.hangs:
            await super()._renew(connection)


async def test_a_replica_that_hangs_is_replaced_and_knows_it_when_it_comes_back(tiny: ServiceUnderTest) -> None:
    first = HangingReplica(tiny.database, ttl_s=0.5, renew_s=0.1)
    second = Replica(tiny.database, ttl_s=0.5, renew_s=0.1)
    for each in (first, second):
        each.contend("duty", lambda: None)
    first.start()
    await until(lambda: first.leads("duty"))
    epoch = first.epoch("duty")
    assert epoch is not None
    second.start()
    await asyncio.sleep(0.8)
    assert (first.epoch("duty"), second.epoch("duty")) == (epoch, None)
    first.hangs = True
    await until(lambda: second.leads("duty"), timeout_s=1.5)
    assert not first.leads("duty")
    assert second.epoch("duty") == epoch + 1
    first.hangs = False
    await asyncio.sleep(0.3)
    assert not first.leads("duty")
    await second.close()
    await until(lambda: first.leads("duty"), timeout_s=0.4)
    await first.close()


async def test_a_replica_that_hangs_is_replaced_as_soon_as_its_deadline_has_passed(tiny: ServiceUnderTest) -> None:
    first = HangingReplica(tiny.database, ttl_s=1.0, renew_s=0.1)
    second = Replica(tiny.database, ttl_s=1.0, renew_s=30.0)  # it does not look by itself meanwhile
    try:
        for replica in (first, second):
            replica.start()
            replica.contend("work", lambda: None)
            await until(lambda: first.leads("work"))
        began = time.monotonic()
        first.hangs = True
        await until(lambda: second.leads("work"))
        assert time.monotonic() - began < 2.5 * slowness()
    finally:
        await first.close()
        await second.close()


async def test_loops_rest_while_nothing_happens_and_run_again_at_the_first_request(
    tiny: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LoopingReplica(tiny) as replica:
        await until(lambda: replica.often > 3)
        await asyncio.sleep(1.5)
        rested = replica.often
        await asyncio.sleep(0.3)
        assert replica.often <= rested + 1
        rested = replica.often
        replica.runtime.note_activity()
        await until(lambda: replica.often > rested + 3, timeout_s=0.4)


async def test_activity_wakes_the_loops_of_the_replica_that_leads_them(
    tiny: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LoopingReplica(tiny) as leader:
        await until(lambda: leader.often > 3)
        async with LoopingReplica(tiny) as other:
            await asyncio.sleep(1.5)
            rested = leader.often
            other.runtime.note_activity()
            await until(lambda: leader.often > rested + 3, timeout_s=0.4)
            for _ in range(20):  # and it goes on being told, to the last
                await asyncio.sleep(0.1)
                other.runtime.note_activity()
            rested = leader.often
            await until(lambda: leader.often > rested + 3, timeout_s=1.5)
            assert other.often == 0


async def test_what_no_wake_up_announced_is_found_within_the_longest_pause(
    tiny: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops_module, "LONGEST_PAUSE_S", 0.3)
    async with LoopingReplica(tiny) as replica:
        await asyncio.sleep(1.5)
        for _ in range(3):
            before = replica.often
            await until(lambda: replica.often > before, timeout_s=0.4)  # noqa: B023  awaited in this turn


async def test_a_loop_runs_when_what_it_waits_for_is_due(tiny: ServiceUnderTest) -> None:
    begun: list[float] = []

    async def run(_: Runtime) -> float | None:
        begun.append(time.monotonic())
        return 0.5 if len(begun) == 1 else None

    loops = LoopRunner(Runtime(tiny.runtime.spec), [Loop("waits", 0.1, run, leader=False)])
    loops.start()
    for schedule in loops._schedules:
        schedule._pause_s = 30.0  # long since nothing has happened
    await until(lambda: len(begun) == 2)
    assert 0.45 < begun[1] - begun[0] < 0.8 * slowness()
    await loops.close()


async def test_what_is_published_in_this_process_ends_the_rest_of_its_loops(tiny: ServiceUnderTest) -> None:
    async with LoopingReplica(tiny) as replica:
        await asyncio.sleep(1.5)
        rested = replica.often
        wake_relays()
        await until(lambda: replica.often > rested + 3, timeout_s=0.4)


async def test_a_loop_that_fails_goes_on_and_can_be_woken(tiny: ServiceUnderTest) -> None:
    runs = 0

    async def run(_: Runtime) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ZeroDivisionError

    runtime = Runtime(tiny.runtime.spec)
    loops = LoopRunner(runtime, [Loop("rarely", 3600, run, leader=False)])
    loops.start()
    await until(lambda: runs == 2)
    runtime.wake("rarely")
    await until(lambda: runs == 3)
    runtime.wake("no such loop")
    await loops.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "pg", durable=False)
    server.start()
    yield server
    server.stop()


async def test_a_killed_database_gives_503_and_is_used_again_when_it_is_back(own_server: EmbeddedPostgres) -> None:
    url = await asyncio.to_thread(own_server.ensure_database, "tiny")
    migrations.upgrade_apart(TINY, url)
    async with running(create_app(settings_for(TinySettings, url)), background=True) as service:  # type: ignore[arg-type]
        headers, path = service.token("manager"), f"/v1/projects/{uuid4()}/things"
        answers = await asyncio.gather(*(service.client.get(path, headers=headers) for _ in range(8)))
        assert {answer.status_code for answer in answers} == {200}
        await asyncio.to_thread(own_server.kill)
        answer = await service.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (503, "database-away")
        assert (await service.client.get("/live")).status_code == 200
        not_ready = await service.client.get("/ready")
        assert not_ready.status_code == 503
        await asyncio.to_thread(own_server.start)
        answers = await asyncio.gather(*(service.client.get(path, headers=headers) for _ in range(8)))
        assert {answer.status_code for answer in answers} == {200}, "dead connections are replaced, not handed out"
        ticks = service.runtime.resources.ticks
        await until(lambda: service.runtime.resources.ticks > ticks + 1)


async def test_a_session_that_is_cancelled_leaves_the_pool_sound(tiny: ServiceUnderTest) -> None:
    async def slow(database: Database) -> None:
        async with database.transaction() as session:
            await session.raw.execute("SELECT pg_sleep(5)")

    tasks = [asyncio.create_task(slow(tiny.database)) for _ in range(10)]
    await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(3), tiny.database.transaction() as session:
        assert await session.raw.fetchval("SELECT 1") == 1


async def test_a_savepoint_undoes_what_is_done_in_it_and_an_exception_all_of_it(tiny: ServiceUnderTest) -> None:
    called: list[str] = []

    async def undone(session: Session) -> None:
        async with session.savepoint():
            await session.raw.execute("DELETE FROM shared")
            raise ValueError("only this")

    async def broken() -> None:
        async with tiny.database.transaction() as session:
            session.on_commit(lambda: called.append("never"))
            await session.raw.execute("CREATE TABLE shared (n int)")
            await session.raw.execute("INSERT INTO shared VALUES (1), (2)")
            assert await session.raw.fetchval("SELECT count(*) FROM shared") == 2
            with pytest.raises(ValueError, match="only this"):
                await undone(session)
            assert await session.raw.fetchval("SELECT count(*) FROM shared") == 2
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    async with tiny.database.transaction() as session:
        session.on_commit(lambda: called.append("once"))
        assert await session.raw.fetchval("SELECT to_regclass('shared')") is None
        assert called == []
    assert called == ["once"]


async def test_who_waits_in_the_process_is_woken_once_the_transaction_is_committed(tiny: ServiceUnderTest) -> None:
    woken: list[str] = []

    async def broken() -> None:
        async with tiny.database.transaction() as session:
            session.wake("a test")
            raise ZeroDivisionError

    tiny.runtime.replica.on_wake("a test", lambda: woken.append("once"))
    try:
        with pytest.raises(ZeroDivisionError):
            await broken()
        async with tiny.database.transaction() as session:
            session.wake("a test")
            session.wake("nobody waits for this")
            assert woken == []
        assert woken == ["once"]
    finally:
        tiny.runtime.replica.off_wake("a test")


SERVE = """
import sys
from shared.kit.server import serve
from tests.service.kit.tiny.main import create_app
serve(create_app())
"""


class Process:
    """The tiny service in a process of its own."""

    def __init__(self, database_url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = os.environ | {
            "TOUCHSTONE_DATABASE_URL": database_url,
            "TOUCHSTONE_BUS_URL": database_url,
            "TOUCHSTONE_OBJECTS_URL": "memory://",
            "TOUCHSTONE_OBJECTS_SECRET": ACTOR_SECRET,
            "TOUCHSTONE_ACTOR_SECRET": ACTOR_SECRET,
            "TOUCHSTONE_TOKEN_KEYS_FILE": str(KEYS_FILE),
            "TOUCHSTONE_PORT": str(port),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        headers = {"Authorization": f"Bearer {mint_token(KEY, 'ann', ['manager'])}"}
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers)

    def wait_until_ready(self) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                if self.client.get("/ready").status_code == 200:
                    return
            except httpx.TransportError:
                assert time.monotonic() < until, self.process.poll()
            time.sleep(0.1)

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def served(migrated: Callable[[str], str]) -> Iterator[tuple[Process, str]]:
    url = migrated(TINY)
    process = Process(url)
    try:
        process.wait_until_ready()
        yield process, url
    finally:
        process.close()


def test_a_process_serves_and_ends_in_order_on_sigterm(served: tuple[Process, str]) -> None:
    process, client = served[0].process, served[0].client
    answer = client.post(f"/v1/projects/{uuid4()}/things", json={"name": "a"})
    assert answer.status_code == 201
    assert "server" not in answer.headers
    assert client.get("/v1/things/%00").json()["type"] == "nul-character"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode in {0, -signal.SIGTERM}
    assert '"event":"stopping"' in output
    assert "Traceback" not in output


async def test_a_job_survives_that_its_process_is_killed(served: tuple[Process, str]) -> None:
    """Every chunk is done once: its effect and its checkpoint are one transaction."""
    process, url = served
    started = await asyncio.to_thread(
        process.client.post, f"/v1/projects/{uuid4()}/count", params={"to": 60, "pause_s": 0.1}
    )
    async with running(create_app(settings_for(TinySettings, url))) as service:  # type: ignore[arg-type]

        async def count(statement: str) -> int:
            async with service.database.transaction() as session:
                found: int = await session.raw.fetchval(statement)
            return found

        async def has_begun() -> bool:
            return await count("SELECT count(*) FROM things") > 2

        async def goes_on() -> bool:
            return await count("SELECT count(*) FROM things") > done

        async def is_finished() -> bool:
            url = f"/v1/jobs/{started.json()['job_id']}"
            job = (await service.client.get(url, headers=service.token("manager"))).json()
            return (job["state"], job["done"]) == ("succeeded", 60)

        await until(has_begun)
        service.runtime.resources.pause_s = 0
        worker = JobWorker(service.runtime)
        worker.start()
        try:
            await asyncio.sleep(1)  # it has looked, and found that somebody else does the job
            process.process.kill()
            await asyncio.to_thread(process.process.wait)
            done = await count("SELECT count(*) FROM things")
            assert 0 < done < 60
            await until(goes_on, timeout_s=10 * slowness())
            await until(is_finished)
        finally:
            await worker.close()
        assert await count("SELECT count(*) FROM things") == 60
        assert await count("SELECT count(DISTINCT name) FROM things") == 60


async def test_who_asks_together_whether_it_is_ready_gets_one_look() -> None:
    """It needs no token, and each look takes connections that others wait for."""
    async with service_under_test(TINY) as service:
        looks = 0

        async def slow(_: Runtime) -> None:
            nonlocal looks
            looks += 1
            await asyncio.sleep(0.3)

        service.runtime.checks["slow"] = slow
        asked = [asyncio.create_task(service.client.get("/ready")) for _ in range(100)]
        await asyncio.sleep(0.05)
        asked[0].cancel()
        answers = await asyncio.gather(*asked[1:])
        assert {answer.status_code for answer in answers} == {200}
        assert looks == 1
        assert (await service.client.get("/ready")).status_code == 200
        assert looks == 2, "what was seen is not kept"
