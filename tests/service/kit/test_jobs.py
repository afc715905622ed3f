"""Work that takes longer than a request, and outlives its worker."""

import asyncio
import contextlib
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from shared.kit import job_routes, jobs
from shared.kit.compute.exceptions import ComputeOutOfMemory
from shared.kit.jobs import CANCELLED, MAX_ATTEMPTS, Job, JobWorker, enqueue, enqueue_unless_under_way
from shared.kit.runtime import Runtime
from shared.kit.waits import Waits
from tests.service.kit.tiny import main as tiny_main
from tests.service.kit_compute import computations
from tests.service.statements.found import faults_of
from tests.support.service import ServiceUnderTest, service_under_test
from tests.support.waiting import until


@pytest.fixture
async def tiny() -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test("tests.service.kit.tiny") as service:
        yield service


async def start(tiny: ServiceUnderTest, to: int, project_id: UUID | None = None) -> str:
    answer = await tiny.client.post(
        f"/v1/projects/{project_id or uuid4()}/count", params={"to": to}, headers=tiny.token("manager")
    )
    assert answer.status_code == 202
    job_id: str = answer.json()["job_id"]
    return job_id


async def look(tiny: ServiceUnderTest, job_id: str) -> dict[str, object]:
    answer = await tiny.client.get(f"/v1/jobs/{job_id}", headers=tiny.token("manager"))
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


async def things(tiny: ServiceUnderTest) -> int:
    async with tiny.database.transaction() as session:
        count: int = await session.raw.fetchval("SELECT count(*) FROM things")
    return count


async def test_a_job_is_done_and_its_result_shown(tiny: ServiceUnderTest) -> None:
    job_id = await start(tiny, 3)
    assert (await look(tiny, job_id))["state"] == "queued"
    assert await tiny.run_jobs() == 1
    job = await look(tiny, job_id)
    assert (job["state"], job["done"], job["total"], job["result"]) == ("succeeded", 3, 3, {"counted": 3})
    assert await tiny.run_jobs() == 0


async def test_a_job_whose_handler_refuses_has_the_reason(tiny: ServiceUnderTest) -> None:
    job_id = await start(tiny, -1)
    await tiny.run_jobs()
    job = await look(tiny, job_id)
    assert (job["state"], job["failure"]) == ("failed", "There is nothing below zero.")


async def test_a_job_that_always_breaks_fails_after_bounded_attempts(tiny: ServiceUnderTest) -> None:
    tiny.runtime.resources.break_at = 0
    job_id = await start(tiny, 1)
    async with tiny.database.transaction() as session:
        await session.raw.execute("UPDATE jobs SET attempts = $1", MAX_ATTEMPTS - 1)
    await tiny.run_jobs()
    assert (await look(tiny, job_id))["failure"] == "A fault of the service (ZeroDivisionError)."


async def test_an_attempt_counts_whatever_ended_it(tiny: ServiceUnderTest) -> None:
    tiny.runtime.resources.break_at = 0
    tiny.runtime.resources.error = asyncpg.QueryCanceledError("canceling statement due to statement timeout")
    job_id = await start(tiny, 1)
    await tiny.run_jobs()
    job = await look(tiny, job_id)
    assert (job["state"], job["attempts"]) == ("queued", 1), job
    assert "database" in str(job["failure"]), "why the newest attempt failed"
    async with tiny.database.transaction() as session:
        await session.raw.execute("UPDATE jobs SET attempts = $1, run_at = now()", MAX_ATTEMPTS - 1)
    await tiny.run_jobs()
    job = await look(tiny, job_id)
    assert (job["state"], job["attempts"]) == ("failed", MAX_ATTEMPTS)
    assert "database" in str(job["failure"])


async def test_a_computation_that_takes_too_much_is_the_reason(tiny: ServiceUnderTest) -> None:
    tiny.runtime.resources.break_at = 0
    tiny.runtime.resources.error = ComputeOutOfMemory("the computation needs more memory than it may take")
    job_id = await start(tiny, 1)
    await tiny.run_jobs()
    assert (await look(tiny, job_id))["failure"] == "The computation needs more memory than it may take."
    tiny.runtime.resources.break_at = None
    async with tiny.database.transaction() as session:
        await session.raw.execute("UPDATE jobs SET run_at = now()")
    await tiny.run_jobs()
    assert (await look(tiny, job_id))["failure"] is None


