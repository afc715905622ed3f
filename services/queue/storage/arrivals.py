"""Annotators who may be able to serve now what nobody could: new ones, and those whose standing changed.

Each is a row until the tasks that nobody could serve have been looked at for them; a row more than needed does no harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.queue.storage.annotators import ELIGIBLE, HAD_NOTHING
from services.queue.storage.supply import Suspect
from shared.kit.database import Session

_ADD = "INSERT INTO arrivals (annotator_id) VALUES ($1)"
_ADD_ALL = "INSERT INTO arrivals (annotator_id) SELECT annotator_id FROM annotators WHERE status = 'active'"
_FIND = "SELECT arrival_id, annotator_id FROM arrivals ORDER BY arrival_id LIMIT $1"
_REMOVE = "DELETE FROM arrivals WHERE arrival_id = ANY($1)"

_UNSERVED = """
SELECT task_id, record_id, project_id, purpose = 'arbitration' AS arbitration, pool FROM tasks
WHERE unserved AND task_id > $1 ORDER BY task_id LIMIT $2
"""
_eligible = ELIGIBLE.format(
    arbitration="one.arbitration", pool="one.pool", skill="one.skill", minimum_skill="one.minimum_skill"
)
_SERVED_BY = f"""
SELECT one.task_id
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[], $5::text[], $6::text[], $7::int[])
    AS one (task_id, record_id, project_id, arbitration, pool, skill, minimum_skill)
WHERE EXISTS (
    SELECT FROM annotators a
    LEFT JOIN memberships m ON m.annotator_id = a.annotator_id AND m.project_id = one.project_id
    WHERE a.annotator_id = ANY($8) AND {_eligible} AND {HAD_NOTHING.format(record="one.record_id")}
)
"""  # noqa: S608  constants


@dataclass(frozen=True, slots=True)
class Unserved:
    """A closed task that nobody could serve, and for whom it is."""

    suspect: Suspect
    arbitration: bool
    pool: str


async def add(session: Session, annotator_id: UUID) -> None:
    await session.raw.execute(_ADD, annotator_id)


async def add_all(session: Session) -> None:
    """What is asked of annotators has changed: everybody counts as new."""
    await session.raw.execute(_ADD_ALL)


async def find(session: Session, limit: int) -> dict[int, UUID]:
    """The annotators, by arrival, the oldest first."""
    return {row["arrival_id"]: row["annotator_id"] for row in await session.raw.fetch(_FIND, limit)}


async def remove(session: Session, arrivals: Sequence[int]) -> None:
    await session.raw.execute(_REMOVE, arrivals)


async def unserved(session: Session, after: UUID, limit: int) -> list[Unserved]:
    """By the task's id."""
    return [
        Unserved(Suspect(row["task_id"], row["record_id"], row["project_id"]), row["arbitration"], row["pool"])
        for row in await session.raw.fetch(_UNSERVED, after, limit)
    ]


async def served_by(
    session: Session, tasks: Sequence[tuple[Unserved, str | None, int]], annotators: Sequence[UUID]
) -> set[UUID]:
    """Which of the tasks, each with the skill that it takes, one of the annotators may serve."""
    rows = await session.raw.fetch(
        _SERVED_BY,
        [one.suspect.task_id for one, _, _ in tasks],
        [one.suspect.record_id for one, _, _ in tasks],
        [one.suspect.project_id for one, _, _ in tasks],
        [one.arbitration for one, _, _ in tasks],
        [one.pool for one, _, _ in tasks],
        [skill for _, skill, _ in tasks],
        [minimum for _, _, minimum in tasks],
        annotators,
    )
    return {row["task_id"] for row in rows}
