"""The current state, published again as ordinary events with the same revisions: for services that join late."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from services.qa.domain.record import Record
from services.qa.operations.assessments import assessed
from services.qa.operations.changes import label_finalized
from services.qa.operations.current_thresholds import threshold_set
from services.qa.operations.sealing import chain_sealed
from services.qa.storage import annotators, chain, gold, labels, records, releases, thresholds
from services.qa.storage.gold import Gold
from services.qa.storage.labels import Label
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
    """Every record's state and what is still requested for it, then what was concluded about people and models, and every seal."""
    for part in (_records, _assessments, _thresholds, _releases, _seals):
        async for outgoing in part(session):
            yield outgoing


async def _records(session: Session) -> AsyncIterator[Outgoing]:
    after = NOWHERE
    while page := await records.page_for_republish(session, after, _AT_ONCE):
        states = await _states(session, page)
        for record in page:
            state = states.get(record.record_id)
            if state is not None:
                yield _of(record, state, record.state_revision)
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
            published = ReleasePublished(
                release_id=one.release_id,
                name=one.name,
                records=one.records or 0,
                manifest_sha256=one.manifest_sha256 or "",
                supersedes=one.supersedes,
            )
            yield Outgoing(payload=published, project_id=one.project_id, revision=one.revision)
        after = page[-1].release_id


async def _seals(session: Session) -> AsyncIterator[Outgoing]:
    after = (NOWHERE, 0)
    while page := await chain.page_for_republish(session, after, _AT_ONCE):
        for one in page:
            yield Outgoing(payload=chain_sealed(one), project_id=one.project_id, revision=one.number)
        after = (page[-1].project_id, page[-1].number)


def _of(record: Record, payload: Payload, revision: int) -> Outgoing:
    return Outgoing(payload=payload, project_id=record.project_id, record_id=record.record_id, revision=revision)


async def _states(session: Session, page: Sequence[Record]) -> dict[UUID, Payload]:
    """By record, the last that was published on topic `labels`, made again; a record is missing once it is erased."""
    final = [record.record_id for record in page if record.state_event == "LabelFinalized"]
    placed = [record.record_id for record in page if record.state_event == "GoldPlaced"]
    current = await labels.current(session, final) if final else {}
    golden = await gold.current(session, placed) if placed else {}
    states: dict[UUID, Payload] = {}
    for record in page:
        state = _state(record, current.get(record.record_id), golden.get(record.record_id))
        if state is not None:
            states[record.record_id] = state
    return states


def _state(record: Record, label: Label | None, placed: Gold | None) -> Payload | None:
    reason = record.state_reason or record.state_event or ""
    match record.state_event:
        case "LabelFinalized" if label is not None and label.answers is not None:
            return label_finalized(label, label.answers)
        case "GoldPlaced" if placed is not None:
            return GoldPlaced(schema_version=placed.schema_version, exposures=placed.exposures)
        case "LabelRetracted":
            return LabelRetracted(label_revision=max(record.label_revision, 1), reason=reason)
        case "RecordUnlabelable":
            return RecordUnlabelable(reason=reason)
        case "GoldWithdrawn":
            return GoldWithdrawn(reason=reason)
    return None
