"""Models that learnt from records which were erased since: their files go as soon as they are not in use.

The champion stays in use until a successor is trained without the record (`operations.training`, by the ordinary learning
loop) or somebody promotes another model. Uploaded models are not claimed to have learnt from anything.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.prelabel.operations import registry, successor
from services.prelabel.storage import labels, models, projects, unlearnings, unregistered_files
from services.prelabel.storage.labels import TrainableLabels
from services.prelabel.storage.projects import ProjectCache
from services.prelabel.storage.runs import RunState
from services.prelabel.storage.unlearnings import LearntFrom
from shared.contracts.erasure import ErasedPlace, PlaceState
from shared.contracts.values import ModelStage
from shared.kit import erasures
from shared.kit.database import Database, Session
from shared.kit.erasures import Erasure
from shared.kit.isolation import isolated
from shared.kit.objects import Objects

_FILES_AT_ONCE: Final = 100
_REASON: Final = "it learnt from a record that was erased"


async def retire_models(database: Database, now: datetime) -> None:
    """Mark the files of models that learnt from erased records and are not in use; challengers are rejected."""
    async with database.autocommit() as session:
        found = await unlearnings.projects_to_retire(session)
    with isolated("retire_models") as item:
        for project_id in found:
            with item(project_id=project_id):
                await _retire_of_project(database, project_id, now)


async def _retire_of_project(database: Database, project_id: UUID, now: datetime) -> None:
    async with database.transaction() as session:
        await projects.lock(session, project_id)
        locked = await models.lock(session, await unlearnings.to_retire(session, project_id))
        challengers = [model for model in locked.values() if model.stage is ModelStage.CHALLENGER]
        await registry.reject_all(session, challengers, _REASON, RunState.REJECTED, now)
        await unlearnings.retire(session, project_id, sorted(locked))


async def delete_files(database: Database, objects: Objects, now: datetime) -> int:
    """Delete the files that are marked, and note it; return how many. Deleting one again does no harm."""
    async with database.autocommit() as session:
        marked = await unlearnings.retired(session, _FILES_AT_ONCE)
    for model_id in marked:
        await objects.delete(models.object_key(model_id))
    if marked:
        async with database.transaction() as session:
            await unlearnings.note_gone(session, sorted(marked), now)
            await erasures.look_again(session, set(marked.values()), now)
    return len(marked)


async def delete_unregistered_files(database: Database, objects: Objects, now: datetime) -> int:
    """Delete the files of models that were never registered; return how many. Deleting one again does no harm."""
    async with database.autocommit() as session:
        due = await unregistered_files.due(session, now, _FILES_AT_ONCE)
    for model_id in due:
        await objects.delete(models.object_key(model_id))
    if due:
        async with database.autocommit() as session:
            await unregistered_files.forget(session, due, now)
    return len(due)


async def places(session: Session, erased: Sequence[Erasure]) -> dict[UUID, list[ErasedPlace]]:
    """What prelabel held of these records: all is deleted with their content, but for models."""
    learnt: dict[UUID, list[LearntFrom]] = {}
    for one in await unlearnings.of_records(session, [one.record_id for one in erased]):
        learnt.setdefault(one.record_id, []).append(one)
    waits = await _what_projects_wait_for(session, learnt)
    return {
        one.record_id: [
            ErasedPlace(place="content", state=PlaceState.DONE, done_at=one.erased_at),
            ErasedPlace(place="predictions", state=PlaceState.DONE, done_at=one.erased_at),
            _models_place(one, learnt.get(one.record_id, []), waits),
        ]
        for one in erased
    }


def _models_place(
    erasure: Erasure, learnt: Sequence[LearntFrom], waits: Mapping[UUID, successor.SuccessorWait]
) -> ErasedPlace:
    ids = sorted({one.model_id for one in learnt})
    left = [one for one in learnt if one.file_gone_at is None]
    if not left:
        gone = [one.file_gone_at for one in learnt if one.file_gone_at is not None]
        return ErasedPlace(place="models", state=PlaceState.DONE, done_at=max([erasure.erased_at, *gone]), ids=ids)
    in_use = [one for one in left if one.stage is ModelStage.CHAMPION]
    wait = waits[in_use[0].project_id] if in_use else successor.BEING_DELETED
    return ErasedPlace(
        place="models", state=PlaceState.PENDING, reason=wait.reason, next_step=wait.next_step,
        ids=sorted({one.model_id for one in left}),
    )  # fmt: skip


async def _what_projects_wait_for(
    session: Session, learnt: Mapping[UUID, Sequence[LearntFrom]]
) -> dict[UUID, successor.SuccessorWait]:
    """By project whose champion learnt from one of the records: what its successor waits for."""
    waiting = {one.project_id for ones in learnt.values() for one in ones if one.stage is ModelStage.CHAMPION}
    if not waiting:
        return {}
    found = {
        project_id: situation.project
        for project_id, situation in (await ProjectCache().situations(session, waiting)).items()
    }
    newest = await unlearnings.newest_runs(session, waiting)
    enough = await labels.with_two_classes(
        session,
        [
            TrainableLabels(project_id, project.objective.schema_version, project.learning.admit_machine_labels)
            for project_id, project in found.items()
            if project.objective is not None
        ],
    )
    return {
        project_id: successor.wait_of(project.learning, newest.get(project_id), enough=project_id in enough)
        for project_id, project in found.items()
    }
