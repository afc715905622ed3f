"""Active learning: the next batch of records for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.prelabel.compute import choices
from services.prelabel.domain import acquisition, learning_schedule, prediction
from services.prelabel.domain.acquisition import ChanceWindow
from services.prelabel.domain.learning_schedule import Labels, LearningProgress, PendingComparison, Supply
from services.prelabel.operations import scoring
from services.prelabel.operations.model_inputs import Reader
from services.prelabel.storage import labels, models, predictions, records, runs, selection, unlearnings
from services.prelabel.storage.labels import TrainableLabels
from services.prelabel.storage.predictions import NewPrediction
from services.prelabel.storage.projects import Situation
from services.prelabel.storage.records import MadeThumbnail
from services.prelabel.storage.runs import RunState
from services.prelabel.storage.selection import SelectableRecord
from shared.contracts.events import Selection
from shared.contracts.values import ScoredFor, Split
from shared.kit.clock import new_id
from shared.kit.database import Session

_POOL: Final = (2_000, 20_000)
"""Records that the k-means of a cold start is run on: at least, if there are so many, and at most."""

_POOL_TIMES: Final = 20
_MOST_COUNTED: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class CandidatePool:
    """What the next batch is chosen from; who is in the `window` is chosen by chance."""

    batch: int
    size: int
    model_id: UUID | None
    candidates: Sequence[SelectableRecord]
    window: ChanceWindow


async def learning_progress(session: Session, situation: Situation) -> LearningProgress:
    """Where the project's learning stands."""
    project_id = situation.project.project_id
    last = await selection.last_batch(session, project_id)
    run = await runs.newest(session, project_id)
    waiting = await _comparison(session, situation) if await models.waiting(session, project_id) else None
    unlearning = await unlearnings.successor_wanted(session, project_id)
    return LearningProgress(
        last=last,
        labels=await _labels(session, situation, unlearning=unlearning),
        trained=run is not None,
        training=run is not None and run.state in {RunState.QUEUED, RunState.RUNNING},
        waiting=waiting,
        rescoring=await predictions.is_due(session, project_id, situation.epoch),
        unlearning=unlearning,
    )


async def supply(session: Session, situation: Situation, quiet_s: float) -> Supply:
    """What there is to choose from. When all that is left was drawn by chance, that is: none shall be left unserved."""
    policy = situation.project.learning
    bound = max(policy.cold_start * learning_schedule.ENOUGH_TIMES, policy.batch_size)
    found = await selection.count_candidates(session, situation.project.project_id, bound)
    if found == 0:
        found = await selection.count_candidates(session, situation.project.project_id, bound, explored=True)
    return Supply(found, quiet_s)


async def _labels(session: Session, situation: Situation, *, unlearning: bool) -> Labels:
    project, policy = situation.project, situation.project.learning
    if project.objective is None or not policy.enabled:
        return Labels(0, two_classes=False)
    version, machine = project.objective.schema_version, policy.admit_machine_labels
    seen = await runs.newest_label(session, project.project_id)
    bound = max(policy.cold_start, policy.batch_size)
    new = await labels.count_new(session, project.project_id, version, seen, bound, machine=machine)
    if new == 0 and not unlearning:
        return Labels(0, two_classes=False)
    two = await labels.with_two_classes(session, [TrainableLabels(project.project_id, version, machine)])
    return Labels(new, two_classes=bool(two))


async def _comparison(session: Session, situation: Situation) -> PendingComparison | None:
    project, policy = situation.project, situation.project.learning
    if project.objective is None:
        return None
    bound = policy.promotion_held_out
    return PendingComparison(
        have=await labels.count_measuring(
            session, project.project_id, project.objective.schema_version, Split.VALIDATION, bound
        ),
        open=await selection.count_open_validation(session, project.project_id, bound),
        served=await selection.chance_is_served(session, project.project_id),
    )


async def gather(session: Session, situation: Situation, progress: LearningProgress) -> CandidatePool:
    """What the next batch is chosen from: by the champion's scores, or by chance as long as there is none."""
    project = situation.project
    batch = 0 if progress.last is None else progress.last.batch + 1
    size = progress.wanted(project.learning)
    total = await selection.count_candidates(session, project.project_id, _MOST_COUNTED)
    explored = total == 0
    if explored:
        total = await selection.count_candidates(session, project.project_id, _MOST_COUNTED, explored=True)
    cold = situation.champion_id is None
    window = ChanceWindow.of(
        acquisition.expected_by_chance(size, cold=cold), total, project.draw("select", project.project_id, batch)
    )
    question = None if project.objective is None else project.objective.question
    low, high = _POOL
    most = max(size, min(high, max(low, size * _POOL_TIMES))) if cold and not explored else size
    by_draw = await selection.from_draw(session, project.project_id, most, question, window.start, explored=explored)
    found = {each.record_id: each for each in by_draw}
    if not cold and not explored:
        wanted = size * (acquisition.POOL_FACTOR + 1)
        for each in await selection.most_unsure(session, project.project_id, wanted, question):
            found.setdefault(each.record_id, each)
    return CandidatePool(batch, size, situation.champion_id, list(found.values()), window)


async def choose(
    reader: Reader, situation: Situation, pool: CandidatePool
) -> tuple[list[tuple[UUID, Selection]], list[MadeThumbnail]]:
    """Choose the batch; also returns the thumbnails that were made on the way. Needs no session: it may take long."""
    project = situation.project
    looks, thumbnails = await reader.looks(project.objective, [each.content for each in pool.candidates])
    chosen = await reader.compute.run(
        choices.choose,
        "cold_start" if pool.model_id is None else "next_batch",
        [each.score for each in pool.candidates],
        [each.draw for each in pool.candidates],
        [each.label for each in pool.candidates],
        looks,
        pool.size,
        (project.project_id.int >> 64) ^ pool.batch,
        pool.window,
        project_id=project.project_id,
    )
    selected = [
        (
            pool.candidates[each.index].record_id,
            Selection(batch=pool.batch, strategy=each.strategy, probability=each.probability),
        )
        for each in chosen
    ]
    return selected, thumbnails


async def select(
    session: Session,
    situation: Situation,
    pool: CandidatePool,
    chosen: Sequence[tuple[UUID, Selection]],
    thumbnails: Sequence[MadeThumbnail],
    now: datetime,
) -> int:
    """Mark the chosen records that are still free and publish it; returns how many."""
    project_id = situation.project.project_id
    marked = await selection.add_batch(session, project_id, pool.batch, pool.model_id, chosen, now)
    await records.add_thumbnails(session, thumbnails)
    newest = await predictions.newest(session, [each.record_id for each in marked])
    fallback = scoring.schema_version_of(situation.project)
    made = []
    for each in marked:
        newest_prediction = newest.get(each.record_id) or prediction.without_answer(
            fallback, each.draw, None, ScoredFor.ROUTING
        )
        payload = prediction.selected_for(newest_prediction, each.selection, newest_prediction.scored_for)
        made.append(NewPrediction(each.record_id, new_id(), each.revision + 1, payload))
    await scoring.publish(session, project_id, made, None)
    return len(marked)
