"""A member of a consumer group on the PostgreSQL log: reads the messages of the partitions that it holds."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
import structlog

from shared.kit.bus.port import Inbound, Partition, Revoked
from shared.kit.bus.postgres_link import CHANNEL, Link, LogSettings, LogTopic
from shared.kit.bus.postgres_membership import GroupMembership
from shared.kit.clock import new_id
from shared.kit.compression import decompress
from shared.kit.exceptions import BusUnavailable

log = structlog.get_logger()

# A lost acknowledgement is a redelivery, which the inbox knows: nothing here waits for the disk. The log is read by its
# key alone, which a plan made while it was small might not.
_SETTINGS: Final = {"synchronous_commit": "off", "enable_bitmapscan": "off", "enable_seqscan": "off"}
_MOST_ROWS: Final = 200
_SHARE: Final = 20  # a topic gives this part of what is asked for at least, however old the messages of others are
_MOST_BYTES: Final = 16 * 1024 * 1024
_ADVANCE_S: Final = 5.0

_ACKNOWLEDGE: Final = """
UPDATE bus.leases AS l SET position = greatest(l.position, done.position)
FROM unnest($3::int[], $4::int[], $5::bigint[], $6::bigint[]) AS done (topic, partition, epoch, position)
WHERE l.consumer_group = $1 AND l.member = $2
    AND l.topic = done.topic AND l.partition = done.partition AND l.epoch = done.epoch
RETURNING l.topic, l.partition
"""
# Of each topic the next rows, as many as hold about the messages that are asked for, and one at least.
# The oldest of all topics first, so that an event comes after what caused it and is seldom early. But a topic with little
# in it doesn't wait for one with much: each gives `$6` messages at least. `appended` never falls, so no topic has gaps.
_FETCH: Final = """
SELECT batch.topic, batch.position, batch.messages, log.partitions, log.keys, log.headers, log.lengths, log.body,
    log.compressed
FROM (
    SELECT topic, position, appended,
        messages, sum(messages) OVER (ORDER BY appended, topic, position) - messages AS messages_before,
        sum(messages) OVER (PARTITION BY topic ORDER BY position) - messages AS of_topic_before,
        sum(size) OVER (ORDER BY appended, topic, position) - size AS bytes_before,
        sum(size) OVER (PARTITION BY topic ORDER BY position) - size AS bytes_of_topic_before
    FROM (
        SELECT wanted.topic, next.position, next.messages, next.size,
            max(next.appended_at) OVER (PARTITION BY wanted.topic ORDER BY next.position) AS appended
        FROM unnest($1::int[], $2::bigint[]) AS wanted (topic, after)
        CROSS JOIN LATERAL (
            SELECT position, messages, octet_length(body)::bigint AS size, appended_at FROM bus.log
            WHERE topic = wanted.topic AND position > wanted.after ORDER BY position LIMIT $5
        ) AS next
    ) AS next
) AS batch
JOIN bus.log AS log ON log.topic = batch.topic AND log.position = batch.position
WHERE (batch.messages_before < $3 AND batch.bytes_before < $4)
    OR (batch.of_topic_before < $6 AND batch.bytes_of_topic_before < $4)
