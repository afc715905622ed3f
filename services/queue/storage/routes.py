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
from shared.kit.statements import columns, count_of

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
    "round": "int",
    "schema_version": "int",
    "guideline_version": "int",
    "policy_version": "int",
    "routed_model_id": "uuid",
    "routed_prediction_id": "uuid",
    "prediction_revision": "int",
    "prediction_id": "uuid",
    "model_id": "uuid",
    "prediction_schema": "int",
    "prediction": "jsonb",
    "confidence": "float8",
    "selection": "jsonb",
    "waiting": "boolean",
}
_DECISION = tuple(_TYPES)[2:18]
"""What is decided: all but what is known of the record, which is wide and stays when a threshold or the project changes."""

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
# Somebody held the record while its project was changed.
_OUTDATED = """
UPDATE routes o SET waiting = true
FROM projects p
WHERE o.record_id = ANY($1::uuid[]) AND p.project_id = o.project_id AND p.servable AND NOT o.waiting AND (
    o.schema_version <> p.active_schema OR o.guideline_version <> p.active_guideline
    OR o.policy_version < p.routing_policy
)
"""
_NO_PREDICTION = (0, None, None, None, None, None)
_NO_DECISION = (None,) * (len(_DECISION) - 1)


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
    """Whether nothing changed but what was decided."""
    return was[:3] == now[:3] and now.routed is not None


def _row(record: Record) -> tuple[Any, ...]:
    """The values of the record's row, in the order of the columns; None where there is nothing to keep."""
    prediction = record.prediction
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
    )


def _decision(record: Record) -> tuple[Any, ...]:
    return (record.routed_revision, *(_decided(record.routed) if record.routed else _NO_DECISION))


_decided = attrgetter(
    "route", "task_id", "slots_total", "threshold", "audit", "blind", "explored", "selection_probability", "reason",
    "round", "schema_version", "guideline_version", "policy_version", "model_id", "prediction_id",
)  # fmt: skip


async def mark_outdated(session: Session, record_ids: Sequence[UUID]) -> bool:
    """Have those of the records routed again whose project was changed since; return whether any are.

    It is called when somebody lets go of a slot of the record: what was in their hand was left out when the project changed.
    """
    return count_of(await session.raw.execute(_OUTDATED, record_ids)) > 0


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
