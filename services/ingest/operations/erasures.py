"""The receipt of an erasure: what ingest, and every other service, has deleted of a record, and what is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.ingest.exceptions import NotErased
from services.ingest.storage import erasures as storage
from services.ingest.storage.erasures import ServiceReport
from services.ingest.storage.records import StoredRecord
from shared.contracts.envelope import Event
from shared.contracts.erasure import ErasedPlace, PlaceState
from shared.contracts.events import AnnotationsErased, ErasureReported, LabelsErased, PredictionsErased
from shared.contracts.topics import TOPIC_OF
from shared.kit import erasures
from shared.kit.consuming import EventSet
from shared.kit.database import Session
from shared.kit.erasures import Erasure

OWN: Final = "ingest"
_SERVICES: Final = (
    OWN,
    *(TOPIC_OF[event].producer for event in (PredictionsErased, AnnotationsErased, LabelsErased)),
)
_NOT_REPORTED: Final = ErasedPlace(place="service", state=PlaceState.PENDING, reason="not_reported_yet")


@dataclass(frozen=True, slots=True)
class ErasureReceipt:
    """`places` by service. `deadline`: when everything that goes by itself is gone at the latest."""

    record: StoredRecord
    asked_at: datetime
    deadline: datetime
    places: Mapping[str, Sequence[ErasedPlace]]

    @property
    def state(self) -> PlaceState:
        """That of the place that is furthest from being done."""
        states = {place.state for places in self.places.values() for place in places}
        return next(state for state in (PlaceState.PENDING, PlaceState.LEFT, PlaceState.DONE) if state in states)

    @property
    def until(self) -> datetime:
        """When what goes by itself is gone at the latest; when the last of it went, where nothing is pending any more."""
        if self.state is PlaceState.PENDING:
            return self.deadline
        done = [place.done_at for places in self.places.values() for place in places if place.done_at is not None]
        return max(done, default=self.asked_at)


async def places(session: Session, erased: Sequence[Erasure]) -> dict[UUID, list[ErasedPlace]]:
    """What ingest held of these records: all is deleted at once, but for files, which follow."""
    with_files = await storage.with_files(session, [one.record_id for one in erased])
    return {
        one.record_id: [
            ErasedPlace(place="content", state=PlaceState.DONE, done_at=one.erased_at),
            ErasedPlace(place="names", state=PlaceState.DONE, done_at=one.erased_at),
            ErasedPlace(place="feedback", state=PlaceState.DONE, done_at=one.erased_at),
            _files(one, left=one.record_id in with_files),
        ]
        for one in erased
    }


def _files(erasure: Erasure, *, left: bool) -> ErasedPlace:
    if left:
        return ErasedPlace(place="files", state=PlaceState.PENDING, reason="being_deleted")
    known = next((place.done_at for place in erasure.report if place.place == "files" and place.done_at), None)
    return ErasedPlace(place="files", state=PlaceState.DONE, done_at=known or erasure.erased_at)


async def note(session: Session, record: StoredRecord, at: datetime) -> None:
    """Note in the transaction that erases a record that it is pending in every service."""
    await erasures.note(session, [(record.record_id, record.project_id)], at)
    await storage.expect(session, record.record_id, _SERVICES, at, _NOT_REPORTED)


async def keep_own(session: Session, erased: Sequence[Erasure]) -> None:
    """Keep what ingest itself reports, each with its revision."""
    reports = [ServiceReport(one.record_id, one.revision, one.erased_at, one.report) for one in erased]
    await storage.keep(session, OWN, reports)


async def keep_reports(session: Session, events: EventSet[ErasureReported]) -> None:
    """Keep what a service reports, of each record the newest; all events are of one service."""
    newest: dict[UUID, Event[ErasureReported]] = {}
    for event in events:
        assert event.record_id is not None
        before = newest.get(event.record_id)
        if before is None or before.revision < event.revision:
            newest[event.record_id] = event
    reports = [
        ServiceReport(record_id, event.revision, event.payload.erased_at, event.payload.places)
        for record_id, event in newest.items()
    ]
    await storage.keep(session, TOPIC_OF[type(events[0].payload)].producer, reports)


async def receipt(session: Session, record: StoredRecord, retention_days: int) -> ErasureReceipt:
    """What is known now. Raises NotErased."""
    erasure = await erasures.find(session, record.record_id)
    if erasure is None:
        raise NotErased(f"record {record.record_id}")
    deadline = erasures.latest(erasure.erased_at, retention_days)
    missing = [_NOT_REPORTED.model_copy(update={"until": deadline})]
    found = await storage.of_record(session, record.record_id)
    return ErasureReceipt(record, erasure.erased_at, deadline, {name: found.get(name, missing) for name in _SERVICES})
