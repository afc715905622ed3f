"""What prelabel holds while it runs, beside what every service holds."""

from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from services.prelabel.inference import InferenceQueue
from services.prelabel.loop_names import LEARN, SCORE
from services.prelabel.operations.backends import Backends
from services.prelabel.operations.training import TrainingLimits
from services.prelabel.operations.uploads import UploadLimits
from services.prelabel.process_state.arrivals import Arrivals
from services.prelabel.process_state.dirty_projects import DirtyProjects
from services.prelabel.process_state.pace import Pace
from services.prelabel.process_state.training_ends import TRAINING_ENDED, TrainingEnds
from services.prelabel.storage.projects import ProjectCache
from shared.kit.runtime import Runtime, current_runtime


@dataclass(slots=True)
class PrelabelResources:
    """What the running service holds. `dirty`: projects to look at for learning; `unscored`: those with records due for scoring."""

    uploads: UploadLimits
    training: TrainingLimits
    inference: InferenceQueue
    pace: Pace
    projects: ProjectCache
    arrivals: Arrivals = field(default_factory=Arrivals)
    dirty: DirtyProjects = field(default_factory=DirtyProjects)
    unscored: DirtyProjects = field(default_factory=DirtyProjects)
    training_ends: TrainingEnds = field(default_factory=TrainingEnds)


PrelabelRuntime = Runtime[PrelabelResources]
PrelabelRuntimeDep = Annotated[PrelabelRuntime, Depends(current_runtime)]


def backends_of(runtime: PrelabelRuntime) -> Backends:
    """What the service's operations work with."""
    resources = runtime.resources
    return Backends(
        runtime.database,
        runtime.objects,
        runtime.compute,
        resources.inference,
        resources.projects,
        runtime.settings.max_asset_pixels,
    )


def mark_dirty(runtime: PrelabelRuntime, *project_ids: UUID) -> None:
    """Something happened in the projects that their learning may have waited for."""
    runtime.resources.dirty.add(*project_ids)
    runtime.wake(LEARN)


def note_training_ended(runtime: PrelabelRuntime) -> None:
    """An attempt at a training run has ended: whoever waits for that looks, on every replica."""
    runtime.replica.wake(TRAINING_ENDED)
    runtime.replica.wake_others(TRAINING_ENDED)


def wake_scoring(runtime: PrelabelRuntime, *project_ids: UUID) -> None:
    """Records of the projects became due for scoring."""
    runtime.resources.unscored.add(*project_ids)
    runtime.wake(SCORE)
