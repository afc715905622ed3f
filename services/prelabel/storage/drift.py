"""How far champions are watched for drift, what is yet to be looked at, and what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from services.prelabel.domain.drift import DriftKind, WatchedRecord
from services.prelabel.storage.records import thumbnail_of
from shared.contracts.events import ModelDrift
from shared.kit.database import Session
from shared.kit.jsonb import load


class DueWatch(NamedTuple):
    """A champion of which there may be something new to look at."""

    model_id: UUID
    project_id: UUID


class LabelWindow(NamedTuple):
    """Labels of held-out records since the model was made: how often each class, the newest one, and the oldest record."""

    counts: Mapping[str, int]
    label_seq: int
    first: UUID


@dataclass(frozen=True, slots=True)
class WatchProgress:
    """How far a model is watched. Held-out records up to `boundary` were there before it, None while they are too few;
    `after` and `label_seq` are the last record and the last label that were looked at. `labels_before`: labels by class before it, None until there are
    enough. `confirmed`, `corrected`: reports before the current period of the live error; `reports`: those looked at.
    """

    model_id: UUID
    boundary: UUID | None
    after: UUID | None
    label_seq: int
    labels_before: Mapping[str, int] | None
    confirmed: int
    corrected: int
    reports: int
    period_began_at: datetime


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """What `looks` looks at a kind of drift found: the newest, and the one that gave the alarm."""

    kind: DriftKind
    looks: int
    newest: ModelDrift
    alarm: ModelDrift | None


_MOST_TEXT: Final = 20_000
_HELD_OUT: Final = "r.project_id = $1 AND r.held_out AND r.state <> 'erased'"
_MEASURED: Final = """
r.held_out AND r.state = 'finalized' AND r.label_by_people AND NOT r.gold_ever AND r.label IS NOT NULL
"""
_JUDGED: Final = """
(SELECT coalesce(sum(reports), 0)::bigint FROM feedback_counts f
    WHERE f.model_id = m.model_id AND f.verdict IN ('confirmed', 'corrected'))
