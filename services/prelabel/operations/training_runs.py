"""Training runs, from their turn to their end."""

import asyncio
import contextlib
from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from services.prelabel import metrics
from services.prelabel.exceptions import CannotTrain, TrainingFailure, TrainingInterrupted
from services.prelabel.operations import registry, training
from services.prelabel.operations.backends import Backends
from services.prelabel.operations.training import Begun, TrainedChallenger, TrainingLimits
from services.prelabel.process_state.training_ends import TrainingEnds
from services.prelabel.storage import runs
from services.prelabel.storage.runs import Run, RunState
from shared.kit.clock import to_tick, utc_now
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.database import Database, Session, database_error_kind
from shared.kit.exceptions import JobFailed
from shared.kit.failures import failure_of
from shared.kit.jobs import CANCELLED

log = structlog.get_logger()

FOLLOW: Final = "training"
"""The kind of job that waits for a run to make its model."""

_MOST_BEGUN: Final = 6
"""Attempts at a run that were begun; more mean that the training takes the service down with it."""

_CANCELLED_LOOK_S: Final = 1.0
_ENDED_LOOK_S: Final = 5.0
"""A run's end is noted; this is for what was noted while nobody could hear it."""


async def next_waiting(database: Database, besides: Collection[UUID]) -> Run | float | None:
    """The run to attempt next that is not one of `besides`. Without one, in how many seconds the next may be attempted
    again; None where none will be.
    """
    now = utc_now()
    async with database.autocommit() as session:
        run = await runs.next_waiting(session, now, besides)
        if run is not None:
            return run
        retry_at = await runs.next_retry(session)
    return None if retry_at is None else max(0.0, (retry_at - now).total_seconds())


async def attempt(backends: Backends, run: Run, limits: TrainingLimits) -> None:
    """Make the run's model and register it as a challenger, or note why that failed. The attempt counts whatever ends it.

    Nothing is registered once the run is cancelled, or one of its records is erased.
    """
    try:
        async with backends.database.transaction() as session:
            begun = await training.begin(session, backends.projects, run, limits, utc_now())
        if begun is None:
            return
        run = begun.run
        if run.attempts > _MOST_BEGUN:
            raise CannotTrain(TrainingFailure.INTERRUPTED, "the service was interrupted in every attempt")
        with metrics.TRAIN_S.time():
            made = await _make(backends, begun, limits)
        if made is None:
            log.info("training_cancelled", run_id=run.run_id)
            return
        await registry.write_file(backends.database, backends.objects, run.model_id, made.data, utc_now())
        async with backends.database.transaction() as session:
            finished = await training.finish(session, begun, made, utc_now())
        if finished is not None:
            metrics.TRAINED.labels("made", "").inc()
    except (CannotTrain, TrainingInterrupted, ComputeFailed) as error:
        await _give_up(backends, run, error, str(error), for_good=isinstance(error, CannotTrain))
    except Exception as error:
        if database_error_kind(error) is None:
            await _give_up(backends, run, error, failure_of(error), for_good=False)
        raise


async def await_model(database: Database, ends: TrainingEnds, run_id: UUID) -> Run:
    """Wait until the run has made its model, and return it.

    Raises:
        NotKnownHere: the run is not here.
        JobFailed: it makes no model any more.
    """
    with ends.watch() as woken:
        while True:
            woken.clear()
            async with database.autocommit() as session:
                run = await runs.get(session, run_id)
            if run.state is RunState.FAILED:
                raise JobFailed(run.failure or "the training failed")
            if run.state not in {RunState.QUEUED, RunState.RUNNING}:
                return run
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), to_tick(_ENDED_LOOK_S))


async def cancel(session: Session, run_id: UUID, now: datetime) -> None:
    """End a run whose model is not made yet, whatever attempt is under way; that one finds it out by itself."""
    await runs.cancel(session, run_id, CANCELLED, now)


async def _give_up(backends: Backends, run: Run, error: Exception, failure: str, *, for_good: bool) -> None:
    reason = training.failure_reason(error)
    metrics.TRAINED.labels("failed", reason).inc()
    async with backends.database.transaction() as session:
        await training.give_up(session, run, reason, failure, utc_now(), for_good=for_good)


async def _make(backends: Backends, begun: Begun, limits: TrainingLimits) -> TrainedChallenger | None:
    """The run's model; None, and its process is ended, once the run is cancelled or another replica begins it."""
    run = begun.run
    making = asyncio.create_task(training.make(backends.reader(run.project_id), begun, limits), name="make a model")
    try:
        while not (await asyncio.wait({making}, timeout=_CANCELLED_LOOK_S))[0]:
            async with backends.database.transaction() as session:
                now = await runs.get(session, run.run_id)
            if (now.state, now.attempts) != (RunState.RUNNING, run.attempts):
                return None
        return making.result()
    finally:
        if making.cancel():
            await asyncio.wait({making})
