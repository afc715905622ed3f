"""Annotators as queue publishes them, and what qa concluded about them."""

from collections.abc import Collection, Mapping, Sequence
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
class StoredAssessment:
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
WITH new AS (
    INSERT INTO annotators (annotator_id, revision, pool, status, skills, languages)
    SELECT annotator_id, revision, pool, status, skills, ARRAY(SELECT jsonb_array_elements_text(languages))
    FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[])
        AS new (annotator_id, revision, pool, status, skills, languages)
    ORDER BY annotator_id
    ON CONFLICT (annotator_id) DO UPDATE SET revision = excluded.revision, pool = excluded.pool,
        status = excluded.status, skills = excluded.skills, languages = excluded.languages
    WHERE annotators.revision < excluded.revision
    RETURNING annotator_id, pool, status
)
SELECT EXISTS (
    SELECT FROM new LEFT JOIN annotators AS before USING (annotator_id)
    WHERE new.pool = 'expert' AND new.status = 'active'
        AND (before.pool, before.status) IS DISTINCT FROM ('expert', 'active')
)
"""
_IS_KNOWN = "SELECT EXISTS (SELECT 1 FROM annotators WHERE annotator_id = $1)"
_EXPERTS = "SELECT annotator_id FROM annotators WHERE annotator_id = ANY($1::uuid[]) AND pool = 'expert'"
# Whether somebody may serve a task of a project is queue's to say: it has who belongs to which. Where it has said of a task for
# experts that nobody may, and has not taken that back, there is no expert in the project, whoever is one elsewhere.
_ANY_EXPERT = """
SELECT EXISTS (SELECT FROM annotators WHERE pool = 'expert' AND status = 'active') AND NOT EXISTS (
    SELECT FROM disputes JOIN records USING (record_id)
    WHERE disputes.project_id = $1 AND disputes.status = 'unservable'
        AND records.expert_checked AND records.unservable AND NOT records.servable_again
)
"""
_ERAS = """
SELECT annotator_id, array_agg(since ORDER BY since) AS since FROM eras
WHERE project_id = $1 AND annotator_id = ANY($2::uuid[]) GROUP BY annotator_id
"""
_STORED = (
    "project_id, annotator_id, assessment_revision, status, reason, accuracy, interval_low, interval_high,"
    " gold_answers, answers, era, changed_at, details, assessed_at"
)
_ASSESSMENTS = f"SELECT {_STORED} FROM assessments WHERE project_id = $1"  # noqa: S608  our own column names
_LOCK_ASSESSMENTS = f"{_ASSESSMENTS} AND annotator_id = ANY($2::uuid[]) ORDER BY annotator_id FOR UPDATE"
_ALL = f"""
SELECT {_STORED} FROM assessments WHERE assessment_revision > 0 AND (project_id, annotator_id) > ($1, $2)
ORDER BY project_id, annotator_id LIMIT $3
"""  # noqa: S608  our own column names
_SAVE_ASSESSMENTS = f"""
INSERT INTO assessments ({_STORED})
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::double precision[],
    $7::double precision[], $8::double precision[], $9::integer[], $10::integer[], $11::integer[], $12::timestamptz[],
    $13::jsonb[], $14::timestamptz[]) ORDER BY 1, 2
ON CONFLICT (project_id, annotator_id) DO UPDATE SET assessment_revision = excluded.assessment_revision,
    status = excluded.status, reason = excluded.reason, accuracy = excluded.accuracy,
    interval_low = excluded.interval_low, interval_high = excluded.interval_high,
    gold_answers = excluded.gold_answers, answers = excluded.answers, era = excluded.era,
    changed_at = excluded.changed_at, details = excluded.details, assessed_at = excluded.assessed_at
