"""What prelabel does by itself: the third edge, beside api and consumers. All state is in the database.

`score` runs on every replica and shares the work by skipping locked rows; the others run on one. Whatever is
interrupted is found again by the next round, on this replica or on another.
"""

import asyncio
import time
from typing import Final
from uuid import UUID

import structlog

from services.prelabel import metrics
from services.prelabel.domain import learning
from services.prelabel.inference import InferenceFailed
from services.prelabel.operations import comparison, registry, scoring, selection, training
from services.prelabel.operations.training import CannotTrain
from services.prelabel.storage import models, predictions, projects, records, reports, runs
from services.prelabel.storage.models import Model
from services.prelabel.storage.runs import Run, RunUnderWay
from services.prelabel.tools import COMPARE, COUNT, LEARN, SCORE, TRAIN, stir, tools_of
from services.prelabel.workers import TrainingProcessLost, work_folder
from shared.kit.clock import utc_now
from shared.kit.isolation import isolated
from shared.kit.runtime import Loop, Runtime

log = structlog.get_logger()

_MOST_BEGUN: Final = 6
"""Attempts at a run that were begun; more mean that the training takes the service down with it."""

_FOLDED_AT_ONCE: Final = 5_000
_CHUNKS_A_TURN: Final = 16
_TRIES_AGAIN_S: Final = 0.2
_BREATH_S: Final = 0.05
"""Labels come one by one; what each of them wakes is done for all that came meanwhile."""


async def score(runtime: Runtime) -> None:
    """Score what is due, until nothing is; projects take turns, so that a large one doesn't hold up the others."""
    busy = True
    stuck: set[UUID] = set()
    with isolated(SCORE) as item:
        while busy:
            async with runtime.database.transaction() as session:
                due = await predictions.projects_due(session)
            busy = False
            for project_id in [one for one in due if one not in stuck]:
                stuck.add(project_id)
                with item(project_id=project_id):
                    busy |= await _score_project(runtime, project_id)
                    stuck.discard(project_id)


async def _score_project(runtime: Runtime, project_id: UUID) -> bool:
    """One turn of a project; answers whether it may need another one."""
    tools = tools_of(runtime)
    for _ in range(_CHUNKS_A_TURN):
        started = time.monotonic()
        async with runtime.database.transaction() as session:
            situation = await projects.situation(session, project_id)
            scored, failed = await scoring.score_some(
                session, tools.engine, runtime.objects, situation, tools.pace.size
            )
        if scored + failed == 0:
            stir(runtime, project_id)
            return False
        if scored == 0:  # nothing can be read now: leave the store a moment
            await asyncio.sleep(_TRIES_AGAIN_S)
        tools.pace.took(time.monotonic() - started)
    return True


async def learn(runtime: Runtime) -> None:
    """For each project: start the training that is due, else select the batch that is due."""
    tools = tools_of(runtime)
    started = time.monotonic()
    stirred = tools.stirred.take()
    whole = tools.stirred.look_is_due()
    async with runtime.database.transaction() as session:
        active = await projects.active(session)
    with isolated(LEARN) as item:
        for project_id in active:
            if whole or project_id in stirred:
                with item(project_id=project_id):
                    await _learn_project(runtime, project_id)
    if whole:
        tools.stirred.looked(time.monotonic() - started)
        await tools.trainer.rest()
    await asyncio.sleep(_BREATH_S)


async def _learn_project(runtime: Runtime, project_id: UUID) -> None:
    tools = tools_of(runtime)
    async with runtime.database.transaction() as session:
        situation = await projects.situation(session, project_id)
        if not situation.project.active:
            return
        standing = await selection.standing(session, situation)
        try:
            run = await training.request_if_due(session, situation, standing, utc_now())
        except RunUnderWay:
            return
        if run is not None:
            session.on_commit(lambda: runtime.wake(TRAIN))
            return
        quiet_s = tools.arrivals.quiet_s(project_id, await records.newest(session, project_id))
        supply = await selection.supply(session, situation, quiet_s)
        if not learning.selection_due(situation.project.learning, standing, supply):
            return
        pool = await selection.gather(session, situation, standing)
    chosen, thumbnails = await selection.choose(runtime.objects, situation, pool)
    async with runtime.database.transaction() as session:
        marked = await selection.announce(session, situation, pool, chosen, thumbnails, utc_now())
    log.info("batch_selected", project_id=project_id, batch=pool.batch, records=marked)
    tools.stirred.add(project_id)
    if situation.project.learning.enabled and situation.project.objective is not None:
        await _warm(runtime)


