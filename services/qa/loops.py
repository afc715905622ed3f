"""The background loops of qa. Each leads on one replica; marks in the database are the work to do."""

import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from services.qa.operations import (
    agreement_recount,
    agreement_updates,
    assessments,
    chain,
    feedback,
    replacements,
    supersession,
    thresholds,
)
from services.qa.resources import QaRuntime
from services.qa.storage import agreement_counts, counters
from services.qa.storage import chain as chains
from services.qa.storage.counters import BackgroundWork
from shared.kit.app import Loop
from shared.kit.clock import utc_now
from shared.kit.isolation import isolated

ESTIMATE = "estimate"
TEST = "test_thresholds"
REPLACE = "replace_votes"
FOLD = "fold_counters"
SEAL = "seal"
SUPERSEDE = "supersede_releases"
AGREEMENT = "count_agreement"
JUDGE = "judge_pending"
REVIEW = "review_reports"

_PROJECTS_AT_ONCE = 100
_DELTAS_AT_ONCE = 10_000
_REST_FROM_S = 0.5
_TURN_S = 10.0


async def _each_mark(
    runtime: QaRuntime,
    kind: BackgroundWork,
    work: Callable[[UUID, UUID | None], Awaitable[None]],
    *,
    share: float = 1.0,
    is_due: Callable[[UUID, int], bool] = lambda _project_id, _weight: True,
) -> None:
    """Do what is marked and due, project by project, then take the marks away; what fails stays marked.

    With a `share` below 1 a project rests after each time, so that the work takes no larger share of the time. A project
    whose work fails holds up no other; its error is raised after them.
    """
    pauses = runtime.resources.pauses
    async with runtime.database.transaction() as session:
        marked = await counters.marks(session, kind)
    with isolated(kind) as item:
        for (project_id, subject), marks in marked.items():
            if pauses.rests(kind, project_id) or not is_due(project_id, marks.weight):
                continue
            started = time.monotonic()
            with item(project_id=project_id):
                await work(project_id, subject)
                async with runtime.database.transaction() as session:
                    await counters.unmark(session, marks.seqs)
            pauses.rest(kind, project_id, started, share)


async def estimate(runtime: QaRuntime) -> None:
    limits = runtime.resources.estimation
    pauses = runtime.resources.pauses

    async def work(project_id: UUID, _: UUID | None) -> None:
        pauses.estimated[project_id] = await assessments.estimate_project(
            runtime.database,
            runtime.compute,
            project_id,
            limits.annotations,
            utc_now(),
            pauses.estimated.get(project_id),
        )
        pauses.waiting.pop(project_id, None)
        runtime.wake(REPLACE)

    await _each_mark(runtime, BackgroundWork.ESTIMATION, work, share=limits.share, is_due=pauses.estimation_is_due)


async def test_thresholds(runtime: QaRuntime) -> None:
    async def work(project_id: UUID, _: UUID | None) -> None:
        await thresholds.consider(runtime.database, runtime.compute, project_id, utc_now())

    await _each_mark(runtime, BackgroundWork.THRESHOLD_TEST, work, share=runtime.resources.estimation.share)


async def replace_votes(runtime: QaRuntime) -> None:
    async def work(project_id: UUID, annotator_id: UUID | None) -> None:
        assert annotator_id is not None
        await replacements.replace_votes(runtime.database, project_id, annotator_id, utc_now())

    await _each_mark(runtime, BackgroundWork.REPLACEMENT, work)


async def judge_pending(runtime: QaRuntime) -> None:
    await runtime.resources.pending.run()


async def review_reports(runtime: QaRuntime) -> None:
    await feedback.review_overdue(runtime.database, runtime.resources.projects, utc_now())


async def fold_counters(runtime: QaRuntime) -> None:
    while True:
        async with runtime.database.transaction() as session:
            folded = await counters.fold(session, _DELTAS_AT_ONCE)
        if folded < _DELTAS_AT_ONCE:
            return


async def seal(runtime: QaRuntime) -> None:
    while True:
        async with runtime.database.transaction() as session:
            waiting = await chains.projects_to_seal(session, _PROJECTS_AT_ONCE)
        sealed = 0
        with isolated(SEAL) as item:
            for project_id in waiting:
                with item(project_id=project_id):
                    async with runtime.database.transaction() as session:
                        sealed += await chain.seal(session, project_id, utc_now())
        if not sealed:
            return


async def supersede_releases(runtime: QaRuntime) -> None:
    await supersession.close_failed(runtime.database, runtime.objects)
    await supersession.replace_superseded(runtime.database, runtime.objects, utc_now())


async def count_agreement(runtime: QaRuntime) -> None:
    """Count what changed and compute the results again; a project rests in proportion to the time it took."""
    pauses = runtime.resources.pauses
    await agreement_recount.release_abandoned(runtime.database)
    async with runtime.database.transaction() as session:
        changed = await agreement_counts.changed_projects(session)
    with isolated(AGREEMENT) as item:
        for project_id in changed:
            if pauses.rests(AGREEMENT, project_id):
                continue
            started = time.monotonic()
            with item(project_id=project_id):
                while await agreement_updates.count_changes(runtime.database, runtime.compute, project_id):
                    if time.monotonic() - started > _TURN_S:
                        break  # the rest in the next round, after the other projects
                await agreement_updates.measure_outdated(runtime.database, runtime.compute, project_id, utc_now())
            if time.monotonic() - started > _REST_FROM_S:
                pauses.rest(AGREEMENT, project_id, started, runtime.resources.estimation.share)


def loops_of(*, estimation_interval_s: float, seal_interval_s: float) -> list[Loop]:
    return [
        Loop(ESTIMATE, estimation_interval_s, estimate),
        Loop(TEST, 1.0, test_thresholds),
        Loop(REPLACE, 1.0, replace_votes),
        Loop(JUDGE, 1.0, judge_pending),
        Loop(REVIEW, 600.0, review_reports),
        Loop(FOLD, 5.0, fold_counters),
        Loop(SEAL, seal_interval_s, seal),
        Loop(SUPERSEDE, 5.0, supersede_releases),
        Loop(AGREEMENT, 2.0, count_agreement),
    ]
