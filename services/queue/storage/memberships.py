"""An annotator's row in a project: each lease locks it, so it serialises one person's tabs and holds their limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.queue.domain.serving_plan import Membership
from shared.contracts.values import AnnotatorStatus, AssessmentStatus, Pool
from shared.kit.database import Session
from shared.kit.jsonb import load
from shared.kit.statements import Statement

# `has_returned_work`: there may be some, which comes to them again. Who the subject is is known first: of a project's many
# members only this one is looked up, whatever PostgreSQL thinks of the tables.
_SELECT = """
SELECT a.annotator_id, a.pool, a.skills, a.status, a.arbiter, a.revision AS annotator_revision,
    m.assessed, m.granted, m.returned, m.gold_served, m.has_returned_work, m.removed,
    p.revision, p.status AS project_status, p.servable
    {more}
FROM annotators a
JOIN memberships m ON m.annotator_id = a.annotator_id
JOIN projects p ON p.project_id = m.project_id
WHERE a.subject = :subject AND m.project_id = :project_id
    AND m.annotator_id = (SELECT annotator_id FROM annotators WHERE subject = :subject)
"""
LAZILY = "CASE WHEN :lazily THEN set_config('synchronous_commit', 'off', true) END"
_READ = Statement(_SELECT.format(more=""))
_LOCK = Statement(_SELECT.format(more=", " + LAZILY) + "FOR NO KEY UPDATE OF m")
_JOIN = Statement("""
INSERT INTO memberships (annotator_id, project_id)
SELECT annotator_id, :project_id FROM annotators
WHERE subject = :subject AND EXISTS (SELECT FROM projects WHERE project_id = :project_id)
ON CONFLICT DO NOTHING RETURNING annotator_id
""")
_INVITE = """
INSERT INTO memberships (annotator_id, project_id)
SELECT annotator_id, $2 FROM annotators
WHERE annotator_id = $1 AND EXISTS (SELECT FROM projects WHERE project_id = $2)
ON CONFLICT (annotator_id, project_id) DO UPDATE SET removed = false RETURNING annotator_id
"""
_REMOVE = """
UPDATE memberships SET removed = true WHERE annotator_id = $1 AND project_id = $2 AND NOT removed RETURNING annotator_id
"""
_PAGE = """
SELECT m.annotator_id, a.pool, a.status, m.assessed, m.removed, m.granted - m.returned AS leases
FROM memberships m JOIN annotators a ON a.annotator_id = m.annotator_id
WHERE m.project_id = $1 AND m.annotator_id > $2 ORDER BY m.annotator_id LIMIT $3
"""
_KNOWN = Statement("""
SELECT EXISTS (SELECT FROM annotators WHERE subject = :subject) AS annotator,
    EXISTS (SELECT FROM projects WHERE project_id = :project_id) AS project
""")
_SET_ARBITER = "UPDATE annotators SET arbiter = $2 WHERE annotator_id = $1"
_COUNT = Statement("""
UPDATE memberships
SET granted = granted + :granted, returned = returned - :again, gold_served = gold_served + :gold,
    has_returned_work = coalesce(:has_returned_work, has_returned_work)
WHERE annotator_id = :annotator_id AND project_id = :project_id
""")
_LOCK_ONLY = "SELECT FROM memberships WHERE annotator_id = $1 AND project_id = $2 FOR NO KEY UPDATE"
# Locked in the order in which everything locks memberships.
_RETURN = """
WITH mine AS (
    SELECT m.annotator_id, m.project_id, one.leases
    FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS one (annotator_id, project_id, leases)
    JOIN memberships m ON m.annotator_id = one.annotator_id AND m.project_id = one.project_id
    ORDER BY m.annotator_id, m.project_id FOR NO KEY UPDATE OF m
)
UPDATE memberships m SET returned = m.returned + mine.leases, has_returned_work = m.has_returned_work OR $4
FROM mine WHERE m.annotator_id = mine.annotator_id AND m.project_id = mine.project_id
"""


@dataclass(frozen=True, slots=True)
class Entrant:
    """An annotator who asks for work in a project: who they are and which version of the project holds."""

    annotator_id: UUID
    annotator_revision: int
    membership: Membership
    skills: str
    project_revision: int
    project_status: str
    servable: bool

    def skill(self, name: str) -> int:
        found: int = load(self.skills).get(name, 0)
        return found


@dataclass(frozen=True, slots=True)
class ProjectMember:
    """One of a project's people; `leases` are those that they hold or have answered."""

    annotator_id: UUID
    pool: str
    status: str
    assessed: str
    removed: bool
    leases: int


