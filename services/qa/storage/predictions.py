"""Predictions and models as prelabel told of them, and routes as queue did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.envelope import Event
from shared.contracts.events import ModelChanged, RecordPredicted, RecordRouted
from shared.contracts.values import Answers
from shared.kit.database import Session
from shared.kit.jsonb import dump, load, loaded


@dataclass(frozen=True, slots=True)
class Prediction:
    prediction_id: UUID
    model_id: UUID | None
    schema_version: int
    answers: Answers
    confidence: float | None
    distributions: Mapping[str, Mapping[str, float]]
    predicted_at: datetime


@dataclass(frozen=True, slots=True)
class Model:
    model_id: UUID
    project_id: UUID
    version: int
    stage: str
    schema_version: int
    question: str
    champion_since: datetime | None


_ADD = """
INSERT INTO predictions (prediction_id, record_id, project_id, revision, model_id, model_version, schema_version,
    answers, confidence, distributions, scored_for, predicted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING RETURNING prediction_id
"""
_PREDICTION = "prediction_id, model_id, schema_version, answers, confidence, distributions, predicted_at"
_FIND = f"SELECT {_PREDICTION} FROM predictions WHERE prediction_id = $1 AND answers IS NOT NULL"  # noqa: S608
_LINEAGE = """
SELECT prediction_id, model_id, model_version, schema_version, answers, confidence, scored_for, predicted_at
FROM predictions WHERE record_id = $1 AND model_id IS NOT NULL ORDER BY revision DESC LIMIT $2
"""
_LINEAGE_NAMED = """
SELECT prediction_id, model_id, model_version, schema_version, answers, confidence, scored_for, predicted_at
FROM predictions WHERE prediction_id = ANY($1::uuid[])
"""
_ADD_ROUTE = """
INSERT INTO routes (record_id, revision, event_id, content, routed_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
_ROUTES = "SELECT revision, content, routed_at FROM routes WHERE record_id = $1 ORDER BY revision"
_SAVE_MODEL = """
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
_MODELS = f"SELECT {_MODEL} FROM models WHERE project_id = $1 ORDER BY version"  # noqa: S608  our own column names


async def add(session: Session, event: Event[RecordPredicted], *, erased: bool) -> bool:
    """Keep a prediction; False when it is here already."""
    payload = event.payload
    added = await session.raw.fetchval(
        _ADD,
        event.id,
        event.record_id,
        event.project_id,
        event.revision,
        payload.model_id,
        payload.model_version,
        payload.schema_version,
        None if erased else dump(payload.answers),
        payload.confidence,
        None if erased else dump(payload.distributions),
        payload.scored_for,
        event.occurred_at,
    )
    return added is not None


def _prediction(row: Mapping[str, Any] | None) -> Prediction | None:
    return None if row is None else Prediction(**loaded(row, "answers", "distributions"))


async def find(session: Session, prediction_id: UUID) -> Prediction | None:
    return _prediction(await session.raw.fetchrow(_FIND, prediction_id))


async def for_lineage(session: Session, record_id: UUID, named: Sequence[UUID], newest: int) -> list[dict[str, Any]]:
    """The newest predictions and the named ones, oldest first."""
    rows = [
        *await session.raw.fetch(_LINEAGE_NAMED, list(named)),
        *await session.raw.fetch(_LINEAGE, record_id, newest),
    ]
    found = {row["prediction_id"]: loaded(row, "answers") for row in rows}
    return sorted(found.values(), key=lambda one: (one["predicted_at"], one["prediction_id"]))


async def add_route(session: Session, event: Event[RecordRouted]) -> None:
    await session.raw.execute(
        _ADD_ROUTE, event.record_id, event.revision, event.id, event.payload.model_dump_json(), event.occurred_at
    )


async def routes_of(session: Session, record_id: UUID) -> list[dict[str, Any]]:
    rows = await session.raw.fetch(_ROUTES, record_id)
    return [{"revision": row["revision"], "routed_at": row["routed_at"], **load(row["content"])} for row in rows]


async def save_model(session: Session, event: Event[ModelChanged]) -> bool:
    """Keep the newest state of a model; False when what is kept is as new."""
    payload = event.payload
    saved = await session.raw.fetchval(
        _SAVE_MODEL,
        payload.model_id,
        event.project_id,
        event.revision,
        payload.version,
        payload.stage,
        payload.manifest.schema_version,
        payload.manifest.question,
        event.occurred_at if payload.stage == "champion" else None,
        payload.model_dump_json(),
    )
    return saved is not None


async def champion(session: Session, project_id: UUID) -> Model | None:
    row = await session.raw.fetchrow(_CHAMPION, project_id)
    return None if row is None else Model(**row)


async def lock_champion(session: Session, project_id: UUID) -> Model | None:
    """The champion, under its lock: whoever tests it does so alone."""
    row = await session.raw.fetchrow(_LOCK_CHAMPION, project_id)
    return None if row is None else Model(**row)


async def models_of(session: Session, project_id: UUID) -> list[Model]:
    return [Model(**row) for row in await session.raw.fetch(_MODELS, project_id)]
