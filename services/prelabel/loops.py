"""What prelabel does by itself: the third edge, beside api and consumers. All state is in the database.

`score` runs on every replica and shares the work by skipping locked rows; the others run on one. Whatever is
interrupted is found again by the next round, on this replica or on another.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final
from uuid import UUID

import structlog

from services.prelabel import metrics
from services.prelabel.domain import learning_schedule
from services.prelabel.exceptions import (
    CannotTrain,
    InferenceFailed,
    ModelSetAside,
    RunUnderWay,
    TrainingFailure,
    TrainingInterrupted,
)
from services.prelabel.loop_names import COMPARE, COUNT, LEARN, PRUNE, SCORE, TRAIN, UNLEARN
from services.prelabel.operations import comparison, registry, scoring, selection, training, unlearning
from services.prelabel.operations.model_inputs import Reader
from services.prelabel.operations.training import Begun, TrainedChallenger, TrainingLimits
from services.prelabel.resources import PrelabelRuntime, mark_dirty, wake_scoring
from services.prelabel.scoring_queue import ScoringQueue
from services.prelabel.storage import comparison_attempts, models, predictions, projects, records, reports, runs
from services.prelabel.storage.comparison_attempts import ComparisonAttempt
from services.prelabel.storage.models import Model
from services.prelabel.storage.runs import Run, RunState
from shared.kit.clock import utc_now
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.concurrency import side_by_side
from shared.kit.database import DatabaseErrorKind, database_error_kind
from shared.kit.failures import failure_of
from shared.kit.isolation import isolated
from shared.kit.runtime import Loop

log = structlog.get_logger()

IsolatedItem = Callable[..., AbstractContextManager[None]]

_MOST_BEGUN: Final = 6
"""Attempts at a run that were begun; more mean that the training takes the service down with it."""

_FOLDED_AT_ONCE: Final = 5_000
_PAUSE_LOOK_S: Final = 0.5
_PRUNED_AT_ONCE: Final = 2_000
_CHUNKS_A_TURN: Final = 16
_PROJECTS_AT_ONCE: Final = 3
"""Each takes two connections of the pool while it saves; requests need some, too."""
_TRIES_AGAIN_S: Final = 0.2
_CANCELLED_LOOK_S: Final = 1.0
_COMPARED_AGAIN_S: Final = 5.0
_BREATH_S: Final = 0.2
"""Labels come one by one; what each of them wakes is done for all that came meanwhile."""


async def score(runtime: PrelabelRuntime) -> None:
    """Score what is due, until nothing is; projects take turns, so that a large one doesn't hold up the others.

    Some of them are scored side by side: a champion that hangs holds up its own project, also while others come in.
    What became due here is known; what became so on other replicas is looked for now and then.
    """
    queue = ScoringQueue()
    try:
        await _find_due(runtime, queue)
        with isolated(SCORE) as item:
            await side_by_side(
                (_score_by_turns(runtime, queue, item) for _ in range(_PROJECTS_AT_ONCE)), at_once=_PROJECTS_AT_ONCE
            )
    finally:
        if queue.left:
            runtime.resources.unscored.look_again()


async def _find_due(runtime: PrelabelRuntime, queue: ScoringQueue) -> None:
    unscored = runtime.resources.unscored
    queue.add(unscored.take())
    if not unscored.look_is_due():
        return
    unscored.looked(0.0)  # one looks at a time
    started = time.monotonic()
    queue.looking += 1
    try:
        async with runtime.database.autocommit() as session:
            queue.add(await predictions.projects_due(session))
    except BaseException:
        unscored.look_again()
        raise
    finally:
        queue.looking -= 1
    unscored.looked(time.monotonic() - started)


async def _score_by_turns(runtime: PrelabelRuntime, queue: ScoringQueue, item: IsolatedItem) -> None:
    """Score one project after the other, until none is due and nobody else scores one."""
    while True:
        project_id = queue.take()
        if project_id is None:
            if not queue.busy:
                return
            await asyncio.sleep(_TRIES_AGAIN_S)
            if queue.busy:
                await _find_due(runtime, queue)
            continue
        try:
            with item(project_id=project_id):
                queue.done(project_id, more=await _score_project(runtime, project_id))
        finally:
            queue.release(project_id)


async def _score_project(runtime: PrelabelRuntime, project_id: UUID) -> bool:
    """One turn of a project; returns whether it may need another one."""
    resources = runtime.resources
    for _ in range(_CHUNKS_A_TURN):
        started = time.monotonic()
        done = await scoring.score_some(resources.scorer, project_id, resources.pace.size)
        if not done.more:
            mark_dirty(runtime, project_id)
            return False
        if done.scored == 0:  # nothing can be read now, or it is another replica's turn: leave them a moment
            await asyncio.sleep(_TRIES_AGAIN_S)
        if done.elsewhere:
            return True
        if done.scored > 0:  # what a model took that had no answer is no measure
            resources.pace.took(time.monotonic() - started)
    return True


async def learn(runtime: PrelabelRuntime) -> None:
    """For each project: start the training that is due, else select the batch that is due."""
    dirty = runtime.resources.dirty
    started = time.monotonic()
    marked = dirty.take()
    whole = dirty.look_is_due()
    if not marked and not whole:
        return
    async with runtime.database.autocommit() as session:
        active = await projects.active(session)
    with isolated(LEARN) as item:
        for project_id in active:
            if whole or project_id in marked:
                with item(project_id=project_id):
                    await _learn_project(runtime, project_id)
    if whole:
        dirty.looked(time.monotonic() - started)
    await asyncio.sleep(_BREATH_S)


async def _learn_project(runtime: PrelabelRuntime, project_id: UUID) -> None:
    resources = runtime.resources
    async with runtime.database.transaction() as session:
        situation = await resources.projects.situation(session, project_id)
        if not situation.project.active:
            return
        progress = await selection.learning_progress(session, situation)
        try:
            run = await training.request_if_due(session, situation, progress, utc_now())
        except RunUnderWay:
            return
        if run is not None:
            session.on_commit(lambda: runtime.wake(TRAIN))
            return
        quiet_s = resources.arrivals.quiet_s(project_id, await records.newest(session, project_id))
        supply = await selection.supply(session, situation, quiet_s)
        policy = situation.project.learning
        if not learning_schedule.selection_due(policy, progress, supply):
            if quiet_s < learning_schedule.LONG_PAUSE_S:  # it may be due once the import has paused
                resources.dirty.add(project_id)
                asyncio.get_running_loop().call_later(_PAUSE_LOOK_S, runtime.wake, LEARN)
            return
        pool = await selection.gather(session, situation, progress)
    reader = Reader(runtime.objects, runtime.compute, project_id)
    chosen, thumbnails = await selection.choose(reader, situation, pool)
    async with runtime.database.transaction() as session:
        marked = await selection.select(session, situation, pool, chosen, thumbnails, utc_now())
    log.info("batch_selected", project_id=project_id, batch=pool.batch, records=marked)
    mark_dirty(runtime, project_id)
    if policy.enabled and situation.project.objective is not None:
        await _warm_up(runtime)


async def _warm_up(runtime: PrelabelRuntime) -> None:
    """Let a worker import its libraries for training while people label."""
    try:
        await training.warm_up(runtime.compute, runtime.resources.training)
    except (ComputeFailed, ImportError) as error:
        log.warning("training_libraries_missing", exc_info=error)


async def train(runtime: PrelabelRuntime) -> float | None:
    """Run what is queued, one after the other; each has one turn a round. Return in how many seconds the next is due."""
    begun: set[UUID] = set()
    with isolated(TRAIN) as item:
        while True:
            async with runtime.database.autocommit() as session:
                run = await runs.next_waiting(session, utc_now(), begun)
                retry_at = None if run is not None else await runs.next_retry(session)
            if run is None:
                return None if retry_at is None else max(0.0, (retry_at - utc_now()).total_seconds())
            begun.add(run.run_id)
            with item(run_id=run.run_id):
                await _train_one(runtime, run)
            runtime.wake(COMPARE)
            runtime.wake(UNLEARN)
            mark_dirty(runtime, run.project_id)


async def _train_one(runtime: PrelabelRuntime, run: Run) -> None:
    limits = runtime.resources.training
    try:
        async with runtime.database.transaction() as session:
            begun = await training.begin(session, runtime.resources.projects, run, limits, utc_now())
        if begun is None:
            return
        run = begun.run
        if run.attempts > _MOST_BEGUN:
            raise CannotTrain(TrainingFailure.INTERRUPTED, "the service was interrupted in every attempt")
        with metrics.TRAIN_S.time():
            made = await _make(runtime, begun, limits)
        if made is None:
            log.info("training_cancelled", run_id=run.run_id)
            return
        await runtime.objects.put(models.object_key(run.model_id), made.data, "application/octet-stream")
        async with runtime.database.transaction() as session:
            finished = await training.finish(session, begun, made, utc_now())
        if finished is None:
            runtime.wake(UNLEARN)
            return
        metrics.TRAINED.labels("made", "").inc()
    except (CannotTrain, TrainingInterrupted, ComputeFailed) as error:
        await _give_up(runtime, run, error, str(error), for_good=isinstance(error, CannotTrain))
    except Exception as error:
        if database_error_kind(error) is None:
            await _give_up(runtime, run, error, failure_of(error), for_good=False)
        raise


async def _give_up(runtime: PrelabelRuntime, run: Run, error: Exception, failure: str, *, for_good: bool) -> None:
    reason = training.failure_reason(error)
    metrics.TRAINED.labels("failed", reason).inc()
    async with runtime.database.transaction() as session:
        await training.give_up(session, run, reason, failure, utc_now(), for_good=for_good)


async def _make(runtime: PrelabelRuntime, begun: Begun, limits: TrainingLimits) -> TrainedChallenger | None:
    """The run's model; None, and its process is ended, once the run is cancelled or another replica begins it."""
    run = begun.run
    making = asyncio.create_task(
        training.make(Reader(runtime.objects, runtime.compute, run.project_id), begun, limits), name="make a model"
    )
    try:
        while not (await asyncio.wait({making}, timeout=_CANCELLED_LOOK_S))[0]:
            async with runtime.database.transaction() as session:
                now = await runs.get(session, run.run_id)
            if (now.state, now.attempts) != (RunState.RUNNING, run.attempts):
                return None
        return making.result()
    finally:
        if making.cancel():
            await asyncio.wait({making})


