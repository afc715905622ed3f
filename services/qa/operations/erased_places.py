"""What qa held of erased records, for the report: what is deleted at once, and what its loops do afterwards."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.qa.storage import erased_releases
from services.qa.storage.erased_releases import ReleaseOfRecord
from shared.contracts.erasure import ErasedPlace, PlaceState
from shared.kit.database import Session
from shared.kit.erasures import Erasure

_AT_ONCE: Final = ("content", "annotations", "predictions", "labels", "decisions", "gold", "feedback", "chain")
_TAKE_SUCCESSORS: Final = "Ask whoever fetched these releases to take their successors and delete what they have."


async def places(session: Session, erased: Sequence[Erasure]) -> dict[UUID, list[ErasedPlace]]:
    """The places of each record. Of the chain the salt is deleted: its hashes stay and say nothing of the content."""
    ids = [one.record_id for one in erased]
    counted_again = await erased_releases.waiting_for_recount(session, {one.project_id for one in erased}, ids)
    releases: dict[UUID, list[ReleaseOfRecord]] = {}
    for one in await erased_releases.of_records(session, ids):
        releases.setdefault(one.record_id, []).append(one)
    return {
        one.record_id: [
            *(ErasedPlace(place=name, state=PlaceState.DONE, done_at=one.erased_at) for name in _AT_ONCE),
            _agreement(one, waits=one.record_id in counted_again),
            *_releases(one.erased_at, releases.get(one.record_id, [])),
        ]
        for one in erased
    }


def _agreement(erasure: Erasure, *, waits: bool) -> ErasedPlace:
    if waits:
        return ErasedPlace(place="agreement", state=PlaceState.PENDING, reason="being_counted")
    known = next((place.done_at for place in erasure.report if place.place == "agreement" and place.done_at), None)
    return ErasedPlace(place="agreement", state=PlaceState.DONE, done_at=known or erasure.erased_at)


def _releases(erased_at: datetime, held: Sequence[ReleaseOfRecord]) -> list[ErasedPlace]:
    """The releases' own files, and those that were published before: somebody may have them."""
    left = sorted(one.release_id for one in held if not one.replaced)
    files = ErasedPlace(
        place="release_files", state=PlaceState.PENDING if left else PlaceState.DONE,
        done_at=None if left else erased_at, reason="being_replaced" if left else None, ids=left,
    )  # fmt: skip
    published = sorted(one.release_id for one in held if one.published)
    if not published:
        return [files]
    gone = ErasedPlace(
        place="releases", state=PlaceState.LEFT, reason="published_before", next_step=_TAKE_SUCCESSORS, ids=published
    )
    return [files, gone]
