"""Annotators: the only place that knows their names and who they sign in as; and how qa sees them in a project."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.values import AnnotatorStatus, AssessmentStatus, Pool
from shared.kit.database import Session
from shared.kit.jsonb import dump, load
from shared.kit.statements import columns

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
# By id, from after the last one; `/*filter*/` is what else is asked for.
_PAGE = f"""
SELECT {_COLUMNS} FROM annotators WHERE annotator_id > $1 /*filter*/ ORDER BY annotator_id LIMIT $2
"""  # noqa: S608  our own column names
_PAGE_SHARED = f"{_PAGE} FOR SHARE"
_SUBJECT_TAKEN = "SELECT EXISTS (SELECT FROM annotators WHERE subject = $1 AND annotator_id <> $2)"
# In the order of the annotators, as everything locks memberships.
_ASSESS = """
WITH one AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[])
        AS one (annotator_id, project_id, assessed, assessment_revision)
), before AS (
    SELECT m.annotator_id, m.project_id, m.assessed
    FROM one JOIN memberships m ON m.annotator_id = one.annotator_id AND m.project_id = one.project_id
), kept AS (
    INSERT INTO memberships (annotator_id, project_id, assessed, assessment_revision)
    SELECT * FROM one ORDER BY annotator_id, project_id
    ON CONFLICT (annotator_id, project_id) DO UPDATE
    SET assessed = excluded.assessed, assessment_revision = excluded.assessment_revision
    WHERE memberships.assessment_revision < excluded.assessment_revision
    RETURNING annotator_id, project_id
)
SELECT kept.annotator_id, kept.project_id, before.assessed
FROM kept JOIN before ON before.annotator_id = kept.annotator_id AND before.project_id = kept.project_id
"""


@dataclass(frozen=True, slots=True)
class Annotator:
    """A person; `subject` is who they are in tokens. `skills` from 0 to 100, `languages` as BCP 47 tags."""

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
    session: Session, pool: Pool | None, status: AnnotatorStatus | None, after: UUID, limit: int
) -> list[Annotator]:
    """Those of a pool, of a status, by id."""
    wanted = {"pool": pool, "status": status}
    filters = {column: value for column, value in wanted.items() if value is not None}
    conditions = "".join(f"AND {column} = ${number} " for number, column in enumerate(filters, 3))
    return _annotators(
        await session.raw.fetch(_PAGE.replace("/*filter*/", conditions), after, limit, *filters.values())
    )


async def page_unchanging(session: Session, after: UUID, limit: int) -> list[Annotator]:
    """All by id; nobody changes them until the transaction ends."""
    return _annotators(await session.raw.fetch(_PAGE_SHARED, after, limit))


def _annotators(rows: Iterable[Any]) -> list[Annotator]:
    return [_annotator(row) for row in rows]


async def assess(
    session: Session, assessments: Sequence[tuple[UUID, UUID, AssessmentStatus, int]]
) -> dict[tuple[UUID, UUID], AssessmentStatus]:
    """Keep qa's view of annotators in projects, each with its revision; return the status before where that changed."""
    rows = await session.raw.fetch(_ASSESS, *columns(assessments))
    return {(row["annotator_id"], row["project_id"]): AssessmentStatus(row["assessed"]) for row in rows}
