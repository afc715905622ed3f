"""Opens what prelabel holds while it runs, and closes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from services.prelabel import workers
from services.prelabel.inference import Engine, Loader
from services.prelabel.operations import registry
from services.prelabel.settings import PrelabelSettings
from services.prelabel.storage import models
from services.prelabel.tools import Limits, Pace, Tools
from services.prelabel.workers import Trainer
from shared.contracts.events import ModelManifest
from shared.kit.runtime import Runtime


@asynccontextmanager
async def setup(runtime: Runtime[Tools]) -> AsyncIterator[Tools]:
    settings = runtime.settings
    assert isinstance(settings, PrelabelSettings)
    workers.sweep()
    limits = Limits(
        max_model_bytes=settings.max_model_bytes,
        check_timeout_s=settings.check_timeout_s,
        check_memory_mb=settings.check_memory_mb,
        max_training_examples=settings.max_training_examples,
    )
    trainer = Trainer(
        timeout_s=settings.training_timeout_s, memory_mb=settings.training_memory_mb, idle_s=settings.training_idle_s
    )
    try:
        async with Engine(
            _loader(runtime),
            queue_items=settings.inference_queue_items,
            batch_items=settings.inference_batch_items,
            wait_s=settings.inference_wait_ms / 1000,
            timeout_s=settings.inference_timeout_s,
            models=settings.models_in_memory,
        ) as engine:
            runtime.checks["inference"] = lambda _: engine.check()
            yield Tools(limits, engine, trainer, Pace(settings.scoring_chunk))
    finally:
        await trainer.close()


def _loader(runtime: Runtime) -> Loader:
    async def load(model_id: UUID) -> tuple[bytes, ModelManifest]:
        async with runtime.database.transaction() as session:
            model = await models.get(session, model_id)
        return await registry.artifact(runtime.objects, model), model.manifest

    return load
