"""What is done in the background: tasks that nobody can serve are told of, and those that somebody can serve again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.queue.domain.project import Project
from services.queue.domain.servability import Workforce, servable_again, unservable
from services.queue.domain.slots import SlotState
from services.queue.domain.tasks import Purpose, Task
from services.queue.storage import annotators, arrivals, projects, records, supply, tasks
from services.queue.storage.annotators import Needed
from services.queue.storage.supply import Suspect
from shared.contracts.events import TaskServable, TaskUnservable
from shared.contracts.values import RecordState
from shared.kit.database import Session
from shared.kit.outbox import publish

_LOOK_AGAIN = timedelta(seconds=60)


async def examine(session: Session, suspect: Suspect, now: datetime, most_skips: int) -> None:
    """See whether anybody is left who can serve the task; tell if not. It is looked at again while it has free slots."""
    record = await records.lock(session, suspect.record_id, suspect.project_id)
    project = await projects.find(session, suspect.project_id)
    of_record = await tasks.of_record(session, suspect.record_id)
    found = [task for task in of_record if task.task_id == suspect.task_id and task.open]
    if not found or project is None or record.state is RecordState.ERASED or found[0].purpose is Purpose.GOLD:
        await supply.look_again(session, suspect.task_id, None)
        return
    [task] = await tasks.lock_slots(session, found)
    if not any(slot.state is SlotState.FREE for slot in task.slots):
        await supply.look_again(session, task.task_id, None)
        return
    reason = unservable(task.purpose.kind, await _workforce(session, project, task), most_skips)
    if reason is None:
        await supply.look_again(session, task.task_id, now + _LOOK_AGAIN)
        return
    await tasks.close(session, [task], leased_too=False, unserved=True)
    await publish(
        session,
        TaskUnservable(task_id=task.task_id, task_kind=task.purpose.kind, round=task.round, reason=reason),
        project_id=task.project_id,
        record_id=task.record_id,
    )


async def unserved_page(
    session: Session, arrived: Sequence[UUID], after: UUID, limit: int
) -> tuple[list[Suspect], UUID | None]:
    """Of some of the tasks that nobody could serve, those that one of who arrived may; and after which task to go on."""
    page = await arrivals.unserved(session, after, limit)
    serving = {}
    for project_id in {one.suspect.project_id for one in page}:
        project = await projects.find(session, project_id)
        assert project is not None
        serving[project_id] = (project.policies.serving.skill, project.policies.serving.minimum_skill)
    asked = [(one, *serving[one.suspect.project_id]) for one in page]
    served = await arrivals.served_by(session, asked, arrived) if asked else set()
    found = [one.suspect for one in page if one.suspect.task_id in served]
    return found, page[-1].suspect.task_id if len(page) == limit else None


async def examine_again(session: Session, suspect: Suspect, most_skips: int) -> None:
    """Tell, once, that somebody can serve a task that nobody could; qa decides whether it is asked for again."""
    await records.lock(session, suspect.record_id, suspect.project_id)
    project = await projects.find(session, suspect.project_id)
    of_record = await tasks.of_record(session, suspect.record_id)
    found = [task for task in of_record if task.task_id == suspect.task_id and task.unserved]
    if not found or project is None:
        return
    [task] = found
    if not servable_again(await _workforce(session, project, task), most_skips):
        return
    await tasks.set_servable(session, task.task_id)
    await publish(
        session,
        TaskServable(task_id=task.task_id, task_kind=task.purpose.kind, round=task.round),
        project_id=task.project_id,
        record_id=task.record_id,
    )


async def _workforce(session: Session, project: Project, task: Task) -> Workforce:
    serving = project.policies.serving
    counted = await annotators.workforce(
        session,
        Needed(
            task.project_id,
            task.record_id,
            task.task_id,
            task.purpose is Purpose.ARBITRATION,
            task.pool,
            serving.skill,
            serving.minimum_skill,
        ),
    )
    return Workforce(*counted)
