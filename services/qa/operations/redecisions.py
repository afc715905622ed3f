"""Open records that wait for another vote, decided again since estimates have changed much; closed ones are left alone."""

from datetime import datetime
from uuid import UUID

from services.qa.operations.changes import RecordChanges
from services.qa.operations.verdicts import Subject, judge_records
from services.qa.storage import projects, records
from shared.kit.database import Database

_RECORDS_AT_ONCE = 500


async def decide_again(database: Database, project_id: UUID, now: datetime) -> int:
    """Judge every open record that was annotated; returns how many. Each page is a transaction of its own.

    Whoever begins anew finds what was decided before closed.
    """
    judged = 0
    after = records.NOWHERE
    while True:
        async with database.transaction() as session:
            project = await projects.load(session, project_id)
            page = await records.open_and_annotated(session, project_id, after, _RECORDS_AT_ONCE)
            if project is None or not page:
                return judged
            locked = await records.lock_known(session, page)
            changes = RecordChanges(now)
            subjects = [Subject(record, project, decide_again=True) for record in locked.values()]
            await judge_records(session, changes, subjects)
            await changes.save(session)
        judged += len(page)
        after = page[-1]
