"""A member of a consumer group on Apache Kafka."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from shared.kit.bus.kafka_refusals import Refusals
from shared.kit.bus.port import Inbound, Partition, Revoked
from shared.kit.exceptions import BusUnavailable, MemberLost

log = structlog.get_logger()

_AWAY: Final = (KafkaError, OSError, RuntimeError)
"""What the client raises without a broker; uvloop raises the last where something is sent on a connection that is closed."""

_MAX_IDLE_MS: Final = 15 * 60 * 1000  # as long may the service's database be away before others are given the work
_CONSUME: Final = "consume"
_REBALANCE_MS: Final = 60_000  # as long others wait for a member that finishes what it has in hand


class KafkaMember:
    def __init__(
        self,
        client_settings: Mapping[str, Any],
        refusals: Refusals,
        prefix: str,
        group: str,
        topics: Sequence[str],
        revoked: Revoked,
        session_s: float,
    ) -> None:
        self._client_settings = dict(client_settings)
        self._refusals = refusals
        self._prefix = prefix
        self._group = prefix + group
        self._topics = [prefix + topic for topic in topics]
        self._revoked = revoked
        self._session_ms = int(session_s * 1000)
        self._consumer: Any = None
        self._acknowledged: dict[TopicPartition, int] = {}  # the first offset that is not acknowledged

    async def start(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._client_settings,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=max(100, self._session_ms // 5),
            max_poll_interval_ms=_MAX_IDLE_MS,
            rebalance_timeout_ms=_REBALANCE_MS,
            # Ranges give one member the same partition of every topic, so one key has one member.
            partition_assignment_strategy=(RangePartitionAssignor,),
            fetch_max_wait_ms=500,
            check_crcs=True,
        )
        consumer.subscribe(self._topics, listener=_Listener(self))
        self._consumer = consumer
        try:
            await consumer.start()
        except _AWAY as error:
            await self.stop()
            raise await self._refusals.explain(_CONSUME, error) from error

    async def fetch(self, limit: int, timeout_s: float) -> list[Inbound]:
        """As in the port. Between two fetches that left nothing behind the client asks for nothing in advance.

        It would get what comes first, of a partition or two, and give that at the next fetch instead of all that gathered.
        """
        consumer = self._consumer
        consumer.resume(*consumer.paused())
        try:
            found = await consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=limit)
        except _AWAY as error:
            if type(error) is KafkaError:  # the client's own loop has ended: each fetch would raise this for ever
                raise MemberLost(str(error)) from error
            raise await self._refusals.explain(_CONSUME, error) from error
        self._refusals.succeeded(_CONSUME)
        if 0 < sum(map(len, found.values())) < limit:
            consumer.pause(*consumer.assignment())
        for partition, records in found.items():
            self._acknowledged.setdefault(partition, records[0].offset)
        cut = len(self._prefix)
        return [
            Inbound(
                partition.topic[cut:], partition.partition, record.offset, record.key or b"", record.value or b"",
                {name: value.decode() for name, value in record.headers} if record.headers else None,
            )
            for partition, records in found.items()
            for record in records
        ]  # fmt: skip

    async def acknowledge(self, done: Mapping[Partition, int]) -> frozenset[Partition]:
        assigned = self._consumer.assignment()
        offsets = {
            TopicPartition(self._prefix + each.topic, each.number): position + 1 for each, position in done.items()
        }
        ours = {partition: offset for partition, offset in offsets.items() if partition in assigned}
        try:
            if ours:
                await self._consumer.commit(ours)
        except (CommitFailedError, IllegalStateError):
            return frozenset(done)  # the group went on without us
        except _AWAY as error:
            raise BusUnavailable(f"{type(error).__name__}: {error}") from error
        self._acknowledged.update(ours)
        return frozenset(each for each in done if TopicPartition(self._prefix + each.topic, each.number) not in ours)

    async def lag(self) -> Mapping[str, int]:
        """From the last fetches: a request would wait behind the fetch that is under way."""
        lags: dict[str, int] = {}
        cut = len(self._prefix)
        for partition in self._consumer.assignment():
            end = self._consumer.highwater(partition)
            if end is None:
                continue  # nothing was fetched yet
            done = self._acknowledged.get(partition)
            if done is None:
                done = await self._consumer.position(partition)  # nothing came since we own it
            lags[partition.topic[cut:]] = lags.get(partition.topic[cut:], 0) + max(0, end - done)
        return lags

    def share(self) -> float:
        held = len(self._consumer.assignment())
        of_all = sum(len(self._consumer.partitions_for_topic(topic) or ()) for topic in self._topics)
        return min(1.0, held / of_all) if held and of_all else 1.0

    async def stop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        held = frozenset(self._partition(each) for each in consumer.assignment())
        try:
            if held:
                self._consumer = consumer  # `revoked` acknowledges
                await self._revoked(held)
        finally:
            self._consumer = None
            with contextlib.suppress(*_AWAY):
                await consumer.stop()

    def _partition(self, each: TopicPartition) -> Partition:
        return Partition(each.topic[len(self._prefix) :], each.partition)

    async def leaving(self, partitions: frozenset[TopicPartition]) -> None:
        """Called while the group still counts us in: what is finished now can still be acknowledged."""
        if partitions:
            await self._revoked(frozenset(self._partition(each) for each in partitions))
        for each in partitions:
            self._acknowledged.pop(each, None)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, member: KafkaMember) -> None:
        self._member = member

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        await self._member.leaving(frozenset(revoked))

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        log.info("bus_partitions_assigned", partitions=len(assigned))
