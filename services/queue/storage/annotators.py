"""Annotators: the only place that knows their names and who they sign in as; and how qa sees them in a project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.values import AnnotatorStatus, AssessmentStatus, Pool
from shared.kit.database import Session
from shared.kit.jsonb import dump, load

_COLUMNS = "annotator_id, subject, name, pool, skills, languages, status, revision, created_at"
_ADD = f"""
INSERT INTO annotators ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (subject) DO NOTHING RETURNING annotator_id
"""  # noqa: S608  our own column names
_FIND = f"SELECT {_COLUMNS} FROM annotators WHERE annotator_id = $1"  # noqa: S608  our own column names
_LOCK = f"{_FIND} FOR NO KEY UPDATE"
_SAVE = """
UPDATE annotators SET name = $2, pool = $3, skills = $4, languages = $5, status = $6, revision = $7, subject = $8
WHERE annotator_id = $1
"""
_PAGE = f"""
SELECT {_COLUMNS} FROM annotators
WHERE annotator_id > $1 AND ($2::text IS NULL OR pool = $2) AND ($3::text IS NULL OR status = $3)
ORDER BY annotator_id LIMIT $4
"""  # noqa: S608  our own column names
_PAGE_SHARED = f"{_PAGE} FOR SHARE"
_SUBJECT_TAKEN = "SELECT EXISTS (SELECT FROM annotators WHERE subject = $1 AND annotator_id <> $2)"
_ASSESS = """
WITH before AS (
    SELECT assessed FROM memberships WHERE annotator_id = $1 AND project_id = $2
)
INSERT INTO memberships (annotator_id, project_id, assessed, assessment_revision) VALUES ($1, $2, $3, $4)
ON CONFLICT (annotator_id, project_id) DO UPDATE
SET assessed = excluded.assessed, assessment_revision = excluded.assessment_revision
WHERE memberships.assessment_revision < excluded.assessment_revision
RETURNING (SELECT assessed FROM before)
"""

# Only as many of those who might be left are looked at as it takes to find one.
_WORKFORCE = """
SELECT (SELECT count(*) FROM (SELECT FROM annotators WHERE status = 'active' LIMIT 1) few) AS active,
    (SELECT count(*) FROM (
        SELECT FROM annotators a LEFT JOIN memberships m ON m.annotator_id = a.annotator_id AND m.project_id = $1
        WHERE {eligible} LIMIT 1
    ) few) AS eligible,
    (SELECT count(*) FROM (
        SELECT FROM annotators a LEFT JOIN memberships m ON m.annotator_id = a.annotator_id AND m.project_id = $1
        WHERE {eligible} AND {had_nothing}
        LIMIT 1
    ) few) AS "left",
    (SELECT count(*) FROM slots s JOIN tasks t ON t.task_id = s.task_id
        WHERE t.task_id = $3 AND s.state = 'skipped') AS skips
"""
# Of an annotator `a` and their membership `m`, if there is one.
ELIGIBLE = """
            a.status = 'active' AND coalesce(m.assessed, 'active') <> 'paused'
            AND CASE
                WHEN {arbitration} THEN a.pool = 'expert' OR a.arbiter
                WHEN {pool} = 'any' THEN a.pool <> 'expert'
                ELSE a.pool = {pool}
            END
            AND ({skill}::text IS NULL OR coalesce((a.skills ->> {skill})::int, 0) >= {minimum_skill})"""
HAD_NOTHING = """(
            SELECT mine.slot FROM slots mine
            WHERE mine.record_id = {record} AND mine.annotator_id = a.annotator_id
                AND mine.state IN ('leased', 'submitted', 'skipped')
        ) IS NULL"""
_COUNT_WORKFORCE = _WORKFORCE.format(
    eligible=ELIGIBLE.format(arbitration="$4", pool="$5", skill="$6", minimum_skill="$7"),
    had_nothing=HAD_NOTHING.format(record="$2"),
)


@dataclass(frozen=True, slots=True)
class Annotator:
    annotator_id: UUID
    subject: str
    name: str | None
    pool: Pool
    skills: Mapping[str, int]
    languages: Sequence[str]
    status: AnnotatorStatus
    revision: int
    created_at: datetime


def _annotator(row: Any) -> Annotator:
    return Annotator(
        row["annotator_id"],
        row["subject"],
        row["name"],
        Pool(row["pool"]),
        load(row["skills"]),
        list(row["languages"]),
        AnnotatorStatus(row["status"]),
        row["revision"],
        row["created_at"],
    )


async def add(session: Session, one: Annotator) -> bool:
    """False when the subject is an annotator already."""
    added = await session.raw.fetchval(
        _ADD,
        one.annotator_id,
        one.subject,
        one.name,
        one.pool,
        dump(dict(one.skills)),
        list(one.languages),
        one.status,
        one.revision,
        one.created_at,
    )
    return added is not None


async def find(session: Session, annotator_id: UUID) -> Annotator | None:
    row = await session.raw.fetchrow(_FIND, annotator_id)
    return None if row is None else _annotator(row)


async def lock(session: Session, annotator_id: UUID) -> Annotator | None:
    row = await session.raw.fetchrow(_LOCK, annotator_id)
    return None if row is None else _annotator(row)


async def subject_taken(session: Session, subject: str, annotator_id: UUID) -> bool:
    taken: bool = await session.raw.fetchval(_SUBJECT_TAKEN, subject, annotator_id)
    return taken


async def save(session: Session, one: Annotator) -> None:
    await session.raw.execute(
        _SAVE,
        one.annotator_id,
        one.name,
        one.pool,
        dump(dict(one.skills)),
        list(one.languages),
        one.status,
        one.revision,
        one.subject,
    )


async def page(
    session: Session, pool: str | None, status: str | None, after: UUID, limit: int, *, shared: bool = False
) -> list[Annotator]:
    """By id. `shared`: nobody changes them until the transaction ends."""
    return [
        _annotator(row)
        for row in await session.raw.fetch(_PAGE_SHARED if shared else _PAGE, after, pool, status, limit)
    ]


async def assess(
    session: Session, annotator_id: UUID, project_id: UUID, status: AssessmentStatus, revision: int
) -> AssessmentStatus | None:
    """Keep qa's newest view of the annotator in the project; answers the one before, None when nothing changed."""
    before = await session.raw.fetchval(_ASSESS, annotator_id, project_id, status, revision)
    return None if before is None else AssessmentStatus(before)


@dataclass(frozen=True, slots=True)
class Needed:
    """Whom a task needs: for an arbitration an expert or an arbiter, else its pool; and the project's skill."""

    project_id: UUID
    record_id: UUID
    task_id: UUID
    arbitration: bool
    pool: str
    skill: str | None
    minimum_skill: int


async def workforce(session: Session, needed: Needed) -> tuple[int, int, int, int]:
    """(active, eligible, left, skips): the first three are 0 or 1, for whether there is any."""
    row = await session.raw.fetchrow(
        _COUNT_WORKFORCE,
        needed.project_id,
        needed.record_id,
        needed.task_id,
        needed.arbitration,
        needed.pool,
        needed.skill,
        needed.minimum_skill,
    )
    return row["active"], row["eligible"], row["left"], row["skips"]
