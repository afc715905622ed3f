"""The loops that select batches and train models."""

import asyncio
import time
from typing import Final
from uuid import UUID

from services.prelabel.loop_names import COMPARE, DOUBT, LEARN, TRAIN, UNLEARN
from services.prelabel.operations import learning, training_runs
from services.prelabel.operations.learning import LearningStep
from services.prelabel.resources import PrelabelRuntime, backends_of, mark_dirty, note_training_ended
from services.prelabel.storage import projects
from services.prelabel.storage.runs import Run
from shared.kit.isolation import isolated

_PAUSE_LOOK_S: Final = 0.5
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
    step = await learning.take_step(backends_of(runtime), project_id, resources.arrivals, resources.training)
    match step:
        case LearningStep.TRAINING_QUEUED:
            runtime.wake(TRAIN)
        case LearningStep.BATCH_SELECTED:
            mark_dirty(runtime, project_id)
        case LearningStep.AWAITS_PAUSE:
            resources.dirty.add(project_id)
            asyncio.get_running_loop().call_later(_PAUSE_LOOK_S, runtime.wake, LEARN)
        case LearningStep.NOTHING:
            pass


async def train(runtime: PrelabelRuntime) -> float | None:
    """Run what is queued, one after the other; each has one turn a round. Return in how many seconds the next is due."""
    begun: set[UUID] = set()
    with isolated(TRAIN) as item:
        while True:
            run = await training_runs.next_waiting(runtime.database, begun)
            if not isinstance(run, Run):
                return run
            begun.add(run.run_id)
            with item(run_id=run.run_id):
                await training_runs.attempt(backends_of(runtime), run, runtime.resources.training)
            note_training_ended(runtime)
            runtime.wake(COMPARE)
            runtime.wake(UNLEARN)
            runtime.wake(DOUBT)
            mark_dirty(runtime, run.project_id)
