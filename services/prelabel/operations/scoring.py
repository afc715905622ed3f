"""Scoring: every record that is open, and every held-out one, carries the champion's newest answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import structlog

from services.prelabel import metrics
from services.prelabel.domain import prediction
from services.prelabel.domain.prediction import WhyNot
from services.prelabel.domain.project import Project
from services.prelabel.inference import Engine, InferenceFailed
from services.prelabel.operations.reading import read_items
from services.prelabel.storage import models, predictions, records
from services.prelabel.storage.models import Model
from services.prelabel.storage.predictions import Due, Made
from services.prelabel.storage.projects import Situation
from shared.contracts.events import RecordPredicted, Unanswered
from shared.kit import outbox
from shared.kit.clock import new_id
from shared.kit.database import Session
from shared.kit.objects import Objects
from shared.kit.outbox import Outgoing

log = structlog.get_logger()

_MOST_ATTEMPTS: Final = 4
"""A record that can't be read so often has no answer; before, a store that is away may come back."""


@dataclass(slots=True)
class _Said:
    """What the champion said of records. Those that it gave no answer for are `unanswered`, with the reason; those that
    could not be read for now are among them, and `interrupted`.
    """

    answers: dict[UUID, RecordPredicted] = field(default_factory=dict)
    unanswered: dict[UUID, WhyNot] = field(default_factory=dict)
    interrupted: set[UUID] = field(default_factory=set)


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
    said = _Said() if champion is None else await _ask(session, engine, objects, champion, due)
    failed = {
        each.record_id for each in due if each.record_id in said.interrupted and each.attempts + 1 < _MOST_ATTEMPTS
    }
    if failed:
        await predictions.note_failed(session, sorted(failed))
    scored = [each for each in due if each.record_id not in failed]
    made = [_made(each, said, champion, situation.project) for each in scored]
    await publish(session, situation, made, situation.epoch)
    session.on_commit(lambda: _account(made))
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


async def _ask(session: Session, engine: Engine, objects: Objects, champion: Model, due: Sequence[Due]) -> _Said:
    read = await read_items(objects, champion.manifest, [each.content for each in due])
    await records.add_thumbnails(session, read.thumbnails)
    said = _Said(interrupted=read.interrupted)
    readable = []
    for each, item in zip(due, read.items, strict=True):
        if item is None:
            said.unanswered[each.record_id] = WhyNot.UNREADABLE
        else:
            readable.append((each.record_id, item))
    if not readable:
        return said
    try:
        rows = await engine.predict(champion.model_id, [item for _, item in readable], patient=True)
    except InferenceFailed as error:
        log.warning("model_failed", model_id=champion.model_id, records=len(readable), reason=str(error))
        said.unanswered.update((record_id, WhyNot.FAILED) for record_id, _ in readable)
        said.interrupted = {each.record_id for each in due}
        return said
    made = prediction.answered(champion.manifest, rows, champion.temperature)
    for (record_id, _), answer in zip(readable, made, strict=True):
        if answer is None:
            said.unanswered[record_id] = WhyNot.UNUSABLE
        else:
            said.answers[record_id] = prediction.predicted(
                answer, champion.manifest, champion.model_id, champion.version
            )
    return said


def _made(due: Due, said: _Said, champion: Model | None, project: Project) -> Made:
    purpose = prediction.scored_for(due.state, held_out=due.held_out)
    answer = said.answers.get(due.record_id)
    if answer is not None:
        payload = prediction.announced(answer, due.selection, purpose)
    else:
        why = said.unanswered.get(due.record_id)
        asked = (
            None
            if champion is None or why is None
            else Unanswered(model_id=champion.model_id, model_version=champion.version, reason=why)
        )
        payload = prediction.without_answer(schema_version_of(project), due.draw, due.selection, purpose, asked)
    return Made(due.record_id, new_id(), due.revision + 1, payload)


def _account(made: Sequence[Made]) -> None:
    """Count what was committed, and tell of every model that gave no answer: how often and why, never to what."""
    answered = sum(each.payload.model_id is not None for each in made)
    metrics.SCORED.labels("true").inc(answered)
    metrics.SCORED.labels("false").inc(len(made) - answered)
    asked = [each.payload.unanswered for each in made if each.payload.unanswered is not None]
    for (model_id, reason), count in Counter((one.model_id, one.reason) for one in asked).items():
        metrics.UNANSWERED.labels(reason).inc(count)
        log.warning("model_gave_no_answer", model_id=model_id, reason=reason, records=count)