async def compare(runtime: PrelabelRuntime) -> float | None:
    """Compare the challengers for which there are held-out labels enough.

    Return in how many seconds one whose comparison failed is due again.
    """
    async with runtime.database.autocommit() as session:
        due = [
            model
            for model in await models.to_compare(session)
            if await comparison.is_due(session, runtime.resources.projects, model)
        ]
    with isolated(COMPARE) as item:
        for model in due:
            with item(model_id=model.model_id):
                await _attempt_comparison(runtime, model)
                runtime.wake(UNLEARN)
                wake_scoring(runtime, model.project_id)
                mark_dirty(runtime, model.project_id)
    if due:
        await asyncio.sleep(_BREATH_S)
    async with runtime.database.autocommit() as session:
        return await comparison_attempts.next_in_s(session)


async def _attempt_comparison(runtime: PrelabelRuntime, model: Model) -> None:
    """Compare; the attempt counts whatever ends it, and after the last one the model is rejected with its reason."""
    async with runtime.database.autocommit() as session:
        attempt = await comparison_attempts.begin(session, model.model_id)
    if attempt.number > comparison.MOST_ATTEMPTS:
        await _give_up_comparison(runtime, model, attempt, attempt.failure or "")
        return
    try:
        concluded = await _compare_one(runtime, model)
    except InferenceFailed as error:
        log.warning("comparison_failed", model_id=model.model_id, exc_info=error)
        failure = f"it could not answer the held-out records: {error}"
        await _give_up_comparison(runtime, model, attempt, failure, for_good=isinstance(error, ModelSetAside))
        return
    except Exception as error:
        if database_error_kind(error) is not DatabaseErrorKind.AWAY:
            await _give_up_comparison(runtime, model, attempt, failure_of(error))
        raise
    if concluded is None:
        async with runtime.database.autocommit() as session:
            await comparison_attempts.postpone(session, model.model_id, _COMPARED_AGAIN_S)
    else:
        metrics.COMPARED.labels(concluded.stage).inc()


