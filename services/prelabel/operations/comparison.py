"""The comparison: challenger and champion answer the same records of the validation split; people's labels are the judge.

The test split is not read here: see `model_tests`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import numpy as np
import structlog

from services.prelabel import metrics
from services.prelabel.domain import evaluation as judging
from services.prelabel.domain import next_step
from services.prelabel.domain.calibration import Floats, Indices
from services.prelabel.domain.evaluation import Measured, PromotionDecision
from services.prelabel.domain.next_step import ComparisonWait, ValidationSupply
from services.prelabel.domain.project import Project
from services.prelabel.exceptions import InferenceFailed, ModelSetAside
from services.prelabel.inference import InferenceQueue
from services.prelabel.operations import measurement, registry
from services.prelabel.operations.backends import Backends
from services.prelabel.operations.measurement import Measurement
from services.prelabel.operations.model_inputs import Reader
from services.prelabel.storage import comparison_attempts, labels, models, projects, selection, unlearnings
from services.prelabel.storage.comparison_attempts import ComparisonAttempt
from services.prelabel.storage.labels import Example
from services.prelabel.storage.models import Model, Unmeasured, WaitingChallenger
from services.prelabel.storage.projects import ProjectCache, Situation
from shared.contracts.events import ModelEvaluation, ModelManifest, ModelTempering
from shared.contracts.values import ModelStage, Split
from shared.kit.clock import utc_now
from shared.kit.database import Session

log = structlog.get_logger()

MOST_MEASURED: Final = 5_000
"""The newest labels of a split that a comparison or a test takes at most."""

MOST_MEASURED_BYTES: Final = 64 * 1024 * 1024
"""How much content their records may have together."""

_READ_AT_ONCE: Final = 256
_MOST_SHOWN: Final = 20
_TOLERATED_SHARE: Final = 0.05
"""The share of records that may be out of reach; with more, the comparison or test waits for the store."""


@dataclass(frozen=True, slots=True)
class Contest:
    """A challenger and what it is measured on. `champion` is None when there is none that answers the same question.

    `champion_unlearns`: the champion learnt from a record that was erased, and the challenger was trained without it.
    """

    challenger: Model
    champion: Model | None
    examples: Sequence[Example]
    champion_unlearns: bool = False


@dataclass(frozen=True, slots=True)
class WaitingForLabels:
    """A challenger that is not compared yet, what there is for it of the validation split, and what it waits for."""

    challenger: WaitingChallenger
    supply: ValidationSupply
    reason: ComparisonWait


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    challenger: Measured
    champion: Measured | None


async def due(backends: Backends) -> list[Unmeasured]:
    """The challengers for which there are labels of the validation split enough, and those whose champion has to be
    replaced whatever they say.
    """
    found: list[Unmeasured] = []
    async with backends.database.autocommit() as session:
        async for some in measurement.sets_of(session, models.to_compare):
            situations = await backends.projects.situations(session, {each.project_id for each in some})
            ready = await measurement.with_labels_enough(session, situations, some, Split.VALIDATION)
            ready |= await unlearnings.successors(
                session,
                [
                    each.model_id
                    for each in some
                    if each.model_id not in ready and not _by_hand(situations[each.project_id].project)
                ],
            )
            found.extend(each for each in some if each.model_id in ready)
    return found


def _by_hand(project: Project) -> bool:
    return project.learning.promotion == "by_hand"


async def compare_one(backends: Backends, model_id: UUID) -> None:
    """Compare a challenger with the champion, and promote, reject or leave it to people, unless that was done before."""
    await measurement.attempt(backends, model_id, _COMPARISON)


async def _compare(backends: Backends, model: Model) -> bool:
    """Whether the model is decided on now; else it can't be compared yet, or something changed meanwhile."""
    async with backends.database.transaction() as session:
        contest = await prepare(session, model)
    outcome = None
    if contest.examples or not contest.champion_unlearns:
        outcome = await measure(backends.inference, backends.reader(model.project_id), contest)
        if outcome is None:
            return False
    async with backends.database.transaction() as session:
        concluded = await conclude(session, backends.projects, contest, outcome, utc_now())
    if concluded is None:
        return False
    accuracy = None if outcome is None else outcome.challenger.accuracy
    log.info("compared", model_id=model.model_id, stage=concluded.stage, accuracy=accuracy)
    metrics.COMPARED.labels(concluded.stage).inc()
    return True


