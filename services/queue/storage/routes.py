"""What routing knows and decided of each record: one row, written when its first prediction comes and when that changes."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.queue.domain.record import Prediction, Record
from shared.contracts.events import RecordRouted, Selection
from shared.contracts.values import Route, TaskKind
from shared.kit.database import Session
from shared.kit.jsonb import dump
from shared.kit.jsonb import load as load_json
from shared.kit.statements import columns

_COLUMNS = """record_id, project_id, prediction_revision, prediction_id, model_id, prediction_schema, prediction,
    confidence, selection, waiting, revision, route, task_id, round, slots_total, schema_version, guideline_version,
    policy_version, routed_model_id, routed_prediction_id, threshold, audit, blind, explored, probability, reason"""
_LOAD = f"SELECT {_COLUMNS} FROM routes WHERE record_id = ANY($1::uuid[])"  # noqa: S608  our own column names
_PAGE = f"""
SELECT {_COLUMNS} FROM routes o WHERE record_id > $1 AND revision > 0 AND route IS NOT NULL
    AND (SELECT state FROM records r WHERE r.record_id = o.record_id) <> 'erased'
ORDER BY record_id LIMIT $2
"""  # noqa: S608  our own column names
_SAVE = f"""
INSERT INTO routes ({_COLUMNS})
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::uuid[], $6::int[], $7::jsonb[], $8::float8[],
    $9::jsonb[], $10::boolean[], $11::int[], $12::text[], $13::uuid[], $14::int[], $15::int[], $16::int[], $17::int[],
    $18::int[], $19::uuid[], $20::uuid[], $21::float8[], $22::boolean[], $23::boolean[], $24::boolean[], $25::float8[],
    $26::text[])
ON CONFLICT (record_id) DO UPDATE
SET prediction_revision = excluded.prediction_revision, prediction_id = excluded.prediction_id,
    model_id = excluded.model_id, prediction_schema = excluded.prediction_schema, prediction = excluded.prediction,
    confidence = excluded.confidence, selection = excluded.selection, waiting = excluded.waiting,
    revision = excluded.revision, route = excluded.route, task_id = excluded.task_id, round = excluded.round,
    slots_total = excluded.slots_total, schema_version = excluded.schema_version,
    guideline_version = excluded.guideline_version, policy_version = excluded.policy_version,
    routed_model_id = excluded.routed_model_id, routed_prediction_id = excluded.routed_prediction_id,
    threshold = excluded.threshold, audit = excluded.audit, blind = excluded.blind, explored = excluded.explored,
    probability = excluded.probability, reason = excluded.reason
"""  # noqa: S608  our own column names
_NO_PREDICTION = (0, None, None, None, None, None)
_NO_ROUTE = (None,) * 15


async def load(session: Session, records: Mapping[UUID, Record]) -> None:
    """Fill in what is kept of the records, which are locked."""
    for row in await session.raw.fetch(_LOAD, list(records)):
        record = records[row["record_id"]]
        record.waiting, record.routed_revision = row["waiting"], row["revision"]
        record.selection = Selection.model_validate_json(row["selection"]) if row["selection"] else None
        if row["prediction_id"] is not None:
            record.prediction = Prediction(
                row["prediction_revision"],
                row["prediction_id"],
                row["model_id"],
                row["prediction_schema"],
                load_json(row["prediction"]) or {},
                row["confidence"],
            )
        if row["route"] is not None:
            record.routed = _routed(row)


async def save(session: Session, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep the rows of records, which are locked."""
    if rows:
        await session.raw.execute(_SAVE, *columns(rows))


def row(record: Record) -> tuple[Any, ...]:
    """The values of the record's row, in the order of the columns; None where there is nothing to keep."""
    prediction, routed = record.prediction, record.routed
    return (
        record.record_id,
        record.project_id,
        *(
            (
                prediction.revision,
                prediction.prediction_id,
                prediction.model_id,
                prediction.schema_version,
                dump(prediction.answers) if prediction.answers else None,
                prediction.confidence,
            )
            if prediction
            else _NO_PREDICTION
        ),
        dump(record.selection),
        record.waiting,
        record.routed_revision,
        *(
            (
                routed.route,
                routed.task_id,
                routed.round,
                routed.slots_total,
                routed.schema_version,
                routed.guideline_version,
                routed.policy_version,
                routed.model_id,
                routed.prediction_id,
                routed.threshold,
                routed.audit,
                routed.blind,
                routed.explored,
                routed.selection_probability,
                routed.reason,
            )
            if routed
            else _NO_ROUTE
        ),
    )


async def page(session: Session, after: UUID, limit: int) -> list[tuple[UUID, UUID, int, RecordRouted]]:
    """(record, project, revision, route) of records that are not erased, by record."""
    return [
        (row["record_id"], row["project_id"], row["revision"], _routed(row))
        for row in await session.raw.fetch(_PAGE, after, limit)
    ]


def _routed(row: Any) -> RecordRouted:
    return RecordRouted.model_construct(
        route=Route(row["route"]),
        task_kind=TaskKind.ANNOTATION,
        task_id=row["task_id"],
        round=row["round"],
        slots_total=row["slots_total"],
        schema_version=row["schema_version"],
        guideline_version=row["guideline_version"],
        policy_version=row["policy_version"],
        model_id=row["routed_model_id"],
        prediction_id=row["routed_prediction_id"],
        threshold=row["threshold"],
        audit=row["audit"],
        blind=row["blind"],
        explored=row["explored"],
        selection_probability=row["probability"],
        reason=row["reason"],
    )
