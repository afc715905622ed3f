"""What ingest does again and again, on one replica."""

from services.ingest.operations import files
from services.ingest.resources import IngestRuntime
from services.ingest.storage import feedback
from shared.kit.clock import utc_now


async def sweep_assets(runtime: IngestRuntime) -> None:
    """Delete the objects of erased records, of records that were never committed, and of assets nobody came to use."""
    while await files.sweep(runtime.database, runtime.objects, utc_now()):
        pass


async def fold_feedback(runtime: IngestRuntime) -> None:
    """Fold the deltas of feedback into their totals."""
    async with runtime.database.autocommit() as session:
        await feedback.fold(session)
