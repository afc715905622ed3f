"""Looks for wrong labels: each training run is followed by one, which is due until its outcome is kept."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from services.prelabel.storage.labels import Example, with_contents
from shared.kit.database import Session
from shared.kit.jsonb import dump

_PAUSE_S: Final = 10.0

# The newest training's comes first: it makes those of the project's earlier ones superfluous.
_NEXT: Final = """
SELECT run_id, project_id FROM training_runs
WHERE label_errors IS NULL AND state NOT IN ('queued', 'running', 'failed')
    AND coalesce(label_errors_retry_at <= $1, true) AND NOT run_id = ANY($2::uuid[])
ORDER BY run_id DESC LIMIT 1
"""
_NEXT_RETRY: Final = """
SELECT min(label_errors_retry_at) FROM training_runs
WHERE label_errors IS NULL AND state NOT IN ('queued', 'running', 'failed') AND label_errors_retry_at > $1
"""
# An attempt that leaves no word counts, and the next one is due after a pause that doubles with each.
_BEGIN: Final = """
UPDATE training_runs SET label_error_attempts = label_error_attempts + 1,
    label_errors_retry_at = $2::timestamptz + make_interval(secs => $3 * power(2.0, label_error_attempts + 1))
WHERE run_id = $1 AND label_errors IS NULL RETURNING label_error_attempts
"""
_END: Final = """
UPDATE training_runs SET label_errors = $2::jsonb, label_errors_retry_at = NULL
WHERE run_id = $1 AND label_errors IS NULL RETURNING true
"""
_SUPERSEDE: Final = """
UPDATE training_runs SET label_errors = '{"outcome": "superseded"}'
WHERE project_id = $1 AND run_id < $2 AND label_errors IS NULL AND state NOT IN ('queued', 'running', 'failed')
"""
_MACHINE_LABELS: Final = """
SELECT r.record_id, r.label, r.label_by_people, r.split, r.label_seq FROM records r
WHERE r.project_id = $1 AND r.label_schema_version = $2 AND r.state = 'finalized' AND NOT r.label_by_people
    AND NOT r.trainable AND NOT r.held_out AND r.label IS NOT NULL AND NOT r.gold_ever
ORDER BY r.label_seq DESC LIMIT $3
"""
# Locked, as labels to train on are: none of them can become gold, or be erased, until what was found is published.
_UNCHANGED: Final = """
SELECT r.record_id FROM records r JOIN unnest($1::uuid[], $2::text[]) AS had (record_id, label) USING (record_id)
WHERE r.state = 'finalized' AND NOT r.held_out AND NOT r.gold_ever AND r.label = had.label AND r.label_schema_version = $3
ORDER BY r.record_id FOR SHARE OF r
"""


class DueDoubtLook(NamedTuple):
    """The training run that is followed by the look."""

    run_id: UUID
    project_id: UUID


async def next_due(session: Session, now: datetime, besides: Collection[UUID]) -> DueDoubtLook | None:
    row = await session.raw.fetchrow(_NEXT, now, list(besides))
    return None if row is None else DueDoubtLook(*row)


async def next_retry(session: Session, now: datetime) -> datetime | None:
    """When the next look that failed before is due again."""
    at: datetime | None = await session.raw.fetchval(_NEXT_RETRY, now)
    return at


async def begin(session: Session, run_id: UUID, now: datetime) -> int | None:
    """Count an attempt, from 1; None when the look is over."""
    number: int | None = await session.raw.fetchval(_BEGIN, run_id, now, _PAUSE_S)
    return number


async def end(session: Session, look: DueDoubtLook, outcome: dict[str, Any]) -> bool:
    """Keep what a look found, and that looks after earlier trainings are superfluous; False when it is over already."""
    if not await session.raw.fetchval(_END, look.run_id, dump(outcome)):
        return False
    await session.raw.execute(_SUPERSEDE, look.project_id, look.run_id)
    return True


async def machine_labels(
    session: Session, project_id: UUID, schema_version: int, most: int, most_bytes: int
) -> Sequence[Example]:
    """The newest labels that models gave and none may learn from: `most`, with `most_bytes` of content together."""
    if most <= 0:
        return []
    rows = await session.raw.fetch(_MACHINE_LABELS, project_id, schema_version, most)
    return await with_contents(session, rows, most_bytes)


async def unchanged(session: Session, schema_version: int, labelled: Sequence[tuple[UUID, str]]) -> set[UUID]:
    """Those of the records that still have this label, locked against change."""
    rows = await session.raw.fetch(
        _UNCHANGED, [record_id for record_id, _ in labelled], [label for _, label in labelled], schema_version
    )
    return {row["record_id"] for row in rows}
