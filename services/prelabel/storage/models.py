"""The registry of models."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from shared.contracts.events import ModelChanged, ModelDrift, ModelEvaluation, ModelManifest, ModelTest
from shared.contracts.values import ModelStage
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere
from shared.kit.jsonb import load
from shared.kit.outbox import Outgoing


@dataclass(frozen=True, slots=True)
class Model:
    """A model version. `compared`: its comparison with the champion is over. `predecessor`: the champion before it.
    `set_aside`: why it is asked no more, if it is so. `decided_by`: who gave it its stage, None: labels did, or nobody yet.
    `file_retired`: its file is deleted, or about to be. `test`: what was read of the test split while it was champion.
    `drift`: what has changed since it was made, one alarm of a kind.
    """

    model_id: UUID
    project_id: UUID
    version: int
    revision: int
    stage: ModelStage
    manifest: ModelManifest
    sha256: str
    size_bytes: int
    temperature: float
    evaluation: ModelEvaluation | None
    compared: bool
    training_run_id: UUID | None
    trained_on: int | None
    contaminated_by: int
    predecessor: UUID | None
    reason: str
    created_by: str
    created_at: datetime
    set_aside: str | None
    decided_by: str | None
    file_retired: bool
    test: ModelTest | None
    drift: Sequence[ModelDrift]

    @property
    def key(self) -> str:
        """Where its bytes lie in the object store."""
        return object_key(self.model_id)


@dataclass(frozen=True, slots=True)
class WaitingChallenger:
    """A challenger whose comparison is not over. `failure`: why the newest attempt at it failed."""

    model_id: UUID
    version: int
    training_run_id: UUID | None
    schema_version: int
    failure: str | None


class Unmeasured(NamedTuple):
    """A model that is yet to be compared or tested."""

    model_id: UUID
    project_id: UUID
    version: int
    schema_version: int


def object_key(model_id: UUID) -> str:
    return f"models/{model_id}"


_COLUMNS = """
model_id, project_id, version, revision, stage, manifest, sha256, size_bytes, temperature, evaluation, compared,
training_run_id, trained_on, contaminated_by, predecessor, reason, created_by, created_at, set_aside,
decided_by, EXISTS (SELECT FROM retired_files f WHERE f.model_id = models.model_id) AS file_retired, test,
(SELECT jsonb_agg(d.alarm ORDER BY d.kind) FROM drift_findings d
    WHERE d.model_id = models.model_id AND d.alarm IS NOT NULL) AS drift
"""
_GET = f"SELECT {_COLUMNS} FROM models WHERE model_id = $1"  # noqa: S608
_LOCK = f"SELECT {_COLUMNS} FROM models WHERE model_id = ANY($1::uuid[]) ORDER BY model_id FOR UPDATE"  # noqa: S608
_CHAMPION = f"SELECT {_COLUMNS} FROM models WHERE project_id = $1 AND stage = 'champion'"  # noqa: S608
# A field that was not given is null or absent. `output` is added where it was not given and the model answers logits.
_SAME = f"""
SELECT {_COLUMNS} FROM models
WHERE project_id = $1 AND sha256 = $2
    AND jsonb_strip_nulls(manifest) - CASE WHEN $3::jsonb ->> 'output' IS NULL THEN 'output' ELSE '' END
        = jsonb_strip_nulls($3::jsonb)