async def test_a_job_that_ends_its_process_each_time_fails_and_the_others_are_done(tiny: ServiceUnderTest) -> None:
    async with tiny.database.transaction() as session:
        kinds = ("fatal", "slow", "count", "count")
        made = [
            await enqueue(session, kind, project_id=uuid4(), arguments={"to": 1, "pause_s": 0}, actor="tester")
            for kind in kinds
        ]
    assert tiny.settings.database_url is not None
    url = tiny.settings.database_url.get_secret_value()

    async def found() -> list[dict[str, object]]:
        return [await look(tiny, str(job_id)) for job_id in made]

    async def all_ended() -> bool:
        return all(job["finished_at"] for job in await found())

    ends = 0
    while not await all_ended():
        assert ends <= MAX_ATTEMPTS, await found()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.service.kit.working_process", url, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await until(lambda: process.returncode is not None or all_ended(), timeout_s=60)  # noqa: B023
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        ends += 1
    [dead, *others] = await found()
    assert (dead["state"], dead["failure"]) == (
        "failed",
        f"Its worker was lost in the last of {MAX_ATTEMPTS} attempts.",
    )
    assert [job["state"] for job in others] == ["succeeded"] * 3


async def test_a_job_whose_attempts_failed_is_done_alone(tiny: ServiceUnderTest) -> None:
    tiny.runtime.resources.pause_s = 0.05
    suspect = await start(tiny, 3)
    async with tiny.database.transaction() as session:
        await session.raw.execute("UPDATE jobs SET attempts = 2")
    other = await start(tiny, 3)
    worker = JobWorker(tiny.runtime, poll_s=0.05)
    worker.start()
    try:
        await until(lambda: _has_ended(tiny, other))
        await until(lambda: _has_ended(tiny, suspect))
    finally:
        await worker.close()
    both = [await look(tiny, job_id) for job_id in (suspect, other)]
    times = sorted((str(job["started_at"]), str(job["finished_at"])) for job in both)
    assert times[0][1] <= times[1][0], "one began when the other had ended"


async def _has_ended(tiny: ServiceUnderTest, job_id: str) -> bool:
    return (await look(tiny, job_id))["finished_at"] is not None


async def cancel(tiny: ServiceUnderTest, job_id: str, expect: int = 200) -> dict[str, object]:
    answer = await tiny.client.post(f"/v1/jobs/{job_id}/cancellation", headers=tiny.token("manager"))
    assert answer.status_code == expect, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_a_cancelled_job_never_begins(tiny: ServiceUnderTest) -> None:
    job_id = await start(tiny, 2)
    job = await cancel(tiny, job_id)
    assert (job["state"], job["cancelled"], job["failure"]) == ("failed", True, CANCELLED)
    assert await tiny.run_jobs() == 0
    assert (await cancel(tiny, job_id))["cancelled"], "to cancel it again changes nothing"


async def test_a_job_that_runs_stops_at_once_when_it_is_cancelled(tiny: ServiceUnderTest) -> None:
    tiny.runtime.resources.pause_s = 0.05
    job_id = await start(tiny, 1000)
    worker = JobWorker(tiny.runtime)
    worker.start()
    await asyncio.sleep(0.3)
    await cancel(tiny, job_id)
    await asyncio.sleep(0.1)
    before = await things(tiny)
    await asyncio.sleep(0.3)
    await worker.close()
    assert before > 0
    assert await things(tiny) == before
    assert (await look(tiny, job_id))["failure"] == CANCELLED


async def test_a_worker_elsewhere_commits_nothing_more_of_a_cancelled_job(tiny: ServiceUnderTest) -> None:
    tiny.runtime.resources.pause_s = 0.05
    job_id = await start(tiny, 1000)
    working = asyncio.create_task(tiny.run_jobs())  # a worker that this process's cancellation doesn't know
    await asyncio.sleep(0.2)
    await cancel(tiny, job_id)
    await asyncio.wait_for(working, 5)
    assert (await look(tiny, job_id))["done"] == await things(tiny)


@pytest.mark.parametrize("here", [True, False])
async def test_a_job_that_is_cancelled_while_a_process_computes_for_it_ends_with_the_process(
    tiny: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, here: bool
) -> None:
    """Cancelled by the replica that does it, which hears of it at once, or by another one: with the next renewal."""
    began, project_id = tmp_path / "began", uuid4()

    async def compute(runtime: Runtime[Any], _: Job) -> dict[str, Any]:
        return await runtime.compute.run(computations.sign_and_loop, str(began), project_id=project_id)

    monkeypatch.setitem(tiny_main.JOBS, "compute", compute)
    monkeypatch.setattr(jobs, "_HEARTBEAT_S", 0.2)
    async with tiny.database.transaction() as session:
        job_id = await enqueue(session, "compute", project_id=project_id, arguments={}, actor="tester")
    worker, pool = JobWorker(tiny.runtime, concurrency=1), tiny.runtime.compute
    worker.start()
    try:
        await until(began.exists)
        process = Path("/proc") / began.read_text()
        if not here:
            monkeypatch.setattr(jobs, "_workers", set())
        await cancel(tiny, str(job_id))
        await until(lambda: not process.exists(), timeout_s=5)
        ended = await look(tiny, str(job_id))
        assert (ended["state"], ended["failure"], ended["attempts"]) == ("failed", CANCELLED, 1)
        sums = (pool.run(computations.add, each, 1, project_id=project_id) for each in range(2 * pool.workers))
        async with asyncio.timeout(10):
            assert await asyncio.gather(*sums) == list(range(1, 2 * pool.workers + 1))
        following = await start(tiny, 2, project_id)
        worker.wake()
        await until(lambda: _has_ended(tiny, following))
        assert (await look(tiny, following))["state"] == "succeeded"
    finally:
        await worker.close()


