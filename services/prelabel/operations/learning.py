"""One step of a project's learning: the training that is due is queued, else the batch that is due is selected."""

from enum import StrEnum
from uuid import UUID

import structlog

from services.prelabel.domain import learning_schedule
from services.prelabel.exceptions import RunUnderWay
from services.prelabel.operations import selection, training
from services.prelabel.operations.backends import Backends
from services.prelabel.operations.selection import CandidatePool
from services.prelabel.operations.training import TrainingLimits
from services.prelabel.process_state.arrivals import Arrivals
from services.prelabel.storage import records
from services.prelabel.storage.projects import Situation
from shared.kit.clock import utc_now
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.database import Session

log = structlog.get_logger()


class LearningStep(StrEnum):
    """What a step did. `awaits_pause`: nothing, but a batch may be due once the import has paused."""

    NOTHING = "nothing"
    AWAITS_PAUSE = "awaits_pause"
    TRAINING_QUEUED = "training_queued"
    BATCH_SELECTED = "batch_selected"


async def take_step(backends: Backends, project_id: UUID, arrivals: Arrivals, limits: TrainingLimits) -> LearningStep:
    """Queue the training that is due, or select the batch that is due.

    After a batch a worker imports its libraries for training, while people label.
    """
    async with backends.database.transaction() as session:
        situation = await backends.projects.situation(session, project_id)
        due = await _due(session, situation, arrivals)
    if isinstance(due, LearningStep):
        return due
    chosen, thumbnails = await selection.choose(backends.reader(project_id), situation, due)
    async with backends.database.transaction() as session:
        marked = await selection.select(session, situation, due, chosen, thumbnails, utc_now())
    log.info("batch_selected", project_id=project_id, batch=due.batch, records=marked)
    project = situation.project
    if project.learning.enabled and project.objective is not None:
        await _warm_up(backends, limits)
    return LearningStep.BATCH_SELECTED


async def _due(session: Session, situation: Situation, arrivals: Arrivals) -> LearningStep | CandidatePool:
    """What the next batch is chosen from, if one is due."""
    project = situation.project
    if not project.active:
        return LearningStep.NOTHING
    progress = await selection.learning_progress(session, situation)
    try:
        run = await training.request_if_due(session, situation, progress, utc_now())
    except RunUnderWay:
        return LearningStep.NOTHING
    if run is not None:
        return LearningStep.TRAINING_QUEUED
    quiet_s = arrivals.quiet_s(project.project_id, await records.newest(session, project.project_id))
    supply = await selection.supply(session, situation, quiet_s)
    if not learning_schedule.selection_due(project.learning, progress, supply):
        paused = quiet_s >= learning_schedule.LONG_PAUSE_S
        return LearningStep.NOTHING if paused else LearningStep.AWAITS_PAUSE
    return await selection.gather(session, situation, progress)


async def _warm_up(backends: Backends, limits: TrainingLimits) -> None:
    try:
        await training.warm_up(backends.compute, limits)
    except (ComputeFailed, ImportError) as error:
        log.warning("training_libraries_missing", exc_info=error)
