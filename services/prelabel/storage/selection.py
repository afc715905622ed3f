"""Batches of active learning: what there is to choose from, what was chosen, how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.prelabel.domain.learning_schedule import LastBatch
from services.prelabel.storage.records import _CONTENT, Content, content_of
from shared.contracts.events import Selection
from shared.kit.database import Session


@dataclass(frozen=True, slots=True)
class SelectableRecord:
    """A record that may be selected, with what sets it apart from others. `label`: what its newest prediction gives it."""

    record_id: UUID
    score: float
    draw: float
    label: str | None
    content: Content


@dataclass(frozen=True, slots=True)
class Chosen:
    """A record that was selected, its row locked. `revision` counts its predictions."""

    record_id: UUID
    revision: int
    draw: float
    selection: Selection


_CANDIDATE = "r.project_id = $1 AND r.state = 'open' AND r.split = 'train' AND r.batch IS NULL"
# The order is that of an index, so that what is rare is not looked for in the whole table.
_COUNT = f"""
SELECT count(*) FROM (
    SELECT 1 FROM records r WHERE {_CANDIDATE} AND r.explored = $2 ORDER BY r.draw LIMIT $3
) bounded
"""  # noqa: S608
# The newest prediction of a record that came while there was no model has no body, nor a row.
_CHOSEN_COLUMNS = f"r.record_id, r.score, r.draw, p.body #>> ARRAY['answers', $3, 'label'] AS label, {_CONTENT}"
_WITH_CONTENT = """
JOIN contents c USING (record_id)
LEFT JOIN predictions p ON p.record_id = r.record_id AND p.revision = r.prediction_revision
"""
_BY_SCORE = f"""
SELECT {_CHOSEN_COLUMNS} FROM (
    SELECT * FROM records r WHERE {_CANDIDATE} AND NOT r.explored ORDER BY r.score DESC LIMIT $2
) r {_WITH_CONTENT}
"""  # noqa: S608
# Round the circle of draws: from the start on, then from 0 up to it.
_BY_DRAW = f"""
SELECT {_CHOSEN_COLUMNS} FROM (
    (SELECT * FROM records r WHERE {_CANDIDATE} AND r.explored = $4 AND r.draw >= $5 ORDER BY r.draw LIMIT $2)
    UNION ALL
    (SELECT * FROM records r WHERE {_CANDIDATE} AND r.explored = $4 AND r.draw < $5 ORDER BY r.draw LIMIT $2)
    LIMIT $2
) r {_WITH_CONTENT}
"""  # noqa: S608
_LAST = """
SELECT batch, size, sum(size) OVER () AS selected FROM batches WHERE project_id = $1 ORDER BY batch DESC LIMIT 1
"""
_OPEN = """
SELECT count(*) FROM (SELECT 1 FROM records WHERE project_id = $1 AND batch = $2 AND state = 'open' LIMIT $3) bounded
"""
_SERVED = """
SELECT (
    SELECT held_out FROM records WHERE project_id = $1 AND state = 'open' AND (held_out OR explored)
    ORDER BY held_out LIMIT 1
) IS NOT NULL
"""
_OPEN_VALIDATION = """
SELECT count(*) FROM (
    SELECT 1 FROM records WHERE project_id = $1 AND state = 'open' AND split = 'validation' LIMIT $2
) bounded
"""
_ADD = "INSERT INTO batches (project_id, batch, size, model_id, created_at) VALUES ($1, $2, $3, $4, $5)"
_LOCK = """
SELECT record_id FROM records
WHERE record_id = ANY($1::uuid[]) AND state = 'open' AND batch IS NULL ORDER BY record_id FOR UPDATE
"""
_SELECT = """
UPDATE records SET batch = $2, strategy = row.strategy, selection_probability = row.probability
FROM unnest($1::uuid[], $3::text[], $4::float8[]) AS row (record_id, strategy, probability)
WHERE records.record_id = row.record_id
RETURNING records.record_id, records.prediction_revision, records.draw
"""
_LIST = """
SELECT b.batch, b.size, b.model_id, b.created_at,
    (SELECT count(*) FROM records r WHERE r.project_id = $1 AND r.batch = b.batch AND r.state = 'open') AS still_open
