"""What queue does again and again, on one replica."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from services.queue.operations import endings, routing, upkeep
from services.queue.storage import arrivals, progress, supply, tasks
from services.queue.storage.records import FIRST
from shared.kit.clock import utc_now
from shared.kit.database import Session
from shared.kit.runtime import Runtime

_EXPIRED_AT_ONCE = 500
_FOLDED_AT_ONCE = 10_000
_OPENED_AT_ONCE = 1_000
EXAMINED_AT_ONCE = 200


async def _until_done(runtime: Runtime, step: Callable[[Session], Awaitable[int]], at_once: int) -> None:
    """Transaction after transaction, until one has less to do than it could."""
    done = at_once
    while done >= at_once:
        async with runtime.database.transaction() as session:
            done = await step(session)


async def expire_leases(runtime: Runtime) -> None:
    """Make slots claimable whose leases ran out, and tell of it."""
    await _until_done(
        runtime, lambda session: endings.expire_leases(session, utc_now(), _EXPIRED_AT_ONCE), _EXPIRED_AT_ONCE
    )


async def fold_progress(runtime: Runtime) -> None:
    await _until_done(runtime, lambda session: progress.fold(session, _FOLDED_AT_ONCE), _FOLDED_AT_ONCE)


async def reroute(runtime: Runtime) -> None:
    """Re-route what a new threshold concerns; what somebody had locked comes in the next round."""
    await _until_done(runtime, lambda session: routing.reroute(session, utc_now()), routing.REROUTED_AT_ONCE)


async def route_waiting(runtime: Runtime) -> None:
    """Route what waited for its project, and open what its project holds no longer."""
    await _until_done(runtime, lambda session: routing.route_waiting(session, utc_now()), routing.REROUTED_AT_ONCE)
    await _until_done(runtime, lambda session: tasks.open_held(session, _OPENED_AT_ONCE), _OPENED_AT_ONCE)


def find_unservable(after_s: float, most_skips: int) -> Callable[[Runtime], Awaitable[None]]:
    """The loop that tells of tasks that nobody can serve, `after_s` seconds after they came under suspicion.

    And then of those that somebody can serve again. One after the other: so who arrives while a task is examined is
    either seen there, or looked at when the task is told of already.
    """

    async def run(runtime: Runtime) -> None:
        async with runtime.database.transaction() as session:
            found = await supply.suspected(session, utc_now() - timedelta(seconds=after_s), EXAMINED_AT_ONCE)
        for suspect in found:
            async with runtime.database.transaction() as session:
                await upkeep.examine(session, suspect, utc_now(), most_skips)
        await _find_servable(runtime, most_skips)

    return run


async def _find_servable(runtime: Runtime, most_skips: int) -> None:
    """Look at what nobody could serve, if anybody arrived since. They are forgotten last: a crash loses nobody."""
    async with runtime.database.transaction() as session:
        arrived = await arrivals.find(session, EXAMINED_AT_ONCE)
    if not arrived:
        return
    annotators = sorted(set(arrived.values()))
    after: UUID | None = FIRST
    while after is not None:
        async with runtime.database.transaction() as session:
            found, after = await upkeep.unserved_page(session, annotators, after, EXAMINED_AT_ONCE)
        for suspect in found:
            async with runtime.database.transaction() as session:
                await upkeep.examine_again(session, suspect, most_skips)
    async with runtime.database.transaction() as session:
        await arrivals.remove(session, list(arrived))
