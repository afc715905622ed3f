"""The background loops of qa. Each leads on one replica; marks in the database are the work to do."""

import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from prometheus_client import Counter, Gauge

from services.qa.operations import (
    agreement_recount,
    agreement_updates,
    assessments,
    feedback,
    label_doubts,
    population_updates,
    predictions,
    redecisions,
    replacements,
    sealing,
    supersession,
    thresholds,
)
from services.qa.resources import QaRuntime
from services.qa.storage import agreement_counts, counters, work_attempts
from services.qa.storage import chain as chains
from services.qa.storage.counters import BackgroundWork, Mark
from shared.kit.app import Loop
from shared.kit.clock import utc_now
from shared.kit.database import DatabaseErrorKind, database_error_kind
from shared.kit.failures import failure_of
from shared.kit.isolation import isolated
from shared.kit.rounds import until_done

ESTIMATE = "estimate"
TEST = "test_thresholds"
REPLACE = "replace_votes"
REDECIDE = "decide_again"
FOLD = "fold_counters"
SEAL = "seal"
SUPERSEDE = "supersede_releases"
AGREEMENT = "count_agreement"
POPULATION = "count_population"
JUDGE = "judge_pending"
REVIEW = "review_reports"
RELABEL = "relabel"
PRUNE = "prune"

FAILED = Counter("touchstone_background_failures", "Attempts at background work that failed.", ("work", "reason"))
FAILING = Gauge(
    "touchstone_background_failing",
    "Projects' background work whose newest attempt failed; it is tried again.",
    ("work",),
)

_PROJECTS_AT_ONCE = 100
_DELTAS_AT_ONCE = 10_000
_PRUNED_AT_ONCE = 500
_REST_FROM_S = 0.5
_TURN_S = 10.0
_POPULATION_SHARE = 0.05


async def _each_mark(
    runtime: QaRuntime,
    kind: BackgroundWork,
    work: Callable[[UUID, UUID | None], Awaitable[None]],
    *,
    share: float = 1.0,
    due_in_s: Callable[[UUID, int], float] = lambda _project_id, _weight: 0.0,
) -> float | None:
    """Do what is marked and due, project by project, then take the marks away; what fails stays marked.

    With a `share` below 1 a project rests after each time, so that the work takes no larger share of the time. A project
    whose work fails holds up no other; its error is raised after them, and it is attempted again after a pause that
    grows. Returned is in how many seconds the next is due.
    """
    pauses = runtime.resources.pauses
    async with runtime.database.autocommit() as session:
        marked = await counters.marks(session, kind)
    FAILING.labels(kind).set(sum(marks.failing for marks in marked.values()))
    waits_s = []
    with isolated(kind) as item:
        for (project_id, subject), marks in marked.items():
            wait_s = max(marks.retry_in_s, pauses.rests_s(kind, project_id), due_in_s(project_id, marks.weight))
            if wait_s > 0.0:
                waits_s.append(wait_s)
                continue
            with item(project_id=project_id), pauses.resting_after(kind, project_id, share):
                await _attempt(runtime, Mark(project_id, kind, subject), marks.seqs, work)
    return min(waits_s, default=None)


async def _attempt(
    runtime: QaRuntime, mark: Mark, seqs: list[int], work: Callable[[UUID, UUID | None], Awaitable[None]]
) -> None:
    """Do what is marked and take the marks away; the attempt counts whatever ends it."""
    async with runtime.database.autocommit() as session:
        await work_attempts.begin(session, mark)
    try:
        await work(mark.project_id, mark.subject)
    except Exception as error:
        if database_error_kind(error) is not DatabaseErrorKind.AWAY:
            FAILED.labels(mark.kind, type(error).__name__).inc()
            async with runtime.database.autocommit() as session:
                await work_attempts.fail(session, mark, failure_of(error))
        raise
    async with runtime.database.transaction() as session:
        await counters.unmark(session, seqs)
        await work_attempts.end(session, mark)


async def estimate(runtime: QaRuntime) -> float | None:
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
        runtime.wake(REDECIDE)

    return await _each_mark(
        runtime, BackgroundWork.ESTIMATION, work, share=limits.share, due_in_s=pauses.estimation_due_in_s
    )


async def test_thresholds(runtime: QaRuntime) -> float | None:
    async def work(project_id: UUID, _: UUID | None) -> None:
        await thresholds.consider(runtime.database, runtime.compute, project_id, utc_now())

    share = runtime.resources.estimation.share
    return await _each_mark(runtime, BackgroundWork.THRESHOLD_TEST, work, share=share)