FROM batches b WHERE b.project_id = $1 AND b.batch < $2 ORDER BY b.batch DESC LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch; `model_id` is that of the scores it was chosen by, `still_open` how many of its records have not ended."""

    batch: int
    size: int
    model_id: UUID | None
    created_at: datetime
    still_open: int


async def count_candidates(session: Session, project_id: UUID, bound: int, *, explored: bool = False) -> int:
    """How many records may be selected, counted up to `bound`."""
    count: int = await session.raw.fetchval(_COUNT, project_id, explored, bound)
    return count


async def most_unsure(
    session: Session, project_id: UUID, most: int, question: str | None
) -> Sequence[SelectableRecord]:
    """At most so many candidates, those with the highest scores; with the class that `question` was answered by."""
    return _selectable(await session.raw.fetch(_BY_SCORE, project_id, most, question))


async def from_draw(
    session: Session, project_id: UUID, most: int, question: str | None, start: float, *, explored: bool = False
) -> Sequence[SelectableRecord]:
    """At most so many candidates, a random sample: those whose draws come first from `start` on, after 1 from 0."""
    return _selectable(await session.raw.fetch(_BY_DRAW, project_id, most, question, explored, start))


def _selectable(rows: Sequence[Any]) -> list[SelectableRecord]:
    return [SelectableRecord(row[0], row[1], row[2], row[3], content_of(row[0], row)) for row in rows]


async def last_batch(session: Session, project_id: UUID) -> LastBatch | None:
    row = await session.raw.fetchrow(_LAST, project_id)
    if row is None:
        return None
    still_open: int = await session.raw.fetchval(_OPEN, project_id, row[0], row[1])
    return LastBatch(row[0], row[1], still_open, row[2])


async def chance_is_served(session: Session, project_id: UUID) -> bool:
    """Whether a record that was drawn by chance, held out or explored, is still open."""
    served: bool = await session.raw.fetchval(_SERVED, project_id)
    return served


async def count_open_validation(session: Session, project_id: UUID, bound: int) -> int:
    """How many records of the validation split have no label yet, counted up to `bound`."""
    count: int = await session.raw.fetchval(_OPEN_VALIDATION, project_id, bound)
    return count


async def add_batch(
    session: Session,
    project_id: UUID,
    batch: int,
    model_id: UUID | None,
    chosen: Sequence[tuple[UUID, Selection]],
    now: datetime,
) -> Sequence[Chosen]:
    """Mark what is still free as selected; returns those, locked, in the order of their ids."""
    free = {row[0] for row in await session.raw.fetch(_LOCK, sorted(record_id for record_id, _ in chosen))}
    marked = sorted(((record_id, selection) for record_id, selection in chosen if record_id in free), key=_first)
    if not marked:
        return []
    await session.raw.execute(_ADD, project_id, batch, len(marked), model_id, now)
    rows = await session.raw.fetch(
        _SELECT,
        [record_id for record_id, _ in marked],
        batch,
        [selection.strategy for _, selection in marked],
        [selection.probability for _, selection in marked],
    )
    why = dict(marked)
    return sorted((Chosen(row[0], row[1], row[2], why[row[0]]) for row in rows), key=lambda each: each.record_id)


def _first(pair: tuple[UUID, Selection]) -> UUID:
    return pair[0]


async def batches(session: Session, project_id: UUID, before: int, limit: int) -> Sequence[BatchRow]:
    """Batches below `before`, the newest first."""
    rows = await session.raw.fetch(_LIST, project_id, before, limit)
    return [BatchRow(**row) for row in rows]
