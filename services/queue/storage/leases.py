"""Leases by their token: found, locked, renewed, returned, and ended when they run out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.queue.domain.leases import Lease
from services.queue.domain.routing import Lane
from services.queue.domain.slots import SlotState
from services.queue.storage import memberships
from services.queue.storage.ended_leases import EndedLease, ended_lease
from shared.contracts.fields import FieldValue, parse_fields
from shared.contracts.values import RecordState, TaskKind
from shared.kit.database import Session
from shared.kit.jsonb import load

_COLUMNS = """s.task_id, s.slot, s.record_id, s.project_id, s.kind, s.round, s.schema_version, s.guideline_version,
    s.annotator_id, s.leased_at, s.token, s.state, s.lane, s.prediction_shown"""
# Of an annotator `a` with the membership `m`: they may not work in the project.
_BARRED = "a.status <> 'active' OR m.assessed = 'paused' OR m.removed AS barred"
# The record first, then the slot: the order in which everything else takes these locks, too.
_LOCK = f"""
WITH found AS MATERIALIZED (
    SELECT task_id, slot, record_id FROM slots WHERE token = $1
), record AS MATERIALIZED (
    SELECT r.record_id, r.state, r.fields FROM records r JOIN found ON found.record_id = r.record_id
    FOR NO KEY UPDATE OF r
)
SELECT {_COLUMNS}, record.state AS record_state, record.fields, a.subject, p.revision AS project_revision, {_BARRED}
FROM found
JOIN record ON record.record_id = found.record_id
JOIN slots s ON s.task_id = found.task_id AND s.slot = found.slot
JOIN annotators a ON a.annotator_id = s.annotator_id
JOIN memberships m ON m.annotator_id = s.annotator_id AND m.project_id = s.project_id
JOIN projects p ON p.project_id = s.project_id
FOR NO KEY UPDATE OF s
"""  # noqa: S608  our own column names
_FIND = f"""
SELECT {_COLUMNS}, r.state AS record_state, r.fields, a.subject, p.revision AS project_revision, {_BARRED}
FROM slots s
JOIN records r ON r.record_id = s.record_id
JOIN annotators a ON a.annotator_id = s.annotator_id
JOIN memberships m ON m.annotator_id = s.annotator_id AND m.project_id = s.project_id
JOIN projects p ON p.project_id = s.project_id
WHERE s.token = $1
"""  # noqa: S608  our own column names
_FIND_ENDED = f"""
SELECT e.task_id, e.slot, e.record_id, e.project_id, e.kind, e.round,
    coalesce((SELECT t.schema_version FROM tasks t WHERE t.task_id = e.task_id), 0) AS schema_version, 0 AS guideline_version,
    e.annotator_id, e.leased_at, NULL::uuid AS token, 'void' AS state, '' AS lane, NULL::uuid AS prediction_shown,
    r.state AS record_state, r.fields, a.subject, p.revision AS project_revision, e.activity = 'released' AS released,
    {_BARRED}
FROM ended_leases e
JOIN records r ON r.record_id = e.record_id
JOIN annotators a ON a.annotator_id = e.annotator_id
JOIN memberships m ON m.annotator_id = e.annotator_id AND m.project_id = e.project_id
JOIN projects p ON p.project_id = e.project_id
WHERE e.token = $1
"""  # noqa: S608  constants
_HOLDS_ANOTHER = """
SELECT EXISTS (
    SELECT FROM slots WHERE record_id = $1 AND annotator_id = $2 AND state IN ('leased', 'submitted', 'skipped')
)
"""
_OPEN_TASK = "SELECT schema_version, guideline_version FROM tasks WHERE task_id = $1 AND state = 'open'"
_RENEW = """
UPDATE slots SET state = 'leased', until = $3 WHERE task_id = $1 AND slot = $2 AND state IN ('leased', 'free')
"""
_RELEASE = """
UPDATE slots s
SET state = CASE WHEN t.state = 'open' THEN 'free' ELSE 'void' END,
    annotator_id = NULL, token = NULL, leased_at = NULL, until = NULL
FROM tasks t
WHERE s.task_id = $1 AND s.slot = $2 AND t.task_id = s.task_id
RETURNING t.state = 'open' AS task_open, t.purpose
"""
_SKIP = """
UPDATE slots s SET state = 'skipped', until = NULL
FROM tasks t
WHERE s.task_id = $1 AND s.slot = $2 AND t.task_id = s.task_id
RETURNING t.state = 'open' AS task_open, t.purpose
"""
# The new slot takes the same place in line.
_REPLACE = """
INSERT INTO slots (task_id, slot, project_id, record_id, kind, round, schema_version, guideline_version, lane, pool,
    blind, rank, sort_key, state)
