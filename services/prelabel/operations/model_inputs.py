"""What a model, or k-means, reads of a record."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from services.prelabel.compute import pictures
from services.prelabel.domain.items import Item, Shape, Thumbnail, shape_of
from services.prelabel.domain.objective import Objective
from services.prelabel.storage.records import Content
from shared.contracts.events import ModelManifest
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.compute.pool import ComputePool
from shared.kit.exceptions import ObjectMissing
from shared.kit.images.cost import decoding_mb
from shared.kit.objects import Objects

log = structlog.get_logger()


@dataclass(slots=True)
class Read:
    """One item per record, None where there is nothing to read. `interrupted` records may be read at another time."""

    items: list[Item | None]
    interrupted: set[UUID] = field(default_factory=set)
    thumbnails: list[tuple[UUID, Thumbnail]] = field(default_factory=list)


@dataclass(slots=True)
class _Original:
    record_id: UUID
    data: bytes


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what records of one project hold; pictures are fetched, reduced and dropped some at a time.

    `max_pixels`: the most that a picture may have to be read.
    """

    objects: Objects
    compute: ComputePool
    project_id: UUID
    max_pixels: int

    async def items(self, manifest: ModelManifest, contents: Sequence[Content]) -> Read:
        """What the model reads of each record.

        A picture's thumbnail serves when it has the shape that the model wants; else its asset is fetched. A field that is
        missing or of the wrong kind, an asset that is gone or can't be decoded give None.
        """
        if manifest.task == "text_classification":
            return Read([_text(content, manifest.field) for content in contents])
        shape = shape_of(manifest)
        wanting = [content for content in contents if content.thumbnail is None or content.thumbnail.shape != shape]
        reduced, read = await self._reduce(wanting, manifest.field, shape)
        for content in contents:
            item: Item | None = reduced.get(content.record_id)
            if item is None and content.thumbnail is not None and content.thumbnail.shape == shape:
                item = content.thumbnail.array()
            read.items.append(item)
        return read

    async def thumbnails(self, field_name: str, contents: Sequence[Content]) -> Read:
        """The thumbnails of pictures, as `items` and, where they were made now, as `thumbnails`."""
        wanting = [content for content in contents if content.thumbnail is None]
        _, read = await self._reduce(wanting, field_name, None)
        made = dict(read.thumbnails)
        for content in contents:
            small = made.get(content.record_id) or content.thumbnail
            read.items.append(None if small is None else small.array())
        return read

    async def looks(
        self, objective: Objective | None, contents: Sequence[Content]
    ) -> tuple[list[str | Thumbnail | None], list[tuple[UUID, Thumbnail]]]:
        """The features that k-means compares records by, and the thumbnails made on the way."""
        if objective is None:
            return [None] * len(contents), []
        if objective.task == "text_classification":
            return [_text(content, objective.field) for content in contents], []
        read = await self.thumbnails(objective.field, contents)
        made = dict(read.thumbnails)
        return [made.get(content.record_id) or content.thumbnail for content in contents], read.thumbnails

    async def _reduce(
        self, contents: Sequence[Content], name: str, shape: Shape | None
    ) -> tuple[dict[UUID, Item], Read]:
        """The pictures in the shape that is wanted, by record; thumbnails of those that had none."""
        items: dict[UUID, Item] = {}
        read = Read([])
        lacking = {content.record_id for content in contents if content.thumbnail is None}
        for start in range(0, len(contents), pictures.AT_ONCE):
            originals = await self._fetch(contents[start : start + pictures.AT_ONCE], name, read.interrupted)
            data = [each.data for each in originals]
            reduced = await reduce_pictures(self.compute, self.project_id, data, shape, self.max_pixels)
            for original, (item, small) in zip(originals, reduced, strict=True):
                if item is not None:
                    items[original.record_id] = item
                if small is not None and original.record_id in lacking:
                    height, width, channels = small.shape
                    read.thumbnails.append((original.record_id, Thumbnail(width, height, channels, small.tobytes())))
                if item is None and small is None:
                    log.warning("asset_unreadable", record_id=original.record_id)
        return items, read

    async def _fetch(self, contents: Sequence[Content], name: str, interrupted: set[UUID]) -> list[_Original]:
        fetched = await asyncio.gather(*(self._fetch_one(content, name, interrupted) for content in contents))
        return [original for original in fetched if original is not None]

    async def _fetch_one(self, content: Content, name: str, interrupted: set[UUID]) -> _Original | None:
        reference: Any = content.fields.get(name)
        if not isinstance(reference, dict):
            return None
        try:
            return _Original(content.record_id, await self.objects.get(f"assets/{reference['asset_id']}"))
        except ObjectMissing:
            log.warning("asset_missing", record_id=content.record_id, asset_id=reference["asset_id"])
        except Exception as error:  # a store that is away raises what its driver raises
            interrupted.add(content.record_id)
            log.warning("asset_unreachable", record_id=content.record_id, exc_info=error)
        return None


async def reduce_pictures(
    compute: ComputePool, project_id: UUID, originals: Sequence[bytes], shape: Shape | None, max_pixels: int
) -> list[pictures.Reduced]:
    """Read pictures in a confined worker; one that takes its process down is unreadable, and the others are read."""
    if not originals:
        return []
    try:
        return await compute.run(
            pictures.reduce,
            originals,
            shape,
            max_pixels,
            project_id=project_id,
            shared_mb=max(decoding_mb(original, max_pixels) for original in originals),
            untrusted=True,
        )
    except ComputeFailed as failed:
        if len(originals) == 1:
            log.warning("picture_broke_its_limits", reason=str(failed))
            return [(None, None)]
    return [
        reduced
        for original in originals
        for reduced in await reduce_pictures(compute, project_id, [original], shape, max_pixels)
    ]


def _text(content: Content, name: str) -> str | None:
    value = content.fields.get(name)
    return value if isinstance(value, str) else None
