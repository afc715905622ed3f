"""The loop that lets champions answer what is due."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final
from uuid import UUID

from services.prelabel.loop_names import SCORE
from services.prelabel.operations import scoring
from services.prelabel.operations.scoring_lease import hold_project
from services.prelabel.process_state.scoring_queue import ScoringQueue
from services.prelabel.resources import PrelabelRuntime, backends_of, mark_dirty
from services.prelabel.storage import predictions
from shared.kit.concurrency import side_by_side
from shared.kit.isolation import isolated

IsolatedItem = Callable[..., AbstractContextManager[None]]

_CHUNKS_A_TURN: Final = 16
_PROJECTS_AT_ONCE: Final = 3
"""Each takes two connections of the pool while it saves; requests need some, too."""
_TRIES_AGAIN_S: Final = 0.2


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
    """One turn of a project, under its lease; returns whether it may need another one."""
    async with hold_project(runtime.database, project_id) as holder:
        if holder is not None:
            return await _score_held(runtime, project_id, holder)
    await asyncio.sleep(_TRIES_AGAIN_S)
    return True


async def _score_held(runtime: PrelabelRuntime, project_id: UUID, holder: UUID) -> bool:
    backends, pace = backends_of(runtime), runtime.resources.pace
    for _ in range(_CHUNKS_A_TURN):
        started = time.monotonic()
        done = await scoring.score_some(backends, project_id, holder, pace.size)
        if not done.more:
            mark_dirty(runtime, project_id)
            return False
        if done.elsewhere:
            return True
        if done.scored == 0:  # nothing can be read now: leave them a moment
            await asyncio.sleep(_TRIES_AGAIN_S)
        else:  # what a model took that had no answer is no measure
            pace.took(time.monotonic() - started)
    return True
