"""What else an annotator does with a lease: renew it, give it back, skip the task, keep a draft."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from services.queue.domain.leases import Standing
from services.queue.domain.refusals import DraftTooLarge, NoDraft, UnknownLease
from services.queue.domain.slots import SlotState
from services.queue.domain.tasks import Purpose
from services.queue.operations.endings import log_end
from services.queue.operations.leasing import Asking, Granted, lease_next
from services.queue.operations.submitting import MOST_DRAFT_BYTES, as_draft, ending, locked, refusal_of
from services.queue.storage import arrivals, drafts, progress, projects, submissions, tasks
from shared.contracts.events import TaskSkipped
from shared.contracts.personal_data import mask
from shared.contracts.values import Answers, Role
from shared.kit.auth import Principal
from shared.kit.database import Session
from shared.kit.outbox import publish


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a task was not answered; free text."""

    reason: str
    active_s: float | None = None


async def renew_lease(
    session: Session, principal: Principal, token: UUID, ttl_s: int | None, now: datetime
) -> datetime:
    """Hold the slot for `ttl_s` from now on, at most for as long as the policy gives; answers until when."""
    held, lease, found = await locked(session, principal, token)
    if found is not Standing.VALID:
        raise refusal_of(found)
    project = await projects.find(session, lease.project_id, held.project_revision)
    assert project is not None
    longest_s = project.policies.serving.lease_ttl_s
    until = now + timedelta(seconds=longest_s if ttl_s is None else min(ttl_s, longest_s))
    await submissions.renew(session, lease, until)
    if lease.state is SlotState.FREE:
        await submissions.take_back(session, lease)
    return until


async def release_lease(session: Session, principal: Principal, token: UUID, now: datetime) -> None:
    """Give the slot back. What is held no longer is given back already."""
    _, lease, found = await locked(session, principal, token)
    if found is Standing.VALID:
        task_open, _ = await submissions.give_back(session, lease, skipped=False)
        if not task_open:  # perhaps because nobody else could serve it
            await arrivals.add(session, lease.annotator_id)
        await log_end(session, ending(lease, token, "released", now))


async def skip_task(
    session: Session, principal: Principal, token: UUID, skip: Skip, next_count: int, soon_s: int, now: datetime
) -> Granted | None:
    """Leave the record for ever; another slot takes the place of this one. Skipping again changes nothing."""
    _, lease, found = await locked(session, principal, token)
    if lease.state is SlotState.SKIPPED and found is Standing.GIVEN_BACK:
        return None
    if found is not Standing.VALID:
        raise refusal_of(found)
    reason = mask(skip.reason)
    task_open, purpose = await submissions.give_back(session, lease, skipped=True)
    await log_end(session, ending(lease, token, "skipped", now, reason=reason, active_s=skip.active_s))
    if task_open and purpose != Purpose.GOLD:
        await submissions.replace(session, lease)
        await tasks.suspect(session, lease.task_id, now)
    await progress.add(session, lease.project_id, {"skips": 1})
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
    if not next_count:
        return None
    asking = Asking(principal.subject, principal.has(Role.ARBITER), lease.project_id, next_count, soon_s)
    return await lease_next(session, asking, now, lazily=False)


async def save_draft(session: Session, principal: Principal, token: UUID, answers: Answers, now: datetime) -> None:
    """Keep unfinished answers, also of a lease that ran out: they are the annotator's. They are checked on submit."""
    draft = as_draft(answers)
    if draft is None:
        raise DraftTooLarge(f"At most {MOST_DRAFT_BYTES} bytes of JSON are kept.")
    _, lease, found = await locked(session, principal, token)
    if found in {Standing.GONE, Standing.DONE, Standing.GIVEN_BACK}:
        raise refusal_of(found)
    await drafts.save(session, lease.task_id, lease.annotator_id, draft, now)


async def find_draft(session: Session, principal: Principal, token: UUID) -> tuple[Answers, datetime]:
    held = await submissions.find(session, token)
    if held is None or held.subject != principal.subject:
        raise UnknownLease
    principal.check_project(held.lease.project_id)
    draft = await drafts.find(session, held.lease.task_id, held.lease.annotator_id)
    if draft is None:
        raise NoDraft
    return orjson.loads(draft[0]), draft[1]
