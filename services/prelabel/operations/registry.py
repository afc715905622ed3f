"""The registry: models come in, become champion, and step back."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from services.prelabel import metrics
from services.prelabel.domain.objective import check_manifest
from services.prelabel.exceptions import (
    ArtifactDamaged,
    ModelChangedMeanwhile,
    ModelFileErased,
    ModelSetAside,
    NoChampion,
    NoPredecessor,
    NotChampion,
)
from services.prelabel.storage import models, projects, runs, unregistered_files
from services.prelabel.storage.models import Model
from services.prelabel.storage.projects import ProjectCache
from services.prelabel.storage.runs import RunState
from shared.contracts.events import ModelEvaluation, ModelManifest
from shared.contracts.values import ModelStage
from shared.kit import outbox
from shared.kit.database import Database, Session
from shared.kit.exceptions import NotKnownHere
from shared.kit.objects import Objects

log = structlog.get_logger()

_REGISTERED_WITHIN: Final = timedelta(hours=1)
"""Much longer than it takes from the writing of a file to the commit that registers its model."""


def fingerprint(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def check_upload(
    session: Session, cache: ProjectCache, project_id: UUID, manifest: ModelManifest, sha256: str
) -> Model | None:
    """Refuse a manifest that doesn't fit the project; returns the model that was uploaded just so before.

    Raises:
        NotKnownHere: the project is not here.
        ProjectArchived: it takes nothing more.
        ManifestRefused: the model answers what the project doesn't ask.
    """
    situation = await cache.situation(session, project_id)
    situation.project.check_open()
    check_manifest(manifest, situation.project.schemas)
    return await models.same(session, project_id, sha256, manifest)


async def write_file(database: Database, objects: Objects, model_id: UUID, data: bytes, now: datetime) -> None:
    """Write the file of a model that is not registered yet; it is deleted again unless that comes within an hour."""
    async with database.autocommit() as session:
        await unregistered_files.add(session, model_id, now + _REGISTERED_WITHIN)
    await objects.put(models.object_key(model_id), data, "application/octet-stream")


async def register(
    session: Session,
    *,
    model_id: UUID,
    project_id: UUID,
    manifest: ModelManifest,
    data: bytes,
    reason: str,
    created_by: str,
    now: datetime,
    training_run_id: UUID | None = None,
    trained_on: int | None = None,
) -> Model:
    """Register a challenger, whose file `write_file` has written, and publish it.

    The same bytes with the same manifest are the same model: then that one is answered, and the file is deleted.
    """
    await projects.lock(session, project_id)
    sha256 = fingerprint(data)
    if training_run_id is None:
        known = await models.same(session, project_id, sha256, manifest)
        if known is not None:
            await unregistered_files.hasten(session, model_id, now)
            return known
    if not await unregistered_files.keep(session, model_id, now):
        raise RuntimeError(f"the file of model {model_id} was not written within the last hour")
    model = await models.add(
        session,
        model_id=model_id,
        project_id=project_id,
        version=await projects.next_model(session, project_id),
        manifest=manifest,
        sha256=sha256,
        size_bytes=len(data),
        reason=reason,
        created_by=created_by,
        created_at=now,
        training_run_id=training_run_id,
        trained_on=trained_on,
    )
    await publish_changes(session, [model])
    return model


async def promote(
    session: Session,
    model_id: UUID,
    reason: str,
    now: datetime,
    *,
    evaluation: ModelEvaluation | None = None,
    expected: frozenset[int] | None = None,
    decided_by: str | None = None,
) -> Model:
    """Make a model the champion and its predecessor retired; every record is due for scoring. A champion stays as it
    is, unless it was set aside: then it is asked again.

    `decided_by`: who decided so; None where labels did. `expected`: refuse if the model's revision is not among these; None expects any.

    Raises:
        NotKnownHere: the model is not here.
        ModelChangedMeanwhile: its revision is not among the `expected`.
        ModelFileErased: it learnt from a record that was erased, and is not in use.
    """
    model, old = await _lock_with_champion(session, model_id)
    if expected is not None and model.revision not in expected:
        raise ModelChangedMeanwhile(f"it has revision {model.revision}")
    if model.stage is ModelStage.CHAMPION:
        if model.set_aside is None:
            return model
        return await _replace(session, None, model, reason, now, decided_by=decided_by)
    _check_file(model)
    predecessor = None if old is None else old.model_id
    return await _replace(
        session, old, model, reason, now, evaluation=evaluation, predecessor=predecessor, decided_by=decided_by
    )


async def roll_back(
    session: Session,
    model_id: UUID,
    reason: str,
    now: datetime,
    *,
    decided_by: str,
    expected: frozenset[int] | None = None,
) -> Model:
    """Make the champion before this one champion again; returns it.

    Raises:
        NotKnownHere: the model is not here.
        ModelChangedMeanwhile: its revision is not among the `expected`.
        NotChampion: it is not the champion.
        NoPredecessor: it is the first one.
        ModelFileErased: the one before it learnt from a record that was erased.
    """
    model, _ = await _lock_with_champion(session, model_id)
    if expected is not None and model.revision not in expected:
        raise ModelChangedMeanwhile(f"it has revision {model.revision}")
    if model.stage is not ModelStage.CHAMPION:
        raise NotChampion(f"it is {model.stage}")
    if model.predecessor is None:
        raise NoPredecessor
    before = (await models.lock(session, [model.predecessor]))[model.predecessor]
    _check_file(before)
    return await _replace(session, model, before, reason, now, decided_by=decided_by)


def _check_file(model: Model) -> None:
    if model.file_retired:
        raise ModelFileErased(f"model {model.model_id}")


async def reject(
    session: Session, model: Model, reason: str, now: datetime, evaluation: ModelEvaluation | None = None
) -> Model:
    """End a locked challenger's candidacy."""
    rejected = await models.move(
        session, model.model_id, ModelStage.REJECTED, reason,
        temperature=None if evaluation is None else evaluation.temperature, evaluation=evaluation,
    )  # fmt: skip
    await runs.end(session, _runs_of([model]), RunState.REJECTED, now)
    await publish_changes(session, [rejected])
    return rejected


