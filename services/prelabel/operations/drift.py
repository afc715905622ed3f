"""Watching champions for drift: a look at every full window of held-out records and of labels, and at new reports.

Load and commit, compare in a worker process, lock again, and save unless somebody else has looked meanwhile.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog

from services.prelabel import metrics
from services.prelabel.compute import drift as comparing
from services.prelabel.domain import drift as judging
from services.prelabel.domain import live_error
from services.prelabel.domain.drift import DriftKind, LookEvidence, WatchedRecord
from services.prelabel.domain.live_error import LiveError, LiveState, Promise
from services.prelabel.operations import registry
from services.prelabel.operations.backends import Backends
from services.prelabel.storage import drift, models, projects
from services.prelabel.storage.drift import DueWatch, KeptFinding, WatchProgress
from services.prelabel.storage.models import Model
from shared.contracts.events import ClassShares, ModelDrift
from shared.contracts.values import ModelStage
from shared.kit.database import Database, Session

log = structlog.get_logger()

LABELS_READ_BEFORE: Final = 2_000
"""Held-out records from before a model, the newest, whose labels are counted."""

_CHAMPIONS_AT_ONCE: Final = 500
_NOBODY: Final = UUID(int=0)
_UUID7_TIME_BITS: Final = 80
_LIVE_RISK: Final = judging.FALSE_ALARMS / 2
_PROMISE_RISK: Final = judging.FALSE_ALARMS / 4
"""Of the risk of a false alarm the reports have one half, and what was promised by the validation and the test split has a
quarter each: it was measured on labels, too."""


@dataclass(frozen=True, slots=True)
class RecordWindow:
    """Held-out records from before the model and the next ones since; `first` and `last` are of those."""

    before: Sequence[WatchedRecord]
    now: Sequence[WatchedRecord]
    first: UUID
    last: UUID


@dataclass(frozen=True, slots=True)
class Seen:
    """LookEvidence of one kind, and when the first record or report that it stands on came."""

    kind: DriftKind
    evidence: LookEvidence
    since: datetime


@dataclass(frozen=True, slots=True)
class LiveReports:
    """Reports on a model: `error` of the current period, which began at `since`, against what was promised."""

    error: LiveError
    promised: Promise | None
    promised_by_test: bool
    since: datetime


async def due(database: Database) -> list[DueWatch]:
    """The champions of which there is something new to look at."""
    found: list[DueWatch] = []
    after = _NOBODY
    async with database.autocommit() as session:
        while some := await drift.due(session, after, judging.WINDOW, _CHAMPIONS_AT_ONCE):
            found.extend(some)
            after = some[-1].project_id
    return found


async def look(backends: Backends, model_id: UUID, now: datetime) -> bool:
    """Look at what is new of a champion, a window of each kind at most; whether there may be more to look at."""
    async with backends.database.transaction() as session:
        model = await models.get(session, model_id)
        watched = await _watch(session, model, now)
        if watched is None:
            return False
        epoch = await projects.epoch(session, model.project_id)
        window = await _record_window(session, model, watched, epoch or 0)
        labelled = await drift.labels_since(
            session, model.project_id, watched, model.manifest.schema_version, judging.WINDOW
        )
        labels_before = await _labels_before(session, model, watched)
        reports = await drift.reports(session, model_id)
        level = _level_of_inputs((await drift.findings(session, model_id)).get(DriftKind.INPUT))
    seen: list[Seen] = []
    after = watched
    if window is not None:
        compared = await backends.compute.run(
            comparing.compare, window.before, window.now, level, window.last.int, project_id=model.project_id
        )
        seen += [Seen(kind, evidence, came_at(window.first)) for kind, evidence in compared.items()]
        after = replace(after, after=window.last)
    if labelled is not None:
        if sum(labels_before.values()) >= judging.FEWEST_BEFORE:
            evidence = judging.of_labels(labels_before, labelled.counts)
            seen.append(Seen(DriftKind.LABEL, evidence, came_at(labelled.first)))
        else:
            labels_before = dict(labelled.counts)  # too few from before: the first ones since stand for them
        after = replace(after, label_seq=labelled.label_seq, labels_before=labels_before)
    async with backends.database.transaction() as session:
        return await _save(session, model, watched, after, seen, reports, now)


async def live_reports(session: Session, model: Model, watched: WatchProgress | None) -> LiveReports:
    """What product systems report of the model in the current period, or since it was made."""
    found = await drift.findings(session, model.model_id)
    looks = found[DriftKind.LIVE_ERROR].looks if DriftKind.LIVE_ERROR in found else 0
    confirmed, corrected = await drift.reports(session, model.model_id)
    return _live(model, watched, confirmed, corrected, max(1, looks))


async def count_alarmed(database: Database) -> None:
    """Show how many champions have an alarm, by its kind."""
    async with database.autocommit() as session:
        counts = await drift.count_alarmed(session)
    for kind in DriftKind:
        metrics.DRIFTED.labels(kind.value).set(counts.get(kind.value, 0))


def came_at(record_id: UUID) -> datetime:
    """When a record came: its id is a UUIDv7, which begins with the milliseconds since 1970 (RFC 9562, section 5.7)."""
    return datetime.fromtimestamp((record_id.int >> _UUID7_TIME_BITS) / 1000, UTC)


async def _watch(session: Session, model: Model, now: datetime) -> WatchProgress | None:
    """How far the model is watched; begins it. None of a model that is not the champion."""
    if model.stage is not ModelStage.CHAMPION:
        return None
    watched = await drift.watch(session, model.model_id)
    if watched is None:
        await drift.begin(session, model.model_id, now)
    elif watched.boundary is not None:
        return watched
    boundary = await _boundary(session, model)
    if boundary is not None:
        await drift.bound(session, model.model_id, boundary)
    return await drift.watch(session, model.model_id)


async def _boundary(session: Session, model: Model) -> UUID | None:
    """The last of the held-out records that stand for what was before the model; None while there are too few.

    Ids of models and of records are UUIDv7: they tell what came before what.
    """
    fewest = judging.FEWEST_BEFORE
    if await drift.count_before(session, model.project_id, model.model_id, fewest) == fewest:
        return model.model_id
    return await drift.nth(session, model.project_id, fewest)


async def _record_window(session: Session, model: Model, watched: WatchProgress, epoch: int) -> RecordWindow | None:
    """The next full window; None while there is none, or the champion has yet to answer some of its records."""
    if watched.boundary is None or watched.after is None:
        return None
    where = (model.manifest.field, model.manifest.question, model.model_id)
    rows = await drift.records_since(session, model.project_id, watched.after, *where, judging.WINDOW)
    if len(rows) < judging.WINDOW or any(each.scored_epoch < epoch for each in rows):
        return None
    before = await drift.records_before(session, model.project_id, watched.boundary, *where, judging.MOST_BEFORE)
    if any(each.scored_epoch < epoch for each in before):
        return None
    return RecordWindow(
        [each.watched for each in before], [each.watched for each in rows], rows[0].record_id, rows[-1].record_id
    )


async def _labels_before(session: Session, model: Model, watched: WatchProgress) -> dict[str, int]:
    if watched.labels_before is not None:
        return dict(watched.labels_before)
    if watched.boundary is None:
        return {}
    version = model.manifest.schema_version
    return await drift.labels_before(session, model.project_id, watched.boundary, version, LABELS_READ_BEFORE)


async def _save(
    session: Session,
    model: Model,
    watched: WatchProgress,
    after: WatchProgress,
    seen: list[Seen],
    reports: tuple[int, int],
    now: datetime,
) -> bool:
    """Keep what was seen, and publish the model if there is a new alarm; nothing, if another replica has looked."""
    await projects.lock(session, model.project_id)
    locked = await drift.lock(session, model.model_id)
    current = (await models.lock(session, [model.model_id]))[model.model_id]
    if locked != watched or current.stage is not ModelStage.CHAMPION:
        return False
    found = await drift.findings(session, model.model_id)
    kept = [_finding(each, found.get(each.kind), now) for each in seen]
    after, live = _look_at_reports(current, after, found.get(DriftKind.LIVE_ERROR), reports, now)
    if live is not None:
        kept.append(live)
    before = None if after.labels_before is None else json.dumps(dict(after.labels_before))
    await drift.save(session, after, before)
    await drift.keep(session, model.model_id, kept)
    alarms = [each for each in kept if each.alarm is not None and not _is_known(found.get(each.kind))]
    if alarms:
        changed = await models.touch(session, model.model_id)
        await registry.publish_changes(session, [changed])
        for each in alarms:
            log.warning("model_drift", model_id=model.model_id, project_id=model.project_id, kind=each.kind.value)
    return bool(seen)


def _level_of_inputs(before: KeptFinding | None) -> float:
    """The level of the next look at inputs; after an alarm it matters no more how small a p-value is."""
    if before is None or before.alarm is not None:
        return judging.level_of(1)
    return judging.level_of(before.looks + 1)


def _is_known(before: KeptFinding | None) -> bool:
    return before is not None and before.alarm is not None


def _finding(seen: Seen, before: KeptFinding | None, now: datetime) -> KeptFinding:
    looks = 1 if before is None else before.looks + 1
    evidence = seen.evidence
    newest = ModelDrift(
        kind=seen.kind.value,
        since=seen.since,
        seen_at=now,
        look=looks,
        p_value=evidence.p_value,
        level=judging.level_of(looks),
        size=min(1.0, evidence.size),
        before=evidence.before,
        now=evidence.now,
        shares=[ClassShares(label=each.label, before=each.before, now=each.now) for each in evidence.shares],
        confidence_before=evidence.confidence_before,
        confidence_now=evidence.confidence_now,
    )
    return KeptFinding(seen.kind, looks, newest, newest if newest.p_value <= newest.level else None)


def _look_at_reports(
    model: Model, after: WatchProgress, before: KeptFinding | None, reports: tuple[int, int], now: datetime
) -> tuple[WatchProgress, KeptFinding | None]:
    """Judge the current period of the live error; its looks are periods. A full period is followed by the next."""
    confirmed, corrected = reports
    if confirmed + corrected <= after.reports:
        return after, None
    period = 1 if before is None else before.looks
    live = _live(model, after, confirmed, corrected, period)
    looked = replace(after, reports=confirmed + corrected)
    if live.promised is None:
        return looked, None
    error, promised = live.error, live.promised
    full = error.reports >= judging.REPORTS_A_PERIOD
    newest = ModelDrift(
        kind="live_error",
        since=live.since,
        seen_at=now,
        look=period,
        p_value=error.p_value,
        level=judging.level_of(period, _LIVE_RISK),
        size=max(0.0, error.wrong / error.reports - promised.error)
        if error.state is not LiveState.ONLY_ERRORS
        else 0.0,
        before=promised.records,
        now=error.reports,
    )
    alarm = newest if error.state is LiveState.WORSE else None
    if full:
        looked = replace(looked, confirmed=confirmed, corrected=corrected, period_began_at=now)
    return looked, KeptFinding(DriftKind.LIVE_ERROR, period + full, newest, alarm)


def _live(model: Model, watched: WatchProgress | None, confirmed: int, corrected: int, period: int) -> LiveReports:
    promised, by_test = _promise(model)
    wrong = corrected - (0 if watched is None else watched.corrected)
    right = confirmed - (0 if watched is None else watched.confirmed)
    error = live_error.judge(
        promised, wrong, wrong + right, judging.level_of(period, _LIVE_RISK), ever_confirmed=confirmed > 0
    )
    since = (
        model.created_at if watched is None or watched.confirmed + watched.corrected == 0 else watched.period_began_at
    )
    return LiveReports(error, promised, by_test, since)


def _promise(model: Model) -> tuple[Promise | None, bool]:
    """The error on the test split, by which nothing was chosen; before that is read, what the model was chosen by."""
    test, evaluation = model.test, model.evaluation
    if test is not None and test.accuracy is not None:
        wrong = round((1.0 - test.accuracy) * test.records)
        return live_error.promise(wrong, test.records, _PROMISE_RISK), True
    if evaluation is not None:
        wrong = round((1.0 - evaluation.accuracy) * evaluation.held_out)
        return live_error.promise(wrong, evaluation.held_out, _PROMISE_RISK), False
    return None, False
