"""Decide who must look at a record. Pure but for the ids of new tasks, which are random and hold no time."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from services.queue.domain.project import Project
from services.queue.domain.record import Effects, Record, RecordDraws
from services.queue.domain.routing import (
    Draws,
    RouteDecision,
    RoutingEvidence,
    accepted_unseen,
    decide,
    for_experts,
    rank_of,
    threshold_for,
)
from services.queue.domain.serving_plan import ANY_POOL
from services.queue.domain.slots import SlotState, all_untouched
from services.queue.domain.tasks import Purpose, Task
from shared.contracts.envelope import Event
from shared.contracts.events import RecordRouted
from shared.contracts.values import RecordState, Route, TaskKind


def route(
    record: Record,
    project: Project,
    effects: Effects,
    now: datetime,
    cause: Event[Any] | None = None,
    *,
    anew: bool = False,
) -> None:
    """Decide on a record and bring its tasks in line; of gold, decide whether it may show its prediction.

    What somebody has worked on, and what was accepted unseen, stays as it was decided; `anew` reopens it. A task that is in
    nobody's hand moves to the versions that are active, and is decided on again when the policies route otherwise by now.
    """
    if record.state is RecordState.GOLD:
        record.waiting = False
        blind_gold(record, project)
    else:
        _route_ordinary(record, project, effects, now, cause, anew=anew)


def _route_ordinary(
    record: Record, project: Project, effects: Effects, now: datetime, cause: Event[Any] | None, *, anew: bool
) -> None:
    if not project.servable:
        record.waiting = record.state is RecordState.OPEN and record.prediction is not None and record.routed is None
        return
    record.waiting = False
    task = None if record.routed is None else record.annotation_task()
    reviewed = record.state is RecordState.FINALIZED and task is not None and task.open
    if record.state is not RecordState.OPEN and not reviewed:
        return
    if record.routed is None and (record.prediction is None or any(task.open for task in record.tasks)):
        return  # what qa asked for before the first prediction came holds
    if task is not None and (task.open or anew):
        follow(task, project)
    requested = reviewed or record.round > 1 or record.prediction is None or (task is not None and task.requested > 0)
    if requested or (task is not None and _touched(record, project, task)):
        _refresh(record, project, task, effects, cause, anew=anew and record.prediction is not None)
        return
    decided_before = record.routed is not None and (task is None or not task.open)
    if decided_before and not anew:
        return
    evidence = _evidence(record, project, task)
    if anew:
        evidence = RoutingEvidence(evidence.with_model, evidence.confidence, None, evidence.selection)
    draws = RecordDraws(project.salt, record.record_id)
    decision = decide(project.policies, record.split, evidence, draws)
    if decision.route is Route.AUTO_ACCEPT:
        if task is not None:
            task.close()
            task = None
    else:
        task = _offer(record, project, task, decision, draws, now)
    effects.publish_route(record, _routed(record, project, task, decision, with_model=evidence.with_model), cause)


def follow(task: Task, project: Project) -> None:
    """Move a task that is in nobody's hand to the versions that are active."""
    if not task.in_hand:
        assert project.content.active_schema is not None
        task.pin(project.content.active_schema, project.content.active_guideline)


def _touched(record: Record, project: Project, task: Task) -> bool:
    """Whether the task stays as it was decided. What ran out or was skipped counts, until the policies route otherwise."""
    assert record.routed is not None
    if task.in_hand or record.routed.policy_version >= project.routing_policy:
        return not all_untouched(task.slots)
    task.renew_expired()
    return False


def blind_gold(record: Record, project: Project) -> None:
    """Have gold show no prediction with which an ordinary record would not come to everybody: that would reveal it."""
    for task in record.tasks:
        if task.open and task.purpose is Purpose.GOLD:
            evidence = _evidence(record, project, task)
            task.blind = accepted_unseen(project.policies, evidence) or for_experts(project.policies, evidence)


def _evidence(record: Record, project: Project, task: Task | None) -> RoutingEvidence:
    """What the record's prediction answers in the version of the schema that its task is pinned to."""
    prediction = record.prediction
    selection = None if record.selection is None else record.selection.probability
    version = project.content.active_schema if task is None else task.schema_version
    if prediction is None or prediction.model_id is None or prediction.schema_version != version:
        return RoutingEvidence(selection=selection)
    thresholds = project.thresholds.get((prediction.model_id, version), {})
    threshold = threshold_for(thresholds, prediction.answers, project.schemas[version].question_by_name.keys())
    return RoutingEvidence(True, prediction.confidence, threshold, selection)


def _offer(
    record: Record, project: Project, task: Task | None, decision: RouteDecision, draws: Draws, now: datetime
) -> Task:
    """Make or change the task of a record that nobody has touched."""
    pool = ANY_POOL if decision.pool is None else decision.pool
    state = SlotState.FREE if decision.opened else SlotState.HELD
    rank = rank_of(record.priority)
    if task is None:
        task = record.add_task(uuid4(), project, Purpose.ANNOTATION, decision.lane, pool, now, blind=decision.blind)
        if decision.pool is not None:
            task.suspect(now)
    else:
        task.move(decision.lane, pool, blind=decision.blind, rank=rank, state=state)
    task.collect(decision.slots, lambda _: draws.serve, rank, state)
    return task


def _refresh(
    record: Record, project: Project, task: Task | None, effects: Effects, cause: Event[Any] | None, *, anew: bool
) -> None:
    """Keep the task; publish which prediction stands beside it now. `anew`: it collects again."""
    routed = record.routed
    if task is not None and not project.holds:
        task.open_held()
    if task is None or routed is None or routed.round != record.round:
        return
    if anew and not task.open:
        task.reopen()
        key = RecordDraws(project.salt, record.record_id).serve
        task.collect(max(task.requested, routed.slots_total), lambda _: key, rank_of(record.priority, urgent=True))
    prediction = record.prediction if _evidence(record, project, task).with_model else None
    effects.publish_route(
        record,
        routed.model_copy(
            update={
                "slots_total": task.slots_total,
                "schema_version": task.schema_version,
                "guideline_version": task.guideline_version,
                "model_id": prediction.model_id if prediction else None,
                "prediction_id": prediction.prediction_id if prediction else None,
            }
        ),
        cause,
    )


def _routed(
    record: Record, project: Project, task: Task | None, decision: RouteDecision, *, with_model: bool
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


def _reason(record: Record, decision: RouteDecision) -> str:
    if decision.route is Route.AUTO_ACCEPT:
        return "confidence reaches the threshold"
    if record.split.held_out:
        return "held out"
    if decision.explored:
        return "drawn into the random share"
    if decision.audit:
        return "drawn as an audit"
    if record.selection is not None:
        return f"batch {record.selection.batch} by {record.selection.strategy}"
    return "waits to be selected" if not decision.opened else "open to everybody"
