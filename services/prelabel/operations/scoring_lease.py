"""The lease under which one replica scores a project: renewed beside the work, given up when the work ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import structlog

from services.prelabel.storage import scoring_leases
from shared.kit.clock import TICK_S, new_id
from shared.kit.database import Database

log = structlog.get_logger()

_RENEW_EVERY_S: Final = TICK_S
_TIMEOUT_S: Final = 2.0


@asynccontextmanager
async def hold_project(database: Database, project_id: UUID) -> AsyncIterator[UUID | None]:
    """Hold a project's lease while the block runs, however long a model takes. Yield its holder, None when another has it.

    A holder that hangs or is lost is followed by another one when its lease has run out. When it comes back it saves
    nothing: `scoring.score_some` asks whether the lease is still its own. However the block ends, also by being
    cancelled, the lease is given up at once.
    """
    holder = new_id()
    renewing: asyncio.Task[None] | None = None
    taken = True  # until the database says otherwise: a statement that is broken off may have had its effect
    try:
        async with database.autocommit() as session:
            taken = await scoring_leases.take(session, project_id, holder)
        if taken:
            renewing = asyncio.create_task(_renew(database, project_id, holder), name=f"scoring lease {project_id}")
        yield holder if taken else None
    finally:
        if renewing is not None:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
        if taken:
            await _give_up(database, project_id, holder)


async def _renew(database: Database, project_id: UUID, holder: UUID) -> None:
    """Renew the lease until another holder has it. While the database is away nobody else can take it."""
    while True:
        await asyncio.sleep(_RENEW_EVERY_S)
        try:
            async with asyncio.timeout(_TIMEOUT_S), database.autocommit() as session:
                kept = await scoring_leases.renew(session, project_id, holder)
        except Exception as error:
            log.warning("scoring_lease_not_renewed", project_id=project_id, exc_info=error)
            continue
        if not kept:
            log.warning("scoring_lease_lost", project_id=project_id)
            return


async def _give_up(database: Database, project_id: UUID, holder: UUID) -> None:
    try:
        async with asyncio.timeout(_TIMEOUT_S), database.autocommit() as session:
            await scoring_leases.give_up(session, project_id, holder)
    except Exception as error:  # it runs out by itself
        log.warning("scoring_lease_not_given_up", project_id=project_id, exc_info=error)
