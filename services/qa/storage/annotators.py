"""Annotators as queue told of them, and what qa concluded about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.storage.records import NOWHERE
from shared.contracts.envelope import Event
from shared.contracts.events import AnnotatorAssessed, AnnotatorChanged, DriftDetected
from shared.contracts.values import AssessmentStatus
from shared.kit.clock import new_id
from shared.kit.database import Session
from shared.kit.jsonb import dump, loaded


@dataclass(frozen=True, slots=True)
class Stored:
    """An assessment as it stands. `details`: what else is known, for whoever reads it."""

    project_id: UUID
    annotator_id: UUID
    assessment_revision: int
    status: AssessmentStatus
    reason: str | None
    accuracy: float | None
    interval_low: float
    interval_high: float
    gold_answers: int
    answers: int
    era: int
    changed_at: datetime | None
    details: Mapping[str, Any]
    assessed_at: datetime


_SAVE = """
INSERT INTO annotators (annotator_id, revision, pool, status, skills, languages) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (annotator_id) DO UPDATE SET revision = excluded.revision, pool = excluded.pool, status = excluded.status,
    skills = excluded.skills, languages = excluded.languages
WHERE annotators.revision < excluded.revision
"""
_IS_KNOWN = "SELECT EXISTS (SELECT 1 FROM annotators WHERE annotator_id = $1)"
_EXPERTS = "SELECT annotator_id FROM annotators WHERE pool = 'expert'"
_STORED = (
    "project_id, annotator_id, assessment_revision, status, reason, accuracy, interval_low, interval_high,"
    " gold_answers, answers, era, changed_at, details, assessed_at"
)
_ASSESSMENTS = f"SELECT {_STORED} FROM assessments WHERE project_id = $1"  # noqa: S608  our own column names
_LOCK_ASSESSMENT = f"{_ASSESSMENTS} AND annotator_id = $2 FOR UPDATE"
_ALL = f"""
SELECT {_STORED} FROM assessments WHERE assessment_revision > 0 AND (project_id, annotator_id) > ($1, $2)
ORDER BY project_id, annotator_id LIMIT $3
"""  # noqa: S608  our own column names
_SAVE_ASSESSMENT = f"""
INSERT INTO assessments ({_STORED}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (project_id, annotator_id) DO UPDATE SET assessment_revision = excluded.assessment_revision,
    status = excluded.status, reason = excluded.reason, accuracy = excluded.accuracy,
    interval_low = excluded.interval_low, interval_high = excluded.interval_high,
    gold_answers = excluded.gold_answers, answers = excluded.answers, era = excluded.era,
    changed_at = excluded.changed_at, details = excluded.details, assessed_at = excluded.assessed_at
"""  # noqa: S608  our own column names
_LOG = """
INSERT INTO assessment_log (project_id, annotator_id, assessment_revision, content, assessed_at)
VALUES ($1, $2, $3, $4, $5)
"""
_LOGGED = """
SELECT project_id, content, assessed_at FROM unnest($1::uuid[]) AS one (project_id), LATERAL (
    SELECT assessment_revision, content, assessed_at FROM assessment_log
    WHERE assessment_log.project_id = one.project_id AND annotator_id = $2 ORDER BY assessment_revision DESC LIMIT $3
) AS newest
ORDER BY project_id, assessment_revision DESC
"""
_BEGIN_ERA = "INSERT INTO eras (project_id, annotator_id, era, since) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
_ADD_DRIFT = """
INSERT INTO drifts (drift_id, project_id, subject, subject_id, number, content, detected_at)
VALUES ($1, $2, $3, $4, (SELECT count(*) + 1 FROM drifts WHERE project_id = $2 AND subject_id = $4), $5, $6)
RETURNING number
"""
_DRIFTS = """
SELECT drift_id, subject, subject_id, number, content, detected_at FROM drifts
WHERE project_id = $1 AND drift_id > $2 ORDER BY drift_id LIMIT $3
"""
_SPEED = """
SELECT project_id, count(*) AS sessions, sum(active_s) AS active_s,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY active_s) AS median_active_s
FROM work WHERE project_id = ANY($1) AND annotator_id = $2 AND activity = 'submitted' GROUP BY project_id
"""


async def save(session: Session, event: Event[AnnotatorChanged]) -> None:
    """Keep the newest state of an annotator."""
    payload = event.payload
    await session.raw.execute(
        _SAVE,
        payload.annotator_id,
        event.revision,
        payload.pool,
        payload.status,
        dump(payload.skills),
        payload.languages,
    )


async def is_known(session: Session, annotator_id: UUID) -> bool:
    """Whether queue told of the annotator."""
    found: bool = await session.raw.fetchval(_IS_KNOWN, annotator_id)
    return found


async def experts(session: Session) -> frozenset[UUID]:
    return frozenset(row["annotator_id"] for row in await session.raw.fetch(_EXPERTS))


def _stored(row: Mapping[str, Any]) -> Stored:
    found = loaded(row, "details")
    return Stored(**{**found, "status": AssessmentStatus(found["status"])})


async def assessments(session: Session, project_id: UUID) -> dict[UUID, Stored]:
    return {row["annotator_id"]: _stored(row) for row in await session.raw.fetch(_ASSESSMENTS, project_id)}


async def lock_assessment(session: Session, project_id: UUID, annotator_id: UUID) -> Stored | None:
    row = await session.raw.fetchrow(_LOCK_ASSESSMENT, project_id, annotator_id)
    return None if row is None else _stored(row)


async def page_for_republish(session: Session, after: tuple[UUID, UUID], limit: int) -> list[Stored]:
    return [_stored(row) for row in await session.raw.fetch(_ALL, *after, limit)]


async def save_assessment(session: Session, stored: Stored) -> None:
    await session.raw.execute(
        _SAVE_ASSESSMENT,
        stored.project_id,
        stored.annotator_id,
        stored.assessment_revision,
        stored.status,
        stored.reason,
        stored.accuracy,
        stored.interval_low,
        stored.interval_high,
        stored.gold_answers,
        stored.answers,
        stored.era,
        stored.changed_at,
        dump(stored.details),
        stored.assessed_at,
    )


async def log_assessment(session: Session, project_id: UUID, payload: AnnotatorAssessed, now: datetime) -> None:
    """Keep what was published; nothing here is changed later."""
    await session.raw.execute(
        _LOG, project_id, payload.annotator_id, payload.assessment_revision, payload.model_dump_json(), now
    )


async def logged(
    session: Session, projects: Sequence[UUID], annotator_id: UUID, newest: int
) -> dict[UUID, list[dict[str, Any]]]:
    """What was published about an annotator by project, newest first."""
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in await session.raw.fetch(_LOGGED, projects, annotator_id, newest):
        said = {"assessed_at": row["assessed_at"], **loaded(row, "content")["content"]}
        found.setdefault(row["project_id"], []).append(said)
    return found


async def begin_era(session: Session, project_id: UUID, annotator_id: UUID, era: int, since: datetime) -> None:
    await session.raw.execute(_BEGIN_ERA, project_id, annotator_id, era, since)


async def add_drift(session: Session, project_id: UUID, payload: DriftDetected, now: datetime) -> int:
    """Keep an alarm; answers which one it is of this subject."""
    number: int = await session.raw.fetchval(
        _ADD_DRIFT, new_id(), project_id, payload.subject, payload.subject_id, payload.model_dump_json(), now
    )
    return number


async def drifts(session: Session, project_id: UUID, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    rows = await session.raw.fetch(_DRIFTS, project_id, after or NOWHERE, limit)
    return [loaded(row, "content") for row in rows]


async def speeds(session: Session, projects: Sequence[UUID], annotator_id: UUID) -> dict[UUID, dict[str, Any]]:
    """Submitted tasks by project, and the time the frontend measured, in seconds; a project without any is missing."""
    rows = await session.raw.fetch(_SPEED, projects, annotator_id)
    return {row["project_id"]: {name: value for name, value in row.items() if name != "project_id"} for row in rows}


_HEADS = "SELECT question, estimate_id, content FROM estimates WHERE project_id = $1 AND schema_version = $2"
_VOTERS = """
SELECT question, voter, content FROM annotator_estimates
WHERE project_id = $1 AND schema_version = $2 AND voter = ANY($3::text[])
"""
_SAVE_HEAD = """
INSERT INTO estimates (project_id, schema_version, question, estimate_id, votes, content, estimated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (project_id, schema_version, question) DO UPDATE SET estimate_id = excluded.estimate_id,
    votes = excluded.votes, content = excluded.content, estimated_at = excluded.estimated_at
"""
_SAVE_VOTERS = """
INSERT INTO annotator_estimates (project_id, schema_version, question, voter, content)
SELECT $1, $2, $3, voter, content::jsonb FROM unnest($4::text[], $5::text[]) AS one (voter, content) ORDER BY voter
ON CONFLICT (project_id, schema_version, question, voter) DO UPDATE SET content = excluded.content
"""


@dataclass(frozen=True, slots=True)
class StoredEstimates:
    """One question's estimates: what holds for all, and what holds for the voters asked for, both as JSON by facet."""

    estimate_id: UUID
    shared: Mapping[str, Any]
    voters: Mapping[str, Mapping[str, Any]]


async def estimates(
    session: Session, project_id: UUID, schema_version: int, voters: Sequence[str]
) -> dict[str, StoredEstimates]:
    """By question, for these voters alone: as many rows as there are votes, however many annotators there are."""
    heads = await session.raw.fetch(_HEADS, project_id, schema_version)
    if not heads:
        return {}
    by_question: dict[str, dict[str, Any]] = {row["question"]: {} for row in heads}
    for row in await session.raw.fetch(_VOTERS, project_id, schema_version, list(voters)):
        if row["question"] in by_question:
            by_question[row["question"]][row["voter"]] = loaded(row, "content")["content"]
    return {
        row["question"]: StoredEstimates(
            row["estimate_id"], loaded(row, "content")["content"], by_question[row["question"]]
        )
        for row in heads
    }


async def save_estimates(
    session: Session,
    project_id: UUID,
    schema_version: int,
    question: str,
    *,
    shared: Mapping[str, Any],
    voters: Mapping[str, Mapping[str, Any]],
    votes: int,
    now: datetime,
) -> None:
    await session.raw.execute(_SAVE_HEAD, project_id, schema_version, question, new_id(), votes, dump(shared), now)
    await session.raw.execute(
        _SAVE_VOTERS, project_id, schema_version, question, list(voters), [dump(one) for one in voters.values()]
    )