async def _warm(runtime: Runtime) -> None:
    """Let the training process import its libraries while people label."""
    try:
        await tools_of(runtime).trainer.warm()
    except TrainingProcessLost as error:
        log.warning("training_process_missing", exc_info=error)


async def train(runtime: Runtime) -> None:
    """Run what is queued, one after the other; each has one turn a round."""
    begun: set[UUID] = set()
    with isolated(TRAIN) as item:
        while True:
            async with runtime.database.transaction() as session:
                run = await runs.next_waiting(session, utc_now(), begun)
            if run is None:
                return
            begun.add(run.run_id)
            with item(run_id=run.run_id):
                await _train_one(runtime, run)
            runtime.wake(COMPARE)
            stir(runtime, run.project_id)


async def _train_one(runtime: Runtime, run: Run) -> None:
    tools = tools_of(runtime)
    try:
        async with runtime.database.transaction() as session:
            begun = await training.begin(session, run, tools.limits.max_training_examples, utc_now())
        if begun is None:
            return
        run = begun.run
        if run.attempts > _MOST_BEGUN:
            raise CannotTrain("the service was interrupted in every attempt")
        async with work_folder() as folder:
            with metrics.TRAIN_S.time():
                made = await training.make(tools.trainer, runtime.objects, begun, folder)
        await runtime.objects.put(models.object_key(run.model_id), made.data, "application/octet-stream")
        async with runtime.database.transaction() as session:
            await training.finish(session, begun, made, utc_now())
        metrics.TRAINED.labels("made").inc()
    except (CannotTrain, TrainingProcessLost) as error:
        metrics.TRAINED.labels("failed").inc()
        async with runtime.database.transaction() as session:
            await training.give_up(session, run, str(error), utc_now(), for_good=isinstance(error, CannotTrain))


async def compare(runtime: Runtime) -> None:
    """Compare the challengers for which there are held-out labels enough."""
    async with runtime.database.transaction() as session:
        due = [model for model in await models.to_compare(session) if await comparison.is_due(session, model)]
    with isolated(COMPARE) as item:
        for model in due:
            with item(model_id=model.model_id):
                await _compare_one(runtime, model)
                runtime.wake(SCORE)
                stir(runtime, model.project_id)
    await asyncio.sleep(_BREATH_S)


async def _compare_one(runtime: Runtime, model: Model) -> None:
    async with runtime.database.transaction() as session:
        contest = await comparison.prepare(session, model)
    try:
        outcome = await comparison.measure(tools_of(runtime).engine, runtime.objects, contest)
    except InferenceFailed as error:
        log.warning("comparison_failed", model_id=model.model_id, exc_info=error)
        async with runtime.database.transaction() as session:
            locked = (await models.lock(session, [model.model_id]))[model.model_id]
            await registry.reject(session, locked, "it could not answer the held-out records", utc_now())
        return
    if outcome is None:
        return
    async with runtime.database.transaction() as session:
        concluded = await comparison.conclude(session, contest, outcome, utc_now())
    if concluded is not None:
        metrics.COMPARED.labels(concluded.stage).inc()
        log.info("compared", model_id=model.model_id, stage=concluded.stage, accuracy=outcome.challenger.accuracy)


async def count(runtime: Runtime) -> None:
    """Fold feedback into counts, and count gold that models learnt from."""
    while True:
        async with runtime.database.transaction() as session:
            folded = await reports.fold_feedback(session, _FOLDED_AT_ONCE)
            contaminated = await registry.count_contaminated(session)
        if folded < _FOLDED_AT_ONCE and contaminated == 0:
            return


LOOPS: Final = (
    Loop(SCORE, 0.5, score, leader=False),
    Loop(LEARN, 0.5, learn),
    Loop(TRAIN, 1.0, train),
    Loop(COMPARE, 1.0, compare),
    Loop(COUNT, 5.0, count),
)