async def reject_all(
    session: Session, challengers: Sequence[Model], reason: str, ended: RunState, now: datetime
) -> None:
    """End the candidacies of locked challengers; the runs that made them are `ended`."""
    if not challengers:
        return
    rejected = await models.move_all(session, [model.model_id for model in challengers], ModelStage.REJECTED, reason)
    await runs.end(session, _runs_of(challengers), ended, now)
    await publish_changes(session, rejected)


def _runs_of(made: Sequence[Model]) -> list[UUID]:
    """The runs that made these models; those that were uploaded have none."""
    return [model.training_run_id for model in made if model.training_run_id is not None]


async def leave_to_people(session: Session, model: Model, evaluation: ModelEvaluation, now: datetime) -> Model:
    """Keep a locked challenger with its evaluation, for somebody to decide on."""
    compared = await models.move(
        session, model.model_id, ModelStage.CHALLENGER, "compared; promotion is by hand",
        temperature=evaluation.temperature, evaluation=evaluation,
    )  # fmt: skip
    await runs.end(session, _runs_of([model]), RunState.COMPARED, now)
    await publish_changes(session, [compared])
    return compared


async def set_aside(session: Session, model_id: UUID, reason: str) -> None:
    """Ask a model no more that takes too much time or memory; promoting it anew lets it try again."""
    project_id = await models.set_aside(session, model_id, reason)
    if project_id is not None:
        metrics.SET_ASIDE.inc()
        log.error("model_set_aside", model_id=model_id, project_id=project_id, reason=reason)


async def publish_changes(session: Session, changed: Sequence[Model]) -> None:
    await outbox.publish_many(session, [models.changed(model) for model in changed])


async def count_contaminated(session: Session) -> int:
    """Count gold that models learnt from before it was gold, and publish these models; returns how many there were."""
    locked = await models.lock(session, await models.contaminated(session))
    changed = await models.count_contaminated(session, _runs_of(list(locked.values())))
    await publish_changes(session, changed)
    return len(changed)


async def model_to_ask(database: Database, project_id: UUID, model_id: UUID | None) -> Model:
    """The model of the project that is to predict: the champion, or the one with this id.

    Raises:
        NotKnownHere: the project, or this model of it, is not here.
        NoChampion: none was named, and the project has no champion.
        ModelSetAside: it took too much time or memory.
    """
    async with database.autocommit() as session:
        if model_id is not None:
            model = await models.get(session, model_id)
            if model.project_id != project_id:
                raise NotKnownHere("model", model_id)
        else:
            champion = await models.champion(session, project_id)
            if champion is None:
                await projects.check_exists(session, project_id)
                raise NoChampion("Name a model, or promote one.")
            model = champion
    if model.set_aside is not None:
        raise ModelSetAside(model.set_aside)
    return model


async def artifact(objects: Objects, model: Model) -> bytes:
    """The model's bytes. Raises ArtifactDamaged, or ObjectMissing."""
    data = await objects.get(model.key)
    if fingerprint(data) != model.sha256:
        raise ArtifactDamaged(f"model {model.model_id}")
    return data


async def _lock_with_champion(session: Session, model_id: UUID) -> tuple[Model, Model | None]:
    """The model and its project's champion, locked after the project: who is champion changes under that lock only."""
    project_id = (await models.get(session, model_id)).project_id
    await projects.lock(session, project_id)
    champion = await models.champion(session, project_id)
    locked = await models.lock(session, sorted({model_id} | ({champion.model_id} if champion else set())))
    if model_id not in locked:
        raise NotKnownHere("model", model_id)
    return locked[model_id], None if champion is None else locked[champion.model_id]


async def _replace(
    session: Session,
    old: Model | None,
    new: Model,
    reason: str,
    now: datetime,
    *,
    evaluation: ModelEvaluation | None = None,
    predecessor: UUID | None = None,
    decided_by: str | None,
) -> Model:
    """`predecessor`: the champion that a later rollback of the new one leads to; the one it had without."""
    changed = []
    if old is not None:
        changed.append(
            await models.move(session, old.model_id, ModelStage.RETIRED, f"replaced: {reason}", decided_by=decided_by)
        )
    champion = await models.move(
        session, new.model_id, ModelStage.CHAMPION, reason, predecessor=predecessor,
        temperature=None if evaluation is None else evaluation.temperature, evaluation=evaluation, decided_by=decided_by,
    )  # fmt: skip
    await runs.end(session, _runs_of([new]), RunState.PROMOTED, now)
    await projects.next_epoch(session, new.project_id)
    await publish_changes(session, [*changed, champion])
    return champion
