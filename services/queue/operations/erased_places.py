"""What queue held of erased records, for the report: all of it is deleted in one transaction."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from shared.contracts.erasure import ErasedPlace, PlaceState
from shared.kit.database import Session
from shared.kit.erasures import Erasure

_PLACES: Final = ("content", "tasks", "leases", "drafts", "annotations")


async def places(session: Session, erased: Sequence[Erasure]) -> dict[UUID, list[ErasedPlace]]:  # noqa: ARG001
    """The places of each record."""
    return {
        one.record_id: [ErasedPlace(place=name, state=PlaceState.DONE, done_at=one.erased_at) for name in _PLACES]
        for one in erased
    }
