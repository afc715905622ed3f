"""What people answered, in which role it counts, and what they skipped and spent time on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.contracts.envelope import Event
from shared.contracts.events import AnnotationSubmitted, TaskSkipped, WorkLogged
from shared.contracts.values import Answers, TaskKind
from shared.kit.database import Session
from shared.kit.jsonb import dump, loaded

Role = Literal["vote", "gold", "decision", "void", "late", "superseded"]
"""How an annotation counts: for the label of its round, for the assessment of its annotator on gold, as an arbiter's
decision, no more since its annotator was paused, not for a label since it came when the round was over, or not since
its annotator corrected it."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotator's answers as they count now. `era`: the annotator's drift alarms before it was made."""

    annotation_id: UUID
    annotation_revision: int
    annotator_id: UUID
    role: Role
    round: int
    slot: int
    task_id: UUID
    task_kind: TaskKind
    answers: Answers
    schema_version: int
    guideline_version: int
    prediction_shown: UUID | None
    submitted_at: datetime
    active_s: float | None
    reason: str | None
    paused: bool
    era: int


# Whoever changes which answers there are or how they count marks the record in `agreement_changes` in the same statement.
_ADD = """
WITH added AS (
    INSERT INTO annotations (annotation_id, annotation_revision, record_id, project_id, role, round, slot, task_id,
        task_kind, annotator_id, answers, reason, schema_version, guideline_version, prediction_shown, leased_at,
        submitted_at, active_s)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
    ON CONFLICT DO NOTHING RETURNING annotation_id, project_id, record_id
), marked AS (
    INSERT INTO agreement_changes (project_id, record_id) SELECT project_id, record_id FROM added
)
SELECT annotation_id FROM added
"""
_REVISIONS = "SELECT annotation_revision, role FROM annotations WHERE annotation_id = $1 ORDER BY annotation_revision"

# `era`: how many eras of the annotator had begun when the annotation was submitted.
_OF_ROUND = """
SELECT annotation_id, annotation_revision, annotator_id, role, round, slot, task_id, task_kind,
    annotations.answers, schema_version,
    guideline_version, prediction_shown, submitted_at, active_s, annotations.reason,
    COALESCE(assessment.status = 'paused', false) AS paused,
    (SELECT count(*) FROM eras WHERE eras.project_id = annotations.project_id
        AND eras.annotator_id = annotations.annotator_id AND eras.since <= annotations.submitted_at)::integer AS era
FROM annotations
LEFT JOIN assessments AS assessment USING (project_id, annotator_id)
WHERE record_id = $1 AND annotations.answers IS NOT NULL AND ($2::integer IS NULL OR round = $2)
ORDER BY submitted_at, annotation_id, annotation_revision
"""
_SET_ROLE = """
WITH changed AS (
    UPDATE annotations SET role = $2 WHERE (annotation_id, annotation_revision) IN (
        SELECT * FROM unnest($1::uuid[], $3::integer[])
    ) RETURNING project_id, record_id
)
INSERT INTO agreement_changes (project_id, record_id) SELECT DISTINCT project_id, record_id FROM changed
"""
_VOID_VOTES = """
WITH voided AS (
    UPDATE annotations SET role = 'void' WHERE record_id = $1 AND role = 'vote' RETURNING project_id, record_id
), marked AS (
    INSERT INTO agreement_changes (project_id, record_id) SELECT DISTINCT project_id, record_id FROM voided
)
SELECT count(*) FROM voided
"""
_LINEAGE = """
SELECT annotation_id, annotation_revision, annotator_id, role, round, slot, task_id, task_kind, answers, reason,
    schema_version, guideline_version, prediction_shown, leased_at, submitted_at, active_s
FROM annotations WHERE record_id = $1 ORDER BY submitted_at, annotation_id, annotation_revision
"""
_SKIP = """
INSERT INTO skips (event_id, record_id, project_id, round, task_kind, annotator_id, reason, skipped_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
"""
_SKIPS = "SELECT annotator_id, round, task_kind, reason, skipped_at FROM skips WHERE record_id = $1 ORDER BY skipped_at"
_LOG_WORK = """
INSERT INTO work (event_id, project_id, annotator_id, task_id, task_kind, activity, leased_at, ended_at, active_s)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
"""


async def add(session: Session, event: Event[AnnotationSubmitted], role: Role, *, erased: bool) -> bool:
    """Keep an annotation; False when it is here already. Of an erased record only that there was one is kept."""
    payload = event.payload
    added = await session.raw.fetchval(
        _ADD,
        payload.annotation_id,
        payload.annotation_revision,
        event.record_id,
        event.project_id,
        role,
        payload.round,
        payload.slot,
        payload.task_id,
        payload.task_kind,
        payload.annotator_id,
        None if erased else dump(payload.answers),
        None if erased else payload.reason,
        payload.schema_version,
        payload.guideline_version,
        payload.prediction_shown,
        payload.leased_at,
        payload.submitted_at,
        payload.active_s,
    )
    return added is not None


async def revisions(session: Session, annotation_id: UUID) -> dict[int, Role]:
    """The role of each revision that is here."""
    rows = await session.raw.fetch(_REVISIONS, annotation_id)
    return {row["annotation_revision"]: row["role"] for row in rows}


async def of_round(session: Session, record_id: UUID, number: int | None) -> list[Annotation]:
    """The annotations of a round (None: of all) whose content is here, in the order of their submission."""
    rows = await session.raw.fetch(_OF_ROUND, record_id, number)
    return [Annotation(**{**loaded(row, "answers"), "task_kind": TaskKind(row["task_kind"])}) for row in rows]


