"""The loops that select batches and train models."""

import asyncio
import time
from typing import Final
from uuid import UUID

import structlog

from services.prelabel import metrics
from services.prelabel.domain import learning_schedule
from services.prelabel.exceptions import (
    CannotTrain,
    RunUnderWay,
    TrainingFailure,
    TrainingInterrupted,
)
from services.prelabel.loop_names import COMPARE, LEARN, TRAIN, UNLEARN
from services.prelabel.operations import registry, selection, training
from services.prelabel.operations.model_inputs import Reader
from services.prelabel.operations.training import Begun, TrainedChallenger, TrainingLimits
from services.prelabel.resources import PrelabelRuntime, mark_dirty
from services.prelabel.storage import projects, records, runs
from services.prelabel.storage.runs import Run, RunState
from shared.kit.clock import utc_now
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.database import database_error_kind
from shared.kit.failures import failure_of
from shared.kit.isolation import isolated

log = structlog.get_logger()

_MOST_BEGUN: Final = 6
"""Attempts at a run that were begun; more mean that the training takes the service down with it."""

_PAUSE_LOOK_S: Final = 0.5
_CANCELLED_LOOK_S: Final = 1.0
_BREATH_S: Final = 0.2
"""Labels come one by one; what each of them wakes is done for all that came meanwhile."""


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
        await registry.write_file(runtime.database, runtime.objects, run.model_id, made.data, utc_now())
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
