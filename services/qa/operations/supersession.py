"""What becomes of releases that can't stand: those that erasure touched are replaced, those that failed are cleared."""

from datetime import datetime

from services.qa.operations.release_files import folder
from services.qa.operations.releases import SUCCESSOR_OF, enqueue
from services.qa.storage import releases
from services.qa.storage.records import NOWHERE
from services.qa.storage.releases import Release
from shared.kit import jobs
from shared.kit.database import Database
from shared.kit.isolation import isolated
from shared.kit.objects import Objects

_RELEASES_AT_ONCE = 100
_SUCCESSOR = "+erasure."
_WRITTEN_TO_S = 60.0
"""How long after a cancellation a worker may still write: it stops when it next renews its job's lease."""


async def close_failed(database: Database, objects: Objects) -> int:
    """Close releases whose job has failed for good, with its reason; return how many."""
    closed = 0
    after = NOWHERE
    while True:
        async with database.autocommit() as session:
            page = await releases.being_built(session, after, _RELEASES_AT_ONCE)
            failures = await jobs.failed(session, [job_id for _, job_id in page])
        reasons = {release_id: failures[job_id] for release_id, job_id in page if job_id in failures}
        for release_id in reasons:
            await objects.delete_folder(folder(release_id))
        if reasons:
            async with database.transaction() as session:
                await releases.fail(session, reasons)
        closed += len(reasons)
        if len(page) < _RELEASES_AT_ONCE:
            return closed
        after = page[-1][0]


async def clear_cancelled(database: Database, objects: Objects) -> int:
    """Delete what the jobs of cancelled releases have written, once no worker is at it any more; return how many."""
    async with database.autocommit() as session:
        waiting = await releases.cancelled(session, _WRITTEN_TO_S, _RELEASES_AT_ONCE)
    for release_id in waiting:
        await objects.delete_folder(folder(release_id))
    if waiting:
        async with database.transaction() as session:
            await releases.set_cleared(session, waiting)
    return len(waiting)


async def replace_superseded(database: Database, objects: Objects, now: datetime) -> int:
    """Delete the files of releases that erasure touched and ask for their successors; return how many."""
    async with database.autocommit() as session:
        waiting = await releases.without_successor(session, _RELEASES_AT_ONCE)
    with isolated("replace_superseded") as item:
        for old in waiting:
            with item(release_id=old.release_id):
                await _replace(database, objects, old, now)
    return len(waiting)


async def _replace(database: Database, objects: Objects, old: Release, now: datetime) -> None:
    """A successor holds the same labels without those of erased records."""
    await objects.delete_folder(folder(old.release_id))
    root, _, number = old.name.partition(_SUCCESSOR)
    name = f"{root}{_SUCCESSOR}{int(number or 0) + 1}"
    options = {**old.options, SUCCESSOR_OF: str(old.release_id)}
    async with database.transaction() as session:
        made = await enqueue(session, old.project_id, name, options, old.requested_by, now, supersedes=old.release_id)
        await releases.set_successor(session, old.release_id, made.release_id)
