"""Slots for gold, made as they are needed: each task has some that are free, until as many annotators had it as may."""

from collections.abc import Sequence
from uuid import UUID

from services.queue.domain.slots import Slot, SlotState
from services.queue.domain.tasks import Task
from services.queue.storage import gold_exposures, tasks
from services.queue.storage.projects import ProjectCache
from shared.contracts.draws import draw
from shared.kit.database import Session

AHEAD = 5
"""How many free slots a gold task has: so many people may be served it before more are made, a second later."""


def place_in_line(salt: str, task: Task, number: int) -> float:
    """Where a slot of gold stands: each has a place of its own, so that gold comes in another order to everybody."""
    return draw(salt, "serve", task.record_id, number)


async def top_up(session: Session, projects: ProjectCache, task_ids: Sequence[UUID]) -> None:
    """Bring the free slots of these gold tasks to `AHEAD`, as far as they may have more, and take away what is too many.

    A constant number of statements, and at most `AHEAD` new rows a task. Slots that somebody has are not taken away.
    """
    found = await gold_exposures.lock_short(session, task_ids, AHEAD)
    if not found:
        return
    held = await projects.hold(session, {one.task.project_id for one in found})
    added = [
        (one.task, _slot(held[one.task.project_id].salt, one.task, one.highest + nth))
        for one in found
        for nth in range(1, one.lacks(AHEAD) + 1)
    ]
    await tasks.add_slots(session, added)
    await gold_exposures.take_away(session, {one.task.task_id: one.surplus for one in found if one.surplus})
    await gold_exposures.end(session, [one.task.task_id for one in found if one.ended(one.lacks(AHEAD))])


def _slot(salt: str, task: Task, number: int) -> Slot:
    return Slot(number, SlotState.FREE, sort_key=place_in_line(salt, task, number))
