"""The background loops of qa. Each leads on one replica; marks in the database say what there is to do."""

import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from services.qa.operations import assessing, chain, ending, openings, releases, thresholds
from services.qa.operations.limits import Limits
from services.qa.storage import chain as chains
from services.qa.storage import counters
from shared.kit.app import Loop, Runtime
from shared.kit.clock import utc_now

ESTIMATE = "estimate"
TEST = "test_thresholds"
REPLACE = "replace_votes"
FOLD = "fold_counters"
SEAL = "seal"
SUPERSEDE = "supersede_releases"

_PAUSES = "pauses"
_PROJECTS_AT_ONCE = 100
_DELTAS_AT_ONCE = 10_000


async def _each_mark(
    runtime: Runtime, kind: str, work: Callable[[UUID, UUID | None], Awaitable[None]], *, share: float = 1.0
) -> None:
    """Do what is marked, project by project, then take the marks away; what fails stays marked.

    With a `share` below 1 a project rests after each time, so that the work takes no larger share of the time.
    """
    pauses: dict[tuple[str, UUID], float] = runtime.extras.setdefault(_PAUSES, {})
    async with runtime.database.transaction() as session:
        marked = await counters.marks(session, kind)
    for (project_id, subject), mark_seqs in marked.items():
        started = time.monotonic()
        if started < pauses.get((kind, project_id), 0.0):
            continue
        await work(project_id, subject)
        async with runtime.database.transaction() as session:
            await counters.unmark(session, mark_seqs)
        ended = time.monotonic()
        pauses[kind, project_id] = ended + (ended - started) * (1.0 / share - 1.0)


async def estimate(runtime: Runtime) -> None:
    limits = Limits.of(runtime.extras)

    async def work(project_id: UUID, _: UUID | None) -> None:
        await assessing.estimate_project(runtime.database, project_id, limits.estimation_annotations, utc_now())
        runtime.wake(REPLACE)

    await _each_mark(runtime, ending.ESTIMATES, work, share=limits.estimation_share)


async def test_thresholds(runtime: Runtime) -> None:
    async def work(project_id: UUID, _: UUID | None) -> None:
        await thresholds.consider(runtime.database, project_id, utc_now())

    await _each_mark(runtime, ending.THRESHOLDS, work, share=Limits.of(runtime.extras).estimation_share)


async def replace_votes(runtime: Runtime) -> None:
    async def work(project_id: UUID, annotator_id: UUID | None) -> None:
        assert annotator_id is not None
        await openings.replace_votes(runtime.database, project_id, annotator_id, utc_now())

    await _each_mark(runtime, assessing.REPLACEMENTS, work)


async def fold_counters(runtime: Runtime) -> None:
    while True:
        async with runtime.database.transaction() as session:
            folded = await counters.fold(session, _DELTAS_AT_ONCE)
        if folded < _DELTAS_AT_ONCE:
            return


async def seal(runtime: Runtime) -> None:
    while True:
        async with runtime.database.transaction() as session:
            waiting = await chains.projects_to_seal(session, _PROJECTS_AT_ONCE)
        sealed = 0
        for project_id in waiting:
            async with runtime.database.transaction() as session:
                sealed += await chain.seal(session, project_id, utc_now())
        if not sealed:
            return


async def supersede_releases(runtime: Runtime) -> None:
    await releases.supersede(runtime.database, runtime.objects, utc_now())


def loops_of(*, estimation_interval_s: float, seal_interval_s: float) -> list[Loop]:
    return [
        Loop(ESTIMATE, estimation_interval_s, estimate),
        Loop(TEST, 1.0, test_thresholds),
        Loop(REPLACE, 1.0, replace_votes),
        Loop(FOLD, 5.0, fold_counters),
        Loop(SEAL, seal_interval_s, seal),
        Loop(SUPERSEDE, 5.0, supersede_releases),
    ]
