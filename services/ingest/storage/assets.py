"""Assets: what is known of the objects under `assets/`, which records hold them, and which are to be deleted."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.events import AssetReference
from shared.kit.database import Session
from shared.kit.images.changes import ImageChange

_SCHEDULE_DELETION = """
INSERT INTO asset_deletions (asset_id, due_at) SELECT asset_id, $2 FROM unnest($1::uuid[]) AS asset_id
ON CONFLICT (asset_id) DO UPDATE SET due_at = least(asset_deletions.due_at, excluded.due_at)
"""
_CANCEL_DELETION = "DELETE FROM asset_deletions WHERE asset_id = ANY($1::uuid[])"
_INSERT = """
INSERT INTO assets (asset_id, project_id, media_type, sha256, size_bytes, width, height, original_hash, changes)
SELECT asset_id, $1, media_type, sha256, size_bytes, width, height, original_hash, string_to_array(changes, ' ')
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::int[], $7::int[], $8::bytea[], $9::text[])
    AS row (asset_id, media_type, sha256, size_bytes, width, height, original_hash, changes)
"""
_FIND = "SELECT * FROM assets WHERE asset_id = $1"
# Held until the record is committed, so that the sweeper doesn't take them away meanwhile.
_HOLD = """
SELECT * FROM assets WHERE project_id = $1 AND asset_id = ANY($2::uuid[]) ORDER BY asset_id FOR SHARE
"""
_ATTACH = """
INSERT INTO record_assets (record_id, asset_id)
SELECT record_id, asset_id FROM unnest($1::uuid[], $2::uuid[]) AS row (record_id, asset_id)
"""
_DETACH = "DELETE FROM record_assets WHERE record_id = $1 RETURNING asset_id"
_DUE = "SELECT asset_id FROM asset_deletions WHERE due_at <= $1 ORDER BY due_at LIMIT 100"
# The assets come first, as in `hold` before `attach`.
_LOCK = "SELECT FROM assets WHERE asset_id = ANY($1::uuid[]) ORDER BY asset_id FOR UPDATE"
_LOCK_DUE = """
SELECT asset_id FROM asset_deletions WHERE asset_id = ANY($1::uuid[]) ORDER BY asset_id FOR UPDATE SKIP LOCKED
"""
_HELD = "SELECT DISTINCT asset_id FROM record_assets WHERE asset_id = ANY($1::uuid[])"
_DELETE = "DELETE FROM assets WHERE asset_id = ANY($1::uuid[])"


@dataclass(frozen=True, slots=True)
class Asset:
    """`original_hash` is the keyed hash of the bytes as they came, by which duplicates are found; `changes` how what is kept differs."""

    asset_id: UUID
    project_id: UUID
    media_type: str
    sha256: str
    size_bytes: int
    width: int
    height: int
    original_hash: bytes
    changes: tuple[ImageChange, ...]

    def reference(self) -> AssetReference:
        return AssetReference(
            asset_id=self.asset_id,
            media_type=self.media_type,
            sha256=self.sha256,
            size_bytes=self.size_bytes,
            width=self.width,
            height=self.height,
        )


def object_key(asset_id: UUID) -> str:
    return f"assets/{asset_id}"


async def schedule_deletion(session: Session, asset_ids: Collection[UUID], due_at: datetime) -> None:
    """Have these objects deleted at `due_at` unless `attach` comes first."""
    await session.raw.execute(_SCHEDULE_DELETION, sorted(asset_ids), due_at)


async def insert(session: Session, project_id: UUID, assets: Sequence[Asset]) -> None:
    await session.raw.execute(
        _INSERT,
        project_id,
        [item.asset_id for item in assets],
        [item.media_type for item in assets],
        [item.sha256 for item in assets],
        [item.size_bytes for item in assets],
        [item.width for item in assets],
        [item.height for item in assets],
        [item.original_hash for item in assets],
        [" ".join(item.changes) for item in assets],
    )


async def load(session: Session, asset_id: UUID) -> Asset | None:
    row = await session.raw.fetchrow(_FIND, asset_id)
    return None if row is None else _asset(row)


async def hold(session: Session, project_id: UUID, asset_ids: Collection[UUID]) -> dict[UUID, Asset]:
    """The project's assets among `asset_ids`; they can't be deleted before the transaction ends."""
    rows = await session.raw.fetch(_HOLD, project_id, sorted(asset_ids))
    return {row["asset_id"]: _asset(row) for row in rows}


async def attach(session: Session, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """Pairs of record and asset."""
    if pairs:
        await session.raw.execute(_ATTACH, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
        await session.raw.execute(_CANCEL_DELETION, sorted({pair[1] for pair in pairs}))


async def detach(session: Session, record_id: UUID) -> list[UUID]:
    """Let go of a record's assets; return which they were."""
    return [row[0] for row in await session.raw.fetch(_DETACH, record_id)]


async def due(session: Session, now: datetime) -> list[UUID]:
    return [row[0] for row in await session.raw.fetch(_DUE, now)]


async def release(session: Session, due: Sequence[UUID]) -> tuple[list[UUID], set[UUID]]:
    """Forget those of the assets due for deletion that no record holds, and keep those that one does; return both.

    What is to be kept by now, or is another sweeper's, is left out.
    """
    ids = sorted(due)
    await session.raw.execute(_LOCK, ids)
    locked = [row[0] for row in await session.raw.fetch(_LOCK_DUE, ids)]
    held = {row[0] for row in await session.raw.fetch(_HELD, locked)}
    if held:
        await cancel_deletion(session, held)
    free = [asset_id for asset_id in locked if asset_id not in held]
    await session.raw.execute(_DELETE, free)
    return free, held


async def cancel_deletion(session: Session, asset_ids: Collection[UUID]) -> None:
    """Don't delete these any more."""
    await session.raw.execute(_CANCEL_DELETION, sorted(asset_ids))


def _asset(row: Any) -> Asset:
    return Asset(
        asset_id=row["asset_id"],
        project_id=row["project_id"],
        media_type=row["media_type"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        width=row["width"],
        height=row["height"],
        original_hash=row["original_hash"],
        changes=tuple(ImageChange(change) for change in row["changes"]),
    )
