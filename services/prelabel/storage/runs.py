"""Training runs: a state machine in the database, so that whoever leads next goes on where the last one stopped."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg

from services.prelabel.exceptions import RunUnderWay, TrainingFailure
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere
from shared.kit.jsonb import dump, load


class RunState(StrEnum):
    """`comparing` waits for held-out labels or for the comparison; what follows it ends the run."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPARING = "comparing"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    COMPARED = "compared"
    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """A training run. `model_id` is the model it makes, known before it is made. `batch`: the batch that led to it.

    `failure_reason` is None where `failure` was kept by a release that knew no reasons.
    """

    run_id: UUID
    project_id: UUID
    model_id: UUID
    state: RunState
    started_by: str
    reason: str
    batch: int | None
    label_seq: int
    attempts: int
    failure: str | None
    failure_reason: TrainingFailure | None
    examples: int | None
    report: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


_COLUMNS = """
run_id, project_id, model_id, state, started_by, reason, batch, label_seq, attempts, failure, failure_reason, examples,
report, created_at, started_at, ended_at
"""
_ADD = f"""
INSERT INTO training_runs (run_id, project_id, model_id, state, started_by, reason, batch, label_seq, created_at)
VALUES ($1, $2, $3, 'queued', $4, $5, $6, $7, $8) RETURNING {_COLUMNS}
"""  # noqa: S608
_GET = f"SELECT {_COLUMNS} FROM training_runs WHERE run_id = $1"  # noqa: S608
_NEWEST = f"""
SELECT {_COLUMNS} FROM training_runs WHERE project_id = $1 ORDER BY run_id DESC LIMIT 1
"""  # noqa: S608
_LIST = f"""
SELECT {_COLUMNS} FROM training_runs WHERE project_id = $1 AND run_id < $2 ORDER BY run_id DESC LIMIT $3
"""  # noqa: S608
_WAITING = f"""
SELECT {_COLUMNS} FROM training_runs
WHERE state IN ('queued', 'running') AND coalesce(retry_at, created_at) <= $1 AND NOT run_id = ANY($2::uuid[])
ORDER BY created_at LIMIT 1
"""  # noqa: S608
_NEXT_RETRY = "SELECT min(retry_at) FROM training_runs WHERE state = 'queued'"
_START = f"""
UPDATE training_runs SET state = 'running', attempts = attempts + 1, started_at = $2, retry_at = NULL,
    label_seq = $3, examples = $4
WHERE run_id = $1 AND state IN ('queued', 'running') RETURNING {_COLUMNS}
"""  # noqa: S608
_FORGET_EXAMPLES = "DELETE FROM training_examples WHERE run_id = $1"
_FORGET_UNLEARNINGS = "DELETE FROM unlearnings WHERE run_id = $1"
_FORGET_CONTAMINATIONS = "DELETE FROM contaminations WHERE run_id = $1"
_ADD_EXAMPLES = "INSERT INTO training_examples (run_id, record_id) SELECT $1, unnest($2::uuid[])"
_TRAINED = """
UPDATE training_runs SET state = 'comparing', report = $3::jsonb, failure = NULL, failure_reason = NULL
WHERE run_id = $1 AND state = 'running' AND attempts = $2 RETURNING true
"""
_RETRY = """
UPDATE training_runs SET state = 'queued', failure_reason = $3, failure = $4, retry_at = $5
WHERE run_id = $1 AND state = 'running' AND attempts = $2
"""
_BEGIN_ANEW = """
UPDATE training_runs SET state = 'queued', attempts = greatest(attempts - 1, 0), retry_at = $3
WHERE run_id = $1 AND state = 'running' AND attempts = $2
"""
_FAILED = "SELECT EXISTS (SELECT FROM training_runs WHERE run_id = $1 AND state = 'failed')"
_FAIL = """
UPDATE training_runs SET state = 'failed', failure_reason = $3, failure = $4, ended_at = $5
WHERE run_id = $1 AND state IN ('queued', 'running') AND attempts = $2
"""
_CANCEL = """
UPDATE training_runs SET state = 'failed', failure_reason = 'cancelled', failure = $2, ended_at = $3
WHERE run_id = $1 AND state IN ('queued', 'running') RETURNING true
"""
_END = """
UPDATE training_runs SET state = $2, ended_at = $3 WHERE run_id = ANY($1::uuid[]) AND state = 'comparing'
"""
_TRAINED_BEFORE = """
SELECT coalesce(max(label_seq), 0) FROM (
    SELECT label_seq FROM training_runs WHERE project_id = $1 ORDER BY run_id DESC LIMIT 50
) newest
"""


