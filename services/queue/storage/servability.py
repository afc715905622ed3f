"""Who may serve which tasks: tasks under suspicion, tasks that nobody can serve, and annotators who have arrived.

An arrival is an annotator who may be able to serve now what nobody could: a new one, or one whose standing changed. Each is
a row until the tasks that nobody could serve have been looked at for them; a row more than needed does no harm.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.kit.database import Session
from shared.kit.statements import columns

_ARRIVE = "INSERT INTO arrivals (annotator_id) SELECT * FROM unnest($1::uuid[])"
_ARRIVE_ALL = """
INSERT INTO arrivals (annotator_id) SELECT DISTINCT annotator_id FROM memberships WHERE project_id = ANY($1::uuid[])
"""
_ARRIVED = "SELECT arrival_id, annotator_id FROM arrivals ORDER BY arrival_id LIMIT $1"
_FORGET = "DELETE FROM arrivals WHERE arrival_id = ANY($1::bigint[])"
_NEXT_SUSPECT = "SELECT min(suspect_at) FROM tasks WHERE suspect_at IS NOT NULL"
_SUSPECTED = "SELECT task_id, record_id, project_id FROM tasks WHERE suspect_at <= $1 ORDER BY suspect_at LIMIT $2"
_UNSERVED = """
SELECT task_id, record_id, project_id, purpose = 'arbitration' AS arbitration, pool FROM tasks
WHERE unserved AND task_id > $1 ORDER BY task_id LIMIT $2
"""

# Without an open record in the project these are of records that were given up: the end of any other closes such tasks.
# A part of all projects' unserved tasks is looked at, in the order of random ids: there is no index of a project's.
_GIVEN_UP = """
SELECT t.task_id, t.record_id, t.project_id, t.purpose = 'arbitration' AS arbitration, t.pool, (
        SELECT mine.slot FROM slots mine
        WHERE mine.record_id = t.record_id AND mine.annotator_id = $2
            AND mine.state IN ('leased', 'submitted', 'skipped')
        LIMIT 1
    ) IS NOT NULL AS had
FROM (
    SELECT task_id, record_id, project_id, purpose, pool FROM tasks WHERE unserved ORDER BY task_id LIMIT 1000
) t
WHERE t.project_id = $1 AND (SELECT count(*) FROM slots s WHERE s.task_id = t.task_id AND s.state = 'skipped') < $3
LIMIT $4
"""

# What an annotator `a`, with the membership `m`, must be to serve the task `one`. A task of any pool is not for experts, who
# are kept for what needs them. Only a project's own people count: who has asked for work there, or was invited.
_POOLS = """
        CASE WHEN one.arbitration THEN ARRAY['expert'] WHEN one.pool = 'any' THEN ARRAY['crowd', 'in_house']
            ELSE ARRAY[one.pool] END"""
_ABLE = """
        a.status = 'active' AND m.assessed <> 'paused' AND NOT m.removed
        AND (one.skill IS NULL OR coalesce((a.skills ->> one.skill)::int, 0) >= one.minimum_skill)"""
_HAD_NOTHING = """(
            SELECT mine.slot FROM slots mine
            WHERE mine.record_id = one.record_id AND mine.annotator_id = a.annotator_id
                AND mine.state IN ('leased', 'submitted', 'skipped')
            LIMIT 1
        ) IS NULL"""
_TASKS = """unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[], $5::text[], $6::text[], $7::int[])
    AS one (task_id, record_id, project_id, arbitration, pool, skill, minimum_skill)"""


def _somebody(more: str = "") -> str:
    """SQL that is true if an annotator can serve the task `one`; no more are looked at than it takes to find one."""
    return f"""(
        SELECT a.annotator_id FROM memberships m JOIN annotators a ON a.annotator_id = m.annotator_id
        WHERE m.project_id = one.project_id AND (a.pool = ANY({_POOLS}) OR (one.arbitration AND a.arbiter)) AND {_ABLE} {more}
        LIMIT 1
    ) IS NOT NULL"""  # noqa: S608  constants


_WORKFORCE = f"""
SELECT one.task_id, (
        SELECT a.annotator_id FROM memberships m JOIN annotators a ON a.annotator_id = m.annotator_id
        WHERE m.project_id = one.project_id AND a.status = 'active' AND NOT m.removed LIMIT 1
    ) IS NOT NULL AS active,
    {_somebody()} AS eligible, {_somebody("AND " + _HAD_NOTHING)} AS "left"
