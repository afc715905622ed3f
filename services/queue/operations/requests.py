"""What qa asks queue to collect. Requests are targets: obeyed twice they change nothing more.

qa counts one revision per record over its requests and labels, so a request is obsolete when a label came after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import uuid4

from services.queue.domain.project import Project
from services.queue.domain.record import Effects, Record, RecordDraws
from services.queue.domain.routing import Lane, RoutingEvidence, decide, rank_of
from services.queue.domain.serving_plan import ANY_POOL
from services.queue.domain.slots import SlotState
from services.queue.domain.tasks import Purpose, Task
from services.queue.operations.batches import GOLD_WITHDRAWN, RecordBatch, load
from services.queue.operations.decisions import follow
from services.queue.storage.projects import ProjectCache
from shared.contracts.envelope import Event
from shared.contracts.events import AnnotationsRequested, ArbitrationRequested, RecordRouted, RelabelRequested
from shared.contracts.values import Pool, RecordState, Route, TaskKind
from shared.kit.consuming import EventSet
from shared.kit.database import Session

Request = TypeVar("Request", AnnotationsRequested, ArbitrationRequested, RelabelRequested)


@dataclass(frozen=True, slots=True)
class TaskStyle:
    """How the round's annotation task is served, if there is none yet."""

    lane: Lane
    pool: str
    blind: bool


async def request_annotations(
    session: Session, projects: ProjectCache, events: EventSet[AnnotationsRequested], now: datetime
) -> None:
    batch = await load(session, events, projects)
    for event, record, project in _to_obey(batch, events):
        if event.payload.round == record.round:
            decision = decide(
                project.policies, record.split, RoutingEvidence(), RecordDraws(project.salt, record.record_id)
            )
            style = TaskStyle(decision.lane, ANY_POOL, decision.blind)
            _collect(record, project, event, style, batch.effects, now)
    await batch.save(session)


async def request_relabel(
    session: Session, projects: ProjectCache, events: EventSet[RelabelRequested], now: datetime
) -> None:
    batch = await load(session, events, projects)
    for event, record, project in _to_obey(batch, events):
        wanted = event.payload
        if wanted.round > record.round:
            record.close_tasks_before(event.revision, leased_too=False)
            record.round = wanted.round
        if wanted.round == record.round:
            style = TaskStyle(Lane.LEARNING, wanted.pool or ANY_POOL, wanted.blind or record.split.held_out)
            _collect(record, project, event, style, batch.effects, now)
    await batch.save(session)


async def request_arbitration(
    session: Session, projects: ProjectCache, events: EventSet[ArbitrationRequested], now: datetime
) -> None:
    batch = await load(session, events, projects)
    for event, record, project in _to_obey(batch, events):
        if event.payload.round >= record.round:
            record.round = event.payload.round
            _arbitrate(record, project, event, batch.effects, now)
    await batch.save(session)


def _to_obey(batch: RecordBatch, events: EventSet[Request]) -> Iterator[tuple[Event[Request], Record, Project]]:
    """The requests that are not obsolete, with record and project. What was given up is open again."""
    for event, record in batch.ready(events, servable=True):
        stale = event.revision < max(record.labels_revision, record.requests_revision)
        if stale or record.state is RecordState.ERASED:
            continue
        if record.state is RecordState.GOLD:  # qa asks nothing about gold: the withdrawal is on its way
            events.park(event, GOLD_WITHDRAWN, record.record_id)
            continue
        record.requests_revision = event.revision
        if record.state is RecordState.UNLABELABLE:
            batch.effects.change_state(record, RecordState.OPEN)
        yield event, record, batch.projects[record.project_id]


def _collect(
    record: Record,
    project: Project,
    event: Event[AnnotationsRequested] | Event[RelabelRequested],
    style: TaskStyle,
    effects: Effects,
    now: datetime,
) -> None:
    """Bring the round's task to at least `slots_total` live slots, which stand at the head of their line."""
    task = record.annotation_task()
    if task is None:
        task = record.add_task(uuid4(), project, Purpose.ANNOTATION, style.lane, style.pool, now, blind=style.blind)
    if not task.open:
        follow(task, project)
    task.reopen()
    task.requested = max(task.requested, event.payload.slots_total)
    task.requested_revision = max(task.requested_revision, event.revision)
    target = max(task.requested, task.slots_total)
    key = RecordDraws(project.salt, record.record_id).serve
    if task.collect(target, lambda _: key, rank_of(record.priority, urgent=True)):
        task.suspect(now)
    effects.publish_route(record, _requested_route(record, project, task, event.payload.reason), event)


def _requested_route(record: Record, project: Project, task: Task, reason: str) -> RecordRouted:
    old = record.routed
    same_round = old if old is not None and old.round == task.round and old.route is not Route.AUTO_ACCEPT else None
    prediction = record.prediction
    usable = prediction if prediction is not None and prediction.schema_version == task.schema_version else None
    return RecordRouted(
        route=Route.EXPERT if task.pool == Pool.EXPERT else Route.PEOPLE,
        task_kind=TaskKind.ANNOTATION,
        task_id=task.task_id,
        round=task.round,
        slots_total=task.slots_total,
        schema_version=task.schema_version,
        guideline_version=task.guideline_version,
        policy_version=project.content.active_policy,
        model_id=usable.model_id if usable else None,
        prediction_id=usable.prediction_id if usable else None,
        threshold=same_round.threshold if same_round else None,
        audit=same_round.audit if same_round else False,
        blind=task.blind,
        explored=same_round.explored if same_round else False,
        selection_probability=same_round.selection_probability if same_round else 1.0,
        reason=reason,
    )


def _arbitrate(
    record: Record, project: Project, event: Event[ArbitrationRequested], effects: Effects, now: datetime
) -> None:
    """Have one arbiter decide. Nobody else starts the record any more; who has started may finish."""
    wanted = event.payload
    for task in record.tasks:
        if task.purpose is Purpose.ANNOTATION and task.open:
            task.close()
    arbitration = next(
        (task for task in record.tasks if task.purpose is Purpose.ARBITRATION and task.round == record.round), None
    )
    if arbitration is None:
        arbitration = record.add_task(
            uuid4(),
            project,
            Purpose.ARBITRATION,
            Lane.ARBITRATION,
            Pool.EXPERT,
            now,
            blind=True,
            schema_version=wanted.schema_version,
            revision=event.revision,
        )
        effects.count(record.project_id, "arbitrations")
    arbitration.reopen()
    arbitration.requested_revision = max(arbitration.requested_revision, event.revision)
    arbitration.disputed = wanted.disputed
    if any(slot.state in {SlotState.FREE, SlotState.LEASED} for slot in arbitration.slots):
        return
    arbitration.suspect(now)
    key = RecordDraws(project.salt, record.record_id).serve
    arbitration.add_slot(key, rank_of(record.priority))
    # Published for the record's history; it doesn't change how many annotations the round collects.
    record.routed_revision += 1
    effects.publish(record, _arbitration_route(project, arbitration, wanted.reason), record.routed_revision, event)


def _arbitration_route(project: Project, task: Task, reason: str) -> RecordRouted:
    return RecordRouted(
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
    )
