"""Counters without hot rows, and marks for background work: both insert-only, folded by loops."""

from collections.abc import Mapping
from uuid import UUID

from shared.kit.database import Session

_ADD = """
INSERT INTO counter_deltas (project_id, name, delta) SELECT $1, name, delta
FROM unnest($2::text[], $3::bigint[]) AS one (name, delta)
"""
_READ = """
SELECT name, sum(value)::bigint AS value FROM (
    SELECT name, value FROM counters WHERE project_id = $1
    UNION ALL
    SELECT name, delta FROM counter_deltas WHERE project_id = $1
) AS parts GROUP BY name
"""
_FOLD = """
WITH taken AS (
    DELETE FROM counter_deltas WHERE delta_seq IN (
        SELECT delta_seq FROM counter_deltas ORDER BY delta_seq LIMIT $1 FOR UPDATE SKIP LOCKED
    ) RETURNING project_id, name, delta
), summed AS (
    SELECT project_id, name, sum(delta)::bigint AS delta FROM taken GROUP BY project_id, name ORDER BY project_id, name
), folded AS (
    INSERT INTO counters (project_id, name, value) SELECT project_id, name, delta FROM summed
    ON CONFLICT (project_id, name) DO UPDATE SET value = counters.value + excluded.value
)
SELECT count(*) FROM taken
"""
_MARK = "INSERT INTO marks (project_id, kind, subject) VALUES ($1, $2, $3)"
_MARKS = """
SELECT project_id, subject, array_agg(mark_seq) AS seqs FROM marks WHERE kind = $1
GROUP BY project_id, subject ORDER BY min(mark_seq)
"""
_UNMARK = "DELETE FROM marks WHERE mark_seq = ANY($1::bigint[])"


async def add(session: Session, project_id: UUID, deltas: Mapping[str, int]) -> None:
    changes = {name: delta for name, delta in deltas.items() if delta}
    if changes:
        await session.raw.execute(_ADD, project_id, list(changes), list(changes.values()))


async def read(session: Session, project_id: UUID) -> dict[str, int]:
    """Folded and unfolded together, in one statement: exact at its moment."""
    return {row["name"]: row["value"] for row in await session.raw.fetch(_READ, project_id)}


async def fold(session: Session, limit: int) -> int:
    """Fold the oldest deltas; answers how many."""
    folded: int = await session.raw.fetchval(_FOLD, limit)
    return folded


async def mark(session: Session, project_id: UUID, kind: str, subject: UUID | None = None) -> None:
    """Say that background work of this kind waits for the project."""
    await session.raw.execute(_MARK, project_id, kind, subject)


async def marks(session: Session, kind: str) -> dict[tuple[UUID, UUID | None], list[int]]:
    """What is marked, what waits longest first, with the marks to take away when it is done."""
    rows = await session.raw.fetch(_MARKS, kind)
    return {(row["project_id"], row["subject"]): row["seqs"] for row in rows}


async def unmark(session: Session, mark_seqs: list[int]) -> None:
    await session.raw.execute(_UNMARK, mark_seqs)
