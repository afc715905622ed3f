"""Progress without counting: insert-only deltas, folded by one loop, read as folded and unfolded together."""

from collections.abc import Mapping
from uuid import UUID

from shared.kit.database import Session

_ADD = """
INSERT INTO progress_deltas (project_id, counter, amount) SELECT $1, counter, amount
FROM unnest($2::text[], $3::int[]) AS one (counter, amount)
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


async def add(session: Session, project_id: UUID, amounts: Mapping[str, int]) -> None:
    changes = {counter: amount for counter, amount in amounts.items() if amount}
    if changes:
        await session.raw.execute(_ADD, project_id, list(changes), list(changes.values()))


async def read(session: Session, project_id: UUID) -> dict[str, int]:
    """Folded and unfolded in one statement: exact at its moment."""
    return {row["counter"]: row["amount"] for row in await session.raw.fetch(_READ, project_id)}


async def fold(session: Session, limit: int) -> int:
    """Fold the oldest deltas; answers how many."""
    folded: int = await session.raw.fetchval(_FOLD, limit)
    return folded