async def test_a_job_that_has_ended_is_not_cancelled(tiny: ServiceUnderTest) -> None:
    job_id = await start(tiny, 1)
    await tiny.run_jobs()
    assert (await cancel(tiny, job_id, expect=409))["type"] == "job-ended"
    assert (await look(tiny, job_id))["state"] == "succeeded"
    assert (await cancel(tiny, str(uuid4()), expect=404))["type"] == "not-known-here"


async def test_a_project_has_one_job_of_a_kind_where_that_is_asked(tiny: ServiceUnderTest) -> None:
    mine, theirs = uuid4(), uuid4()

    async def ask(project_id: UUID) -> UUID:
        async with tiny.database.transaction() as session:
            return await enqueue_unless_under_way(
                session, "count", project_id=project_id, arguments={"to": 1, "pause_s": 0}, actor="tester"
            )

    asked = await asyncio.gather(*(ask(mine) for _ in range(5)))
    assert len(set(asked)) == 1
    assert await ask(theirs) not in asked
    await tiny.run_jobs()
    assert await ask(mine) not in asked, "the first one has ended"


async def test_a_project_has_one_job_of_a_kind_at_work_and_others_have_their_turn(
    tiny: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, quiet, late = uuid4(), uuid4(), uuid4()
    began: list[UUID | None] = []
    at_work: list[UUID | None] = []

    async def work(_: Runtime[Any], job: Job) -> dict[str, Any]:
        assert job.project_id not in at_work
        began.append(job.project_id)
        at_work.append(job.project_id)
        await asyncio.sleep(0.1)
        at_work.remove(job.project_id)
        return {}

    monkeypatch.setitem(tiny_main.JOBS, "work", work)
    async with tiny.database.transaction() as session:
        for project_id in (busy, busy, busy, quiet, late):
            await enqueue(session, "work", project_id=project_id, arguments={}, actor="tester")
    await asyncio.gather(*(tiny.run_jobs() for _ in range(2)))
    assert set(began[:3]) == {busy, quiet, late}
    assert began[3:] == [busy, busy]
    async with tiny.database.transaction() as session:
        assert await session.raw.fetchval("SELECT count(*) FROM jobs WHERE state <> 'succeeded'") == 0


async def test_a_job_that_breaks_once_goes_on_from_its_checkpoint(tiny: ServiceUnderTest) -> None:
    tiny.runtime.resources.break_at = 1
    job_id = await start(tiny, 4)
    await tiny.run_jobs()
    assert (await look(tiny, job_id))["state"] == "queued"
    tiny.runtime.resources.break_at = None
    async with tiny.database.transaction() as session:
        await session.raw.execute("UPDATE jobs SET run_at = now()")
    await tiny.run_jobs()
    assert (await look(tiny, job_id))["state"] == "succeeded"
    assert await things(tiny) == 4, "no chunk was done twice"


async def test_a_job_is_taken_over_when_its_worker_is_gone(tiny: ServiceUnderTest) -> None:
    """What a killed process leaves behind: a running job under a lease that nobody renews."""
    job_id = await start(tiny, 2)
    async with tiny.database.transaction() as session:
        await session.raw.execute(
            "UPDATE jobs SET state = 'running', lease = $1, attempts = 1, lease_until = now() + interval '1 hour'",
            uuid4(),
        )
    assert await tiny.run_jobs() == 0, "somebody else has it"
    async with tiny.database.transaction() as session:
        await session.raw.execute("UPDATE jobs SET lease_until = now() - interval '1 second'")
    assert await tiny.run_jobs() == 1
    assert (await look(tiny, job_id))["state"] == "succeeded"


async def test_a_worker_that_lost_its_lease_has_no_effect_any_more(tiny: ServiceUnderTest) -> None:
    tiny.runtime.resources.pause_s = 0.05
    job_id = await start(tiny, 1000)
    working = asyncio.create_task(tiny.run_jobs())
    await asyncio.sleep(0.2)
    async with tiny.database.transaction() as session:
        await session.raw.execute("UPDATE jobs SET lease = $1, lease_until = now() + interval '1 hour'", uuid4())
    await asyncio.wait_for(working, 5)
    before = await things(tiny)
    await asyncio.sleep(0.2)
    assert await things(tiny) == before
    assert (await look(tiny, job_id))["state"] == "running"


async def test_a_worker_that_has_to_end_gives_its_job_back(tiny: ServiceUnderTest) -> None:
    tiny.runtime.resources.pause_s = 0.05
    job_id = await start(tiny, 1000)
    worker = JobWorker(tiny.runtime)
    worker.start()
    await asyncio.sleep(0.3)
    await worker.close()
    job = await look(tiny, job_id)
    assert job["state"] == "queued"
    assert job["done"] == await things(tiny) > 0


async def test_many_workers_never_share_a_job(tiny: ServiceUnderTest) -> None:
    for _ in range(12):
        await start(tiny, 2)
    counts = await asyncio.gather(*(tiny.run_jobs() for _ in range(6)))
    assert sum(counts) == 12
    assert await things(tiny) == 24


async def test_progress_is_streamed_until_the_end(tiny: ServiceUnderTest) -> None:
    tiny.runtime.resources.pause_s = 0.3
    job_id = await start(tiny, 4)
    working = asyncio.create_task(tiny.run_jobs())
    answer = await tiny.client.get(f"/v1/jobs/{job_id}/progress", headers=tiny.token("manager"))
    await working
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    assert [lines[0] for lines in events][-1] == "event: end"
    done = [orjson.loads(lines[1].removeprefix("data: "))["done"] for lines in events]
    assert done == sorted(done)
    assert done[-1] == 4


async def test_a_stream_ends_by_its_timeout_and_when_the_process_is_to_end(tiny: ServiceUnderTest) -> None:
    job_id = await start(tiny, 4)
    path = f"/v1/jobs/{job_id}/progress"
    async with asyncio.timeout(5):
        by_timeout = await tiny.client.get(path, params={"timeout_s": 0.1}, headers=tiny.token("manager"))
        tiny.runtime.stopping.set()
        by_end = await tiny.client.get(path, headers=tiny.token("manager"))
    assert by_timeout.text.startswith("event: progress")
    assert by_end.text.startswith("event: progress")


async def test_a_subject_watches_so_many_jobs_at_a_time(tiny: ServiceUnderTest) -> None:
    path = f"/v1/jobs/{await start(tiny, 4)}/progress"
    tiny.runtime.waits = Waits(most=3)
    watching = [tiny.client.get(path, params={"timeout_s": 4}, headers=tiny.token("manager")) for _ in range(5)]
    answers = await asyncio.gather(*watching)
    assert Counter(answer.status_code for answer in answers) == {200: 3, 429: 2}


async def test_jobs_are_listed_the_newest_first_and_only_of_ones_projects(tiny: ServiceUnderTest) -> None:
    mine, theirs = uuid4(), uuid4()
    first = await start(tiny, 1, mine)
    await start(tiny, 1, theirs)
    last = await start(tiny, 1, mine)
    answer = await tiny.client.get("/v1/jobs", headers=tiny.token("manager", projects=[mine]))
    assert [job["id"] for job in answer.json()["items"]] == [last, first]
    for path in (f"/v1/jobs/{last}", f"/v1/jobs/{last}/progress"):
        refused = await tiny.client.get(path, headers=tiny.token("manager", projects=[theirs]))
        assert refused.json()["type"] == "not-known-here"
    page = (await tiny.client.get("/v1/jobs?limit=2", headers=tiny.token("manager"))).json()
    rest = (await tiny.client.get(f"/v1/jobs?limit=2&after={page['next']}", headers=tiny.token("manager"))).json()
    assert [job["id"] for job in rest["items"]] == [first]


async def test_no_statement_scans_the_jobs_whatever_plan_is_kept(tiny: ServiceUnderTest) -> None:
    assert tiny.settings.database_url is not None
    connection = await asyncpg.connect(
        tiny.settings.database_url.get_secret_value(), server_settings={"plan_cache_mode": "force_generic_plan"}
    )
    try:
        await connection.execute("""
            INSERT INTO jobs (id, kind, project_id, arguments, subject, state, finished_at)
            SELECT gen_random_uuid(), 'count', project.id, '{}', 'tester',
                CASE WHEN number % 10 = 0 THEN 'queued' ELSE 'succeeded' END, CASE WHEN number % 10 > 0 THEN now() END
            FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 20)) AS project,
                generate_series(1, 5000) AS number
        """)
        await connection.execute("ANALYZE jobs")
        statements = {
            name: value
            for module in (jobs, job_routes)
            for name, value in vars(module).items()
            if isinstance(value, str) and re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)\s", value)
        }
        assert "_LIST_OF_PROJECTS" in statements
        found = {
            name: faults
            for name, sql in statements.items()
            if "pg_advisory" not in sql and (faults := await faults_of(connection, sql, {"jobs"}))
        }
    finally:
        await connection.execute("TRUNCATE jobs")
        await connection.close()
    assert found == {}
