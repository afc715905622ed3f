"""The event edge: each event calls one operation. An event of a project that is not here yet waits for it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.qa.domain.project import Project
from services.qa.operations import intake
from services.qa.storage import projects
from shared.contracts.envelope import Event
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
from shared.kit.consuming import NotYet, Subscription, each
from shared.kit.database import Session


async def _project(session: Session, project_id: UUID | None) -> Project:
    assert project_id is not None
    project = await projects.load(session, project_id)
    if project is None:
        raise NotYet("project", project_id)
    return project


async def on_project_changed(session: Session, event: Event[ProjectChanged]) -> None:
    await intake.keep_project(session, event)


async def on_record_accepted(session: Session, event: Event[RecordAccepted]) -> None:
    await intake.accept_record(session, await _project(session, event.project_id), event, utc_now())


async def on_record_erased(session: Session, event: Event[RecordErased]) -> None:
    await intake.erase_record(session, event, utc_now())


async def on_record_predicted(session: Session, event: Event[RecordPredicted]) -> None:
    await intake.keep_prediction(session, await _project(session, event.project_id), event, utc_now())


async def on_record_routed(session: Session, event: Event[RecordRouted]) -> None:
    await intake.keep_route(session, await _project(session, event.project_id), event, utc_now())


async def on_annotation_submitted(session: Session, event: Event[AnnotationSubmitted]) -> None:
    await intake.take_annotation(session, await _project(session, event.project_id), event, utc_now())


async def on_task_skipped(session: Session, event: Event[TaskSkipped]) -> None:
    await intake.keep_skip(session, event)


async def on_task_unservable(session: Session, event: Event[TaskUnservable]) -> None:
    await intake.hear_unservable(session, await _project(session, event.project_id), event, utc_now())


async def on_task_servable(session: Session, event: Event[TaskServable]) -> None:
    await intake.hear_servable(session, await _project(session, event.project_id), event, utc_now())


async def on_annotator_changed(session: Session, event: Event[AnnotatorChanged]) -> None:
    await intake.keep_annotator(session, event)


async def on_work_logged(session: Session, event: Event[WorkLogged]) -> None:
    await intake.keep_work(session, event)


async def on_model_changed(session: Session, event: Event[ModelChanged]) -> None:
    await intake.keep_model(session, event)


async def on_feedback_received(session: Session, event: Event[FeedbackReceived]) -> None:
    await intake.hear_feedback(session, await _project(session, event.project_id), event, utc_now())


def subscriptions(_runtime: Runtime) -> Sequence[Subscription[Any]]:
    return (
        Subscription(ProjectChanged, each(on_project_changed)),
        Subscription(RecordAccepted, each(on_record_accepted)),
        Subscription(RecordErased, each(on_record_erased)),
        Subscription(RecordPredicted, each(on_record_predicted)),
        Subscription(RecordRouted, each(on_record_routed)),
        Subscription(AnnotationSubmitted, each(on_annotation_submitted)),
        Subscription(TaskSkipped, each(on_task_skipped)),
        Subscription(TaskUnservable, each(on_task_unservable)),
        Subscription(TaskServable, each(on_task_servable)),
        Subscription(AnnotatorChanged, each(on_annotator_changed)),
        Subscription(WorkLogged, each(on_work_logged)),
        Subscription(ModelChanged, each(on_model_changed)),
        Subscription(FeedbackReceived, each(on_feedback_received)),
    )
