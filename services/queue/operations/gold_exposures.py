"""Slots for gold: as many as annotators it may be served to, which may be thousands for each record."""

from uuid import UUID

from services.queue.domain.slots import Slot, SlotState
from services.queue.domain.tasks import Task
from services.queue.storage import gold_exposures, tasks
from services.queue.storage.projects import ProjectCache
from shared.contracts.draws import draw
from shared.kit.database import Session

EXPOSED_AT_ONCE = 50
"""How many slots a new gold task has as soon as it is placed; the loop `expose_gold` adds the others."""


def place_in_line(salt: str, task: Task, number: int) -> float:
    """Where a slot of gold stands: each has a place of its own, so that gold comes in another order to everybody."""
    return draw(salt, "serve", task.record_id, number)


async def expose_some(session: Session, projects: ProjectCache, limit: int) -> bool:
    """Bring the next tasks nearer to as many slots as they are to have, by up to `limit` of them in all.

    Return whether there may be more to do. What they have and are to have stands in tables alone, so it goes on where it
    stopped. Slots that somebody has are not taken away.
    """
    found = await gold_exposures.lock_next(session, limit, EXPOSED_AT_ONCE)
    if found is None:
        return False
    held = await projects.hold(session, {one.task.project_id for one in found})
    added: list[tuple[Task, Slot]] = []
    surplus: dict[UUID, int] = {}
    ended: list[UUID] = []
    room = limit
    for one in found:
        change = min(room, abs(one.lacks))
        if one.lacks > 0:
            salt = held[one.task.project_id].salt
            added += [(one.task, _slot(salt, one.task, one.highest + nth)) for nth in range(1, change + 1)]
        elif change:
            surplus[one.task.task_id] = change
        if change == abs(one.lacks):
            ended.append(one.task.task_id)
        room -= change
    await tasks.add_slots(session, added)
    await gold_exposures.take_away(session, surplus)
    await gold_exposures.end(session, ended)
    return True


def _slot(salt: str, task: Task, number: int) -> Slot:
    return Slot(number, SlotState.FREE, sort_key=place_in_line(salt, task, number))
