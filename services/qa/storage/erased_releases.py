"""What of an erased record is replaced after its content is deleted: the releases that held it, and counts of answers."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from shared.kit.database import Session

# A release that was never published has no successor: its files go when its job ends or is given up.
_OF_RECORDS = """
SELECT held.record_id, r.release_id, r.published_at IS NOT NULL AS published,
    r.status = 'failed' OR r.superseded_by IS NOT NULL AS replaced
FROM release_records AS held CROSS JOIN LATERAL (
    SELECT release_id, published_at, status, superseded_by FROM releases WHERE release_id = held.release_id LIMIT 1
) AS r
WHERE held.record_id = ANY($1::uuid[]) AND (r.status <> 'published' OR r.published_at IS NULL)
ORDER BY held.record_id, r.release_id
"""
_WAITING = """
SELECT DISTINCT record_id FROM agreement_changes WHERE project_id = ANY($1::uuid[]) AND record_id = ANY($2::uuid[])
"""


class ReleaseOfRecord(NamedTuple):
    """A release that held a record. `replaced`: its files are deleted, and it has a successor where it was published."""

    record_id: UUID
    release_id: UUID
    published: bool
    replaced: bool


async def of_records(session: Session, record_ids: Collection[UUID]) -> list[ReleaseOfRecord]:
    """The releases that held any of these records."""
    rows = await session.raw.fetch(_OF_RECORDS, list(record_ids))
    return [ReleaseOfRecord(row["record_id"], row["release_id"], row["published"], row["replaced"]) for row in rows]


async def waiting_for_recount(
    session: Session, project_ids: Collection[UUID], record_ids: Collection[UUID]
) -> set[UUID]:
    """Those of the records whose answers are still counted in the agreement."""
    rows = await session.raw.fetch(_WAITING, list(project_ids), list(record_ids))
    return {row["record_id"] for row in rows}
