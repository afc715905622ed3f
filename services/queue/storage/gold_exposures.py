"""Gold tasks that have yet to get or lose slots: how many annotators each may be served to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.queue.domain.slots import LIVE
from services.queue.domain.tasks import Task
from services.queue.storage import tasks
from shared.kit.database import Session
from shared.kit.statements import columns

_SET = """
INSERT INTO gold_exposures (task_id, record_id, exposures)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[])
ON CONFLICT (task_id) DO UPDATE SET exposures = excluded.exposures
"""
# The first ones that lack about so many slots together, and the one that exceeds it: they have had $3 since they were placed.
_NEXT = """
SELECT task_id, record_id
FROM (
    SELECT task_id, record_id, sum(lacks) OVER (ORDER BY task_id) - lacks AS before
    FROM (
        SELECT task_id, record_id, greatest(1, exposures - $3) AS lacks FROM gold_exposures ORDER BY task_id LIMIT $1
    ) AS first
) AS next
WHERE before < $2
"""
_LOCK_RECORDS = "SELECT FROM records WHERE record_id = ANY($1::uuid[]) ORDER BY record_id FOR NO KEY UPDATE"
_FIND = """
SELECT g.task_id, g.exposures, s.live, s.spare, s.highest
FROM gold_exposures g CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = ANY($2::text[])) AS live,
        count(*) FILTER (WHERE state IN ('held', 'free') AND token IS NULL) AS spare, coalesce(max(slot), 0) AS highest
    FROM slots WHERE task_id = g.task_id
) s
WHERE g.task_id = ANY($1::uuid[]) ORDER BY g.task_id
"""
_TAKE_AWAY = """
UPDATE slots s SET state = 'void'
FROM unnest($1::uuid[], $2::int[]) AS one (task_id, surplus) CROSS JOIN LATERAL (
    SELECT task_id, slot FROM slots
    WHERE task_id = one.task_id AND state IN ('held', 'free') AND token IS NULL
    ORDER BY slot DESC LIMIT one.surplus FOR UPDATE
) last
WHERE s.task_id = last.task_id AND s.slot = last.slot
"""
_END = "DELETE FROM gold_exposures WHERE task_id = ANY($1::uuid[])"
_MOST_TASKS = 500


@dataclass(frozen=True, slots=True)
class Unexposed:
    """A gold task without its slots, and how many it is to have.

    Of its slots `live` count, `spare` are nobody's, and `highest` is the last number.
    """

    task: Task
    exposures: int
    live: int
    spare: int
    highest: int

    @property
    def lacks(self) -> int:
        """How many slots it is to get; how many to lose, where it is below 0."""
        if not self.task.open:
            return 0
        return max(self.exposures - self.live, -self.spare)


async def set_exposures(session: Session, exposures: Mapping[tuple[UUID, UUID], int]) -> None:
    """Note how many slots each (task, record) is to have; the records are locked."""
    if exposures:
        await session.raw.execute(_SET, *columns([(*ids, count) for ids, count in exposures.items()]))


async def lock_next(session: Session, slots: int, at_once: int) -> list[Unexposed] | None:
    """The next of the tasks, about as many as lack so many slots beside their first `at_once`; their records are locked.

    None when there are no more. Those that another replica, which led before, has just finished are left out.
    """
    rows = await session.raw.fetch(_NEXT, _MOST_TASKS, slots, at_once)
    if not rows:
        return None
    await session.raw.execute(_LOCK_RECORDS, [row["record_id"] for row in rows])
    found = await session.raw.fetch(_FIND, [row["task_id"] for row in rows], list(LIVE))
    by_id = await tasks.without_slots(session, [row["task_id"] for row in found])
    return [
        Unexposed(by_id[row["task_id"]], row["exposures"], row["live"], row["spare"], row["highest"]) for row in found
    ]


async def take_away(session: Session, surplus: Mapping[UUID, int]) -> None:
    """Void so many slots of each task, the last ones that nobody has."""
    if surplus:
        await session.raw.execute(_TAKE_AWAY, list(surplus), list(surplus.values()))


async def end(session: Session, task_ids: Sequence[UUID]) -> None:
    """The tasks have their slots, or need no more."""
    await session.raw.execute(_END, task_ids)
