"""What qa says of a record: each word has the record's next revision and is kept so that it can be said again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.qa.domain.standing import Record
from services.qa.storage import counters
from shared.contracts.envelope import Payload
from shared.contracts.values import RecordState
from shared.kit import outbox
from shared.kit.database import Session


async def tell(session: Session, record: Record, payload: Payload) -> None:
    """Say on topic `labels` how the record stands."""
    await _publish(session, record, payload)
    record.state_event = payload.event_type()
    record.state_revision = record.revision


async def ask(session: Session, record: Record, payload: Payload) -> None:
    """Ask queue for something; it stays asked until `Record.close_requests`."""
    await _publish(session, record, payload)
    request: dict[str, Any] = {
        "type": payload.event_type(),
        "revision": record.revision,
        "payload": payload.model_dump(mode="json"),
    }
    record.request = request


async def _publish(session: Session, record: Record, payload: Payload) -> None:
    record.revision += 1
    await outbox.publish(
        session, payload, project_id=record.project_id, record_id=record.record_id, revision=record.revision
    )


async def move(
    session: Session,
    record: Record,
    state: RecordState,
    now: datetime,
    reason: str | None = None,
    also: Mapping[str, int] | None = None,
) -> None:
    """Bring the record into a state and count it there; `also` are other counters that change with it."""
    deltas = dict(also or {})
    if record.known and state is not record.state:
        deltas[f"records.{record.state}"] = deltas.get(f"records.{record.state}", 0) - 1
        deltas[f"records.{state}"] = deltas.get(f"records.{state}", 0) + 1
    if state is not record.state:
        record.state_at = now
    record.state = state
    record.state_reason = reason
    await counters.add(session, record.project_id, deltas)
