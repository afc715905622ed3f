"""The event edge, api's twin: each handler calls one operation with a set of events."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from services.queue.operations import annotators, labels, projects, records, requests, routing
from services.queue.resources import QueueRuntime
from services.queue.storage.projects import ProjectCache
from shared.contracts import events
from shared.kit.clock import utc_now
from shared.kit.consuming import EventSet, Subscription
from shared.kit.database import Session


class Consumers:
    """The handlers. A new project or threshold wakes the loop that routes again, once it is committed."""

    def __init__(self, runtime: QueueRuntime) -> None:
        self._runtime = runtime

    @property
    def _projects(self) -> ProjectCache:
        return self._runtime.resources.projects

    async def on_projects_changed(self, session: Session, changed: EventSet[events.ProjectChanged]) -> None:
        await projects.keep(session, self._projects, changed)
        for loop in ("route_waiting", "reroute"):
            session.on_commit(partial(self._runtime.wake, loop))

    async def on_records_accepted(self, session: Session, accepted: EventSet[events.RecordAccepted]) -> None:
        await records.accept(session, accepted)

    async def on_records_erased(self, session: Session, erased: EventSet[events.RecordErased]) -> None:
        await records.erase(session, erased, utc_now())

    async def on_records_predicted(self, session: Session, predicted: EventSet[events.RecordPredicted]) -> None:
        await routing.keep_predictions(session, self._projects, predicted, utc_now())

    async def on_annotations_requested(
        self, session: Session, requested: EventSet[events.AnnotationsRequested]
    ) -> None:
        await requests.request_annotations(session, self._projects, requested, utc_now())

    async def on_arbitrations_requested(
        self, session: Session, requested: EventSet[events.ArbitrationRequested]
    ) -> None:
        await requests.request_arbitration(session, self._projects, requested, utc_now())

    async def on_relabels_requested(self, session: Session, requested: EventSet[events.RelabelRequested]) -> None:
        await requests.request_relabel(session, self._projects, requested, utc_now())

    async def on_labels_finalized(self, session: Session, finalized: EventSet[events.LabelFinalized]) -> None:
        await labels.finalize(session, finalized)

    async def on_labels_retracted(self, session: Session, retracted: EventSet[events.LabelRetracted]) -> None:
        await labels.retract(session, self._projects, retracted, utc_now())

    async def on_records_unlabelable(self, session: Session, given_up: EventSet[events.RecordUnlabelable]) -> None:
        await labels.give_up(session, given_up)

    async def on_gold_placed(self, session: Session, placed: EventSet[events.GoldPlaced]) -> None:
        again = await labels.place_gold(session, self._projects, placed, utc_now())
        session.on_commit(lambda: self._runtime.resources.hints.gold.note(again))

    async def on_gold_withdrawn(self, session: Session, withdrawn: EventSet[events.GoldWithdrawn]) -> None:
        await labels.withdraw_gold(session, self._projects, withdrawn, utc_now())

    async def on_annotators_assessed(self, session: Session, assessed: EventSet[events.AnnotatorAssessed]) -> None:
        await annotators.keep_assessments(session, assessed, utc_now())
        session.on_commit(partial(self._runtime.wake, "take_back"))

    async def on_thresholds_set(self, session: Session, thresholds: EventSet[events.AutoAcceptThresholdSet]) -> None:
        await routing.keep_thresholds(session, thresholds)
        session.on_commit(lambda: self._runtime.wake("reroute"))


def subscriptions(runtime: QueueRuntime) -> Sequence[Subscription[Any]]:
    """What queue handles. Every record brings those that are idempotent, so they leave no rows in the inbox."""
    on = Consumers(runtime)
    return (
        Subscription(events.ProjectChanged, on.on_projects_changed),
        Subscription(events.RecordAccepted, on.on_records_accepted, idempotent=True),
        Subscription(events.RecordErased, on.on_records_erased),
        Subscription(events.RecordPredicted, on.on_records_predicted, idempotent=True),
        Subscription(events.AnnotationsRequested, on.on_annotations_requested),
        Subscription(events.ArbitrationRequested, on.on_arbitrations_requested),
        Subscription(events.RelabelRequested, on.on_relabels_requested),
        Subscription(events.LabelFinalized, on.on_labels_finalized),
        Subscription(events.LabelRetracted, on.on_labels_retracted),
        Subscription(events.RecordUnlabelable, on.on_records_unlabelable),
        Subscription(events.GoldPlaced, on.on_gold_placed),
        Subscription(events.GoldWithdrawn, on.on_gold_withdrawn),
        Subscription(events.AnnotatorAssessed, on.on_annotators_assessed),
        Subscription(events.AutoAcceptThresholdSet, on.on_thresholds_set),
    )
