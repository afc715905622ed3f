"""What ingest does again and again, on one replica."""

import structlog

from services.ingest.operations import assets
from services.ingest.storage import assets as asset_storage
from services.ingest.storage import feedback
from shared.kit.app import Runtime
from shared.kit.clock import utc_now

log = structlog.get_logger()


async def sweep_assets(runtime: Runtime) -> None:
    """Delete the objects of erased records, of records that were never committed, and of assets nobody came to use."""
    failed = False
    while not failed:
        async with runtime.database.transaction() as session:
            due = await asset_storage.due(session, utc_now())
        if not due:
            return
        for asset_id in due:
            try:
                async with runtime.database.transaction() as session:
                    await assets.delete_unless_held(session, runtime.objects, asset_id)
            except Exception as error:
                failed = True
                log.warning("asset_not_deleted", asset_id=str(asset_id), exc_info=error)


async def fold_feedback(runtime: Runtime) -> None:
    """Fold the deltas of feedback into their totals."""
    async with runtime.database.transaction() as session:
        await feedback.fold(session)
