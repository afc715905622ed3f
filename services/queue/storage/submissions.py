"""Submitting: the lease is found under its token, its record and its slot are locked, and one statement keeps the work.

Unlike leasing this waits for the disk: what was acknowledged is never lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.queue.domain.leases import Lease
from services.queue.domain.routing import Lane
from services.queue.domain.slots import SlotState
from shared.contracts.events.work import Activity
from shared.contracts.values import RecordState, TaskKind
from shared.kit.database import Session
from shared.kit.outbox import insert_selected

# The record first, then the slot: the order in which everything else takes these locks, too.
_LOCK = """
WITH found AS MATERIALIZED (
    SELECT task_id, slot, record_id FROM slots WHERE token = $1
), record AS MATERIALIZED (
    SELECT r.record_id, r.state, r.fields FROM records r JOIN found ON found.record_id = r.record_id
    FOR NO KEY UPDATE OF r
)
SELECT s.task_id, s.slot, s.record_id, s.project_id, s.kind, s.round, s.schema_version, s.guideline_version,
    s.annotator_id, s.leased_at, s.token, s.state, s.lane, s.prediction_shown,
    record.state AS record_state, record.fields, a.subject, p.revision AS project_revision
FROM found
JOIN record ON record.record_id = found.record_id
JOIN slots s ON s.task_id = found.task_id AND s.slot = found.slot
JOIN annotators a ON a.annotator_id = s.annotator_id
JOIN projects p ON p.project_id = s.project_id
FOR NO KEY UPDATE OF s
"""
_FIND = """
SELECT s.task_id, s.slot, s.record_id, s.project_id, s.kind, s.round, s.schema_version, s.guideline_version,
    s.annotator_id, s.leased_at, s.token, s.state, s.lane, s.prediction_shown,
    r.state AS record_state, r.fields, a.subject, p.revision AS project_revision
FROM slots s
JOIN records r ON r.record_id = s.record_id
JOIN annotators a ON a.annotator_id = s.annotator_id
JOIN projects p ON p.project_id = s.project_id
WHERE s.token = $1
"""
_FIND_ENDED = """
SELECT e.task_id, e.slot, e.record_id, e.project_id, e.kind, e.round, 0 AS schema_version, 0 AS guideline_version,
    e.annotator_id, e.leased_at, NULL::uuid AS token, 'void' AS state, '' AS lane, NULL::uuid AS prediction_shown,
    r.state AS record_state, r.fields, a.subject, p.revision AS project_revision, e.activity = 'released' AS released
