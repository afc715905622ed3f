"""A member of a consumer group on the PostgreSQL log.

A member says every few moments that it lives; from the living members everybody reckons the same share of partitions.
A partition is owned through its lease row: whoever takes it raises the epoch, and an acknowledgement with an older
epoch changes nothing. So a member that was thought dead can do no harm when it wakes up.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson
import structlog

from shared.kit.bus.port import Inbound, Partition, Revoked
from shared.kit.bus.postgres_link import CHANNEL, Link, LogSettings, Topic
from shared.kit.clock import new_id
from shared.kit.exceptions import BusUnavailable

log = structlog.get_logger()

# A lost acknowledgement is a redelivery, which the inbox knows: nothing here waits for the disk. The log is read by its
# key alone, which a plan made while it was small might not.
_SETTINGS: Final = {"synchronous_commit": "off", "enable_bitmapscan": "off", "enable_seqscan": "off"}
_PER_PARTITION: Final = 64
_COUNT_AT_MOST: Final = 100_000

_MAKE_LEASES: Final = """
INSERT INTO bus.leases (consumer_group, topic, partition)
SELECT $1, topic, partition FROM unnest($2::int[], $3::int[]) AS row (topic, partition) ON CONFLICT DO NOTHING
"""
_BEAT: Final = """
INSERT INTO bus.members (consumer_group, member, topics, seen_at) VALUES ($1, $2, $3, clock_timestamp())
ON CONFLICT (consumer_group, member) DO UPDATE SET topics = excluded.topics, seen_at = excluded.seen_at
"""
_LIVING: Final = """
SELECT member, topics FROM bus.members
WHERE consumer_group = $1 AND seen_at > clock_timestamp() - make_interval(secs => $2) ORDER BY member
"""
_FORGET: Final = """
DELETE FROM bus.members
WHERE consumer_group = $1 AND (member = $2 OR seen_at < clock_timestamp() - make_interval(secs => $3))
"""
_OWNED: Final = "SELECT topic, partition, epoch FROM bus.leases WHERE consumer_group = $1 AND member = $2"
_TAKE: Final = """
UPDATE bus.leases AS l SET member = $2, epoch = l.epoch + 1
FROM unnest($3::int[], $4::int[]) AS wanted (topic, partition)
WHERE l.consumer_group = $1 AND l.topic = wanted.topic AND l.partition = wanted.partition AND (
    l.member IS NULL OR l.member = $2 OR NOT EXISTS (
        SELECT FROM bus.members AS m WHERE m.consumer_group = $1 AND m.member = l.member
        AND m.seen_at > clock_timestamp() - make_interval(secs => $5)
    )
)
RETURNING l.topic, l.partition, l.epoch, l.position
"""
_GIVE_BACK: Final = """
UPDATE bus.leases AS l SET member = NULL
FROM unnest($3::int[], $4::int[], $5::bigint[]) AS held (topic, partition, epoch)
WHERE l.consumer_group = $1 AND l.member = $2
    AND l.topic = held.topic AND l.partition = held.partition AND l.epoch = held.epoch
"""
_ACKNOWLEDGE: Final = """
UPDATE bus.leases AS l SET position = greatest(l.position, done.position)
FROM unnest($3::int[], $4::int[], $5::bigint[], $6::bigint[]) AS done (topic, partition, epoch, position)
WHERE l.consumer_group = $1 AND l.member = $2
    AND l.topic = done.topic AND l.partition = done.partition AND l.epoch = done.epoch
