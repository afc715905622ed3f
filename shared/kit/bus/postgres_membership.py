"""A member's place in its consumer group on the PostgreSQL log: heartbeats, its share of the partitions, their leases.

From the living members everybody computes the same shares. A partition is owned through its lease row: whoever takes it
raises the epoch, and an acknowledgement with an older epoch changes nothing. So a member that was thought dead can do no
harm when it wakes up.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from shared.kit.bus.port import Partition
from shared.kit.bus.postgres_link import Link, LogTopic
from shared.kit.clock import to_tick

_BEATS: Final = 2.4  # in a session: of six seconds every tick
_LATE_S: Final = 0.05  # after a silent member's session has ended, before the next beat sees it
_FORGOTTEN_AFTER: Final = 100  # sessions

_MAKE_LEASES: Final = """
INSERT INTO bus.leases (consumer_group, topic, partition)
SELECT $1, topic, partition FROM unnest($2::int[], $3::int[]) AS row (topic, partition) ON CONFLICT DO NOTHING
"""
# We live, whether the statement sees its own row or not.
_BEAT: Final = """
WITH beat AS (
    INSERT INTO bus.members (consumer_group, member, topics, seen_at) VALUES ($1, $2, $3, clock_timestamp())
    ON CONFLICT (consumer_group, member) DO UPDATE SET topics = excluded.topics, seen_at = excluded.seen_at
)
SELECT $2::uuid AS member, $3::int[] AS topics, 'infinity'::float8 AS ends_in_s, ARRAY(
    SELECT ARRAY[topic, partition, epoch] FROM bus.leases WHERE consumer_group = $1 AND member = $2
) AS owned
UNION ALL
SELECT member, topics, extract(epoch FROM seen_at - clock_timestamp())::float8 + $4, '{}' FROM bus.members
WHERE consumer_group = $1 AND member <> $2 AND seen_at > clock_timestamp() - make_interval(secs => $4)
ORDER BY member
"""
_FORGET: Final = """
DELETE FROM bus.members
WHERE consumer_group = $1 AND (member = $2 OR seen_at < clock_timestamp() - make_interval(secs => $3))
"""
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


class GroupMembership:
    """The member `member` of `group`; silent for `session_s` seconds it loses its partitions.

    `beat_in_s`: in how many seconds the next `beat` is due. Every call raises BusUnavailable when the server is away.
    """

    def __init__(self, link: Link, group: str, member: UUID, session_s: float) -> None:
        self._link = link
        self._group = group
        self._member = member
        self._session_s = session_s
        self._topics: Mapping[str, LogTopic] = {}
        self._name_of: dict[int, str] = {}
        self._living: Sequence[tuple[Any, Sequence[int]]] = []
        self._owned: dict[Partition, int] | None = None  # epochs as the last beat found them
        self.beat_in_s = 0.0

    async def join(self, topics: Mapping[str, LogTopic]) -> None:
        """Enter the group as a reader of `topics`, by name."""
        self._topics = topics
        self._name_of = {topic.id: name for name, topic in topics.items()}
        pairs = [(topic.id, number) for topic in topics.values() for number in range(topic.partitions)]
        async with self._link.use() as connection:
            await connection.execute(
                _MAKE_LEASES, self._group, [topic for topic, _ in pairs], [number for _, number in pairs]
            )
        await self.beat()

    async def beat(self) -> None:
        """Write that we live, and see who else does: again a little after a silent member's session has ended."""
        self.beat_in_s = to_tick(self._session_s / _BEATS)
        async with self._link.use() as connection:
            rows = await connection.fetch(_BEAT, self._group, self._member, list(self._name_of), self._session_s)
        self._living = [(row["member"], row["topics"]) for row in rows]
        self._owned = {
            Partition(self._name_of[topic], number): epoch
            for row in rows for topic, number, epoch in row["owned"] if topic in self._name_of
        }  # fmt: skip
        self.beat_in_s = min(self.beat_in_s, *(max(0.0, row["ends_in_s"]) + _LATE_S for row in rows))

    def lost(self, held: Mapping[Partition, int]) -> set[Partition]:
        """Those of `held`, with their epochs, that others took, by the last beat."""
        owned = self._owned
        return set() if owned is None else {each for each, epoch in held.items() if owned.get(each) != epoch}

    def share(self) -> set[Partition]:
        """Ours of the partitions: of each topic an equal range, so that one key has one member in all topics."""
        share = set()
        for name, topic in self._topics.items():
            readers = [member for member, topics in self._living if topic.id in topics]
            if self._member not in readers:
                continue
            mine = readers.index(self._member)
            share |= {
                Partition(name, number)
                for number in range(topic.partitions)
                if number * len(readers) // topic.partitions == mine
            }
        return share

    async def take(self, wanted: Collection[Partition]) -> list[tuple[Partition, int, int]]:
        """Take those of the partitions that nobody alive has: each with its epoch and the position it is read up to."""
        if not wanted:
            return []
        topics, numbers = self._columns(sorted(wanted))
        async with self._link.use() as connection:
            rows = await connection.fetch(_TAKE, self._group, self._member, topics, numbers, self._session_s)
        if rows:
            self._owned = None
        return [(Partition(self._name_of[topic], number), epoch, position) for topic, number, epoch, position in rows]

    async def give_back(self, held: Mapping[Partition, int]) -> None:
        """Let others have these partitions; what isn't ours in the epoch given stays as it is."""
        topics, numbers = self._columns(held)
        async with self._link.use() as connection:
            await connection.execute(_GIVE_BACK, self._group, self._member, topics, numbers, list(held.values()))

    async def leave(self) -> None:
        """Leave the group, and with it what has been silent for very long."""
        async with self._link.use() as connection:
            await connection.execute(_FORGET, self._group, self._member, self._session_s * _FORGOTTEN_AFTER)

    def _columns(self, partitions: Collection[Partition]) -> tuple[list[int], list[int]]:
        return [self._topics[each.topic].id for each in partitions], [each.number for each in partitions]