FROM ended_leases e
JOIN records r ON r.record_id = e.record_id
JOIN annotators a ON a.annotator_id = e.annotator_id
JOIN projects p ON p.project_id = e.project_id
WHERE e.token = $1
"""

_LOCK_ANNOTATOR = "SELECT FROM memberships WHERE annotator_id = $1 AND project_id = $2 FOR NO KEY UPDATE"
_HOLDS_ANOTHER = """
SELECT EXISTS (
    SELECT FROM slots WHERE record_id = $1 AND annotator_id = $2 AND state IN ('leased', 'submitted', 'skipped')
)
"""
# What is owed to the annotator is left to their next lease, which finds that they have it.
_TAKE_BACK = "UPDATE memberships SET returned = returned - 1 WHERE annotator_id = $1 AND project_id = $2"

# `done` is the slot, if the annotation is to be kept.
_KEEP = """
), draft AS (
    DELETE FROM drafts WHERE task_id = $1 AND annotator_id = $7 AND EXISTS (SELECT FROM done)
), counted AS (
    INSERT INTO progress_deltas (project_id, counter, amount) SELECT $5, $19, 1 FROM done
), kept AS (
    INSERT INTO annotations (task_id, slot, annotation_id, token, project_id, record_id, annotator_id, kind, round,
        schema_version, guideline_version, answers, reason, active_s, prediction_shown, leased_at, submitted_at,
        next_tokens)
    SELECT $1, $2, $3, $4::uuid, $5, $6::uuid, $7, $8, $9::int, $10::int, $11::int, $12::jsonb, $13, $14::float8, $15::uuid,
        $16::timestamptz, $17::timestamptz, $18::uuid[]
    FROM done
"""
_SUBMIT = f"""
WITH done AS (
    UPDATE slots SET state = 'submitted', until = NULL WHERE task_id = $1 AND slot = $2 RETURNING task_id
{_KEEP}
)
SELECT true FROM done
"""  # noqa: S608  constants
# The record's lock first, then the slot's. What waited for a lock looks again whether all is as it was found. `leased` is
# a parameter, because the word itself would let the planner walk through a partial index that it thinks is empty.
_SUBMIT_AT_ONCE = f"""
WITH record AS MATERIALIZED (
    SELECT record_id FROM records WHERE record_id = $6 AND state = $20 FOR NO KEY UPDATE
), done AS (
    UPDATE slots s SET state = 'submitted', until = NULL
    FROM record
    WHERE s.task_id = $1 AND s.slot = $2 AND s.token = $4 AND s.state = $21
    RETURNING s.task_id
{_KEEP}
), said AS ({insert_selected(22, "EXISTS (SELECT FROM done)")}
)
SELECT true FROM done
"""  # noqa: S608  constants
_FIND_SUBMITTED = """
SELECT annotation_id, token, answers, reason, submitted_at, next_tokens FROM annotations WHERE task_id = $1 AND slot = $2
"""
_SET_NEXT = "UPDATE annotations SET next_tokens = $3 WHERE task_id = $1 AND slot = $2"
_RENEW = """
UPDATE slots SET state = 'leased', until = $3 WHERE task_id = $1 AND slot = $2 AND state IN ('leased', 'free')
"""
_GIVE_BACK = """
UPDATE slots s
SET state = CASE WHEN $3 THEN 'skipped' WHEN t.state = 'open' THEN 'free' ELSE 'void' END,
    annotator_id = CASE WHEN $3 THEN s.annotator_id END, token = CASE WHEN $3 THEN s.token END,
    leased_at = CASE WHEN $3 THEN s.leased_at END, prediction_shown = CASE WHEN $3 THEN s.prediction_shown END,
    until = NULL
FROM tasks t
WHERE s.task_id = $1 AND s.slot = $2 AND t.task_id = s.task_id
RETURNING t.state = 'open' AS task_open, t.purpose
"""
_RETURNED = "UPDATE memberships SET returned = returned + 1 WHERE annotator_id = $1 AND project_id = $2"
# Of the slots in `back`: what is owed to those who had them. Gold has a witness (see the table).
_OWED = """
, owed AS (
    INSERT INTO given_back (annotator_id, project_id, task_id, kind, guideline_version, witness_task, witness_slot)
    SELECT back.annotator_id, back.project_id, back.task_id, back.kind, back.guideline_version, w.task_id, w.slot
    FROM back LEFT JOIN LATERAL (
        SELECT front.task_id, front.slot
        FROM (VALUES ('random'), ('learning')) AS line (lane), LATERAL (
            SELECT f.task_id, f.slot FROM slots f
            WHERE f.project_id = back.project_id AND f.state = 'free' AND f.pool = 'any' AND f.lane = line.lane
            ORDER BY f.rank, f.sort_key LIMIT 1
        ) front
        ORDER BY random() LIMIT 1
    ) w ON back.lane = 'gold'
    WHERE back.state = 'free'
    ON CONFLICT (annotator_id, project_id, task_id) DO UPDATE
    SET guideline_version = excluded.guideline_version, witness_task = excluded.witness_task,
        witness_slot = excluded.witness_slot
)"""
_RETURNED_OWED = f"""
WITH back AS (
    SELECT $1::uuid AS annotator_id, project_id, task_id, kind, guideline_version, lane, state
    FROM slots WHERE task_id = $3 AND slot = $4
){_OWED}
UPDATE memberships SET returned = returned + 1, owed = true WHERE annotator_id = $1 AND project_id = $2
"""  # noqa: S608  constants

_REPLACE = """
INSERT INTO slots (task_id, slot, project_id, record_id, kind, round, schema_version, guideline_version, lane, pool,
    blind, rank, sort_key, state)
SELECT task_id, (SELECT max(slot) + 1 FROM slots WHERE task_id = $1), project_id, record_id, kind, round,
    schema_version, guideline_version, lane, pool, blind, rank, sort_key, 'free'
FROM slots WHERE task_id = $1 AND slot = $2
"""

_END = """
INSERT INTO ended_leases (token, task_id, slot, project_id, record_id, annotator_id, kind, round, activity, reason,
    active_s, leased_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (token) DO UPDATE SET activity = excluded.activity, reason = excluded.reason, active_s = excluded.active_s,
    ended_at = excluded.ended_at
    WHERE ended_leases.activity = 'expired'
RETURNING true
"""

_DUE = """
SELECT task_id, slot, annotator_id, project_id FROM slots WHERE state = 'leased' AND until < $1
ORDER BY annotator_id, until LIMIT $2 FOR UPDATE SKIP LOCKED
"""
# The slots are locked by the statement before: a task that is open now can't be closed until we commit. One that was
# closed perhaps was because nobody else could serve it.
_EXPIRE = f"""
WITH due AS (
    SELECT * FROM unnest($1::uuid[], $2::int[]) AS one (task_id, slot)
), freed AS (
    UPDATE slots s SET state = CASE WHEN t.state = 'open' THEN 'free' ELSE 'void' END
    FROM due JOIN tasks t ON t.task_id = due.task_id
    WHERE s.task_id = due.task_id AND s.slot = due.slot
    RETURNING s.*
), back AS (
    SELECT * FROM freed ORDER BY annotator_id, project_id, task_id
){_OWED}, arrived AS (
    INSERT INTO arrivals (annotator_id) SELECT DISTINCT annotator_id FROM freed WHERE state = 'void'
), mine AS (
    SELECT m.annotator_id, m.project_id, f.leases
    FROM (SELECT annotator_id, project_id, count(*) AS leases FROM freed GROUP BY annotator_id, project_id) f
    JOIN memberships m ON m.annotator_id = f.annotator_id AND m.project_id = f.project_id
    ORDER BY m.annotator_id, m.project_id FOR NO KEY UPDATE OF m
), returned AS (
    UPDATE memberships m SET returned = m.returned + mine.leases, owed = true
    FROM mine WHERE m.annotator_id = mine.annotator_id AND m.project_id = mine.project_id
)
INSERT INTO ended_leases (token, task_id, slot, project_id, record_id, annotator_id, kind, round, activity, leased_at,
    ended_at)
SELECT token, task_id, slot, project_id, record_id, annotator_id, kind, round, 'expired', leased_at, until FROM freed
ON CONFLICT DO NOTHING
RETURNING *
"""  # noqa: S608  constants


@dataclass(frozen=True, slots=True)
class Held:
    """A lease with what a submit needs to know: whose it is, the record's fields as JSON, the project's revision."""

    lease: Lease
    lane: str
    subject: str
    fields: str | None
    project_revision: int


@dataclass(frozen=True, slots=True)
class Submitted:
    """An annotation as it was kept; `answers` is None once its record is erased."""

    annotation_id: UUID
    answers: str | None
    reason: str | None
    submitted_at: datetime
    next_tokens: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Ending:
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


def _held(row: Any) -> Held:
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
    )
    return Held(lease, row["lane"], row["subject"], row["fields"], row["project_revision"])


async def lock(session: Session, token: UUID) -> Held | None:
    """The lease of this token with its record and slot locked; also when it has ended. None when there never was one."""
    row = await session.raw.fetchrow(_LOCK, token)
    if row is None:
        row = await session.raw.fetchrow(_FIND_ENDED, token)
    return None if row is None else _held(row)


async def find_running(session: Session, token: UUID) -> Held | None:
    """The lease of this token without any lock, unless it has ended."""
    row = await session.raw.fetchrow(_FIND, token)
    return None if row is None else _held(row)


async def find(session: Session, token: UUID) -> Held | None:
    """As `lock`, without any lock."""
    row = await session.raw.fetchrow(_FIND, token) or await session.raw.fetchrow(_FIND_ENDED, token)
    return None if row is None else _held(row)


async def holds_another(session: Session, lease: Lease) -> bool:
    """Whether the annotator of an expired lease has the record on another slot; their row stays locked from here on."""
    await session.raw.execute(_LOCK_ANNOTATOR, lease.annotator_id, lease.project_id)
    found: bool = await session.raw.fetchval(_HOLDS_ANOTHER, lease.record_id, lease.annotator_id)
    return found


async def take_back(session: Session, lease: Lease) -> None:
    """The annotator's expired lease counts again."""
    await session.raw.execute(_TAKE_BACK, lease.annotator_id, lease.project_id)


@dataclass(frozen=True, slots=True)
class Kept:
    """An annotation to be kept; `answers` is JSON text, `counter` which kind of progress it is."""

    lease: Lease
    annotation_id: UUID
    answers: str
    reason: str | None
    active_s: float | None
    submitted_at: datetime
    next_tokens: tuple[UUID, ...]
    counter: str

    def parameters(self) -> tuple[Any, ...]:
        lease = self.lease
        return (
            lease.task_id,
            lease.slot,
            self.annotation_id,
            lease.token,
            lease.project_id,
            lease.record_id,
            lease.annotator_id,
            lease.kind,
            lease.round,
            lease.schema_version,
            lease.guideline_version,
            self.answers,
            self.reason,
            self.active_s,
            lease.prediction_shown,
            lease.leased_at,
            self.submitted_at,
            list(self.next_tokens) or None,
            self.counter,
        )


async def submit(session: Session, kept: Kept) -> None:
    """Keep the annotation; record and slot are locked."""
    await session.raw.fetchval(_SUBMIT, *kept.parameters())


async def submit_at_once(
    session: Session, kept: Kept, record_state: RecordState, outbox: tuple[list[Any], ...]
) -> bool:
    """Keep the annotation and say it, if its record is in this state and its slot still leased under the token."""
    done: bool | None = await session.raw.fetchval(
        _SUBMIT_AT_ONCE, *kept.parameters(), record_state, SlotState.LEASED, *outbox
    )
    return done is True


async def find_submitted(session: Session, task_id: UUID, slot: int) -> Submitted | None:
    row = await session.raw.fetchrow(_FIND_SUBMITTED, task_id, slot)
    if row is None:
        return None
    return Submitted(
        row["annotation_id"], row["answers"], row["reason"], row["submitted_at"], tuple(row["next_tokens"] or ())
    )


async def set_next(session: Session, task_id: UUID, slot: int, tokens: Sequence[UUID]) -> None:
    """What was leased with the annotation."""
    await session.raw.execute(_SET_NEXT, task_id, slot, tokens)


async def renew(session: Session, lease: Lease, until: datetime) -> None:
    await session.raw.execute(_RENEW, lease.task_id, lease.slot, until)


async def give_back(session: Session, lease: Lease, *, skipped: bool) -> tuple[bool, str]:
    """End the lease without an annotation; answers whether its task is open, and the task's purpose."""
    row = await session.raw.fetchrow(_GIVE_BACK, lease.task_id, lease.slot, skipped)
    if lease.state is SlotState.LEASED:  # an expired one was counted as returned already
        if skipped:
            await session.raw.execute(_RETURNED, lease.annotator_id, lease.project_id)
        else:
            await session.raw.execute(_RETURNED_OWED, lease.annotator_id, lease.project_id, lease.task_id, lease.slot)
    return row["task_open"], row["purpose"]


async def replace(session: Session, lease: Lease) -> None:
    """Put a free slot beside the one that was skipped, in the same place of the line."""
    await session.raw.execute(_REPLACE, lease.task_id, lease.slot)


async def end(session: Session, ending: Ending) -> bool:
    """Write the end of a lease down; False when it was written before."""
    written: bool | None = await session.raw.fetchval(
        _END,
        ending.token,
        ending.task_id,
        ending.slot,
        ending.project_id,
        ending.record_id,
        ending.annotator_id,
        ending.kind,
        ending.round,
        ending.activity,
        ending.reason,
        ending.active_s,
        ending.leased_at,
        ending.ended_at,
    )
    return written is True


async def expire(session: Session, now: datetime, limit: int) -> tuple[int, list[Ending]]:
    """Make slots claimable whose lease has run out; they keep their token until then.

    Answers how many, and the ends of those leases that had not run out before.
    """
    due = await session.raw.fetch(_DUE, now, limit)
    if not due:
        return 0, []
    ended = await session.raw.fetch(_EXPIRE, [row["task_id"] for row in due], [row["slot"] for row in due])
    return len(due), [ending_of(row) for row in ended]


def ending_of(row: Any) -> Ending:
    return Ending(
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
