"""Somebody decides that a model is the champion, whatever the comparison found."""

from typing import Final
from uuid import UUID

from services.prelabel.exceptions import InferenceFailed
from services.prelabel.operations import comparison, registry
from services.prelabel.operations.backends import Backends
from services.prelabel.storage import models
from services.prelabel.storage.models import Model
from shared.contracts.events import ModelEvaluation
from shared.contracts.values import ModelStage
from shared.kit.auth import Principal
from shared.kit.clock import utc_now
from shared.kit.compute.exceptions import ComputeFailed

_MOST_MEASURED: Final = 500


async def promote(
    backends: Backends, principal: Principal, model_id: UUID, reason: str, expected: frozenset[int] | None = None
) -> Model:
    """Make it the champion; one that was never compared is measured on the labels that are there, to calibrate it.

    Raises what `registry.promote` does, and the 403 problem when the token is limited to other projects.
    """
    async with backends.database.transaction() as session:
        model = await models.get(session, model_id)
    principal.check_project(model.project_id)
    evaluation = await _evaluated_now(backends, model)
    async with backends.database.transaction() as session:
        return await registry.promote(
            session, model.model_id, reason, utc_now(), evaluation=evaluation, expected=expected,
            decided_by=principal.actor,
        )  # fmt: skip


async def _evaluated_now(backends: Backends, model: Model) -> ModelEvaluation | None:
    """Measure a challenger that was not compared yet; None when there is nothing to measure it on, or that failed."""
    if model.stage is not ModelStage.CHALLENGER or model.compared:
        return None
    async with backends.database.transaction() as session:
        contest = await comparison.prepare(session, model, _MOST_MEASURED)
    if not contest.examples:
        return None
    try:
        outcome = await comparison.measure(backends.inference, backends.reader(model.project_id), contest)
    except (InferenceFailed, ComputeFailed):
        return None
    return None if outcome is None else comparison.evaluated(contest, outcome)
