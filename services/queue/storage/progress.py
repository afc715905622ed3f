"""Progress without counting: insert-only deltas, folded by one loop, read as folded and unfolded together."""

from collections.abc import Mapping
from uuid import UUID

from shared.kit.database import Session
from shared.kit.statements import columns

_ADD = """
INSERT INTO progress_deltas (project_id, counter, amount) SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[])
"""
_READ = """
SELECT counter, sum(amount)::bigint AS amount FROM (
    SELECT counter, amount FROM progress WHERE project_id = $1
    UNION ALL
    SELECT counter, amount FROM progress_deltas WHERE project_id = $1
) parts GROUP BY counter
"""
_FOLD = """
WITH taken AS (
    DELETE FROM progress_deltas WHERE delta_id IN (
        SELECT delta_id FROM progress_deltas ORDER BY delta_id LIMIT $1 FOR UPDATE SKIP LOCKED
    ) RETURNING project_id, counter, amount
), summed AS (
    SELECT project_id, counter, sum(amount)::bigint AS amount FROM taken
    GROUP BY project_id, counter ORDER BY project_id, counter
), folded AS (
    INSERT INTO progress (project_id, counter, amount) SELECT project_id, counter, amount FROM summed
    ON CONFLICT (project_id, counter) DO UPDATE SET amount = progress.amount + excluded.amount
)
SELECT count(*) FROM taken
"""


async def add(session: Session, counts: Mapping[tuple[UUID, str], int]) -> None:
    """Add to counters, by project and name."""
    changes = [(project_id, counter, amount) for (project_id, counter), amount in counts.items() if amount]
    if changes:
        await session.raw.execute(_ADD, *columns(changes))


async def read(session: Session, project_id: UUID) -> dict[str, int]:
    """Folded and unfolded in one statement: exact at its moment."""
    return {row["counter"]: row["amount"] for row in await session.raw.fetch(_READ, project_id)}


async def fold(session: Session, limit: int) -> int:
    """Fold the oldest deltas; return how many."""
    folded: int = await session.raw.fetchval(_FOLD, limit)
    return folded
