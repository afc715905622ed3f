"""What waits in a service's database: events to be sent, events that came too early, erasures that are not complete.

Measured in every replica and apart from whoever sends and handles, so that no fault of theirs hides it.
"""

import asyncio
from typing import Any, Final

import structlog

from shared.kit import event_metrics as metrics
from shared.kit.clock import to_tick
from shared.kit.database import Database, database_error_kind
from shared.kit.erasures import ErasureSpec

log = structlog.get_logger()

_EVERY_S: Final = 15.0
_UNSENT: Final = """
SELECT
    coalesce((
        SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM outbox_queue
        WHERE set_aside IS NULL ORDER BY seq LIMIT 1
    ), 0),
    (SELECT count(*) FROM outbox_queue WHERE set_aside IS NOT NULL)
"""
MOST_COUNTED: Final = 10_000
"""Up to how many parked events of a kind are counted."""
_PARKED: Final = """
WITH RECURSIVE kinds AS (
    (SELECT kind FROM parked WHERE consumer_group = $1 ORDER BY kind LIMIT 1)
    UNION ALL
    SELECT next.kind FROM kinds CROSS JOIN LATERAL (
        SELECT kind FROM parked WHERE consumer_group = $1 AND kind > kinds.kind ORDER BY kind LIMIT 1
    ) AS next
)
SELECT kind, waiting, extract(epoch FROM clock_timestamp() - oldest)::float8 AS oldest_s
FROM kinds CROSS JOIN LATERAL (
    SELECT count(*) AS waiting, min(parked_at) AS oldest FROM (
        SELECT parked_at FROM parked WHERE consumer_group = $1 AND kind = kinds.kind ORDER BY parked_at LIMIT $2
    ) AS longest
) AS parked_events
WHERE waiting > 0
"""


async def measure(database: Database, service: str, erasure: ErasureSpec | None = None) -> None:
    """Set the gauges. Raises what the database raises."""
    async with database.autocommit() as session:
        oldest_s, set_aside = await session.raw.fetchrow(_UNSENT)
        parked: list[Any] = await session.raw.fetch(_PARKED, service, MOST_COUNTED)
        pending = await erasure.pending(session) if erasure is not None and erasure.pending is not None else ()
    metrics.UNSENT_AGE.labels(service).set(oldest_s)
    metrics.WAITING_BEHIND.labels(service).set(set_aside)
    metrics.PARKED_NOW.clear()
    metrics.PARKED_AGE.clear()
    for row in parked:
        metrics.PARKED_NOW.labels(service, row["kind"]).set(row["waiting"])
        metrics.PARKED_AGE.labels(service, row["kind"]).set(row["oldest_s"])
    metrics.ERASURES_PENDING.clear()
    metrics.ERASURES_AGE.clear()
    for one in pending:
        metrics.ERASURES_PENDING.labels(one.service, one.place).set(one.records)
        metrics.ERASURES_AGE.labels(one.service, one.place).set(one.oldest_s)


async def keep_measuring(database: Database, service: str, erasure: ErasureSpec | None) -> None:
    """Measure until cancelled."""
    while True:
        try:
            await measure(database, service, erasure)
        except Exception as error:
            if database_error_kind(error) is None:
                log.error("backlog_not_measured", exc_info=error)  # noqa: TRY400  the message may hold a row's text
        await asyncio.sleep(to_tick(_EVERY_S))
