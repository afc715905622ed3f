"""The event edge, api's twin: each handler calls one operation with a set of events, and wakes who has work now."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from services.prelabel.loop_names import COMPARE, COUNT, TEST, UNLEARN
from services.prelabel.operations import labels, records, reports
from services.prelabel.resources import PrelabelRuntime, mark_dirty, wake_scoring
from shared.contracts import events
from shared.contracts.values import RecordState
from shared.kit.clock import utc_now
from shared.kit.consuming import EventSet, Subscription
from shared.kit.database import Session


class Consumers:
    """The handlers; the runtime's loops are woken once their effect is committed."""

    def __init__(self, runtime: PrelabelRuntime) -> None:
        self._runtime = runtime

    async def on_projects_changed(self, session: Session, changed: EventSet[events.ProjectChanged]) -> None:
        self._then_mark_dirty(session, await records.keep_projects(session, changed))
        self._then_measure(session)

    async def on_records_accepted(self, session: Session, accepted: EventSet[events.RecordAccepted]) -> None:
        kept = await records.accept(session, self._runtime.resources.projects, accepted)
        session.on_commit(lambda: self._note_arrivals(kept.projects))
        self._then_mark_dirty(session, kept.projects - kept.due)
        self._then_score(session, kept.due)

    async def on_records_erased(self, session: Session, erased: EventSet[events.RecordErased]) -> None:
        self._then_mark_dirty(session, await records.erase(session, erased, utc_now()))
        session.on_commit(lambda: self._runtime.wake(UNLEARN))

    async def on_labels_finalized(self, session: Session, finalized: EventSet[events.LabelFinalized]) -> None:
        self._then_mark_dirty(session, await labels.finalize(session, self._runtime.resources.projects, finalized))
        if any(event.payload.split.held_out for event in finalized):
            self._then_measure(session)

    async def on_labels_retracted(self, session: Session, retracted: EventSet[events.LabelRetracted]) -> None:
        self._then_score(session, await labels.change_state(session, retracted, RecordState.OPEN))

    async def on_records_unlabelable(self, session: Session, given_up: EventSet[events.RecordUnlabelable]) -> None:
        self._then_mark_dirty(session, await labels.change_state(session, given_up, RecordState.UNLABELABLE))

    async def on_gold_placed(self, session: Session, placed: EventSet[events.GoldPlaced]) -> None:
        self._then_mark_dirty(session, await labels.change_state(session, placed, RecordState.GOLD))
        session.on_commit(lambda: self._runtime.wake(COUNT))

    async def on_gold_withdrawn(self, session: Session, withdrawn: EventSet[events.GoldWithdrawn]) -> None:
        self._then_score(session, await labels.change_state(session, withdrawn, RecordState.OPEN))

    async def on_feedback_received(self, session: Session, received: EventSet[events.FeedbackReceived]) -> None:
        await reports.keep_feedback(session, received)

    async def on_thresholds_set(self, session: Session, thresholds: EventSet[events.AutoAcceptThresholdSet]) -> None:
        await reports.keep_thresholds(session, thresholds)

    async def on_releases_published(self, session: Session, published: EventSet[events.ReleasePublished]) -> None:
        await reports.keep_releases(session, published)

    def _then_measure(self, session: Session) -> None:
        for loop in (COMPARE, TEST):
            session.on_commit(partial(self._runtime.wake, loop))

    def _note_arrivals(self, project_ids: Collection[UUID]) -> None:
        for project_id in project_ids:
            self._runtime.resources.arrivals.note(project_id)

    def _then_mark_dirty(self, session: Session, project_ids: Collection[UUID]) -> None:
        if project_ids:
            session.on_commit(lambda: mark_dirty(self._runtime, *project_ids))

    def _then_score(self, session: Session, project_ids: Collection[UUID]) -> None:
        """Scoring marks a project for learning when it is done."""
        if project_ids:
            session.on_commit(lambda: wake_scoring(self._runtime, *project_ids))


def subscriptions(runtime: PrelabelRuntime) -> Sequence[Subscription[Any]]:
    """What prelabel handles. Every record brings what is idempotent, so that leaves no rows in the inbox."""
    on = Consumers(runtime)
    return (
        Subscription(events.ProjectChanged, on.on_projects_changed),
        Subscription(events.RecordAccepted, on.on_records_accepted, idempotent=True),
        Subscription(events.RecordErased, on.on_records_erased),
        Subscription(events.LabelFinalized, on.on_labels_finalized),
        Subscription(events.LabelRetracted, on.on_labels_retracted),
        Subscription(events.RecordUnlabelable, on.on_records_unlabelable),
        Subscription(events.GoldPlaced, on.on_gold_placed),
        Subscription(events.GoldWithdrawn, on.on_gold_withdrawn),
        Subscription(events.FeedbackReceived, on.on_feedback_received),
        Subscription(events.AutoAcceptThresholdSet, on.on_thresholds_set),
        Subscription(events.ReleasePublished, on.on_releases_published),
    )