"""  # noqa: S608  our own column names
_LOG = """
INSERT INTO assessment_log (project_id, annotator_id, assessment_revision, content, assessed_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::jsonb[], $5::timestamptz[])
"""
_LOGGED = """
SELECT project_id, content, assessed_at FROM unnest($1::uuid[]) AS one (project_id), LATERAL (
    SELECT assessment_revision, content, assessed_at FROM assessment_log
    WHERE assessment_log.project_id = one.project_id AND annotator_id = $2 ORDER BY assessment_revision DESC LIMIT $3
) AS newest
ORDER BY project_id, assessment_revision DESC
"""
_BEGIN_ERAS = """
INSERT INTO eras (project_id, annotator_id, era, since)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::timestamptz[]) ON CONFLICT DO NOTHING
"""
_ADD_DRIFTS = """
INSERT INTO drifts (drift_id, project_id, subject, subject_id, number, content, detected_at)
SELECT new.drift_id, $2, new.subject, new.subject_id, (
    SELECT count(*) + 1 FROM drifts
    WHERE drifts.project_id = $2 AND drifts.subject = new.subject AND drifts.subject_id = new.subject_id
), new.content, $6
FROM unnest($1::uuid[], $3::text[], $4::uuid[], $5::jsonb[]) AS new (drift_id, subject, subject_id, content)
RETURNING subject_id, number
"""
_DRIFTS = """
SELECT drift_id, subject, subject_id, number, content, detected_at FROM drifts
WHERE project_id = $1 AND drift_id > $2 ORDER BY drift_id LIMIT $3
"""
_SPEED = """
SELECT one.project_id, count(*) AS sessions, sum(active_s) AS active_s,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY active_s) AS median_active_s
FROM unnest($1::uuid[]) AS one (project_id) CROSS JOIN LATERAL (
    SELECT active_s FROM work
    WHERE work.annotator_id = $2 AND work.project_id = one.project_id AND activity = 'submitted'
    ORDER BY ended_at DESC LIMIT $3
) AS newest
GROUP BY one.project_id
"""


async def save(session: Session, events: Sequence[Event[AnnotatorChanged]]) -> bool:
    """Keep the newest state of annotators, each given once; returns whether one became an expert who works."""
    payloads = [event.payload for event in events]
    became: bool = await session.raw.fetchval(
        _SAVE,
        [one.annotator_id for one in payloads],
        [event.revision for event in events],
        [one.pool for one in payloads],
        [one.status for one in payloads],
        [dump(one.skills) for one in payloads],
        [dump(one.languages) for one in payloads],
    )
    return became


async def is_known(session: Session, annotator_id: UUID) -> bool:
    """Whether queue has published the annotator."""
    found: bool = await session.raw.fetchval(_IS_KNOWN, annotator_id)
    return found


async def experts(session: Session, annotator_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those of the annotators who are experts."""
    return frozenset(row["annotator_id"] for row in await session.raw.fetch(_EXPERTS, annotator_ids))


async def any_expert(session: Session, project_id: UUID) -> bool:
    """Whether there is an expert who works, as far as is known of the project."""
    found: bool = await session.raw.fetchval(_ANY_EXPERT, project_id)
    return found


async def eras(session: Session, project_id: UUID, annotator_ids: Sequence[UUID]) -> dict[UUID, list[datetime]]:
    """When the eras of annotators began; who has but one is missing."""
    return {row["annotator_id"]: row["since"] for row in await session.raw.fetch(_ERAS, project_id, annotator_ids)}


def _stored(row: Mapping[str, Any]) -> StoredAssessment:
    found = loaded(row, "details")
    return StoredAssessment(**{**found, "status": AssessmentStatus(found["status"])})


async def assessments(session: Session, project_id: UUID) -> dict[UUID, StoredAssessment]:
    return {row["annotator_id"]: _stored(row) for row in await session.raw.fetch(_ASSESSMENTS, project_id)}


