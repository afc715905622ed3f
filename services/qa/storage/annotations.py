"""What people answered, in which role it counts, and what they skipped and spent time on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.domain.facts import Annotation, AnnotationRole
from shared.contracts.envelope import Event
from shared.contracts.events import AnnotationSubmitted, TaskSkipped, WorkLogged
from shared.contracts.values import TaskKind
from shared.kit.database import Session
from shared.kit.jsonb import dump, loaded

# Whoever changes which answers there are or how they count marks the record in `agreement_changes` in the same statement.
_ADD = """
WITH added AS (
INSERT INTO annotations (annotation_id, annotation_revision, record_id, project_id, role, round, slot, task_id,
    task_kind, annotator_id, answers, reason, schema_version, guideline_version, prediction_shown, leased_at,
    submitted_at, active_s)
SELECT new.* FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::uuid[], $5::text[], $6::integer[], $7::integer[],
    $8::uuid[], $9::text[], $10::uuid[], $11::jsonb[], $12::text[], $13::integer[], $14::integer[], $15::uuid[],
    $16::timestamptz[], $17::timestamptz[], $18::double precision[]) AS new (annotation_id, annotation_revision,
    record_id, project_id, role, round, slot, task_id, task_kind, annotator_id, answers, reason, schema_version,
    guideline_version, prediction_shown, leased_at, submitted_at, active_s)
WHERE NOT EXISTS (
    SELECT FROM annotations AS newer
    WHERE newer.annotation_id = new.annotation_id AND newer.annotation_revision >= new.annotation_revision
)
ON CONFLICT DO NOTHING RETURNING annotation_id, project_id, record_id
), marked AS (
    INSERT INTO agreement_changes (project_id, record_id) SELECT project_id, record_id FROM added
)
SELECT annotation_id FROM added
"""
# The roles that the earlier revisions had.
_SUPERSEDE = """
WITH corrected AS (
    SELECT annotations.annotation_id, annotations.annotation_revision, annotations.project_id, annotations.role
    FROM unnest($1::uuid[], $2::integer[]) AS new (annotation_id, annotation_revision)
    JOIN annotations ON annotations.annotation_id = new.annotation_id
        AND annotations.annotation_revision < new.annotation_revision AND annotations.role <> 'superseded'
), superseded AS (
    UPDATE annotations SET role = 'superseded' FROM corrected
    WHERE annotations.annotation_id = corrected.annotation_id
        AND annotations.annotation_revision = corrected.annotation_revision
    RETURNING annotations.project_id, annotations.record_id
), marked AS (
    INSERT INTO agreement_changes (project_id, record_id) SELECT DISTINCT project_id, record_id FROM superseded
)
SELECT annotation_id, role FROM corrected
"""

# `paused` and `era` are known of few annotators: they are looked up once each, not once an annotation.
# `era`: how many eras of the annotator had begun when the annotation was submitted.
_OF_ALL_ROUNDS = """
WITH found AS MATERIALIZED (
    SELECT annotations.* FROM unnest($1::uuid[]) AS one (record_id)
    JOIN annotations ON annotations.record_id = one.record_id
    WHERE annotations.answers IS NOT NULL
)
SELECT annotation_id, annotation_revision, found.annotator_id, role, round, task_id, task_kind, found.answers,
    schema_version, guideline_version, COALESCE(assessment.status = 'paused', false) AS paused,
    CASE WHEN assessment.era > 0 THEN (
        SELECT count(*) FROM eras WHERE eras.project_id = found.project_id
            AND eras.annotator_id = found.annotator_id AND eras.since <= found.submitted_at
    )::integer ELSE 0 END AS era,
    record_id
