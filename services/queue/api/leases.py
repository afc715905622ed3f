"""Leases: how an annotator gets a task, keeps it, hands in the answer or gives it back.

These endpoints are the hot path: they open their transaction themselves and answer with bytes.
"""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Response

from services.queue.api.envelopes import answer, leases_json
from services.queue.api.shapes import (
    AnnotationIn,
    AnnotationOut,
    DraftIn,
    DraftOut,
    LeaseRequest,
    LeasesOut,
    OffsetUnitParam,
    RenewedOut,
    RenewRequest,
    SkipIn,
    SkipOut,
)
from services.queue.operations import leases, submission, work_check
from services.queue.operations.leases import MOST_ANSWER_BYTES, Skip
from services.queue.operations.leasing import ALL_KINDS, Following, Granted, Leasing, WorkRequest
from services.queue.operations.submission import Late, Receipt
from services.queue.operations.work_check import Work
from services.queue.resources import QueueRuntime, QueueRuntimeDep
from shared.contracts.answers import OffsetUnit
from shared.contracts.answers.examples import body_examples
from shared.contracts.values import Role, TaskKind
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.bodies import body_limit
from shared.kit.clock import utc_now
from shared.kit.endpoints import edge_router
from shared.kit.problems import responses

router = edge_router("leases")

Worker = Annotated[Principal, requires(Role.ANNOTATOR, Role.ARBITER)]
ANYTHING = LeaseRequest()
MOST_BODY_BYTES = 2 * MOST_ANSWER_BYTES
"""The same answers may be written with escapes and blanks."""


@router.post(
    "/projects/{project_id}/leases",
    response_model=LeasesOut,
    response_model_exclude_none=True,
    responses=responses(404),
    summary="Lease the next tasks",
)
async def lease_next(
    project_id: UUID,
    principal: Worker,
    runtime: QueueRuntimeDep,
    body: LeaseRequest = ANYTHING,
    offset_unit: OffsetUnitParam = OffsetUnit.CODE_POINTS,
) -> Response:
    """Up to `count` tasks, each of another record and none that you had before; or none and the reason why. Reasons may be
    added: take one that you don't know as `all_leased`.
    """
    request = WorkRequest(
        principal,
        project_id,
        body.count,
        runtime.resources.retry_soon_s,
        ALL_KINDS if body.kinds is None else frozenset(map(TaskKind, body.kinds)),
    )
    leasing, granted = _leasing(runtime), None
    if body.count == 1:
        async with runtime.database.autocommit() as session:
            granted = await leasing.lease_at_once(session, request, utc_now())
    if granted is None:
        async with runtime.database.transaction() as session:
            granted = await leasing.lease_next(session, request, utc_now(), lazily=True)
    return answer(await leases_json(runtime, granted, offset_unit))


@router.get(
    "/projects/{project_id}/leases",
    response_model=LeasesOut,
    response_model_exclude_none=True,
    responses=responses(404),
    summary="List the leases you hold",
)
async def list_leases(
    project_id: UUID,
    principal: Worker,
    runtime: QueueRuntimeDep,
    offset_unit: OffsetUnitParam = OffsetUnit.CODE_POINTS,
) -> Response:
    """After a reload: what you had leased and may still submit."""
    async with runtime.database.transaction() as session:
        granted = await _leasing(runtime).held(session, principal, project_id)
    return answer(await leases_json(runtime, granted, offset_unit))


@router.patch("/leases/{token}", responses=responses(404, 409, 410), summary="Renew a lease")
async def renew_lease(
    token: UUID,
    principal: Worker,
    runtime: QueueRuntimeDep,
    session: SessionDep,
    body: RenewRequest | None = None,
) -> RenewedOut:
    """Hold the task longer: send it while somebody works on it."""
    ttl_s = None if body is None else body.ttl_s
    until = await leases.renew_lease(session, runtime.resources.projects, principal, token, ttl_s, utc_now())
    return RenewedOut(token=token, until=until)


@router.delete("/leases/{token}", status_code=204, responses=responses(404), summary="Give a lease back")
async def release_lease(token: UUID, principal: Worker, runtime: QueueRuntimeDep, session: SessionDep) -> None:
    """Others can have the task at once, and so can you. Giving back what you hold no longer is no error."""
    await leases.release_lease(session, principal, token, partial(runtime.wake, "route_waiting"), utc_now())


