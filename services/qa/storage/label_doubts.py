"""Labels that look wrong to models: what the newest look of each question found, and what people were asked about."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.qa.domain.label_doubts import DAY
from shared.contracts.envelope import Event
from shared.contracts.events import LabelDoubted
from shared.kit.database import Session
from shared.kit.statements import columns

# Ids of runs ascend with time: an older look replaces no newer one.
_BEGIN: Final = """
INSERT INTO label_looks AS had (project_id, question, schema_version, training_run_id, examined, estimated_wrong, found_at,
    review_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[], $5::integer[], $6::double precision[],
    $7::timestamptz[], $8::timestamptz[]) AS new (project_id, question, schema_version, training_run_id, examined,
    estimated_wrong, found_at, review_at)
ORDER BY project_id, question
ON CONFLICT (project_id, question) DO UPDATE SET schema_version = excluded.schema_version,
    training_run_id = excluded.training_run_id, examined = excluded.examined, estimated_wrong = excluded.estimated_wrong,
    found_at = least(excluded.found_at, CASE WHEN had.training_run_id = excluded.training_run_id THEN had.found_at END),
    review_at = least(excluded.review_at, had.review_at)
WHERE had.training_run_id <= excluded.training_run_id
RETURNING project_id, question
"""
_FORGET_OLDER: Final = """
DELETE FROM label_doubts AS old USING unnest($1::uuid[], $2::text[], $3::uuid[]) AS new (project_id, question, run_id)
WHERE old.project_id = new.project_id AND old.question = new.question AND old.training_run_id < new.run_id
    AND old.requested_at IS NULL
"""
# What people were asked about stays as it was.
_ADD: Final = """
INSERT INTO label_doubts AS had (record_id, question, project_id, schema_version, training_run_id, label_revision, given,
    suggested, given_probability, suggested_probability, model_score, score, rank, reason, event_id)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::integer[], $5::uuid[], $6::integer[], $7::text[], $8::text[],
    $9::double precision[], $10::double precision[], $11::double precision[], $12::double precision[], $13::integer[],
    $14::text[], $15::uuid[])
ON CONFLICT (record_id, question) DO UPDATE SET schema_version = excluded.schema_version,
    training_run_id = excluded.training_run_id, label_revision = excluded.label_revision, given = excluded.given,
    suggested = excluded.suggested, given_probability = excluded.given_probability,
    suggested_probability = excluded.suggested_probability, model_score = excluded.model_score, score = excluded.score,
    rank = excluded.rank, reason = excluded.reason, event_id = excluded.event_id, passed_over = false
WHERE had.requested_at IS NULL AND had.training_run_id <= excluded.training_run_id
"""
_TO_REVIEW: Final = """
SELECT project_id, question, schema_version, training_run_id, examined, estimated_wrong, found_at FROM label_looks
WHERE review_at <= $1 ORDER BY review_at LIMIT $2
"""
_NEXT_REVIEW: Final = "SELECT min(review_at) FROM label_looks WHERE review_at IS NOT NULL"
_SET_REVIEW: Final = """
UPDATE label_looks SET review_at = $4 WHERE project_id = $1 AND question = $2 AND training_run_id = $3
"""
_REVIEW_ALL: Final = "UPDATE label_looks SET review_at = now() WHERE project_id = ANY($1::uuid[])"
_LOCK_LOOK: Final = """
SELECT training_run_id FROM label_looks WHERE project_id = $1 AND question = $2 FOR UPDATE
"""
_SENT: Final = """
SELECT count(*) AS sent, min(requested_at) AS oldest FROM (
    SELECT requested_at FROM label_doubts WHERE project_id = $1 AND requested_at > $2 ORDER BY requested_at DESC LIMIT $3
) AS newest
"""
_DOUBT: Final = """record_id, question, schema_version, training_run_id, label_revision, given, suggested, given_probability,
    suggested_probability, model_score, score, rank, reason, event_id"""
_TO_SEND: Final = f"""
SELECT {_DOUBT} FROM label_doubts
WHERE project_id = $1 AND requested_at IS NULL AND score >= $2 AND NOT passed_over AND question = $3
    AND training_run_id = $4
