"""The test: a promoted model answers the records of the test split once, for its report. Nothing is chosen by that."""

from collections.abc import Sequence
from datetime import datetime

from services.prelabel.domain import evaluation as judging
from services.prelabel.domain import learning_schedule
from services.prelabel.domain.evaluation import Measured
from services.prelabel.exceptions import InferenceFailed
from services.prelabel.inference import InferenceQueue
from services.prelabel.operations import comparison, registry
from services.prelabel.operations.model_inputs import Reader
from services.prelabel.storage import comparison_attempts, labels, models, projects
from services.prelabel.storage.comparison_attempts import ComparisonAttempt
from services.prelabel.storage.labels import Example
from services.prelabel.storage.models import Model
from services.prelabel.storage.projects import ProjectCache
from shared.contracts.events import ModelTest
from shared.contracts.values import Split
from shared.kit.database import Session


async def due(session: Session, cache: ProjectCache) -> list[Model]:
    """The champions that were not tested yet and for which there are labels of the test split enough."""
    found = []
    for model in await models.untested(session):
        policy = (await cache.situation(session, model.project_id)).project.learning
        have = await labels.count_measuring(
            session, model.project_id, model.manifest.schema_version, Split.TEST, policy.promotion_held_out
        )
        if learning_schedule.measuring_due(policy, have):
            found.append(model)
    return found


async def prepare(session: Session, model: Model) -> Sequence[Example]:
    """The test split's labels made by people, the newest first taken."""
    return await labels.measuring_set(
        session,
        model.project_id,
        model.manifest.schema_version,
        Split.TEST,
        comparison.MOST_MEASURED,
        comparison.MOST_MEASURED_BYTES,
    )


async def measure(
    inference: InferenceQueue, reader: Reader, model: Model, examples: Sequence[Example]
) -> Measured | None:
    """Let the model answer; None when too many records can't be read for now. Needs no session: this may take long.

    Raises:
        InferenceFailed: the model could not answer, or there is nothing that it could read.
        ComputeFailed: measuring what it answered took too long, or the worker ended.
    """
    answered = await comparison.answers(inference, reader, model, examples)
    if answered is None:
        return None
    usable, probabilities = answered
    if not usable:
        raise InferenceFailed("none of the records of the test split can be read")
    truth = comparison.truth_of(usable, model.manifest)
    return await reader.compute.run(
        judging.measure, probabilities, truth, model.temperature, project_id=model.project_id
    )


async def keep(session: Session, model: Model, measured: Measured, now: datetime) -> bool:
    """Keep and publish the report; False when the model has one already, which stays."""
    low, high = judging.wilson_interval(measured.accuracy, measured.records)
    report = ModelTest(
        records=measured.records,
        accuracy=measured.accuracy,
        interval_low=low,
        interval_high=high,
        log_loss=measured.log_loss,
        calibration_error=min(1.0, measured.calibration_error),
        untouched=_untouched(model),
        read_at=now,
    )
    return await _save(session, model, report)


async def give_up(
    session: Session, model: Model, attempt: ComparisonAttempt, failure: str, now: datetime, *, for_good: bool
) -> None:
    """Note a failed attempt. The report says why there are no figures if it was the last one, or more are hopeless."""
    if not for_good and attempt.number < comparison.MOST_ATTEMPTS:
        await comparison_attempts.fail(session, model.model_id, failure)
        return
    report = ModelTest(records=0, untouched=_untouched(model), failure=failure, read_at=now)
    await _save(session, model, report)


async def _save(session: Session, model: Model, report: ModelTest) -> bool:
    await projects.lock(session, model.project_id)
    tested = await models.keep_test(session, model.model_id, report)
    if tested is None:
        return False
    await registry.publish_changes(session, [tested])
    return True


def _untouched(model: Model) -> bool:
    return model.evaluation is None or model.evaluation.split is not None