FROM found LEFT JOIN LATERAL (
    SELECT status, era FROM assessments AS one
    WHERE one.project_id = found.project_id AND one.annotator_id = found.annotator_id OFFSET 0
) AS assessment ON true
ORDER BY record_id, submitted_at, annotation_id, annotation_revision
"""
_OF_ROUNDS = _OF_ALL_ROUNDS.replace(
    "unnest($1::uuid[]) AS one (record_id)", "unnest($1::uuid[], $2::integer[]) AS one (record_id, round)"
).replace(
    "annotations.record_id = one.record_id", "annotations.record_id = one.record_id AND annotations.round = one.round"
)
_SET_ROLES = """
WITH changed AS (
    UPDATE annotations SET role = one.role
    FROM unnest($1::uuid[], $2::integer[], $3::text[]) AS one (annotation_id, annotation_revision, role)
    WHERE annotations.annotation_id = one.annotation_id AND annotations.annotation_revision = one.annotation_revision
    RETURNING annotations.project_id, annotations.record_id
)
INSERT INTO agreement_changes (project_id, record_id) SELECT DISTINCT project_id, record_id FROM changed
"""
_VOID_VOTES = """
WITH voided AS (
    UPDATE annotations SET role = 'void' WHERE record_id = ANY($1::uuid[]) AND role = 'vote'
    RETURNING project_id, record_id
), marked AS (
    INSERT INTO agreement_changes (project_id, record_id) SELECT DISTINCT project_id, record_id FROM voided
)
SELECT project_id, count(*) AS votes FROM voided GROUP BY project_id
"""
# What counts for a label comes before what never will.
_LINEAGE = """
SELECT annotation_id, annotation_revision, annotator_id, role, round, slot, task_id, task_kind, answers, reason,
    schema_version, guideline_version, prediction_shown, leased_at, submitted_at, active_s
FROM annotations WHERE record_id = $1
ORDER BY role IN ('vote', 'decision') DESC, submitted_at DESC, annotation_id DESC, annotation_revision DESC LIMIT $2
"""
_ADD_SKIPS = """
INSERT INTO skips (event_id, record_id, project_id, round, task_kind, annotator_id, reason, skipped_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::uuid[], $7::text[],
    $8::timestamptz[])
ON CONFLICT DO NOTHING
"""
_SKIPS = """
SELECT annotator_id, round, task_kind, reason, skipped_at FROM skips WHERE record_id = $1
ORDER BY skipped_at DESC, event_id DESC LIMIT $2
"""
_ADD_WORK = """
INSERT INTO work (event_id, project_id, annotator_id, task_id, task_kind, activity, leased_at, ended_at, active_s)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[],
    $8::timestamptz[], $9::double precision[])
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Submission:
    """An annotation as it came and how it counts. Of an erased record only that there was one is kept."""

    event: Event[AnnotationSubmitted]
    role: AnnotationRole
    erased: bool


@dataclass(frozen=True, slots=True)
class Superseded:
    """An earlier revision of an annotation that was corrected, and how it had counted."""

    annotation_id: UUID
    role: AnnotationRole


async def add(session: Session, submissions: Sequence[Submission]) -> set[UUID]:
    """Keep annotations; returns the ids of those of which no revision as new was here."""
    payloads = [one.event.payload for one in submissions]
    rows = await session.raw.fetch(
        _ADD,
        [one.annotation_id for one in payloads],
        [one.annotation_revision for one in payloads],
        [one.event.record_id for one in submissions],
        [one.event.project_id for one in submissions],
        [one.role for one in submissions],
        [one.round for one in payloads],
        [one.slot for one in payloads],
        [one.task_id for one in payloads],
        [one.task_kind for one in payloads],
        [one.annotator_id for one in payloads],
        [None if one.erased else dump(one.event.payload.answers) for one in submissions],
        [None if one.erased else one.event.payload.reason for one in submissions],
        [one.schema_version for one in payloads],
        [one.guideline_version for one in payloads],
        [one.prediction_shown for one in payloads],
        [one.leased_at for one in payloads],
        [one.submitted_at for one in payloads],
        [one.active_s for one in payloads],
    )
    return {row["annotation_id"] for row in rows}


async def supersede(session: Session, newest: Mapping[UUID, int]) -> list[Superseded]:
    """Let no earlier revision of these annotations count; returns those that did."""
    rows = await session.raw.fetch(_SUPERSEDE, list(newest), list(newest.values()))
    return [Superseded(**row) for row in rows]


