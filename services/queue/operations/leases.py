"""What else an annotator does with a lease: renew it, give it back, skip the task, keep a draft."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from services.queue.domain.leases import Lease, TokenStatus, token_status
from services.queue.domain.slots import SlotState
from services.queue.exceptions import (
    AlreadySubmitted,
    NoDraft,
    RecordGone,
    StaleLease,
    TaskClosed,
    UnknownLease,
)
from services.queue.operations.leasing import Following, Granted, Leasing
from services.queue.operations.work_log import log_end
from services.queue.storage import drafts, leases, memberships, progress, routes, servability
from services.queue.storage.ended_leases import EndedLease
from services.queue.storage.leases import FoundLease
from services.queue.storage.projects import ProjectCache
from shared.contracts.answers import Content, LabelSchema, OffsetUnit, from_code_points
from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.events import TaskSkipped
from shared.contracts.events.work import Activity
from shared.contracts.personal_data import mask
from shared.contracts.values import Answers
from shared.kit.auth import Principal
from shared.kit.concurrency import beside_the_loop
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere
from shared.kit.outbox import publish

MOST_ANSWER_BYTES = MAX_EVENT_BYTES
"""An annotation travels in one event, so answers of more than that could never be submitted."""


WITHOUT_DRAFT = frozenset({TokenStatus.GONE, TokenStatus.RETURNED})
"""What a token may be good for when nothing of the work under it is kept."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a task was not answered; free text."""

    reason: str
    active_s: float | None = None


async def lock_lease(session: Session, principal: Principal, token: UUID) -> tuple[FoundLease, TokenStatus]:
    """The caller's lease with its record and slot locked, and what its token is good for. Raises UnknownLease."""
    found = of_caller(await leases.lock(session, token), principal)
    lease = found.lease
    if lease.token == token and lease.state is SlotState.FREE:  # it ran out
        holds_another = await leases.holds_another(session, lease)
        found = replace(found, lease=replace(lease, holds_another=holds_another))
    elif lease.token == token and lease.state is SlotState.VOID:
        asked = await leases.versions_asked(session, lease)
        outdated = asked != (lease.schema_version, lease.guideline_version)
        found = replace(found, lease=replace(lease, task_open=asked is not None, outdated=outdated))
    return found, token_status(found.lease, token)


def of_caller(found: FoundLease | None, principal: Principal) -> FoundLease:
    """The lease, if it is the caller's and of a project that their token may see; raises UnknownLease."""
    if found is None or found.subject != principal.subject:
        raise UnknownLease
    principal.check_project(found.lease.project_id)
    return found


def refusal_of(status: TokenStatus, kept: str = "Your draft is kept.") -> Exception:
    """Why a token of this status takes no more; `kept` is a sentence on the work, where any of it can be kept."""
    if status is TokenStatus.GONE:
        return RecordGone("Nothing of the work on it is kept.")
    if status is TokenStatus.CLOSED:
        return TaskClosed(kept)
    if status is TokenStatus.DONE:
        return AlreadySubmitted("Nothing more is kept under it.")
    if status is TokenStatus.RETURNED:
        return StaleLease("You gave the lease back, or skipped its task: nothing more is kept under it.")
    return StaleLease(f"{_ENDED[status]} {kept}")


_ENDED = {
    TokenStatus.VALID: "The lease was ended when this came, and holds again: submit once more.",
    TokenStatus.BARRED: "You may not work in this project now: what you held went back.",
    TokenStatus.STALE: "The task was leased again, or taken back, meanwhile.",
    TokenStatus.OUTDATED: "The lease ran out, or was ended, and the task follows a newer schema or guideline: lease it again.",
    TokenStatus.REPLACED: "The lease ran out, or was ended, and the project changed, or the task was opened anew: lease it again.",
}
"""Why a lease ended, where it did before its work came."""


async def renew_lease(
    session: Session, projects: ProjectCache, principal: Principal, token: UUID, ttl_s: int | None, now: datetime
) -> datetime:
    """Hold the slot for `ttl_s` from now on, at most for as long as the policy gives; return until when."""
    found, status = await lock_lease(session, principal, token)
    if status is not TokenStatus.VALID:
        raise refusal_of(status)
    project = await projects.find(session, found.lease.project_id, found.project_revision)
    assert project is not None
    longest_s = project.policies.serving.lease_ttl_s
    until = now + timedelta(seconds=longest_s if ttl_s is None else min(ttl_s, longest_s))
    await leases.renew(session, found.lease, until)
    await count_again(session, found.lease)
    return until