async def read(session: Session, subject: str, project_id: UUID) -> Entrant | None:
    """The annotator in the project, not locked; None when there is no row yet."""
    return _entrant(await session.raw.fetchrow(*_READ(subject=subject, project_id=project_id)))


async def lock(session: Session, subject: str, project_id: UUID, *, lazily: bool) -> Entrant | None:
    """The annotator in the project, locked. `lazily`: the transaction's commit need not wait for the disk."""
    return _entrant(await session.raw.fetchrow(*_LOCK(subject=subject, project_id=project_id, lazily=lazily)))


def _entrant(row: Any) -> Entrant | None:
    if row is None:
        return None
    membership = Membership(
        pool=Pool(row["pool"]),
        arbiter=row["arbiter"],
        status=AnnotatorStatus(row["status"]),
        assessed=AssessmentStatus(row["assessed"]),
        granted=row["granted"],
        returned=row["returned"],
        gold_served=row["gold_served"],
        has_returned_work=row["has_returned_work"],
        removed=row["removed"],
    )
    return Entrant(
        annotator_id=row["annotator_id"],
        annotator_revision=row["annotator_revision"],
        membership=membership,
        skills=row["skills"],
        project_revision=row["revision"],
        project_status=row["project_status"],
        servable=row["servable"],
    )


async def join(session: Session, subject: str, project_id: UUID) -> UUID | None:
    """Make the annotator's row in the project; return the annotator if there was none."""
    joined: UUID | None = await session.raw.fetchval(*_JOIN(subject=subject, project_id=project_id))
    return joined


async def known(session: Session, subject: str, project_id: UUID) -> tuple[bool, bool]:
    """Whether the annotator and the project are known."""
    row = await session.raw.fetchrow(*_KNOWN(subject=subject, project_id=project_id))
    return row["annotator"], row["project"]


async def invite(session: Session, annotator_id: UUID, project_id: UUID) -> bool:
    """Have the annotator among the project's people, also where they were removed; False when either is not known."""
    return await session.raw.fetchval(_INVITE, annotator_id, project_id) is not None


async def remove(session: Session, annotator_id: UUID, project_id: UUID) -> bool:
    """Take the annotator out of the project; False when they were none of its people."""
    return await session.raw.fetchval(_REMOVE, annotator_id, project_id) is not None


async def page(session: Session, project_id: UUID, after: UUID, limit: int) -> list[ProjectMember]:
    """The project's people, also those that were removed, by id."""
    return [ProjectMember(**row) for row in await session.raw.fetch(_PAGE, project_id, after, limit)]


async def set_arbiter(session: Session, annotator_id: UUID, *, arbiter: bool) -> None:
    await session.raw.execute(_SET_ARBITER, annotator_id, arbiter)


async def count_leases(
    session: Session,
    annotator_id: UUID,
    project_id: UUID,
    *,
    granted: int = 0,
    again: int = 0,
    gold: int = 0,
    has_returned_work: bool | None = None,
) -> None:
    """Count new leases, those that came again, and the gold among the new.

    `has_returned_work`: whether any is left that comes again, None where that stays as it is.
    """
    await session.raw.execute(
        *_COUNT(
            annotator_id=annotator_id,
            project_id=project_id,
            granted=granted,
            again=again,
            gold=gold,
            has_returned_work=has_returned_work,
        )
    )


async def lock_only(session: Session, annotator_id: UUID, project_id: UUID) -> None:
    await session.raw.execute(_LOCK_ONLY, annotator_id, project_id)


async def return_leases(session: Session, counts: Mapping[tuple[UUID, UUID], int], *, come_again: bool = False) -> None:
    """Count leases that brought no annotation, by annotator and project: they may have others instead.

    -1 counts one again that had run out. `come_again`: what was leased comes to them again before all else.
    """
    if counts:
        await session.raw.execute(
            _RETURN,
            [annotator for annotator, _ in counts],
            [project for _, project in counts],
            list(counts.values()),
            come_again,
        )
