"""What the operations that handle events have in common."""

from typing import Any, Final
from uuid import UUID

from shared.contracts.envelope import Event

PROJECT: Final = "project"
RECORD: Final = "record"
SCHEMA: Final = "schema"
"""What an event that came too early may wait for."""


def ids_of(event: Event[Any]) -> tuple[UUID, UUID]:
    """The record and the project that an event is about."""
    assert event.record_id is not None
    assert event.project_id is not None
    return event.record_id, event.project_id