async def set_role(session: Session, of: Sequence[tuple[UUID, int]], role: Role) -> None:
    """Change how annotations, given by id and revision, count."""
    await session.raw.execute(_SET_ROLE, [one for one, _ in of], role, [revision for _, revision in of])


async def void_votes(session: Session, record_id: UUID) -> int:
    """Let no vote of the record count for a label; answers how many did."""
    voided: int = await session.raw.fetchval(_VOID_VOTES, record_id)
    return voided


async def for_lineage(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    return [loaded(row, "answers") for row in await session.raw.fetch(_LINEAGE, record_id)]


async def add_skip(session: Session, event: Event[TaskSkipped], *, erased: bool) -> None:
    payload = event.payload
    await session.raw.execute(
        _SKIP,
        event.id,
        event.record_id,
        event.project_id,
        payload.round,
        payload.task_kind,
        payload.annotator_id,
        None if erased else payload.reason,
        event.occurred_at,
    )


async def skips_of(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    return [dict(row) for row in await session.raw.fetch(_SKIPS, record_id)]


async def log_work(session: Session, event: Event[WorkLogged]) -> None:
    payload = event.payload
    await session.raw.execute(
        _LOG_WORK,
        event.id,
        event.project_id,
        payload.annotator_id,
        payload.task_id,
        payload.task_kind,
        payload.activity,
        payload.leased_at,
        payload.ended_at,
        payload.active_s,
    )


# What the estimation reads: every answer of a schema version, with what is certain and what a model said of the record.
# An annotation that was corrected counts no more; a voided one still tells about its annotator.
_FOR_ESTIMATION = """
SELECT annotations.record_id, annotations.annotation_id, annotations.annotator_id, annotations.role,
    annotations.answers, annotations.submitted_at,
    (SELECT count(*) FROM eras WHERE eras.project_id = annotations.project_id
        AND eras.annotator_id = annotations.annotator_id AND eras.since <= annotations.submitted_at)::integer AS era,
    records.state, records.round > 1 OR records.audit OR records.split <> 'train' AS by_people_alone
FROM annotations JOIN records ON records.record_id = annotations.record_id
WHERE annotations.project_id = $1 AND annotations.schema_version = $2 AND annotations.answers IS NOT NULL
    AND annotations.role <> 'superseded' AND records.known
ORDER BY annotations.submitted_at DESC, annotations.annotation_id LIMIT $3
"""
_NEWEST = """
SELECT version, newest FROM unnest($2::integer[]) AS one (version), LATERAL (
    SELECT max(submitted_at) AS newest FROM annotations WHERE project_id = $1 AND schema_version = version
) AS of_version
WHERE newest IS NOT NULL
"""
_TRUTHS = """
SELECT record_id, answers, true AS gold FROM unnest($1::uuid[]) AS one (record_id) JOIN gold USING (record_id)
WHERE schema_version = $2 AND current AND answers IS NOT NULL
UNION ALL
SELECT record_id, answers, false FROM unnest($1::uuid[]) AS one (record_id) JOIN labels USING (record_id)
WHERE schema_version = $2 AND current AND method = 'decision' AND answers IS NOT NULL
"""
_PRIORS = """
SELECT records.record_id, predictions.distributions
FROM unnest($1::uuid[]) AS one (record_id) JOIN records ON records.record_id = one.record_id
JOIN predictions ON predictions.prediction_id = records.routed_prediction_id
WHERE predictions.schema_version = $2 AND predictions.model_id IS NOT NULL
    AND predictions.distributions IS NOT NULL AND records.split = 'train' AND NOT records.audit
    AND records.round = 1 AND records.state <> 'gold' AND records.route <> 'auto_accept'
"""


async def for_estimation(session: Session, project_id: UUID, schema_version: int, limit: int) -> list[Any]:
    """The newest annotations of a schema version, newest first; `answers` still as text."""
    rows: list[Any] = await session.raw.fetch(_FOR_ESTIMATION, project_id, schema_version, limit)
    return rows


async def newest(session: Session, project_id: UUID, versions: Sequence[int]) -> dict[int, datetime]:
    """When each schema version, of those that anybody answered, was answered last."""
    rows = await session.raw.fetch(_NEWEST, project_id, list(versions))
    return {row["version"]: row["newest"] for row in rows}


async def truths(session: Session, records: Sequence[UUID], schema_version: int) -> list[Any]:
    """What is known for certain of these records: `record_id`, `answers` as text, whether by `gold` or a decision."""
    rows: list[Any] = await session.raw.fetch(_TRUTHS, records, schema_version)
    return rows


async def priors(session: Session, records: Sequence[UUID], schema_version: int) -> list[Any]:
    """What a model that had not learnt from them said of these records, where a model may speak at all.

    `record_id`, and `distributions` as text.
    """
    rows: list[Any] = await session.raw.fetch(_PRIORS, records, schema_version)
    return rows


_OF_QUESTION = """
SELECT record_id, annotator_id, answers->$3 AS answer FROM annotations
WHERE project_id = $1 AND schema_version = $2 AND role IN ('vote', 'gold', 'late') AND answers ? $3
ORDER BY submitted_at DESC LIMIT $4
"""


async def of_question(session: Session, project_id: UUID, schema_version: int, question: str, limit: int) -> list[Any]:
    """The newest answers to a question: `record_id`, `annotator_id`, `answer` as text; an arbiter's is not among them."""
    rows: list[Any] = await session.raw.fetch(_OF_QUESTION, project_id, schema_version, question, limit)
    return rows
