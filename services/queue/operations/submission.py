"""Submit an annotation that `work_check` has checked and masked: fenced by its lease's token, kept, published.

Submitting again what was submitted is no fault.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from services.queue.domain.leases import Lease, TokenStatus, token_status
from services.queue.domain.slots import SlotState
from services.queue.exceptions import (
    AnswersDiffer,
    AnswersTooLarge,
    ReasonRequired,
    SchemaViolated,
    StaleLease,
    UnknownLease,
)
from services.queue.operations.leases import (
    WITHOUT_DRAFT,
    as_draft,
    count_again,
    end_of,
    lock_lease,
    of_caller,
    refusal_of,
)
from services.queue.operations.leasing import Following, Granted, Leasing, WorkRequest
from services.queue.operations.work_check import CheckedWork, Reading, Work, check_found
from services.queue.operations.work_log import log_end, work_behind
from services.queue.storage import annotations, claims, drafts
from services.queue.storage.annotations import NewAnnotation
from shared.contracts.events import AnnotationSubmitted
from shared.contracts.values import TaskKind
from shared.kit.auth import Principal
from shared.kit.clock import new_id
from shared.kit.database import Session
from shared.kit.outbox import Outgoing, columns_of, publish_many, rows_of, wake_relays


@dataclass(frozen=True, slots=True)
class Receipt:
    """The annotation was kept; `granted` what comes next, if it was asked for."""

    annotation_id: UUID
    submitted_at: datetime
    granted: Granted | None


@dataclass(frozen=True, slots=True)
class Late:
    """The work came too late to count. Draft and time are kept: the transaction must be committed, then this raised."""

    refusal: Exception


async def submit_as_leased(
    session: Session, leasing: Leasing, principal: Principal, token: UUID, work: Work, now: datetime
) -> Receipt | None:
    """Keep and publish an annotation as `submit_at_once` does, under a lease that this process granted and remembers.

    None when it doesn't, when the lease is no more as it was granted, or when anything is wrong with the work: then the
    lease is to be read, and what is wrong is said of it as it is.
    """
    granted = leasing.hints.granted.take(token)
    if granted is None:
        return None
    try:
        checked = await check_found(session, leasing.projects, of_caller(granted, principal), token, work)
    except (UnknownLease, AnswersTooLarge, SchemaViolated, ReasonRequired):
        return None
    return None if checked.large else await submit_at_once(session, token, checked, now)


async def submit_at_once(session: Session, token: UUID, checked: CheckedWork, now: datetime) -> Receipt | None:
    """Keep and publish an annotation in one statement that is a transaction by itself: the common case.

    It sees to it that lease and record are still as they were found, under the same locks and in the same order as
    everything else. None when they are not, or when it is not the common case: then `submit_annotation` is called.
    """
    lease = checked.found.lease
    if token_status(lease, token) is not TokenStatus.VALID or lease.state is not SlotState.LEASED:
        return None
    new = _annotation(lease, checked.work, now)
    rows = rows_of(_events(new, checked.work))
    if not await annotations.submit_at_once(session, new, lease.record_state, columns_of(rows)):
        return None
    session.on_commit(wake_relays)
    return Receipt(new.annotation_id, now, None)


async def submit_annotation(
    session: Session,
    leasing: Leasing,
    principal: Principal,
    token: UUID,
    checked: CheckedWork,
    following: Following | None,
    now: datetime,
) -> Receipt | Late:
    """Keep an annotation; then, in the same transaction, lease what comes next.

    Raises AnswersDiffer where another annotation was submitted under the lease; nothing is changed then.
    """
    found, status = await lock_lease(session, principal, token)
    lease, work = found.lease, checked.work
    request = None if following is None else following.request(principal, lease.project_id)
    if status is TokenStatus.DONE:
        return await _submitted_again(session, leasing, lease, work, request, now)
    if status is not TokenStatus.VALID or checked.reading is Reading.LATE:  # late when it was read is late
        return await _too_late(session, checked, lease, token, status, now)
    new = _annotation(lease, work, now)
    await annotations.submit(session, new)
    await count_again(session, lease)
    await publish_many(session, _events(new, work))
    return Receipt(new.annotation_id, now, await _lease_following(session, leasing, lease, request, now))


async def _lease_following(
    session: Session, leasing: Leasing, lease: Lease, request: WorkRequest | None, now: datetime
) -> Granted | None:
    """Lease what comes next, and keep with the annotation what that was: it is leased once for an annotation."""
    if request is None:
        return None
    granted = await leasing.lease_next(session, request, now, lazily=False)
    if granted.leases:
        tokens = [leased.token for leased in granted.leases]
        await annotations.set_next(session, lease.task_id, lease.slot, tokens)
    return granted


async def _submitted_again(
    session: Session,
    leasing: Leasing,
    lease: Lease,
    work: Work,
    request: WorkRequest | None,
    now: datetime,
) -> Receipt:
    """The first answer again, and those of its next leases that still run. If no call before got any, it leases again."""
    kept = await annotations.find(session, lease.task_id, lease.slot)
    if kept is None or kept.answers is None:
        raise StaleLease("What was submitted under it was erased; nothing more is kept under it.")
    if orjson.loads(kept.answers) != work.answers or kept.reason != work.reason:
        raise AnswersDiffer("The first ones count; these are not kept.")
    if request is None or not kept.next_tokens:
        granted = await _lease_following(session, leasing, lease, request, now)
    else:
        project = await leasing.projects.find(session, lease.project_id)
        assert project is not None
        granted = Granted(project, await claims.leased_by_token(session, lease.annotator_id, kept.next_tokens))
    return Receipt(kept.annotation_id, kept.submitted_at, granted)


async def _too_late(
    session: Session, checked: CheckedWork, lease: Lease, token: UUID, status: TokenStatus, now: datetime
) -> Late:
    """Keep the work as the draft, unless nothing of it is to be kept or it is too large, which leaves the draft as it is."""
    work = checked.work
    draft = None if status in WITHOUT_DRAFT or checked.project is None else as_draft(work.answers)
    if draft is not None:
        await drafts.save(session, lease.task_id, lease.annotator_id, draft, now)
    await log_end(session, end_of(lease, token, "refused", now, active_s=work.active_s))
    kept = "Your answers are too large to be kept." if draft is None else "Your answers are kept as the draft."
    return Late(refusal_of(status, kept))


def _annotation(lease: Lease, work: Work, now: datetime) -> NewAnnotation:
    counter = "gold_annotations" if lease.gold else "annotations"
    return NewAnnotation(
        lease,
        new_id(),
        orjson.dumps(work.answers).decode(),
        work.reason,
        work.active_s,
        now,
        "decisions" if lease.kind is TaskKind.ARBITRATION else counter,
    )


def _events(new: NewAnnotation, work: Work) -> list[Outgoing]:
    lease = new.lease
    submitted = AnnotationSubmitted.model_construct(
        annotation_id=new.annotation_id,
        annotation_revision=1,
        task_id=lease.task_id,
        task_kind=lease.kind,
        round=lease.round,
        slot=lease.slot,
        annotator_id=lease.annotator_id,
        answers=work.answers,
        schema_version=lease.schema_version,
        guideline_version=lease.guideline_version,
        leased_at=lease.leased_at,
        submitted_at=new.submitted_at,
        active_s=work.active_s,
        prediction_shown=lease.prediction_shown,
        reason=work.reason,
    )
    return [
        Outgoing(payload=payload, project_id=lease.project_id, record_id=lease.record_id)
        for payload in (submitted, work_behind(submitted))
    ]
