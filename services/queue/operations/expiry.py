"""Leases that run out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.queue.operations.work_log import work_of
from services.queue.storage import ended_leases, leases, memberships, routes, servability
from services.queue.storage.leases import ExpiredLease
from shared.kit.database import Session
from shared.kit.outbox import Outgoing, publish_many


@dataclass(frozen=True, slots=True)
class Expired:
    """How many leases ran out. `outdated`: records of some of them are to be routed again."""

    leases: int
    outdated: bool = False


async def expire_leases(session: Session, now: datetime, limit: int) -> Expired:
    """Make slots claimable whose leases ran out, and publish the work.

    A slot comes to its annotator again first. Where the task was closed meanwhile, perhaps because nobody else could
    serve it, its annotator counts as arrived.
    """
    expired = await leases.expire(session, now, limit)
    if not expired:
        return Expired(0)
    claimable = [one.ended for one in expired if one.claimable]
    if claimable:
        await leases.remember_returned(session, [(one.task_id, one.slot, one.annotator_id) for one in claimable])
    await servability.add_arrivals(session, {one.ended.annotator_id for one in expired if not one.claimable})
    await log_expired(session, expired, come_again=True)
    outdated = await routes.mark_outdated(session, [one.record_id for one in claimable]) if claimable else False
    return Expired(len(expired), outdated)


async def log_expired(session: Session, expired: Sequence[ExpiredLease], *, come_again: bool = False) -> None:
    """Count leases that ran out as returned, keep and publish that. `come_again`: they come to their annotators first."""
    if not expired:
        return
    returned = Counter((one.ended.annotator_id, one.ended.project_id) for one in expired)
    await memberships.return_leases(session, returned, come_again=come_again)
    new = await ended_leases.add_expired(session, [one.ended for one in expired])
    await publish_many(
        session,
        [
            Outgoing(payload=work_of(one.ended), project_id=one.ended.project_id, record_id=one.ended.record_id)
            for one in expired
            if one.ended.token in new
        ],
    )
