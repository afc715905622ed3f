"""What a model, or k-means, reads of a record."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import numpy as np
import structlog

from services.prelabel import pictures
from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.features import text_features
from services.prelabel.domain.objective import Objective
from services.prelabel.inference import Item
from services.prelabel.pictures import Thumbnail, UnreadablePicture
from services.prelabel.storage.records import Content
from shared.contracts.events import ModelManifest
from shared.kit.exceptions import ObjectMissing
from shared.kit.objects import Objects

log = structlog.get_logger()

_AT_ONCE: Final = 16


@dataclass(slots=True)
class Read:
    """One item per record, None where there is nothing to read. `interrupted` records may be read at another time."""

    items: list[Item | None]
    interrupted: set[UUID] = field(default_factory=set)
    thumbnails: list[tuple[UUID, Thumbnail]] = field(default_factory=list)


@dataclass(slots=True)
class _Fetched:
    """The bytes of pictures by record; what could not be had, for good or for now."""

    data: dict[UUID, bytes] = field(default_factory=dict)
    interrupted: set[UUID] = field(default_factory=set)


async def read_items(objects: Objects, manifest: ModelManifest, contents: Sequence[Content]) -> Read:
    """What the model reads of each record.

    A picture's thumbnail serves when it has the shape that the model wants; else its asset is fetched. A field that is
    missing or of the wrong kind, an asset that is gone or can't be decoded give None.
    """
    if manifest.task == "text_classification":
        return Read([_text(content, manifest.field) for content in contents])
    shape = (manifest.width or 1, manifest.height or 1, manifest.channels)
    wanting = [content for content in contents if not _fits(content.thumbnail, shape)]
    fetched = await _fetch(objects, wanting, manifest.field)
    return await asyncio.to_thread(_pictures, contents, fetched, shape)


async def read_thumbnails(objects: Objects, field_name: str, contents: Sequence[Content]) -> Read:
    """As `read_items` where only thumbnails are wanted: `items` are the thumbnails' own pixels."""
    wanting = [content for content in contents if content.thumbnail is None]
    fetched = await _fetch(objects, wanting, field_name)
    return await asyncio.to_thread(_pictures, contents, fetched, None)


async def read_features(
    objects: Objects, objective: Objective | None, contents: Sequence[Content]
) -> tuple[list[Floats | None], list[tuple[UUID, Thumbnail]]]:
    """A vector for each record by which k-means tells it from others, and the thumbnails made on the way."""
    if objective is None:
        return [None] * len(contents), []
    if objective.task == "text_classification":
        return await asyncio.to_thread(_text_vectors, contents, objective.field), []
    read = await read_thumbnails(objects, objective.field, contents)
    made = dict(read.thumbnails)
    small = [made.get(content.record_id) or content.thumbnail for content in contents]
    return await asyncio.to_thread(_picture_vectors, small), read.thumbnails


def _text(content: Content, name: str) -> str | None:
    value = content.fields.get(name)
    return value if isinstance(value, str) else None


def _text_vectors(contents: Sequence[Content], name: str) -> list[Floats | None]:
    return [None if (text := _text(content, name)) is None else text_features(text) for content in contents]


def _picture_vectors(thumbnails: Sequence[Thumbnail | None]) -> list[Floats | None]:
    return [None if small is None else pictures.sketch(small) for small in thumbnails]


def _fits(small: Thumbnail | None, shape: tuple[int, int, int]) -> bool:
    return small is not None and (small.width, small.height, small.channels) == shape


async def _fetch(objects: Objects, contents: Sequence[Content], name: str) -> _Fetched:
    fetched = _Fetched()
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(content: Content) -> None:
        reference: Any = content.fields.get(name)
        if not isinstance(reference, dict):
            return
        async with gate:
            try:
                fetched.data[content.record_id] = await objects.get(f"assets/{reference['asset_id']}")
            except ObjectMissing:
                log.warning("asset_missing", record_id=content.record_id, asset_id=reference["asset_id"])
            except Exception as error:  # a store that is away raises what its driver raises
                fetched.interrupted.add(content.record_id)
                log.warning("asset_unreachable", record_id=content.record_id, exc_info=error)

    await asyncio.gather(*(one(content) for content in contents))
    return fetched


def _pictures(contents: Sequence[Content], fetched: _Fetched, shape: tuple[int, int, int] | None) -> Read:
    """`shape` is width, height, channels; each thumbnail's own without."""
    read = Read([], fetched.interrupted)
    for content in contents:
        small, item = content.thumbnail, None
        data = fetched.data.get(content.record_id)
        if data is not None:
            try:
                image = pictures.read(data)
                item = None if shape is None else pictures.pixels(image, *shape)
                if small is None:
                    small = pictures.thumbnail(image)
                    read.thumbnails.append((content.record_id, small))
            except UnreadablePicture:
                log.warning("asset_unreadable", record_id=content.record_id)
        if item is None and small is not None and (shape is None or _fits(small, shape)):
            item = np.array(small.array())
        read.items.append(item)
    return read
