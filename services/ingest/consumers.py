"""The event edge of ingest: how records end, so that its lists can show it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.ingest.operations import records
from services.ingest.storage.records import StateChange
from shared.contracts.envelope import Payload
from shared.contracts.events import GoldPlaced, GoldWithdrawn, LabelFinalized, LabelRetracted, RecordUnlabelable
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


def subscriptions() -> Sequence[Subscription[Any]]:
    return [Subscription(payload, on_record_states) for payload in STATES]
