"""The ends of leases that brought no annotation: written down and told as work, once.

That a lease ran out is its end unless its holder works on; then that end is told as well.
"""

from datetime import datetime

from services.queue.storage import submissions
from services.queue.storage.submissions import Ending
from shared.contracts.events import AnnotationSubmitted, WorkLogged
from shared.contracts.events.work import Activity
from shared.kit.database import Session
from shared.kit.outbox import Outgoing, publish, publish_many


async def log_end(session: Session, ending: Ending) -> bool:
    """Log the work under a lease; False when it was logged before."""
    if not await submissions.end(session, ending):
        return False
    await publish(session, work_of(ending), project_id=ending.project_id, record_id=ending.record_id)
    return True


async def expire_leases(session: Session, now: datetime, limit: int) -> int:
    """Make slots claimable whose leases ran out, and log the work; answers how many."""
    expired, endings = await submissions.expire(session, now, limit)
    await publish_many(
        session,
        [Outgoing(payload=work_of(one), project_id=one.project_id, record_id=one.record_id) for one in endings],
    )
    return expired


def work_of(ending: Ending) -> WorkLogged:
    activity: Activity = ending.activity
    return WorkLogged(
        annotator_id=ending.annotator_id,
        task_id=ending.task_id,
        task_kind=ending.kind,
        activity=activity,
        leased_at=ending.leased_at,
        ended_at=ending.ended_at,
        active_s=ending.active_s,
    )


def work_behind(submitted: AnnotationSubmitted) -> WorkLogged:
    return WorkLogged(
        annotator_id=submitted.annotator_id,
        task_id=submitted.task_id,
        task_kind=submitted.task_kind,
        activity="submitted",
        leased_at=submitted.leased_at,
        ended_at=submitted.submitted_at,
        active_s=submitted.active_s,
    )
