"""Leases that ended without an annotation: with the annotations, all the work that was done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.events.work import Activity
from shared.contracts.values import TaskKind
from shared.kit.database import Session
from shared.kit.statements import columns

_INSERT = """
INSERT INTO ended_leases (token, task_id, slot, project_id, record_id, annotator_id, kind, round, activity, reason,
    active_s, leased_at, ended_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::int[],
    $9::text[], $10::text[], $11::float8[], $12::timestamptz[], $13::timestamptz[])
ON CONFLICT (token) {conflict}
RETURNING token
"""
# That a lease ran out is its end unless its holder goes on.
_ADD = _INSERT.format(
    conflict="""DO UPDATE SET activity = excluded.activity, reason = excluded.reason, active_s = excluded.active_s,
    ended_at = excluded.ended_at
    WHERE ended_leases.activity = 'expired'"""
)
_ADD_EXPIRED = _INSERT.format(conflict="DO NOTHING")
_PAGE = "SELECT * FROM ended_leases WHERE token > $1 ORDER BY token LIMIT $2"


@dataclass(frozen=True, slots=True)
class EndedLease:
    """How a lease ended that brought no annotation."""

    token: UUID
    task_id: UUID
    slot: int
    project_id: UUID
    record_id: UUID
    annotator_id: UUID
    kind: TaskKind
    round: int
    activity: Activity
    leased_at: datetime
    ended_at: datetime
    reason: str | None = None
    active_s: float | None = None


async def add(session: Session, ended: EndedLease) -> bool:
    """Keep the end of a lease; False when another end than that it ran out was kept before."""
    return bool(await session.raw.fetch(_ADD, *columns([_row(ended)])))


async def add_expired(session: Session, ended: Sequence[EndedLease]) -> set[UUID]:
    """Keep that leases ran out; return the tokens of those that had not run out before."""
    rows = await session.raw.fetch(_ADD_EXPIRED, *columns([_row(one) for one in ended]))
    return {row["token"] for row in rows}


async def page(session: Session, after: UUID, limit: int) -> list[EndedLease]:
    """By token."""
    return [ended_lease(row) for row in await session.raw.fetch(_PAGE, after, limit)]


def ended_lease(row: Any) -> EndedLease:
    return EndedLease(
        row["token"],
        row["task_id"],
        row["slot"],
        row["project_id"],
        row["record_id"],
        row["annotator_id"],
        TaskKind(row["kind"]),
        row["round"],
        row["activity"],
        row["leased_at"],
        row["ended_at"],
        row["reason"],
        row["active_s"],
    )


def _row(ended: EndedLease) -> tuple[Any, ...]:
    return (
        ended.token,
        ended.task_id,
        ended.slot,
        ended.project_id,
        ended.record_id,
        ended.annotator_id,
        ended.kind,
        ended.round,
        ended.activity,
        ended.reason,
        ended.active_s,
        ended.leased_at,
        ended.ended_at,
    )
