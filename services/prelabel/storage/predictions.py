"""Predictions: which records are due, and what was answered."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.prelabel.domain.prediction import without_answer
from services.prelabel.storage.records import _CONTENT, Content, content_of
from shared.contracts.events import RecordPredicted, Selection
from shared.contracts.values import RecordState, ScoredFor
from shared.kit.database import Session
from shared.kit.outbox import Outgoing
from shared.kit.pagination import RowPage, read_page


@dataclass(frozen=True, slots=True)
class Due:
    """A record whose newest prediction is not the champion's."""

    record_id: UUID
    content: Content


@dataclass(frozen=True, slots=True)
class LockedDue:
    """A record that is due, its row locked. `revision` counts its predictions, `attempts` those to read it."""

    record_id: UUID
    state: RecordState
    held_out: bool
    draw: float
    attempts: int
    revision: int
    selection: Selection | None


@dataclass(frozen=True, slots=True)
class NewPrediction:
    """A new prediction of a record, whose row is locked. `revision` counts the record's predictions."""

    record_id: UUID
    event_id: UUID
    revision: int
    payload: RecordPredicted


_DUE_WHERE = "(r.state IN ('open', 'unlabelable', 'gold') OR (r.held_out AND r.state = 'finalized'))"
# Two branches, each in the order of its part of the index; the second is not run when the first gives enough.
_DUE = f"""
SELECT record_id, {_CONTENT} FROM (
    (SELECT r.record_id FROM records r
        WHERE r.project_id = $1 AND r.held_out AND r.scored_epoch < $2 AND {_DUE_WHERE}
        ORDER BY r.scored_epoch LIMIT $3)
    UNION ALL
    (SELECT r.record_id FROM records r
        WHERE r.project_id = $1 AND NOT r.held_out AND r.scored_epoch < $2 AND {_DUE_WHERE}
        ORDER BY r.scored_epoch LIMIT $3)
    LIMIT $3
) due JOIN contents c USING (record_id)
"""  # noqa: S608  both parts are constants
_LOCK_DUE = f"""
SELECT r.record_id, r.state, r.held_out, r.draw, r.scoring_attempts, r.prediction_revision, r.batch, r.strategy,
    r.selection_probability
FROM records r WHERE r.record_id = ANY($1::uuid[]) AND r.scored_epoch < $2 AND {_DUE_WHERE}
ORDER BY r.record_id FOR UPDATE OF r
"""  # noqa: S608
# The longest overdue of each kind, by the order of the index: whatever the statistics say, no table is read through.
_OLDEST = f"""
(SELECT r.scored_epoch FROM records r WHERE r.project_id = $P AND r.held_out AND {_DUE_WHERE}
    ORDER BY r.scored_epoch LIMIT 1) < $E
OR (SELECT r.scored_epoch FROM records r WHERE r.project_id = $P AND NOT r.held_out AND {_DUE_WHERE}
    ORDER BY r.scored_epoch LIMIT 1) < $E
"""  # noqa: S608
_PROJECTS_DUE = f"""
SELECT p.project_id FROM projects p WHERE {_OLDEST.replace("$P", "p.project_id").replace("$E", "p.epoch")}
"""  # noqa: S608
_IS_DUE = f"""
SELECT coalesce({_OLDEST.replace("$P", "$1").replace("$E", "$2")}, false)
"""
_ADD: Final = """
WITH made AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::uuid[], $5::jsonb[])
        AS row (record_id, revision, event_id, model_id, body)
), superseded AS (
    INSERT INTO superseded_predictions (record_id, revision)
    SELECT record_id, made.revision - 1 FROM made JOIN records USING (record_id)
    WHERE made.revision > CASE WHEN first_prediction_id IS NULL THEN 1 ELSE 2 END
)
INSERT INTO predictions (record_id, revision, event_id, model_id, body)
SELECT record_id, revision, event_id, model_id, body FROM made
"""
# By place in the table: a superseded row is written once and never changed.
_PRUNE: Final = """
WITH old AS (
    DELETE FROM superseded_predictions WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM superseded_predictions WHERE superseded_at < now() - make_interval(days => $1)
        ORDER BY superseded_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )) RETURNING record_id, revision
), pruned AS (
    DELETE FROM predictions p USING old WHERE p.record_id = old.record_id AND p.revision = old.revision
)
SELECT count(*) FROM old
"""
_SCORED: Final = """
UPDATE records SET score = row.score, model_id = row.model_id, scored_epoch = coalesce($5, scored_epoch), scoring_attempts = 0,
    prediction_revision = row.revision
FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::float8[]) AS row (record_id, revision, model_id, score)
WHERE records.record_id = row.record_id
"""
_FAILED: Final = "UPDATE records SET scoring_attempts = scoring_attempts + 1 WHERE record_id = ANY($1::uuid[])"
# The first prediction of a record that came while its project had no model says nothing that its row doesn't: it has no
# body, and stays as long as the record.
_OF_RECORD: Final = """(
    SELECT revision, event_id, body, NULL::float8 AS draw, NULL::int AS schema_version
    FROM predictions WHERE record_id = one.record_id
    UNION ALL
    SELECT 1, first_prediction_id, NULL, draw, first_schema_version
    FROM records WHERE record_id = one.record_id AND first_prediction_id IS NOT NULL
)"""
_NEWEST: Final = f"""
SELECT one.record_id, kept.* FROM unnest($1::uuid[]) AS one (record_id)
CROSS JOIN LATERAL (SELECT * FROM {_OF_RECORD} each ORDER BY revision DESC LIMIT 1) kept
"""  # noqa: S608  our own text
_PAGE: Final = f"""
SELECT kept.* FROM (SELECT $1::uuid AS record_id) one CROSS JOIN LATERAL {_OF_RECORD} kept
WHERE revision < $2 ORDER BY revision DESC LIMIT $3
"""  # noqa: S608  our own text
# The condition is there for the partial index.
_UNANSWERED: Final = """
SELECT reason, count(DISTINCT record_id) FROM (
    SELECT body #>> '{unanswered,reason}' AS reason, record_id FROM predictions
    WHERE body #>> '{unanswered,model_id}' = $1::text AND body #>> '{unanswered,model_id}' IS NOT NULL LIMIT $2
) asked GROUP BY reason ORDER BY reason
"""
# The newest for routing and the newest for evaluation: the current ones of all that were published.
_CURRENT: Final = f"""
SELECT one.project_id, one.record_id, kept.*
FROM (
    SELECT project_id, record_id FROM records
    WHERE record_id > $1 AND state <> 'erased' ORDER BY record_id LIMIT 500
) one CROSS JOIN LATERAL {_OF_RECORD} kept
ORDER BY one.record_id, kept.revision
"""  # noqa: S608  our own text
_ZERO: Final = UUID(int=0)