@router.put(
    "/leases/{token}/annotation",
    openapi_extra={**body_limit(MOST_BODY_BYTES), **body_examples(active_s=6.4, next=1)},
    response_model=AnnotationOut,
    response_model_exclude_none=True,
    responses=responses(404, 409, 410),
    summary="Submit the annotation",
)
async def submit_annotation(token: UUID, principal: Worker, runtime: QueueRuntimeDep, body: AnnotationIn) -> Response:
    """Submit, and with `next` lease what comes next in the same call. Submitting the same again answers the same.

    What comes next is leased once for an annotation: a repeated call gets the leases that still run, and leases only if no
    call before it got any. 409: the lease ended before this came (`stale-lease`) or its task was closed (`task-closed`);
    `detail` says what happened, and whether your answers are kept as the draft.
    """
    outcome: Receipt | Late | None = None
    leasing, work = _leasing(runtime), Work(body.answers, body.active_s, body.reason, body.offset_unit)
    async with runtime.database.autocommit() as session:
        if not body.next:
            outcome = await submission.submit_as_leased(session, leasing, principal, token, work, utc_now())
        if outcome is None:
            checked = await work_check.check_work(session, leasing.projects, principal, token, work)
            if not body.next and not checked.large:
                outcome = await submission.submit_at_once(session, token, checked, utc_now())
    if outcome is None:
        checked = await work_check.finish_check(runtime.compute, checked)
        async with runtime.database.transaction() as session:
            outcome = await submission.submit_annotation(
                session, leasing, principal, token, checked, _following(runtime, body.next), utc_now()
            )
    if isinstance(outcome, Late):
        raise outcome.refusal
    kept = {"annotation_id": str(outcome.annotation_id), "submitted_at": outcome.submitted_at}
    return answer(kept | await _next(runtime, outcome.granted, body.offset_unit))


@router.post(
    "/leases/{token}/skip",
    response_model=SkipOut,
    response_model_exclude_none=True,
    responses=responses(404, 409, 410),
    summary="Skip the task",
)
async def skip_task(
    token: UUID,
    principal: Worker,
    runtime: QueueRuntimeDep,
    body: SkipIn,
    offset_unit: OffsetUnitParam = OffsetUnit.CODE_POINTS,
) -> Response:
    """Somebody else gets it instead; you won't get it again. Skipping again changes nothing and leases nothing."""
    async with runtime.database.transaction() as session:
        granted = await leases.skip_task(
            session,
            _leasing(runtime),
            principal,
            token,
            Skip(body.reason, body.active_s),
            _following(runtime, body.next),
            partial(runtime.wake, "route_waiting"),
            utc_now(),
        )
    return answer({"skipped": True} | await _next(runtime, granted, offset_unit))


@router.put(
    "/leases/{token}/draft",
    openapi_extra={**body_limit(MOST_BODY_BYTES), **body_examples()},
    response_model=DraftOut,
    responses=responses(404, 409, 410, 413),
    summary="Keep a draft",
)
async def save_draft(token: UUID, principal: Worker, runtime: QueueRuntimeDep, body: DraftIn) -> Response:
    """Unfinished answers, at most as large as an annotation can be (512 KiB). They stay yours when the lease runs out, and
    may change even then; not once you have submitted, skipped or released it. They are kept, and come back, without personal
    data, as an annotation is.
    """
    async with runtime.database.autocommit() as session:
        given = Work(body.answers, unit=body.offset_unit)
        checked = await work_check.check_draft(session, runtime.resources.projects, principal, token, given)
    checked = await work_check.finish_check(runtime.compute, checked)
    now = utc_now()
    async with runtime.database.transaction() as session:
        await leases.save_draft(session, principal, token, checked.work.answers, now)
    kept = await leases.in_unit(checked.schema, checked.found.content, checked.work.answers, body.offset_unit)
    return answer({"answers": kept, "saved_at": now})


@router.get("/leases/{token}/draft", response_model=DraftOut, responses=responses(404), summary="Read the draft")
async def read_draft(
    token: UUID,
    principal: Worker,
    runtime: QueueRuntimeDep,
    offset_unit: OffsetUnitParam = OffsetUnit.CODE_POINTS,
) -> Response:
    """What you saved under this lease, or under an earlier one of the same task."""
    async with runtime.database.transaction() as session:
        draft = await leases.find_draft(session, runtime.resources.projects, principal, token)
    shown = await leases.in_unit(draft.schema, draft.content, draft.answers, offset_unit)
    return answer({"answers": shown, "saved_at": draft.saved_at})


def _leasing(runtime: QueueRuntime) -> Leasing:
    return Leasing(runtime.resources.projects, runtime.resources.hints, runtime.resources.most_skips)


def _following(runtime: QueueRuntime, count: int) -> Following | None:
    return Following(count, runtime.resources.retry_soon_s) if count else None


async def _next(runtime: QueueRuntime, granted: Granted | None, unit: OffsetUnit) -> dict[str, object]:
    if granted is None:
        return {}
    leased = await leases_json(runtime, granted, unit)
    return {"next": leased.pop("leases")} | leased
