"""Training runs: from labels to a challenger."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from services.prelabel.compute import training as compute_training
from services.prelabel.compute.training import TrainingJob
from services.prelabel.domain import learning_schedule
from services.prelabel.domain.learning_schedule import LearningProgress
from services.prelabel.domain.objective import Objective
from services.prelabel.exceptions import CannotTrain, NothingToLearn, TrainingFailure, TrainingInterrupted
from services.prelabel.operations import registry
from services.prelabel.operations.model_inputs import Reader
from services.prelabel.storage import labels, models, projects, records, runs, unlearnings, unregistered_files
from services.prelabel.storage.labels import Example
from services.prelabel.storage.models import Model
from services.prelabel.storage.projects import ProjectCache, Situation
from services.prelabel.storage.records import MadeThumbnail
from services.prelabel.storage.runs import Run, RunState
from shared.contracts.events import ModelManifest
from shared.kit.clock import new_id
from shared.kit.compute.exceptions import ComputeFailed, ComputeOutOfMemory, ComputeTimeout
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Session

log = structlog.get_logger()

BY_LABELS: Final = "labels"
"""Who starts a run that nobody asked for."""

_MOST_ATTEMPTS: Final = 3
_BACKOFF_S: Final = 5.0
_SUPERSEDED: Final = "superseded by a model that has seen more labels"
_SCALE: Final = 255.0

AFFINITY: Final = "training"
"""Trainings go to the worker that has imported the libraries, if it is idle."""


@dataclass(frozen=True, slots=True)
class TrainingLimits:
    """What a training may take, and from how many of the newest labels, with how much content, it learns."""

    timeout_s: float
    memory_mb: int
    examples: int
    content_bytes: int


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt at a run: what it learns, and from which labels, with their weights."""

    run: Run
    objective: Objective
    examples: Sequence[Example]
    machine_weight: float


@dataclass(frozen=True, slots=True)
class TrainedChallenger:
    """A trained model that equals its scikit-learn twin."""

    manifest: ModelManifest
    data: bytes
    report: dict[str, Any]
    thumbnails: Sequence[MadeThumbnail]


async def request(
    session: Session, situation: Situation, *, started_by: str, reason: str, batch: int | None, now: datetime
) -> Run:
    """Queue a training run.

    Raises:
        ProjectArchived: the project is over.
        NothingToLearn: the schema has no question to learn.
        RunUnderWay: the project trains already.
    """
    project = situation.project
    project.check_open()
    if project.objective is None:
        raise NothingToLearn
    return await runs.add(
        session,
        run_id=new_id(),
        project_id=project.project_id,
        model_id=new_id(),
        started_by=started_by,
        reason=reason,
        batch=batch,
        label_seq=await runs.newest_label(session, project.project_id),
        now=now,
    )


async def request_if_due(
    session: Session, situation: Situation, progress: LearningProgress, now: datetime
) -> Run | None:
    """Queue the run that a done batch, or a batch's worth of new labels, leads to."""
    if not learning_schedule.training_due(situation.project.learning, progress):
        return None
    last = progress.last
    if progress.unlearning:
        batch, reason = None, "a record that the champion learnt from was erased"
    elif last is not None and last.done:
        batch, reason = last.batch, f"batch {last.batch} is done"
    else:
        batch, reason = None, "enough new labels"
    return await request(session, situation, started_by=BY_LABELS, reason=reason, batch=batch, now=now)


async def begin(session: Session, cache: ProjectCache, run: Run, limits: TrainingLimits, now: datetime) -> Begun | None:
    """Read the labels and note which records they are of; None when the run has ended.

    Raises:
        CannotTrain: there is nothing to learn, or from.
    """
    project = (await cache.situation(session, run.project_id)).project
    objective = project.objective
    if objective is None:
        raise CannotTrain(
            TrainingFailure.NO_OBJECTIVE, "the active schema has no choice question about a text or image field"
        )
    examples, label_seq = await labels.training_set(
        session, run.project_id, objective.schema_version, limits.examples, limits.content_bytes,
        machine=project.learning.admit_machine_labels,
    )  # fmt: skip
    begun = await runs.start(
        session, run.run_id, [example.record_id for example in examples], max(label_seq, run.label_seq), now
    )
    if begun is None:
        return None
    return Begun(begun, objective, examples, project.learning.machine_label_weight)


