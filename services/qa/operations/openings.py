"""What is done to many records, one transaction each: replacing a paused annotator's votes."""

from datetime import datetime
from uuid import UUID

from services.qa.operations.rounds import settle
from services.qa.storage import projects, records
from shared.kit.database import Database

_RECORDS_AT_ONCE = 500


async def replace_votes(database: Database, project_id: UUID, annotator_id: UUID, now: datetime) -> int:
    """Settle every open record that counts an annotation of somebody who is paused now; answers how many."""
    settled = 0
    after = records.NOWHERE
    while True:
        async with database.transaction() as session:
            project = await projects.load(session, project_id)
            page = await records.open_with_votes_of(session, project_id, annotator_id, after, _RECORDS_AT_ONCE)
        if project is None or not page:
            return settled
        for record_id in page:
            async with database.transaction() as session:
                record = await records.lock(session, record_id, project_id)
                await settle(session, project, record, now)
            settled += 1
        after = page[-1]
