"""Thresholds of auto-accept, the tests behind them, and the evidence the tests read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.domain.facts import AGREEMENT_DRAWN
from services.qa.storage.predictions import Model
from shared.kit.clock import new_id
from shared.kit.database import Session
from shared.kit.jsonb import dump, loaded
from shared.kit.statements import columns


@dataclass(frozen=True, slots=True)
class ModelThreshold:
    """What holds for a model's answers of a class, or of all that have no row of their own; `threshold` None: nothing.

    `threshold_revision` counts the rows of the model.
    """

    model_id: UUID
    threshold_revision: int
    project_id: UUID
    schema_version: int
    question: str
    label: str | None
    threshold: float | None
    error_budget: float
    confidence_level: float
    evidence: Mapping[str, Any] | None
    reason: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class BlindLabel:
    """A blind label by people beside what a model had answered for the record, both as text.

    `in_review`: an expert or an arbiter is about to look at it. `checked`: one was asked to. `drawn`: the label is what
    came of it where chance had drawn the record among those that a model agreed with.
    """

    record_id: UUID
    label: str
    method: str
    prediction: str
    confidence: float
    audit: bool
    routed_threshold: float | None
    routed_model_id: UUID | None
    finalized_at: datetime
    in_review: bool
    checked: bool
    drawn: bool


@dataclass(frozen=True, slots=True)
class Looks:
    """The tests that share the risk of a question: how many were made, and the risk that the last of them returned."""

    made: int
    returned: float


RETURNED = "returned"
"""The key of that risk among what is kept of a test."""

_THRESHOLD = (
    "model_id, threshold_revision, project_id, schema_version, question, label, threshold, error_budget,"
    " confidence_level, evidence, reason, set_at"
)
_ADD = f"""
INSERT INTO thresholds ({_THRESHOLD})
SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::float8[], $8::float8[],
    $9::float8[], $10::jsonb[], $11::text[], $12::timestamptz[])
