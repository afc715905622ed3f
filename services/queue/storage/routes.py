"""What routing knows and decided of each record: one row, written when its first prediction comes and when that changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from services.queue.domain.record import Prediction, Record
from shared.contracts.events import RecordRouted, Selection
from shared.contracts.values import TaskKind
from shared.kit.database import Session
from shared.kit.jsonb import dump
from shared.kit.jsonb import load as load_json
from shared.kit.statements import columns

_TYPES = {
    "record_id": "uuid",
    "project_id": "uuid",
    "revision": "int",
    "route": "text",
    "task_id": "uuid",
    "slots_total": "int",
    "threshold": "float8",
    "audit": "boolean",
    "blind": "boolean",
    "explored": "boolean",
    "probability": "float8",
    "reason": "text",
    "prediction_revision": "int",
    "prediction_id": "uuid",
    "model_id": "uuid",
    "prediction_schema": "int",
    "prediction": "jsonb",
    "confidence": "float8",
    "selection": "jsonb",
    "waiting": "boolean",
    "round": "int",
    "schema_version": "int",
    "guideline_version": "int",
    "policy_version": "int",
    "routed_model_id": "uuid",
    "routed_prediction_id": "uuid",
}
_DECISION = (
    "revision",
    "route",
    "task_id",
    "slots_total",
    "threshold",
    "audit",
    "blind",
    "explored",
    "probability",
    "reason",
)
"""What another threshold changes of a route: columns after the record and its project."""

_COLUMNS = ", ".join(_TYPES)
_LOAD = f"SELECT {_COLUMNS} FROM routes WHERE record_id = ANY($1::uuid[])"  # noqa: S608  our own column names
_PAGE = f"""
SELECT {_COLUMNS} FROM routes o WHERE record_id > $1 AND revision > 0 AND route IS NOT NULL
    AND (SELECT state FROM records r WHERE r.record_id = o.record_id) <> 'erased'
ORDER BY record_id LIMIT $2
"""  # noqa: S608  our own column names


def _update(names: Sequence[str]) -> str:
    arrays = ", ".join(f"${place}::{_TYPES[name]}[]" for place, name in enumerate(names, start=2))
    return f"""
UPDATE routes SET {", ".join(f"{name} = one.{name}" for name in names)}
FROM unnest($1::uuid[], {arrays}) AS one (record_id, {", ".join(names)})
WHERE routes.record_id = one.record_id
"""  # noqa: S608  our own column names


_SAVE = _update(list(_TYPES)[2:])
_SAVE_DECISIONS = _update(_DECISION)
_NO_PREDICTION = (0, None, None, None, None, None)
_NO_DECISION = (None,) * 9
_NO_VERSIONS = (None,) * 6


class RouteSnapshot(NamedTuple):
    """What is kept of a record, as it was loaded; its parts are replaced as a whole where they change."""

    prediction: Prediction | None
    selection: Selection | None
    waiting: bool
    revision: int
    routed: RecordRouted | None


def snapshot(record: Record) -> RouteSnapshot:
    return RouteSnapshot(record.prediction, record.selection, record.waiting, record.routed_revision, record.routed)


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


async def save(
    session: Session, records: Iterable[Record], before: Mapping[UUID, RouteSnapshot], loaded: Collection[UUID]
) -> None:
    """Keep what differs of records, which are locked, from how it was before; those that were not loaded are new."""
    new, decided, changed = [], [], []
    for record in records:
        was, now = before[record.record_id], snapshot(record)
        if was == now:
            continue
        if record.record_id not in loaded:
            new.append(_row(record))
        elif _decision_alone(was, now):
            decided.append((record.record_id, *_decision(record)))
        else:
            row = _row(record)
            changed.append((row[0], *row[2:]))
    if new:
        await session.raw.copy_records_to_table("routes", records=new, columns=list(_TYPES))
    if decided:
        await session.raw.execute(_SAVE_DECISIONS, *columns(decided))
    if changed:
        await session.raw.execute(_SAVE, *columns(changed))


def _decision_alone(was: RouteSnapshot, now: RouteSnapshot) -> bool:
    """Whether nothing changed but what was decided: the prediction and the versions of the route are as they were."""
    return (
        was.routed is not None
        and now.routed is not None
        and was[:3] == now[:3]
        and _versions(was.routed) == _versions(now.routed)
    )


_versions = attrgetter("round", "schema_version", "guideline_version", "policy_version", "model_id", "prediction_id")


def _row(record: Record) -> tuple[Any, ...]:
    """The values of the record's row, in the order of the columns; None where there is nothing to keep."""
    prediction, routed = record.prediction, record.routed
    return (
        record.record_id,
        record.project_id,
        *_decision(record),
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
        *(_versions(routed) if routed else _NO_VERSIONS),
    )


def _decision(record: Record) -> tuple[Any, ...]:
    return (record.routed_revision, *(_decided(record.routed) if record.routed else _NO_DECISION))


_decided = attrgetter(
    "route", "task_id", "slots_total", "threshold", "audit", "blind", "explored", "selection_probability", "reason"
)


async def page(session: Session, after: UUID, limit: int) -> list[tuple[UUID, UUID, int, RecordRouted]]:
    """(record, project, revision, route) of records that are not erased, by record."""
    return [
        (row["record_id"], row["project_id"], row["revision"], _routed(row))
        for row in await session.raw.fetch(_PAGE, after, limit)
    ]


def _routed(row: Any) -> RecordRouted:
    return RecordRouted(
        route=row["route"],
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