async def prepare(session: Session, challenger: Model, most: int = MOST_MEASURED) -> Contest:
    champion = await models.champion(session, challenger.project_id)
    if champion is not None and not _comparable(challenger, champion):
        champion = None
    version = challenger.manifest.schema_version
    examples = await labels.measuring_set(
        session, challenger.project_id, version, Split.VALIDATION, most, MOST_MEASURED_BYTES
    )
    champion_unlearns = bool(await unlearnings.successors(session, [challenger.model_id]))
    return Contest(challenger, champion, examples, champion_unlearns)


async def waiting(session: Session, situation: Situation) -> list[WaitingForLabels]:
    """The project's newest challengers that are not compared yet, each with what it waits for."""
    project = situation.project
    supplies: dict[int, ValidationSupply] = {}
    found = []
    for each in await models.waiting_to_be_compared(session, project.project_id, _MOST_SHOWN):
        version = each.schema_version
        if version not in supplies:
            supplies[version] = await _supply(session, project, version)
        supply = supplies[version]
        found.append(WaitingForLabels(each, supply, supply.wait(project.learning)))
    return found


async def next_step_of(session: Session, cache: ProjectCache, model: Model) -> str | None:
    """What a challenger that is not compared yet waits for; None for every other model."""
    if model.stage is not ModelStage.CHALLENGER or model.compared:
        return None
    project = (await cache.situation(session, model.project_id)).project
    supply = await _supply(session, project, model.manifest.schema_version)
    return next_step.of_challenger(project.policies, model.model_id, supply)


async def _supply(session: Session, project: Project, schema_version: int) -> ValidationSupply:
    bound = project.learning.promotion_held_out
    return ValidationSupply(
        have=await labels.count_measuring(session, project.project_id, schema_version, Split.VALIDATION, bound),
        open=await selection.count_open_validation(session, project.project_id, bound),
    )


async def measure(inference: InferenceQueue, reader: Reader, contest: Contest) -> ComparisonResult | None:
    """Let both answer; None when too many records can't be read for now. Needs no session: this may take long.

    A record that only one of the two has no answer for counts as wrong for that one. The challenger's temperature is fitted
    here, in a worker process: that is some hundred passes over all probabilities.

    Raises:
        InferenceFailed: the challenger or the champion could not answer, or there is nothing that it could read.
        ComputeFailed: measuring what they answered took too long, or the worker ended.
    """
    found = await answers(inference, reader, contest.challenger, contest.examples)
    if found is None:
        return None
    usable, probabilities = found
    if not usable:
        raise InferenceFailed("none of the records of the validation split can be read")
    truth = truth_of(usable, contest.challenger.manifest)
    challenger = await reader.compute.run(judging.measure, probabilities, truth, project_id=reader.project_id)
    if contest.champion is None:
        return ComparisonResult(challenger, None)
    again = await answers(inference, reader, contest.champion, usable)
    if again is None:
        return None
    readable, known = again
    row_of = {example.record_id: row for row, example in enumerate(usable)}
    columns = len(contest.champion.manifest.labels)
    theirs = np.full((len(usable), columns), 1.0 / columns)
    theirs[[row_of[example.record_id] for example in readable]] = known
    truth = truth_of(usable, contest.champion.manifest)
    champion = await reader.compute.run(
        judging.measure, theirs, truth, contest.champion.temperature, project_id=reader.project_id
    )
    return ComparisonResult(challenger, champion)


async def conclude(
    session: Session, cache: ProjectCache, contest: Contest, outcome: ComparisonResult | None, now: datetime
) -> Model | None:
    """Promote, reject or leave to people, by the policy; None when either of the two has changed meanwhile.

    A champion that has something to unlearn is replaced whatever the outcome, and without one where the
    validation split has no labels.
    """
    challenger = contest.challenger
    await projects.lock(session, challenger.project_id)
    champion_id = contest.champion.model_id if contest.champion else None
    current = await models.champion(session, challenger.project_id)
    if current is not None and not _comparable(challenger, current):
        current = None
    locked = (await models.lock(session, [challenger.model_id]))[challenger.model_id]
    if locked.stage is not ModelStage.CHALLENGER or locked.compared:
        return None
    if (current.model_id if current else None) != champion_id:
        return None
    policy = (await cache.situation(session, challenger.project_id)).project.learning
    if outcome is None or contest.champion_unlearns:
        evaluation = None if outcome is None else evaluated(contest, outcome)
        decision = PromotionDecision(promote=True, reason="the champion learnt from a record that was erased")
    else:
        evaluation = evaluated(contest, outcome)
        decision = judging.decide(outcome.challenger, outcome.champion, policy.promotion_margin)
    if not decision.promote:
        return await registry.reject(session, locked, decision.reason, now, evaluation)
    if policy.promotion == "by_hand" and evaluation is not None:
        return await registry.leave_to_people(session, locked, evaluation, now)
    return await registry.promote(session, locked.model_id, decision.reason, now, evaluation=evaluation)