async def _give_up_comparison(
    runtime: PrelabelRuntime, model: Model, attempt: ComparisonAttempt, failure: str, *, for_good: bool = False
) -> None:
    async with runtime.database.transaction() as session:
        rejected = await comparison.give_up(session, model, attempt, failure, utc_now(), for_good=for_good)
    metrics.COMPARED.labels("failed" if rejected is None else rejected.stage).inc()


async def _compare_one(runtime: PrelabelRuntime, model: Model) -> Model | None:
    """The model as it was decided on; None when it can't be compared now, or something changed meanwhile."""
    async with runtime.database.transaction() as session:
        contest = await comparison.prepare(session, model)
    outcome = None
    if contest.examples or not contest.champion_unlearns:
        outcome = await comparison.measure(
            runtime.resources.inference, Reader(runtime.objects, runtime.compute, model.project_id), contest
        )
        if outcome is None:
            return None
    async with runtime.database.transaction() as session:
        concluded = await comparison.conclude(session, runtime.resources.projects, contest, outcome, utc_now())
    if concluded is not None:
        accuracy = None if outcome is None else outcome.challenger.accuracy
        log.info("compared", model_id=model.model_id, stage=concluded.stage, accuracy=accuracy)
    return concluded


async def count(runtime: PrelabelRuntime) -> None:
    """Fold feedback into counts, and count gold that models learnt from."""
    while True:
        async with runtime.database.transaction() as session:
            folded = await reports.fold_feedback(session, _FOLDED_AT_ONCE)
            contaminated = await registry.count_contaminated(session)
        if folded < _FOLDED_AT_ONCE and contaminated == 0:
            return


async def prune(runtime: PrelabelRuntime) -> None:
    """Delete predictions that were followed by newer ones as long ago as events are kept."""
    pruned = _PRUNED_AT_ONCE
    while pruned == _PRUNED_AT_ONCE:
        async with runtime.database.transaction() as session:
            pruned = await predictions.prune(session, runtime.settings.event_retention_days, _PRUNED_AT_ONCE)


async def unlearn(runtime: PrelabelRuntime) -> None:
    """Take away the files of models that learnt from erased records, as soon as they are not in use."""
    await unlearning.retire_models(runtime.database, utc_now())
    while await unlearning.delete_files(runtime.database, runtime.objects, utc_now()):
        pass


# All are woken by what they wait for; the intervals are for what other replicas did.
LOOPS: Final = (
    Loop(SCORE, 2.0, score, leader=False),
    Loop(LEARN, 2.0, learn),
    Loop(TRAIN, 5.0, train),
    Loop(COMPARE, 5.0, compare),
    Loop(COUNT, 10.0, count),
    Loop(PRUNE, 600.0, prune),
    Loop(UNLEARN, 5.0, unlearn),
)