ORDER BY batch.appended, batch.topic, batch.position
"""
_ENDS: Final = "SELECT id, position FROM bus.topics WHERE id = ANY($1::int[])"


class _Read(NamedTuple):
    """How much of the log was read."""

    rows: int = 0
    messages: int = 0
    bytes: int = 0


class _Lease:
    """What this member knows of a partition it owns: `fetched` is the last position it has read.

    `in_hand` are the positions that were read and not acknowledged.
    """

    __slots__ = ("epoch", "fetched", "in_hand")

    def __init__(self, epoch: int, fetched: int) -> None:
        self.epoch = epoch
        self.fetched = fetched
        self.in_hand: deque[int] = deque()

    def last_in_hand(self) -> int:
        return self.in_hand[-1] if self.in_hand else 0

    def acknowledge(self, position: int) -> None:
        while self.in_hand and self.in_hand[0] <= position:
            self.in_hand.popleft()


class PostgresMember:
    """`find_topics` answers what the database knows of topics, by name."""

    def __init__(
        self,
        settings: LogSettings,
        find_topics: Callable[[Sequence[str]], Awaitable[dict[str, LogTopic]]],
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
        self._topics: dict[str, LogTopic] = {}
        self._name_of: dict[int, str] = {}
        self._leases: dict[Partition, _Lease] = {}
        self._leaving: frozenset[Partition] = frozenset()
        self._read_up_to: dict[int, int] = {}  # by topic: every message of ours up to here is read
        self._unread: set[int] = set()  # topics that may hold messages we have not read
        self._messages: deque[Inbound] = deque()  # read and not fetched
        self._looked_at = self._advanced_at = time.monotonic()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._unsettled = asyncio.Event()  # the last beat found leases that aren't our share
        self._link = Link(settings.url, _SETTINGS, self._listen)
        self._membership = GroupMembership(self._link, self._group, self.id, settings.session_s)

    async def start(self) -> None:
        self._topics = await self._find_topics(self._names)
        self._name_of = {topic.id: name for name, topic in self._topics.items()}
        await self._membership.join(self._topics)
        await self._settle()
        self._tasks = [
            asyncio.create_task(self._keep_beating(), name=f"bus-beat-{self._group}"),
            asyncio.create_task(self._keep_settling(), name=f"bus-settle-{self._group}"),
        ]

    async def fetch(self, limit: int, timeout_s: float) -> list[Inbound]:
        until = time.monotonic() + timeout_s
        while True:
            if len(self._messages) < limit and self._unread:
                await self._read_on(limit)
            if self._messages:
                return [self._messages.popleft() for _ in range(min(limit, len(self._messages)))]
            if self._unread:
                continue
            now = time.monotonic()
            look_at = self._looked_at + self._settings.poll_s
            if now >= look_at:  # nobody called: look everywhere
                self._unread.update(self._name_of)
                continue
            if now >= until:
                return []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(until, look_at) - now):
                    await self._wake.wait()
            self._wake.clear()

    async def acknowledge(self, done: Mapping[Partition, int]) -> frozenset[Partition]:
        ours = []
        for each, position in done.items():
            lease = self._leases.get(each)
            if lease is not None:
                read = self._read_up_to[self._topics[each.topic].id]
                ours.append((each, lease.epoch, read if lease.last_in_hand() <= position < read else position))
        now = time.monotonic()
        if now - self._advanced_at > _ADVANCE_S:
            self._advanced_at = now
            idle = self._idle({each.topic for each in done})
            ours += [each for each in idle if each[0] not in done and each[0] not in self._leaving]
        accepted = await self._write_positions(ours)
        for each, _, position in ours:
            lease = self._leases.get(each)
            if lease is not None:
                lease.acknowledge(position)
        return frozenset(done) - accepted

    async def lag(self) -> Mapping[str, int]:
        async with self._link.use() as connection:
            rows = await connection.fetch(_ENDS, list(self._name_of))
        lags = {}
        for topic_id, end in rows:
            name = self._name_of[topic_id]
            topic = self._topics[name]
            ours = [self._leases[each] for each in self._leases if each.topic == name]
            unread = max(0, end - self._read_up_to.get(topic_id, end))
            lags[name] = sum(len(lease.in_hand) for lease in ours) + -(-unread * len(ours) // topic.partitions)
        return lags

    def share(self) -> float:
        of_all = sum(topic.partitions for topic in self._topics.values())
        return (len(self._leases) or of_all) / of_all

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        with contextlib.suppress(BusUnavailable):
            await self._give_back(frozenset(self._leases))
            await self._membership.leave()
        await self._link.close()

    async def _write_positions(self, ours: Sequence[tuple[Partition, int, int]]) -> frozenset[Partition]:
        """Acknowledge up to these positions; returns the partitions that were still ours."""
        if not ours:
            return frozenset()
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
        return frozenset(Partition(self._name_of[topic], number) for topic, number in rows)

    def _idle(self, names: Collection[str]) -> list[tuple[Partition, int, int]]:
        """Partitions with nothing in hand, and how far they are read: so nothing is read again after a restart."""
        return [
            (each, lease.epoch, self._read_up_to[self._topics[each.topic].id])
            for each, lease in self._leases.items()
            if each.topic in names and not lease.in_hand
        ]

    async def _read_on(self, limit: int) -> None:
        """Read until there are as many of our messages as are asked for, as long as more of them may wait.

        A read brings the messages of all partitions. Who stopped after one that brought few of its own would seem to have
        caught up.
        """
        size = 0
        while len(self._messages) < limit and size < _MOST_BYTES:
            read = await self._read(limit)
            size += read.bytes
            if read.messages < limit and read.rows < _MOST_ROWS:
                return

    async def _read(self, limit: int) -> _Read:
        """Read the next messages and keep those of our partitions; returns what was read of all."""
        self._looked_at = time.monotonic()
        after = {topic: self._read_up_to[topic] for topic in self._unread if topic in self._read_up_to}
        self._unread.clear()  # before the question: a call that comes meanwhile counts
        if not after:
            return _Read()
        try:
            async with self._link.use() as connection:
                rows = await connection.fetch(
                    _FETCH, list(after), list(after.values()), limit, _MOST_BYTES, _MOST_ROWS, max(1, limit // _SHARE)
                )
        except BaseException:
            self._unread |= after.keys()
            raise
        for row in rows:
            topic = row["topic"]
            if self._read_up_to.get(topic) != after[topic]:
                continue  # we got or lost partitions while we asked, and read on from elsewhere
            self._take_in(row)
            self._read_up_to[topic] = after[topic] = row["position"]
        if rows:  # any of the topics may have more
            self._unread |= after.keys()
        return _Read(len(rows), sum(row["messages"] for row in rows), sum(len(row["body"]) for row in rows))

    def _take_in(self, row: Any) -> None:
        name = self._name_of[row["topic"]]
        body: bytes = row["body"]
        if row["compressed"]:
            body = decompress(body)
        position: int = row["position"] - row["messages"]
        headers: Sequence[str | None] = row["headers"] or [None] * row["messages"]
        partitions = [Partition(name, number) for number in range(self._topics[name].partitions)]
        leases = [None if each in self._leaving else self._leases.get(each) for each in partitions]
        end = 0
        for number, key, text, length in zip(row["partitions"], row["keys"], headers, row["lengths"], strict=True):
            start, end = end, end + length
            position += 1
            lease = leases[number]
            if lease is None or position <= lease.fetched:
                continue
            lease.fetched = position
            lease.in_hand.append(position)
            self._messages.append(
                Inbound(name, number, position, key, body[start:end], orjson.loads(text) if text else None)
            )

    async def _listen(self, connection: Any) -> None:
        await connection.add_listener(CHANNEL, self._notified)
        self._unread.update(self._name_of)  # what was called while we didn't listen
        self._wake.set()

    def _notified(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        topic = int(payload)
        if topic in self._name_of:
            self._unread.add(topic)
            self._wake.set()

    async def _keep_beating(self) -> None:
        """Apart from settling, which may wait long for the consumer to finish."""
        while True:
            await asyncio.sleep(self._membership.beat_in_s)
            with self._away_logged():
                await self._membership.beat()
            if self._membership.lost(self._epochs()) or self._leases.keys() != self._membership.share():
                self._unsettled.set()

    async def _keep_settling(self) -> None:
        while True:
            await self._unsettled.wait()
            self._unsettled.clear()  # the next beat sets it again, if this doesn't settle it
            with self._away_logged():
                await self._settle()

    @contextlib.contextmanager
    def _away_logged(self) -> Iterator[None]:
        try:
            yield
        except BusUnavailable as error:
            log.warning("bus_member_could_not_reach_the_bus", group=self._group, error=str(error))

    async def _settle(self) -> None:
        """Bring the leases in line with our share among the living."""
        if lost := self._membership.lost(self._epochs()):
            log.warning("bus_partitions_lost", group=self._group, partitions=len(lost))
            await self._give_back(frozenset(lost))
        share = self._membership.share()
        await self._give_back(frozenset(self._leases.keys() - share))
        await self._take(share - self._leases.keys())

    def _epochs(self) -> dict[Partition, int]:
        return {each: lease.epoch for each, lease in self._leases.items()}

    async def _take(self, wanted: Collection[Partition]) -> None:
        taken = await self._membership.take(wanted)
        for each, epoch, position in taken:
            topic = self._topics[each.topic].id
            self._leases[each] = _Lease(epoch, position)
            self._read_up_to[topic] = min(position, self._read_up_to.get(topic, position))
            self._unread.add(topic)
        if taken:
            self._wake.set()

    async def _give_back(self, partitions: frozenset[Partition]) -> None:
        """Let the consumer finish, then let others have them."""
        if not partitions:
            return
        epochs = {each: self._leases[each].epoch for each in partitions}
        self._leaving = partitions  # read nothing more of them, and hand out nothing more
        self._messages = deque(
            message for message in self._messages if Partition(message.topic, message.partition) not in partitions
        )
        try:
            await self._revoked(partitions)
            await self._write_positions(
                [each for each in self._idle({each.topic for each in partitions}) if each[0] in partitions]
            )
        finally:
            self._leaving = frozenset()
            for each in partitions:
                self._leases.pop(each, None)
            for topic in self._topics.values():
                if not any(self._topics[each.topic].id == topic.id for each in self._leases):
                    self._read_up_to.pop(topic.id, None)
        await self._membership.give_back(epochs)
