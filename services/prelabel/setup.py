"""Opens what prelabel holds while it runs, and closes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from services.prelabel.inference import Artifact, InferenceLimits, InferenceQueue
from services.prelabel.operations import registry
from services.prelabel.operations.training import TrainingLimits
from services.prelabel.operations.uploads import UploadLimits
from services.prelabel.process_state.pace import Pace
from services.prelabel.process_state.training_ends import TRAINING_ENDED
from services.prelabel.resources import PrelabelResources, PrelabelRuntime
from services.prelabel.settings import MEBIBYTE, PrelabelSettings
from services.prelabel.storage import models
from services.prelabel.storage.projects import ProjectCache


@asynccontextmanager
async def open_resources(runtime: PrelabelRuntime) -> AsyncIterator[PrelabelResources]:
    """What the service holds, by its settings; inference ends with it, and so does the hearing of other replicas."""
    settings = runtime.settings
    assert isinstance(settings, PrelabelSettings)

    async def load(model_id: UUID) -> Artifact:
        async with runtime.database.transaction() as session:
            model = await models.get(session, model_id)
        return Artifact(await registry.artifact(runtime.objects, model), model.manifest, model.project_id)

    async def set_aside(model_id: UUID, reason: str) -> None:
        async with runtime.database.transaction() as session:
            await registry.set_aside(session, model_id, reason)

    limits = InferenceLimits(
        queue_items=settings.inference_queue_items,
        batch_items=settings.inference_batch_items,
        wait_s=settings.inference_wait_ms / 1000,
        timeout_s=settings.inference_timeout_s,
        memory_mb=settings.inference_memory_mb,
        models=settings.models_in_memory,
    )
    inference = InferenceQueue(runtime.compute, load, set_aside, limits)
    resources = PrelabelResources(
        UploadLimits(settings.max_model_bytes, settings.check_timeout_s, settings.check_memory_mb),
        TrainingLimits(
            settings.training_timeout_s,
            settings.training_memory_mb,
            settings.max_training_examples,
            settings.max_training_content_mb * MEBIBYTE,
        ),
        inference,
        Pace(settings.scoring_chunk),
        ProjectCache(),
    )
    runtime.replica.on_wake(TRAINING_ENDED, resources.training_ends.note)
    try:
        yield resources
    finally:
        runtime.replica.off_wake(TRAINING_ENDED)
        await inference.close()