"""  # noqa: S608  our own column names
_CURRENT = f"""
SELECT DISTINCT ON (question, label) {_THRESHOLD} FROM thresholds WHERE model_id = $1
ORDER BY question, label, threshold_revision DESC
"""  # noqa: S608  our own column names
_OF_PROJECT = f"""
SELECT {_THRESHOLD} FROM thresholds WHERE project_id = $1 ORDER BY set_at DESC, model_id, threshold_revision DESC
LIMIT $2
"""  # noqa: S608  our own column names
_NEWEST_OF_EACH = f"""
WITH page AS (SELECT DISTINCT model_id FROM thresholds WHERE model_id > $1 ORDER BY model_id LIMIT $2)
SELECT DISTINCT ON (model_id, question, label) {_THRESHOLD} FROM page JOIN thresholds USING (model_id)
ORDER BY model_id, question, label, threshold_revision DESC
"""  # noqa: S608  our own column names

_ADD_TEST = """
INSERT INTO threshold_tests (test_id, project_id, model_id, number, kind, labels, content, tested_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_LAST_TEST = """
SELECT number, labels, content, tested_at FROM threshold_tests WHERE model_id = $1 AND kind = $2
ORDER BY number DESC LIMIT 1
"""
_LOOKS = """
SELECT count(*) OVER () AS made, COALESCE((threshold_tests.content->>$4)::float8, 0) AS returned
FROM threshold_tests JOIN models USING (model_id)
WHERE threshold_tests.project_id = $1 AND threshold_tests.kind = $3 AND models.question = $2
ORDER BY tested_at DESC, test_id DESC LIMIT 1
"""
_TESTS = """
SELECT model_id, number, kind, labels, content, tested_at FROM threshold_tests
WHERE project_id = $1 ORDER BY tested_at DESC, test_id DESC LIMIT $2
"""

_HELD_OUT = """
SELECT count(*) FROM (
    SELECT 1 FROM records
    WHERE project_id = $1 AND known AND split <> 'train' AND state IN ('open', 'finalized') LIMIT $2
) bounded
"""
# The newest labels first, and each one's prediction and record sought: no plan begins with all that a model predicted.
_LABELLED = """
SELECT count(*) FROM (
    SELECT 1 FROM labels
    WHERE labels.project_id = $1 AND labels.schema_version = $3 AND labels.current AND labels.measures
        AND labels.answers IS NOT NULL
        AND (
            SELECT true FROM records
            WHERE records.record_id = labels.record_id AND records.split <> 'train'
                AND NOT (records.under_review AND records.unservable_at IS NULL)
        )
        AND (
            SELECT true FROM predictions
            WHERE predictions.model_id = $2 AND predictions.record_id = labels.record_id
                AND predictions.schema_version = labels.schema_version AND predictions.answers ? $4
                AND predictions.confidence IS NOT NULL
            LIMIT 1
        )
    ORDER BY labels.label_id DESC LIMIT $5
) bounded
"""
_EVIDENCE = """
SELECT labels.record_id, labels.answers AS label, labels.method, predicted.answers AS prediction, predicted.confidence,
    records.audit AND records.split = 'train' AS audit, route.threshold AS routed_threshold,
    route.model_id AS routed_model_id, labels.finalized_at,
    records.under_review AND records.unservable_at IS NULL AS in_review, records.expert_checked AS checked,
    COALESCE(labels.method = 'decision' AND labels.parameters->>'reason' = $5, false) AS drawn
FROM labels JOIN records USING (record_id)
JOIN LATERAL (
    SELECT answers, confidence FROM predictions
    WHERE predictions.model_id = $2 AND predictions.record_id = labels.record_id
        AND predictions.schema_version = labels.schema_version AND predictions.answers IS NOT NULL
        AND predictions.confidence IS NOT NULL
    ORDER BY revision DESC LIMIT 1
) AS predicted ON true
LEFT JOIN LATERAL (
    SELECT COALESCE(threshold, (content->>'threshold')::float8) AS threshold,
        COALESCE(model_id, (content->>'model_id')::uuid) AS model_id
    FROM routes WHERE routes.record_id = labels.record_id AND records.audit
        AND COALESCE(audit, (content->>'audit')::boolean) ORDER BY revision DESC LIMIT 1
) AS route ON true
WHERE labels.project_id = $1 AND labels.schema_version = $3 AND labels.current AND labels.measures
    AND labels.answers IS NOT NULL
ORDER BY labels.label_id DESC LIMIT $4
"""


def _threshold(row: Mapping[str, Any]) -> ModelThreshold:
    return ModelThreshold(**loaded(row, "evidence"))


async def add(session: Session, made: Sequence[ModelThreshold]) -> None:
    rows = [
        (
            one.model_id,
            one.threshold_revision,
            one.project_id,
            one.schema_version,
            one.question,
            one.label,
            one.threshold,
            one.error_budget,
            one.confidence_level,
            dump(one.evidence),
            one.reason,
            one.set_at,
        )
        for one in made
    ]
    await session.raw.execute(_ADD, *columns(rows))


async def current(session: Session, model_id: UUID) -> list[ModelThreshold]:
    """The newest row of each class."""
    return [_threshold(row) for row in await session.raw.fetch(_CURRENT, model_id)]


async def of_project(session: Session, project_id: UUID, newest: int) -> list[ModelThreshold]:
    return [_threshold(row) for row in await session.raw.fetch(_OF_PROJECT, project_id, newest)]


async def page_for_republish(session: Session, after: UUID, limit: int) -> list[ModelThreshold]:
    """The newest thresholds of each class of the next `limit` models."""
    return [_threshold(row) for row in await session.raw.fetch(_NEWEST_OF_EACH, after, limit)]


async def add_test(
    session: Session,
    *,
    project_id: UUID,
    model_id: UUID,
    number: int,
    kind: str,
    labels: int,
    content: Mapping[str, Any],
    now: datetime,
) -> None:
    await session.raw.execute(_ADD_TEST, new_id(), project_id, model_id, number, kind, labels, dump(content), now)


async def last_test(session: Session, model_id: UUID, kind: str) -> dict[str, Any] | None:
    row = await session.raw.fetchrow(_LAST_TEST, model_id, kind)
    return None if row is None else loaded(row, "content")


async def looks(session: Session, project_id: UUID, question: str, kind: str) -> Looks:
    """The tests there were of all models that answered the question."""
    row = await session.raw.fetchrow(_LOOKS, project_id, question, kind, RETURNED)
    return Looks(0, 0.0) if row is None else Looks(**row)


async def tests_of_project(session: Session, project_id: UUID, newest: int) -> list[dict[str, Any]]:
    return [loaded(row, "content") for row in await session.raw.fetch(_TESTS, project_id, newest)]


async def held_out(session: Session, project_id: UUID, bound: int) -> int:
    """How many held-out records there are that have or may get a label, counted up to `bound`."""
    found: int = await session.raw.fetchval(_HELD_OUT, project_id, bound)
    return found


async def labelled(session: Session, project_id: UUID, model: Model, bound: int) -> int:
    """How many held-out records have a final label by people and the model's answer, counted up to `bound`."""
    found: int = await session.raw.fetchval(
        _LABELLED, project_id, model.model_id, model.schema_version, model.question, bound
    )
    return found


async def evidence(
    session: Session, project_id: UUID, model_id: UUID, schema_version: int, limit: int
) -> list[BlindLabel]:
    """The newest blind labels by people, each beside the model's newest prediction; records without one are left out."""
    rows = await session.raw.fetch(_EVIDENCE, project_id, model_id, schema_version, limit, AGREEMENT_DRAWN)
    return [BlindLabel(**row) for row in rows]
