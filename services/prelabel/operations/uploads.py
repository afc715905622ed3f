"""A model from outside: tried out, kept as a challenger, and made the champion at once where its uploader says so."""

from dataclasses import dataclass
from uuid import UUID

from services.prelabel.operations import comparison, promotion, registry
from services.prelabel.operations.backends import Backends
from services.prelabel.operations.checks import check_model
from services.prelabel.storage.models import Model
from shared.contracts.events import ModelManifest
from shared.kit.auth import Principal
from shared.kit.clock import new_id, utc_now


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What an uploaded model may take: bytes, and time and memory while it is tried out."""

    model_bytes: int
    check_timeout_s: float
    check_memory_mb: int


@dataclass(frozen=True, slots=True)
class UploadedModel:
    """`is_new`: the same bytes were not uploaded with the same manifest before. `next_step`: what a challenger waits for."""

    model: Model
    is_new: bool
    next_step: str | None


async def upload(
    backends: Backends,
    principal: Principal,
    limits: UploadLimits,
    *,
    project_id: UUID,
    manifest: ModelManifest,
    data: bytes,
    reason: str,
    use_now: bool,
) -> UploadedModel:
    """Register a model as a challenger once a process of its own has tried the file out; with `use_now`, promote it.

    The same bytes with the same manifest are the same model, which is not tried out again.

    Raises what `registry.check_upload`, `check_model` and `registry.promote` do.
    """
    uploaded = await _uploaded_before(backends, project_id, manifest, data)
    if uploaded is None:
        checked = await check_model(
            backends.compute, data, manifest, project_id=project_id, timeout_s=limits.check_timeout_s,
            memory_mb=limits.check_memory_mb,
        )  # fmt: skip
        uploaded = await _register(backends, principal, project_id, checked, data, reason)
    if not use_now:
        return uploaded
    champion = await promotion.promote(backends, principal, uploaded.model.model_id, reason)
    return UploadedModel(champion, is_new=uploaded.is_new, next_step=None)


async def _uploaded_before(
    backends: Backends, project_id: UUID, manifest: ModelManifest, data: bytes
) -> UploadedModel | None:
    async with backends.database.transaction() as session:
        known = await registry.check_upload(
            session, backends.projects, project_id, manifest, registry.fingerprint(data)
        )
        if known is None:
            return None
        next_step = await comparison.next_step_of(session, backends.projects, known)
    return UploadedModel(known, is_new=False, next_step=next_step)


async def _register(
    backends: Backends, principal: Principal, project_id: UUID, manifest: ModelManifest, data: bytes, reason: str
) -> UploadedModel:
    """Write the file and register its model, unless the same one came at the same time: then its file is deleted again."""
    model_id = new_id()
    await registry.write_file(backends.database, backends.objects, model_id, data, utc_now())
    async with backends.database.transaction() as session:
        added = await registry.register(
            session, model_id=model_id, project_id=project_id, manifest=manifest, data=data, reason=reason,
            created_by=principal.actor, now=utc_now(),
        )  # fmt: skip
        next_step = await comparison.next_step_of(session, backends.projects, added)
    return UploadedModel(added, is_new=added.model_id == model_id, next_step=next_step)
