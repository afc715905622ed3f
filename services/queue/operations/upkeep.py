"""What is done in the background: leases run out, tasks that nobody can serve are told of, deltas are folded."""

from datetime import datetime, timedelta

from services.queue.domain.project import Project
from services.queue.domain.servability import Workforce, unservable
from services.queue.domain.slots import SlotState
from services.queue.domain.tasks import Purpose, Task
from services.queue.storage import annotators, projects, records, supply, tasks
from services.queue.storage.annotators import Needed
from services.queue.storage.supply import Suspect
from shared.contracts.events import TaskUnservable
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
    reason = await _reason(session, project, task, most_skips)
    if reason is None:
        await supply.look_again(session, task.task_id, now + _LOOK_AGAIN)
        return
    await tasks.close(session, [task], leased_too=False)
    await publish(
        session,
        TaskUnservable(task_id=task.task_id, task_kind=task.purpose.kind, round=task.round, reason=reason),
        project_id=task.project_id,
        record_id=task.record_id,
    )


async def _reason(session: Session, project: Project, task: Task, most_skips: int) -> str | None:
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
    return unservable(task.purpose.kind, Workforce(*counted), most_skips)
