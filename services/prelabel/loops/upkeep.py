"""The loops that count, prune, and delete the files of models that have to be unlearnt."""

from services.prelabel.operations import unlearning, upkeep
from services.prelabel.resources import PrelabelRuntime
from shared.kit.clock import utc_now


async def count(runtime: PrelabelRuntime) -> None:
    """Fold feedback into counts, and count gold that models learnt from."""
    await upkeep.count_reports(runtime.database)


async def prune(runtime: PrelabelRuntime) -> None:
    """Delete predictions that were followed by newer ones as long ago as events are kept."""
    await upkeep.prune_predictions(runtime.database, runtime.settings.event_retention_days)


async def unlearn(runtime: PrelabelRuntime) -> None:
    """Take away the files of models that learnt from erased records, as soon as they are not in use, and of those that were
    never registered.
    """
    await unlearning.retire_models(runtime.database, utc_now())
    while await unlearning.delete_files(runtime.database, runtime.objects, utc_now()):
        pass
    while await unlearning.delete_unregistered_files(runtime.database, runtime.objects, utc_now()):
        pass
