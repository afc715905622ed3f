"""Tasks and their slots, outside the hot path. Callers hold the record's lock, and the slots are locked when loaded."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from services.queue.domain.record import Record
from services.queue.domain.routing import Lane
from services.queue.domain.slots import Slot, SlotState
from services.queue.domain.tasks import Purpose, Task
from services.queue.storage import memberships
from shared.kit.database import Session
from shared.kit.jsonb import dump
from shared.kit.statements import columns, count_of

# The slots are locked in the order of task and number: nobody can lease or free them until the transaction ends. Task by
# task, so that the planner doesn't read all slots when it thinks there are few. Those of gold are as many as annotators.
_LOAD = """
SELECT t.*, s.* FROM (
    SELECT task_id, project_id, record_id, round, purpose, schema_version, guideline_version, lane, pool, blind, opened_at,
        state, requested, requested_revision, unserved, suspect_at
    FROM tasks WHERE record_id = ANY($1::uuid[]) ORDER BY task_id
) t LEFT JOIN LATERAL (
    SELECT slot, state AS slot_state, token, annotator_id, rank, sort_key
    FROM slots WHERE task_id = t.task_id AND t.purpose <> 'gold' ORDER BY slot FOR UPDATE
) s ON true
"""
_WITHOUT_SLOTS = """
SELECT task_id, project_id, record_id, round, purpose, schema_version, guideline_version, lane, pool, blind, opened_at,
    state, requested, requested_revision, unserved, suspect_at
FROM tasks WHERE task_id = ANY($1::uuid[])
"""
_SAVE = """
UPDATE tasks t
SET lane = one.lane, pool = one.pool, blind = one.blind, state = one.state, requested = one.requested,
    requested_revision = one.requested_revision, unserved = one.unserved, suspect_at = one.suspect_at,
    disputed = coalesce(one.disputed, t.disputed), schema_version = one.schema_version,
    guideline_version = one.guideline_version
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::int[], $7::int[], $8::boolean[],
    $9::timestamptz[], $10::jsonb[], $11::int[], $12::int[])
    AS one (task_id, lane, pool, blind, state, requested, requested_revision, unserved, suspect_at, disputed,
        schema_version, guideline_version)
WHERE t.task_id = one.task_id
"""
# Tasks of which nothing changes but that they are closed, with all their slots that nobody has: most that end do so.
_CLOSE = "UPDATE tasks SET state = 'closed', suspect_at = NULL WHERE task_id = ANY($1::uuid[])"
# All of them or none: one that is not as it was loaded fails the whole set.
_VOID = """
UPDATE slots SET state = 'void' WHERE task_id = ANY($1::uuid[]) AND state IN ('held', 'free')
"""
# Slots of gold, whose number nothing bounds, are voided as they are found.
_VOID_GOLD = """
WITH found AS (
    SELECT s.task_id, s.slot, s.project_id, s.annotator_id, s.state
    FROM unnest($1::uuid[], $2::boolean[]) AS closed (task_id, leased_too)
    JOIN slots s ON s.task_id = closed.task_id
        AND (s.state IN ('held', 'free') OR (s.state = 'leased' AND closed.leased_too))
    ORDER BY s.task_id, s.slot FOR UPDATE OF s
), voided AS (
    UPDATE slots s SET state = 'void' FROM found WHERE s.task_id = found.task_id AND s.slot = found.slot
)
SELECT annotator_id, project_id, count(*) AS leases FROM found WHERE state = 'leased' GROUP BY annotator_id, project_id
"""
_BLIND_GOLD = """
UPDATE slots s SET blind = one.blind FROM unnest($1::uuid[], $2::boolean[]) AS one (task_id, blind)
WHERE s.task_id = one.task_id AND s.state IN ('held', 'free')
"""
_NEW_TASK = (
    "task_id", "lane", "pool", "blind", "state", "requested", "requested_revision", "unserved", "suspect_at", "disputed",
    "schema_version", "guideline_version", "project_id", "record_id", "round", "purpose", "kind", "opened_at",
)  # fmt: skip
_NEW_SLOT = (
    "task_id", "slot", "project_id", "record_id", "kind", "round", "schema_version", "guideline_version", "lane", "pool",
    "blind", "rank", "sort_key", "state",
)  # fmt: skip
# All of them or none, as `_VOID`. What was leased once keeps the versions that it was leased under.
_CHANGE_SLOTS = """
UPDATE slots s SET lane = one.lane, pool = one.pool, blind = one.blind, rank = one.rank, state = one.state,
    schema_version = CASE WHEN s.token IS NULL THEN one.schema_version ELSE s.schema_version END,
    guideline_version = CASE WHEN s.token IS NULL THEN one.guideline_version ELSE s.guideline_version END
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::int[], $8::text[], $9::int[],
    $10::int[])
    AS one (task_id, slot, was, lane, pool, blind, rank, state, schema_version, guideline_version)
