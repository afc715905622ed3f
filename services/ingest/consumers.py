"""The event edge of ingest: how records end, so that its lists can show it, and what others have erased."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.ingest.operations import erasures, records
from services.ingest.storage.records import StateChange
from shared.contracts.envelope import Payload
from shared.contracts.events import (
    AnnotationsErased,
    ErasureReported,
    GoldPlaced,
    GoldWithdrawn,
    LabelFinalized,
    LabelRetracted,
    LabelsErased,
    PredictionsErased,
    RecordUnlabelable,
)
from shared.contracts.values import RecordState
from shared.kit.consuming import EventSet, Subscription
from shared.kit.database import Session

STATES: Final[Mapping[type[Payload], RecordState]] = {
    LabelFinalized: RecordState.FINALIZED,
    LabelRetracted: RecordState.OPEN,
    RecordUnlabelable: RecordState.UNLABELABLE,
    GoldPlaced: RecordState.GOLD,
    GoldWithdrawn: RecordState.OPEN,
}


async def on_record_states(session: Session, events: EventSet[Payload]) -> None:
    changes = [
        StateChange(
            record_id=event.record_id,
            state=STATES[type(event.payload)],
            revision=event.revision,
            label_revision=getattr(event.payload, "label_revision", 0),
        )
        for event in events
        if event.record_id is not None
    ]
    await records.note_states(session, changes)


async def on_erasures_reported(session: Session, events: EventSet[ErasureReported]) -> None:
    await erasures.keep_reports(session, events)


def subscriptions() -> Sequence[Subscription[Any]]:
    reports = (PredictionsErased, AnnotationsErased, LabelsErased)
    return [
        *(Subscription(payload, on_record_states) for payload in STATES),
        *(Subscription(payload, on_erasures_reported, idempotent=True) for payload in reports),
    ]
