"""The loops that compare challengers and test champions."""

import asyncio
from typing import Final

import structlog

from services.prelabel import metrics
from services.prelabel.exceptions import (
    InferenceFailed,
    ModelSetAside,
)
from services.prelabel.loop_names import COMPARE, TEST, UNLEARN
from services.prelabel.operations import comparison, model_tests
from services.prelabel.operations.model_inputs import Reader
from services.prelabel.resources import PrelabelRuntime, mark_dirty, wake_scoring
from services.prelabel.storage import comparison_attempts, models
from services.prelabel.storage.comparison_attempts import ComparisonAttempt
from services.prelabel.storage.models import Model
from shared.kit.clock import utc_now
from shared.kit.database import DatabaseErrorKind, database_error_kind
from shared.kit.failures import failure_of
from shared.kit.isolation import isolated

log = structlog.get_logger()

_COMPARED_AGAIN_S: Final = 5.0
_BREATH_S: Final = 0.2
"""Labels come one by one; what each of them wakes is done for all that came meanwhile."""


async def compare(runtime: PrelabelRuntime) -> float | None:
    """Compare the challengers for which there are labels of the validation split enough.

    Return in how many seconds one whose comparison failed is due again.
    """
    async with runtime.database.autocommit() as session:
        due = [
            model
            for model in await models.to_compare(session)
            if await comparison.is_due(session, runtime.resources.projects, model)
        ]
    with isolated(COMPARE) as item:
        for model in due:
            with item(model_id=model.model_id):
                await _attempt_comparison(runtime, model)
                runtime.wake(TEST)
                runtime.wake(UNLEARN)
                wake_scoring(runtime, model.project_id)
                mark_dirty(runtime, model.project_id)
    if due:
        await asyncio.sleep(_BREATH_S)
    async with runtime.database.autocommit() as session:
        return await comparison_attempts.next_in_s(session)


async def _attempt_comparison(runtime: PrelabelRuntime, model: Model) -> None:
    """Compare; the attempt counts whatever ends it, and after the last one the model is rejected with its reason."""
    async with runtime.database.autocommit() as session:
        attempt = await comparison_attempts.begin(session, model.model_id)
    if attempt.number > comparison.MOST_ATTEMPTS:
        await _give_up_comparison(runtime, model, attempt, attempt.failure or "")
        return
    try:
        concluded = await _compare_one(runtime, model)
    except InferenceFailed as error:
        log.warning("comparison_failed", model_id=model.model_id, exc_info=error)
        failure = f"it could not answer the records of the validation split: {error}"
        await _give_up_comparison(runtime, model, attempt, failure, for_good=isinstance(error, ModelSetAside))
        return
    except Exception as error:
        if database_error_kind(error) is not DatabaseErrorKind.AWAY:
            await _give_up_comparison(runtime, model, attempt, failure_of(error))
        raise
    if concluded is None:
        async with runtime.database.autocommit() as session:
            await comparison_attempts.postpone(session, model.model_id, _COMPARED_AGAIN_S)
    else:
        metrics.COMPARED.labels(concluded.stage).inc()


async def _give_up_comparison(
    runtime: PrelabelRuntime, model: Model, attempt: ComparisonAttempt, failure: str, *, for_good: bool = False
) -> None:
    async with runtime.database.transaction() as session:
        rejected = await comparison.give_up(session, model, attempt, failure, utc_now(), for_good=for_good)
    metrics.COMPARED.labels("failed" if rejected is None else rejected.stage).inc()


async def _compare_one(runtime: PrelabelRuntime, model: Model) -> Model | None:
    """The model as it was decided on; None when it can't be compared now, or something changed meanwhile."""
    async with runtime.database.transaction() as session:
        contest = await comparison.prepare(session, model)
    outcome = None
    if contest.examples or not contest.champion_unlearns:
        outcome = await comparison.measure(
            runtime.resources.inference, Reader(runtime.objects, runtime.compute, model.project_id), contest
        )
        if outcome is None:
            return None
    async with runtime.database.transaction() as session:
        concluded = await comparison.conclude(session, runtime.resources.projects, contest, outcome, utc_now())
    if concluded is not None:
        accuracy = None if outcome is None else outcome.challenger.accuracy
        log.info("compared", model_id=model.model_id, stage=concluded.stage, accuracy=accuracy)
    return concluded


async def test(runtime: PrelabelRuntime) -> float | None:
    """Read the test split for the champions that were not tested yet, once there are labels of it enough.

    Return in how many seconds one whose test failed is due again.
    """
    async with runtime.database.autocommit() as session:
        due = await model_tests.due(session, runtime.resources.projects)
    with isolated(TEST) as item:
        for model in due:
            with item(model_id=model.model_id):
                await _attempt_test(runtime, model)
    async with runtime.database.autocommit() as session:
        return await comparison_attempts.next_in_s(session)


async def _attempt_test(runtime: PrelabelRuntime, model: Model) -> None:
    """Test; the attempt counts whatever ends it, and after the last one the report says why there are no figures."""
    async with runtime.database.autocommit() as session:
        attempt = await comparison_attempts.begin(session, model.model_id)
    if attempt.number > comparison.MOST_ATTEMPTS:
        await _give_up_test(runtime, model, attempt, attempt.failure or "")
        return
    try:
        tested = await _test_one(runtime, model)
    except InferenceFailed as error:
        log.warning("model_test_failed", model_id=model.model_id, exc_info=error)
        await _give_up_test(runtime, model, attempt, str(error), for_good=isinstance(error, ModelSetAside))
        return
    except Exception as error:
        if database_error_kind(error) is not DatabaseErrorKind.AWAY:
            await _give_up_test(runtime, model, attempt, failure_of(error))
        raise
    if not tested:
        async with runtime.database.autocommit() as session:
            await comparison_attempts.postpone(session, model.model_id, _COMPARED_AGAIN_S)


async def _give_up_test(
    runtime: PrelabelRuntime, model: Model, attempt: ComparisonAttempt, failure: str, *, for_good: bool = False
) -> None:
    async with runtime.database.transaction() as session:
        await model_tests.give_up(session, model, attempt, failure, utc_now(), for_good=for_good)


async def _test_one(runtime: PrelabelRuntime, model: Model) -> bool:
    """Whether the model has its report now; else its records can't be read."""
    async with runtime.database.transaction() as session:
        examples = await model_tests.prepare(session, model)
    reader = Reader(runtime.objects, runtime.compute, model.project_id)
    measured = await model_tests.measure(runtime.resources.inference, reader, model, examples)
    if measured is None:
        return False
    async with runtime.database.transaction() as session:
        kept = await model_tests.keep(session, model, measured, utc_now())
    if kept:
        log.info("model_tested", model_id=model.model_id, records=measured.records, accuracy=measured.accuracy)
    return True
