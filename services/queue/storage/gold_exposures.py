"""Gold tasks that have yet to get slots: how many annotators each may be served to."""

from collections.abc import Mapping
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
_FIRST = "SELECT task_id, record_id FROM gold_exposures ORDER BY task_id LIMIT 1"
_LOCK_RECORD = "SELECT FROM records WHERE record_id = $1 FOR NO KEY UPDATE"
_EXPOSURES = "SELECT exposures FROM gold_exposures WHERE task_id = $1"
_SLOTS = """
SELECT count(*) FILTER (WHERE state = ANY($2::text[])) AS live, coalesce(max(slot), 0) AS highest
FROM slots WHERE task_id = $1
"""
_END = "DELETE FROM gold_exposures WHERE task_id = $1"


@dataclass(frozen=True, slots=True)
class Unexposed:
    """A gold task without its slots, of which `live` count and `highest` is the last number, and how many it is to have."""

    task: Task
    exposures: int
    live: int
    highest: int


async def set_exposures(session: Session, exposures: Mapping[tuple[UUID, UUID], int]) -> None:
    """Note how many slots each (task, record) is to have; the records are locked."""
    if exposures:
        await session.raw.execute(_SET, *columns([(*ids, count) for ids, count in exposures.items()]))


async def lock_next(session: Session) -> Unexposed | None:
    """The next of the tasks, its record locked until the transaction ends; None when there is none."""
    while (row := await session.raw.fetchrow(_FIRST)) is not None:
        await session.raw.execute(_LOCK_RECORD, row["record_id"])
        exposures = await session.raw.fetchval(_EXPOSURES, row["task_id"])
        if exposures is not None:  # else another replica, which led before, has just finished it
            slots = await session.raw.fetchrow(_SLOTS, row["task_id"], list(LIVE))
            return Unexposed(await tasks.without_slots(session, row["task_id"]), exposures, **slots)
    return None


async def end(session: Session, task_id: UUID) -> None:
    """The task has its slots, or needs no more."""
    await session.raw.execute(_END, task_id)
