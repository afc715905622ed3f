"""What qa asks queue to collect. Requests are targets: obeyed twice they change nothing more.

qa counts one revision per record over its requests and labels, so a request is obsolete when a label came after it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.queue.domain.project import Project
from services.queue.domain.record import Record
from services.queue.domain.routing import Evidence, Lane, decide
from services.queue.domain.serving import ANY_POOL
from services.queue.domain.slots import SlotState, settle
from services.queue.domain.tasks import Purpose, Task
from services.queue.operations.records import GOLD_WITHDRAWN, change_state, known_record, servable_project
from services.queue.operations.routing import add_slots, draws_of, new_task, tell
from services.queue.storage import progress, records, tasks
from shared.contracts.envelope import Event
from shared.contracts.events import AnnotationsRequested, ArbitrationRequested, RecordRouted, RelabelRequested
from shared.contracts.values import Pool, RecordState, Route, TaskKind
from shared.kit.consuming import NotYet
from shared.kit.database import Session
from shared.kit.outbox import publish


async def _record_for(
    session: Session, record_id: UUID, project_id: UUID, revision: int
) -> tuple[Project, Record] | None:
    """The project and the record under its lock; None when the request is obsolete. What was given up is open again."""
    project = await servable_project(session, project_id)
    record = await known_record(session, record_id, project_id)
    stale = revision < max(record.labels_revision, record.requests_revision)
    if stale or record.state is RecordState.ERASED:
        return None
    if record.state is RecordState.GOLD:
        raise NotYet(GOLD_WITHDRAWN, record_id)  # qa asks nothing about gold: the withdrawal is on its way
    record.requests_revision = revision
    if record.state is RecordState.UNLABELABLE:
        await change_state(session, record, RecordState.OPEN)
    return project, record


async def request_annotations(
    session: Session, record_id: UUID, project_id: UUID, event: Event[AnnotationsRequested], now: datetime
) -> None:
    found = await _record_for(session, record_id, project_id, event.revision)
    if found is None:
        return
    project, record = found
    if event.payload.round == record.round:
        assert record.split is not None
        style = decide(project.policies, record.split, Evidence(), draws_of(project, record_id))
        await _collect(session, project, record, event, Style(style.lane, ANY_POOL, style.blind), now)
    await records.save(session, record)


async def request_relabel(
    session: Session, record_id: UUID, project_id: UUID, event: Event[RelabelRequested], now: datetime
) -> None:
    found = await _record_for(session, record_id, project_id, event.revision)
    if found is None:
        return
    project, record = found
    wanted = event.payload
    if wanted.round > record.round:
        await close_before(session, record, event.revision, leased_too=False)
        record.round = wanted.round
    if wanted.round == record.round:
        assert record.split is not None
        style = Style(Lane.LEARNING, wanted.pool or ANY_POOL, wanted.blind or record.split.held_out)
        await _collect(session, project, record, event, style, now)
    await records.save(session, record)


async def request_arbitration(
    session: Session, record_id: UUID, project_id: UUID, event: Event[ArbitrationRequested], now: datetime
) -> None:
    found = await _record_for(session, record_id, project_id, event.revision)
    if found is None:
        return
    project, record = found
    wanted = event.payload
    if wanted.round >= record.round:
        record.round = wanted.round
        of_record = await tasks.lock_slots(session, await tasks.of_record(session, record_id))
        # The arbiter decides: nobody else starts any more. Who has started may finish.
        annotation = [task for task in of_record if task.purpose is Purpose.ANNOTATION and task.open]
        await tasks.close(session, annotation, leased_too=False)
        task = next((t for t in of_record if t.purpose is Purpose.ARBITRATION and t.round == record.round), None)
        if task is None:
            task = new_task(
                project,
                record,
                Purpose.ARBITRATION,
                Lane.ARBITRATION,
                Pool.EXPERT,
                blind=True,
                schema_version=wanted.schema_version,
                revision=event.revision,
            )
            await tasks.add(session, task, now, suspect_at=now)
            await progress.add(session, project_id, {"arbitrations": 1})
        waiting = [slot for slot in task.slots if slot.state in {SlotState.FREE, SlotState.LEASED}]
        task.open = True
        task.requested_revision = max(task.requested_revision, event.revision)
        await tasks.save(session, task)
        if not waiting:
            await tasks.suspect(session, task.task_id, now)
            await add_slots(session, project, record, task, (len(task.slots) + 1,))
        await tasks.set_disputed(session, task.task_id, wanted.disputed)
        if not waiting:
            await _tell_arbitration(session, project, record, task, wanted.reason)
    await records.save(session, record)


async def close_before(
    session: Session, record: Record, revision: int, *, leased_too: bool, unserved_too: bool = True
) -> None:
    """Close the record's tasks, but for those that qa asked for after this revision.

    `unserved_too`: what nobody could serve is wanted no more, either.
    """
    found = [
        task
        for task in await tasks.of_record(session, record.record_id)
        if (task.open or (task.unserved and unserved_too)) and task.requested_revision <= revision
    ]
    await tasks.close(session, await tasks.lock_slots(session, found), leased_too=leased_too)


@dataclass(frozen=True, slots=True)
class Style:
    """How the round's annotation task is served, if there is none yet."""

    lane: Lane
    pool: str
    blind: bool


