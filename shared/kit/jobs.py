"""Long work: a row that a worker claims, with its progress.

A worker holds a job by a lease that it renews; a job whose worker hangs or died is claimed again as soon as the lease is
over. So a handler may run more than once: it works in chunks, commits each with `job.commit_progress`, and goes on from
`job.checkpoint`. Every attempt counts, whatever ended it: a fault, a statement that took too long, a lost connection or
a killed process. Only a worker that has to end gives its attempt back. After `MAX_ATTEMPTS` attempts in which no chunk
was committed the job has failed. From the third attempt on a job is done alone in its process, so that what is done
beside a job that ends processes does not fail with it.

Of one kind a project has one job at a time at work; the others wait. Next is a job of the project that has the fewest at work,
and of those of the one that was served longest ago, so that many jobs of one project keep no other one waiting.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from prometheus_client import Counter
from pydantic import BaseModel, Field

from shared.kit import telemetry
from shared.kit.clock import TICK_S, new_id, to_tick
from shared.kit.database import Database, Session, database_error_kind
from shared.kit.exceptions import JobFailed, JobLeaseLost
from shared.kit.failures import failure_of
from shared.kit.jsonb import dump, load

if TYPE_CHECKING:
    from shared.kit.runtime import Runtime

log = structlog.get_logger()

MAX_ATTEMPTS = 5
LEASE_S = 8.0
KEPT_DAYS = 30
_HEARTBEAT_S = TICK_S
_RENEW_AGAIN_S = 0.5  # after a renewal that failed
_LATE_S = 0.1  # after a lease is over, before somebody looks for its job
_BACKOFF_S = 2.0
_AT_ONCE_S = 0.01  # less is not waited for
_BESIDE_OTHERS = 2  # attempts; later ones are made alone
_REMEMBERED_S = 3600.0  # how long a project counts as served

ENDED = Counter("touchstone_jobs_total", "Jobs that ended.", ("service", "kind", "outcome"))


class JobAccepted(BaseModel):
    """The answer (202) to a request that takes longer than a request may."""

    job_id: UUID = Field(description="Its progress is at `GET /v1/jobs/{job_id}`.")


@dataclass
class Job:
    """A job that is being done."""

    id: UUID
    kind: str
    project_id: UUID | None
    arguments: dict[str, Any]
    actor: str
    attempt: int
    checkpoint: Any
    database: Database = field(repr=False)
    lease: UUID = field(repr=False)

    async def progress(self, done: int, total: int | None = None, errors: int = 0) -> None:
        """Note how far it is; raises JobLeaseLost when another worker took the job over."""
        async with self.database.transaction() as session:
            await self._note(session, done, total, errors)

    async def commit_progress(
        self, session: Session, done: int, total: int | None = None, errors: int = 0, checkpoint: Any = None
    ) -> None:
        """Note progress and checkpoint in the transaction of a chunk's effects: both are committed, or neither."""
        await self._note(session, done, total, errors)
        await session.raw.execute(_CHECKPOINT, self.id, dump(checkpoint))
        self.checkpoint = checkpoint

    async def _note(self, session: Session, done: int, total: int | None, errors: int) -> None:
        kept = await session.raw.fetchval(_PROGRESS, self.id, self.lease, done, total, errors, LEASE_S)
        if not kept:
            raise JobLeaseLost


CANCELLED = "It was cancelled."
"""The failure of a job that somebody cancelled."""