FROM {_TASKS}
"""  # noqa: S608  constants
_SERVED_BY = f"""
SELECT one.task_id FROM {_TASKS}
WHERE (
    SELECT a.annotator_id FROM annotators a
    JOIN memberships m ON m.annotator_id = a.annotator_id AND m.project_id = one.project_id
    WHERE a.annotator_id = ANY($8::uuid[]) AND (a.pool = ANY({_POOLS}) OR (one.arbitration AND a.arbiter))
        AND {_ABLE} AND {_HAD_NOTHING}
    LIMIT 1
) IS NOT NULL
"""  # noqa: S608  constants


@dataclass(frozen=True, slots=True)
class SuspectTask:
    task_id: UUID
    record_id: UUID
    project_id: UUID


@dataclass(frozen=True, slots=True)
class NeededWorkforce:
    """Whom a task needs: for an arbitration an expert or an arbiter, else its pool; and the project's skill."""

    task_id: UUID
    record_id: UUID
    project_id: UUID
    arbitration: bool
    pool: str
    skill: str | None
    minimum_skill: int


@dataclass(frozen=True, slots=True)
class GivenUpTask:
    """A task that nobody could serve, of a record that was given up. `had`: the annotator had the record."""

    task_id: UUID
    record_id: UUID
    project_id: UUID
    arbitration: bool
    pool: str
    had: bool


def _columns(needed: Sequence[NeededWorkforce]) -> list[list[object]]:
    return columns(
        [
            (
                one.task_id,
                one.record_id,
                one.project_id,
                one.arbitration,
                one.pool,
                one.skill,
                one.minimum_skill,
            )
            for one in needed
        ]
    )


async def add_arrivals(session: Session, annotator_ids: Collection[UUID]) -> None:
    if annotator_ids:
        await session.raw.execute(_ARRIVE, sorted(annotator_ids))


async def add_everybody(session: Session, project_ids: Collection[UUID]) -> None:
    """What these projects ask of annotators has changed: all of their people count as arrived."""
    await session.raw.execute(_ARRIVE_ALL, list(project_ids))


async def arrivals(session: Session, limit: int) -> dict[int, UUID]:
    """The annotators, by arrival, the oldest first."""
    return {row["arrival_id"]: row["annotator_id"] for row in await session.raw.fetch(_ARRIVED, limit)}


async def forget_arrivals(session: Session, arrival_ids: Sequence[int]) -> None:
    await session.raw.execute(_FORGET, arrival_ids)


async def next_suspected(session: Session) -> datetime | None:
    """When the task came under suspicion that is looked at next; None while there is none."""
    at: datetime | None = await session.raw.fetchval(_NEXT_SUSPECT)
    return at


async def suspected(session: Session, until: datetime, limit: int) -> list[SuspectTask]:
    """Tasks that came under suspicion by then, the oldest suspicion first."""
    return [SuspectTask(**row) for row in await session.raw.fetch(_SUSPECTED, until, limit)]


async def unserved(session: Session, after: UUID, limit: int) -> list[tuple[SuspectTask, bool, str]]:
    """Closed tasks that nobody could serve, by id: each with whether it is an arbitration, and its pool."""
    return [
        (SuspectTask(row["task_id"], row["record_id"], row["project_id"]), row["arbitration"], row["pool"])
        for row in await session.raw.fetch(_UNSERVED, after, limit)
    ]


async def given_up(
    session: Session, project_id: UUID, annotator_id: UUID, most_skips: int, limit: int
) -> list[GivenUpTask]:
    """Some of the tasks that nobody could serve, of a project without open records, but for those that too many skipped."""
    rows = await session.raw.fetch(_GIVEN_UP, project_id, annotator_id, most_skips, limit)
    return [GivenUpTask(**row) for row in rows]


async def workforce(session: Session, needed: Sequence[NeededWorkforce]) -> dict[UUID, tuple[bool, bool, bool]]:
    """By task: is anybody of its project active, is any of them eligible, has any of these had nothing to do with the record."""
    rows = await session.raw.fetch(_WORKFORCE, *_columns(needed)) if needed else []
    return {row["task_id"]: (row["active"], row["eligible"], row["left"]) for row in rows}


async def served_by(session: Session, needed: Sequence[NeededWorkforce], annotator_ids: Sequence[UUID]) -> set[UUID]:
    """Which of the tasks one of the annotators may serve."""
    rows = await session.raw.fetch(_SERVED_BY, *_columns(needed), annotator_ids) if needed else []
    return {row["task_id"] for row in rows}