async def give_up(
    session: Session, model: Model, attempt: ComparisonAttempt, failure: str, now: datetime, *, for_good: bool
) -> None:
    """Note a failed attempt. The model is rejected for that reason if it was the last one, or more are hopeless."""
    if for_good:
        rejected = await _reject(session, model, failure, now)
    elif attempt.number < measurement.MOST_ATTEMPTS:
        await comparison_attempts.fail(session, model.model_id, failure)
        rejected = None
    else:
        reason = f"its comparison failed {measurement.MOST_ATTEMPTS} times: {failure}"
        rejected = await _reject(session, model, reason, now)
    stage = "failed" if rejected is None else rejected.stage
    session.on_commit(lambda: metrics.COMPARED.labels(stage).inc())


async def _reject(session: Session, challenger: Model, reason: str, now: datetime) -> Model | None:
    """Reject it unless it was decided on meanwhile."""
    await projects.lock(session, challenger.project_id)
    locked = (await models.lock(session, [challenger.model_id]))[challenger.model_id]
    if locked.stage is not ModelStage.CHALLENGER or locked.compared:
        return None
    return await registry.reject(session, locked, reason, now)


_COMPARISON: Final = Measurement(
    ModelStage.CHALLENGER,
    _compare,
    give_up,
    "comparison_failed",
    "it could not answer the records of the validation split: {}",
)


def evaluated(contest: Contest, outcome: ComparisonResult) -> ModelEvaluation:
    """The outcome as it is published."""
    mine, theirs = outcome.challenger, outcome.champion
    return ModelEvaluation(
        held_out=mine.records,
        split="validation",
        accuracy=mine.accuracy,
        log_loss=mine.log_loss,
        calibration_error=mine.calibration_error.value,
        calibration_error_low=mine.calibration_error.low,
        calibration_error_high=mine.calibration_error.high,
        temperature=mine.temperature,
        tempering=_tempering(mine),
        against=None if contest.champion is None or theirs is None else contest.champion.model_id,
        against_accuracy=None if theirs is None else theirs.accuracy,
    )


def _tempering(measured: Measured) -> ModelTempering | None:
    found = measured.tempering
    if found is None:
        return None
    return ModelTempering(applied=found.gains, gain=found.gain, p_value=found.p_value, error_gain=found.error_gain)


def _comparable(one: Model, other: Model) -> bool:
    """Whether two models answer the same question of the same schema version."""
    mine, theirs = one.manifest, other.manifest
    return (mine.schema_version, mine.question) == (theirs.schema_version, theirs.question)


async def answers(
    inference: InferenceQueue, reader: Reader, model: Model, examples: Sequence[Example]
) -> tuple[list[Example], Floats] | None:
    """The examples that could be read, and the model's probabilities for these; None when too many are out of reach now.

    No answer is as good as a guess. Items are read, asked and dropped some at a time.

    Raises:
        InferenceFailed: the model could not answer.
    """
    if model.set_aside is not None:
        raise ModelSetAside(model.set_aside)
    usable: list[Example] = []
    rows: list[Floats] = []
    interrupted = 0
    for start in range(0, len(examples), _READ_AT_ONCE):
        some = examples[start : start + _READ_AT_ONCE]
        read = await reader.items(model.manifest, [example.content for example in some])
        interrupted += len(read.interrupted)
        readable = [(example, item) for example, item in zip(some, read.items, strict=True) if item is not None]
        if readable:
            items = [item for _, item in readable]
            rows.append(await inference.predict(model.model_id, items, project_id=model.project_id, patient=True))
            usable.extend(example for example, _ in readable)
    if interrupted > len(examples) * _TOLERATED_SHARE:
        return None
    columns = len(model.manifest.labels)
    probabilities = np.concatenate(rows) if rows else np.empty((0, columns))
    return usable, np.where(np.isnan(probabilities), 1.0 / columns, probabilities)


def truth_of(usable: Sequence[Example], manifest: ModelManifest) -> Indices:
    """The index of the right label in the model's order; -1 for a label that the model doesn't have."""
    place = {label: index for index, label in enumerate(manifest.labels)}
    return np.array([place.get(example.label, -1) for example in usable], dtype=np.int64)