async def of_rounds(session: Session, rounds: Mapping[UUID, int]) -> dict[UUID, list[Annotation]]:
    """By record, the annotations of a round whose content is here, in the order of their submission."""
    return _by_record(await session.raw.fetch(_OF_ROUNDS, list(rounds), list(rounds.values())))


async def of_all_rounds(session: Session, record_ids: Sequence[UUID]) -> dict[UUID, list[Annotation]]:
    """By record, the annotations of all its rounds whose content is here, in the order of their submission."""
    return _by_record(await session.raw.fetch(_OF_ALL_ROUNDS, record_ids))


def _by_record(rows: Sequence[Any]) -> dict[UUID, list[Annotation]]:
    found: dict[UUID, list[Annotation]] = {}
    for row in rows:
        values = loaded(row, "answers")
        record_id = values.pop("record_id")
        found.setdefault(record_id, []).append(Annotation(**{**values, "task_kind": TaskKind(row["task_kind"])}))
    return found


async def set_roles(session: Session, changed: Sequence[tuple[Annotation, AnnotationRole]]) -> None:
    """Change how annotations count."""
    await session.raw.execute(
        _SET_ROLES,
        [one.annotation_id for one, _ in changed],
        [one.annotation_revision for one, _ in changed],
        [role for _, role in changed],
    )


async def void_votes(session: Session, record_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Let no vote of the records count for a label; returns how many did, by project."""
    rows = await session.raw.fetch(_VOID_VOTES, list(record_ids))
    return {row["project_id"]: row["votes"] for row in rows}


async def for_lineage(session: Session, record_id: UUID, newest: int) -> list[dict[str, Any]]:
    """Votes and decisions, and as many of the others as there is room for: the newest of each, oldest first."""
    found = [loaded(row, "answers") for row in await session.raw.fetch(_LINEAGE, record_id, newest)]
    return sorted(found, key=lambda one: (one["submitted_at"], one["annotation_id"], one["annotation_revision"]))


async def add_skips(session: Session, skips: Sequence[tuple[Event[TaskSkipped], bool]]) -> None:
    """Keep skips with their reasons; the second value is whether the record is erased: then the reason is left out."""
    events = [event for event, _ in skips]
    await session.raw.execute(
        _ADD_SKIPS,
        [event.id for event in events],
        [event.record_id for event in events],
        [event.project_id for event in events],
        [event.payload.round for event in events],
        [event.payload.task_kind for event in events],
        [event.payload.annotator_id for event in events],
        [None if erased else event.payload.reason for event, erased in skips],
        [event.occurred_at for event in events],
    )


async def skips_of(session: Session, record_id: UUID, newest: int) -> list[dict[str, Any]]:
    """The newest skips, oldest first."""
    return [dict(row) for row in reversed(await session.raw.fetch(_SKIPS, record_id, newest))]


async def add_work(session: Session, events: Sequence[Event[WorkLogged]]) -> None:
    """Keep the time that was spent."""
    payloads = [event.payload for event in events]
    await session.raw.execute(
        _ADD_WORK,
        [event.id for event in events],
        [event.project_id for event in events],
        [one.annotator_id for one in payloads],
        [one.task_id for one in payloads],
        [one.task_kind for one in payloads],
        [one.activity for one in payloads],
        [one.leased_at for one in payloads],
        [one.ended_at for one in payloads],
        [one.active_s for one in payloads],
    )


_NEWEST = """
SELECT version, newest FROM unnest($2::integer[]) AS one (version), LATERAL (
    SELECT max(submitted_at) AS newest FROM annotations WHERE project_id = $1 AND schema_version = version
) AS of_version
WHERE newest IS NOT NULL
"""


async def newest(session: Session, project_id: UUID, versions: Sequence[int]) -> dict[int, datetime]:
    """When each schema version, of those that anybody answered, was answered last."""
    rows = await session.raw.fetch(_NEWEST, project_id, list(versions))
    return {row["version"]: row["newest"] for row in rows}