SELECT task_id, (SELECT max(slot) + 1 FROM slots WHERE task_id = $1), project_id, record_id, kind, round,
    schema_version, guideline_version, lane, pool, blind, rank, sort_key, 'free'
FROM slots WHERE task_id = $1 AND slot = $2
"""
_SUSPECT = "UPDATE tasks SET suspect_at = least(suspect_at, $2) WHERE task_id = $1"

# Returned work, which comes to annotators again: they returned it or let it run out; a slot that is free keeps which
# prediction its last lease showed. Of gold it is noted, as `ordinary_*`, which ordinary slot stands in front now: nobody
# takes gold away, so it is gone when somebody else takes that slot. In which of both lanes is told by the ids, half and
# half. It is looked for whatever the slot is, so that returning takes as long.
_REMEMBER = """
INSERT INTO returned_work (annotator_id, project_id, task_id, kind, guideline_version, ordinary_task_id, ordinary_slot,
    ordinary_guideline_version, showed_prediction)
SELECT returned.annotator_id, s.project_id, s.task_id, s.kind, s.guideline_version,
    CASE WHEN s.lane = 'gold' THEN front.task_id END, CASE WHEN s.lane = 'gold' THEN front.slot END,
    CASE WHEN s.lane = 'gold' THEN front.guideline_version END, s.prediction_shown IS NOT NULL
FROM unnest($1::uuid[], $2::int[], $3::uuid[]) AS returned (task_id, slot, annotator_id)
JOIN slots s ON s.task_id = returned.task_id AND s.slot = returned.slot AND s.state = $4
LEFT JOIN LATERAL (
    SELECT one.task_id, one.slot, one.guideline_version
    FROM (VALUES ('random'), ('learning')) AS line (lane), LATERAL (
        SELECT f.task_id, f.slot, f.guideline_version FROM slots f
        WHERE f.project_id = s.project_id AND f.state = 'free' AND f.pool = 'any' AND f.lane = line.lane
        ORDER BY f.rank, f.sort_key LIMIT 1
    ) one
    ORDER BY (line.lane = 'random')
        = (hashtextextended(concat(returned.annotator_id, s.task_id, s.slot), 0) % 2 = 0) DESC LIMIT 1
) front ON true
ORDER BY returned.annotator_id, s.project_id, s.task_id
ON CONFLICT (annotator_id, project_id, task_id) DO UPDATE
SET guideline_version = excluded.guideline_version, ordinary_task_id = excluded.ordinary_task_id,
    ordinary_slot = excluded.ordinary_slot, ordinary_guideline_version = excluded.ordinary_guideline_version,
    showed_prediction = excluded.showed_prediction
"""
_DUE = """
SELECT task_id, slot FROM slots WHERE state = 'leased' AND until < $1
ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_NEXT_EXPIRY = "SELECT min(until) FROM slots WHERE state = 'leased'"
# The slots are locked: a task that is open now can't be closed until we commit.
_FREE_EXPIRED = """
UPDATE slots s SET state = CASE WHEN t.state = 'open' THEN 'free' ELSE 'void' END
FROM unnest($1::uuid[], $2::int[]) AS due (task_id, slot) JOIN tasks t ON t.task_id = due.task_id
WHERE s.task_id = due.task_id AND s.slot = due.slot
RETURNING s.token, s.task_id, s.slot, s.project_id, s.record_id, s.annotator_id, s.kind, s.round,
    'expired' AS activity, NULL AS reason, NULL::float8 AS active_s, s.leased_at, s.until AS ended_at, s.state
"""