_ENQUEUE = "INSERT INTO jobs (id, kind, project_id, arguments, subject) VALUES ($1, $2, $3, $4::jsonb, $5)"
_ANY_DUE = """
SELECT true FROM jobs
WHERE state IN ('queued', 'running') AND run_at <= now() AND (lease_until IS NULL OR lease_until < now())
    AND kind = ANY($1) AND (attempts < $2 OR $3)
LIMIT 1
"""
_NEXT_LEASE_END = """
SELECT extract(epoch FROM min(lease_until) - now())::float8 FROM jobs
WHERE state = 'running' AND run_at <= now() AND lease_until >= now() AND kind = ANY($1) AND (attempts < $2 OR $3)
"""
# Workers claim one after the other: each sees what the one before has claimed.
_LOCK_CLAIMS = "SELECT pg_advisory_xact_lock(hashtextextended('job claims', 0))"
_CLAIM = """
WITH at_work AS (
    SELECT kind, project_id FROM jobs WHERE state = 'running' AND run_at <= now() AND lease_until >= now()
), served AS (
    SELECT project_id, max(finished_at) AS at FROM jobs
    WHERE finished_at > now() - make_interval(secs => $6) GROUP BY project_id
), due AS (
    SELECT id FROM jobs
    WHERE state IN ('queued', 'running') AND run_at <= now() AND (lease_until IS NULL OR lease_until < now())
        AND kind = ANY($1) AND (attempts < $4 OR $5)
        AND NOT EXISTS (
            SELECT FROM at_work WHERE at_work.kind = jobs.kind AND at_work.project_id = jobs.project_id
        )
    ORDER BY (SELECT count(*) FROM at_work WHERE at_work.project_id IS NOT DISTINCT FROM jobs.project_id),
        (SELECT at FROM served WHERE served.project_id IS NOT DISTINCT FROM jobs.project_id) NULLS FIRST, run_at
    LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET state = 'running', lease = $2, lease_until = clock_timestamp() + make_interval(secs => $3),
    attempts = attempts + 1, started_at = coalesce(started_at, now())
FROM due WHERE jobs.id = due.id
RETURNING jobs.id, kind, project_id, arguments, subject, attempts, checkpoint
"""
_RENEW = """
UPDATE jobs SET lease_until = clock_timestamp() + make_interval(secs => $3) WHERE id = $1 AND lease = $2 RETURNING true
"""
_PROGRESS = """
UPDATE jobs SET done = $3, total = coalesce($4, total), errors = $5,
    lease_until = clock_timestamp() + make_interval(secs => $6)
WHERE id = $1 AND lease = $2 RETURNING true
"""
# A job that gets further may be interrupted any number of times.
_CHECKPOINT = "UPDATE jobs SET checkpoint = $2::jsonb, attempts = 1, failure = NULL WHERE id = $1"
_END = """
UPDATE jobs SET state = $3, result = $4::jsonb, failure = $5, finished_at = now(), lease = NULL, lease_until = NULL
WHERE id = $1 AND lease = $2
"""
_AGAIN = """
UPDATE jobs SET state = 'queued', run_at = now() + make_interval(secs => $3), lease = NULL, lease_until = NULL,
    attempts = attempts - $4, failure = coalesce($5, failure)
WHERE id = $1 AND lease = $2
"""
_CANCEL = """
UPDATE jobs SET state = 'failed', failure = $2, finished_at = now(), lease = NULL, lease_until = NULL
WHERE id = $1 AND state IN ('queued', 'running') RETURNING kind, arguments
"""
_UNDER_WAY = "SELECT id FROM jobs WHERE state IN ('queued', 'running') AND kind = $1 AND project_id = $2 LIMIT 1"
_LOCK_KIND = "SELECT pg_advisory_xact_lock(hashtextextended('job:' || $1 || ':' || $2::uuid::text, 0))"
_FAILED = "SELECT id, failure FROM jobs WHERE id = ANY($1::uuid[]) AND state = 'failed'"
_UNFINISHED = "SELECT id FROM jobs WHERE id = ANY($1::uuid[]) AND state IN ('queued', 'running')"
_FORGET = "DELETE FROM jobs WHERE finished_at < now() - make_interval(days => $1)"


async def enqueue(
    session: Session, kind: str, *, project_id: UUID | None, arguments: Mapping[str, Any], actor: str
) -> UUID:
    """Leave work to a worker; it begins once the session's transaction is committed. Return the job's id."""
    job_id = new_id()
    await session.raw.execute(_ENQUEUE, job_id, kind, project_id, dump(arguments), actor)
    session.on_commit(_wake_all)
    return job_id


async def enqueue_unless_under_way(
    session: Session, kind: str, *, project_id: UUID, arguments: Mapping[str, Any], actor: str
) -> UUID:
    """Leave work to a worker, unless the project has a job of this kind that has not ended; return the id of either."""
    await session.raw.execute(_LOCK_KIND, kind, project_id)
    job_id = await under_way(session, kind, project_id)
    if job_id is not None:
        return job_id
    return await enqueue(session, kind, project_id=project_id, arguments=arguments, actor=actor)


