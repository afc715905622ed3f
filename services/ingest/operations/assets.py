"""Store images and delete what nobody holds."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from services.ingest.domain.intake import Candidate, IntakeProject, image_hash
from services.ingest.images import ImageTooLarge, NotAnImage, SafeImage, make_safe
from services.ingest.operations.records import Refused
from services.ingest.storage import assets as storage
from services.ingest.storage.assets import Asset, object_key
from shared.contracts.values import json_pointer
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere
from shared.kit.objects import Objects

AT_ONCE = 16
"""Objects written at a time."""


def read_images(
    candidates: Sequence[Candidate], max_bytes: int, max_pixels: int
) -> dict[UUID, dict[str, SafeImage] | Refused]:
    """Make the images of candidates safe, by candidate and field; takes CPU time."""
    read: dict[UUID, dict[str, SafeImage] | Refused] = {}
    for item in candidates:
        images: dict[str, SafeImage] = {}
        read[item.record_id] = images
        for name, image in item.images.items():
            try:
                images[name] = make_safe(image.data, max_bytes, max_pixels)
            except (ImageTooLarge, NotAnImage) as error:
                reason = "image-too-large" if isinstance(error, ImageTooLarge) else "image-unreadable"
                read[item.record_id] = Refused(json_pointer("fields", name), reason, str(error))
                break
    return read


def place_images(
    candidate: Candidate, images: dict[str, SafeImage], project_id: UUID, new_asset_id: Callable[[], UUID]
) -> list[tuple[Asset, bytes]]:
    """Give a candidate's images their ids and put the references into its fields. Annotators see these ids: random ones."""
    placed: list[tuple[Asset, bytes]] = []
    for name, image in images.items():
        asset = _asset(new_asset_id(), project_id, image, bytes.fromhex(candidate.hashed[name]))
        candidate.fields[name] = asset.reference()
        placed.append((asset, image.data))
    candidate.images = {}
    return placed


def new_asset(project: IntakeProject, asset_id: UUID, original: bytes, image: SafeImage) -> Asset:
    return _asset(asset_id, project.project_id, image, image_hash(project, original))


def _asset(asset_id: UUID, project_id: UUID, image: SafeImage, original_hash: bytes) -> Asset:
    return Asset(
        asset_id=asset_id,
        project_id=project_id,
        media_type=image.media_type,
        sha256=image.sha256,
        size_bytes=len(image.data),
        width=image.width,
        height=image.height,
        original_hash=original_hash,
    )


async def write_objects(objects: Objects, placed: Sequence[tuple[Asset, bytes]]) -> None:
    """Write images to the object store. Call it after their ids were doomed, so that none can be forgotten."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def write(asset: Asset, data: bytes) -> None:
        async with gate:
            await objects.put(object_key(asset.asset_id), data, asset.media_type)

    async with asyncio.TaskGroup() as group:
        for asset, data in placed:
            group.create_task(write(asset, data))


async def load(session: Session, asset_id: UUID) -> Asset:
    """Raises NotKnownHere."""
    asset = await storage.load(session, asset_id)
    if asset is None:
        raise NotKnownHere("asset", asset_id)
    return asset


async def delete_unless_held(session: Session, objects: Objects, asset_id: UUID) -> None:
    """Delete a doomed asset, object first: if the transaction fails, the next sweep deletes it again."""
    if not await storage.lock_doomed(session, asset_id):
        return
    if await storage.is_held(session, asset_id):
        await storage.spare(session, [asset_id])
        return
    await objects.delete(object_key(asset_id))
    await storage.delete(session, asset_id)
