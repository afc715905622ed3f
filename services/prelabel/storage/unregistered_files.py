"""Files of models that are not registered yet: each is deleted once its time has come, unless its model is registered before."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.kit.database import Session

_ADD = """
INSERT INTO unregistered_files (model_id, due_at) VALUES ($1, $2)
ON CONFLICT (model_id) DO UPDATE SET due_at = excluded.due_at
"""
_KEEP = "DELETE FROM unregistered_files WHERE model_id = $1 AND due_at > $2 RETURNING true"
_HASTEN = "UPDATE unregistered_files SET due_at = $2 WHERE model_id = $1"
_DUE = "SELECT model_id FROM unregistered_files WHERE due_at <= $1 ORDER BY due_at LIMIT $2"
_FORGET = "DELETE FROM unregistered_files WHERE model_id = ANY($1::uuid[]) AND due_at <= $2"


async def add(session: Session, model_id: UUID, due_at: datetime) -> None:
    """Have the model's file, which is about to be written, deleted at `due_at` unless `keep` comes before."""
    await session.raw.execute(_ADD, model_id, due_at)


async def keep(session: Session, model_id: UUID, now: datetime) -> bool:
    """Let the file stay: its model is registered; False when its time has come, or nobody is known to have written it."""
    return bool(await session.raw.fetchval(_KEEP, model_id, now))


async def hasten(session: Session, model_id: UUID, now: datetime) -> None:
    """Have the file deleted now: its model is never registered."""
    await session.raw.execute(_HASTEN, model_id, now)


async def due(session: Session, now: datetime, limit: int) -> list[UUID]:
    """Models whose files are to be deleted."""
    return [row["model_id"] for row in await session.raw.fetch(_DUE, now, limit)]


async def forget(session: Session, model_ids: Sequence[UUID], now: datetime) -> None:
    """Note that these files, which were due, are deleted."""
    await session.raw.execute(_FORGET, model_ids, now)
