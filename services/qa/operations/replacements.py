"""The votes of annotators who were paused: on open records somebody else is asked instead."""

from datetime import datetime
from uuid import UUID

from services.qa.operations.changes import RecordChanges
from services.qa.operations.verdicts import Subject, judge_records
from services.qa.storage import projects, records
from shared.kit.database import Database

_RECORDS_AT_ONCE = 500


async def replace_votes(database: Database, project_id: UUID, annotator_id: UUID, now: datetime) -> int:
    """Judge every open record that counts an annotation of somebody who is paused now; returns how many."""
    judged = 0
    after = records.NOWHERE
    while True:
        async with database.transaction() as session:
            project = await projects.load(session, project_id)
            page = await records.open_with_votes_of(session, project_id, annotator_id, after, _RECORDS_AT_ONCE)
            if project is None or not page:
                return judged
            locked = await records.lock_known(session, page)
            changes = RecordChanges(now)
            await judge_records(session, changes, [Subject(record, project) for record in locked.values()])
            await changes.save(session)
        judged += len(page)
        after = page[-1]
