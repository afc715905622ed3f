"""Deciding who must look at a record, and telling of it. Callers hold the record's lock."""

from datetime import datetime
from uuid import UUID, uuid4

from services.queue.domain.project import Project
from services.queue.domain.record import Record
from services.queue.domain.routing import Decision, Draws, Evidence, Lane, decide, rank_of, threshold_for
from services.queue.domain.serving import ANY_POOL
from services.queue.domain.slots import SlotState, all_untouched, settle
from services.queue.domain.tasks import Purpose, Task
from services.queue.storage import progress, projects, records, tasks, thresholds
from shared.contracts.draws import draw
from shared.contracts.events import AutoAcceptThresholdSet, RecordRouted
from shared.contracts.values import RecordState, Route, TaskKind
from shared.kit.database import Session
from shared.kit.outbox import publish

REROUTED_AT_ONCE = 20
"""How many records one transaction re-routes: their locks are held until it commits."""


async def route(session: Session, project: Project, record: Record, now: datetime, *, anew: bool = False) -> None:
    """Decide on a record, bring its slots in line and tell of it; the caller saves the record.

    What somebody has worked on, and what was accepted unseen, stays as it was decided; `anew` reopens it.
    """
    if record.state is not RecordState.OPEN or not record.known or record.prediction is None:
        return
    if not project.servable:
        record.waiting = record.routed is None
        return
    record.waiting = False
    if record.routed is None and record.requests_revision and await _has_open_task(session, record):
        return
    task = None
    if record.routed is not None:
        task = await tasks.lock_annotation_task(session, record.record_id, record.round)
    if record.round > 1 or (task is not None and (task.requested or not all_untouched(task.slots))):
        await _refresh(session, project, record, task, now, anew=anew)
        return
    decided_before = record.routed is not None and (task is None or not task.open)
    if decided_before and not anew:
        return
    evidence, newest_threshold = await _evidence(session, project, record, task)
    record.threshold_revision = newest_threshold
    if anew:
        evidence = Evidence(evidence.with_model, evidence.confidence, None, evidence.selection)
    assert record.split is not None
    decision = decide(project.policies, record.split, evidence, draws_of(project, record.record_id))
    if decision.route is Route.AUTO_ACCEPT:
        await _void_all(session, task)
        task = None
    else:
        task = await _offer(session, project, record, task, decision, now)
    await tell(session, record, _routed(project, record, task, decision, with_model=evidence.with_model))


async def _has_open_task(session: Session, record: Record) -> bool:
    """What qa asked for before the first prediction came holds."""
    return any(task.open for task in await tasks.of_record(session, record.record_id))


def draws_of(project: Project, record_id: UUID) -> Draws:
    return Draws(
        explore=draw(project.salt, "explore", record_id),
        audit=draw(project.salt, "audit", record_id),
        blind=draw(project.salt, "blind", record_id),
        serve=draw(project.salt, "serve", record_id),
    )


async def tell(session: Session, record: Record, routed: RecordRouted) -> None:
    """Publish the route if it says something new. The prediction that was read is no news by itself."""
    old = record.routed
    if old is not None and _news(old) == _news(routed):
        return
    record.routed_revision += 1
    record.routed = routed
    await publish(
        session,
        routed,
        project_id=record.project_id,
        record_id=record.record_id,
        revision=record.routed_revision,
    )
    amounts = {f"route.{routed.route}": 1, "annotations_wanted": routed.slots_total}
    if old is not None:
        amounts["annotations_wanted"] -= old.slots_total if old.round == routed.round else 0
        if old.route is routed.route:
            del amounts[f"route.{routed.route}"]
        else:
            amounts[f"route.{old.route}"] = -1
    await progress.add(session, record.project_id, amounts)


def _news(routed: RecordRouted) -> RecordRouted:
    return routed.model_copy(update={"prediction_id": None, "reason": None})


async def add_slots(
    session: Session,
    project: Project,
    record: Record,
    task: Task,
    numbers: tuple[int, ...],
    *,
    state: SlotState = SlotState.FREE,
    urgent: bool = False,
) -> None:
    """Add slots to a task. All slots of a record stand together in line; those of gold stand apart."""
    apart = task.purpose is Purpose.GOLD
    keys = [draw(project.salt, "serve", record.record_id, number if apart else 0) for number in numbers]
    rank = 0 if apart else rank_of(record.priority, urgent=urgent)
    await tasks.add_slots(session, task.task_id, numbers, keys, rank, state)


async def route_waiting(session: Session, now: datetime) -> int:
    """Route records that came before their project could be served; answers how many were looked at."""
    found = await records.waiting(session, REROUTED_AT_ONCE)
    for record_id, project_id in found:
        record = await records.lock(session, record_id, project_id)
        project = await projects.find(session, project_id)
        if project is not None and record.waiting:
            await route(session, project, record, now)
            await records.save(session, record)
    return len(found)


async def reroute(session: Session, now: datetime) -> int:
    """Re-route records whose model has a new threshold; answers how many were looked at.

    The records remember which threshold they have seen, so this goes on where it stopped, crash or not.
    """
    found = await records.lock_with_unseen_threshold(session, REROUTED_AT_ONCE)
    for record in found:
        project = await projects.find(session, record.project_id)
        if project is not None:
            await route(session, project, record, now)
        assert record.prediction is not None
        assert record.prediction.model_id is not None
        _, record.threshold_revision = await thresholds.of_model(
            session, record.project_id, record.prediction.model_id, 0
        )
        await records.save(session, record)
    return len(found)


