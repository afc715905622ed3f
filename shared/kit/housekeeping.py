"""What the outbox, the inbox and the parked events must be rid of, and the days to come."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from shared.kit.clock import utc_now

log = structlog.get_logger()

DAYS_AHEAD: Final = 7
"""For how many days to come the outbox has partitions; a default partition catches what falls outside."""

_CHUNK: Final = 5_000
_PARTITIONS: Final = """
SELECT child.relname FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = 'outbox'::regclass
"""
_DROP_SEEN: Final = """
DELETE FROM inbox WHERE (event_id, consumer_group) IN (
    SELECT event_id, consumer_group FROM inbox WHERE event_id < $1 ORDER BY event_id LIMIT $2
)
"""
_DROP_PARKED: Final = "DELETE FROM parked WHERE parked_at < $1"
_DROP_SENT_BY_DEFAULT: Final = "DELETE FROM outbox_default WHERE created_at < $1 AND position IS NOT NULL"
# A redelivery can come as late as its topic keeps it, and a replay as late as the dead letters do, one after the other.
_INBOX_RETENTIONS: Final = 3


async def tidy(connection: Any, retention_days: int) -> None:
    """Prepare the outbox's days ahead and drop what is past its retention. For one process at a time."""
    now = utc_now()
    kept_since = now - timedelta(days=retention_days)
    await connection.execute("SET lock_timeout = '1s'")
    try:
        await _prepare_days(connection, now.date())
        await _drop_days(connection, kept_since.date())
    except asyncpg.LockNotAvailableError:
        log.warning("outbox_days_postponed")  # somebody holds the table for long; next time
    finally:
        await connection.execute("RESET lock_timeout")
    await connection.execute(_DROP_SENT_BY_DEFAULT, kept_since)
    first_kept = _first_id_since(now - timedelta(days=retention_days * _INBOX_RETENTIONS))
    while await _count(connection, _DROP_SEEN, first_kept, _CHUNK) == _CHUNK:
        pass
    if dropped := await _count(connection, _DROP_PARKED, kept_since):
        # Content is kept no longer than the erasure deadline, wanted or not.
        log.error("parked_events_dropped", count=dropped, after_days=retention_days)


def partition_name(day: date) -> str:
    return f"outbox_{day:%Y%m%d}"


def day_partitions(first: date, days: int) -> Sequence[str]:
    """Statements that make sure that the outbox has a partition for each of `days` days from `first` on (UTC)."""
    return [
        f"CREATE TABLE IF NOT EXISTS {partition_name(day)} PARTITION OF outbox"
        f" FOR VALUES FROM ('{day.isoformat()} 00:00:00+00') TO ('{(day + timedelta(days=1)).isoformat()} 00:00:00+00')"
        for day in (first + timedelta(days=offset) for offset in range(days))
    ]


async def _prepare_days(connection: Any, today: date) -> None:
    there = {row[0] for row in await connection.fetch(_PARTITIONS)}
    for offset in range(DAYS_AHEAD):
        day = today + timedelta(days=offset)
        if partition_name(day) in there:
            continue
        try:
            await connection.execute(day_partitions(day, 1)[0])
        except asyncpg.CheckViolationError:
            log.warning(
                "outbox_day_lies_in_the_default_partition", day=day.isoformat()
            )  # rows came first: they may stay


async def _drop_days(connection: Any, kept_since: date) -> None:
    for row in await connection.fetch(_PARTITIONS):
        name = row[0]
        day = _day_of(name)
        if day is None or day >= kept_since:
            continue
        if await connection.fetchval(f'SELECT EXISTS (SELECT FROM "{name}" WHERE position IS NULL)'):  # noqa: S608  from the catalogue
            await connection.execute(f'DELETE FROM "{name}" WHERE position IS NOT NULL')  # noqa: S608  from the catalogue
            log.warning("outbox_day_has_unsent_events", day=day.isoformat())
        else:
            await connection.execute(f'DROP TABLE "{name}"')
            log.info("outbox_day_dropped", day=day.isoformat())


def _day_of(partition: str) -> date | None:
    try:
        return datetime.strptime(partition, "outbox_%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _first_id_since(moment: datetime) -> UUID:
    """The smallest UUIDv7 of that millisecond."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


async def _count(connection: Any, statement: str, *arguments: Any) -> int:
    return int((await connection.execute(statement, *arguments)).rpartition(" ")[2])