"""
# Each count stops at what a look takes.
_DUE: Final = f"""
SELECT m.model_id, m.project_id FROM models m LEFT JOIN drift_watches w USING (model_id)
WHERE m.stage = 'champion' AND m.project_id > $1 AND (
    (SELECT count(*) FROM (
        SELECT 1 FROM records r
        WHERE r.project_id = m.project_id AND r.held_out AND r.state <> 'erased'
            AND r.record_id > coalesce(w.after, '00000000-0000-0000-0000-000000000000')
        ORDER BY r.record_id LIMIT $2
    ) held_out) = $2
    OR w.model_id IS NULL
    OR (SELECT count(*) FROM (
        SELECT 1 FROM records r
        WHERE r.project_id = m.project_id AND r.label_schema_version = (m.manifest ->> 'schema_version')::integer
            AND r.label_seq > w.label_seq AND r.record_id > w.boundary AND {_MEASURED}
        ORDER BY r.label_seq LIMIT $2
    ) labelled) = $2
    OR {_JUDGED} > w.reports
)
ORDER BY m.project_id LIMIT $3
"""  # noqa: S608  our own text
_WATCH_COLUMNS: Final = (
    "model_id, boundary, after, label_seq, labels_before, confirmed, corrected, reports, period_began_at"
)
_WATCH: Final = f"SELECT {_WATCH_COLUMNS} FROM drift_watches WHERE model_id = $1"  # noqa: S608
_LOCK: Final = f"SELECT {_WATCH_COLUMNS} FROM drift_watches WHERE model_id = $1 FOR UPDATE"  # noqa: S608
_BEGIN: Final = """
INSERT INTO drift_watches (model_id, period_began_at) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""
_BOUND: Final = "UPDATE drift_watches SET boundary = $2, after = $2 WHERE model_id = $1 AND boundary IS NULL"
_SAVE: Final = """
UPDATE drift_watches SET after = $2, label_seq = $3, labels_before = $4::jsonb, confirmed = $5, corrected = $6, reports = $7,
    period_began_at = $8
WHERE model_id = $1
"""
_COUNT_BEFORE: Final = f"""
SELECT count(*) FROM (
    SELECT 1 FROM records r WHERE {_HELD_OUT} AND r.record_id < $2 ORDER BY r.record_id DESC LIMIT $3
) bounded
"""  # noqa: S608
_NTH: Final = f"SELECT r.record_id FROM records r WHERE {_HELD_OUT} ORDER BY r.record_id OFFSET $2 - 1 LIMIT 1"  # noqa: S608
_RECORD: Final = """
r.record_id, r.scored_epoch, left(c.fields ->> $3::text, $4) AS text, c.thumbnail, c.thumbnail_width, c.thumbnail_height,
c.thumbnail_channels, p.model_id, p.body #>> ARRAY['answers', $5::text, 'label'] AS label,
(p.body ->> 'confidence')::float8 AS confidence
FROM chosen r JOIN contents c USING (record_id)
LEFT JOIN predictions p ON p.record_id = r.record_id AND p.revision = r.prediction_revision
ORDER BY r.record_id
"""
_BEFORE: Final = f"""
WITH chosen AS (
    SELECT r.record_id, r.scored_epoch, r.prediction_revision FROM records r
    WHERE {_HELD_OUT} AND r.record_id <= $2 ORDER BY r.record_id DESC LIMIT $6
)
SELECT {_RECORD}
"""  # noqa: S608
_SINCE: Final = f"""
WITH chosen AS (
    SELECT r.record_id, r.scored_epoch, r.prediction_revision FROM records r
    WHERE {_HELD_OUT} AND r.record_id > $2 ORDER BY r.record_id LIMIT $6
)
SELECT {_RECORD}
"""  # noqa: S608
_LABELS_BEFORE: Final = f"""
SELECT label, count(*) FROM (
    SELECT r.* FROM records r WHERE {_HELD_OUT} AND r.record_id <= $2 ORDER BY r.record_id DESC LIMIT $4
) r WHERE r.label_schema_version = $3 AND {_MEASURED} GROUP BY label
"""  # noqa: S608
_LABELS_SINCE: Final = f"""
SELECT r.record_id, r.label, r.label_seq FROM records r
WHERE r.project_id = $1 AND r.label_schema_version = $2 AND r.label_seq > $3 AND r.record_id > $4 AND {_MEASURED}
ORDER BY r.label_seq LIMIT $5
"""  # noqa: S608
_REPORTS: Final = """
SELECT verdict, reports FROM feedback_counts WHERE model_id = $1 AND verdict IN ('confirmed', 'corrected')
"""
_FINDINGS: Final = "SELECT kind, looks, newest, alarm FROM drift_findings WHERE model_id = $1 ORDER BY kind"
_KEEP: Final = """
INSERT INTO drift_findings (model_id, kind, looks, newest, alarm) VALUES ($1, $2, $3, $4::jsonb, $5::jsonb)
ON CONFLICT (model_id, kind) DO UPDATE SET looks = excluded.looks, newest = excluded.newest,
    alarm = coalesce(drift_findings.alarm, excluded.alarm)
"""
_ALARMED: Final = """
SELECT f.kind, count(*) FROM models m JOIN drift_findings f USING (model_id)
WHERE m.stage = 'champion' AND f.alarm IS NOT NULL GROUP BY f.kind
"""


async def due(session: Session, after: UUID, window: int, most: int) -> Sequence[DueWatch]:
    """Champions with a full window of held-out records, or labels of such, or with new reports; by project, the first
    `most` that come after this one.
    """
    return [DueWatch(*row) for row in await session.raw.fetch(_DUE, after, window, most)]


async def watch(session: Session, model_id: UUID) -> WatchProgress | None:
    row = await session.raw.fetchrow(_WATCH, model_id)
    return None if row is None else _watch(row)


async def lock(session: Session, model_id: UUID) -> WatchProgress | None:
    row = await session.raw.fetchrow(_LOCK, model_id)
    return None if row is None else _watch(row)


def _watch(row: Any) -> WatchProgress:
    before = row["labels_before"]
    return WatchProgress(**{**row, "labels_before": None if before is None else load(before)})


async def begin(session: Session, model_id: UUID, now: datetime) -> None:
    """Begin to watch a model, unless it is watched already."""
    await session.raw.execute(_BEGIN, model_id, now)


async def bound(session: Session, model_id: UUID, boundary: UUID) -> None:
    """Set which held-out records stand for what was before the model, unless that is set."""
    await session.raw.execute(_BOUND, model_id, boundary)


