"""An uploaded model is tried out before it is kept."""

from uuid import UUID

from services.prelabel.compute import model_check
from services.prelabel.exceptions import ModelRefused
from shared.contracts.events import ModelManifest
from shared.kit.compute.exceptions import ComputeFailed, ComputeOutOfMemory, ComputeTimeout
from shared.kit.compute.pool import ComputePool


async def check_model(
    compute: ComputePool,
    data: bytes,
    manifest: ModelManifest,
    *,
    project_id: UUID,
    timeout_s: float,
    memory_mb: int,
) -> ModelManifest:
    """Try a model out in a confined process; returns the manifest, which names logits where the answers are none else.

    Raises:
        ModelRefused: it does not load, does not match the manifest, or takes too much time or memory.
    """
    try:
        form, refused = await compute.run(
            model_check.check, data, manifest, project_id=project_id, timeout_s=timeout_s, memory_mb=memory_mb,
            untrusted=True,
        )  # fmt: skip
    except ComputeTimeout:
        raise ModelRefused(f"trying the model out took too long: it may take {timeout_s:g} s") from None
    except ComputeOutOfMemory:
        raise ModelRefused(f"trying the model out needs more memory than it may take, {memory_mb} MB") from None
    except ComputeFailed as failed:
        raise ModelRefused(f"trying the model out failed: {failed}") from None
    if form is None:
        raise ModelRefused(refused)
    return manifest.model_copy(update={"output": form}) if form == "logits" else manifest
