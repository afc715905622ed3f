"""What an annotator holds goes back once they may not work any more: paused, retired, or removed from a project."""

from datetime import datetime, timedelta

from services.queue.operations.expiry import log_expired
from services.queue.storage import routes, withdrawals
from shared.kit.database import Session

_AT_ONCE = 500
_LOOK_AGAIN = timedelta(seconds=30)
"""A lease may have been granted in the moment of the change; longer than any statement takes."""
_LOOKS = 2


async def take_back(session: Session, now: datetime) -> bool | None:
    """Take back what the next of them holds; return whether records are to be routed again, None where nobody is due.

    What others are just ending is left to them, and to the next look. Who may work again meanwhile keeps what they hold.
    """
    withdrawal = await withdrawals.lock_due(session, now)
    if withdrawal is None:
        return None
    annotator_id = withdrawal.annotator_id
    barred = await withdrawals.lock_barred(session, annotator_id)
    project_ids = [one for one in barred if withdrawal.project_id in {None, one}]
    if not project_ids:
        await withdrawals.end(session, withdrawal)
        return False
    held = await withdrawals.held(session, annotator_id, project_ids, _AT_ONCE)
    ran_out = await withdrawals.ran_out(session, annotator_id, project_ids, _AT_ONCE)
    outdated = False
    if held or ran_out:
        freed = await withdrawals.take_back(session, [*held, *ran_out], now)
        taken = set(held)
        await log_expired(session, [one for one in freed if (one.ended.task_id, one.ended.slot) in taken])
        outdated = await routes.mark_outdated(session, [one.ended.record_id for one in freed])
    if len(held) == _AT_ONCE or len(ran_out) == _AT_ONCE:
        return outdated  # there is more
    await withdrawals.forget_returned(session, annotator_id, project_ids)
    if withdrawal.looks + 1 < _LOOKS:
        await withdrawals.look_again(session, withdrawal, now + _LOOK_AGAIN)
    else:
        await withdrawals.end(session, withdrawal)
    return outdated