WHERE s.task_id = one.task_id AND s.slot = one.slot AND s.state = one.was
"""


_UNTAKEN = {SlotState.HELD, SlotState.FREE}
_TOUCHED = "a slot was touched under the lock of its record"


class TaskSnapshot(NamedTuple):
    """A task and its slots, by number, as they were loaded."""

    task: tuple[Any, ...]
    slots: dict[int, tuple[Any, ...]]

    @property
    def blind(self) -> bool:
        blind: bool = self.task[3]
        return blind


def snapshot(task: Task) -> TaskSnapshot:
    return TaskSnapshot(_row(task), {slot.number: _slot_values(task, slot) for slot in task.slots})


async def load(session: Session, records: Mapping[UUID, Record], record_ids: Sequence[UUID]) -> None:
    """Fill in all tasks of these records, with their slots locked; gold without its slots."""
    task: Task | None = None
    for row in await session.raw.fetch(_LOAD, record_ids):
        if task is None or task.task_id != row["task_id"]:
            task = _task(row)
            records[task.record_id].tasks.append(task)
        if row["slot"] is not None:
            task.slots.append(
                Slot(
                    row["slot"],
                    SlotState(row["slot_state"]),
                    row["token"],
                    row["annotator_id"],
                    row["rank"],
                    row["sort_key"],
                )
            )


async def without_slots(session: Session, task_ids: Sequence[UUID]) -> dict[UUID, Task]:
    """Tasks, by their ids, that may have more slots than one wants to load."""
    return {row["task_id"]: _task(row) for row in await session.raw.fetch(_WITHOUT_SLOTS, task_ids)}


async def add_slots(session: Session, slots: Sequence[tuple[Task, Slot]]) -> None:
    """Add new slots to tasks whose records are locked."""
    await session.raw.copy_records_to_table(
        "slots", records=[_new_slot(task, slot) for task, slot in slots], columns=_NEW_SLOT
    )


async def save(session: Session, tasks: Sequence[Task], loaded: Mapping[UUID, TaskSnapshot]) -> None:
    """Write the tasks and slots that differ from how they were loaded; those that were not loaded are new."""
    new = [task for task in tasks if task.task_id not in loaded]
    if new:
        rows = [(*_row(task), *_constants(task)) for task in new]
        await session.raw.copy_records_to_table("tasks", records=rows, columns=_NEW_TASK)
    known = [task for task in tasks if task.task_id in loaded]
    closed, changed = [], []
    for task in known:
        row, was = _row(task), loaded[task.task_id].task
        if row == _closed(was) != was:
            closed.append(task.task_id)
        elif row != was:
            changed.append(row)
    if closed:
        await session.raw.execute(_CLOSE, closed)
    if changed:
        await session.raw.execute(_SAVE, *columns(changed))
    await _change_slots(session, known, loaded)
    await _void_gold(
        session,
        [
            task
            for task in known
            if task.purpose is Purpose.GOLD and not task.open and (task.leased_too or _was_open(loaded[task.task_id]))
        ],
    )
    await _blind_gold(session, [task for task in known if task.blind != loaded[task.task_id].blind])
    added = [_new_slot(task, slot) for task in new for slot in task.slots]
    added += [
        _new_slot(task, slot) for task in known for slot in task.slots if slot.number not in loaded[task.task_id].slots
    ]
    if added:
        await session.raw.copy_records_to_table("slots", records=added, columns=_NEW_SLOT)


async def _change_slots(session: Session, tasks: Sequence[Task], loaded: Mapping[UUID, TaskSnapshot]) -> None:
    changed, closed, voided = [], list[UUID](), 0
    returned: Counter[tuple[UUID, UUID]] = Counter()
    for task in tasks:
        before = loaded[task.task_id].slots
        of_task = [
            (before[slot.number][0], slot)
            for slot in task.slots
            if slot.number in before and before[slot.number] != _slot_values(task, slot)
        ]
        if not task.open and all(was in _UNTAKEN and slot.state is SlotState.VOID for was, slot in of_task):
            closed += [task.task_id] if of_task else []
            voided += len(of_task)
            continue
        for was, slot in of_task:
            changed.append(
                (
                    task.task_id,
                    slot.number,
                    was,
                    task.lane,
                    task.pool,
                    task.blind,
                    slot.rank,
                    slot.state,
                    task.schema_version,
                    task.guideline_version,
                )
            )
            if was == SlotState.LEASED:
                assert slot.annotator_id is not None
                returned[slot.annotator_id, task.project_id] += 1
    if closed and count_of(await session.raw.execute(_VOID, closed)) != voided:
        raise RuntimeError(_TOUCHED)
    if changed and count_of(await session.raw.execute(_CHANGE_SLOTS, *columns(changed))) != len(changed):
        raise RuntimeError(_TOUCHED)
    await memberships.return_leases(session, returned)


async def _void_gold(session: Session, closed: Sequence[Task]) -> None:
    if closed:
        rows = await session.raw.fetch(
            _VOID_GOLD, [task.task_id for task in closed], [task.leased_too for task in closed]
        )
        returned = {(row["annotator_id"], row["project_id"]): row["leases"] for row in rows}
        await memberships.return_leases(session, returned)


async def _blind_gold(session: Session, changed: Sequence[Task]) -> None:
    """Have the slots of gold, which are not loaded, show predictions or not as their tasks do."""
    gold = [task for task in changed if task.purpose is Purpose.GOLD and task.open]
    if gold:
        await session.raw.execute(_BLIND_GOLD, [task.task_id for task in gold], [task.blind for task in gold])


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
        row["opened_at"],
        row["state"] == "open",
        row["requested"],
        row["requested_revision"],
        row["unserved"],
        row["suspect_at"],
    )


def _row(task: Task) -> tuple[Any, ...]:
    """What of the task may change, in the order of `_SAVE`."""
    return (
        task.task_id,
        task.lane,
        task.pool,
        task.blind,
        "open" if task.open else "closed",
        task.requested,
        task.requested_revision,
        task.unserved,
        task.suspect_at,
        None if task.disputed is None else dump(list(task.disputed)),
        task.schema_version,
        task.guideline_version,
    )


def _was_open(before: TaskSnapshot) -> bool:
    return before.task != _closed(before.task)


def _closed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row of an open task that is closed, and changes in nothing else."""
    return (*row[:4], "closed", *row[5:8], None, *row[9:])


def _constants(task: Task) -> tuple[Any, ...]:
    """What of the task never changes: the rest of `_NEW_TASK`."""
    return (
        task.project_id,
        task.record_id,
        task.round,
        task.purpose,
        task.purpose.kind,
        task.opened_at,
    )


def _slot_values(task: Task, slot: Slot) -> tuple[Any, ...]:
    """What of the slot may change: its state, and where it stands and what it asks for while it may be leased."""
    if slot.state in _UNTAKEN:
        return slot.state, task.lane, task.pool, task.blind, slot.rank, task.schema_version, task.guideline_version
    return (slot.state,)


def _new_slot(task: Task, slot: Slot) -> tuple[Any, ...]:
    return (
        task.task_id,
        slot.number,
        task.project_id,
        task.record_id,
        task.purpose.kind,
        task.round,
        task.schema_version,
        task.guideline_version,
        task.lane,
        task.pool,
        task.blind,
        slot.rank,
        slot.sort_key,
        slot.state,
    )
