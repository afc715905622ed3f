"""Scoring: every record that is open, and every held-out one, carries the champion's newest answers.

Load and commit, ask the model, lock again, save what is still due: no transaction is open while a model thinks.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

import structlog

from services.prelabel import metrics
from services.prelabel.domain import prediction
from services.prelabel.domain.prediction import WhyNot
from services.prelabel.domain.project import Project
from services.prelabel.exceptions import InferenceFailed, ModelSetAside
from services.prelabel.inference import InferenceQueue
from services.prelabel.operations.backends import Backends
from services.prelabel.operations.model_inputs import Reader
from services.prelabel.storage import models, predictions, projects, records, scoring_leases
from services.prelabel.storage.models import Model
from services.prelabel.storage.predictions import Due, LockedDue, NewPrediction
from services.prelabel.storage.projects import ProjectCache, Situation
from shared.contracts.events import RecordPredicted, Unanswered
from shared.kit import outbox
from shared.kit.clock import new_id
from shared.kit.concurrency import side_by_side
from shared.kit.database import Session
from shared.kit.outbox import Outgoing

log = structlog.get_logger()

_SIDE_BY_SIDE: Final = 2
_MOST_ATTEMPTS: Final = 4
"""A record that can't be read so often has no answer; before, a store that is away may come back."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What one step did. `elsewhere`: another holder has the project's lease. `more`: there may be more to do."""

    scored: int = 0
    failed: int = 0
    elsewhere: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True)
class _Work:
    """Records to be scored, as they were when they were read. Nobody is asked without a champion."""

    situation: Situation
    champion: Model | None
    due: Sequence[Due]


@dataclass(slots=True)
class _ModelAnswers:
    """What the champion answered. Those that it gave no answer for are `unanswered`, with the reason; those that could
    not be read for now are among them, and `interrupted`.
    """

    answers: dict[UUID, RecordPredicted] = field(default_factory=dict)
    unanswered: dict[UUID, WhyNot] = field(default_factory=dict)
    interrupted: set[UUID] = field(default_factory=set)


async def score_some(backends: Backends, project_id: UUID, holder: UUID, limit: int) -> Scored:
    """Score some records that are due, held-out ones first: they set the thresholds that the others wait for.

    `limit` of them in a transaction, and some transactions side by side: a model is asked while answers are saved.
    `holder` has the project's lease; once another one has it, nothing is saved.
    """
    most = limit * _SIDE_BY_SIDE
    async with backends.database.transaction() as session:
        if not await scoring_leases.is_held(session, project_id, holder):
            return Scored(elsewhere=True, more=True)
        work = await _load(session, backends.projects, project_id, most)
    if not work.due:
        return Scored()
    parts = [replace(work, due=work.due[start : start + limit]) for start in range(0, len(work.due), limit)]
    done = await side_by_side((_score(backends, part, holder) for part in parts), at_once=_SIDE_BY_SIDE)
    scored, failed = sum(scored for scored, _ in done), sum(failed for _, failed in done)
    return Scored(scored, failed, more=len(work.due) == most or failed > 0 or scored < len(work.due))


async def _score(backends: Backends, work: _Work, holder: UUID) -> tuple[int, int]:
    """Ask the champion and save; returns how many records have their prediction, and how many wait."""
    answered, thumbnails = _ModelAnswers(), list[records.MadeThumbnail]()
    if work.champion is not None:
        reader = backends.reader(work.champion.project_id)
        answered, thumbnails = await _ask(reader, backends.inference, work.champion, work.due)
    async with backends.database.transaction() as session:
        if not await scoring_leases.is_held(session, work.situation.project.project_id, holder):
            return 0, 0  # what it found while it hung is no measure of a model or a store
        done = await _save(session, work, answered)
        await records.add_thumbnails(session, thumbnails)
    return done


async def _load(session: Session, cache: ProjectCache, project_id: UUID, limit: int) -> _Work:
    situation = await cache.situation(session, project_id)
    due = await predictions.due(session, project_id, situation.epoch, limit)
    champion = await models.champion(session, project_id) if due and situation.champion_id is not None else None
    return _Work(situation, champion, due)


async def _save(session: Session, work: _Work, answered: _ModelAnswers) -> tuple[int, int]:
    """Keep and publish the answers for what is still due; returns how many records have one, and how many wait."""
    situation = work.situation
    if await projects.epoch(session, situation.project.project_id) != situation.epoch:
        return 0, 0  # another model is champion by now
    locked = await predictions.lock_due(session, [each.record_id for each in work.due], situation.epoch)
    locked.sort(key=lambda each: not each.held_out)
    waiting = {
        each.record_id
        for each in locked
        if each.record_id in answered.interrupted and each.attempts + 1 < _MOST_ATTEMPTS
    }
    if waiting:
        await predictions.note_failed(session, sorted(waiting))
    made = [_made(each, answered, work.champion, situation.project) for each in locked if each.record_id not in waiting]
    await publish(session, situation.project.project_id, made, situation.epoch)
    session.on_commit(lambda: _account(made))
    return len(made), len(waiting)


async def publish(session: Session, project_id: UUID, made: Sequence[NewPrediction], epoch: int | None) -> None:
    """Keep predictions of locked records and publish them."""
    if not made:
        return
    await predictions.add(session, made, epoch)
    await outbox.publish_many(
        session,
        [
            Outgoing(
                payload=each.payload,
                project_id=project_id,
                record_id=each.record_id,
                revision=each.revision,
                event_id=each.event_id,
            )
            for each in made
        ],
    )


def schema_version_of(project: Project) -> int:
    """The schema version of a prediction that no model made."""
    return project.active_schema or max(project.schemas, default=1)


async def _ask(
    reader: Reader, inference: InferenceQueue, champion: Model, due: Sequence[Due]
) -> tuple[_ModelAnswers, list[records.MadeThumbnail]]:
    if champion.set_aside is not None:
        return _ModelAnswers(unanswered={each.record_id: WhyNot.FAILED for each in due}), []
    read = await reader.items(champion.manifest, [each.content for each in due])
    answered = _ModelAnswers(interrupted=read.interrupted)
    readable = []
    for each, item in zip(due, read.items, strict=True):
        if item is None:
            answered.unanswered[each.record_id] = WhyNot.UNREADABLE
        else:
            readable.append((each.record_id, item))
    if not readable:
        return answered, read.thumbnails
    try:
        rows = await inference.predict(
            champion.model_id, [item for _, item in readable], project_id=champion.project_id, patient=True
        )
    except InferenceFailed as error:
        log.warning("model_failed", model_id=champion.model_id, records=len(readable), reason=str(error))
        answered.unanswered.update((record_id, WhyNot.FAILED) for record_id, _ in readable)
        if not isinstance(error, ModelSetAside):
            answered.interrupted = {each.record_id for each in due}
        return answered, read.thumbnails
    made = prediction.answered(champion.manifest, rows, champion.temperature)
    for (record_id, _), answer in zip(readable, made, strict=True):
        if answer is None:
            answered.unanswered[record_id] = WhyNot.UNUSABLE
        else:
            answered.answers[record_id] = prediction.predicted(
                answer, champion.manifest, champion.model_id, champion.version
            )
    return answered, read.thumbnails


def _made(due: LockedDue, answered: _ModelAnswers, champion: Model | None, project: Project) -> NewPrediction:
    purpose = prediction.scored_for(due.state, held_out=due.held_out)
    answer = answered.answers.get(due.record_id)
    if answer is not None:
        payload = prediction.selected_for(answer, due.selection, purpose)
    else:
        why = answered.unanswered.get(due.record_id)
        asked = (
            None
            if champion is None or why is None
            else Unanswered(model_id=champion.model_id, model_version=champion.version, reason=why)
        )
        payload = prediction.without_answer(schema_version_of(project), due.draw, due.selection, purpose, asked)
    return NewPrediction(due.record_id, new_id(), due.revision + 1, payload)


def _account(made: Sequence[NewPrediction]) -> None:
    """Count what was committed, and log of every model that gave no answer how often and why, never to what."""
    answered = sum(each.payload.model_id is not None for each in made)
    metrics.SCORED.labels("true").inc(answered)
    metrics.SCORED.labels("false").inc(len(made) - answered)
    asked = [each.payload.unanswered for each in made if each.payload.unanswered is not None]
    for (model_id, reason), count in Counter((one.model_id, one.reason) for one in asked).items():
        metrics.UNANSWERED.labels(reason).inc(count)
        log.warning("model_gave_no_answer", model_id=model_id, reason=reason, records=count)
