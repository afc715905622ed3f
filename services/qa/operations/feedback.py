"""What product systems report: evidence, and the record's verdict decides what it reopens."""

from datetime import datetime

from services.qa.operations.changes import RecordChanges
from services.qa.operations.record_sets import lock_records, park_early
from services.qa.operations.verdicts import Subject, judge_records
from services.qa.storage import feedback, records
from services.qa.storage.feedback import Received
from services.qa.storage.projects import ProjectCache
from services.qa.storage.records import NOWHERE
from shared.contracts.events import FeedbackReceived
from shared.contracts.values import RecordState, Verdict
from shared.kit.consuming import EventSet
from shared.kit.database import Database, Session

_RECORDS_AT_ONCE = 500


async def review_overdue(database: Database, cache: ProjectCache, now: datetime) -> int:
    """Judge final records with reports that had no effect, which a replica of an earlier release may leave; returns how
    many.
    """
    judged = 0
    after = NOWHERE
    while True:
        async with database.transaction() as session:
            overdue = await feedback.overdue(session, after, _RECORDS_AT_ONCE)
            if not overdue:
                return judged
            known = await cache.load(session, set(overdue.values()))
            locked = await records.lock_known(session, overdue)
            changes = RecordChanges(now)
            for record in locked.values():
                record.reported = True
            subjects = [Subject(record, known[record.project_id]) for record in locked.values()]
            await judge_records(session, changes, subjects)
            await changes.save(session)
        judged += len(overdue)
        after = max(overdue)


async def receive(session: Session, cache: ProjectCache, events: EventSet[FeedbackReceived], now: datetime) -> None:
    """Keep reports, and judge each record that corrections came of, once: the verdict rests on what is kept."""
    locked = await lock_records(session, cache, events)
    reports = []
    for event in park_early(events, locked.projects):
        erased = locked.record(event).state is RecordState.ERASED
        payload = event.payload
        corrects = payload.verdict is Verdict.CORRECTED and payload.correction is not None
        reports.append(Received(event, pending=corrects and not erased, erased=erased))
    added = await feedback.add(session, reports)
    changes = RecordChanges(now)
    subjects = {}
    for one in reports:
        if one.pending and one.event.payload.feedback_id in added:
            record = locked.record(one.event)
            if not record.reported:
                record.reported = True
                changes.touch(record)
            changes.causes[record.record_id] = one.event
            subjects[record.record_id] = Subject(record, locked.project(one.event))
    await judge_records(session, changes, list(subjects.values()))
    await changes.save(session)
