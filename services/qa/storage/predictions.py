"""Copies of what prelabel publishes of predictions and models."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.domain.facts import Prediction
from shared.contracts.envelope import Event
from shared.contracts.events import ModelChanged, RecordPredicted
from shared.kit.database import Session
from shared.kit.jsonb import dump, loaded


@dataclass(frozen=True, slots=True)
class Model:
    """What qa needs of a model. `champion_since`: when it became the champion, None if it never was."""

    model_id: UUID
    project_id: UUID
    version: int
    stage: str
    schema_version: int
    question: str
    champion_since: datetime | None


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model was chosen by (`ModelEvaluation`), and how good it is on the test split (`ModelTest`)."""

    model_id: UUID
    version: int
    stage: str
    evaluation: Mapping[str, Any] | None
    test: Mapping[str, Any] | None


# Of records that have other predictions it is noted which revision supersedes those below it, and when.
_ADD = """
WITH made AS (
    INSERT INTO predictions (prediction_id, record_id, project_id, revision, model_id, model_version, schema_version,
        answers, confidence, distributions, scored_for, predicted_at)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::uuid[], $6::integer[], $7::integer[],
        $8::jsonb[], $9::double precision[], $10::jsonb[], $11::text[], $12::timestamptz[])
    ON CONFLICT DO NOTHING RETURNING prediction_id, record_id, revision
), superseded AS (
    INSERT INTO superseded_predictions (record_id, revision)
    SELECT record_id, greatest(made.revision, other.revision) FROM made CROSS JOIN LATERAL (
        SELECT revision FROM predictions WHERE predictions.record_id = made.record_id ORDER BY revision DESC LIMIT 1
    ) AS other
)
SELECT prediction_id FROM made
"""
# By place in the table: a row is written once and never changed.
_TAKE_SUPERSEDED = """
DELETE FROM superseded_predictions WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM superseded_predictions WHERE superseded_at < now() - make_interval(days => $1)
    ORDER BY superseded_at LIMIT $2 FOR UPDATE SKIP LOCKED
)) RETURNING record_id, revision
"""
# What lineage names stays, and so does what the champion predicted: thresholds are tested on it. An ARRAY of a record's few
# rows is read by the record, while NOT EXISTS may become a join that reads the whole table.
_PRUNE = """
DELETE FROM predictions p USING unnest($1::uuid[], $2::integer[]) AS superseded (record_id, revision)
WHERE p.record_id = superseded.record_id AND p.revision < superseded.revision
    AND p.prediction_id <> ALL (ARRAY(
        SELECT prediction_id FROM routes WHERE routes.record_id = p.record_id AND prediction_id IS NOT NULL
    ))
    AND p.prediction_id <> ALL (ARRAY(
        SELECT (content->>'prediction_id')::uuid FROM routes
        WHERE routes.record_id = p.record_id AND content->>'prediction_id' IS NOT NULL
    ))
    AND p.prediction_id <> ALL (ARRAY(
        SELECT prediction_shown FROM annotations
        WHERE annotations.record_id = p.record_id AND prediction_shown IS NOT NULL
    ))
    AND (SELECT stage FROM models WHERE models.model_id = p.model_id) IS DISTINCT FROM 'champion'
"""
_FIND = """
SELECT prediction_id, model_id, schema_version, answers, confidence, distributions, predicted_at
FROM predictions WHERE prediction_id = ANY($1::uuid[]) AND answers IS NOT NULL
"""
_LINEAGE = """
SELECT prediction_id, model_id, model_version, schema_version, answers, confidence, scored_for, predicted_at
FROM predictions WHERE record_id = $1 AND model_id IS NOT NULL ORDER BY revision DESC LIMIT $2
"""
_LINEAGE_NAMED = """
SELECT prediction_id, model_id, model_version, schema_version, answers, confidence, scored_for, predicted_at
FROM predictions WHERE prediction_id = ANY($1::uuid[])
"""
_SAVE_MODELS = """
INSERT INTO models (model_id, project_id, revision, version, stage, schema_version, question, champion_since, content)
SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::integer[], $4::integer[], $5::text[], $6::integer[], $7::text[], $8::timestamptz[],
    $9::jsonb[]
) AS one (model_id, project_id, revision, version, stage, schema_version, question, champion_since, content)
ORDER BY model_id
ON CONFLICT (model_id) DO UPDATE SET revision = excluded.revision, stage = excluded.stage,
    champion_since = COALESCE(excluded.champion_since, models.champion_since), content = excluded.content
WHERE models.revision < excluded.revision
RETURNING model_id
"""
_MODEL = """
INSERT INTO models (model_id, project_id, revision, version, stage, schema_version, question, champion_since, content)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (model_id) DO UPDATE SET revision = excluded.revision, stage = excluded.stage,
    champion_since = COALESCE(excluded.champion_since, models.champion_since), content = excluded.content
WHERE models.revision < excluded.revision
RETURNING model_id
"""
_MODEL = "model_id, project_id, version, stage, schema_version, question, champion_since"
_CHAMPION = f"""
SELECT {_MODEL} FROM models WHERE project_id = $1 AND stage = 'champion'
ORDER BY champion_since DESC NULLS LAST, version DESC LIMIT 1
"""  # noqa: S608  our own column names
_LOCK_CHAMPION = f"{_CHAMPION} FOR UPDATE"
_MODEL_CARDS = """
SELECT model_id, version, stage, content->'evaluation' AS evaluation, content->'test' AS test
FROM models WHERE project_id = $1 ORDER BY version
"""