async def keep_threshold(session: Session, project_id: UUID, said: AutoAcceptThresholdSet) -> None:
    """Keep the threshold; `reroute` finds the records that have not seen it."""
    await thresholds.set_threshold(
        session,
        project_id,
        said.model_id,
        said.schema_version,
        said.question,
        said.label,
        said.threshold_revision,
        said.threshold,
    )


async def _evidence(session: Session, project: Project, record: Record, task: Task | None) -> tuple[Evidence, int]:
    """What the record's prediction says to the version of the schema that its task is pinned to."""
    prediction = record.prediction
    assert prediction is not None
    selection = None if record.selection is None else record.selection.probability
    version = task.schema_version if task is not None else project.content.active_schema
    if prediction.model_id is None or prediction.schema_version != version:
        return Evidence(selection=selection), record.threshold_revision
    found, newest = await thresholds.of_model(session, record.project_id, prediction.model_id, version)
    questions = project.schemas[version].question_by_name
    threshold = threshold_for(found, prediction.answers, questions.keys())
    return Evidence(True, prediction.confidence, threshold, selection), newest


async def _void_all(session: Session, task: Task | None) -> None:
    """Accepting unseen voids every slot in one statement, or nothing."""
    if task is None:
        return
    numbers = [slot.number for slot in task.slots if slot.state is not SlotState.VOID]
    voided = await tasks.void_slots(session, task.task_id, numbers)
    if voided != len(numbers):
        raise RuntimeError("a slot was touched while its record was being accepted")
    await tasks.close(session, [task], leased_too=False)


async def _offer(
    session: Session, project: Project, record: Record, task: Task | None, decision: Decision, now: datetime
) -> Task:
    """Make or change the task of a record that nobody has touched."""
    pool = ANY_POOL if decision.pool is None else decision.pool
    state = SlotState.FREE if decision.opened else SlotState.HELD
    if task is None:
        task = new_task(project, record, Purpose.ANNOTATION, decision.lane, pool, blind=decision.blind)
        await tasks.add(session, task, now, suspect_at=now if decision.pool is not None else None)
    else:
        await _restyle(session, record, task, decision, pool, state)
    changes = settle(task.slots, decision.slots)
    await add_slots(session, project, record, task, changes.add, state=state)
    await tasks.void_slots(session, task.task_id, changes.void)
    return task


async def _restyle(
    session: Session, record: Record, task: Task, decision: Decision, pool: str, state: SlotState
) -> None:
    """Move an untouched task to the line that the decision puts it in, if it isn't there."""
    style = (True, decision.lane, pool, decision.blind)
    slots = {slot.state for slot in task.slots} - {SlotState.VOID}
    if (task.open, task.lane, task.pool, task.blind) == style and slots == {state}:
        return
    task.open, task.lane, task.pool, task.blind = style
    await tasks.save(session, task)
    rank = rank_of(record.priority)
    await tasks.style_slots(session, task.task_id, task.lane, pool, blind=task.blind, rank=rank, state=state)


def new_task(
    project: Project,
    record: Record,
    purpose: Purpose,
    lane: Lane,
    pool: str,
    *,
    blind: bool,
    schema_version: int | None = None,
    revision: int = 0,
) -> Task:
    """A task of the record's round, pinned to what is active. Its id is drawn by chance and tells no time."""
    version = schema_version or project.content.active_schema
    assert version is not None
    return Task(
        uuid4(),
        record.project_id,
        record.record_id,
        record.round,
        purpose,
        version,
        project.content.active_guideline,
        lane,
        pool,
        blind,
        requested_revision=revision,
    )


async def _refresh(
    session: Session, project: Project, record: Record, task: Task | None, now: datetime, *, anew: bool
) -> None:
    """The task stays; only which prediction stands beside it may be news, or that it collects again."""
    del now
    routed = record.routed
    if task is None or routed is None or routed.round != record.round:
        return
    if anew and not task.open:
        task.open = True
        await tasks.save(session, task)
        changes = settle(task.slots, max(task.requested, routed.slots_total))
        await add_slots(session, project, record, task, changes.add, urgent=True)
        [task] = await tasks.lock_slots(session, [task])
    evidence, record.threshold_revision = await _evidence(session, project, record, task)
    prediction = record.prediction if evidence.with_model else None
    await tell(
        session,
        record,
        routed.model_copy(
            update={
                "slots_total": task.slots_total,
                "model_id": prediction.model_id if prediction else None,
                "prediction_id": prediction.prediction_id if prediction else None,
            }
        ),
    )


def _routed(
    project: Project, record: Record, task: Task | None, decision: Decision, *, with_model: bool
) -> RecordRouted:
    prediction, content = record.prediction, project.content
    assert prediction is not None
    assert content.active_schema is not None
    return RecordRouted(
        route=decision.route,
        task_kind=TaskKind.ANNOTATION,
        task_id=task.task_id if task else None,
        round=record.round,
        slots_total=decision.slots,
        schema_version=task.schema_version if task else prediction.schema_version,
        guideline_version=task.guideline_version if task else content.active_guideline,
        policy_version=content.active_policy,
        model_id=prediction.model_id if with_model else None,
        prediction_id=prediction.prediction_id,
        threshold=decision.threshold,
        audit=decision.audit,
        blind=decision.blind,
        explored=decision.explored,
        selection_probability=decision.probability,
        reason=_reason(record, decision),
    )


def _reason(record: Record, decision: Decision) -> str:
    if decision.route is Route.AUTO_ACCEPT:
        return "confidence reaches the threshold"
    if record.split is not None and record.split.held_out:
        return "held out"
    if decision.explored:
        return "drawn into the random share"
    if decision.audit:
        return "drawn as an audit"
    if record.selection is not None:
        return f"batch {record.selection.batch} by {record.selection.strategy}"
    return "waits to be selected" if not decision.opened else "open to everybody"
