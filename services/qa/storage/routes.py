"""What queue decided of records, each time it did: immutable rows, added under the lock of their record."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.contracts.envelope import Event
from shared.contracts.events import RecordRouted
from shared.kit.database import Session
from shared.kit.jsonb import load
from shared.kit.statements import columns

_TYPES = {
    "route": "text",
    "task_kind": "text",
    "task_id": "uuid",
    "round": "integer",
    "slots_total": "integer",
    "schema_version": "integer",
    "guideline_version": "integer",
    "policy_version": "integer",
    "model_id": "uuid",
    "prediction_id": "uuid",
    "threshold": "double precision",
    "audit": "boolean",
    "blind": "boolean",
    "explored": "boolean",
    "selection_probability": "double precision",
    "reason": "text",
}
"""The fields of a route, each a column."""

_COLUMNS = ", ".join(_TYPES)
_NEW = ("record_id", "revision", "routed_at", *_TYPES)
_ADD = f"""
INSERT INTO routes (record_id, revision, routed_at, {_COLUMNS})
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[],
    {", ".join(f"${place}::{each}[]" for place, each in enumerate(_TYPES.values(), start=4))})
    AS new (record_id, revision, routed_at, {_COLUMNS})
WHERE NOT EXISTS (SELECT FROM routes WHERE routes.record_id = new.record_id AND routes.revision = new.revision)
"""  # noqa: S608  our own column names
_OF_RECORD = f"""
SELECT revision, routed_at, content, {_COLUMNS} FROM routes WHERE record_id = $1 ORDER BY revision DESC LIMIT $2
"""  # noqa: S608  our own column names
_NEWEST = f"""
SELECT DISTINCT ON (record_id) record_id, revision, content, {_COLUMNS} FROM routes
WHERE record_id = ANY($1::uuid[]) ORDER BY record_id, revision DESC
"""  # noqa: S608  our own column names
_WITHOUT_MODEL = """
SELECT record_id FROM unnest($1::uuid[], $2::integer[]) AS one (record_id, revision)
JOIN routes USING (record_id, revision) WHERE routes.model_id IS NULL AND routes.content->>'model_id' IS NULL
"""


async def add(session: Session, events: Sequence[Event[RecordRouted]], unrouted: Collection[UUID]) -> None:
    """Keep routes of locked records, one of each record; a revision that is here stays as it is.

    Of the records that are `unrouted` no route is here.
    """
    rows = [
        (event.record_id, event.revision, event.occurred_at, *[getattr(event.payload, name) for name in _TYPES])
        for event in events
    ]
    first = [row for row in rows if row[0] in unrouted]
    if first:
        await session.raw.copy_records_to_table("routes", records=first, columns=_NEW)
    later = [row for row in rows if row[0] not in unrouted]
    if later:
        await session.raw.execute(_ADD, *columns(later))


async def newest(session: Session, record_ids: Collection[UUID]) -> dict[UUID, tuple[int, RecordRouted]]:
    """The newest route of each of the records that has one, with its revision."""
    rows = await session.raw.fetch(_NEWEST, list(record_ids))
    return {row["record_id"]: (row["revision"], _route(row)) for row in rows}


async def of_record(session: Session, record_id: UUID, newest: int) -> list[tuple[dict[str, Any], RecordRouted]]:
    """The record's newest routes, oldest first, each with its `revision` and when it was decided, `routed_at`."""
    rows = await session.raw.fetch(_OF_RECORD, record_id, newest)
    return [({"revision": row["revision"], "routed_at": row["routed_at"]}, _route(row)) for row in reversed(rows)]


async def without_model(session: Session, revisions: Mapping[UUID, int]) -> set[UUID]:
    """Those of the records, given with the revision of their route, that were routed without a model."""
    rows = await session.raw.fetch(_WITHOUT_MODEL, list(revisions), list(revisions.values()))
    return {row["record_id"] for row in rows}


def _route(row: Mapping[str, Any]) -> RecordRouted:
    """The route in a row; earlier releases kept it as one JSON."""
    if row["content"] is not None:
        return RecordRouted.model_validate(load(row["content"]))
    return RecordRouted.model_validate({name: row[name] for name in _TYPES})