ORDER BY version LIMIT 1
"""  # noqa: S608
_LIST = f"SELECT {_COLUMNS} FROM models WHERE project_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3"  # noqa: S608
_TO_COMPARE = """
SELECT model_id, project_id, version, (manifest ->> 'schema_version')::integer AS schema_version
FROM models LEFT JOIN comparison_attempts USING (model_id)
WHERE stage = 'challenger' AND NOT compared AND coalesce(retry_at <= now(), true) AND (project_id, version) > ($1, $2)
ORDER BY project_id, version LIMIT $3
"""
_WAITING = """
SELECT model_id FROM models
WHERE project_id = $1 AND stage = 'challenger' AND NOT compared AND training_run_id IS NOT NULL ORDER BY model_id
"""
_WAITING_TO_BE_COMPARED = """
SELECT model_id, version, training_run_id, (manifest ->> 'schema_version')::integer AS schema_version, a.failure
FROM models LEFT JOIN comparison_attempts a USING (model_id)
WHERE project_id = $1 AND stage = 'challenger' AND NOT compared ORDER BY version DESC LIMIT $2
"""
_ADD = """
INSERT INTO models (
    model_id, project_id, version, revision, stage, manifest, sha256, size_bytes, training_run_id, trained_on,
    contaminated_by, reason, created_by, created_at
)
VALUES ($1, $2, $3, 1, 'challenger', $4::jsonb, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_MOVE = f"""
WITH attempts AS (DELETE FROM comparison_attempts WHERE model_id = ANY($1::uuid[]))
UPDATE models SET stage = $2, reason = $3, revision = revision + 1, compared = true, set_aside = NULL,
    decided_by = $7, predecessor = coalesce($4, predecessor), temperature = coalesce($5, temperature),
    evaluation = coalesce($6::jsonb, evaluation)
WHERE model_id = ANY($1::uuid[]) RETURNING {_COLUMNS}
"""  # noqa: S608
_UNTESTED = """
SELECT model_id, project_id, version, (manifest ->> 'schema_version')::integer AS schema_version
FROM models LEFT JOIN comparison_attempts USING (model_id)
WHERE stage = 'champion' AND test IS NULL AND set_aside IS NULL AND coalesce(retry_at <= now(), true)
    AND (project_id, version) > ($1, $2)
ORDER BY project_id, version LIMIT $3
"""
_KEEP_TEST = f"""
WITH attempts AS (DELETE FROM comparison_attempts WHERE model_id = $1)
UPDATE models SET test = $2::jsonb, revision = revision + 1
WHERE model_id = $1 AND stage = 'champion' AND test IS NULL RETURNING {_COLUMNS}
"""  # noqa: S608
_TOUCH = f"UPDATE models SET revision = revision + 1 WHERE model_id = $1 RETURNING {_COLUMNS}"  # noqa: S608
_SET_ASIDE = "UPDATE models SET set_aside = $2 WHERE model_id = $1 AND set_aside IS NULL RETURNING project_id"
_COUNT_CONTAMINATED = f"""
WITH counted AS (
    UPDATE contaminations SET counted = true WHERE run_id = ANY($1::uuid[]) AND NOT counted RETURNING run_id
), of_run AS (
    SELECT run_id, count(*) AS records FROM counted GROUP BY run_id
)
UPDATE models SET contaminated_by = contaminated_by + of_run.records, revision = revision + 1
FROM of_run WHERE models.training_run_id = of_run.run_id RETURNING {_COLUMNS}
"""  # noqa: S608
# One look into the index for each run, however many contaminations it has.
_CONTAMINATED = """
WITH RECURSIVE contaminated AS (
    (SELECT run_id FROM contaminations WHERE NOT counted ORDER BY run_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT next.run_id FROM contaminations next WHERE NOT next.counted AND next.run_id > contaminated.run_id
        ORDER BY next.run_id LIMIT 1
    )
    FROM contaminated WHERE contaminated.run_id IS NOT NULL
)
SELECT m.model_id FROM contaminated JOIN models m ON m.training_run_id = contaminated.run_id
"""
_CONTAMINATE = """
INSERT INTO contaminations (run_id, record_id)
SELECT run_id, record_id FROM training_examples WHERE record_id = ANY($1::uuid[]) ORDER BY run_id, record_id
ON CONFLICT DO NOTHING
"""
_ALL = f"SELECT {_COLUMNS} FROM models WHERE model_id > $1 ORDER BY model_id LIMIT 500"  # noqa: S608


def _model(row: Any) -> Model:
    evaluation = row["evaluation"]
    return Model(
        row["model_id"], row["project_id"], row["version"], row["revision"], ModelStage(row["stage"]),
        ModelManifest.model_validate_json(row["manifest"]), row["sha256"], row["size_bytes"], row["temperature"],
        None if evaluation is None else ModelEvaluation.model_validate_json(evaluation), row["compared"],
        row["training_run_id"], row["trained_on"], row["contaminated_by"], row["predecessor"], row["reason"],
        row["created_by"], row["created_at"], row["set_aside"], row["decided_by"], row["file_retired"],
        None if row["test"] is None else ModelTest.model_validate_json(row["test"]),
        [] if row["drift"] is None else [ModelDrift.model_validate(each) for each in load(row["drift"])],
    )  # fmt: skip


def _kept(manifest: ModelManifest) -> str:
    """A manifest as it is kept: `output` only where it is given, because replicas of an older release know no such field."""
    return manifest.model_dump_json(exclude={"output"} if manifest.output is None else None)


def changed(model: Model) -> Outgoing:
    """The event with the model's whole state."""
    payload = ModelChanged(
        model_id=model.model_id,
        version=model.version,
        stage=model.stage,
        manifest=model.manifest,
        sha256=model.sha256,
        evaluation=model.evaluation,
        test=model.test,
        training_run_id=model.training_run_id,
        trained_on=model.trained_on,
        contaminated_by=model.contaminated_by,
        reason=model.reason,
        created_at=model.created_at,
        drift=list(model.drift),
    )
    return Outgoing(payload=payload, project_id=model.project_id, revision=model.revision)


async def get(session: Session, model_id: UUID) -> Model:
    """Raises NotKnownHere."""
    row = await session.raw.fetchrow(_GET, model_id)
    if row is None:
        raise NotKnownHere("model", model_id)
    return _model(row)


async def lock(session: Session, model_ids: Sequence[UUID]) -> dict[UUID, Model]:
    """Lock models in the order of their ids. Whoever changes stages holds the project's lock already."""
    return {row["model_id"]: _model(row) for row in await session.raw.fetch(_LOCK, model_ids)}


async def champion(session: Session, project_id: UUID) -> Model | None:
    row = await session.raw.fetchrow(_CHAMPION, project_id)
    return None if row is None else _model(row)


async def same(session: Session, project_id: UUID, sha256: str, manifest: ModelManifest) -> Model | None:
    """The model that was uploaded with the same bytes and manifest before."""
    row = await session.raw.fetchrow(_SAME, project_id, sha256, manifest.model_dump_json())
    return None if row is None else _model(row)


async def page(session: Session, project_id: UUID, before: int, limit: int) -> Sequence[Model]:
    """Models of a project with versions below `before`, the newest first."""
    return [_model(row) for row in await session.raw.fetch(_LIST, project_id, before, limit)]


async def to_compare(session: Session, after: tuple[UUID, int], most: int) -> Sequence[Unmeasured]:
    """The challengers that wait for their comparison, unless an attempt failed and the next one is due later.

    By project and version, the first `most` that come after these.
    """
    return [Unmeasured(**row) for row in await session.raw.fetch(_TO_COMPARE, *after, most)]


async def untested(session: Session, after: tuple[UUID, int], most: int) -> Sequence[Unmeasured]:
    """The champions of which the test split was not read yet, unless an attempt failed and the next one is due later.

    By project and version, the first `most` that come after these.
    """
    return [Unmeasured(**row) for row in await session.raw.fetch(_UNTESTED, *after, most)]


async def keep_test(session: Session, model_id: UUID, test: ModelTest) -> Model | None:
    """Keep what was read of the test split; None when that was done before, or the model is champion no more."""
    row = await session.raw.fetchrow(_KEEP_TEST, model_id, test.model_dump_json())
    return None if row is None else _model(row)


async def waiting(session: Session, project_id: UUID) -> Sequence[UUID]:
    """The project's trained challengers that wait for their comparison."""
    return [row[0] for row in await session.raw.fetch(_WAITING, project_id)]


async def waiting_to_be_compared(session: Session, project_id: UUID, most: int) -> Sequence[WaitingChallenger]:
    """The newest challengers that wait for their comparison, trained here or uploaded."""
    return [WaitingChallenger(**row) for row in await session.raw.fetch(_WAITING_TO_BE_COMPARED, project_id, most)]


async def add(
    session: Session,
    *,
    model_id: UUID,
    project_id: UUID,
    version: int,
    manifest: ModelManifest,
    sha256: str,
    size_bytes: int,
    reason: str,
    created_by: str,
    created_at: datetime,
    training_run_id: UUID | None = None,
    trained_on: int | None = None,
) -> Model:
    """Register a challenger, with the gold that its run learnt from by accident already counted."""
    await session.raw.execute(
        _ADD, model_id, project_id, version, _kept(manifest), sha256, size_bytes, training_run_id, trained_on,
        0, reason, created_by, created_at,
    )  # fmt: skip
    return await get(session, model_id)


async def move(
    session: Session,
    model_id: UUID,
    stage: ModelStage,
    reason: str,
    *,
    predecessor: UUID | None = None,
    temperature: float | None = None,
    evaluation: ModelEvaluation | None = None,
    decided_by: str | None = None,
) -> Model:
    """Give a locked model its new stage; its comparison is over by that, whatever was attempted."""
    row = await session.raw.fetchrow(
        _MOVE, [model_id], stage, reason, predecessor, temperature,
        None if evaluation is None else evaluation.model_dump_json(), decided_by,
    )  # fmt: skip
    return _model(row)


async def move_all(session: Session, model_ids: Sequence[UUID], stage: ModelStage, reason: str) -> Sequence[Model]:
    """Give locked models a stage, as labels do and not somebody; in the order of their ids."""
    rows = await session.raw.fetch(_MOVE, model_ids, stage, reason, None, None, None, None)
    return sorted(map(_model, rows), key=attrgetter("model_id"))


async def touch(session: Session, model_id: UUID) -> Model:
    """Give a locked model a new revision: something that belongs to it has changed in another table."""
    return _model(await session.raw.fetchrow(_TOUCH, model_id))


async def set_aside(session: Session, model_id: UUID, reason: str) -> UUID | None:
    """Note that a model is asked no more, until it is given a stage anew; its project, or None when that was known."""
    project_id: UUID | None = await session.raw.fetchval(_SET_ASIDE, model_id, reason)
    return project_id


async def contaminate(session: Session, record_ids: Sequence[UUID]) -> None:
    """Note which runs learnt from records that became gold. The records' rows are locked."""
    await session.raw.execute(_CONTAMINATE, record_ids)


async def contaminated(session: Session) -> Sequence[UUID]:
    """Models with contaminations of their runs that are not counted yet."""
    return [row["model_id"] for row in await session.raw.fetch(_CONTAMINATED)]


async def count_contaminated(session: Session, run_ids: Sequence[UUID]) -> Sequence[Model]:
    """Count the contaminations of these runs, whose models are locked; return those of the models that had any."""
    return [_model(row) for row in await session.raw.fetch(_COUNT_CONTAMINATED, run_ids)] if run_ids else []


async def current(session: Session) -> AsyncIterator[Outgoing]:
    """Every model, as `ModelChanged` with the revision it has."""
    after = UUID(int=0)
    while rows := await session.raw.fetch(_ALL, after):
        for row in rows:
            yield changed(_model(row))
        after = rows[-1]["model_id"]
