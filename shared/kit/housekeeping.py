"""What the outbox, the inbox and the parked events must be rid of, and the days to come."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

log = structlog.get_logger()

DAYS_AHEAD: Final = 7
"""For how many days to come outbox and inbox have partitions; a default partition takes what falls outside."""

_CHUNK: Final = 5_000
_PARTITIONS: Final = """
SELECT child.relname, pg_get_expr(child.relpartbound, child.oid) AS bound FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = $1::text::regclass
"""
_UPPER_BOUND: Final = re.compile(r"TO \('([^']+)'\)$")
_UNSENT_IN: Final = "SELECT EXISTS (SELECT FROM outbox_queue AS q JOIN {day} AS o USING (created_at, seq))"
_DROP_SENT_IN: Final = """
DELETE FROM {day} AS o
WHERE created_at < $1 AND NOT EXISTS (SELECT FROM outbox_queue AS q WHERE q.created_at = o.created_at AND q.seq = o.seq)
"""
# Each looks up the next one in the index, so that no row is read but the first of each.
_TOPICS: Final = """
WITH RECURSIVE topics AS (
    (SELECT topic FROM outbox_positions ORDER BY topic LIMIT 1)
    UNION ALL
    SELECT next.topic FROM topics CROSS JOIN LATERAL (
        SELECT topic FROM outbox_positions WHERE topic > topics.topic ORDER BY topic LIMIT 1
    ) AS next
)
SELECT topic FROM topics
"""
_PARKED_KINDS: Final = """
WITH RECURSIVE kinds AS (
    (SELECT kind FROM parked ORDER BY kind LIMIT 1)
    UNION ALL
    SELECT next.kind FROM kinds CROSS JOIN LATERAL (
        SELECT kind FROM parked WHERE kind > kinds.kind ORDER BY kind LIMIT 1
    ) AS next
)
SELECT kind FROM kinds
"""
_DROP_POSITIONS: Final = """
DELETE FROM outbox_positions WHERE (topic, last_position) IN (
    SELECT topic, last_position FROM outbox_positions WHERE topic = $1 ORDER BY last_position LIMIT $3
) AND sent_at < $2
"""
_DROP_SEEN: Final = """
DELETE FROM inbox_default WHERE (event_id, consumer_group) IN (
    SELECT event_id, consumer_group FROM inbox_default WHERE event_id < $1 ORDER BY event_id LIMIT $2
)
"""
_DROP_ATTEMPTS: Final = "DELETE FROM event_attempts WHERE begun_at < $1"
_DROP_PARKED: Final = """
DELETE FROM parked WHERE (event_id, consumer_group) IN (
    SELECT event_id, consumer_group FROM parked WHERE kind = $1 AND parked_at < $2 ORDER BY parked_at LIMIT $3
)
"""
# A redelivery can come as late as its topic keeps it, and a replay as late as the dead letters do, one after the other.
_INBOX_RETENTIONS: Final = 3


async def tidy(connection: Any, retention_days: int, now: datetime) -> None:
    """Prepare the days ahead and drop what is past its retention. For one process at a time."""
    kept_since = now - timedelta(days=retention_days)
    first_seen = _first_id_since(now - timedelta(days=retention_days * _INBOX_RETENTIONS))
    await connection.execute("SET lock_timeout = '1s'")
    try:
        await _prepare_days(connection, now.date())
        await _drop_outbox_days(connection, kept_since)
        await _drop_inbox_days(connection, first_seen)
    except asyncpg.LockNotAvailableError:
        log.warning("partitions_postponed")  # somebody holds the table for long; next time
    finally:
        await connection.execute("RESET lock_timeout")
    await connection.execute(_DROP_SENT_IN.format(day="outbox_default"), kept_since)
    for (topic,) in await connection.fetch(_TOPICS):
        while await _count(connection, _DROP_POSITIONS, topic, kept_since, _CHUNK) == _CHUNK:
            pass
    while await _count(connection, _DROP_SEEN, first_seen, _CHUNK) == _CHUNK:
        pass
    await connection.execute(_DROP_ATTEMPTS, kept_since)
    if dropped := await _drop_parked(connection, kept_since):
        # Content is kept no longer than the erasure deadline, wanted or not.
        log.error("parked_events_dropped", count=dropped, after_days=retention_days)


async def _drop_parked(connection: Any, kept_since: datetime) -> int:
    """Returns how many there were."""
    dropped = 0
    for (kind,) in await connection.fetch(_PARKED_KINDS):
        full = True
        while full:
            count = await _count(connection, _DROP_PARKED, kind, kept_since, _CHUNK)
            dropped += count
            full = count == _CHUNK
    return dropped


def partition_name(day: date, table: str = "outbox") -> str:
    return f"{table}_{day:%Y%m%d}"


def day_partitions(first: date, days: int) -> Sequence[str]:
    """Statements that make sure that the outbox has a partition for each of `days` days from `first` on (UTC)."""
    return [
        f"CREATE TABLE IF NOT EXISTS {partition_name(day)} PARTITION OF outbox"
        f" FOR VALUES FROM ('{day.isoformat()} 00:00:00+00') TO ('{(day + timedelta(days=1)).isoformat()} 00:00:00+00')"
        for day in (first + timedelta(days=offset) for offset in range(days))
    ]


def inbox_partition(day: date) -> str:
    """The statement that makes the inbox's partition of the ids that were made on that day."""
    begins, ends = (_first_id_since(_midnight(each)) for each in (day, day + timedelta(days=1)))
    return f"CREATE TABLE {partition_name(day, 'inbox')} PARTITION OF inbox FOR VALUES FROM ('{begins}') TO ('{ends}')"


