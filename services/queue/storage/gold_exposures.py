"""Gold tasks that have yet to get or lose slots: up to which number, which is how many annotators each may be served to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.queue.domain.tasks import Task
from services.queue.storage import tasks
from shared.kit.database import Session
from shared.kit.statements import columns

# `exposures` is the number of the last slot that is made: those that are void or were skipped count, too.
_SET = """
INSERT INTO gold_exposures (task_id, record_id, exposures)
SELECT one.task_id, one.record_id, one.exposures + (
    SELECT count(*) FROM slots WHERE task_id = one.task_id AND state IN ('void', 'skipped')
) FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS one (task_id, record_id, exposures)
ON CONFLICT (task_id) DO UPDATE SET exposures = excluded.exposures
"""
_PAGE = "SELECT task_id FROM gold_exposures WHERE task_id > $1 ORDER BY task_id LIMIT $2"
# A slot that is free stands among the last ones, or others stand in front of it that nobody has taken, either: so however
# many a task has had, its last ones tell whether it runs short.
_SHORT = """
SELECT g.task_id, g.record_id, g.exposures, newest.free, newest.highest
FROM gold_exposures g CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'free') AS free, coalesce(max(slot), 0) AS highest
    FROM (SELECT slot, state FROM slots WHERE task_id = g.task_id ORDER BY slot DESC LIMIT $3) one
) newest
WHERE g.task_id = ANY($1::uuid[]) AND (newest.free < $2 OR newest.highest >= g.exposures) ORDER BY g.task_id
"""
_LOCK_RECORDS = "SELECT FROM records WHERE record_id = ANY($1::uuid[]) ORDER BY record_id FOR NO KEY UPDATE"
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
_LOOKED_AT = 4
"""How many of a task's last slots are looked at for each that is to be free."""


@dataclass(frozen=True, slots=True)
class ShortGold:
    """A gold task without its slots: how many of its last ones are `free`, the number of the last one, and up to which
    number there may be more.
    """

    task: Task
    free: int
    highest: int
    exposures: int

    def lacks(self, ahead: int) -> int:
        """How many slots it is to get, so that so many are free."""
        return max(0, min(ahead - self.free, self.exposures - self.highest)) if self.task.open else 0

    @property
    def surplus(self) -> int:
        """How many it is to lose."""
        return max(0, self.highest - self.exposures) if self.task.open else 0

    def ended(self, added: int) -> bool:
        """Whether there is nothing more to be done, once so many are added."""
        return not self.task.open or self.highest + added >= self.exposures


async def set_exposures(session: Session, exposures: Mapping[tuple[UUID, UUID], int]) -> None:
    """Note how many annotators each (task, record) is for; the records are locked."""
    if exposures:
        await session.raw.execute(_SET, *columns([(*ids, count) for ids, count in exposures.items()]))


async def page(session: Session, after: UUID, limit: int) -> list[UUID]:
    """Tasks that may have yet to get or lose slots, by their ids."""
    return [row["task_id"] for row in await session.raw.fetch(_PAGE, after, limit)]


async def lock_short(session: Session, task_ids: Sequence[UUID], ahead: int) -> list[ShortGold]:
    """Those of the tasks that have fewer than so many free slots, or all or more than they are to have; their records are
    locked.
    """
    what = (task_ids, ahead, ahead * _LOOKED_AT)
    rows = await session.raw.fetch(_SHORT, *what)
    if not rows:
        return []
    await session.raw.execute(_LOCK_RECORDS, [row["record_id"] for row in rows])
    rows = await session.raw.fetch(_SHORT, *what)
    by_id = await tasks.without_slots(session, [row["task_id"] for row in rows])
    return [ShortGold(by_id[row["task_id"]], row["free"], row["highest"], row["exposures"]) for row in rows]


async def take_away(session: Session, surplus: Mapping[UUID, int]) -> None:
    """Void so many slots of each task, the last ones that nobody has."""
    if surplus:
        await session.raw.execute(_TAKE_AWAY, list(surplus), list(surplus.values()))


async def end(session: Session, task_ids: Sequence[UUID]) -> None:
    """The tasks get no more slots."""
    if task_ids:
        await session.raw.execute(_END, task_ids)
