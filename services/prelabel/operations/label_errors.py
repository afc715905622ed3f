"""Looks for wrong labels: after a training, labels are judged by models that did not see them, people's and machines'.

What looks wrong is published; qa keeps it and has it labelled again, if the project's policy wants that.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog

from services.prelabel.compute import label_errors as compute_label_errors
from services.prelabel.compute.label_errors import DoubtJob, FoundDoubts
from services.prelabel.domain.label_errors import Doubt
from services.prelabel.exceptions import CannotTrain, TrainingInterrupted
from services.prelabel.operations import training
from services.prelabel.operations.backends import Backends
from services.prelabel.operations.training import AFFINITY, Begun, TrainingLimits
from services.prelabel.storage import label_errors, labels, runs
from services.prelabel.storage.label_errors import DueDoubtLook
from services.prelabel.storage.labels import Example
from services.prelabel.storage.projects import ProjectCache
from shared.contracts.events import LabelDoubted
from shared.contracts.policies import LabelErrorPolicy
from shared.kit import outbox
from shared.kit.clock import utc_now
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.database import Database, Session
from shared.kit.failures import failure_of
from shared.kit.outbox import Outgoing

log = structlog.get_logger()

MOST_DOUBTS: Final = 1_000
"""So many labels are published at most, after each training."""

_MOST_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class LabelsRead:
    """The labels that a look judges, and what the policy wants of them. `machine_too`: models learn from their own, too."""

    begun: Begun
    policy: LabelErrorPolicy
    machine_too: bool


@dataclass(frozen=True, slots=True)
class LookResult:
    """What was found, and the examples that its places are of."""

    found: FoundDoubts
    examples: Sequence[Example]


async def next_due(database: Database, besides: Collection[UUID]) -> DueDoubtLook | float | None:
    """The look that is due; without one, in how many seconds one that failed is due again."""
    now = utc_now()
    async with database.autocommit() as session:
        look = await label_errors.next_due(session, now, besides)
        if look is not None:
            return look
        retry_at = await label_errors.next_retry(session, now)
    return None if retry_at is None else max(0.0, (retry_at - now).total_seconds())


async def look_once(backends: Backends, look: DueDoubtLook, limits: TrainingLimits) -> None:
    """Look for wrong labels, or note why that is not done. The attempt counts whatever ends it."""
    async with backends.database.autocommit() as session:
        number = await label_errors.begin(session, look.run_id, utc_now())
    if number is None:
        return
    if number > _MOST_ATTEMPTS:
        await _end(backends.database, look, {"outcome": "failed", "detail": "the service was interrupted"})
        return
    try:
        async with backends.database.transaction() as session:
            read = await _read(session, backends.projects, look, limits)
        if read is None:
            await _end(backends.database, look, {"outcome": "not_wanted"})
            return
        result = await _compute(backends, read, limits)
    except (CannotTrain, TrainingInterrupted, ComputeFailed) as error:
        log.info("label_errors_not_found", run_id=look.run_id, reason=training.failure_reason(error).value)
        if isinstance(error, CannotTrain) or number == _MOST_ATTEMPTS:
            outcome = {"outcome": training.failure_reason(error).value, "detail": failure_of(error)}
            await _end(backends.database, look, outcome)
        return
    async with backends.database.transaction() as session:
        await conclude(session, look, read, result, utc_now())


async def _end(database: Database, look: DueDoubtLook, outcome: dict[str, Any]) -> None:
    async with database.transaction() as session:
        await label_errors.end(session, look, outcome)


async def _read(session: Session, cache: ProjectCache, look: DueDoubtLook, limits: TrainingLimits) -> LabelsRead | None:
    """The labels of now that may be learnt from, and those that models gave; None where nothing is to be looked for."""
    project = (await cache.situation(session, look.project_id)).project
    objective, policy = project.objective, project.policies.label_errors
    if objective is None or not policy.enabled:
        return None
    examples, _ = await labels.training_set(
        session, look.project_id, objective.schema_version, limits.examples, limits.content_bytes,
        machine=project.learning.admit_machine_labels,
    )  # fmt: skip
    learnt = len(examples)
    if not project.learning.admit_machine_labels:
        machine = await label_errors.machine_labels(
            session, look.project_id, objective.schema_version, limits.examples - learnt, limits.content_bytes
        )
        examples = [*examples, *machine]
    if not learnt:
        return None
    run = await runs.get(session, look.run_id)
    begun = Begun(run, objective, examples, project.learning.machine_label_weight)
    return LabelsRead(begun, policy, project.learning.admit_machine_labels)


async def _compute(backends: Backends, read: LabelsRead, limits: TrainingLimits) -> LookResult:
    """Train and ask the models in a worker process. Needs no session."""
    prepared = await training.prepare(backends.reader(read.begun.run.project_id), read.begun)
    learnt = [read.machine_too or example.by_people for example in prepared.examples]
    job = DoubtJob(prepared.job, learnt, read.policy.share, MOST_DOUBTS, read.begun.run.run_id.int & 0xFFFFFFFF)
    in_worker = partial(
        backends.compute.run, project_id=read.begun.run.project_id, timeout_s=limits.timeout_s,
        memory_mb=limits.memory_mb, affinity=AFFINITY,
    )  # fmt: skip
    answers = [
        await in_worker(compute_label_errors.answer_fold, job, fold) for fold in range(compute_label_errors.FOLDS)
    ]
    found = await in_worker(compute_label_errors.find_doubts, job, answers)
    return LookResult(found, prepared.examples)


async def conclude(session: Session, look: DueDoubtLook, read: LabelsRead, result: LookResult, now: datetime) -> None:
    """Keep the outcome, and publish the labels that look wrong, but those that have changed meanwhile."""
    found = result.found
    outcome = {
        "outcome": "done",
        "examined": found.examined,
        "estimated_wrong": found.estimated_wrong,
        "doubted": len(found.doubts),
        "looked_at": now.isoformat(),
    }
    if not await label_errors.end(session, look, outcome):
        return
    doubted = [result.examples[doubt.index] for doubt in found.doubts]
    version = read.begun.objective.schema_version
    same = await label_errors.unchanged(session, version, [(one.record_id, one.label) for one in doubted])
    await outbox.publish_many(
        session,
        [
            Outgoing(
                payload=_doubted(look, read, example, doubt, found, rank),
                project_id=look.project_id,
                record_id=example.record_id,
            )
            for rank, (example, doubt) in enumerate(zip(doubted, found.doubts, strict=True), start=1)
            if example.record_id in same
        ],
    )


def _doubted(
    look: DueDoubtLook, read: LabelsRead, example: Example, doubt: Doubt, found: FoundDoubts, rank: int
) -> LabelDoubted:
    objective = read.begun.objective
    return LabelDoubted(
        training_run_id=look.run_id,
        schema_version=objective.schema_version,
        question=objective.question,
        given=example.label,
        suggested=found.classes[doubt.suggested],
        given_probability=doubt.given_probability,
        suggested_probability=doubt.suggested_probability,
        score=doubt.score,
        rank=rank,
        examined=found.examined,
        estimated_wrong=found.estimated_wrong,
        reason=doubt.reason,
    )