def selection_of(batch: int | None, strategy: str | None, probability: float | None) -> Selection | None:
    if batch is None or strategy is None or probability is None:
        return None
    return Selection(batch=batch, strategy=strategy, probability=probability)


def _payload(row: Any) -> RecordPredicted:
    if row["body"] is None:
        return without_answer(row["schema_version"], row["draw"], None, ScoredFor.ROUTING)
    return RecordPredicted.model_validate_json(row["body"])


async def projects_due(session: Session) -> Sequence[UUID]:
    return [row[0] for row in await session.raw.fetch(_PROJECTS_DUE)]


async def is_due(session: Session, project_id: UUID, epoch: int) -> bool:
    """Whether a record of the project has yet to be scored in this epoch."""
    due: bool = await session.raw.fetchval(_IS_DUE, project_id, epoch)
    return due


async def due(session: Session, project_id: UUID, epoch: int, limit: int) -> Sequence[Due]:
    """Some records that have yet to be scored in this epoch, the held-out ones first, not locked."""
    rows = await session.raw.fetch(_DUE, project_id, epoch, limit)
    return [Due(row["record_id"], content_of(row["record_id"], row)) for row in rows]


async def lock_due(session: Session, record_ids: Sequence[UUID], epoch: int) -> list[LockedDue]:
    """Lock those of these records that are still to be scored in this epoch, in the order of their ids."""
    rows = await session.raw.fetch(_LOCK_DUE, record_ids, epoch)
    return [
        LockedDue(
            record_id=row["record_id"],
            state=RecordState(row["state"]),
            held_out=row["held_out"],
            draw=row["draw"],
            attempts=row["scoring_attempts"],
            revision=row["prediction_revision"],
            selection=selection_of(row["batch"], row["strategy"], row["selection_probability"]),
        )
        for row in rows
    ]


async def add(session: Session, made: Sequence[NewPrediction], epoch: int | None) -> None:
    """Keep predictions and their scores; the records are scored for this epoch, or as they were without one."""
    ids = [each.record_id for each in made]
    revisions = [each.revision for each in made]
    models = [each.payload.model_id for each in made]
    await session.raw.execute(
        _ADD, ids, revisions, [each.event_id for each in made], models,
        [each.payload.model_dump_json() for each in made],
    )  # fmt: skip
    scores = [each.payload.acquisition_score for each in made]
    await session.raw.execute(_SCORED, ids, revisions, models, scores, epoch)


async def prune(session: Session, days: int, limit: int) -> int:
    """Delete predictions that a newer one followed so many days ago, at most `limit`; returns how many."""
    pruned: int = await session.raw.fetchval(_PRUNE, days, limit)
    return pruned


async def note_failed(session: Session, record_ids: Sequence[UUID]) -> None:
    """Count one more vain attempt to read these records."""
    await session.raw.execute(_FAILED, record_ids)


async def newest(session: Session, record_ids: Sequence[UUID]) -> dict[UUID, RecordPredicted]:
    """The newest prediction of each of these records, where there is one."""
    rows = await session.raw.fetch(_NEWEST, record_ids)
    return {row["record_id"]: _payload(row) for row in rows}


async def count_unanswered(session: Session, model_id: UUID, most: int) -> dict[str, int]:
    """How many records the model was asked about in vain, by the reason; of the first `most` times that it was."""
    rows = await session.raw.fetch(_UNANSWERED, str(model_id), most)
    return {row[0]: row[1] for row in rows}


async def page(session: Session, record_id: UUID, before: int, limit: int) -> RowPage:
    """A record's predictions with revisions below `before`, the newest first."""
    read = await read_page(session, _PAGE, record_id, before, limit=limit, size_of=lambda row: len(row["body"] or ""))
    return read._replace(
        rows=[NewPrediction(record_id, row["event_id"], row["revision"], _payload(row)) for row in read.rows]
    )


async def current(session: Session) -> AsyncIterator[Outgoing]:
    """Every prediction, with the ids and revisions they had: routes and annotations name any of them."""
    after = _ZERO
    while rows := await session.raw.fetch(_CURRENT, after):
        for row in rows:
            yield Outgoing(
                payload=_payload(row),
                project_id=row["project_id"],
                record_id=row["record_id"],
                revision=row["revision"],
                event_id=row["event_id"],
            )
        after = rows[-1]["record_id"]
