"""Records as ingest publishes them: accepted, and erased by right."""

from datetime import datetime

from services.qa.domain.record import Record
from services.qa.operations import chain
from services.qa.operations.changes import RecordChanges
from services.qa.operations.record_sets import lock_records, park_early, waves
from services.qa.operations.verdicts import Subject, judge_records
from services.qa.storage import agreement_counts, annotations, gold, records, releases
from services.qa.storage.counters import BackgroundWork
from services.qa.storage.projects import ProjectCache
from services.qa.storage.records import NewRecord
from shared.contracts.envelope import Event
from shared.contracts.events import RecordAccepted, RecordErased
from shared.contracts.values import RecordState
from shared.kit import erasures
from shared.kit.consuming import EventSet
from shared.kit.database import Session


async def accept(session: Session, cache: ProjectCache, events: EventSet[RecordAccepted], now: datetime) -> None:
    """Keep records. One of which nothing has come yet is one new row; of the others the facts are judged."""
    known = await cache.load(session, {event.project_id for event in events if event.project_id})
    ready = park_early(events, known)
    if not ready:
        return
    first, *later = waves(ready)
    added = await records.add(session, [_new_record(event) for event in first])
    changes = RecordChanges(now)
    for event in first:
        if event.record_id in added:
            assert event.project_id is not None
            changes.count(event.project_id, f"records.{RecordState.OPEN}")
            changes.mark(event.project_id, BackgroundWork.POPULATION)
    await changes.save(session)
    for wave in ([event for event in first if event.record_id not in added], *later):
        if wave:
            await _accept_known(session, cache, wave, now)


async def _accept_known(
    session: Session, cache: ProjectCache, events: list[Event[RecordAccepted]], now: datetime
) -> None:
    """Accept records whose row is here: routed before they came, or accepted anew."""
    locked = await lock_records(session, cache, events)
    changes = RecordChanges(now, causes={event.record_id: event for event in events if event.record_id})
    newer: list[NewRecord] = []
    subjects: list[Subject] = []
    recounted: list[Record] = []
    for event in events:
        record, payload = locked.record(event), event.payload
        if record.source_revision >= event.revision or record.state is RecordState.ERASED:
            continue
        if not record.known:
            changes.count(record.project_id, f"records.{record.state}")
        record.known = True
        record.source_revision = event.revision
        if record.annotated and record.split is not payload.split:
            recounted.append(record)
        record.split = payload.split
        record.origin = payload.origin
        record.collected_by_chance = payload.collected_by_chance
        changes.touch(record)
        changes.mark(record.project_id, BackgroundWork.POPULATION)
        newer.append(_new_record(event))
        subjects.append(Subject(record, locked.project(event)))
    if newer:
        await records.save_content(session, newer)
        await judge_records(session, changes, subjects)
        await changes.save(session)
        await agreement_counts.mark(session, recounted)


def _new_record(event: Event[RecordAccepted]) -> NewRecord:
    assert event.record_id is not None
    assert event.project_id is not None
    payload = event.payload
    content = payload.model_dump(mode="json", include={"fields", "slice"})
    return NewRecord(
        record_id=event.record_id,
        project_id=event.project_id,
        source_revision=event.revision,
        split=payload.split,
        origin=payload.origin,
        collected_by_chance=payload.collected_by_chance,
        fields=content["fields"],
        slice=content["slice"],
        purposes=payload.purposes,
        schema_version=payload.schema_version,
    )


async def erase(session: Session, events: EventSet[RecordErased], now: datetime) -> None:
    """Delete the records' content; that there was one, how it went and the hashes stay."""
    locked = await lock_records(session, None, events)
    changes = RecordChanges(now)
    erased, undecided = [], []
    for event in events:
        record = locked.record(event)
        if record.state is RecordState.ERASED:
            continue
        changes.causes[record.record_id] = event
        if not record.known:
            changes.count(record.project_id, f"records.{record.state}")
        record.known = True
        record.source_revision = max(record.source_revision, event.revision)
        changes.link(record, chain.ERASURE, str(record.source_revision), {}, {})
        changes.end_label(record, "erased")
        changes.set_dispute(record, "withdrawn")
        if record.state in {RecordState.OPEN, RecordState.UNLABELABLE}:
            undecided.append(record.record_id)
        changes.move(record, RecordState.ERASED)
        record.close_requests()
        record.under_review = False
        record.salt = None
        erased.append(record)
    noted = {(record.record_id, record.project_id) for record in map(locked.record, events)}
    await erasures.note(session, noted, now)
    if not erased:
        return
    ids = [record.record_id for record in erased]
    if undecided:
        for project_id, votes in (await annotations.void_votes(session, undecided)).items():
            changes.count(project_id, "annotations.vote", -votes)
            changes.count(project_id, "annotations.void", votes)
    await gold.end_current(session, ids, now, "erased")
    await records.erase_content(session, ids)
    await changes.save(session)
    for project_id in sorted({record.project_id for record in erased}):
        touched = [record.record_id for record in erased if record.project_id == project_id]
        await releases.supersede_touched(session, project_id, touched)
