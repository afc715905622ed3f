"""What comparing a challenger and testing a champion have in common: when a model is due for it, and how attempts end."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import structlog

from services.prelabel.domain import learning_schedule
from services.prelabel.exceptions import InferenceFailed, ModelSetAside
from services.prelabel.operations.backends import Backends
from services.prelabel.storage import comparison_attempts, labels, models
from services.prelabel.storage.comparison_attempts import ComparisonAttempt
from services.prelabel.storage.labels import LabelsWanted
from services.prelabel.storage.models import Model, Unmeasured
from services.prelabel.storage.projects import Situation
from shared.contracts.values import ModelStage, Split
from shared.kit.clock import utc_now
from shared.kit.database import Database, DatabaseErrorKind, Session, database_error_kind
from shared.kit.failures import failure_of

log = structlog.get_logger()

MOST_ATTEMPTS: Final = 5
"""A model whose measurement failed so often is not measured again."""

_AGAIN_S: Final = 5.0
_READ_AT_ONCE: Final = 500
_BEFORE_ALL: Final = (UUID(int=0), 0)


class GiveUpMeasuring(Protocol):
    """Note a failed attempt; after the last one, or `for_good`, the model's measurement ends with its reason."""

    async def __call__(
        self,
        session: Session,
        model: Model,
        attempt: ComparisonAttempt,
        failure: str,
        now: datetime,
        *,
        for_good: bool,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Measurement:
    """A kind of measurement, for models of that stage. `run` returns whether it is over; else it is postponed.

    `failed`: the event to be logged when the model can't answer; `unanswered`: what is kept of that, with the reason in it.
    """

    stage: ModelStage
    run: Callable[[Backends, Model], Awaitable[bool]]
    give_up: GiveUpMeasuring
    failed: str
    unanswered: str


async def attempt(backends: Backends, model_id: UUID, measurement: Measurement) -> None:
    """Measure a model, unless that is wanted no more. The attempt counts whatever ends it."""
    async with backends.database.autocommit() as session:
        begun = await comparison_attempts.begin(session, model_id, measurement.stage)
        if begun is None:
            return
        model = await models.get(session, model_id)

    async def give_up(failure: str, *, for_good: bool = False) -> None:
        async with backends.database.transaction() as session:
            await measurement.give_up(session, model, begun, failure, utc_now(), for_good=for_good)

    if begun.number > MOST_ATTEMPTS:
        await give_up(begun.failure or "")
        return
    try:
        is_over = await measurement.run(backends, model)
    except InferenceFailed as error:
        log.warning(measurement.failed, model_id=model_id, exc_info=error)
        await give_up(measurement.unanswered.format(error), for_good=isinstance(error, ModelSetAside))
        return
    except Exception as error:
        if database_error_kind(error) is not DatabaseErrorKind.AWAY:
            await give_up(failure_of(error))
        raise
    if not is_over:
        async with backends.database.autocommit() as session:
            await comparison_attempts.postpone(session, model_id, _AGAIN_S)


async def next_in_s(database: Database) -> float | None:
    """In how many seconds the next attempt is due that is due at a time."""
    async with database.autocommit() as session:
        return await comparison_attempts.next_in_s(session)


async def sets_of(
    session: Session, read: Callable[[Session, tuple[UUID, int], int], Awaitable[Sequence[Unmeasured]]]
) -> AsyncIterator[Sequence[Unmeasured]]:
    """All that `read` finds, some at a time."""
    after = _BEFORE_ALL
    while found := await read(session, after, _READ_AT_ONCE):
        yield found
        if len(found) < _READ_AT_ONCE:
            return
        after = (found[-1].project_id, found[-1].version)


async def with_labels_enough(
    session: Session, situations: dict[UUID, Situation], candidates: Collection[Unmeasured], split: Split
) -> set[UUID]:
    """Those of the models for which there are labels of the split enough; `situations`: those of their projects."""
    policies = {each.model_id: situations[each.project_id].project.learning for each in candidates}
    wanted = [
        LabelsWanted(each.project_id, each.schema_version, policies[each.model_id].promotion_held_out)
        for each in candidates
    ]
    counts = await labels.count_measuring_sets(session, split, wanted)
    return {
        each.model_id
        for each, have in zip(candidates, counts, strict=True)
        if learning_schedule.measuring_due(policies[each.model_id], have)
    }
