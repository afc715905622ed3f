"""The files of a release: where they lie, and streams that are hashed as they are stored."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Final, NamedTuple
from uuid import UUID

from shared.kit.objects import Objects

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "signature.json"
SEALS: Final = "seals.jsonl"
GOLD: Final = "gold.jsonl"
JSON: Final = "application/json"
JSON_LINES: Final = "application/x-ndjson"


class StoredFile(NamedTuple):
    """What was stored; `sha256` is hexadecimal."""

    bytes: int
    sha256: str


def folder(release_id: UUID) -> str:
    """Return where a release's files lie in the object store."""
    return f"releases/{release_id}"


def lineage_name(split: str) -> str:
    """Return the name of the file that proves a split's labels."""
    return f"{split}.lineage.jsonl"


async def store(objects: Objects, key: str, chunks: AsyncIterator[bytes], media_type: str) -> StoredFile:
    """Store what comes, in constant memory."""
    digest = hashlib.sha256()
    size = 0

    async def hashed() -> AsyncIterator[bytes]:
        nonlocal size
        async for chunk in chunks:
            await asyncio.to_thread(digest.update, chunk)
            size += len(chunk)
            yield chunk

    await objects.put_stream(key, hashed(), media_type)
    return StoredFile(size, digest.hexdigest())
