"""The loops that count, prune, and delete the files of models that have to be unlearnt."""

from typing import Final

from services.prelabel.operations import registry, unlearning
from services.prelabel.resources import PrelabelRuntime
from services.prelabel.storage import predictions, reports
from shared.kit.clock import utc_now
from shared.kit.rounds import until_done

_FOLDED_AT_ONCE: Final = 5_000
_PRUNED_AT_ONCE: Final = 2_000


async def count(runtime: PrelabelRuntime) -> None:
    """Fold feedback into counts, and count gold that models learnt from."""
    while True:
        async with runtime.database.transaction() as session:
            folded = await reports.fold_feedback(session, _FOLDED_AT_ONCE)
            contaminated = await registry.count_contaminated(session)
        if folded < _FOLDED_AT_ONCE and contaminated == 0:
            return


async def prune(runtime: PrelabelRuntime) -> None:
    """Delete predictions that were followed by newer ones as long ago as events are kept."""
    days = runtime.settings.event_retention_days
    await until_done(
        runtime.database.transaction, lambda session, limit: predictions.prune(session, days, limit), _PRUNED_AT_ONCE
    )


async def unlearn(runtime: PrelabelRuntime) -> None:
    """Take away the files of models that learnt from erased records, as soon as they are not in use, and of those that were
    never registered.
    """
    await unlearning.retire_models(runtime.database, utc_now())
    while await unlearning.delete_files(runtime.database, runtime.objects, utc_now()):
        pass
    while await unlearning.delete_unregistered_files(runtime.database, runtime.objects, utc_now()):
        pass
