"""The event edge: parse, call one operation, wake who has work now."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from services.prelabel.loop_names import COMPARE, COUNT
from services.prelabel.operations import labels, records
from services.prelabel.resources import PrelabelRuntime, mark_dirty, wake_scoring
from services.prelabel.storage import reports
from shared.contracts.envelope import Event
from shared.contracts.events import (
    AutoAcceptThresholdSet,
    DriftDetected,
    FeedbackReceived,
    GoldPlaced,
    GoldWithdrawn,
    LabelFinalized,
    LabelRetracted,
    ProjectChanged,
    RecordAccepted,
    RecordErased,
    RecordUnlabelable,
    ReleasePublished,
)
from shared.contracts.values import RecordState
from shared.kit.consuming import NotYet, Subscription, each, release_parked
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere


def _ids(event: Event[Any]) -> tuple[UUID, UUID]:
    """The project and the record that an event is about."""
    assert event.project_id is not None
    assert event.record_id is not None
    return event.project_id, event.record_id


@contextmanager
def _parking() -> Iterator[None]:
    """An event that needs what is not here yet waits for it."""
    try:
        yield
    except NotKnownHere as missing:
        raise NotYet(missing.what, missing.id) from None


class Consumers:
    """The handlers; they know the runtime only to wake its loops once their effect is committed."""

    def __init__(self, runtime: PrelabelRuntime) -> None:
        self._runtime = runtime

    def _then_mark_dirty(self, session: Session, project_id: UUID) -> None:
        session.on_commit(lambda: mark_dirty(self._runtime, project_id))

    def _then_score(self, session: Session, project_id: UUID | None) -> None:
        assert project_id is not None
        session.on_commit(lambda: wake_scoring(self._runtime, project_id))

    def _then_wake(self, session: Session, *names: str) -> None:
        for name in names:
            session.on_commit(lambda name=name: self._runtime.wake(name))  # type: ignore[misc]

    async def on_project_changed(self, session: Session, event: Event[ProjectChanged]) -> None:
        assert event.project_id is not None
        new_schemas = await records.keep_project(session, event.project_id, event.revision, event.payload)
        await release_parked(session, "project", [event.project_id])
        for key in new_schemas:
            await release_parked(session, "schema", [key])
        self._then_mark_dirty(session, event.project_id)
        self._then_wake(session, COMPARE)

    async def on_record_accepted(self, session: Session, event: Event[RecordAccepted]) -> None:
        project_id, record_id = _ids(event)
        with _parking():
            due = await records.accept_record(session, record_id, project_id, event.revision, event.payload)
        await release_parked(session, "record", [record_id])
        session.on_commit(lambda: self._runtime.resources.arrivals.note(project_id))
        if due:
            self._then_score(session, project_id)

    async def on_record_erased(self, session: Session, event: Event[RecordErased]) -> None:
        project_id, record_id = _ids(event)
        if await records.erase_record(session, record_id, project_id, event.revision):
            await release_parked(session, "record", [record_id])
            self._then_mark_dirty(session, project_id)

    async def on_label_finalized(self, session: Session, event: Event[LabelFinalized]) -> None:
        project_id, record_id = _ids(event)
        with _parking():
            changed = await labels.keep_label(session, record_id, event.revision, event.payload)
        if changed:
            self._then_mark_dirty(session, project_id)
            if event.payload.split.held_out:
                self._then_wake(session, COMPARE)

    async def on_label_retracted(self, session: Session, event: Event[LabelRetracted]) -> None:
        if await self._change_state(session, event, RecordState.OPEN):
            self._then_score(session, event.project_id)

    async def on_gold_placed(self, session: Session, event: Event[GoldPlaced]) -> None:
        await self._change_state(session, event, RecordState.GOLD)
        self._then_wake(session, COUNT)

    async def on_gold_withdrawn(self, session: Session, event: Event[GoldWithdrawn]) -> None:
        if await self._change_state(session, event, RecordState.OPEN):
            self._then_score(session, event.project_id)

    async def on_record_unlabelable(self, session: Session, event: Event[RecordUnlabelable]) -> None:
        await self._change_state(session, event, RecordState.UNLABELABLE)

    async def _change_state(self, session: Session, event: Event[Any], state: RecordState) -> bool:
        project_id, record_id = _ids(event)
        with _parking():
            changed = await labels.change_state(session, record_id, event.revision, state)
        if changed:
            self._then_mark_dirty(session, project_id)
        return changed

    async def on_feedback_received(self, session: Session, event: Event[FeedbackReceived]) -> None:
        assert event.project_id is not None
        said = event.payload
        version = int(said.model_version) if said.model_version and said.model_version.isdecimal() else None
        await reports.add_feedback(
            session, said.feedback_id, event.project_id, said.model_id, _storable(version), said.verdict
        )

    async def on_threshold_set(self, session: Session, event: Event[AutoAcceptThresholdSet]) -> None:
        said = event.payload
        part = f"{said.schema_version}/{said.question}/{said.label or ''}"
        await self._note(session, event, "threshold", said.model_id, said.threshold_revision, part)

    async def on_drift_detected(self, session: Session, event: Event[DriftDetected]) -> None:
        if event.payload.subject == "model":
            await self._note(session, event, "drift", event.payload.subject_id, event.revision)

    async def on_release_published(self, session: Session, event: Event[ReleasePublished]) -> None:
        await self._note(session, event, "release", event.payload.release_id, event.revision)

    async def _note(
        self, session: Session, event: Event[Any], kind: str, subject_id: UUID, revision: int, part: str = ""
    ) -> None:
        assert event.project_id is not None
        await reports.keep_note(
            session, event.project_id, kind, subject_id, event.payload.model_dump(mode="json"),
            revision=revision, occurred_at=event.occurred_at, part=part,
        )  # fmt: skip


_MOST_VERSIONS = 2**31 - 1


def _storable(version: int | None) -> int | None:
    return None if version is None or version > _MOST_VERSIONS else version


def subscriptions(runtime: PrelabelRuntime) -> Sequence[Subscription[Any]]:
    on = Consumers(runtime)
    return (
        Subscription(ProjectChanged, each(on.on_project_changed)),
        Subscription(RecordAccepted, each(on.on_record_accepted)),
        Subscription(RecordErased, each(on.on_record_erased)),
        Subscription(LabelFinalized, each(on.on_label_finalized)),
        Subscription(LabelRetracted, each(on.on_label_retracted)),
        Subscription(RecordUnlabelable, each(on.on_record_unlabelable)),
        Subscription(GoldPlaced, each(on.on_gold_placed)),
        Subscription(GoldWithdrawn, each(on.on_gold_withdrawn)),
        Subscription(FeedbackReceived, each(on.on_feedback_received)),
        Subscription(AutoAcceptThresholdSet, each(on.on_threshold_set)),
        Subscription(DriftDetected, each(on.on_drift_detected)),
        Subscription(ReleasePublished, each(on.on_release_published)),
    )
