"""What stands now, said again as ordinary events with the same revisions: for services that join late."""

from collections.abc import AsyncIterator

from services.qa.domain.standing import Record
from services.qa.operations.assessing import assessed
from services.qa.operations.ending import finalized_again
from services.qa.operations.thresholds import threshold_set
from services.qa.storage import annotators, gold, labels, records, releases, thresholds
from services.qa.storage.records import NOWHERE
from shared.contracts.envelope import Payload
from shared.contracts.events import (
    AnnotationsRequested,
    ArbitrationRequested,
    GoldPlaced,
    GoldWithdrawn,
    LabelRetracted,
    RecordUnlabelable,
    RelabelRequested,
    ReleasePublished,
)
from shared.kit.database import Session
from shared.kit.outbox import Outgoing

_AT_ONCE = 500
_REQUESTS: dict[str, type[Payload]] = {
    one.event_type(): one for one in (AnnotationsRequested, ArbitrationRequested, RelabelRequested)
}


async def current_state(session: Session) -> AsyncIterator[Outgoing]:
    """How every record stands and what is still asked for it, then what was concluded about people and models."""
    for part in (_records, _assessments, _thresholds, _releases):
        async for outgoing in part(session):
            yield outgoing


async def _records(session: Session) -> AsyncIterator[Outgoing]:
    after = NOWHERE
    while page := await records.page_for_republish(session, after, _AT_ONCE):
        for record in page:
            stands = await _stands(session, record)
            if stands is not None:
                yield _of(record, stands, record.state_revision)
            if record.request is not None:
                request = _REQUESTS[str(record.request["type"])].model_validate(record.request["payload"])
                yield _of(record, request, int(str(record.request["revision"])))
        after = page[-1].record_id


async def _assessments(session: Session) -> AsyncIterator[Outgoing]:
    after = (NOWHERE, NOWHERE)
    while page := await annotators.page_for_republish(session, after, _AT_ONCE):
        for one in page:
            yield Outgoing(payload=assessed(one), project_id=one.project_id, revision=one.assessment_revision)
        after = (page[-1].project_id, page[-1].annotator_id)


async def _thresholds(session: Session) -> AsyncIterator[Outgoing]:
    after = NOWHERE
    while page := await thresholds.page_for_republish(session, after, _AT_ONCE):
        for one in page:
            yield Outgoing(payload=threshold_set(one), project_id=one.project_id, revision=one.threshold_revision)
        after = page[-1].model_id


async def _releases(session: Session) -> AsyncIterator[Outgoing]:
    after = NOWHERE
    while page := await releases.page_for_republish(session, after, _AT_ONCE):
        for one in page:
            told = ReleasePublished(
                release_id=one.release_id,
                name=one.name,
                records=one.records or 0,
                manifest_sha256=one.manifest_sha256 or "",
                supersedes=one.supersedes,
            )
            yield Outgoing(payload=told, project_id=one.project_id, revision=one.revision)
        after = page[-1].release_id


def _of(record: Record, payload: Payload, revision: int) -> Outgoing:
    return Outgoing(payload=payload, project_id=record.project_id, record_id=record.record_id, revision=revision)


async def _stands(session: Session, record: Record) -> Payload | None:
    """The last that was said on topic `labels`, put together again; None when nothing was, or it was erased."""
    reason = record.state_reason or record.state_event or ""
    if record.state_event == "LabelFinalized":
        label = await labels.current(session, record.record_id)
        return None if label is None else finalized_again(label)
    if record.state_event == "GoldPlaced":
        placed = await gold.current(session, record.record_id)
        return None if placed is None else GoldPlaced(schema_version=placed.schema_version, exposures=placed.exposures)
    if record.state_event == "LabelRetracted":
        return LabelRetracted(label_revision=max(record.label_revision, 1), reason=reason)
    if record.state_event == "RecordUnlabelable":
        return RecordUnlabelable(reason=reason)
    if record.state_event == "GoldWithdrawn":
        return GoldWithdrawn(reason=reason)
    return None
