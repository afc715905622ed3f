"""Attempts at events that ended with their process: after bounded ones the event is given up, too.

A process that is killed, or that a handler takes down with it, leaves no word on what it had in hand. So whoever takes a
partition writes down that it holds it, and takes that away when it gives it back. Whoever takes a partition that was not
given back is careful with as many events as its last holder may have had in hand: they are handled in bounded sets, one
set at a time, and each event is written down before and taken away after. What is still written down when the next
process takes the partition was in hand when this one ended; such events come in smaller sets each time, until the one
that ends processes stands alone.

All that costs nothing while partitions are given back as they should be.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final
from uuid import UUID

import structlog

from shared.kit.bus import Partition
from shared.kit.clock import new_id
from shared.kit.database import Database

log = structlog.get_logger()

MOST_ATTEMPTS: Final = 4
"""Processes that may end while they handle an event."""

_RELEASES: Final = Partition("parked", 0)
"""Held while parked events are released. No topic has this name."""

IN_HAND: Final = 4_000
"""The most events that a process has fetched and not done."""

_AT_ONCE: Final = (512, 32, 1)
"""How many events may be in hand together, by how many processes have ended with one of them in hand.

The first is large: mostly no event is to blame, and what waited for the partitions is to be done soon.
"""

_GIVE_BACK_TIMEOUT_S: Final = 2.0  # others wait for the partitions

_TAKE: Final = """
WITH taken AS (
    SELECT topic, partition FROM unnest($2::text[], $3::int[]) AS row (topic, partition) ORDER BY topic, partition
), held AS (
    INSERT INTO partition_holders (consumer_group, topic, partition, holder)
    SELECT $1, topic, partition, $4 FROM taken
    ON CONFLICT (consumer_group, topic, partition) DO UPDATE SET holder = excluded.holder
)
SELECT count(*) AS partitions, count(DISTINCT holder) AS holders
FROM partition_holders JOIN taken USING (topic, partition)
WHERE consumer_group = $1 AND holder <> $4
"""
_GIVE_BACK: Final = """
DELETE FROM partition_holders USING unnest($2::text[], $3::int[]) AS given (topic, partition)
WHERE consumer_group = $1 AND partition_holders.topic = given.topic AND partition_holders.partition = given.partition
    AND holder = $4
"""
# Of the events that have had no effect yet.
_ATTEMPTS_OF: Final = """
SELECT ours.event_id, coalesce(a.attempts, 0) AS attempts
FROM unnest($2::uuid[]) AS ours (event_id)
LEFT JOIN event_attempts AS a ON a.event_id = ours.event_id AND a.consumer_group = $1
WHERE NOT EXISTS (SELECT FROM inbox AS i WHERE i.event_id = ours.event_id AND i.consumer_group = $1)
    OR EXISTS (SELECT FROM parked AS p WHERE p.event_id = ours.event_id AND p.consumer_group = $1)
