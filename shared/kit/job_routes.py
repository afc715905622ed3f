"""`/v1/jobs`: what became of work that took longer than a request, and an end to it."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from shared.contracts.values import Role
from shared.kit.auth import Principal, requires
from shared.kit.database import Session
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import NotKnownHere
from shared.kit.jobs import CANCELLED, MAX_ATTEMPTS, cancel
from shared.kit.jsonb import load
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, page_of
from shared.kit.problems import Problem, responses
from shared.kit.runtime import Runtime, RuntimeDep, SessionDep

router = edge_router("jobs")

_POLL_S = 0.5
_KEEP_ALIVE_S = 15.0
_ENDED = frozenset({"succeeded", "failed"})
_COLUMNS = (
    "id, kind, project_id, state, done, total, errors, result, failure, attempts, created_at, started_at, finished_at"
)
_FIND = f"SELECT {_COLUMNS} FROM jobs WHERE id = $1"  # noqa: S608
_LIST = f"SELECT {_COLUMNS} FROM jobs WHERE id < $1 ORDER BY id DESC LIMIT $2"  # noqa: S608
_LIST_OF_PROJECTS = f"""
SELECT newest.* FROM unnest($3::uuid[]) AS project (id)
CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM jobs WHERE project_id = project.id AND jobs.id < $1 ORDER BY jobs.id DESC LIMIT $2
) AS newest
ORDER BY newest.id DESC LIMIT $2
"""  # noqa: S608
_LAST_ID = UUID(int=2**128 - 1)

Canceller = Annotated[Principal, requires(Role.MANAGER, Role.PRODUCT, Role.TRAINER)]
Reader = Annotated[Principal, requires(Role.MANAGER, Role.PRODUCT, Role.TRAINER, Role.AUDITOR)]


class JobView(BaseModel):
    """A job and how far it is."""

    id: UUID
    kind: str
    project_id: UUID | None
    state: Literal["queued", "running", "succeeded", "failed"]
    done: int = Field(description="How many of its items are done.")
    total: int | None = Field(description="How many items there are, once that is known.")
    errors: int = Field(description="How many of the items done had an error.")
    result: dict[str, Any] | None
    failure: str | None = Field(description="Why it failed, or why its newest attempt did.")
    cancelled: bool = Field(default=False, description="Somebody cancelled it; its state is `failed` then.")
    attempts: int = Field(
        default=0, description=f"How often it was begun since it last got further; after {MAX_ATTEMPTS} it has failed."
    )
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def _view(row: Any) -> JobView:
    values = dict(row)
    values["result"] = load(values["result"])
    values["cancelled"] = values["failure"] == CANCELLED
    return JobView.model_validate(values)


def _check(principal: Principal, job: JobView) -> None:
    if principal.projects is not None and (job.project_id is None or job.project_id not in principal.projects):
        raise NotKnownHere("job", job.id)


async def _find(session: Session, job_id: UUID) -> JobView:
    row = await session.raw.fetchrow(_FIND, job_id)
    if row is None:
        raise NotKnownHere("job", job_id)
    return _view(row)


@router.get("/jobs")
async def list_jobs(
    session: SessionDep, principal: Reader, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> Page[JobView]:
    """Jobs, the newest first."""
    before = decode_cursor(after, UUID)[0] if after else _LAST_ID
    if principal.projects is None:
        rows = await session.raw.fetch(_LIST, before, limit + 1)
    else:
        rows = await session.raw.fetch(_LIST_OF_PROJECTS, before, limit + 1, list(principal.projects))
    return page_of([_view(row) for row in rows], limit, "id")


@router.get("/jobs/{job_id}", responses=responses(404))
async def get_job(job_id: UUID, session: SessionDep, principal: Reader) -> JobView:
    """A job's progress, and its result once it has ended."""
    job = await _find(session, job_id)
    _check(principal, job)
    return job


@router.post("/jobs/{job_id}/cancellation", responses=responses(404, 409), summary="Cancel a job")
async def cancel_job(job_id: UUID, session: SessionDep, runtime: RuntimeDep, principal: Canceller) -> JobView:
    """End a job that has not ended. What it has committed stays; to cancel it again changes nothing."""
    _check(principal, await _find(session, job_id))
    cancelled = await cancel(session, job_id)
    if cancelled is not None and cancelled.kind in runtime.spec.job_cancellations:
        await runtime.spec.job_cancellations[cancelled.kind](session, cancelled.arguments)
    job = await _find(session, job_id)
    if not job.cancelled:
        raise Problem(409, "job-ended", "The job has ended.", f"It has {job.state}.")
    return job


@router.get(
    "/jobs/{job_id}/progress",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Server-sent events."},
        **responses(404, 429),
    },
)
async def watch_job(
    job_id: UUID,
    runtime: RuntimeDep,
    principal: Reader,
    timeout_s: Annotated[float, Query(ge=0, le=3600, description="The stream ends after so long at the latest.")] = 900,
) -> StreamingResponse:
    """The job, again on every change, as server-sent events `progress` and at last `end`."""
    first = await _read(runtime, job_id)
    if first is None:
        raise NotKnownHere("job", job_id)
    _check(principal, first)
    runtime.waits.check(principal.subject)
    return StreamingResponse(
        _watch(runtime, first, principal.subject, time.monotonic() + timeout_s),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _read(runtime: Runtime, job_id: UUID) -> JobView | None:
    async with runtime.database.transaction() as session:
        row = await session.raw.fetchrow(_FIND, job_id)
    return None if row is None else _view(row)


async def _watch(runtime: Runtime, first: JobView, subject: str, until: float) -> AsyncIterator[bytes]:
    with runtime.waits.count(subject):
        async for change in _changes(runtime, first, until):
            yield change


async def _changes(runtime: Runtime, first: JobView, until: float) -> AsyncIterator[bytes]:
    shown: JobView | None = None
    current: JobView | None = first
    silent_s = 0.0
    while current is not None:
        if current != shown:
            name = "end" if current.state in _ENDED else "progress"
            yield f"event: {name}\ndata: {current.model_dump_json()}\n\n".encode()
            shown, silent_s = current, 0.0
        elif silent_s >= _KEEP_ALIVE_S:
            yield b": still here\n\n"
            silent_s = 0.0
        if current.state in _ENDED or runtime.stopping.is_set() or time.monotonic() > until:
            return
        with runtime.loop_watch.resting():
            await asyncio.sleep(_POLL_S)
        silent_s += _POLL_S
        current = await _read(runtime, first.id)