async def _prepare_days(connection: Any, today: date) -> None:
    outbox, inbox = await _partitions(connection, "outbox"), await _partitions(connection, "inbox")
    covered = max((UUID(end) for end in inbox.values() if end is not None), default=UUID(int=0))
    for offset in range(DAYS_AHEAD):
        day = today + timedelta(days=offset)
        try:
            if partition_name(day) not in outbox:
                await connection.execute(day_partitions(day, 1)[0])
            if _first_id_since(_midnight(day)) >= covered:
                await connection.execute(inbox_partition(day))
        except asyncpg.CheckViolationError:
            # Rows came first: they may stay where they are.
            log.warning("day_lies_in_the_default_partition", day=day.isoformat())


async def _drop_outbox_days(connection: Any, kept_since: datetime) -> None:
    for name, end in (await _partitions(connection, "outbox")).items():
        if end is None or datetime.fromisoformat(end) > _midnight(kept_since.date()):
            continue
        if await connection.fetchval(_UNSENT_IN.format(day=f'"{name}"')):
            await connection.execute(_DROP_SENT_IN.format(day=f'"{name}"'), kept_since)
            log.warning("outbox_day_has_unsent_events", partition=name)
        else:
            await connection.execute(f'DROP TABLE "{name}"')
            log.info("outbox_day_dropped", partition=name)


async def _drop_inbox_days(connection: Any, first_seen: UUID) -> None:
    for name, end in (await _partitions(connection, "inbox")).items():
        if end is not None and UUID(end) <= first_seen:
            await connection.execute(f'DROP TABLE "{name}"')
            log.info("inbox_day_dropped", partition=name)


async def _partitions(connection: Any, table: str) -> dict[str, str | None]:
    """The table's partitions and where each ends; the default partition has no end."""
    ends = {name: _UPPER_BOUND.search(bound) for name, bound in await connection.fetch(_PARTITIONS, table)}
    return {name: None if end is None else end[1] for name, end in ends.items()}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _first_id_since(moment: datetime) -> UUID:
    """The smallest UUIDv7 of that millisecond."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


async def _count(connection: Any, statement: str, *arguments: Any) -> int:
    return int((await connection.execute(statement, *arguments)).rpartition(" ")[2])
