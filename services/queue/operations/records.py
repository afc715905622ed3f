"""Records come in and are erased."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from services.queue.operations.batches import GOLD_WITHDRAWN, RECORD, ids_of, load
from services.queue.storage import progress, records
from services.queue.storage.records import NewRecord
from shared.contracts.events import RecordAccepted, RecordErased
from shared.contracts.fields import FieldValue
from shared.contracts.values import RecordState
from shared.kit import erasures
from shared.kit.consuming import EventSet, release_parked
from shared.kit.database import Session

_LARGEST_PRIORITY = 2**31 - 1
_FIELDS: TypeAdapter[dict[str, FieldValue]] = TypeAdapter(dict[str, FieldValue])


async def accept(session: Session, events: EventSet[RecordAccepted]) -> None:
    """Keep the content of records that are new."""
    new: dict[UUID, NewRecord] = {}
    for event in events:
        record_id, project_id = ids_of(event)
        accepted = event.payload
        priority = max(-_LARGEST_PRIORITY, min(_LARGEST_PRIORITY, accepted.priority))
        fields = _FIELDS.dump_json(accepted.fields).decode()
        new.setdefault(record_id, NewRecord(record_id, project_id, event.revision, accepted.split, priority, fields))
    kept = await records.accept(session, list(new.values()))
    await _count_new(session, [new[record_id].project_id for record_id in kept], RecordState.OPEN)
    await release_parked(session, RECORD, kept)


async def erase(session: Session, events: EventSet[RecordErased], now: datetime) -> None:
    """Leave nothing of the content; the row stays as a tombstone, and refuses content for ever."""
    wanted = {record_id: (project_id, event.revision) for event in events for record_id, project_id in [ids_of(event)]}
    tombstones = [(record_id, *rest) for record_id, rest in wanted.items()]
    buried = await records.bury(session, tombstones)
    await _count_new(session, [wanted[record_id][0] for record_id in buried], RecordState.ERASED)
    batch = await load(session, events)
    erased = []
    for event, record in batch.ready(events):
        if record.state is RecordState.ERASED:
            continue
        for task in record.tasks:
            task.close(leased_too=True)
        batch.effects.change_state(record, RecordState.ERASED)
        record.revision = max(record.revision, event.revision)
        record.waiting, record.selection, record.prediction = False, None, None
        erased.append(record)
    tasks = [task.task_id for record in erased for task in record.tasks]
    await records.erase_content(session, [record.record_id for record in erased], tasks)
    await batch.save(session)
    await erasures.note(session, [(record_id, project_id) for record_id, (project_id, _) in wanted.items()], now)
    await release_parked(session, RECORD, buried)
    await release_parked(session, GOLD_WITHDRAWN, set(wanted))


async def _count_new(session: Session, project_ids: list[UUID], state: RecordState) -> None:
    counted = Counter(project_ids)
    await progress.add(session, {(project_id, f"records.{state}"): count for project_id, count in counted.items()})
