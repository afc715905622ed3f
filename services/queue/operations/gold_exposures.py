"""Slots for gold: as many as annotators it may be served to, which may be thousands for each record."""

from services.queue.domain.slots import Slot, SlotState
from services.queue.domain.tasks import Task
from services.queue.storage import gold_exposures, tasks
from services.queue.storage.projects import ProjectCache
from shared.contracts.draws import draw
from shared.kit.database import Session

EXPOSED_AT_ONCE = 50
"""How many slots a gold task has as soon as it is placed; the loop `expose_gold` adds the others."""


def place_in_line(salt: str, task: Task, number: int) -> float:
    """Where a slot of gold stands: each has a place of its own, so that gold comes in another order to everybody."""
    return draw(salt, "serve", task.record_id, number)


async def expose_some(session: Session, projects: ProjectCache, limit: int) -> bool:
    """Add up to `limit` slots to the next task that has yet to get some; return whether there was such a task.

    What it has and is to have stands in tables alone, so it goes on where it stopped.
    """
    found = await gold_exposures.lock_next(session)
    if found is None:
        return False
    task, missing = found.task, found.exposures - found.live
    if task.open and missing > 0:
        project = (await projects.hold(session, [task.project_id]))[task.project_id]
        numbers = range(found.highest + 1, found.highest + 1 + min(limit, missing))
        slots = [Slot(number, SlotState.FREE, sort_key=place_in_line(project.salt, task, number)) for number in numbers]
        await tasks.add_slots(session, task, slots)
    if not task.open or missing <= limit:
        await gold_exposures.end(session, task.task_id)
    return True
