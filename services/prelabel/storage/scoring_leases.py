"""Which replica scores a project, until when: by the database's clock, whatever the replicas' clocks show."""

from typing import Final
from uuid import UUID

from shared.kit.database import Session

LEASE_S: Final = 7.0

_TAKE: Final = """
INSERT INTO scoring_leases AS held (project_id, holder, until)
VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
ON CONFLICT (project_id) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE held.until < clock_timestamp()
RETURNING true
"""
_RENEW: Final = """
UPDATE scoring_leases SET until = clock_timestamp() + make_interval(secs => $3) WHERE project_id = $1 AND holder = $2
RETURNING true
"""
_IS_HELD: Final = "SELECT EXISTS (SELECT FROM scoring_leases WHERE project_id = $1 AND holder = $2)"
_GIVE_UP: Final = "DELETE FROM scoring_leases WHERE project_id = $1 AND holder = $2"


async def take(session: Session, project_id: UUID, holder: UUID) -> bool:
    """Take the lease; False when another holder has it."""
    taken: bool | None = await session.raw.fetchval(_TAKE, project_id, holder, LEASE_S)
    return bool(taken)


async def renew(session: Session, project_id: UUID, holder: UUID) -> bool:
    """Renew the lease, also one that has run out; False when another holder has taken it."""
    renewed: bool | None = await session.raw.fetchval(_RENEW, project_id, holder, LEASE_S)
    return bool(renewed)


async def is_held(session: Session, project_id: UUID, holder: UUID) -> bool:
    """Whether nobody else has taken the lease since."""
    held: bool = await session.raw.fetchval(_IS_HELD, project_id, holder)
    return held


async def give_up(session: Session, project_id: UUID, holder: UUID) -> None:
    await session.raw.execute(_GIVE_UP, project_id, holder)
