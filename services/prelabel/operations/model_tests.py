"""The test: a promoted model answers the records of the test split once, for its report. Nothing is chosen by that."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from services.prelabel.domain import evaluation as judging
from services.prelabel.domain.evaluation import Measured
from services.prelabel.exceptions import InferenceFailed
from services.prelabel.inference import InferenceQueue
from services.prelabel.operations import comparison, measurement, registry
from services.prelabel.operations.backends import Backends
from services.prelabel.operations.measurement import Measurement
from services.prelabel.operations.model_inputs import Reader
from services.prelabel.storage import comparison_attempts, labels, models, projects
from services.prelabel.storage.comparison_attempts import ComparisonAttempt
from services.prelabel.storage.labels import Example
from services.prelabel.storage.models import Model, Unmeasured
from shared.contracts.events import ModelTest
from shared.contracts.values import ModelStage, Split
from shared.kit.clock import utc_now
from shared.kit.database import Session

log = structlog.get_logger()


async def due(backends: Backends) -> list[Unmeasured]:
    """The champions that were not tested yet and for which there are labels of the test split enough."""
    found: list[Unmeasured] = []
    async with backends.database.autocommit() as session:
        async for some in measurement.sets_of(session, models.untested):
            situations = await backends.projects.situations(session, {each.project_id for each in some})
            enough = await measurement.with_labels_enough(session, situations, some, Split.TEST)
            found.extend(each for each in some if each.model_id in enough)
    return found


async def test_one(backends: Backends, model_id: UUID) -> None:
    """Let a champion answer the records of the test split for its report, unless it has one or is champion no more."""
    await measurement.attempt(backends, model_id, _TEST)


async def _test(backends: Backends, model: Model) -> bool:
    """Whether the model has its report now; else its records can't be read."""
    async with backends.database.transaction() as session:
        examples = await prepare(session, model)
    measured = await measure(backends.inference, backends.reader(model.project_id), model, examples)
    if measured is None:
        return False
    async with backends.database.transaction() as session:
        kept = await keep(session, model, measured, utc_now())
    if kept:
        log.info("model_tested", model_id=model.model_id, records=measured.records, accuracy=measured.accuracy)
    return True


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
        calibration_error=measured.calibration_error.value,
        calibration_error_low=measured.calibration_error.low,
        calibration_error_high=measured.calibration_error.high,
        untouched=_untouched(model),
        read_at=now,
    )
    return await _save(session, model, report)


async def give_up(
    session: Session, model: Model, attempt: ComparisonAttempt, failure: str, now: datetime, *, for_good: bool
) -> None:
    """Note a failed attempt. The report says why there are no figures if it was the last one, or more are hopeless."""
    if not for_good and attempt.number < measurement.MOST_ATTEMPTS:
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


_TEST: Final = Measurement(ModelStage.CHAMPION, _test, give_up, "model_test_failed", "{}")