RETURNING l.topic, l.partition
"""
# A lateral subquery with its own limit runs once per partition, in their order: what LIMIT $5 cuts off is a tail.
_FETCH: Final = """
SELECT wanted.topic, wanted.partition, message.position, message.key, message.value, message.headers
FROM unnest($1::int[], $2::int[], $3::bigint[]) AS wanted (topic, partition, after)
CROSS JOIN LATERAL (
    SELECT position, key, value, headers FROM bus.log
    WHERE topic = wanted.topic AND partition = wanted.partition AND position > wanted.after
    ORDER BY position LIMIT $4
) AS message
LIMIT $5
"""
_LAG: Final = """
SELECT l.topic, sum(waiting.messages)::bigint AS messages FROM bus.leases AS l
CROSS JOIN LATERAL (
    SELECT count(*) AS messages FROM (
        SELECT FROM bus.log
        WHERE topic = l.topic AND partition = l.partition AND position > l.position LIMIT $3
    ) AS first_ones
) AS waiting
WHERE l.consumer_group = $1 AND l.member = $2 GROUP BY l.topic
"""


class _Lease:
    """What this member knows of a partition it owns: `fetched` is the last position it has read."""

    __slots__ = ("epoch", "fetched")

    def __init__(self, epoch: int, fetched: int) -> None:
        self.epoch = epoch
        self.fetched = fetched


class PostgresMember:
    """`find_topics` answers what the database knows of topics, by name."""

    def __init__(
        self,
        settings: LogSettings,
        find_topics: Callable[[Sequence[str]], Awaitable[dict[str, Topic]]],
        group: str,
        topics: Sequence[str],
        revoked: Revoked,
    ) -> None:
        self.id = new_id()
        self._settings = settings
        self._find_topics = find_topics
        self._group = settings.prefix + group
        self._names = sorted(topics)
        self._revoked = revoked
        self._topics: dict[str, Topic] = {}
        self._name_of: dict[int, str] = {}
        self._leases: dict[Partition, _Lease] = {}
        self._order: list[Partition] = []  # in which partitions are asked; turned round so that none starves
        self._unread: set[int] = set()  # topics that may hold messages we have not fetched
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._link = Link(settings.url, _SETTINGS, self._listen)

    async def start(self) -> None:
        self._topics = await self._find_topics(self._names)
        self._name_of = {topic.id: name for name, topic in self._topics.items()}
        async with self._link.use() as connection:
            pairs = [(topic.id, number) for topic in self._topics.values() for number in range(topic.partitions)]
            await connection.execute(
                _MAKE_LEASES, self._group, [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            )
        await self._beat()
        await self._settle()
        self._tasks = [
            asyncio.create_task(self._keep(self._beat), name=f"bus-beat-{self._group}"),
            asyncio.create_task(self._keep(self._settle), name=f"bus-settle-{self._group}"),
        ]

    async def fetch(self, limit: int, timeout_s: float) -> list[Inbound]:
        until = time.monotonic() + timeout_s
        while True:
            wanted = [each for each in self._order if self._topics[each.topic].id in self._unread]
            if wanted and (messages := await self._read(wanted, limit)):
                return messages
            left = until - time.monotonic()
            if left <= 0:
                return []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, self._settings.poll_s)):
                    await self._wake.wait()
            if not self._wake.is_set():  # nobody called: look everywhere
                self._unread.update(self._name_of)
            self._wake.clear()

    async def acknowledge(self, done: Mapping[Partition, int]) -> frozenset[Partition]:
        ours = [(each, self._leases[each].epoch, position) for each, position in done.items() if each in self._leases]
        async with self._link.use() as connection:
            rows = await connection.fetch(
                _ACKNOWLEDGE,
                self._group,
                self.id,
                [self._topics[each.topic].id for each, _, _ in ours],
                [each.number for each, _, _ in ours],
                [epoch for _, epoch, _ in ours],
                [position for _, _, position in ours],
            )
        return frozenset(done) - {Partition(self._name_of[topic], number) for topic, number in rows}

    async def lag(self) -> Mapping[str, int]:
        async with self._link.use() as connection:
            rows = await connection.fetch(_LAG, self._group, self.id, _COUNT_AT_MOST)
        return {self._name_of[row["topic"]]: row["messages"] for row in rows if row["topic"] in self._name_of}

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        with contextlib.suppress(BusUnavailable):
            await self._leave(frozenset(self._leases))
            async with self._link.use() as connection:
                await connection.execute(_FORGET, self._group, self.id, self._settings.lease_s * 100)
        await self._link.close()

    async def _read(self, wanted: Sequence[Partition], limit: int) -> list[Inbound]:
        asked = {self._topics[each.topic].id for each in wanted}
        self._unread -= asked  # before the question: a call that comes meanwhile counts
        try:
            async with self._link.use() as connection:
                rows = await connection.fetch(
                    _FETCH,
                    [self._topics[each.topic].id for each in wanted],
                    [each.number for each in wanted],
                    [self._leases[each].fetched for each in wanted],
                    _PER_PARTITION,
                    limit,
                )
        except BaseException:
            self._unread |= asked
            raise
        messages = []
        counts: dict[int, int] = {}
        asking = frozenset(self._order)
        for topic, number, position, key, value, headers in rows:
            partition = Partition(self._name_of[topic], number)
            lease = self._leases.get(partition)
            if lease is None or partition not in asking or position <= lease.fetched:
                continue  # given up while we asked
            lease.fetched = position
            counts[topic] = counts.get(topic, 0) + 1
            messages.append(
                Inbound(partition.topic, number, position, key, value, orjson.loads(headers) if headers else None)
            )
        if len(rows) == limit:
            self._unread |= asked
            last = self._order.index(partition) + 1 if partition in self._leases else 0
            self._order = self._order[last:] + self._order[:last]
        else:
            self._unread.update(topic for topic, count in counts.items() if count >= _PER_PARTITION)
        return messages

    async def _listen(self, connection: Any) -> None:
        await connection.add_listener(CHANNEL, self._heard)
        self._unread.update(self._name_of)  # what was called while we were deaf

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        called = {int(topic) for topic in payload.split(",")} & self._name_of.keys()
        if called:
            self._unread |= called
            self._wake.set()

    async def _keep(self, doing: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_s / 5)
            try:
                await doing()
            except BusUnavailable as error:
                log.warning("bus_member_could_not_reach_the_bus", group=self._group, error=str(error))

    async def _beat(self) -> None:
        """Say that we live. Apart from `_settle`, which may wait long for the consumer to finish."""
        async with self._link.use() as connection:
            ids = [topic.id for topic in self._topics.values()]
            await connection.execute(_BEAT, self._group, self.id, ids)

    async def _settle(self) -> None:
        """See who else lives, and bring the leases in line with our share."""
        async with self._link.use() as connection:
            living = await connection.fetch(_LIVING, self._group, self._settings.lease_s)
            rows = await connection.fetch(_OWNED, self._group, self.id)
        held = {(topic, number): epoch for topic, number, epoch in rows}
        lost = {
            each for each, lease in self._leases.items()
            if held.get((self._topics[each.topic].id, each.number)) != lease.epoch
        }  # fmt: skip
        if lost:
            log.warning("bus_partitions_lost", group=self._group, partitions=len(lost))
            await self._leave(frozenset(lost))
        share = self._share([(row["member"], row["topics"]) for row in living])
        await self._leave(frozenset(self._leases.keys() - share))
        await self._take(share - self._leases.keys())

    def _share(self, living: Sequence[tuple[Any, Sequence[int]]]) -> set[Partition]:
        """Ours of the partitions: of each topic an equal range, so that one key has one member in all topics."""
        share = set()
        for name, topic in self._topics.items():
            readers = [member for member, topics in living if topic.id in topics]
            if self.id not in readers:
                continue
            mine = readers.index(self.id)
            share |= {
                Partition(name, number)
                for number in range(topic.partitions)
                if number * len(readers) // topic.partitions == mine
            }
        return share

    async def _take(self, wanted: Iterable[Partition]) -> None:
        partitions = sorted(wanted)
        if not partitions:
            return
        async with self._link.use() as connection:
            rows = await connection.fetch(
                _TAKE,
                self._group,
                self.id,
                [self._topics[each.topic].id for each in partitions],
                [each.number for each in partitions],
                self._settings.lease_s,
            )
        for topic, number, epoch, position in rows:
            self._leases[Partition(self._name_of[topic], number)] = _Lease(epoch, position)
            self._unread.add(topic)
        self._order = sorted(self._leases)
        if rows:
            self._wake.set()

    async def _leave(self, partitions: frozenset[Partition]) -> None:
        """Let the consumer finish, then let others have them."""
        if not partitions:
            return
        stopped = {each: self._leases[each] for each in partitions}
        self._order = [each for each in self._order if each not in partitions]  # fetch nothing more of them
        try:
            await self._revoked(partitions)
        finally:
            for each in partitions:
                self._leases.pop(each, None)
        async with self._link.use() as connection:
            await connection.execute(
                _GIVE_BACK,
                self._group,
                self.id,
                [self._topics[each.topic].id for each in stopped],
                [each.number for each in stopped],
                [lease.epoch for lease in stopped.values()],
            )
