"""The event edge: each set of events calls one operation. Events of a project that is not here yet wait for it."""

from collections.abc import Sequence
from typing import Any

from services.qa.operations import annotations, copies, feedback, label_doubts, predictions, records, servability
from services.qa.resources import QaRuntime
from services.qa.storage.projects import ProjectCache
from shared.contracts.events import (
    AnnotationSubmitted,
    AnnotatorChanged,
    FeedbackReceived,
    LabelDoubted,
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
from shared.kit.clock import utc_now
from shared.kit.consuming import EventSet, Subscription
from shared.kit.database import Session


class Consumers:
    """The handlers that need projects or the time; the others are operations themselves."""

    def __init__(self, runtime: QaRuntime) -> None:
        self._runtime = runtime

    @property
    def _projects(self) -> ProjectCache:
        return self._runtime.resources.projects

    async def on_records_accepted(self, session: Session, events: EventSet[RecordAccepted]) -> None:
        await records.accept(session, self._projects, events, utc_now())

    async def on_records_erased(self, session: Session, events: EventSet[RecordErased]) -> None:
        await records.erase(session, events, utc_now())

    async def on_records_predicted(self, session: Session, events: EventSet[RecordPredicted]) -> None:
        await predictions.keep(session, self._projects, events, utc_now())

    async def on_records_routed(self, session: Session, events: EventSet[RecordRouted]) -> None:
        await predictions.route(session, self._projects, events, utc_now())

    async def on_annotations_submitted(self, session: Session, events: EventSet[AnnotationSubmitted]) -> None:
        await annotations.accept(session, self._projects, events, utc_now())

    async def on_tasks_unservable(self, session: Session, events: EventSet[TaskUnservable]) -> None:
        await servability.close_tasks(session, self._projects, events, utc_now())

    async def on_tasks_servable(self, session: Session, events: EventSet[TaskServable]) -> None:
        await servability.reopen_tasks(session, self._projects, events, utc_now())

    async def on_labels_doubted(self, session: Session, events: EventSet[LabelDoubted]) -> None:
        await label_doubts.keep(session, events, utc_now())

    async def on_feedback_received(self, session: Session, events: EventSet[FeedbackReceived]) -> None:
        await feedback.receive(session, self._projects, events, utc_now())


def subscriptions(runtime: QaRuntime) -> Sequence[Subscription[Any]]:
    """What qa handles. Every record brings those that are idempotent, so they leave no rows in the inbox."""
    on = Consumers(runtime)
    return (
        Subscription(ProjectChanged, copies.keep_projects),
        Subscription(RecordAccepted, on.on_records_accepted, idempotent=True),
        Subscription(RecordErased, on.on_records_erased),
        Subscription(RecordPredicted, on.on_records_predicted, idempotent=True),
        Subscription(RecordRouted, on.on_records_routed, idempotent=True),
        Subscription(AnnotationSubmitted, on.on_annotations_submitted),
        Subscription(TaskSkipped, annotations.keep_skips),
        Subscription(TaskUnservable, on.on_tasks_unservable),
        Subscription(TaskServable, on.on_tasks_servable),
        Subscription(AnnotatorChanged, copies.keep_annotators),
        Subscription(WorkLogged, annotations.keep_work),
        Subscription(ModelChanged, copies.keep_models),
        Subscription(LabelDoubted, on.on_labels_doubted),
        Subscription(FeedbackReceived, on.on_feedback_received),
    )
