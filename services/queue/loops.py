"""The background loops of queue. Each leads on one replica but `top_up_gold`, which serves what its own replica remembers."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

from services.queue.operations import expiry, gold_exposures, routing, servability, withdrawal
from services.queue.resources import QueueRuntime
from services.queue.storage import gold_exposures as storage_of_gold
from services.queue.storage import leases, progress, withdrawals
from services.queue.storage import servability as storage
from services.queue.storage.records import FIRST
from shared.kit.clock import utc_now
from shared.kit.rounds import until_done

_EXPIRED_AT_ONCE = 500
_FOLDED_AT_ONCE = 10_000
ROUTED_AT_ONCE = 200
"""How many records one transaction routes again: their locks are held until it commits, and each step takes some
milliseconds of the event loop."""
EXAMINED_AT_ONCE = 200
_TOPPED_UP_AT_ONCE = 500


async def expire_leases(runtime: QueueRuntime) -> float | None:
    """Make slots claimable whose leases ran out, and publish that; return in how many seconds the next one does."""
    while True:
        async with runtime.database.autocommit() as session:
            until = await leases.next_expiry(session)
        if until is None or until >= utc_now():
            return _seconds_to(until)
        async with runtime.database.transaction() as session:
            expired = await expiry.expire_leases(session, utc_now(), _EXPIRED_AT_ONCE)
        if not expired.leases:
            return 0.0  # somebody has locked them
        if expired.outdated:
            runtime.wake("route_waiting")


def _seconds_to(moment: datetime | None) -> float | None:
    return None if moment is None else max(0.0, (moment - utc_now()).total_seconds())


async def fold_progress(runtime: QueueRuntime) -> None:
    await until_done(runtime.database.autocommit, progress.fold, _FOLDED_AT_ONCE)


async def take_back(runtime: QueueRuntime) -> float | None:
    """Take back what annotators hold who may not work any more; return in how many seconds to look again."""
    outdated: bool | None = False
    while outdated is not None:
        async with runtime.database.transaction() as session:
            outdated = await withdrawal.take_back(session, utc_now())
        if outdated:
            runtime.wake("route_waiting")
    async with runtime.database.autocommit() as session:
        return _seconds_to(await withdrawals.next_due(session))


async def reroute(runtime: QueueRuntime) -> None:
    """Route again what changes of projects and thresholds concern."""
    while await routing.reroute(runtime.database, runtime.resources.projects, utc_now(), ROUTED_AT_ONCE):
        pass


async def route_waiting(runtime: QueueRuntime) -> None:
    """Route what waited for its project, or for somebody to let go of it."""
    projects = runtime.resources.projects
    await until_done(
        runtime.database.transaction,
        lambda session, limit: routing.route_waiting(session, projects, utc_now(), limit),
        ROUTED_AT_ONCE,
    )


async def top_up_gold(runtime: QueueRuntime) -> None:
    """Make slots for the gold that this replica has just served."""
    while task_ids := runtime.resources.hints.gold.take(_TOPPED_UP_AT_ONCE):
        async with runtime.database.transaction() as session:
            await gold_exposures.top_up(session, runtime.resources.projects, task_ids)


async def look_through_gold(runtime: QueueRuntime) -> None:
    """Make slots for gold that runs short and that no process remembers to have served."""
    after: UUID | None = FIRST
    while after is not None:
        async with runtime.database.transaction() as session:
            page = await storage_of_gold.page(session, after, _TOPPED_UP_AT_ONCE)
            await gold_exposures.top_up(session, runtime.resources.projects, page)
        after = page[-1] if len(page) == _TOPPED_UP_AT_ONCE else None


def find_unservable(after_s: float, most_skips: int) -> Callable[[QueueRuntime], Awaitable[float | None]]:
    """The loop that closes tasks that nobody can serve, `after_s` seconds after they came under suspicion.

    And then looks at those that somebody can serve again. One after the other: so who arrives while a task is examined is
    either seen there, or looked at when the task is closed already.
    """
    after = timedelta(seconds=after_s)

    async def run(runtime: QueueRuntime) -> float | None:
        now = utc_now()
        async with runtime.database.autocommit() as session:
            suspected_at = await storage.next_suspected(session)
        if suspected_at is not None and suspected_at + after <= now:
            async with runtime.database.transaction() as session:
                await servability.examine(
                    session, runtime.resources.projects, now, now - after, most_skips, EXAMINED_AT_ONCE
                )
                suspected_at = await storage.next_suspected(session)
        if await _find_servable(runtime, most_skips):
            return 0.0
        return None if suspected_at is None else _seconds_to(suspected_at + after)

    return run


async def _find_servable(runtime: QueueRuntime, most_skips: int) -> bool:
    """Look at what nobody could serve, if anybody arrived since; return whether others may have arrived, too.

    They are forgotten last: a crash loses nobody.
    """
    async with runtime.database.autocommit() as session:
        arrived = await storage.arrivals(session, EXAMINED_AT_ONCE)
    if not arrived:
        return False
    annotators = sorted(set(arrived.values()))
    after: UUID | None = FIRST
    while after is not None:
        async with runtime.database.transaction() as session:
            after = await servability.examine_unserved(
                session, runtime.resources.projects, annotators, after, most_skips, EXAMINED_AT_ONCE
            )
    async with runtime.database.transaction() as session:
        await storage.forget_arrivals(session, list(arrived))
    return len(arrived) == EXAMINED_AT_ONCE