async def make(reader: Reader, begun: Begun, limits: TrainingLimits) -> TrainedChallenger:
    """Train in a worker process. Needs no session.

    Raises:
        CannotTrain: the labels give no model.
        TrainingInterrupted: pictures can't be fetched now.
        ComputeFailed: the process took too much time or memory, or crashed.
    """
    if not begun.examples:
        raise CannotTrain(TrainingFailure.NO_LABELS, "there are no labels to learn from")
    if len({example.label for example in begun.examples}) <= 1:
        raise CannotTrain(TrainingFailure.ONE_CLASS, "labels of at least two classes are needed")
    manifest, thumbnails = await _manifest(reader, begun)
    made = dict(thumbnails)
    contents = [
        records.Content(each.record_id, each.content.fields, made.get(each.record_id) or each.content.thumbnail)
        for each in begun.examples
    ]
    read = await reader.items(manifest, contents)
    if read.interrupted:
        raise TrainingInterrupted("some pictures can't be fetched now")
    usable = [(example, item) for example, item in zip(begun.examples, read.items, strict=True) if item is not None]
    job = TrainingJob(
        manifest,
        [item for _, item in usable],
        [example.label for example, _ in usable],
        [1.0 if example.by_people else max(begun.machine_weight, 1e-6) for example, _ in usable],
    )
    trained = await reader.compute.run(
        compute_training.train, job, project_id=begun.run.project_id, timeout_s=limits.timeout_s,
        memory_mb=limits.memory_mb, affinity=AFFINITY,
    )  # fmt: skip
    return TrainedChallenger(trained.manifest, trained.data, asdict(trained.report), thumbnails)


async def warm_up(compute: ComputePool, limits: TrainingLimits) -> None:
    """Let a worker import what training needs, which takes longer than a small training."""
    await compute.run(compute_training.import_libraries, timeout_s=limits.timeout_s, affinity=AFFINITY)


async def finish(session: Session, begun: Begun, made: TrainedChallenger, now: datetime) -> Model | None:
    """Register the challenger; None when the run has ended or another attempt has begun meanwhile.

    One of its records may have been erased while it was made: then None, too, and the run begins anew without it.
    Challengers of earlier runs that still wait for held-out labels are superseded: the new one has seen more.
    """
    run = begun.run
    await projects.lock(session, run.project_id)
    if await unlearnings.of_run(session, run.run_id):
        await runs.begin_anew(session, run, now)
        return None
    if not await runs.trained(session, run, made.report):
        await _drop_file(session, run, now)
        return None
    waiting = await models.lock(session, await models.waiting(session, run.project_id))
    await registry.reject_all(session, list(waiting.values()), _SUPERSEDED, RunState.SUPERSEDED, now)
    await records.add_thumbnails(session, made.thumbnails)
    return await registry.register(
        session,
        model_id=run.model_id,
        project_id=run.project_id,
        manifest=made.manifest,
        data=made.data,
        reason=f"trained: {run.reason}",
        created_by=run.started_by,
        now=now,
        training_run_id=run.run_id,
        trained_on=made.report["examples"],
    )


def failure_reason(error: Exception) -> TrainingFailure:
    """The reason of a failed attempt, by what it raised."""
    match error:
        case CannotTrain():
            return error.reason
        case TrainingInterrupted():
            return TrainingFailure.INPUTS_OUT_OF_REACH
        case ComputeTimeout():
            return TrainingFailure.TOO_SLOW
        case ComputeOutOfMemory():
            return TrainingFailure.OUT_OF_MEMORY
        case ComputeFailed():
            return TrainingFailure.CRASHED
        case _:
            return TrainingFailure.FAULT


async def give_up(
    session: Session, run: Run, reason: TrainingFailure, failure: str, now: datetime, *, for_good: bool
) -> None:
    """Note a failed attempt; it is tried again later unless that is hopeless or was done often enough."""
    if for_good or run.attempts >= _MOST_ATTEMPTS:
        await runs.fail(session, run, reason, failure, now)
        await _drop_file(session, run, now)
        log.warning(
            "training_failed", run_id=run.run_id, project_id=run.project_id, reason=reason.value, failure=failure
        )
        return
    await runs.retry(session, run, reason, failure, now + timedelta(seconds=_BACKOFF_S * 2**run.attempts))


async def _drop_file(session: Session, run: Run, now: datetime) -> None:
    """Have deleted what an attempt has written of the model of a run that has failed; one that goes on writes it again."""
    if await runs.has_failed(session, run.run_id):
        await unregistered_files.hasten(session, run.model_id, now)


async def _manifest(reader: Reader, begun: Begun) -> tuple[ModelManifest, list[MadeThumbnail]]:
    """What the model will read: pictures in the shape that most of their thumbnails have."""
    objective = begun.objective
    base: dict[str, Any] = {
        "task": objective.task,
        "schema_version": objective.schema_version,
        "question": objective.question,
        "field": objective.field,
        "labels": list(objective.labels),
        "input_name": compute_training.INPUT_NAME,
        "output_name": compute_training.OUTPUT_NAME,
    }
    if objective.task == "text_classification":
        return ModelManifest(**base, lowercase=True, collapse_whitespace=True), []
    read = await reader.thumbnails(objective.field, [example.content for example in begun.examples])
    made = dict(read.thumbnails)
    shapes = Counter(
        small.shape
        for example in begun.examples
        if (small := made.get(example.record_id) or example.content.thumbnail) is not None
    )
    if not shapes:
        if read.interrupted:
            raise TrainingInterrupted("the pictures can't be fetched now")
        raise CannotTrain(TrainingFailure.UNREADABLE_PICTURES, "none of the pictures can be read")
    (width, height, channels), _ = max(shapes.items(), key=lambda pair: (pair[1], pair[0]))
    shape: dict[str, Any] = {"width": width, "height": height, "channels": channels}
    return ModelManifest(**base, **shape, scale=_SCALE), read.thumbnails
