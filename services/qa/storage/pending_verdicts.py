"""Records whose verdict is computed outside of transactions: what waits, and how often it was attempted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from shared.kit.database import Session

# A new fact makes a new verdict: what was attempted before counts no more.
_ADD = """
INSERT INTO pending_verdicts (record_id, project_id)
SELECT * FROM unnest($1::uuid[], $2::uuid[]) ORDER BY 1
ON CONFLICT (record_id) DO UPDATE SET facts_seq = DEFAULT, attempts = 0, failure = NULL
"""
# Fair between projects: next is who has the fewest in hand, and of each project what waits longest. Each project looks up
# the next one in the index, so that what waits isn't read as a whole.
_TAKE = """
WITH RECURSIVE project AS (
    (SELECT project_id FROM pending_verdicts ORDER BY project_id LIMIT 1)
    UNION ALL
    SELECT next.project_id FROM project CROSS JOIN LATERAL (
        SELECT project_id FROM pending_verdicts WHERE pending_verdicts.project_id > project.project_id
        ORDER BY project_id LIMIT 1
    ) AS next
), chosen AS (
    SELECT record_id FROM project CROSS JOIN LATERAL (
        SELECT record_id, facts_seq, row_number() OVER (ORDER BY attempts, facts_seq) + (
            SELECT count(*) FROM unnest($4::uuid[]) AS taken (project_id) WHERE taken.project_id = project.project_id
        ) AS place FROM (
            SELECT record_id, attempts, facts_seq FROM pending_verdicts
            WHERE pending_verdicts.project_id = project.project_id AND NOT record_id = ANY($3::uuid[])
            ORDER BY attempts, facts_seq LIMIT $1
        ) AS first
    ) AS waiting
    WHERE place <= $2
    ORDER BY place, facts_seq LIMIT $1
)
UPDATE pending_verdicts SET attempts = attempts + 1 FROM chosen
WHERE pending_verdicts.record_id = chosen.record_id
RETURNING pending_verdicts.record_id, project_id, facts_seq, attempts
"""
_FACTS_OF = "SELECT facts_seq FROM pending_verdicts WHERE record_id = $1 FOR UPDATE"
_FAIL = "UPDATE pending_verdicts SET failure = $3 WHERE record_id = $1 AND facts_seq = $2"
_REMOVE = "DELETE FROM pending_verdicts WHERE record_id = ANY($1::uuid[])"


@dataclass(frozen=True, slots=True)
class PendingVerdict:
    """`facts_seq` changes with each new fact of the record; `attempts` counts this one, whatever may end it."""

    record_id: UUID
    project_id: UUID
    facts_seq: int
    attempts: int


async def add(session: Session, records: Mapping[UUID, UUID]) -> None:
    """Have the verdicts of locked records, given with their projects, computed in the background."""
    await session.raw.execute(_ADD, list(records), list(records.values()))


async def take(
    session: Session, limit: int, most_of_a_project: int, in_hand: Collection[PendingVerdict]
) -> list[PendingVerdict]:
    """Begin an attempt for some of what waits beside what is in hand, in turn by project; it counts once committed."""
    rows = await session.raw.fetch(
        _TAKE,
        limit,
        most_of_a_project,
        [one.record_id for one in in_hand],
        [one.project_id for one in in_hand],
    )
    return [PendingVerdict(**row) for row in rows]


async def still_stands(session: Session, pending: PendingVerdict) -> bool:
    """Whether no fact of the record has come since; ask under the record's lock."""
    found: int | None = await session.raw.fetchval(_FACTS_OF, pending.record_id)
    return found == pending.facts_seq


async def note_failure(session: Session, pending: PendingVerdict, reason: str) -> None:
    """Keep why the last attempt gave no verdict."""
    await session.raw.execute(_FAIL, pending.record_id, pending.facts_seq, reason)


async def remove(session: Session, record_ids: Collection[UUID]) -> None:
    """Take away what is done, or no more wanted, for locked records."""
    await session.raw.execute(_REMOVE, list(record_ids))