async def count_again(session: Session, lease: Lease) -> None:
    """Count a lease that had run out and was counted as returned."""
    if lease.state is SlotState.FREE:
        await memberships.return_leases(session, {(lease.annotator_id, lease.project_id): -1})


async def release_lease(
    session: Session, principal: Principal, token: UUID, wake_routing: Callable[[], None], now: datetime
) -> None:
    """Release the slot. What is held no longer is released already."""
    found, status = await lock_lease(session, principal, token)
    if status is not TokenStatus.VALID:
        return
    given_up = await leases.release(session, found.lease)
    await log_end(session, end_of(found.lease, token, "released", now))
    if not given_up.task_open:  # perhaps because nobody else could serve it
        await servability.add_arrivals(session, [found.lease.annotator_id])
    elif await routes.mark_outdated(session, [found.lease.record_id]):
        session.on_commit(wake_routing)


async def skip_task(
    session: Session,
    leasing: Leasing,
    principal: Principal,
    token: UUID,
    skip: Skip,
    following: Following | None,
    wake_routing: Callable[[], None],
    now: datetime,
) -> Granted | None:
    """Leave the record for ever; another slot takes the place of this one. Skipping again changes nothing."""
    found, status = await lock_lease(session, principal, token)
    lease = found.lease
    if lease.state is SlotState.SKIPPED and status is TokenStatus.RETURNED:
        return None
    if status is not TokenStatus.VALID:
        raise refusal_of(status)
    reason = mask(skip.reason)
    given_up = await leases.skip(session, lease)
    await log_end(session, end_of(lease, token, "skipped", now, reason=reason, active_s=skip.active_s))
    if given_up.task_open:  # gold goes by the same road: it must not take less time
        await leases.replace(session, lease, now)
        if await routes.mark_outdated(session, [lease.record_id]):
            session.on_commit(wake_routing)
    await progress.add(session, {(lease.project_id, "skips"): 1})
    await publish(
        session,
        TaskSkipped(
            task_id=lease.task_id,
            task_kind=lease.kind,
            round=lease.round,
            annotator_id=lease.annotator_id,
            reason=reason,
        ),
        project_id=lease.project_id,
        record_id=lease.record_id,
    )
    if following is None:
        return None
    return await leasing.lease_next(session, following.request(principal, lease.project_id), now, lazily=False)


async def save_draft(session: Session, principal: Principal, token: UUID, answers: Answers, now: datetime) -> None:
    """Keep unfinished answers, without personal data, also of a lease that ran out: they are the annotator's.

    They are checked on submit.
    """
    found, status = await lock_lease(session, principal, token)
    if status is TokenStatus.DONE or status in WITHOUT_DRAFT:
        raise refusal_of(status)
    text = orjson.dumps(answers).decode()
    await drafts.save(session, found.lease.task_id, found.lease.annotator_id, text, now)


def as_draft(answers: Answers) -> str | None:
    """The answers as JSON text, None when they are larger than a draft may be."""
    text = orjson.dumps(answers)
    return text.decode() if len(text) <= MOST_ANSWER_BYTES else None


@dataclass(frozen=True, slots=True)
class Draft:
    """Unfinished answers, and what their offsets are in: `content` of a record under a schema."""

    answers: Answers
    saved_at: datetime
    schema: LabelSchema
    content: Content


async def find_draft(session: Session, projects: ProjectCache, principal: Principal, token: UUID) -> Draft:
    """The draft of the lease's task; raises NoDraft."""
    found = of_caller(await leases.find(session, token), principal)
    kept = await drafts.find(session, found.lease.task_id, found.lease.annotator_id)
    if kept is None:
        raise NoDraft
    project = await projects.find(session, found.lease.project_id, found.project_revision)
    if project is None:
        raise NotKnownHere("project", found.lease.project_id)
    return Draft(orjson.loads(kept[0]), kept[1], project.schemas[found.lease.schema_version], found.content)


async def in_unit(schema: LabelSchema, content: Content, answers: Answers, unit: OffsetUnit) -> Answers:
    """Answers that are kept, with offsets in `unit`: converting them reads the text, beside the event loop."""
    if unit is OffsetUnit.CODE_POINTS:
        return answers
    return await beside_the_loop(from_code_points, schema, content, answers, unit)


def end_of(
    lease: Lease,
    token: UUID,
    activity: Activity,
    now: datetime,
    *,
    reason: str | None = None,
    active_s: float | None = None,
) -> EndedLease:
    """How a lease ended without an annotation."""
    return EndedLease(
        token,
        lease.task_id,
        lease.slot,
        lease.project_id,
        lease.record_id,
        lease.annotator_id,
        lease.kind,
        lease.round,
        activity,
        lease.leased_at,
        now,
        reason,
        active_s,
    )
