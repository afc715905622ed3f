"""The event edge: each set of events calls one operation. Events of a project that is not here yet wait for it."""

from collections.abc import Sequence
from typing import Any

from services.qa.operations import annotations, copies, feedback, predictions, records, servability
from shared.contracts.events import (
    AnnotationSubmitted,
    AnnotatorChanged,
    FeedbackReceived,
    ModelChanged,
    ProjectChanged,
    RecordAccepted,
    RecordErased,
    RecordPredicted,
    RecordRouted,
    TaskServable,
    TaskSkipped,
    TaskUnservable,
    WorkLogged,
)
from shared.kit.app import Runtime
from shared.kit.clock import utc_now
from shared.kit.consuming import EventSet, Subscription
from shared.kit.database import Session


async def on_records_accepted(session: Session, events: EventSet[RecordAccepted]) -> None:
    await records.accept(session, events, utc_now())


async def on_records_erased(session: Session, events: EventSet[RecordErased]) -> None:
    await records.erase(session, events, utc_now())


async def on_records_predicted(session: Session, events: EventSet[RecordPredicted]) -> None:
    await predictions.keep(session, events, utc_now())


async def on_records_routed(session: Session, events: EventSet[RecordRouted]) -> None:
    await predictions.route(session, events, utc_now())


async def on_annotations_submitted(session: Session, events: EventSet[AnnotationSubmitted]) -> None:
    await annotations.accept(session, events, utc_now())


async def on_tasks_unservable(session: Session, events: EventSet[TaskUnservable]) -> None:
    await servability.close_tasks(session, events, utc_now())


async def on_tasks_servable(session: Session, events: EventSet[TaskServable]) -> None:
    await servability.reopen_tasks(session, events, utc_now())


async def on_feedback_received(session: Session, events: EventSet[FeedbackReceived]) -> None:
    await feedback.receive(session, events, utc_now())


def subscriptions(_runtime: Runtime) -> Sequence[Subscription[Any]]:
    return (
        Subscription(ProjectChanged, copies.keep_projects),
        Subscription(RecordAccepted, on_records_accepted),
        Subscription(RecordErased, on_records_erased),
        Subscription(RecordPredicted, on_records_predicted),
        Subscription(RecordRouted, on_records_routed),
        Subscription(AnnotationSubmitted, on_annotations_submitted),
        Subscription(TaskSkipped, annotations.keep_skips),
        Subscription(TaskUnservable, on_tasks_unservable),
        Subscription(TaskServable, on_tasks_servable),
        Subscription(AnnotatorChanged, copies.keep_annotators),
        Subscription(WorkLogged, annotations.keep_work),
        Subscription(ModelChanged, copies.keep_models),
        Subscription(FeedbackReceived, on_feedback_received),
    )
