"""The one row of a record: everything that changes a record locks it first. Leasing alone doesn't change the record."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.queue.domain.record import Prediction, Record
from shared.contracts.events import RecordRouted, Selection
from shared.contracts.values import RecordState, Split
from shared.kit.database import Session
from shared.kit.jsonb import dump, load

_COLUMNS = """
record_id, project_id, state, known, revision, labels_revision, requests_revision, split, priority,
prediction_revision, prediction_id, model_id, prediction_schema, prediction, confidence, selection, round, waiting,
threshold_revision, routed_revision, routed
"""
_LOCK = f"SELECT {_COLUMNS} FROM records WHERE record_id = $1 FOR NO KEY UPDATE"  # noqa: S608  our own column names
_INSERT = "INSERT INTO records (record_id, project_id) VALUES ($1, $2) ON CONFLICT (record_id) DO NOTHING"
_SAVE = """
UPDATE records
SET state = $2, known = $3, revision = $4, labels_revision = $5, requests_revision = $6, split = $7, priority = $8,
    prediction_revision = $9, prediction_id = $10, model_id = $11, prediction_schema = $12, prediction = $13,
    confidence = $14, selection = $15, round = $16, waiting = $17, threshold_revision = $18, routed_revision = $19,
    routed = $20
WHERE record_id = $1
"""
_ADD_CONTENT = "UPDATE records SET fields = $2 WHERE record_id = $1"
_CONTENT = "SELECT fields FROM records WHERE record_id = $1"
_WAITING = """
SELECT r.record_id, r.project_id FROM records r JOIN projects p ON p.project_id = r.project_id AND p.servable
WHERE r.waiting ORDER BY r.record_id LIMIT $1
"""
_THRESHOLDS_UNSEEN = f"""
WITH newest AS (
    SELECT project_id, model_id, max(revision) AS revision FROM thresholds GROUP BY project_id, model_id
), unseen AS (
    SELECT found.record_id FROM newest, LATERAL (
        SELECT r.record_id FROM records r
        WHERE r.project_id = newest.project_id AND r.model_id = newest.model_id AND r.state = 'open'
            AND r.threshold_revision < newest.revision
        ORDER BY r.threshold_revision, r.record_id LIMIT $1
    ) found
    ORDER BY found.record_id LIMIT $1
)
SELECT {_COLUMNS} FROM records WHERE record_id IN (SELECT record_id FROM unseen) AND state = 'open'
ORDER BY record_id FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608  our own column names
_ROUTED_PAGE = f"""
SELECT {_COLUMNS} FROM records WHERE record_id > $1 AND routed IS NOT NULL ORDER BY record_id LIMIT $2
"""  # noqa: S608  our own column names

_OF_ITS_TASKS = "task_id IN (SELECT task_id FROM tasks WHERE record_id = $1)"
# One statement per table that holds content; what tells how the record went stays.
_ERASE = (
    "UPDATE records SET fields = NULL, prediction = NULL, selection = NULL WHERE record_id = $1",
    f"UPDATE annotations SET answers = NULL, reason = NULL WHERE {_OF_ITS_TASKS}",  # noqa: S608  a constant
    f"DELETE FROM drafts WHERE {_OF_ITS_TASKS}",  # noqa: S608  a constant
    f"UPDATE ended_leases SET reason = NULL WHERE reason IS NOT NULL AND {_OF_ITS_TASKS}",  # noqa: S608  a constant
    "UPDATE tasks SET disputed = NULL WHERE record_id = $1",
)

FIRST = UUID(int=0)
"""Before every id: where a keyset list begins."""


def _record(row: Any) -> Record:
    prediction = None
    if row["prediction_id"] is not None:
        prediction = Prediction(
            row["prediction_revision"],
            row["prediction_id"],
            row["model_id"],
            row["prediction_schema"],
            load(row["prediction"]) or {},
            row["confidence"],
        )
    return Record(
        row["record_id"],
        row["project_id"],
        RecordState(row["state"]),
        row["known"],
        row["revision"],
        row["labels_revision"],
        row["requests_revision"],
        Split(row["split"]) if row["split"] else None,
        row["priority"],
        prediction,
        Selection.model_validate_json(row["selection"]) if row["selection"] else None,
        row["round"],
        row["waiting"],
        row["threshold_revision"],
        row["routed_revision"],
        RecordRouted.model_validate_json(row["routed"]) if row["routed"] else None,
    )


async def lock(session: Session, record_id: UUID, project_id: UUID) -> Record:
    """The record under its lock until the transaction ends; made when nothing was heard of it yet."""
    row = await session.raw.fetchrow(_LOCK, record_id)
    if row is None:
        await session.raw.execute(_INSERT, record_id, project_id)
        row = await session.raw.fetchrow(_LOCK, record_id)
    return _record(row)


async def lock_if_there(session: Session, record_id: UUID) -> Record | None:
    row = await session.raw.fetchrow(_LOCK, record_id)
    return None if row is None else _record(row)


async def save(session: Session, record: Record) -> None:
    prediction = record.prediction
    await session.raw.execute(
        _SAVE,
        record.record_id,
        record.state,
        record.known,
        record.revision,
        record.labels_revision,
        record.requests_revision,
        record.split,
        record.priority,
        prediction.revision if prediction else 0,
        prediction.prediction_id if prediction else None,
        prediction.model_id if prediction else None,
        prediction.schema_version if prediction else None,
        dump(prediction.answers) if prediction else None,
        prediction.confidence if prediction else None,
        dump(record.selection),
        record.round,
        record.waiting,
        record.threshold_revision,
        record.routed_revision,
        dump(record.routed),
    )


async def add_content(session: Session, record_id: UUID, fields: str) -> None:
    """Keep the record's fields, as JSON text."""
    await session.raw.execute(_ADD_CONTENT, record_id, fields)


async def content(session: Session, record_id: UUID) -> str | None:
    """The record's fields as JSON text, None once it is erased."""
    found: str | None = await session.raw.fetchval(_CONTENT, record_id)
    return found


async def erase_content(session: Session, record_id: UUID) -> None:
    for statement in _ERASE:
        await session.raw.execute(statement, record_id)


async def waiting(session: Session, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """Records (with their projects) that could not be routed, and now can, in the order of their ids."""
    return [(row["record_id"], row["project_id"]) for row in await session.raw.fetch(_WAITING, limit)]


async def lock_with_unseen_threshold(session: Session, limit: int) -> list[Record]:
    """Open records whose route has not seen the newest threshold of their model; locked in the order of their ids.

    One that is locked by somebody else is left for the next time.
    """
    return [_record(row) for row in await session.raw.fetch(_THRESHOLDS_UNSEEN, limit)]


async def routed_page(session: Session, after: UUID, limit: int) -> list[Record]:
    return [_record(row) for row in await session.raw.fetch(_ROUTED_PAGE, after, limit)]
