"""Scoring: every record that is open, and every held-out one, carries the champion's newest answers."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.prelabel import metrics
from services.prelabel.domain import prediction
from services.prelabel.domain.project import Project
from services.prelabel.inference import Engine, InferenceFailed
from services.prelabel.operations.reading import read_items
from services.prelabel.storage import models, predictions, records
from services.prelabel.storage.models import Model
from services.prelabel.storage.predictions import Due, Made
from services.prelabel.storage.projects import Situation
from shared.contracts.events import RecordPredicted
from shared.kit import outbox
from shared.kit.clock import new_id
from shared.kit.database import Session
from shared.kit.objects import Objects
from shared.kit.outbox import Outgoing

_MOST_ATTEMPTS: Final = 4
"""A record that can't be read so often has no answer; before, a store that is away may come back."""


async def score_some(
    session: Session, engine: Engine, objects: Objects, situation: Situation, limit: int
) -> tuple[int, int]:
    """Score some records that are due, held-out ones first: they set the thresholds that the others wait for.

    Answers how many were scored and how many could not be read for now. The rows stay locked until the session's end;
    a record that somebody else has locked stays due.
    """
    project_id = situation.project.project_id
    due = await predictions.lock_due(session, project_id, situation.epoch, limit, held_out=True)
    if not due:
        due = await predictions.lock_due(session, project_id, situation.epoch, limit, held_out=False)
    if not due:
        return 0, 0
    champion = await models.champion(session, project_id)
    answers, interrupted = await _answers(session, engine, objects, champion, due)
    failed = [each.record_id for each in due if each.record_id in interrupted and each.attempts + 1 < _MOST_ATTEMPTS]
    if failed:
        await predictions.note_failed(session, failed)
    scored = [each for each in due if each.record_id not in set(failed)]
    await publish(session, situation, [_made(each, answers, situation.project) for each in scored], situation.epoch)
    unanswered = sum(each.record_id not in answers for each in scored)
    metrics.SCORED.labels("true").inc(len(scored) - unanswered)
    metrics.SCORED.labels("false").inc(unanswered)
    return len(scored), len(failed)


async def publish(session: Session, situation: Situation, made: Sequence[Made], epoch: int | None) -> None:
    """Keep predictions of locked records and tell them."""
    if not made:
        return
    await predictions.add(session, made, epoch)
    await outbox.publish_many(
        session,
        [
            Outgoing(
                payload=each.payload,
                project_id=situation.project.project_id,
                record_id=each.record_id,
                revision=each.revision,
                event_id=each.event_id,
            )
            for each in made
        ],
    )


def schema_version_of(project: Project) -> int:
    """The schema version of what is said without a model."""
    return project.active_schema or max(project.schemas, default=1)


async def _answers(
    session: Session, engine: Engine, objects: Objects, champion: Model | None, due: Sequence[Due]
) -> tuple[dict[UUID, RecordPredicted], set[UUID]]:
    """The champion's answers by record, and the records that could not be read for now."""
    if champion is None:
        return {}, set()
    read = await read_items(objects, champion.manifest, [each.content for each in due])
    await records.add_thumbnails(session, read.thumbnails)
    readable = [(each, item) for each, item in zip(due, read.items, strict=True) if item is not None]
    if not readable:
        return {}, read.interrupted
    try:
        rows = await engine.predict(champion.model_id, [item for _, item in readable], patient=True)
    except InferenceFailed:
        return {}, {each.record_id for each in due}
    made = prediction.answered(champion.manifest, rows, champion.temperature)
    answers = {
        each.record_id: prediction.predicted(answer, champion.manifest, champion.model_id, champion.version)
        for (each, _), answer in zip(readable, made, strict=True)
        if answer is not None
    }
    return answers, read.interrupted


def _made(due: Due, answers: dict[UUID, RecordPredicted], project: Project) -> Made:
    purpose = prediction.scored_for(due.state, held_out=due.held_out)
    answer = answers.get(due.record_id)
    payload = (
        prediction.without_answer(schema_version_of(project), due.draw, due.selection, purpose)
        if answer is None
        else prediction.announced(answer, due.selection, purpose)
    )
    return Made(due.record_id, new_id(), due.revision + 1, payload)