"""
_BEGIN: Final = """
INSERT INTO event_attempts AS a (event_id, consumer_group, attempts)
SELECT event_id, $1, 1 FROM unnest($2::uuid[]) AS event_id ORDER BY event_id
ON CONFLICT (event_id, consumer_group) DO UPDATE SET attempts = a.attempts + 1, begun_at = now()
"""
_TAKE_BACK: Final = """
WITH first AS (
    DELETE FROM event_attempts WHERE consumer_group = $1 AND event_id = ANY($2::uuid[]) AND attempts <= 1
)
UPDATE event_attempts SET attempts = attempts - 1
WHERE consumer_group = $1 AND event_id = ANY($2::uuid[]) AND attempts > 1
"""
_END: Final = "DELETE FROM event_attempts WHERE consumer_group = $1 AND event_id = ANY($2::uuid[])"


class ProcessEnded(Exception):
    """So many processes ended while they handled the event that it is given up."""

    def __init__(self, attempts: int) -> None:
        super().__init__(f"{attempts} processes ended while they handled it")


class SetTooLarge(Exception):
    """One of these events may have ended processes: they are to be handled in smaller sets."""


class EventAttempts:
    """Counts the attempts at the events of one consumer group that end with a process."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._holder = new_id()
        self._careful = 0  # with how many events more
        self._one_at_a_time = asyncio.Lock()
        self._releases = False  # whether we release parked events
        self._counted: set[UUID] = set()  # attempts of ours that are written down

    async def take(self, database: Database, partitions: Collection[Partition]) -> None:
        """Hold these partitions; be careful if their last holder didn't give them back."""
        topics, numbers = [each.topic for each in partitions], [each.number for each in partitions]
        async with database.transaction() as session:
            left = await session.raw.fetchrow(_TAKE, self._group, topics, numbers, self._holder)
        if left["partitions"]:
            log.warning("partitions_were_not_given_back", group=self._group, partitions=left["partitions"])
            self._careful = max(self._careful, IN_HAND * left["holders"])

    async def give_back(self, database: Database, partitions: Collection[Partition]) -> None:
        """Hold these partitions no more: nothing of them is in hand. If that fails, the next holder is careful."""
        topics, numbers = [each.topic for each in partitions], [each.number for each in partitions]
        try:
            async with asyncio.timeout(_GIVE_BACK_TIMEOUT_S), database.transaction() as session:
                await session.raw.execute(_GIVE_BACK, self._group, topics, numbers, self._holder)
        except Exception as error:
            log.warning("partitions_not_given_back", group=self._group, exc_info=error)

    async def begin_releases(self, database: Database) -> None:
        """Parked events are in hand from now on, unless they are already; be careful if others had them and ended."""
        if not self._releases:
            await self.take(database, [_RELEASES])
            self._releases = True

    async def end_releases(self, database: Database) -> None:
        """No parked event is in hand."""
        if self._releases:
            await self.give_back(database, [_RELEASES])
            self._releases = False

    def end_care(self) -> None:
        """Everything is done that the last holders had in hand."""
        self._careful = 0

    @contextlib.asynccontextmanager
    async def attempt(self, database: Database, event_ids: Sequence[UUID]) -> AsyncIterator[None]:
        """Handle these events within; where care is taken, alone, and with each of them written down.

        Raises:
            SetTooLarge: there are too many, after what became of the last attempts.
            ProcessEnded: the attempts are used up.
        """
        if self._careful <= 0:
            yield
            return
        async with self._one_at_a_time:
            begun = await self._begin(database, event_ids)
            try:
                yield
            except BaseException:
                with contextlib.suppress(Exception):  # it stays written down, and counts once
                    await self._write(database, _TAKE_BACK, begun)
                raise
            await self._write(database, _END, begun)
            self._careful -= len(begun)

    async def _begin(self, database: Database, event_ids: Sequence[UUID]) -> list[UUID]:
        """Write down those events that have had no effect yet, and return them."""
        async with database.transaction() as session:
            rows = await session.raw.fetch(_ATTEMPTS_OF, self._group, event_ids)
            ended = {row["event_id"]: row["attempts"] - (row["event_id"] in self._counted) for row in rows}
            most = max(ended.values(), default=0)
            if len(ended) > _AT_ONCE[min(most, len(_AT_ONCE) - 1)]:
                raise SetTooLarge
            if most >= MOST_ATTEMPTS:
                raise ProcessEnded(most)
            new = [event_id for event_id in ended if event_id not in self._counted]
            if new:
                await session.raw.execute(_BEGIN, self._group, new)
        self._counted.update(new)
        return list(ended)

    async def _write(self, database: Database, statement: str, event_ids: Sequence[UUID]) -> None:
        if not event_ids:
            return
        async with database.autocommit() as session:
            await session.raw.execute(statement, self._group, event_ids)
        self._counted.difference_update(event_ids)
