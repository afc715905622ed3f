"""Counters without hot rows, and marks for background work: both insert-only, folded by loops."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from shared.kit.database import Session

_ADD = """
WITH counted AS (
    INSERT INTO counter_deltas (project_id, name, delta) SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[])
)
INSERT INTO marks (project_id, kind, subject, weight)
SELECT * FROM unnest($4::uuid[], $5::text[], $6::uuid[], $7::integer[])
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
    DELETE FROM counter_deltas WHERE delta_seq = ANY(ARRAY(
        SELECT delta_seq FROM counter_deltas ORDER BY delta_seq LIMIT $1 FOR UPDATE SKIP LOCKED
    )) RETURNING project_id, name, delta
), summed AS (
    SELECT project_id, name, sum(delta)::bigint AS delta FROM taken GROUP BY project_id, name ORDER BY project_id, name
), folded AS (
    INSERT INTO counters (project_id, name, value) SELECT project_id, name, delta FROM summed
    ON CONFLICT (project_id, name) DO UPDATE SET value = counters.value + excluded.value
)
SELECT count(*) FROM taken
"""
_MARKS = """
WITH waiting AS (
    SELECT project_id, subject, array_agg(mark_seq) AS seqs, sum(weight)::integer AS weight, min(mark_seq) AS first_seq
    FROM marks WHERE kind = $1 GROUP BY project_id, subject
)
SELECT w.project_id, w.subject, w.seqs, w.weight,
    greatest(0, coalesce(extract(epoch FROM a.retry_at - now()), 0))::float8 AS retry_in_s,
    a.failure IS NOT NULL AS failing
FROM waiting AS w LEFT JOIN work_attempts AS a
    ON a.project_id = w.project_id AND a.kind = $1 AND a.subject = coalesce(w.subject, w.project_id)
ORDER BY w.first_seq
"""
_MARK_CHAMPIONS = """
INSERT INTO marks (project_id, kind, weight)
SELECT DISTINCT project_id, $1, 1 FROM models WHERE stage = 'champion'
"""
_UNMARK = "DELETE FROM marks WHERE mark_seq = ANY($1::bigint[])"


class BackgroundWork(StrEnum):
    """What a project may wait for: an estimation, a test of thresholds, a paused annotator's votes to be replaced, a count
    of what its records hold, open records to be decided again since estimates have changed.
    """

    ESTIMATION = "estimates"
    THRESHOLD_TEST = "thresholds"
    REPLACEMENT = "replacements"
    POPULATION = "population"
    REDECISION = "redecisions"


class Mark(NamedTuple):
    """Background work of this kind waits for the project, and for one subject of it when there is one."""

    project_id: UUID
    kind: BackgroundWork
    subject: UUID | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """What is marked: the marks to take away when it is done, and how many facts they stand for.

    `failing`: the newest attempt failed. The next one is due in `retry_in_s`.
    """

    seqs: list[int]
    weight: int
    retry_in_s: float
    failing: bool


async def add(session: Session, deltas: Mapping[tuple[UUID, str], int], marks: Mapping[Mark, int]) -> None:
    """Count by project and name, and mark background work with how many facts wait for it."""
    changes = {key: delta for key, delta in deltas.items() if delta}
    if changes or marks:
        await session.raw.execute(
            _ADD,
            [project_id for project_id, _ in changes],
            [name for _, name in changes],
            list(changes.values()),
            [one.project_id for one in marks],
            [one.kind for one in marks],
            [one.subject for one in marks],
            list(marks.values()),
        )


async def read(session: Session, project_id: UUID) -> dict[str, int]:
    """Folded and unfolded together, in one statement: exact at its moment."""
    return {row["name"]: row["value"] for row in await session.raw.fetch(_READ, project_id)}


async def fold(session: Session, limit: int) -> int:
    """Fold the oldest deltas; returns how many."""
    folded: int = await session.raw.fetchval(_FOLD, limit)
    return folded


async def mark(session: Session, project_id: UUID, kind: BackgroundWork, subject: UUID | None = None) -> None:
    """Mark background work that waits."""
    await add(session, {}, {Mark(project_id, kind, subject): 1})


async def mark_with_champions(session: Session, kind: BackgroundWork) -> None:
    """Mark background work that waits for every project with a champion."""
    await session.raw.execute(_MARK_CHAMPIONS, kind)


async def marks(session: Session, kind: BackgroundWork) -> dict[tuple[UUID, UUID | None], Marked]:
    """What is marked, by project and subject, what waits longest first."""
    rows = await session.raw.fetch(_MARKS, kind)
    return {
        (row["project_id"], row["subject"]): Marked(row["seqs"], row["weight"], row["retry_in_s"], row["failing"])
        for row in rows
    }


async def unmark(session: Session, mark_seqs: list[int]) -> None:
    await session.raw.execute(_UNMARK, mark_seqs)
