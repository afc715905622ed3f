"""The bus on Apache Kafka: an idempotent producer, manual commits, one batch per partition and request."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    CorruptRecordException,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    RecordListTooLargeError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.admin import CreateAclsRequest

from shared.kit.bus.kafka_member import KafkaMember
from shared.kit.bus.kafka_refusals import Refusals
from shared.kit.bus.port import (
    MAX_MESSAGE_BYTES,
    Consumer,
    Outbound,
    Published,
    Redact,
    Revoked,
    TopicSettings,
    Writer,
    partition_of,
    too_large,
)
from shared.kit.bus.rights import Right
from shared.kit.exceptions import BusUnavailable

log = structlog.get_logger()

_COPIES: Final = 3  # of every message, where there are as many brokers
_BATCH_BYTES: Final = 256 * 1024
_REQUEST_TIMEOUT_MS: Final = 20_000
_LOOK_UP_TIMEOUT_S: Final = 5.0
_CHECK_TIMEOUT_S: Final = 3.0
_CLOSE_TIMEOUT_S: Final = 10.0
_SEGMENT_MS: Final = 86_400_000
_BATCH_OVERHEAD: Final = 512  # what a batch of one message has besides it
# Errors of a message, not of the broker.
_REFUSALS: Final = (MessageSizeTooLargeError, RecordListTooLargeError, CorruptRecordException, InvalidTimestampError)
_TOPIC_EXISTS: Final = TopicAlreadyExistsError.errno
_NOT_OURS: Final = {TopicAuthorizationFailedError.errno, ClusterAuthorizationFailedError.errno}
_PUBLISH: Final = "publish"
_PUBLISH_ALL: Final = "publish to each topic"
_ADMINISTER: Final = "administer"
_RESOURCE_TYPES: Final = {"topic": 2, "group": 3}
_OPERATIONS: Final = {"read": 3, "write": 4}
_LITERAL: Final = 3  # names are meant as they are, not as prefixes
_ALLOW: Final = 3
_SET_ON_TOPIC: Final = 1  # config source: dynamic, of this topic


class KafkaBus:
    """`url` is `kafka://[user:password@]host:port[,host:port][?security_protocol=SASL_SSL&sasl_mechanism=…&cafile=…]`.

    `topic_config` are properties for every topic that override ours.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "",
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        session_s: float = 6.0,
        topic_config: Mapping[str, str] | None = None,
    ) -> None:
        """`session_s`: after how long a silent member loses its partitions."""
        self._client_settings = client_settings(url)
        self._refusals = Refusals(self._client_settings)
        self._prefix = prefix
        self._max_message_bytes = max_message_bytes
        self._session_s = session_s
        self._topic_config = dict(topic_config or {})
        self._producer: Any = None
        self._lock = asyncio.Lock()

    async def ensure_topics(self, topics: Sequence[TopicSettings]) -> None:
        """As in the port. What this user may not create is left to one who may (`touchstone topics`)."""
        async with self._admin() as admin:
            copies = min(_COPIES, len((await admin.describe_cluster())["brokers"]))
            wanted = {self._prefix + topic.name: self._config_of(topic, copies) for topic in topics}
            answer = await admin.create_topics([
                NewTopic(self._prefix + topic.name, topic.partitions, copies, topic_configs=wanted[self._prefix + topic.name])
                for topic in topics
            ])  # fmt: skip
            there = []
            for name, code, reason in answer.topic_errors:
                if code == _TOPIC_EXISTS:
                    there.append(name)
                elif code and code not in _NOT_OURS:
                    raise BusUnavailable(f"topic {name} could not be created: {reason or for_code(code).__name__}")
            await _adapt(admin, {name: wanted[name] for name in there})

    async def grant(self, user: str, rights: Iterable[Right]) -> None:
        """Let a user of the broker do these things, on topics and groups of our prefix; this user must be an administrator.

        Raises BusUnavailable.
        """
        async with self._admin() as admin:
            for right in rights:
                kind, operation = _RESOURCE_TYPES[right.kind], _OPERATIONS[right.operation]
                request = CreateAclsRequest(
                    kind, self._prefix + right.name, _LITERAL, f"User:{user}", "*", operation, _ALLOW
                )
                answer = await admin._send_request(request)  # noqa: SLF001  the client has no method for it
                for code, reason in answer.creation_responses:
                    if code:
                        raise BusUnavailable(
                            f"{user} got no right on {right.name}: {reason or for_code(code).__name__}"
                        )

    async def take_over(self, writer: Writer) -> None:
        """Kafka distinguishes writers in transactions only, which cost a round trip more for every batch.

        So what a writer that hung had handed to its socket may come twice: readers know it by its id.
        """

    async def publish(self, messages: Sequence[Outbound], writer: Writer | None = None) -> Published:  # noqa: ARG002  see `take_over`
        outcome = Published()
        batches: dict[tuple[str, int], list[int]] = {}
        held: set[tuple[str, bytes]] = set()
        async with self._lock, self._producing() as producer:
            partitions = {
                topic: len(await self._partitions(producer, topic)) for topic in {message.topic for message in messages}
            }
            for index, message in enumerate(messages):
                if (message.topic, message.key) in held:
                    continue
                if refusal := too_large(message, self._max_message_bytes):
                    outcome.refused[index] = refusal
                    held.add((message.topic, message.key))
                    continue
                number = partition_of(message.key, partitions[message.topic])
                batches.setdefault((message.topic, number), []).append(index)
            unsure = await self._send_batches(producer, messages, batches, outcome)
        for (topic, number), indices in unsure.items():
            await self._send_singly(topic, number, messages, indices, outcome)
        outcome.sent.sort()
        return outcome

    def consumer(self, group: str, topics: Sequence[str], revoked: Revoked) -> Consumer:
        return KafkaMember(self._client_settings, self._refusals, self._prefix, group, topics, revoked, self._session_s)

    async def check(self) -> None:
        self._refusals.check()
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT_S), self._admin() as admin:
                await admin.list_topics()
        except TimeoutError as error:
            raise BusUnavailable("no answer in time") from error

    async def redact(self, topics: Sequence[str], keys: frozenset[bytes], redact: Redact) -> frozenset[bytes]:  # noqa: ARG002
        return frozenset()  # a broker changes no message: it drops whole segments by their age

    async def maintain(self) -> None:
        """Kafka does this by itself."""

    async def close(self) -> None:
        async with self._lock:
            await self._drop_producer()

    async def _send_batches(
        self,
        producer: Any,
        messages: Sequence[Outbound],
        batches: Mapping[tuple[str, int], Sequence[int]],
        outcome: Published,
    ) -> dict[tuple[str, int], list[int]]:
        """Send each partition's messages; returns those of partitions where the broker refused some message."""
        partitions = list(batches)
        ends = await asyncio.gather(
            *(self._send_partition(producer, messages, each, batches[each], outcome) for each in partitions)
        )
        unsure: dict[tuple[str, int], list[int]] = {}
        failure: Exception | None = None
        for partition, (left, error) in zip(partitions, ends, strict=True):
            if isinstance(error, (*_REFUSALS, OutOfOrderSequenceNumber)):
                unsure[partition] = left
            elif error is not None:
                failure = error
        if failure is not None or unsure:
            await self._drop_producer()  # its sequence numbers have a gap now
        if failure is None:
            self._refusals.succeeded(_PUBLISH_ALL)
        else:
            explained = await self._refusals.explain(_PUBLISH_ALL, failure)
            if not outcome.sent and not outcome.refused:
                raise explained from failure
        return unsure

    async def _send_partition(
        self,
        producer: Any,
        messages: Sequence[Outbound],
        partition: tuple[str, int],
        indices: Sequence[int],
        outcome: Published,
    ) -> tuple[list[int], Exception | None]:
        """Send a partition's messages, batch after batch; returns what is left where one failed, and why.

        The next batch is handed over when the one before was acknowledged: a client that has given up one may send those
        after it, whose messages of the same keys come later.
        """
        topic, number = partition
        done = 0
        for builder, part in _build(producer, messages, indices):
            try:
                await (await producer.send_batch(builder, self._prefix + topic, partition=number))
            except Exception as error:  # noqa: BLE001  the other partitions are sent to their end
                return list(indices[done:]), error
            outcome.sent.extend(part)
            done += len(part)
        return [], None

    async def _send_singly(
        self, topic: str, number: int, messages: Sequence[Outbound], indices: Sequence[int], outcome: Published
    ) -> None:
        """Find out which of a partition's messages the broker refuses; later ones of its key wait."""
        held: set[bytes] = set()
        for index in indices:
            if messages[index].key in held:
                continue
            async with self._lock, self._producing() as producer:
                [(builder, _)] = _build(producer, messages, [index])
                try:
                    await (await producer.send_batch(builder, self._prefix + topic, partition=number))
                except _REFUSALS as error:
                    await self._drop_producer()
                    outcome.refused[index] = f"{type(error).__name__}: {error}"
                    held.add(messages[index].key)
                else:
                    outcome.sent.append(index)

    async def _partitions(self, producer: Any, topic: str) -> set[int]:
        async with asyncio.timeout(_LOOK_UP_TIMEOUT_S):
            partitions: set[int] = await producer.partitions_for(self._prefix + topic)
        return partitions

    @contextlib.asynccontextmanager
    async def _producing(self) -> AsyncIterator[Any]:
        """The producer. Whatever goes wrong while it is used, the next one to use it gets a new one."""
        try:
            if self._producer is None:
                self._producer = await self._start_producer()
            yield self._producer
            self._refusals.succeeded(_PUBLISH)
        except (KafkaError, OSError) as error:
            await self._drop_producer()
            raise await self._refusals.explain(_PUBLISH, error) from error
        except asyncio.CancelledError:
            await self._drop_producer()  # what it has in hand must not be sent after all
            raise

    async def _start_producer(self) -> Any:
        producer = AIOKafkaProducer(
            **self._client_settings,
            enable_idempotence=True,
            acks="all",
            compression_type="lz4",
            linger_ms=0,  # whole batches are handed over
            max_batch_size=_BATCH_BYTES,
            max_request_size=self._max_message_bytes + _BATCH_OVERHEAD,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )
        try:
            await producer.start()
        except BaseException:
            with contextlib.suppress(Exception):
                await producer.stop()
            raise
        return producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # Not a flush: what was not acknowledged is sent again, by whoever holds the relay then.
        producer._message_accumulator.fail_all(BusUnavailable("the producer was dropped"))  # noqa: SLF001
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await producer.stop()
                return
        with contextlib.suppress(Exception):
            await producer.client.close()

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncIterator[Any]:
        admin = AIOKafkaAdminClient(**self._client_settings, request_timeout_ms=_REQUEST_TIMEOUT_MS)
        try:
            await admin.start()
            yield admin
            self._refusals.succeeded(_ADMINISTER)
        except (KafkaError, OSError) as error:
            raise await self._refusals.explain(_ADMINISTER, error) from error
        finally:
            with contextlib.suppress(Exception):
                await admin.close()

    def _config_of(self, topic: TopicSettings, copies: int) -> dict[str, str]:
        kept = (
            {"cleanup.policy": "compact"}
            if topic.kept == "compacted"
            else {
                "cleanup.policy": "delete",
                "retention.ms": str(topic.retention_s * 1000),
                # A segment goes as a whole, when its newest message is old enough: no message outstays by more than this.
                "segment.ms": str(_SEGMENT_MS),
            }
        )
        return {
            **kept,
            "min.insync.replicas": str(max(1, copies - 1)),
            "max.message.bytes": str(self._max_message_bytes + _BATCH_OVERHEAD),
            **self._topic_config,
        }


