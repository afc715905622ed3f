"""The event edge, api's twin: each handler takes an event apart and calls one operation."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.queue.operations import annotators, labels, records, requests, routing
from shared.contracts import events
from shared.contracts.envelope import Event, Payload
from shared.kit.clock import utc_now
from shared.kit.consuming import Subscription, each
from shared.kit.database import Session
from shared.kit.runtime import Runtime


def _ids(event: Event[Payload]) -> tuple[UUID, UUID]:
    """The record and its project; an event of a record names both."""
    if event.record_id is None or event.project_id is None:
        raise ValueError(f"{event.type} without record_id or project_id")
    return event.record_id, event.project_id


def _project(event: Event[Payload]) -> UUID:
    if event.project_id is None:
        raise ValueError(f"{event.type} without project_id")
    return event.project_id


async def on_record_accepted(session: Session, event: Event[events.RecordAccepted]) -> None:
    await records.accept_record(session, *_ids(event), event)


async def on_record_erased(session: Session, event: Event[events.RecordErased]) -> None:
    await records.erase_record(session, *_ids(event), event)


async def on_record_predicted(session: Session, event: Event[events.RecordPredicted]) -> None:
    await records.keep_prediction(session, *_ids(event), event, utc_now())


async def on_annotations_requested(session: Session, event: Event[events.AnnotationsRequested]) -> None:
    await requests.request_annotations(session, *_ids(event), event, utc_now())


async def on_arbitration_requested(session: Session, event: Event[events.ArbitrationRequested]) -> None:
    await requests.request_arbitration(session, *_ids(event), event, utc_now())


async def on_relabel_requested(session: Session, event: Event[events.RelabelRequested]) -> None:
    await requests.request_relabel(session, *_ids(event), event, utc_now())


async def on_label_finalized(session: Session, event: Event[events.LabelFinalized]) -> None:
    await labels.finalize(session, *_ids(event), event)


async def on_label_retracted(session: Session, event: Event[events.LabelRetracted]) -> None:
    await labels.retract(session, *_ids(event), event, utc_now())


async def on_record_unlabelable(session: Session, event: Event[events.RecordUnlabelable]) -> None:
    await labels.give_up(session, *_ids(event), event)


async def on_gold_placed(session: Session, event: Event[events.GoldPlaced]) -> None:
    await labels.place_gold(session, *_ids(event), event, utc_now())


async def on_gold_withdrawn(session: Session, event: Event[events.GoldWithdrawn]) -> None:
    await labels.withdraw_gold(session, *_ids(event), event, utc_now())


async def on_annotator_assessed(session: Session, event: Event[events.AnnotatorAssessed]) -> None:
    await annotators.keep_assessment(session, _project(event), event.payload)


def subscriptions(runtime: Runtime) -> Sequence[Subscription[Any]]:
    """What queue hears. A new project or threshold wakes the loop that re-routes, once it is committed."""

    async def on_project_changed(session: Session, event: Event[events.ProjectChanged]) -> None:
        await records.keep_project(session, _project(event), event)
        session.on_commit(lambda: runtime.wake("route_waiting"))

    async def on_threshold_set(session: Session, event: Event[events.AutoAcceptThresholdSet]) -> None:
        await routing.keep_threshold(session, _project(event), event.payload)
        session.on_commit(lambda: runtime.wake("reroute"))

    return (
        Subscription(events.ProjectChanged, each(on_project_changed)),
        Subscription(events.RecordAccepted, each(on_record_accepted)),
        Subscription(events.RecordErased, each(on_record_erased)),
        Subscription(events.RecordPredicted, each(on_record_predicted)),
        Subscription(events.AnnotationsRequested, each(on_annotations_requested)),
        Subscription(events.ArbitrationRequested, each(on_arbitration_requested)),
        Subscription(events.RelabelRequested, each(on_relabel_requested)),
        Subscription(events.LabelFinalized, each(on_label_finalized)),
        Subscription(events.LabelRetracted, each(on_label_retracted)),
        Subscription(events.RecordUnlabelable, each(on_record_unlabelable)),
        Subscription(events.GoldPlaced, each(on_gold_placed)),
        Subscription(events.GoldWithdrawn, each(on_gold_withdrawn)),
        Subscription(events.AnnotatorAssessed, each(on_annotator_assessed)),
        Subscription(events.AutoAcceptThresholdSet, each(on_threshold_set)),
    )