def _run(row: Any) -> Run:
    return Run(
        row["run_id"], row["project_id"], row["model_id"], RunState(row["state"]), row["started_by"], row["reason"],
        row["batch"], row["label_seq"], row["attempts"], row["failure"],
        None if row["failure_reason"] is None else TrainingFailure(row["failure_reason"]), row["examples"],
        load(row["report"]), row["created_at"], row["started_at"],
        row["ended_at"],
    )  # fmt: skip


async def add(
    session: Session,
    *,
    run_id: UUID,
    project_id: UUID,
    model_id: UUID,
    started_by: str,
    reason: str,
    batch: int | None,
    label_seq: int,
    now: datetime,
) -> Run:
    """Queue a run. Raises RunUnderWay: a project trains one model at a time."""
    try:
        async with session.savepoint():
            row = await session.raw.fetchrow(
                _ADD, run_id, project_id, model_id, started_by, reason, batch, label_seq, now
            )
    except asyncpg.UniqueViolationError:
        raise RunUnderWay(f"project {project_id}") from None
    return _run(row)


async def get(session: Session, run_id: UUID) -> Run:
    """Raises NotKnownHere."""
    row = await session.raw.fetchrow(_GET, run_id)
    if row is None:
        raise NotKnownHere("training run", run_id)
    return _run(row)


async def newest(session: Session, project_id: UUID) -> Run | None:
    row = await session.raw.fetchrow(_NEWEST, project_id)
    return None if row is None else _run(row)


async def page(session: Session, project_id: UUID, before: UUID, limit: int) -> Sequence[Run]:
    """Runs before `before`, the newest first."""
    return [_run(row) for row in await session.raw.fetch(_LIST, project_id, before, limit)]


async def next_waiting(session: Session, now: datetime, besides: Collection[UUID]) -> Run | None:
    """A run to begin, or to begin again: one that is `running` has lost its process when a leader asks this."""
    row = await session.raw.fetchrow(_WAITING, now, list(besides))
    return None if row is None else _run(row)


async def next_retry(session: Session) -> datetime | None:
    """When the next run that is to be attempted again may begin; None while there is none."""
    at: datetime | None = await session.raw.fetchval(_NEXT_RETRY)
    return at


async def start(
    session: Session, run_id: UUID, record_ids: Sequence[UUID], label_seq: int, now: datetime
) -> Run | None:
    """Begin an attempt with these records, which are locked; None when the run has ended meanwhile."""
    row = await session.raw.fetchrow(_START, run_id, now, label_seq, len(record_ids))
    if row is None:
        return None
    await _forget_examples(session, run_id)
    await session.raw.execute(_ADD_EXAMPLES, run_id, record_ids)
    return _run(row)


async def trained(session: Session, run: Run, report: dict[str, Any]) -> bool:
    """Note that the model is made; False when another attempt has begun meanwhile."""
    done: bool | None = await session.raw.fetchval(_TRAINED, run.run_id, run.attempts, dump(report))
    return bool(done)


async def retry(session: Session, run: Run, reason: TrainingFailure, failure: str, at: datetime) -> None:
    await session.raw.execute(_RETRY, run.run_id, run.attempts, reason, failure, at)


async def fail(session: Session, run: Run, reason: TrainingFailure, failure: str, now: datetime) -> None:
    await session.raw.execute(_FAIL, run.run_id, run.attempts, reason, failure, now)
    await _forget_examples(session, run.run_id)


async def begin_anew(session: Session, run: Run, now: datetime) -> None:
    """Let the run be attempted again, with the labels that there are then; this attempt doesn't count."""
    await session.raw.execute(_BEGIN_ANEW, run.run_id, run.attempts, now)


async def has_failed(session: Session, run_id: UUID) -> bool:
    """Whether the run makes no model any more."""
    found: bool = await session.raw.fetchval(_FAILED, run_id)
    return found


async def cancel(session: Session, run_id: UUID, failure: str, now: datetime) -> None:
    """End a run whose model is not made yet, whatever attempt is under way."""
    if await session.raw.fetchval(_CANCEL, run_id, failure, now):
        await _forget_examples(session, run_id)


async def _forget_examples(session: Session, run_id: UUID) -> None:
    await session.raw.execute(_FORGET_EXAMPLES, run_id)
    await session.raw.execute(_FORGET_CONTAMINATIONS, run_id)
    await session.raw.execute(_FORGET_UNLEARNINGS, run_id)


async def end(session: Session, run_ids: Sequence[UUID], state: RunState, now: datetime) -> None:
    """End those of the runs that were comparing. Their models are locked, or their projects."""
    if run_ids:
        await session.raw.execute(_END, run_ids, state, now)


async def newest_label(session: Session, project_id: UUID) -> int:
    """The sequence number of the newest label that a run has seen."""
    seq: int = await session.raw.fetchval(_TRAINED_BEFORE, project_id)
    return seq