def client_settings(url: str) -> dict[str, Any]:
    """What aiokafka's clients take, from our URL."""
    parts = urlsplit(url)
    if parts.scheme != "kafka":
        raise ValueError(f"{parts.scheme}:// is not a Kafka bus")
    credentials, _, hosts = parts.netloc.rpartition("@")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    protocol = options.get("security_protocol", "SASL_SSL" if credentials else "PLAINTEXT")
    settings: dict[str, Any] = {"bootstrap_servers": hosts.split(","), "security_protocol": protocol}
    if "SSL" in protocol.split("_"):
        settings["ssl_context"] = ssl.create_default_context(cafile=options.get("cafile"))
    if protocol.startswith("SASL_"):
        user, _, password = credentials.partition(":")
        settings |= {
            "sasl_mechanism": options.get("sasl_mechanism", "SCRAM-SHA-512"),
            "sasl_plain_username": unquote(user),
            "sasl_plain_password": unquote(password),
        }
    return settings


def _build(producer: Any, messages: Sequence[Outbound], indices: Sequence[int]) -> list[tuple[Any, list[int]]]:
    """Batches of messages of one partition, in order, each with the indices in it."""
    built: list[tuple[Any, list[int]]] = []
    builder: Any = None
    for index in indices:
        message = messages[index]
        headers = [(name, value.encode()) for name, value in (message.headers or {}).items()]
        if (
            builder is None
            or builder.append(timestamp=None, key=message.key, value=message.value, headers=headers) is None
        ):
            builder = producer.create_batch()
            builder.append(timestamp=None, key=message.key, value=message.value, headers=headers)
            built.append((builder, []))
        built[-1][1].append(index)
    return built


async def _adapt(admin: Any, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Bring the settings of topics that were there already in line with ours; others set on them stay."""
    if not wanted:
        return
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in wanted]
    changed = []
    for answer in await admin.describe_configs(resources):
        for _, _, _, name, entries in answer.resources:
            present = {entry[0]: entry[1] for entry in entries}
            if all(present.get(key) == value for key, value in wanted[name].items()):
                continue
            kept = {entry[0]: entry[1] for entry in entries if entry[3] == _SET_ON_TOPIC}
            changed.append(ConfigResource(ConfigResourceType.TOPIC, name, configs={**kept, **wanted[name]}))
    if changed:
        await admin.alter_configs(changed)
        log.info("topics_reconfigured", topics=[resource.name for resource in changed])
