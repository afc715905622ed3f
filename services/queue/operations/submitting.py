"""Submitting an annotation under a lease: fenced, checked, kept, told. Submitting again what was submitted is no fault."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import orjson

from services.queue.domain.free_text import masked
from services.queue.domain.leases import Lease, Standing, standing
from services.queue.domain.project import Project
from services.queue.domain.refusals import (
    AlreadySubmitted,
    AnswersDiffer,
    ReasonRequired,
    RecordGone,
    SchemaViolated,
    StaleLease,
    TaskClosed,
    UnknownLease,
    UnknownProject,
)
from services.queue.domain.slots import SlotState
from services.queue.operations.endings import log_end
from services.queue.operations.leasing import Asking, Granted, lease_next
from services.queue.storage import claims, drafts, projects, submissions
from services.queue.storage.submissions import Ending, Held
from shared.contracts.answers import validate
from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.events import AnnotationSubmitted, WorkLogged
from shared.contracts.events.work import Activity
from shared.contracts.fields import parse_fields
from shared.contracts.personal_data import mask
from shared.contracts.values import Answers, Role, TaskKind
from shared.kit.auth import Principal
from shared.kit.clock import new_id
from shared.kit.database import Session
from shared.kit.outbox import Outgoing, columns_of, publish_many, rows_of, wake_relays


@dataclass(frozen=True, slots=True)
class Work:
    """What an annotator hands in. `active_s` is the time the frontend measured."""

    answers: Answers
    active_s: float | None = None
    reason: str | None = None


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


async def submit_annotation(
    session: Session, principal: Principal, token: UUID, work: Work, next_count: int, soon_s: int, now: datetime
) -> Receipt | Late:
    """Keep an annotation, and lease what comes next in the same transaction.

    Raises:
        UnknownLease: the caller has no lease of this token.
        SchemaViolated, ReasonRequired, AnswersDiffer: it can't be accepted; nothing is changed.
    """
    held, lease, found = await locked(session, principal, token)
    if found is not Standing.VALID and found is not Standing.DONE:
        return await _too_late(session, held, token, found, work, now)
    project = await projects.find(session, lease.project_id, held.project_revision)
    assert project is not None
    work = _without_personal_data(project, lease, work)
    if found is Standing.DONE:
        asking = Asking(principal.subject, principal.has(Role.ARBITER), lease.project_id, next_count, soon_s)
        return await _again(session, project, lease, work, asking, now)
    _check(project, held, work)
    granted = None
    if next_count:
        arbiter, ending = principal.has(Role.ARBITER), int(lease.state is SlotState.LEASED)
        asking = Asking(principal.subject, arbiter, lease.project_id, next_count, soon_s, ending=ending)
        granted = await lease_next(session, asking, now, lazily=False)
    annotation_id = new_id()
    tokens = tuple(leased.token for leased in granted.leases) if granted else ()
    await submissions.submit(session, _kept(lease, annotation_id, work, now, tokens))
    if lease.state is SlotState.FREE:
        await submissions.take_back(session, lease)
    await publish_many(session, _news(lease, annotation_id, work, now))
    return Receipt(annotation_id, now, granted)


async def submit_at_once(
    session: Session, principal: Principal, token: UUID, work: Work, now: datetime
) -> Receipt | None:
    """Submit in two statements, of which the second is a transaction by itself: the common case.

    It sees to it that lease and record are still as the first one found them, under the same locks and in the same order
    as everything else. None when they are not, or when it is not the common case: then `submit_annotation` is to be
    called.

    Raises:
        SchemaViolated, ReasonRequired: as `submit_annotation`.
    """
    held = await submissions.find_running(session, token)
    if held is None or held.subject != principal.subject or not principal.may_see(held.lease.project_id):
        return None
    lease = held.lease
    if standing(lease, token) is not Standing.VALID or lease.state is not SlotState.LEASED:
        return None
    project = await projects.find(session, lease.project_id, held.project_revision)
    if project is None:
        return None
    work = _without_personal_data(project, lease, work)
    _check(project, held, work)
    annotation_id = new_id()
    rows = rows_of(_news(lease, annotation_id, work, now))
    kept = _kept(lease, annotation_id, work, now)
    if not await submissions.submit_at_once(session, kept, lease.record_state, columns_of(rows)):
        return None
    session.on_commit(wake_relays)
    return Receipt(annotation_id, now, None)


async def locked(session: Session, principal: Principal, token: UUID) -> tuple[Held, Lease, Standing]:
    """The caller's lease with its record and slot locked, and what its token is good for."""
    held = await submissions.lock(session, token)
    if held is None or held.subject != principal.subject:
        raise UnknownLease
    principal.check_project(held.lease.project_id)
    lease = held.lease
    if lease.token == token and lease.state is SlotState.FREE:  # it ran out
        lease = replace(lease, holds_another=await submissions.holds_another(session, lease))
    return held, lease, standing(lease, token)


MOST_DRAFT_BYTES = MAX_EVENT_BYTES
"""An annotation is told in one event, so answers of more than that could never be submitted."""


