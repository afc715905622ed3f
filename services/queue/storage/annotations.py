"""Annotations. Unlike leasing, keeping one waits for the disk: what was acknowledged is never lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.queue.domain.leases import Lease
from services.queue.domain.slots import SlotState
from shared.contracts.events import AnnotationSubmitted
from shared.contracts.values import RecordState, TaskKind
from shared.kit.database import Session
from shared.kit.jsonb import load
from shared.kit.outbox import insertion
from shared.kit.statements import Statement

# `done` is the slot, if the annotation is to be kept.
_KEEP = """draft AS (
    DELETE FROM drafts WHERE task_id = :task_id AND annotator_id = :annotator_id AND EXISTS (SELECT FROM done)
), counted AS (
    INSERT INTO progress_deltas (project_id, counter, amount) SELECT :project_id, :counter, 1 FROM done
), kept AS (
    INSERT INTO annotations (task_id, slot, annotation_id, token, project_id, record_id, annotator_id, kind, round,
        schema_version, guideline_version, answers, reason, active_s, prediction_shown, leased_at, submitted_at)
    SELECT :task_id, :slot, :annotation_id, :token::uuid, :project_id, :record_id::uuid, :annotator_id, :kind,
        :round::int, :schema_version::int, :guideline_version::int, :answers::jsonb, :reason, :active_s::float8,
        :prediction_shown::uuid, :leased_at::timestamptz, :submitted_at::timestamptz
    FROM done
)"""
_SUBMIT = Statement(f"""
WITH done AS (
    UPDATE slots SET state = 'submitted', until = NULL WHERE task_id = :task_id AND slot = :slot RETURNING task_id
), {_KEEP}
SELECT true FROM done
""")  # noqa: S608  constants
# The record's lock first, then the slot's. What waited for a lock looks again whether all is as it was found. `leased` is
# a parameter, because the word itself would let the planner walk through a partial index that it thinks is empty.
_AT_ONCE = f"""
WITH record AS MATERIALIZED (
    SELECT record_id FROM records WHERE record_id = :record_id AND state = :record_state FOR NO KEY UPDATE
), done AS (
    UPDATE slots s SET state = 'submitted', until = NULL
    FROM record
    WHERE s.task_id = :task_id AND s.slot = :slot AND s.token = :token AND s.state = :leased
    RETURNING s.task_id
), {_KEEP}, """  # noqa: S608  constants
_SUBMIT_AT_ONCE = Statement(
    _AT_ONCE  # noqa: S608  constants
    + insertion("published", len(Statement(_AT_ONCE).names) + 1, "EXISTS (SELECT FROM done)")
    + " SELECT true FROM done"
)
_FIND = """
SELECT annotation_id, token, answers, reason, submitted_at, next_tokens FROM annotations WHERE task_id = $1 AND slot = $2
"""
_SET_NEXT = "UPDATE annotations SET next_tokens = $3 WHERE task_id = $1 AND slot = $2"
_PAGE = """
SELECT * FROM annotations WHERE (task_id, slot) > ($1, $2) AND answers IS NOT NULL ORDER BY task_id, slot LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class NewAnnotation:
    """An annotation to be kept; `answers` is JSON text, `counter` which kind of progress it is."""

    lease: Lease
    annotation_id: UUID
    answers: str
    reason: str | None
    active_s: float | None
    submitted_at: datetime
    counter: str

    def values(self) -> dict[str, Any]:
        lease = self.lease
        return {
            "task_id": lease.task_id,
            "slot": lease.slot,
            "annotation_id": self.annotation_id,
            "token": lease.token,
            "project_id": lease.project_id,
            "record_id": lease.record_id,
            "annotator_id": lease.annotator_id,
            "kind": lease.kind,
            "round": lease.round,
            "schema_version": lease.schema_version,
            "guideline_version": lease.guideline_version,
            "answers": self.answers,
            "reason": self.reason,
            "active_s": self.active_s,
            "prediction_shown": lease.prediction_shown,
            "leased_at": lease.leased_at,
            "submitted_at": self.submitted_at,
            "counter": self.counter,
        }


@dataclass(frozen=True, slots=True)
class SubmittedAnnotation:
    """An annotation as it was kept; `answers` is None once its record is erased."""

    annotation_id: UUID
    answers: str | None
    reason: str | None
    submitted_at: datetime
    next_tokens: tuple[UUID, ...]


async def submit(session: Session, new: NewAnnotation) -> None:
    """Keep the annotation; record and slot are locked."""
    await session.raw.fetchval(*_SUBMIT(**new.values()))


async def submit_at_once(
    session: Session, new: NewAnnotation, record_state: RecordState, outbox: tuple[list[Any], ...]
) -> bool:
    """Keep the annotation and publish it, if its record is in this state and its slot still leased under the token."""
    statement = _SUBMIT_AT_ONCE(**new.values(), record_state=record_state, leased=SlotState.LEASED)
    done: bool | None = await session.raw.fetchval(*statement, *outbox)
    return done is True


async def find(session: Session, task_id: UUID, slot: int) -> SubmittedAnnotation | None:
    row = await session.raw.fetchrow(_FIND, task_id, slot)
    if row is None:
        return None
    return SubmittedAnnotation(
        row["annotation_id"], row["answers"], row["reason"], row["submitted_at"], tuple(row["next_tokens"] or ())
    )


async def set_next(session: Session, task_id: UUID, slot: int, tokens: Sequence[UUID]) -> None:
    """What was leased with the annotation."""
    await session.raw.execute(_SET_NEXT, task_id, slot, tokens)


async def page(session: Session, after: tuple[UUID, int], limit: int) -> list[tuple[UUID, UUID, AnnotationSubmitted]]:
    """(project, record, annotation) of records that are not erased, by task and slot."""
    return [
        (
            row["project_id"],
            row["record_id"],
            AnnotationSubmitted(
                annotation_id=row["annotation_id"],
                task_id=row["task_id"],
                task_kind=TaskKind(row["kind"]),
                round=row["round"],
                slot=row["slot"],
                annotator_id=row["annotator_id"],
                answers=load(row["answers"]),
                schema_version=row["schema_version"],
                guideline_version=row["guideline_version"],
                leased_at=row["leased_at"],
                submitted_at=row["submitted_at"],
                active_s=row["active_s"],
                prediction_shown=row["prediction_shown"],
                reason=row["reason"],
            ),
        )
        for row in await session.raw.fetch(_PAGE, *after, limit)
    ]