async def save(session: Session, saved: WatchProgress, labels_before: str | None) -> None:
    """Note how far a locked watch has come; `labels_before` is JSON."""
    await session.raw.execute(
        _SAVE, saved.model_id, saved.after, saved.label_seq, labels_before, saved.confirmed, saved.corrected,
        saved.reports, saved.period_began_at,
    )  # fmt: skip


async def count_before(session: Session, project_id: UUID, before: UUID, bound: int) -> int:
    """How many held-out records have a smaller id, counted up to `bound`."""
    count: int = await session.raw.fetchval(_COUNT_BEFORE, project_id, before, bound)
    return count


async def nth(session: Session, project_id: UUID, place: int) -> UUID | None:
    """The held-out record at this place, counting from 1 in the order of their ids, which is that of their coming."""
    record_id: UUID | None = await session.raw.fetchval(_NTH, project_id, place)
    return record_id


class WatchedRow(NamedTuple):
    """A held-out record as it is compared; `scored_epoch`: for which champion it was last scored."""

    record_id: UUID
    scored_epoch: int
    watched: WatchedRecord


async def records_before(
    session: Session, project_id: UUID, boundary: UUID, field: str, question: str, model_id: UUID, most: int
) -> list[WatchedRow]:
    """The newest held-out records up to the boundary, at most so many, the oldest first."""
    rows = await session.raw.fetch(_BEFORE, project_id, boundary, field, _MOST_TEXT, question, most)
    return [_watched(row, model_id) for row in rows]


async def records_since(
    session: Session, project_id: UUID, after: UUID, field: str, question: str, model_id: UUID, most: int
) -> list[WatchedRow]:
    """The first held-out records after that one, at most so many, the oldest first."""
    rows = await session.raw.fetch(_SINCE, project_id, after, field, _MOST_TEXT, question, most)
    return [_watched(row, model_id) for row in rows]


def _watched(row: Any, model_id: UUID) -> WatchedRow:
    answered = row["model_id"] == model_id
    watched = WatchedRecord(
        thumbnail_of(row) or row["text"],
        row["label"] if answered else None,
        row["confidence"] if answered else None,
    )
    return WatchedRow(row["record_id"], row["scored_epoch"], watched)


async def labels_before(
    session: Session, project_id: UUID, boundary: UUID, schema_version: int, most: int
) -> dict[str, int]:
    """Labels made by people of the newest held-out records up to the boundary, by class; of so many records at most."""
    return dict(await session.raw.fetch(_LABELS_BEFORE, project_id, boundary, schema_version, most))


async def labels_since(
    session: Session, project_id: UUID, watched: WatchProgress, schema_version: int, window: int
) -> LabelWindow | None:
    """The next labels made by people of held-out records that came after the boundary; None of less than a window."""
    rows = await session.raw.fetch(
        _LABELS_SINCE, project_id, schema_version, watched.label_seq, watched.boundary, window
    )
    if len(rows) < window:
        return None
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["label"]] = counts.get(row["label"], 0) + 1
    return LabelWindow(counts, rows[-1]["label_seq"], min(row["record_id"] for row in rows))


async def reports(session: Session, model_id: UUID) -> tuple[int, int]:
    """How many answers of the model were reported to be right, and how many to be wrong; folded reports alone."""
    found = dict(await session.raw.fetch(_REPORTS, model_id))
    return found.get("confirmed", 0), found.get("corrected", 0)


async def findings(session: Session, model_id: UUID) -> dict[DriftKind, KeptFinding]:
    """What was found of the model, by kind."""
    rows = await session.raw.fetch(_FINDINGS, model_id)
    return {kept.kind: kept for kept in map(_finding, rows)}


def _finding(row: Any) -> KeptFinding:
    alarm = row["alarm"]
    return KeptFinding(
        DriftKind(row["kind"]),
        row["looks"],
        ModelDrift.model_validate_json(row["newest"]),
        None if alarm is None else ModelDrift.model_validate_json(alarm),
    )


async def keep(session: Session, model_id: UUID, found: Sequence[KeptFinding]) -> None:
    """Keep what was found; an alarm stays. One row for each of four kinds at most."""
    await session.raw.executemany(
        _KEEP,
        [
            (
                model_id, each.kind, each.looks, each.newest.model_dump_json(),
                None if each.alarm is None else each.alarm.model_dump_json(),
            )
            for each in found
        ],
    )  # fmt: skip


async def count_alarmed(session: Session) -> dict[str, int]:
    """How many champions have an alarm, by its kind."""
    return dict(await session.raw.fetch(_ALARMED))