def as_draft(answers: Answers) -> str | None:
    """The answers as JSON text, None when they are larger than a draft may be."""
    text = orjson.dumps(answers)
    return text.decode() if len(text) <= MOST_DRAFT_BYTES else None


def refusal_of(found: Standing) -> Exception:
    if found is Standing.GONE:
        return RecordGone()
    if found is Standing.CLOSED:
        return TaskClosed()
    if found is Standing.DONE:
        return AlreadySubmitted()
    if found is Standing.GIVEN_BACK:
        return StaleLease("You gave the lease back, or skipped its task.")
    return StaleLease()


async def check_answers(
    session: Session, principal: Principal, token: UUID, answers: Answers
) -> tuple[Project, list[dict[str, str]]]:
    """What is wrong with answers to a lease that the caller has; changes nothing."""
    held = await submissions.find(session, token)
    if held is None or held.subject != principal.subject:
        raise UnknownLease
    principal.check_project(held.lease.project_id)
    found = standing(held.lease, token)
    if found in {Standing.GONE, Standing.STALE, Standing.GIVEN_BACK}:
        raise refusal_of(found)
    project = await projects.find(session, held.lease.project_id, held.project_revision)
    if project is None:
        raise UnknownProject(held.lease.project_id)
    try:
        _check_schema(project, held, answers)
    except SchemaViolated as violated:
        return project, violated.errors
    return project, []


def _check(project: Project, held: Held, work: Work) -> None:
    _check_schema(project, held, work.answers)
    if held.lease.kind is TaskKind.ARBITRATION and not (work.reason or "").strip():
        raise ReasonRequired


def _check_schema(project: Project, held: Held, answers: Answers) -> None:
    schema = project.schemas[held.lease.schema_version]
    violations = validate(schema, parse_fields(orjson.loads(held.fields or "{}")), answers)
    if violations:
        raise SchemaViolated(violations)


def _without_personal_data(project: Project, lease: Lease, work: Work) -> Work:
    """What is typed freely passes the recognisers before anything is kept or told."""
    reason = None if work.reason is None else mask(work.reason)
    words = project.words.get(lease.schema_version, frozenset())
    return Work(masked(work.answers, words, mask), work.active_s, reason)


async def _again(
    session: Session, project: Project, lease: Lease, work: Work, asking: Asking, now: datetime
) -> Receipt:
    """The first answer again. What comes next is leased once for an annotation, by the first call that gets something."""
    kept = await submissions.find_submitted(session, lease.task_id, lease.slot)
    if kept is None or kept.answers is None:
        raise StaleLease
    if orjson.loads(kept.answers) != work.answers or kept.reason != work.reason:
        raise AnswersDiffer
    granted = None
    if asking.count and kept.next_tokens:
        granted = Granted(project, await claims.leased_by_token(session, lease.annotator_id, kept.next_tokens))
    elif asking.count:
        granted = await lease_next(session, asking, now, lazily=False)
        await submissions.set_next(session, lease.task_id, lease.slot, [leased.token for leased in granted.leases])
    return Receipt(kept.annotation_id, kept.submitted_at, granted)


async def _too_late(session: Session, held: Held, token: UUID, found: Standing, work: Work, now: datetime) -> Late:
    lease = held.lease
    draft = None if found in {Standing.GONE, Standing.GIVEN_BACK} else as_draft(work.answers)
    if draft is not None:
        await drafts.save(session, lease.task_id, lease.annotator_id, draft, now)
    await log_end(session, ending(lease, token, "refused", now, active_s=work.active_s))
    return Late(refusal_of(found))


def ending(
    lease: Lease,
    token: UUID,
    activity: Activity,
    now: datetime,
    *,
    reason: str | None = None,
    active_s: float | None = None,
) -> Ending:
    return Ending(
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


def _counter(lease: Lease) -> str:
    if lease.kind is TaskKind.ARBITRATION:
        return "decisions"
    return "gold_annotations" if lease.gold else "annotations"


def _kept(
    lease: Lease, annotation_id: UUID, work: Work, now: datetime, next_tokens: tuple[UUID, ...] = ()
) -> submissions.Kept:
    return submissions.Kept(
        lease,
        annotation_id,
        orjson.dumps(work.answers).decode(),
        work.reason,
        work.active_s,
        now,
        next_tokens,
        _counter(lease),
    )


def _news(lease: Lease, annotation_id: UUID, work: Work, now: datetime) -> list[Outgoing]:
    annotation = AnnotationSubmitted.model_construct(
        annotation_id=annotation_id,
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
        submitted_at=now,
        active_s=work.active_s,
        prediction_shown=lease.prediction_shown,
        reason=work.reason,
    )
    done = WorkLogged.model_construct(
        annotator_id=lease.annotator_id,
        task_id=lease.task_id,
        task_kind=lease.kind,
        activity="submitted",
        leased_at=lease.leased_at,
        ended_at=now,
        active_s=work.active_s,
    )
    return [
        Outgoing(payload=payload, project_id=lease.project_id, record_id=lease.record_id)
        for payload in (annotation, done)
    ]
