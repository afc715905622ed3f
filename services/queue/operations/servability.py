"""Find the tasks that nobody can serve, and of these the ones that somebody can serve again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.queue.domain.project import Project
from services.queue.domain.record import Record
from services.queue.domain.servability import Demand, Workforce, servable_again, unservable
from services.queue.domain.slots import SlotState
from services.queue.domain.tasks import Purpose, Task
from services.queue.operations.batches import RecordBatch
from services.queue.storage import records, servability
from services.queue.storage.projects import ProjectCache
from services.queue.storage.servability import NeededWorkforce, SuspectTask
from shared.contracts.events import TaskServable, TaskUnservable
from shared.contracts.values import RecordState
from shared.kit.database import Session

_LOOK_AGAIN = timedelta(seconds=60)


async def examine(
    session: Session, projects: ProjectCache, now: datetime, suspected_by: datetime, most_skips: int, limit: int
) -> None:
    """Close the suspected tasks that nobody is left for; the others are looked at again while they have free slots."""
    suspects = await servability.suspected(session, suspected_by, limit)
    batch = await _load(session, projects, suspects)
    suspected = []
    for record, task in _tasks(batch, suspects):
        task.suspect_at = None
        project = batch.projects.get(task.project_id)
        free = task.open and any(slot.state is SlotState.FREE for slot in task.slots)
        if free and project is not None and task.purpose is not Purpose.GOLD and record.state is not RecordState.ERASED:
            suspected.append((record, task, project))
    before = {task.task_id: before for record, task, _ in suspected if (before := _unserved_before(record, task))}
    found = await servability.workforce(
        session,
        [
            _needed(each, project)
            for _, task, project in suspected
            for each in (task, before.get(task.task_id))
            if each is not None
        ],
    )

    def why(task: Task, project: Project) -> str | None:
        demand = Demand(task.purpose.kind, task.pool, project.policies.serving.skill)
        return unservable(demand, _workforce(found[task.task_id], task), most_skips)

    for record, task, project in suspected:
        reason = why(task, project)
        if reason is None:
            task.suspect_at = now + _LOOK_AGAIN
            continue
        earlier = before.get(task.task_id)
        if earlier is not None and (why_earlier := why(earlier, project)) is not None:
            reason = f"{why_earlier}, and {reason}"
        task.close(unserved=True)
        batch.effects.publish(
            record,
            TaskUnservable(task_id=task.task_id, task_kind=task.purpose.kind, round=task.round, reason=reason),
        )
    await batch.save(session)


async def examine_unserved(
    session: Session, projects: ProjectCache, arrived: Sequence[UUID], after: UUID, most_skips: int, limit: int
) -> UUID | None:
    """Publish once of each of the next unserved tasks that one of who arrived can serve it; qa decides what follows.

    Return the task after which to go on, None at the end.
    """
    page = await servability.unserved(session, after, limit)
    held = await projects.hold(session, {suspect.project_id for suspect, _, _ in page})
    needed = []
    for suspect, arbitration, pool in page:
        serving = held[suspect.project_id].policies.serving
        needed.append(
            NeededWorkforce(
                suspect.task_id,
                suspect.record_id,
                suspect.project_id,
                arbitration,
                pool,
                serving.skill,
                serving.minimum_skill,
            )
        )
    served = await servability.served_by(session, needed, arrived)
    await _publish_servable(session, projects, [one for one, _, _ in page if one.task_id in served], most_skips)
    return page[-1][0].task_id if len(page) == limit else None


async def _publish_servable(
    session: Session, projects: ProjectCache, suspects: Sequence[SuspectTask], most_skips: int
) -> None:
    if not suspects:
        return
    batch = await _load(session, projects, suspects)
    unserved = [(record, task) for record, task in _tasks(batch, suspects) if task.unserved]
    found = await servability.workforce(
        session, [_needed(task, batch.projects[task.project_id]) for _, task in unserved]
    )
    for record, task in unserved:
        if servable_again(_workforce(found[task.task_id], task), most_skips):
            task.unserved = False
            batch.effects.publish(
                record, TaskServable(task_id=task.task_id, task_kind=task.purpose.kind, round=task.round)
            )
    await batch.save(session)


async def _load(session: Session, projects: ProjectCache, suspects: Sequence[SuspectTask]) -> RecordBatch:
    locked = await records.lock(session, {one.record_id for one in suspects})
    return RecordBatch(locked, await projects.hold(session, {one.project_id for one in suspects}))


def _tasks(batch: RecordBatch, suspects: Sequence[SuspectTask]) -> list[tuple[Record, Task]]:
    wanted = {one.task_id for one in suspects}
    return [(record, task) for record in batch.records for task in record.tasks if task.task_id in wanted]


def _needed(task: Task, project: Project) -> NeededWorkforce:
    serving = project.policies.serving
    return NeededWorkforce(
        task.task_id,
        task.record_id,
        task.project_id,
        task.purpose is Purpose.ARBITRATION,
        task.pool,
        serving.skill,
        serving.minimum_skill,
    )


def _unserved_before(record: Record, task: Task) -> Task | None:
    """The task that nobody could serve, for which an arbiter is asked by this one."""
    annotation = record.annotation_task()
    arbitrates = task.purpose is Purpose.ARBITRATION and annotation is not None and annotation.unserved
    return annotation if arbitrates else None


def _workforce(found: tuple[bool, bool, bool], task: Task) -> Workforce:
    active, eligible, left = found
    return Workforce(active, eligible, left, sum(slot.state is SlotState.SKIPPED for slot in task.slots))