async def _collect(
    session: Session,
    project: Project,
    record: Record,
    event: Event[AnnotationsRequested] | Event[RelabelRequested],
    style: Style,
    now: datetime,
) -> None:
    """Bring the round's task to at least `slots_total` live slots, which stand at the head of their line, and tell."""
    wanted = event.payload
    task = await tasks.lock_annotation_task(session, record.record_id, record.round)
    if task is None:
        task = new_task(project, record, Purpose.ANNOTATION, style.lane, style.pool, blind=style.blind)
        await tasks.add(session, task, now)
    task.open = True
    task.requested = max(task.requested, wanted.slots_total)
    task.requested_revision = max(task.requested_revision, event.revision)
    await tasks.save(session, task)
    changes = settle(task.slots, max(task.requested, task.slots_total))
    await add_slots(session, project, record, task, changes.add, urgent=True)
    if changes.add:
        await tasks.suspect(session, task.task_id, now)
    [locked] = await tasks.lock_slots(session, [task])
    task.slots = locked.slots
    await _tell_total(session, project, record, task, wanted.reason)


async def _tell_total(session: Session, project: Project, record: Record, task: Task, reason: str) -> None:
    old = record.routed
    same_round = old if old is not None and old.round == task.round and old.route is not Route.AUTO_ACCEPT else None
    prediction = record.prediction
    usable = prediction is not None and prediction.schema_version == task.schema_version
    await tell(
        session,
        record,
        RecordRouted(
            route=Route.EXPERT if task.pool == Pool.EXPERT else Route.PEOPLE,
            task_kind=TaskKind.ANNOTATION,
            task_id=task.task_id,
            round=task.round,
            slots_total=task.slots_total,
            schema_version=task.schema_version,
            guideline_version=task.guideline_version,
            policy_version=project.content.active_policy,
            model_id=prediction.model_id if prediction is not None and usable else None,
            prediction_id=prediction.prediction_id if prediction is not None and usable else None,
            threshold=same_round.threshold if same_round else None,
            audit=same_round.audit if same_round else False,
            blind=task.blind,
            explored=same_round.explored if same_round else False,
            selection_probability=same_round.selection_probability if same_round else 1.0,
            reason=reason,
        ),
    )


async def _tell_arbitration(session: Session, project: Project, record: Record, task: Task, reason: str) -> None:
    """Told for the record's history; it says nothing about how many annotations the round collects."""
    record.routed_revision += 1
    await publish(
        session,
        RecordRouted(
            route=Route.EXPERT,
            task_kind=TaskKind.ARBITRATION,
            task_id=task.task_id,
            round=task.round,
            slots_total=1,
            schema_version=task.schema_version,
            guideline_version=task.guideline_version,
            policy_version=project.content.active_policy,
            model_id=None,
            prediction_id=None,
            threshold=None,
            audit=False,
            blind=True,
            explored=False,
            selection_probability=1.0,
            reason=reason,
        ),
        project_id=record.project_id,
        record_id=record.record_id,
        revision=record.routed_revision,
    )
