"""The loops that compare challengers and test champions."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from services.prelabel import metrics
from services.prelabel.exceptions import InferenceFailed, ModelSetAside
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

_MEASURED_AGAIN_S: Final = 5.0
_BREATH_S: Final = 0.2
"""Labels come one by one; what each of them wakes is done for all that came meanwhile."""


class _GiveUp(Protocol):
    """Note a failed attempt; after the last one, or `for_good`, the model's measurement ends with its reason."""

    async def __call__(
        self,
        runtime: PrelabelRuntime,
        model: Model,
        attempt: ComparisonAttempt,
        failure: str,
        *,
        for_good: bool = False,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class _Measurement:
    """A kind of measurement. `run` returns whether it is over; else it is postponed. `failed`: the event to be logged when
    the model can't answer; `unanswered`: what is kept of that, with the reason in it.
    """

    run: Callable[[PrelabelRuntime, Model], Awaitable[bool]]
    give_up: _GiveUp
    failed: str
    unanswered: str


async def _attempt(runtime: PrelabelRuntime, model: Model, measurement: _Measurement) -> None:
    """Measure a model, unless that is wanted no more. The attempt counts whatever ends it."""
    async with runtime.database.autocommit() as session:
        attempt = await comparison_attempts.begin(session, model.model_id, model.stage)
    if attempt is None:
        return
    give_up = measurement.give_up
    if attempt.number > comparison.MOST_ATTEMPTS:
        await give_up(runtime, model, attempt, attempt.failure or "")
        return
    try:
        is_over = await measurement.run(runtime, model)
    except InferenceFailed as error:
        log.warning(measurement.failed, model_id=model.model_id, exc_info=error)
        failure = measurement.unanswered.format(error)
        await give_up(runtime, model, attempt, failure, for_good=isinstance(error, ModelSetAside))
        return
    except Exception as error:
        if database_error_kind(error) is not DatabaseErrorKind.AWAY:
            await give_up(runtime, model, attempt, failure_of(error))
        raise
    if not is_over:
        async with runtime.database.autocommit() as session:
            await comparison_attempts.postpone(session, model.model_id, _MEASURED_AGAIN_S)


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
                await _attempt(runtime, model, _COMPARISON)
                runtime.wake(TEST)
                runtime.wake(UNLEARN)
                wake_scoring(runtime, model.project_id)
                mark_dirty(runtime, model.project_id)
    if due:
        await asyncio.sleep(_BREATH_S)
    async with runtime.database.autocommit() as session:
        return await comparison_attempts.next_in_s(session)


async def _give_up_comparison(
    runtime: PrelabelRuntime, model: Model, attempt: ComparisonAttempt, failure: str, *, for_good: bool = False
) -> None:
    async with runtime.database.transaction() as session:
        rejected = await comparison.give_up(session, model, attempt, failure, utc_now(), for_good=for_good)
    metrics.COMPARED.labels("failed" if rejected is None else rejected.stage).inc()


async def _compare_one(runtime: PrelabelRuntime, model: Model) -> bool:
    """Whether the model is decided on now; else it can't be compared yet, or something changed meanwhile."""
    async with runtime.database.transaction() as session:
        contest = await comparison.prepare(session, model)
    outcome = None
    if contest.examples or not contest.champion_unlearns:
        outcome = await comparison.measure(
            runtime.resources.inference, Reader(runtime.objects, runtime.compute, model.project_id), contest
        )
        if outcome is None:
            return False
    async with runtime.database.transaction() as session:
        concluded = await comparison.conclude(session, runtime.resources.projects, contest, outcome, utc_now())
    if concluded is None:
        return False
    accuracy = None if outcome is None else outcome.challenger.accuracy
    log.info("compared", model_id=model.model_id, stage=concluded.stage, accuracy=accuracy)
    metrics.COMPARED.labels(concluded.stage).inc()
    return True


_COMPARISON: Final = _Measurement(
    _compare_one,
    _give_up_comparison,
    "comparison_failed",
    "it could not answer the records of the validation split: {}",
)


async def test(runtime: PrelabelRuntime) -> float | None:
    """Read the test split for the champions that were not tested yet, once there are labels of it enough.

    Return in how many seconds one whose test failed is due again.
    """
    async with runtime.database.autocommit() as session:
        due = await model_tests.due(session, runtime.resources.projects)
    with isolated(TEST) as item:
        for model in due:
            with item(model_id=model.model_id):
                await _attempt(runtime, model, _TEST)
    async with runtime.database.autocommit() as session:
        return await comparison_attempts.next_in_s(session)


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


_TEST: Final = _Measurement(_test_one, _give_up_test, "model_test_failed", "{}")