async def lock_assessments(
    session: Session, project_id: UUID, annotator_ids: Collection[UUID]
) -> dict[UUID, StoredAssessment]:
    """Those of the annotators' assessments that there are, locked in the order of their ids."""
    rows = await session.raw.fetch(_LOCK_ASSESSMENTS, project_id, list(annotator_ids))
    return {row["annotator_id"]: _stored(row) for row in rows}


async def page_for_republish(session: Session, after: tuple[UUID, UUID], limit: int) -> list[StoredAssessment]:
    return [_stored(row) for row in await session.raw.fetch(_ALL, *after, limit)]


async def save_assessments(session: Session, stored: Sequence[StoredAssessment]) -> None:
    """Save the newest assessments of annotators, each given once."""
    await session.raw.execute(
        _SAVE_ASSESSMENTS,
        [one.project_id for one in stored],
        [one.annotator_id for one in stored],
        [one.assessment_revision for one in stored],
        [one.status for one in stored],
        [one.reason for one in stored],
        [one.accuracy for one in stored],
        [one.interval_low for one in stored],
        [one.interval_high for one in stored],
        [one.gold_answers for one in stored],
        [one.answers for one in stored],
        [one.era for one in stored],
        [one.changed_at for one in stored],
        [dump(one.details) for one in stored],
        [one.assessed_at for one in stored],
    )


async def log_assessments(session: Session, published: Sequence[tuple[StoredAssessment, AnnotatorAssessed]]) -> None:
    """Keep what was published; nothing here is changed later."""
    await session.raw.execute(
        _LOG,
        [one.project_id for one, _ in published],
        [one.annotator_id for one, _ in published],
        [one.assessment_revision for one, _ in published],
        [payload.model_dump_json() for _, payload in published],
        [one.assessed_at for one, _ in published],
    )


async def logged(
    session: Session, projects: Sequence[UUID], annotator_id: UUID, newest: int
) -> dict[UUID, list[dict[str, Any]]]:
    """What was published about an annotator by project, newest first."""
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in await session.raw.fetch(_LOGGED, projects, annotator_id, newest):
        published = {"assessed_at": row["assessed_at"], **loaded(row, "content")["content"]}
        found.setdefault(row["project_id"], []).append(published)
    return found


@dataclass(frozen=True, slots=True)
class Era:
    """From `since` on an annotator's answers are estimated as a new annotator's."""

    annotator_id: UUID
    era: int
    since: datetime


async def begin_eras(session: Session, project_id: UUID, eras: Sequence[Era]) -> None:
    """Begin eras of annotators in a project."""
    await session.raw.execute(
        _BEGIN_ERAS,
        [project_id] * len(eras),
        [one.annotator_id for one in eras],
        [one.era for one in eras],
        [one.since for one in eras],
    )


async def add_drifts(
    session: Session, project_id: UUID, payloads: Sequence[DriftDetected], now: datetime
) -> dict[UUID, int]:
    """Keep alarms, one a subject; returns by subject which one of its alarms it is."""
    rows = await session.raw.fetch(
        _ADD_DRIFTS,
        [new_id() for _ in payloads],
        project_id,
        [one.subject for one in payloads],
        [one.subject_id for one in payloads],
        [one.model_dump_json() for one in payloads],
        now,
    )
    return {row["subject_id"]: row["number"] for row in rows}


async def drifts(session: Session, project_id: UUID, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    rows = await session.raw.fetch(_DRIFTS, project_id, after or NOWHERE, limit)
    return [loaded(row, "content") for row in rows]


async def speeds(
    session: Session, projects: Sequence[UUID], annotator_id: UUID, newest: int
) -> dict[UUID, dict[str, Any]]:
    """Of the newest submitted tasks by project: how many, and the time the frontend measured, in seconds.

    A project without any is missing.
    """
    rows = await session.raw.fetch(_SPEED, projects, annotator_id, newest)
    return {row["project_id"]: {name: value for name, value in row.items() if name != "project_id"} for row in rows}
