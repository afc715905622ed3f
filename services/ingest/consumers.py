"""What ingest hears: how records end, so that its lists can say so."""

from collections.abc import Sequence
from typing import Any

from services.ingest.operations import records
from shared.contracts.envelope import Event, Payload
from shared.contracts.events import GoldPlaced, GoldWithdrawn, LabelFinalized, LabelRetracted, RecordUnlabelable
from shared.contracts.values import RecordState
from shared.kit.consuming import Subscription, each
from shared.kit.database import Session

STATES: dict[type[Payload], RecordState] = {
    LabelFinalized: RecordState.FINALIZED,
    LabelRetracted: RecordState.OPEN,
    RecordUnlabelable: RecordState.UNLABELABLE,
    GoldPlaced: RecordState.GOLD,
    GoldWithdrawn: RecordState.OPEN,
}


async def on_label(session: Session, event: Event[Payload]) -> None:
    if event.record_id is not None:
        await records.note_state(session, event.record_id, STATES[type(event.payload)], event.revision)


def subscriptions() -> Sequence[Subscription[Any]]:
    return [Subscription(payload, each(on_label)) for payload in STATES]
