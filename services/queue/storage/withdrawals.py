"""Annotators who may work no more, and what they held."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.queue.domain.slots import SlotState
from services.queue.storage.leases import ExpiredLease, expired_lease
from shared.kit.database import Session
from shared.kit.statements import columns

_ADD = "INSERT INTO withdrawals (annotator_id, project_id, due_at) SELECT *, $3 FROM unnest($1::uuid[], $2::uuid[])"
_NEXT_DUE = "SELECT min(due_at) FROM withdrawals"
_LOCK_DUE = """
SELECT withdrawal_id, annotator_id, project_id, looks FROM withdrawals WHERE due_at <= $1
ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_LOOK_AGAIN = "UPDATE withdrawals SET looks = looks + 1, due_at = $2 WHERE withdrawal_id = $1"
_END = "DELETE FROM withdrawals WHERE withdrawal_id = $1"
# Whoever leases holds the membership: a lease that was being granted is committed once all of these are locked.
_LOCK_BARRED = """
SELECT m.project_id FROM memberships m JOIN annotators a ON a.annotator_id = m.annotator_id
WHERE m.annotator_id = $1 AND (a.status <> 'active' OR m.assessed = 'paused' OR m.removed)
ORDER BY m.project_id FOR NO KEY UPDATE OF m
"""
# What others are just ending is skipped: they hold the slot and wait for the membership.
_HELD = """
SELECT s.task_id, s.slot FROM slots s
WHERE s.project_id = ANY($2::uuid[]) AND s.annotator_id = $1 AND s.state = 'leased'
LIMIT $3 FOR UPDATE SKIP LOCKED
"""
_RAN_OUT = """
SELECT s.task_id, s.slot FROM returned_work w JOIN slots s ON s.task_id = w.task_id
WHERE w.annotator_id = $1 AND w.project_id = ANY($2::uuid[]) AND s.annotator_id = w.annotator_id AND s.state = $4
    AND s.token IS NOT NULL
LIMIT $3 FOR UPDATE OF s SKIP LOCKED
"""
_TAKE_BACK = """
WITH before AS (
    SELECT s.*, CASE WHEN t.state = 'open' THEN 'free' ELSE 'void' END AS next_state
    FROM unnest($1::uuid[], $2::int[]) AS one (task_id, slot)
    JOIN slots s ON s.task_id = one.task_id AND s.slot = one.slot JOIN tasks t ON t.task_id = s.task_id
)
UPDATE slots s
SET state = before.next_state, annotator_id = NULL, token = NULL, leased_at = NULL, until = NULL
FROM before WHERE s.task_id = before.task_id AND s.slot = before.slot
RETURNING before.token, s.task_id, s.slot, s.project_id, s.record_id, before.annotator_id, s.kind, s.round,
    'expired' AS activity, NULL AS reason, NULL::float8 AS active_s, before.leased_at, $3::timestamptz AS ended_at, s.state
"""
_FORGET_RETURNED = "DELETE FROM returned_work WHERE annotator_id = $1 AND project_id = ANY($2::uuid[])"
_NOTHING_RETURNED = """
UPDATE memberships SET has_returned_work = false
WHERE annotator_id = $1 AND project_id = ANY($2::uuid[]) AND has_returned_work
"""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What this annotator holds is to be taken back, in one project or in all where they may not work."""

    withdrawal_id: int
    annotator_id: UUID
    project_id: UUID | None
    looks: int


async def add(session: Session, withdrawn: Sequence[tuple[UUID, UUID | None]], at: datetime) -> None:
    """Have taken back what these annotators hold, each in one project or, None, in all."""
    if withdrawn:
        await session.raw.execute(_ADD, *columns(withdrawn), at)


async def next_due(session: Session) -> datetime | None:
    due: datetime | None = await session.raw.fetchval(_NEXT_DUE)
    return due


async def lock_due(session: Session, now: datetime) -> Withdrawal | None:
    row = await session.raw.fetchrow(_LOCK_DUE, now)
    return None if row is None else Withdrawal(**row)


async def look_again(session: Session, withdrawal: Withdrawal, at: datetime) -> None:
    await session.raw.execute(_LOOK_AGAIN, withdrawal.withdrawal_id, at)


async def end(session: Session, withdrawal: Withdrawal) -> None:
    await session.raw.execute(_END, withdrawal.withdrawal_id)


async def lock_barred(session: Session, annotator_id: UUID) -> list[UUID]:
    """The projects where the annotator may not work now; their memberships there are locked."""
    return [row["project_id"] for row in await session.raw.fetch(_LOCK_BARRED, annotator_id)]


async def held(session: Session, annotator_id: UUID, project_ids: Sequence[UUID], limit: int) -> list[tuple[UUID, int]]:
    """(task, slot) of leases that run, locked."""
    rows = await session.raw.fetch(_HELD, annotator_id, project_ids, limit)
    return [(row["task_id"], row["slot"]) for row in rows]


async def ran_out(
    session: Session, annotator_id: UUID, project_ids: Sequence[UUID], limit: int
) -> list[tuple[UUID, int]]:
    """(task, slot) of leases that ran out and under which work would still be taken in, locked."""
    rows = await session.raw.fetch(_RAN_OUT, annotator_id, project_ids, limit, SlotState.FREE)
    return [(row["task_id"], row["slot"]) for row in rows]


async def take_back(session: Session, slots: Sequence[tuple[UUID, int]], now: datetime) -> list[ExpiredLease]:
    """Free these slots, which are locked, and take their tokens away; return the leases that ended so."""
    return [expired_lease(row) for row in await session.raw.fetch(_TAKE_BACK, *columns(slots), now)]


async def forget_returned(session: Session, annotator_id: UUID, project_ids: Sequence[UUID]) -> None:
    """Nothing comes to them again first; their memberships are locked."""
    await session.raw.execute(_FORGET_RETURNED, annotator_id, project_ids)
    await session.raw.execute(_NOTHING_RETURNED, annotator_id, project_ids)