ORDER BY score DESC, record_id DESC LIMIT $5
"""  # noqa: S608  our own column names
_REQUESTED: Final = """
UPDATE label_doubts SET requested_at = $3 WHERE question = $2 AND record_id = ANY($1::uuid[])
"""
_LEAVE_OUT: Final = """
UPDATE label_doubts SET passed_over = true WHERE question = $2 AND record_id = ANY($1::uuid[])
"""
# The label that stands now says what came of it: a later revision confirms the class or gives another one.
_LISTED: Final = """
SELECT d.record_id, d.question, d.schema_version, d.training_run_id, d.label_revision, d.given, d.suggested,
    d.given_probability, d.suggested_probability, d.model_score, d.score, d.rank, d.reason, d.requested_at,
    l.label_revision AS current_revision, l.method, r.under_review,
    l.answers->d.question->>'label' AS current_label
FROM label_doubts AS d
JOIN records AS r ON r.record_id = d.record_id
LEFT JOIN labels AS l ON l.record_id = d.record_id AND l.current
WHERE d.project_id = $1 AND d.requested_at IS NULL AND (d.score, d.record_id) < ($2, $3)
ORDER BY d.score DESC, d.record_id DESC LIMIT $4
"""
_LISTED_REQUESTED: Final = _LISTED.replace("d.requested_at IS NULL", "d.requested_at IS NOT NULL")
_LOOKS: Final = """
SELECT question, schema_version, training_run_id, examined, estimated_wrong, found_at FROM label_looks
WHERE project_id = $1 ORDER BY question
"""
_OF_RECORD: Final = f"""
SELECT {_DOUBT}, requested_at FROM label_doubts WHERE record_id = $1 ORDER BY question
"""  # noqa: S608  our own column names


@dataclass(frozen=True, slots=True)
class LabelLook:
    """The newest look for wrong labels of a question."""

    project_id: UUID
    question: str
    schema_version: int
    training_run_id: UUID
    examined: int
    estimated_wrong: float
    found_at: datetime


@dataclass(frozen=True, slots=True)
class NewDoubt:
    """A label that looks wrong: the event, the revision of the label that it is about, and the score with the votes."""

    event: Event[LabelDoubted]
    label_revision: int
    score: float


@dataclass(frozen=True, slots=True)
class StoredDoubt:
    """A label that looks wrong, as it is kept."""

    record_id: UUID
    question: str
    schema_version: int
    training_run_id: UUID
    label_revision: int
    given: str
    suggested: str
    given_probability: float
    suggested_probability: float
    model_score: float
    score: float
    rank: int
    reason: str
    event_id: UUID


@dataclass(frozen=True, slots=True)
class SentToday:
    """How many labels were sent to people in the last 24 hours, counted up to a bound, and when the first of them was."""

    count: int
    oldest: datetime | None


async def add(session: Session, doubts: Sequence[NewDoubt], review_at: datetime) -> None:
    """Keep doubts of the newest look of each question; those of older looks go, but for what people were asked about."""
    newest: dict[tuple[UUID | None, str], Event[LabelDoubted]] = {}
    for one in doubts:
        key = one.event.project_id, one.event.payload.question
        if key not in newest or newest[key].payload.training_run_id < one.event.payload.training_run_id:
            newest[key] = one.event
    looks = [(event.project_id, event.payload, event.occurred_at) for event in newest.values()]
    rows = await session.raw.fetch(
        _BEGIN,
        *columns(
            [
                (project_id, one.question, one.schema_version, one.training_run_id, one.examined, one.estimated_wrong,
                 found_at, review_at)
                for project_id, one, found_at in looks
            ]
        ),
    )  # fmt: skip
    begun = {(row["project_id"], row["question"]) for row in rows}
    current = [
        (project, one.question, one.training_run_id) for project, one, _ in looks if (project, one.question) in begun
    ]
    if not current:
        return
    await session.raw.execute(_FORGET_OLDER, *columns(current))
    runs = {run_id for _, _, run_id in current}
    kept = sorted((one for one in doubts if one.event.payload.training_run_id in runs), key=_record_of)
    await session.raw.execute(_ADD, *columns([_row(one) for one in {_record_of(one): one for one in kept}.values()]))


def _record_of(one: NewDoubt) -> tuple[UUID, str]:
    assert one.event.record_id is not None
    return one.event.record_id, one.event.payload.question


def _row(one: NewDoubt) -> tuple[Any, ...]:
    event, payload = one.event, one.event.payload
    return (
        event.record_id, payload.question, event.project_id, payload.schema_version, payload.training_run_id,
        one.label_revision, payload.given, payload.suggested, payload.given_probability, payload.suggested_probability,
        payload.score, one.score, payload.rank, payload.reason, event.id,
    )  # fmt: skip


async def to_review(session: Session, now: datetime, limit: int) -> list[LabelLook]:
    """The looks of which labels are to be sent to people now, what waits longest first."""
    return [LabelLook(**row) for row in await session.raw.fetch(_TO_REVIEW, now, limit)]


async def next_review(session: Session) -> datetime | None:
    at: datetime | None = await session.raw.fetchval(_NEXT_REVIEW)
    return at


async def lock_look(session: Session, look: LabelLook) -> bool:
    """Lock the look; False where a newer one took its place."""
    run_id: UUID | None = await session.raw.fetchval(_LOCK_LOOK, look.project_id, look.question)
    return run_id == look.training_run_id


async def set_review(session: Session, look: LabelLook, at: datetime | None) -> None:
    """Say when labels of the look are to be sent to people next; None: not any more."""
    await session.raw.execute(_SET_REVIEW, look.project_id, look.question, look.training_run_id, at)


async def review_all(session: Session, project_ids: Collection[UUID]) -> None:
    """Let the looks of these projects be gone through: their policies may have changed."""
    await session.raw.execute(_REVIEW_ALL, list(project_ids))


async def sent_today(session: Session, project_id: UUID, now: datetime, most: int) -> SentToday:
    row = await session.raw.fetchrow(_SENT, project_id, now - DAY, most)
    assert row is not None
    return SentToday(row["sent"], row["oldest"])


async def to_send(session: Session, look: LabelLook, threshold: float, most: int) -> list[StoredDoubt]:
    """Labels of the look that people were not asked about yet, from a score up, the likeliest wrong first."""
    rows = await session.raw.fetch(_TO_SEND, look.project_id, threshold, look.question, look.training_run_id, most)
    return [StoredDoubt(**row) for row in rows]


async def set_requested(session: Session, question: str, record_ids: Collection[UUID], now: datetime) -> None:
    await session.raw.execute(_REQUESTED, list(record_ids), question, now)


async def pass_over(session: Session, question: str, record_ids: Collection[UUID]) -> None:
    """Note that these labels are not sent: they have changed, or were decided by experts."""
    await session.raw.execute(_LEAVE_OUT, list(record_ids), question)


async def page(
    session: Session, project_id: UUID, *, requested: bool, after: tuple[float, UUID], limit: int
) -> list[dict[str, Any]]:
    """Doubts by score, the highest first, with the labels that stand now; `requested`: those people were asked about."""
    statement = _LISTED_REQUESTED if requested else _LISTED
    return [dict(row) for row in await session.raw.fetch(statement, project_id, *after, limit)]


async def looks(session: Session, project_id: UUID) -> list[dict[str, Any]]:
    """The newest look of each question."""
    return [dict(row) for row in await session.raw.fetch(_LOOKS, project_id)]


async def of_record(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    """What models doubt, or people were asked about, of a record."""
    return [dict(row) for row in await session.raw.fetch(_OF_RECORD, record_id)]
