"""What is counted and deleted from time to time, a bounded number of rows in a transaction."""

from typing import Final

from services.prelabel.operations import registry
from services.prelabel.storage import predictions, reports
from shared.kit.database import Database
from shared.kit.rounds import until_done

_FOLDED_AT_ONCE: Final = 5_000
_PRUNED_AT_ONCE: Final = 2_000


async def count_reports(database: Database) -> None:
    """Fold feedback into counts, and count gold that models learnt from before it was gold."""
    while True:
        async with database.transaction() as session:
            folded = await reports.fold_feedback(session, _FOLDED_AT_ONCE)
            contaminated = await registry.count_contaminated(session)
        if folded < _FOLDED_AT_ONCE and contaminated == 0:
            return


async def prune_predictions(database: Database, kept_days: int) -> None:
    """Delete predictions that a newer one followed so many days ago."""
    await until_done(
        database.transaction, lambda session, limit: predictions.prune(session, kept_days, limit), _PRUNED_AT_ONCE
    )
