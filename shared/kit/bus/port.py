"""The port of the event bus: what both engines do. What they don't share, nobody may rely on."""

import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

Kept = Literal["compacted", "retention"]

DEFAULT_PARTITIONS = 8
MAX_MESSAGE_BYTES = 1024 * 1024
"""The largest message with its key and headers. An event is at most half of that."""


class TopicSettings(NamedTuple):
    """How a topic is kept. `retention` keeps all for `retention_s`; `compacted` keeps the latest message per key."""

    name: str
    kept: Kept
    retention_s: int
    partitions: int = DEFAULT_PARTITIONS


class Partition(NamedTuple):
    topic: str
    number: int


class Outbound(NamedTuple):
    """A message to be sent. Messages of one key are kept in order."""

    topic: str
    key: bytes
    value: bytes
    headers: Mapping[str, str] | None = None


class Writer(NamedTuple):
    """Who publishes a service's events: of the replicas that share the name, the one that took over last."""

    name: str
    id: UUID


class Inbound(NamedTuple):
    """A message as it came. Positions of a partition grow; they need not be gapless."""

    topic: str
    partition: int
    position: int
    key: bytes
    value: bytes
    headers: Mapping[str, str] | None


@dataclass(slots=True)
class Published:
    """What became of a batch, by index. What is in neither was not sent: the bus went, or its key had to wait."""

    sent: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


Revoked = Callable[[frozenset[Partition]], Awaitable[None]]
"""Awaited before other members get the partitions: finish what is in hand, acknowledge it, forget the rest."""


Redact = Callable[[bytes], bytes | None]
"""What is left of a value; None where it stays as it is."""


class Consumer(Protocol):
    """One member of a group. A new group begins at the earliest message."""

    async def start(self) -> None:
        """Join the group. Raises BusUnavailable."""

    async def fetch(self, limit: int, timeout_s: float) -> list[Inbound]:
        """At most `limit` messages after those fetched before, in order for each partition; empty after the timeout.

        Raises BusUnavailable; MemberLost, a kind of it, where this member will never fetch anything again: stop it.
        """
        ...

    async def acknowledge(self, done: Mapping[Partition, int]) -> frozenset[Partition]:
        """Commit that everything up to and including these positions had its effect; returns what is no longer ours.

        Raises BusUnavailable: nothing, or some of it, is acknowledged.
        """
        ...

    async def lag(self) -> Mapping[str, int]:
        """About how many messages each topic holds that this member has yet to acknowledge, in its partitions.

        Raises BusUnavailable.
        """
        ...

    def share(self) -> float:
        """The part of the partitions of its topics that this member has, in (0, 1]; 1 while it has none."""
        ...

    async def stop(self) -> None:
        """Leave the group at once, after `revoked` for all partitions, so that others take over without a timeout."""


class Bus(Protocol):
    """A connection to one engine. Topic names are without the prefix."""

    async def ensure_topics(self, topics: Sequence[TopicSettings]) -> None:
        """Create what is missing and set how topics are kept. Raises BusUnavailable."""

    async def take_over(self, writer: Writer) -> None:
        """From now on take messages of this writer, and of no other of its name where the engine can distinguish them.

        Raises BusUnavailable.
        """

    async def publish(self, messages: Sequence[Outbound], writer: Writer | None = None) -> Published:
        """Append the messages in order; durable once answered.

        A message that is refused for itself holds back later ones of its topic and key. Raises BusUnavailable when
        nothing is known to be sent, and WriterSuperseded, which is one, when another writer took over.
        """
        ...

    def consumer(self, group: str, topics: Sequence[str], revoked: Revoked) -> Consumer:
        """A member of the group; not started."""
        ...

    async def check(self) -> None:
        """Raise BusUnavailable unless the bus answers within a few seconds."""

    async def redact(self, topics: Sequence[str], keys: frozenset[bytes], redact: Redact) -> frozenset[bytes]:
        """Change the values of messages of these keys that every group has acknowledged, where the engine can.

        Returns the keys of which nothing is left to change: none where the engine can't, and messages go by their age
        alone. Raises BusUnavailable.
        """
        ...

    async def maintain(self) -> None:
        """Drop what is past its retention or superseded, where the engine doesn't do so by itself."""

    async def close(self) -> None: ...


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: CRC-32, as librdkafka's `consistent` partitioner has it."""
    return zlib.crc32(key) % partitions


def too_large(message: Outbound, limit: int) -> str | None:
    """Why a message is over the limit; None when it isn't."""
    size = len(message.key) + len(message.value)
    if message.headers:
        size += sum(len(name) + len(value.encode()) for name, value in message.headers.items())
    return None if size <= limit else f"{size} bytes are more than the {limit} that a topic takes"
