"""The work behind leases, published once for each end.

That a lease ran out is its end unless its holder works on; then that end is published as well.
"""

from services.queue.storage import ended_leases
from services.queue.storage.ended_leases import EndedLease
from shared.contracts.events import AnnotationSubmitted, WorkLogged
from shared.kit.database import Session
from shared.kit.outbox import publish


async def log_end(session: Session, ended: EndedLease) -> None:
    """Keep and publish how a lease ended, unless that was done before."""
    if await ended_leases.add(session, ended):
        await publish(session, work_of(ended), project_id=ended.project_id, record_id=ended.record_id)


def work_of(ended: EndedLease) -> WorkLogged:
    """The event that publishes how a lease ended."""
    return WorkLogged(
        annotator_id=ended.annotator_id,
        task_id=ended.task_id,
        task_kind=ended.kind,
        activity=ended.activity,
        leased_at=ended.leased_at,
        ended_at=ended.ended_at,
        active_s=ended.active_s,
    )


def work_behind(submitted: AnnotationSubmitted) -> WorkLogged:
    """The event that publishes the time that an annotation took."""
    return WorkLogged.model_construct(
        annotator_id=submitted.annotator_id,
        task_id=submitted.task_id,
        task_kind=submitted.task_kind,
        activity="submitted",
        leased_at=submitted.leased_at,
        ended_at=submitted.submitted_at,
        active_s=submitted.active_s,
    )