@dataclass(frozen=True, slots=True)
class FoundLease:
    """A lease with what a submit needs to know: whose it is, the record's fields as JSON, the project's revision."""

    lease: Lease
    subject: str
    fields: str | None
    project_revision: int

    @property
    def content(self) -> dict[str, FieldValue]:
        """What the record carries, read."""
        return parse_fields(load(self.fields or "{}"))


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What became of the task of a lease that ended without an annotation."""

    task_open: bool
    purpose: str


@dataclass(frozen=True, slots=True)
class ExpiredLease:
    """`claimable`: its slot is free again; else its task was closed meanwhile."""

    ended: EndedLease
    claimable: bool


async def lock(session: Session, token: UUID) -> FoundLease | None:
    """The lease of this token with its record and slot locked; also when it has ended. None when there never was one."""
    return _found(await session.raw.fetchrow(_LOCK, token) or await session.raw.fetchrow(_FIND_ENDED, token))


async def find_running(session: Session, token: UUID) -> FoundLease | None:
    """The lease of this token without any lock, unless it has ended."""
    return _found(await session.raw.fetchrow(_FIND, token))


async def find(session: Session, token: UUID) -> FoundLease | None:
    """As `lock`, without any lock."""
    return _found(await session.raw.fetchrow(_FIND, token) or await session.raw.fetchrow(_FIND_ENDED, token))


async def holds_another(session: Session, lease: Lease) -> bool:
    """Whether the annotator of an expired lease has the record on another slot; their membership stays locked."""
    await memberships.lock_only(session, lease.annotator_id, lease.project_id)
    found: bool = await session.raw.fetchval(_HOLDS_ANOTHER, lease.record_id, lease.annotator_id)
    return found


async def versions_asked(session: Session, lease: Lease) -> tuple[int, int | None] | None:
    """The schema and guideline version that the lease's task is served by now; None when it is closed."""
    row = await session.raw.fetchrow(_OPEN_TASK, lease.task_id)
    return None if row is None else (row["schema_version"], row["guideline_version"])


async def renew(session: Session, lease: Lease, until: datetime) -> None:
    await session.raw.execute(_RENEW, lease.task_id, lease.slot, until)


async def release(session: Session, lease: Lease) -> GivenUp:
    """Give the slot back: it is free for everybody, and comes to the annotator again first."""
    given_up = GivenUp(**await session.raw.fetchrow(_RELEASE, lease.task_id, lease.slot))
    if lease.state is SlotState.LEASED:  # an expired one was counted when it ran out
        await remember_returned(session, [(lease.task_id, lease.slot, lease.annotator_id)])
        await memberships.return_leases(session, {(lease.annotator_id, lease.project_id): 1}, come_again=True)
    return given_up


async def skip(session: Session, lease: Lease) -> GivenUp:
    """End the lease for ever; the slot stays its annotator's, so that they don't get the record again."""
    given_up = GivenUp(**await session.raw.fetchrow(_SKIP, lease.task_id, lease.slot))
    if lease.state is SlotState.LEASED:
        await memberships.return_leases(session, {(lease.annotator_id, lease.project_id): 1}, come_again=False)
    return given_up


async def replace(session: Session, lease: Lease, now: datetime) -> None:
    """Put a free slot beside one that was skipped, and have it looked at whether anybody is left for it."""
    await session.raw.execute(_REPLACE, lease.task_id, lease.slot)
    await session.raw.execute(_SUSPECT, lease.task_id, now)


async def remember_returned(session: Session, slots: Sequence[tuple[UUID, int, UUID]]) -> None:
    """Remember the (task, slot, annotator)s that are free again, so that they come to their annotators first."""
    await session.raw.execute(_REMEMBER, *map(list, zip(*slots, strict=True)), SlotState.FREE)


async def next_expiry(session: Session) -> datetime | None:
    """When the next lease runs out; None while there is none."""
    until: datetime | None = await session.raw.fetchval(_NEXT_EXPIRY)
    return until


async def expire(session: Session, now: datetime, limit: int) -> list[ExpiredLease]:
    """Make slots claimable whose lease has run out; they keep their token until then."""
    due = await session.raw.fetch(_DUE, now, limit)
    if not due:
        return []
    rows = await session.raw.fetch(_FREE_EXPIRED, [row["task_id"] for row in due], [row["slot"] for row in due])
    return [expired_lease(row) for row in rows]


def expired_lease(row: Any) -> ExpiredLease:
    return ExpiredLease(ended_lease(row), row["state"] == SlotState.FREE)


def _found(row: Any) -> FoundLease | None:
    if row is None:
        return None
    lease = Lease(
        row["task_id"],
        row["slot"],
        row["record_id"],
        row["project_id"],
        TaskKind(row["kind"]),
        row["round"],
        row["schema_version"],
        row["guideline_version"],
        row["annotator_id"],
        row["leased_at"],
        row["token"],
        SlotState(row["state"]),
        RecordState(row["record_state"]),
        row["lane"] == Lane.GOLD,
        row["prediction_shown"],
        released=row.get("released", False),
        barred=row["barred"],
    )
    return FoundLease(lease, row["subject"], row["fields"], row["project_revision"])
