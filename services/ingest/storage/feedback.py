"""What product systems reported, and how often: insert-only deltas, folded into totals by a loop."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.contracts.events import FeedbackReceived
from shared.kit.database import Session
from shared.kit.jsonb import dump, load

# By the hash: two imports of the same reports wait for each other in one order.
_INSERT = """
INSERT INTO feedback (feedback_id, project_id, report_hash, body_hash, record_id, model_id, model_version,
    schema_version, prediction, confidence, verdict, correction, observed_at)
SELECT feedback_id, $1, report_hash, body_hash, record_id, model_id, model_version, schema_version, prediction,
    confidence, verdict, correction, observed_at
FROM unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::uuid[], $6::uuid[], $7::text[], $8::int[], $9::jsonb[],
    $10::float8[], $11::text[], $12::jsonb[], $13::timestamptz[])
    AS row (feedback_id, report_hash, body_hash, record_id, model_id, model_version, schema_version, prediction,
        confidence, verdict, correction, observed_at)
ORDER BY report_hash
ON CONFLICT (project_id, report_hash) DO NOTHING RETURNING feedback_id
"""
_FIND = """
SELECT report_hash, feedback_id, record_id, body_hash FROM feedback
WHERE project_id = $1 AND report_hash = ANY($2::bytea[])
"""
_COUNT = """
INSERT INTO feedback_deltas (project_id, model, verdict, reports)
SELECT $1, model, verdict, reports FROM unnest($2::text[], $3::text[], $4::int[]) AS row (model, verdict, reports)
"""
# Read before written, in one statement: a delta is in exactly one of the two at any moment.
_FOLD = """
WITH taken AS (
    DELETE FROM feedback_deltas WHERE id IN (
        SELECT id FROM feedback_deltas ORDER BY id LIMIT 10000 FOR UPDATE SKIP LOCKED
    ) RETURNING project_id, model, verdict, reports
), summed AS (
    SELECT project_id, model, verdict, sum(reports) AS reports FROM taken GROUP BY project_id, model, verdict
)
INSERT INTO feedback_totals AS t (project_id, model, verdict, reports)
SELECT project_id, model, verdict, reports FROM summed ORDER BY project_id, model, verdict
ON CONFLICT (project_id, model, verdict) DO UPDATE SET reports = t.reports + excluded.reports
"""
_SUMMARY = """
SELECT model, verdict, sum(reports)::bigint AS reports FROM (
    SELECT model, verdict, reports FROM feedback_totals WHERE project_id = $1
    UNION ALL
    SELECT model, verdict, reports FROM feedback_deltas WHERE project_id = $1
) AS folded_and_not GROUP BY model, verdict ORDER BY model, verdict LIMIT 3000
"""
_AFTER = """
SELECT f.* FROM feedback f JOIN records r USING (record_id)
WHERE f.feedback_id > $1 AND r.state <> 'erased' ORDER BY f.feedback_id LIMIT 500
"""


@dataclass(frozen=True, slots=True)
class KeptFeedback:
    feedback_id: UUID
    record_id: UUID
    body_hash: bytes


@dataclass(frozen=True, slots=True)
class NewFeedback:
    """A report to be kept, with the keyed hashes of its name and of all of it."""

    report_hash: bytes
    body_hash: bytes
    record_id: UUID
    payload: FeedbackReceived


async def find(session: Session, project_id: UUID, report_hashes: Sequence[bytes]) -> dict[bytes, KeptFeedback]:
    """Those of the reports that are kept, by the hash of their name."""
    rows = await session.raw.fetch(_FIND, project_id, report_hashes)
    return {row["report_hash"]: KeptFeedback(row["feedback_id"], row["record_id"], row["body_hash"]) for row in rows}


async def insert(session: Session, project_id: UUID, reports: Sequence[NewFeedback]) -> set[UUID]:
    """Keep reports and count them; returns the ids of those that had not come before."""
    payloads = [one.payload for one in reports]
    rows = await session.raw.fetch(
        _INSERT,
        project_id,
        [payload.feedback_id for payload in payloads],
        [one.report_hash for one in reports],
        [one.body_hash for one in reports],
        [one.record_id for one in reports],
        [payload.model_id for payload in payloads],
        [payload.model_version for payload in payloads],
        [payload.schema_version for payload in payloads],
        [dump(payload.prediction) for payload in payloads],
        [payload.confidence for payload in payloads],
        [payload.verdict for payload in payloads],
        [dump(payload.correction) for payload in payloads],
        [payload.observed_at for payload in payloads],
    )
    added = {row["feedback_id"] for row in rows}
    counts = Counter((_model(payload), payload.verdict) for payload in payloads if payload.feedback_id in added)
    if counts:
        models, verdicts = zip(*counts, strict=True)
        await session.raw.execute(_COUNT, project_id, models, verdicts, list(counts.values()))
    return added


def _model(payload: FeedbackReceived) -> str:
    return str(payload.model_id) if payload.model_id else payload.model_version or ""


async def fold(session: Session) -> None:
    """Move deltas into the totals."""
    await session.raw.execute(_FOLD)


async def summary(session: Session, project_id: UUID) -> list[tuple[str, str, int]]:
    """Model, verdict and number of reports."""
    return [tuple(row) for row in await session.raw.fetch(_SUMMARY, project_id)]


async def after(session: Session, feedback_id: UUID) -> list[tuple[UUID, UUID, FeedbackReceived]]:
    """Some reports in the order of their ids, with project and record."""
    return [
        (
            row["project_id"],
            row["record_id"],
            FeedbackReceived(
                feedback_id=row["feedback_id"],
                model_id=row["model_id"],
                model_version=row["model_version"],
                schema_version=row["schema_version"],
                prediction=load(row["prediction"]),
                confidence=row["confidence"],
                verdict=row["verdict"],
                correction=load(row["correction"]),
                observed_at=row["observed_at"],
            ),
        )
        for row in await session.raw.fetch(_AFTER, feedback_id)
    ]
