"""Route records: by their first prediction, by every new one, and by every change of a threshold or the project."""

import asyncio
import math
from datetime import datetime
from uuid import UUID

from services.queue.domain.record import Prediction
from services.queue.operations.batches import PROJECT, RecordBatch, load
from services.queue.operations.decisions import route
from services.queue.storage import project_changes, records, thresholds
from services.queue.storage.projects import ProjectCache
from services.queue.storage.thresholds import ThresholdKey
from shared.contracts.events import AutoAcceptThresholdSet, RecordPredicted
from shared.contracts.values import RecordState, ScoredFor
from shared.kit.concurrency import side_by_side
from shared.kit.consuming import EventSet
from shared.kit.database import Database, Session

_SIDE_BY_SIDE = 4
_FEWEST = 10
"""So many records are routed at once however few there are: in sets of one they cost several times as much."""
_DECIDED_AT_ONCE = 25
"""Between so many records whoever asks for work has their turn."""
SETS_OF_PAGE = 20  # at the end of a page nothing else is done while the last one is saved, and its place noted


async def keep_predictions(
    session: Session, projects: ProjectCache, events: EventSet[RecordPredicted], now: datetime
) -> None:
    """Keep the newest prediction of each record that was made for routing, and route by it. One that is here changes nothing."""
    routing = EventSet([event for event in events if event.payload.scored_for is ScoredFor.ROUTING])
    batch = await load(session, routing, projects)
    for event, record in batch.ready(routing, project=True):
        before, predicted = record.prediction, event.payload
        if record.state is RecordState.ERASED:
            continue
        if before is not None and (event.revision < before.revision or event.id == before.prediction_id):
            continue
        record.prediction = Prediction(
            event.revision,
            event.id,
            predicted.model_id,
            predicted.schema_version,
            predicted.answers,
            predicted.confidence,
        )
        if predicted.selection is not None:  # once selected, a record stays so
            record.selection = predicted.selection
        route(record, batch.projects[record.project_id], batch.effects, now, event)
    await batch.save(session)
    events.needs.update(routing.needs)


async def route_waiting(session: Session, projects: ProjectCache, now: datetime, limit: int) -> int:
    """Route records that wait for it; return how many were looked at."""
    found = await records.waiting(session, limit)
    await _route_again(session, projects, found, now)
    return len(found)


async def reroute(database: Database, projects: ProjectCache, now: datetime, limit: int) -> bool:
    """Route again the next records that a change of a project or threshold concerns; return whether there may be more.

    At most `limit` of them in a transaction, and some transactions side by side: one is decided on while others are saved.
    Nobody is served what they hold, so they never hold more than some of a page, however small the project is. The change
    remembers last how far it was made: after a crash some records are routed once more, which changes nothing.
    """
    async with database.transaction() as session:
        change = await project_changes.next_change(session) or await thresholds.next_change(session)
        if change is None:
            return False
        concerned, end = await change.concerned(session, limit * SETS_OF_PAGE)
    at_once = min(limit, max(_FEWEST, len(concerned) // SETS_OF_PAGE))

    async def some(record_ids: list[UUID]) -> None:
        async with database.transaction() as session:
            await _route_again(session, projects, record_ids, now)

    sets = (some(concerned[start : start + at_once]) for start in range(0, len(concerned), at_once))
    await side_by_side(sets, at_once=_SIDE_BY_SIDE)
    async with database.transaction() as session:
        await change.go_on(session, end)
    return True


async def _route_again(session: Session, projects: ProjectCache, record_ids: list[UUID], now: datetime) -> None:
    locked = await records.lock(session, record_ids)
    held = await projects.hold(session, {record.project_id for record in locked})
    batch = RecordBatch(locked, held)
    for number, record in enumerate(batch.records, start=1):
        project = batch.projects.get(record.project_id)
        if project is not None:
            route(record, project, batch.effects, now)
        if number % _DECIDED_AT_ONCE == 0:
            await asyncio.sleep(0)
    await batch.save(session)


async def keep_thresholds(session: Session, events: EventSet[AutoAcceptThresholdSet]) -> None:
    """Keep the newest threshold of each key, and note which records that concerns: `reroute` routes them again."""
    keys = [_key(event.project_id, event.payload) for event in events]
    known = await thresholds.lock_projects(session, list({key.project_id for key in keys}))
    before = await thresholds.of_models(session, list({(key.project_id, key.model_id) for key in keys}))
    newest: dict[ThresholdKey, AutoAcceptThresholdSet] = {}
    for event, key in zip(events, keys, strict=True):
        if key.project_id not in known:
            events.park(event, PROJECT, key.project_id)
            continue
        kept = newest.get(key)
        revision = before[key][0] if kept is None and key in before else (kept.threshold_revision if kept else 0)
        if event.payload.threshold_revision > revision:
            newest[key] = event.payload
    if not newest:
        return
    await thresholds.save(session, list(newest.values()), list(newest))
    changed: dict[ThresholdKey, tuple[float, float]] = {}
    for key, new in newest.items():
        old = before.get(key) or before.get(ThresholdKey(*_of_all_classes(key)), (0, None))
        low, high = sorted((_from(old[1]), _from(new.threshold)))
        if low < high:
            changed[key] = low, high
    if changed:
        await thresholds.add_changes(session, changed)


def _key(project_id: UUID | None, payload: AutoAcceptThresholdSet) -> ThresholdKey:
    if project_id is None:
        raise ValueError("AutoAcceptThresholdSet without project_id")
    return ThresholdKey(project_id, payload.model_id, payload.schema_version, payload.question, payload.label)


def _of_all_classes(key: ThresholdKey) -> tuple[UUID, UUID, int, str, None]:
    return key.project_id, key.model_id, key.schema_version, key.question, None


def _from(threshold: float | None) -> float:
    """From which confidence answers are accepted; above every confidence where none are."""
    return math.inf if threshold is None else threshold