async def add(session: Session, predictions: Sequence[tuple[Event[RecordPredicted], bool]]) -> set[UUID]:
    """Keep predictions, of an erased record (the second value) without content; returns the ids of those not here yet."""
    events = [event for event, _ in predictions]
    rows = await session.raw.fetch(
        _ADD,
        [event.id for event in events],
        [event.record_id for event in events],
        [event.project_id for event in events],
        [event.revision for event in events],
        [event.payload.model_id for event in events],
        [event.payload.model_version for event in events],
        [event.payload.schema_version for event in events],
        [None if erased else dump(event.payload.answers) for event, erased in predictions],
        [event.payload.confidence for event in events],
        [None if erased else dump(event.payload.distributions) for event, erased in predictions],
        [event.payload.scored_for for event in events],
        [event.occurred_at for event in events],
    )
    return {row["prediction_id"] for row in rows}


@dataclass(frozen=True, slots=True)
class PredictionsToPrune:
    """A record's predictions with revisions below `revision` were superseded."""

    record_id: UUID
    revision: int


async def take_superseded(session: Session, days: int, limit: int) -> list[PredictionsToPrune]:
    """Take what was superseded so many days ago, the oldest first, off the list of what is to be pruned."""
    return [PredictionsToPrune(**row) for row in await session.raw.fetch(_TAKE_SUPERSEDED, days, limit)]


async def prune(session: Session, superseded: Sequence[PredictionsToPrune]) -> None:
    """Delete superseded predictions of locked records, but those that a route or an annotation names or the champion made."""
    await session.raw.execute(_PRUNE, [one.record_id for one in superseded], [one.revision for one in superseded])


async def find(session: Session, prediction_ids: Collection[UUID]) -> dict[UUID, Prediction]:
    """Those of the predictions that are here, by id."""
    rows = await session.raw.fetch(_FIND, list(prediction_ids))
    return {row["prediction_id"]: Prediction(**loaded(row, "answers", "distributions")) for row in rows}


async def for_lineage(session: Session, record_id: UUID, named: Sequence[UUID], newest: int) -> list[dict[str, Any]]:
    """The newest predictions and the named ones, oldest first."""
    rows = [
        *await session.raw.fetch(_LINEAGE_NAMED, list(named)),
        *await session.raw.fetch(_LINEAGE, record_id, newest),
    ]
    found = {row["prediction_id"]: loaded(row, "answers") for row in rows}
    return sorted(found.values(), key=lambda one: (one["predicted_at"], one["prediction_id"]))


async def save_models(session: Session, changes: Sequence[tuple[Event[ModelChanged], datetime | None]]) -> set[UUID]:
    """Keep the newest state of each model, with the moment it last became champion if that is among what is new.

    Returns the models of which no newer state was kept before.
    """
    events = [event for event, _ in changes]
    rows = await session.raw.fetch(
        _SAVE_MODELS,
        [event.payload.model_id for event in events],
        [event.project_id for event in events],
        [event.revision for event in events],
        [event.payload.version for event in events],
        [event.payload.stage for event in events],
        [event.payload.manifest.schema_version for event in events],
        [event.payload.manifest.question for event in events],
        [champion_since for _, champion_since in changes],
        [event.payload.model_dump_json() for event in events],
    )
    return {row["model_id"] for row in rows}


async def champion(session: Session, project_id: UUID) -> Model | None:
    row = await session.raw.fetchrow(_CHAMPION, project_id)
    return None if row is None else Model(**row)


async def lock_champion(session: Session, project_id: UUID) -> Model | None:
    """The champion, under its lock: whoever tests it does so alone."""
    row = await session.raw.fetchrow(_LOCK_CHAMPION, project_id)
    return None if row is None else Model(**row)


async def model_cards(session: Session, project_id: UUID) -> list[ModelCard]:
    """The project's models by version."""
    return [ModelCard(**loaded(row, "evaluation", "test")) for row in await session.raw.fetch(_MODEL_CARDS, project_id)]
