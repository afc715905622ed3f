"""What routing knows and decided of each record: one row, written when its first prediction comes and when that changes."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.queue.domain.record import Prediction, Record
from shared.contracts.events import RecordRouted, Selection
from shared.contracts.values import Route, TaskKind
from shared.kit.database import Session
from shared.kit.jsonb import dump
from shared.kit.jsonb import load as load_json
from shared.kit.statements import columns

_TYPES = {
    "record_id": "uuid",
    "project_id": "uuid",
    "prediction_revision": "int",
    "prediction_id": "uuid",
    "model_id": "uuid",
    "prediction_schema": "int",
    "prediction": "jsonb",
    "confidence": "float8",
    "selection": "jsonb",
    "waiting": "boolean",
    "revision": "int",
    "route": "text",
    "task_id": "uuid",
    "round": "int",
    "slots_total": "int",
    "schema_version": "int",
    "guideline_version": "int",
    "policy_version": "int",
    "routed_model_id": "uuid",
    "routed_prediction_id": "uuid",
    "threshold": "float8",
    "audit": "boolean",
    "blind": "boolean",
    "explored": "boolean",
    "probability": "float8",
    "reason": "text",
}
_COLUMNS = ", ".join(_TYPES)
_LOAD = f"SELECT {_COLUMNS} FROM routes WHERE record_id = ANY($1::uuid[])"  # noqa: S608  our own column names
_PAGE = f"""
SELECT {_COLUMNS} FROM routes o WHERE record_id > $1 AND revision > 0 AND route IS NOT NULL
    AND (SELECT state FROM records r WHERE r.record_id = o.record_id) <> 'erased'
ORDER BY record_id LIMIT $2
"""  # noqa: S608  our own column names
_SAVE = f"""
UPDATE routes SET {", ".join(f"{name} = one.{name}" for name in list(_TYPES)[2:])}
FROM unnest({", ".join(f"${place}::{each}[]" for place, each in enumerate(_TYPES.values(), start=1))}) AS one ({_COLUMNS})
WHERE routes.record_id = one.record_id
"""  # noqa: S608  our own column names
_NO_PREDICTION = (0, None, None, None, None, None)
_NO_ROUTE = (None,) * 15


async def load(session: Session, records: Mapping[UUID, Record]) -> set[UUID]:
    """Fill in what is kept of the records, which are locked; returns those of which something is."""
    rows = await session.raw.fetch(_LOAD, list(records))
    for row in rows:
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
    return {row["record_id"] for row in rows}


async def save(session: Session, rows: Sequence[tuple[Any, ...]], loaded: Collection[UUID]) -> None:
    """Keep the rows of records, which are locked; those that were not loaded are new."""
    new = [row for row in rows if row[0] not in loaded]
    if new:
        await session.raw.copy_records_to_table("routes", records=new, columns=list(_TYPES))
    changed = [row for row in rows if row[0] in loaded]
    if changed:
        await session.raw.execute(_SAVE, *columns(changed))


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
