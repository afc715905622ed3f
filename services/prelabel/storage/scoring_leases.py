"""Which replica scores a project: a lease that it renews with every chunk, so that two never ask a model the same."""

from typing import Final
from uuid import UUID

from shared.kit.database import Session

_LEASE_S: Final = 90.0
"""Longer than a chunk takes; a replica that died is followed by another one after this."""

_TAKE: Final = """
INSERT INTO scoring_leases AS held (project_id, holder, until) VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (project_id) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE held.holder = excluded.holder OR held.until < now()
RETURNING true
"""
_GIVE_UP: Final = "DELETE FROM scoring_leases WHERE project_id = $1 AND holder = $2"


async def take(session: Session, project_id: UUID, holder: UUID) -> bool:
    """Take or renew the lease; False when another replica has it."""
    taken: bool | None = await session.raw.fetchval(_TAKE, project_id, holder, _LEASE_S)
    return bool(taken)


async def give_up(session: Session, project_id: UUID, holder: UUID) -> None:
    await session.raw.execute(_GIVE_UP, project_id, holder)