async def under_way(session: Session, kind: str, project_id: UUID) -> UUID | None:
    """Return the project's job of this kind that has not ended, if there is one."""
    job_id: UUID | None = await session.raw.fetchval(_UNDER_WAY, kind, project_id)
    return job_id


@dataclass(frozen=True, slots=True)
class CancelledJob:
    kind: str
    arguments: dict[str, Any]


async def cancel(session: Session, job_id: UUID) -> CancelledJob | None:
    """End a job that has not ended; None where it has.

    A worker in this process stops at once, any other one when it next renews its lease or commits a chunk.
    """
    row = await session.raw.fetchrow(_CANCEL, job_id, CANCELLED)
    if row is None:
        return None
    session.on_commit(lambda: _stop_all(job_id))
    return CancelledJob(row["kind"], load(row["arguments"]))


async def failed(session: Session, job_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Which of these jobs have failed for good, and why."""
    rows = await session.raw.fetch(_FAILED, job_ids) if job_ids else []
    return {row["id"]: row["failure"] or "" for row in rows}


async def unfinished(session: Session, job_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of these jobs that wait or are being done."""
    return {row["id"] for row in await session.raw.fetch(_UNFINISHED, job_ids)} if job_ids else set()


_workers: set["JobWorker"] = set()


def _wake_all() -> None:
    for worker in _workers:
        worker.wake()


def _stop_all(job_id: UUID) -> None:
    for worker in _workers:
        worker.stop(job_id)


async def forget_old(session: Session) -> None:
    """Delete jobs that ended long ago."""
    await session.raw.execute(_FORGET, KEPT_DAYS)


class JobWorker:
    """Does the jobs of one service, `concurrency` at a time, until closed."""

    def __init__(self, runtime: "Runtime", concurrency: int = 2, poll_s: float = 5.0) -> None:
        self._runtime = runtime
        self._kinds = list(runtime.spec.jobs)
        self._concurrency = concurrency
        self._poll_s = poll_s
        self._woken = asyncio.Event()
        self._look_at = float("-inf")
        self._tasks: list[asyncio.Task[None]] = []
        self._running: dict[UUID, asyncio.Task[Any]] = {}
        self._claiming = asyncio.Lock()
        self._claimed = 0
        self._alone = False

    def start(self) -> None:
        _workers.add(self)
        self._tasks = [
            asyncio.create_task(self._work(), name=f"job worker {number}") for number in range(self._concurrency)
        ]

    def wake(self) -> None:
        self._woken.set()

    def stop(self, job_id: UUID) -> None:
        """Stop doing a job that was cancelled."""
        running = self._running.get(job_id)
        if running is not None:
            running.cancel()

    async def close(self) -> None:
        """Stop at once; what is unfinished is claimed again by the next worker, here or elsewhere."""
        _workers.discard(self)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            self._woken.clear()
            self._look_at = time.monotonic() + to_tick(self._poll_s)
            worked = False
            try:
                worked = await self.run_one()
            except Exception as error:
                log.warning("job_worker_interrupted", exc_info=error)
            if not worked:
                await self._pause()

    async def _pause(self) -> None:
        """Wait until there may be a job: until this worker is woken, or nobody has looked for some seconds."""
        while not self._woken.is_set() and (left_s := self._look_at - time.monotonic()) > _AT_ONCE_S:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), left_s)

    async def run_one(self) -> bool:
        """Claim a job and do it; whether there was one."""
        job = await self._claim()
        if job is None:
            return False
        try:
            with structlog.contextvars.bound_contextvars(job_id=str(job.id), job_kind=job.kind):
                await self._do(job)
        finally:
            self._claimed -= 1
            if self._alone:
                self._alone = False
                self.wake()
        return True

    async def _claim(self) -> Job | None:
        """The job whose turn it is; one whose attempts failed only where none is being done here, and then no other."""
        lease = new_id()
        async with self._claiming:
            if self._alone:
                return None
            idle = self._claimed == 0
            async with self._runtime.database.autocommit() as session:
                if not await session.raw.fetchval(_ANY_DUE, self._kinds, _BESIDE_OTHERS, idle):
                    await self._look_at_lease_end(session, idle=idle)
                    return None
            async with self._runtime.database.transaction() as session:
                await session.raw.execute(_LOCK_CLAIMS)
                row = await session.raw.fetchrow(
                    _CLAIM, self._kinds, lease, LEASE_S, _BESIDE_OTHERS, idle, _REMEMBERED_S
                )
                if row is None:
                    await self._look_at_lease_end(session, idle=idle)
                    return None
            self._claimed += 1
            self._alone = row["attempts"] > _BESIDE_OTHERS
        return Job(
            id=row["id"],
            kind=row["kind"],
            project_id=row["project_id"],
            arguments=load(row["arguments"]),
            actor=row["subject"],
            attempt=row["attempts"],
            checkpoint=load(row["checkpoint"]),
            database=self._runtime.database,
            lease=lease,
        )

    async def _look_at_lease_end(self, session: Session, *, idle: bool) -> None:
        """Look again when the next lease of a job is over, if that is sooner."""
        left_s: float | None = await session.raw.fetchval(_NEXT_LEASE_END, self._kinds, _BESIDE_OTHERS, idle)
        if left_s is not None:
            self._look_at = min(self._look_at, time.monotonic() + left_s + _LATE_S)

    async def _do(self, job: Job) -> None:
        if job.attempt > MAX_ATTEMPTS:
            await self._end(job, "failed", failure=f"Its worker was lost in the last of {MAX_ATTEMPTS} attempts.")
            return
        work = asyncio.create_task(self._handle(job), name=f"job {job.id}")
        heartbeat = asyncio.create_task(self._renew(job, work))
        self._running[job.id] = work
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait({work})
            await self._give_back(job, 0.0, uncounted=True)
            raise
        finally:
            del self._running[job.id]
            heartbeat.cancel()
            await asyncio.gather(heartbeat, return_exceptions=True)
        if work.cancelled():
            log.warning("job_stopped")  # it was cancelled, or another worker has it
            return
        error = work.exception()
        if error is None:
            await self._end(job, "succeeded", result=work.result())
        elif isinstance(error, JobFailed):
            await self._end(job, "failed", failure=str(error))
        elif isinstance(error, JobLeaseLost):
            log.warning("job_lease_lost")
        else:
            await self._broke(job, error)

    async def _handle(self, job: Job) -> dict[str, Any]:
        with self._runtime.loop_watch, telemetry.span(f"job {job.kind}"):
            return await self._runtime.spec.jobs[job.kind](self._runtime, job)

    async def _broke(self, job: Job, error: BaseException) -> None:
        kind = database_error_kind(error)
        log.warning("job_broke" if kind is None else "job_interrupted", attempt=job.attempt, exc_info=error)
        if job.attempt < MAX_ATTEMPTS:
            await self._give_back(job, _BACKOFF_S * 2.0**job.attempt, failure=failure_of(error))
        else:
            await self._end(job, "failed", failure=failure_of(error))

    async def _renew(self, job: Job, work: "asyncio.Task[Any]") -> None:
        """Keep the lease while the handler works; stop the handler when the lease is lost."""
        pause_s = _HEARTBEAT_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                async with self._runtime.database.autocommit() as session:
                    kept = await session.raw.fetchval(_RENEW, job.id, job.lease, LEASE_S)
            except Exception as error:  # the lease outlives two missed renewals
                log.warning("job_lease_not_renewed", exc_info=error)
                pause_s = _RENEW_AGAIN_S
                continue
            if not kept:
                work.cancel()
                return
            pause_s = _HEARTBEAT_S

    async def _end(
        self, job: Job, state: str, result: dict[str, Any] | None = None, failure: str | None = None
    ) -> None:
        document = dump(result)
        async with self._runtime.database.transaction() as session:
            await session.raw.execute(_END, job.id, job.lease, state, document, failure)
        ENDED.labels(self._runtime.spec.name, job.kind, state).inc()
        self._runtime.note_activity()
        log.info("job_ended", state=state)

    async def _give_back(
        self, job: Job, pause_s: float, *, failure: str | None = None, uncounted: bool = False
    ) -> None:
        with contextlib.suppress(Exception):  # if that fails, too, the lease runs out
            async with self._runtime.database.transaction() as session:
                await session.raw.execute(_AGAIN, job.id, job.lease, pause_s, int(uncounted), failure)