async def count_population(runtime: QaRuntime) -> float | None:
    """Count what records hold where labels or predictions changed; a project rests twenty times as long as that took."""

    async def work(project_id: UUID, _: UUID | None) -> None:
        await population_updates.recount(runtime.database, runtime.compute, project_id, utc_now())

    return await _each_mark(runtime, BackgroundWork.POPULATION, work, share=_POPULATION_SHARE)


async def replace_votes(runtime: QaRuntime) -> None:
    async def work(project_id: UUID, annotator_id: UUID | None) -> None:
        assert annotator_id is not None
        await replacements.replace_votes(runtime.database, project_id, annotator_id, utc_now())

    await _each_mark(runtime, BackgroundWork.REPLACEMENT, work)


async def decide_again(runtime: QaRuntime) -> None:
    async def work(project_id: UUID, _: UUID | None) -> None:
        await redecisions.decide_again(runtime.database, project_id, utc_now())

    await _each_mark(runtime, BackgroundWork.REDECISION, work, share=runtime.resources.estimation.share)


async def judge_pending(runtime: QaRuntime) -> None:
    await runtime.resources.pending.run()


async def review_reports(runtime: QaRuntime) -> None:
    await feedback.review_overdue(runtime.database, runtime.resources.projects, utc_now())


async def relabel(runtime: QaRuntime) -> float | None:
    """Have labels labelled again that look wrong to models. Return in how many seconds the next may be sent."""
    now = utc_now()
    due_at = await label_doubts.send_due(runtime.database, now)
    return None if due_at is None else max(0.0, (due_at - now).total_seconds())


async def fold_counters(runtime: QaRuntime) -> None:
    await until_done(runtime.database.autocommit, counters.fold, _DELTAS_AT_ONCE)


async def seal(runtime: QaRuntime) -> None:
    while True:
        async with runtime.database.autocommit() as session:
            waiting = await chains.projects_to_seal(session, _PROJECTS_AT_ONCE)
        sealed = 0
        with isolated(SEAL) as item:
            for project_id in waiting:
                with item(project_id=project_id):
                    sealed += await sealing.seal_some(
                        runtime.database, runtime.resources.seal_keys, project_id, utc_now()
                    )
        if not sealed:
            return


async def supersede_releases(runtime: QaRuntime) -> None:
    await supersession.close_failed(runtime.database, runtime.objects)
    await supersession.clear_cancelled(runtime.database, runtime.objects)
    while await supersession.replace_superseded(runtime.database, runtime.objects, utc_now()):
        pass


async def prune(runtime: QaRuntime) -> None:
    """Delete predictions that were superseded as long ago as events are kept, but those that lineage names."""
    days = runtime.settings.event_retention_days
    await until_done(
        runtime.database.transaction, lambda session, limit: predictions.prune(session, days, limit), _PRUNED_AT_ONCE
    )


async def count_agreement(runtime: QaRuntime) -> float | None:
    """Count what changed and compute the results again; a project rests in proportion to the time it took.

    Return in how many seconds the next project is due.
    """
    pauses, share = runtime.resources.pauses, runtime.resources.estimation.share
    await agreement_recount.release_abandoned(runtime.database)
    async with runtime.database.autocommit() as session:
        changed = await agreement_counts.changed_projects(session)
    waits_s = []
    with isolated(AGREEMENT) as item:
        for project_id in changed:
            if wait_s := pauses.rests_s(AGREEMENT, project_id):
                waits_s.append(wait_s)
                continue
            started = time.monotonic()
            with item(project_id=project_id), pauses.resting_after(AGREEMENT, project_id, share, least_s=_REST_FROM_S):
                while await agreement_updates.count_changes(runtime.database, runtime.compute, project_id):
                    if time.monotonic() - started > _TURN_S:
                        waits_s.append(0.0)  # the rest in the next round, after the other projects
                        break
                await agreement_updates.measure_outdated(runtime.database, runtime.compute, project_id, utc_now())
    return min(waits_s, default=None)


def loops_of(*, estimation_interval_s: float, seal_interval_s: float) -> list[Loop]:
    return [
        Loop(ESTIMATE, estimation_interval_s, estimate),
        Loop(TEST, 1.0, test_thresholds),
        Loop(REPLACE, 1.0, replace_votes),
        Loop(REDECIDE, 1.0, decide_again),
        Loop(JUDGE, 1.0, judge_pending),
        Loop(REVIEW, 600.0, review_reports),
        Loop(RELABEL, 10.0, relabel),
        Loop(FOLD, 5.0, fold_counters),
        Loop(SEAL, seal_interval_s, seal),
        Loop(SUPERSEDE, 5.0, supersede_releases),
        Loop(AGREEMENT, 2.0, count_agreement),
        Loop(POPULATION, 5.0, count_population),
        Loop(PRUNE, 600.0, prune),
    ]
