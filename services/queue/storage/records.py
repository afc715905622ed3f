"""The one row of a record: everything that changes a record locks it first. Leasing alone doesn't change the record.

What changes while a record is routed, its prediction and its route, stands apart in `routes`: so the row with the content
is written once.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from services.queue.domain.record import Record
from services.queue.storage import routes, tasks
from shared.contracts.values import RecordState, Split
from shared.kit.database import Session
from shared.kit.statements import columns

_LOCK = """
SELECT record_id, project_id, state, revision, labels_revision, requests_revision, split, priority, round
FROM records WHERE record_id = ANY($1::uuid[]) AND known
ORDER BY record_id FOR NO KEY UPDATE
"""
_HERE = "SELECT record_id, known FROM records WHERE record_id = ANY($1::uuid[])"
_NEW = ("record_id", "project_id", "revision", "split", "priority", "fields", "known")
# A row that is there without content was made by an earlier version, which locked records that had yet to come.
_COMPLETE = """
UPDATE records r SET known = true, revision = one.revision, split = one.split, priority = one.priority, fields = one.fields
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::jsonb[])
    AS one (record_id, revision, split, priority, fields)
WHERE r.record_id = one.record_id AND NOT r.known
RETURNING r.record_id
"""
_BURY = """
INSERT INTO records (record_id, project_id, known, revision, state)
SELECT record_id, project_id, true, revision, 'erased'
FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS one (record_id, project_id, revision)
ORDER BY record_id
ON CONFLICT (record_id) DO UPDATE SET known = true, revision = excluded.revision, state = 'erased'
WHERE NOT records.known
RETURNING record_id
"""
_SAVE = """
UPDATE records r
SET state = one.state, revision = one.revision, labels_revision = one.labels_revision,
    requests_revision = one.requests_revision, round = one.round
FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::int[], $6::int[])
    AS one (record_id, state, revision, labels_revision, requests_revision, round)
WHERE r.record_id = one.record_id
"""
_WAITING = """
SELECT o.record_id FROM projects p CROSS JOIN LATERAL (
    SELECT record_id FROM routes WHERE project_id = p.project_id AND waiting ORDER BY record_id LIMIT $1
) o
WHERE p.servable ORDER BY o.record_id LIMIT $1
"""
# One statement per table that holds content; what shows how the record went stays.
_ERASE_OF_RECORDS = (
    "UPDATE records SET fields = NULL WHERE record_id = ANY($1::uuid[])",
    "UPDATE routes SET prediction = NULL, selection = NULL WHERE record_id = ANY($1::uuid[])",
)
_ERASE_OF_TASKS = (
    "UPDATE tasks SET disputed = NULL WHERE task_id = ANY($1::uuid[]) AND disputed IS NOT NULL",
    "UPDATE annotations SET answers = NULL, reason = NULL WHERE task_id = ANY($1::uuid[])",
    "DELETE FROM drafts WHERE task_id = ANY($1::uuid[])",
    "UPDATE ended_leases SET reason = NULL WHERE task_id = ANY($1::uuid[]) AND reason IS NOT NULL",
)

FIRST = UUID(int=0)
"""Before every id: where a keyset list begins."""


class NewRecord(NamedTuple):
    """A record as it comes in; `fields` is JSON text."""

    record_id: UUID
    project_id: UUID
    revision: int
    split: Split
    priority: int
    fields: str


class RecordSet:
    """Records under their locks, with their routes, tasks and slots. `save` writes what has changed since."""

    def __init__(self, records: dict[UUID, Record], with_routes: Collection[UUID]) -> None:
        self._records = records
        self._with_routes = with_routes
        self._rows = {record_id: _row(record) for record_id, record in records.items()}
        self._routes = {record_id: routes.snapshot(record) for record_id, record in records.items()}
        self._tasks = {task.task_id: tasks.snapshot(task) for record in self for task in record.tasks}

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def get(self, record_id: UUID) -> Record | None:
        return self._records.get(record_id)

    async def save(self, session: Session) -> None:
        """Write what has changed, one statement a table."""
        changed = [row for record in self if (row := _row(record)) != self._rows[record.record_id]]
        if changed:
            await session.raw.execute(_SAVE, *columns(changed))
        await routes.save(session, self, self._routes, self._with_routes)
        await tasks.save(session, [task for record in self for task in record.tasks], self._tasks)


def _row(record: Record) -> tuple[Any, ...]:
    return (
        record.record_id,
        record.state,
        record.revision,
        record.labels_revision,
        record.requests_revision,
        record.round,
    )


async def lock(session: Session, record_ids: Collection[UUID]) -> RecordSet:
    """The records that are known, locked in the order of their ids until the transaction ends."""
    rows = await session.raw.fetch(_LOCK, list(record_ids))
    records = {
        row["record_id"]: Record(
            row["record_id"],
            row["project_id"],
            Split(row["split"] or Split.TRAIN),
            row["priority"],
            RecordState(row["state"]),
            row["revision"],
            row["labels_revision"],
            row["requests_revision"],
            row["round"],
        )
        for row in rows
    }
    with_routes = await routes.load(session, records) if records else set()
    # A record without a route has no tasks, unless qa asked for something.
    with_tasks = [
        record.record_id
        for record in records.values()
        if record.routed_revision or record.requests_revision or record.labels_revision
    ]
    if with_tasks:
        await tasks.load(session, records, with_tasks)
    return RecordSet(records, with_routes)


async def accept(session: Session, new: Sequence[NewRecord]) -> set[UUID]:
    """Keep the records that are not known yet; return which they are. No record may occur twice.

    Raises asyncpg.UniqueViolationError if another transaction adds one of them meanwhile.
    """
    here = {row["record_id"]: row["known"] for row in await session.raw.fetch(_HERE, [one.record_id for one in new])}
    added = sorted(one for one in new if one.record_id not in here)
    await session.raw.copy_records_to_table("records", records=[(*one, True) for one in added], columns=_NEW)
    kept = {one.record_id for one in added}
    unknown = sorted(one for one in new if here.get(one.record_id) is False)
    if unknown:
        ids, _, *others = columns(unknown)
        kept |= {row["record_id"] for row in await session.raw.fetch(_COMPLETE, ids, *others)}
    return kept


async def bury(session: Session, erased: Sequence[tuple[UUID, UUID, int]]) -> set[UUID]:
    """Keep tombstones of records (with project and revision) that were erased before they came; return those made."""
    return {row["record_id"] for row in await session.raw.fetch(_BURY, *columns(erased))}


async def erase_content(session: Session, record_ids: Sequence[UUID], task_ids: Sequence[UUID]) -> None:
    """Leave no content of these records, whose tasks these are."""
    for statement in _ERASE_OF_RECORDS:
        await session.raw.execute(statement, record_ids)
    for statement in _ERASE_OF_TASKS:
        await session.raw.execute(statement, task_ids)


async def waiting(session: Session, limit: int) -> list[UUID]:
    """Records that could not be routed when they came, and now can, in the order of their ids."""
    return [row["record_id"] for row in await session.raw.fetch(_WAITING, limit)]
