"""Tasks and their slots, outside the hot path. Callers hold the record's lock."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.queue.domain.routing import Lane
from services.queue.domain.slots import Slot, SlotState
from services.queue.domain.tasks import Purpose, Task
from shared.contracts.values import Answers
from shared.kit.database import Session
from shared.kit.jsonb import dump

_COLUMNS = """
task_id, project_id, record_id, round, purpose, schema_version, guideline_version, lane, pool, blind, state, requested,
requested_revision, unserved
"""
_OF_RECORD = f"SELECT {_COLUMNS} FROM tasks WHERE record_id = $1 ORDER BY task_id"  # noqa: S608  our own column names
_SLOTS = "SELECT task_id, slot, state, token FROM slots WHERE task_id = ANY($1) ORDER BY task_id, slot FOR UPDATE"
_CURRENT = """
SELECT t.task_id, t.project_id, t.record_id, t.round, t.purpose, t.schema_version, t.guideline_version, t.lane, t.pool,
    t.blind, t.state, t.requested, t.requested_revision, t.unserved, s.slot, s.state AS slot_state, s.token
FROM tasks t JOIN slots s ON s.task_id = t.task_id
WHERE t.record_id = $1 AND t.round = $2 AND t.purpose = 'annotation'
ORDER BY s.slot FOR UPDATE OF s
"""
_INSERT = """
INSERT INTO tasks (task_id, project_id, record_id, round, purpose, kind, schema_version, guideline_version, lane, pool,
    blind, requested, requested_revision, opened_at, suspect_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""
_SAVE = """
UPDATE tasks SET state = $2, lane = $3, pool = $4, blind = $5, requested = $6, requested_revision = $7,
    unserved = unserved AND $2 = 'closed'
WHERE task_id = $1
"""
_DISPUTE = "UPDATE tasks SET disputed = $2 WHERE task_id = $1"
_SUSPECT = "UPDATE tasks SET suspect_at = least(suspect_at, $2) WHERE task_id = $1"
_ADD_SLOTS = """
INSERT INTO slots (task_id, slot, project_id, record_id, kind, round, schema_version, guideline_version, lane, pool,
    blind, rank, sort_key, state)
SELECT task_id, number, project_id, record_id, kind, round, schema_version, guideline_version, lane, pool, blind, $4,
    sort_key, $5
FROM tasks, unnest($2::int[], $3::float8[]) AS one (number, sort_key)
WHERE task_id = $1
"""
_VOID_SLOTS = """
UPDATE slots SET state = 'void'
WHERE task_id = $1 AND slot = ANY($2) AND state IN ('held', 'free') AND token IS NULL
"""
# An annotator whose lease ends so may take another one instead.
_RETURNED = """
WITH mine AS (
    SELECT m.annotator_id, m.project_id, s.leases
    FROM (
        SELECT annotator_id, project_id, count(*) AS leases FROM slots
        WHERE task_id = ANY($1) AND state = 'leased' GROUP BY annotator_id, project_id
    ) s
    JOIN memberships m ON m.annotator_id = s.annotator_id AND m.project_id = s.project_id
    ORDER BY m.annotator_id FOR NO KEY UPDATE OF m
)
UPDATE memberships m SET returned = m.returned + mine.leases
FROM mine WHERE m.annotator_id = mine.annotator_id AND m.project_id = mine.project_id
"""
# Expired leases too: whoever still has the token learns that the task is closed.
_VOID_FREE = "UPDATE slots SET state = 'void' WHERE task_id = ANY($1) AND state IN ('held', 'free')"
_VOID_ALL = "UPDATE slots SET state = 'void' WHERE task_id = ANY($1) AND state IN ('held', 'free', 'leased')"
_CLOSE = "UPDATE tasks SET state = 'closed', suspect_at = NULL, unserved = $2 WHERE task_id = ANY($1)"
_SERVABLE = "UPDATE tasks SET unserved = false WHERE task_id = $1"
_STYLE = """
UPDATE slots SET lane = $2, pool = $3, blind = $4, rank = $5, state = $6
WHERE task_id = $1 AND state IN ('held', 'free') AND token IS NULL
    AND (lane, pool, blind, rank, state) IS DISTINCT FROM ($2, $3, $4, $5, $6)
"""
_OPEN_HELD = """
WITH few AS (
    SELECT s.task_id, s.slot FROM slots s JOIN projects p ON p.project_id = s.project_id AND NOT p.holds
    WHERE s.state = 'held' LIMIT $1 FOR UPDATE OF s SKIP LOCKED
)
UPDATE slots s SET state = 'free' FROM few WHERE s.task_id = few.task_id AND s.slot = few.slot
"""


def _task(row: Any) -> Task:
    return Task(
        row["task_id"],
        row["project_id"],
        row["record_id"],
        row["round"],
        Purpose(row["purpose"]),
        row["schema_version"],
        row["guideline_version"],
        Lane(row["lane"]),
        row["pool"],
        row["blind"],
        row["state"] == "open",
        row["requested"],
        row["requested_revision"],
        row["unserved"],
    )


async def of_record(session: Session, record_id: UUID) -> list[Task]:
    """All tasks of the record, their slots not loaded."""
    return [_task(row) for row in await session.raw.fetch(_OF_RECORD, record_id)]


async def lock_annotation_task(session: Session, record_id: UUID, round_: int) -> Task | None:
    """The record's annotation task of a round with its slots locked, as by `lock_slots`."""
    rows = await session.raw.fetch(_CURRENT, record_id, round_)
    if not rows:
        return None
    task = _task(rows[0])
    task.slots = tuple(Slot(row["slot"], SlotState(row["slot_state"]), row["token"]) for row in rows)
    return task


async def lock_slots(session: Session, tasks: Sequence[Task]) -> list[Task]:
    """The tasks with their slots, which nobody can lease or free until the transaction ends."""
    slots: dict[UUID, list[Slot]] = {task.task_id: [] for task in tasks}
    if tasks:
        for row in await session.raw.fetch(_SLOTS, list(slots)):
            slots[row["task_id"]].append(Slot(row["slot"], SlotState(row["state"]), row["token"]))
    return [replace(task, slots=tuple(slots[task.task_id])) for task in tasks]


async def add(session: Session, task: Task, now: datetime, suspect_at: datetime | None = None) -> None:
    await session.raw.execute(
        _INSERT,
        task.task_id,
        task.project_id,
        task.record_id,
        task.round,
        task.purpose,
        task.purpose.kind,
        task.schema_version,
        task.guideline_version,
        task.lane,
        task.pool,
        task.blind,
        task.requested,
        task.requested_revision,
        now,
        suspect_at,
    )


async def save(session: Session, task: Task) -> None:
    await session.raw.execute(
        _SAVE,
        task.task_id,
        "open" if task.open else "closed",
        task.lane,
        task.pool,
        task.blind,
        task.requested,
        task.requested_revision,
    )


async def set_disputed(session: Session, task_id: UUID, disputed: Sequence[Answers]) -> None:
    await session.raw.execute(_DISPUTE, task_id, dump(list(disputed)))


async def suspect(session: Session, task_id: UUID, at: datetime) -> None:
    """Have it looked at then whether anybody is left to serve the task."""
    await session.raw.execute(_SUSPECT, task_id, at)


async def add_slots(
    session: Session, task_id: UUID, numbers: Sequence[int], sort_keys: Sequence[float], rank: int, state: SlotState
) -> None:
    if numbers:
        await session.raw.execute(_ADD_SLOTS, task_id, list(numbers), list(sort_keys), rank, state)


async def void_slots(session: Session, task_id: UUID, numbers: Sequence[int]) -> int:
    """Void these untouched slots; answers how many."""
    return _count(await session.raw.execute(_VOID_SLOTS, task_id, list(numbers))) if numbers else 0


async def style_slots(
    session: Session, task_id: UUID, lane: Lane, pool: str, *, blind: bool, rank: int, state: SlotState
) -> None:
    """Move the task's untouched slots to another line or state."""
    await session.raw.execute(_STYLE, task_id, lane, pool, blind, rank, state)


async def close(session: Session, tasks: Sequence[Task], *, leased_too: bool, unserved: bool = False) -> None:
    """Close the tasks. Their slots are locked by `lock_slots`, so none of them is leased or freed meanwhile.

    `unserved`: because nobody can serve them.
    """
    if not tasks:
        return
    ids = [task.task_id for task in tasks]
    await session.raw.execute(_CLOSE, ids, unserved)
    if leased_too and any(slot.state is SlotState.LEASED for task in tasks for slot in task.slots):
        await session.raw.execute(_RETURNED, ids)
    await session.raw.execute(_VOID_ALL if leased_too else _VOID_FREE, ids)


async def set_servable(session: Session, task_id: UUID) -> None:
    """It is no longer so that nobody can serve the task."""
    await session.raw.execute(_SERVABLE, task_id)


async def open_held(session: Session, limit: int) -> int:
    """Open slots that projects hold no longer; answers how many."""
    return _count(await session.raw.execute(_OPEN_HELD, limit))


def _count(status: str) -> int:
    """The number of rows in a command's status: `UPDATE 3`."""
    return int(status.rsplit(" ", 1)[-1])
