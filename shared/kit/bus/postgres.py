"""The bus as an append-only log in a PostgreSQL database of its own: durable, one machine, no broker.

The log has a row for each batch of a topic. Whoever appends holds the topic's row, which gives the positions, to the end
of the transaction: so positions are commit order, and a reader that has seen one will never see a smaller one come
after. Only appends NOTIFY.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import orjson

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
from shared.kit.bus.postgres_link import CHANNEL, Link, LogSettings, LogTopic
from shared.kit.bus.postgres_member import PostgresMember
from shared.kit.bus.postgres_redaction import redact_topic
from shared.kit.bus.postgres_schema import SCHEMA
from shared.kit.compression import compress
from shared.kit.exceptions import BusUnavailable, WriterSuperseded

_CHECK_TIMEOUT_S: Final = 3.0
_CHUNK: Final = 500
_MAINTENANCE_LOCK: Final = 0x6D61696E

_ENSURE_TOPICS: Final = """
INSERT INTO bus.topics AS t (name, partitions, kept, retention_s)
SELECT name, partitions, kept, retention_s
FROM unnest($1::text[], $2::int[], $3::text[], $4::bigint[]) AS row (name, partitions, kept, retention_s) ORDER BY name
ON CONFLICT (name) DO UPDATE SET kept = excluded.kept, retention_s = excluded.retention_s
WHERE (t.kept, t.retention_s) IS DISTINCT FROM (excluded.kept, excluded.retention_s)
"""
_TAKE_OVER: Final = """
INSERT INTO bus.writers (name, writer) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET writer = excluded.writer
"""
_GIVEN: Final = """
WITH given AS (
    UPDATE bus.topics SET position = position + $2 WHERE id = $1{held}
    RETURNING position
)"""
# Nothing is appended for a service that another process writes for by now.
_HELD: Final = " AND EXISTS (SELECT FROM bus.writers WHERE name = $8 AND writer = $9::uuid FOR SHARE)"
_BATCH: Final = f"""{_GIVEN}, appended AS (
    INSERT INTO bus.log (topic, position, messages, partitions, keys, headers, lengths, body)
    SELECT $1, position, $2, $3::smallint[], $4::bytea[], $5::text[], $6::int[], $7::bytea FROM given
    RETURNING topic
)
SELECT pg_notify('{CHANNEL}', topic::text) FROM appended
"""  # noqa: S608  constants
# A row for each message, since compaction takes away single ones.
_SINGLY: Final = f"""{_GIVEN}, appended AS (
    INSERT INTO bus.log (topic, position, messages, partitions, keys, headers, lengths, body)
    SELECT $1, given.position - $2 + place, 1, ARRAY[row.partition], ARRAY[row.key],
        CASE WHEN row.headers IS NOT NULL THEN ARRAY[row.headers] END, ARRAY[row.length], row.body
    FROM given, unnest($3::smallint[], $4::bytea[], $5::text[], $6::int[], $7::bytea[])
        WITH ORDINALITY AS row (partition, key, headers, length, body, place)
    RETURNING topic
)
SELECT pg_notify('{CHANNEL}', topic::text) FROM appended LIMIT 1
"""  # noqa: S608  constants
_APPEND: Final = {False: _BATCH.format(held=""), True: _BATCH.format(held=_HELD)}
_APPEND_SINGLY: Final = {False: _SINGLY.format(held=""), True: _SINGLY.format(held=_HELD)}
"""By whether a writer appends that another one may have taken over from."""
_DROP_OLD: Final = """
DELETE FROM bus.log WHERE (topic, position) IN (
    SELECT topic, position FROM bus.log WHERE topic = $1 ORDER BY position LIMIT $3
) AND appended_at < clock_timestamp() - make_interval(secs => $2)
"""
_COMPACT: Final = """
DELETE FROM bus.log AS old WHERE topic = $1 AND EXISTS (
    SELECT FROM bus.log AS new
    WHERE new.topic = old.topic AND new.keys = old.keys AND new.position > old.position
)
"""


class PostgresBus:
    """See `LogSettings` for `session_s` and `poll_s`."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "",
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        session_s: float = 6.0,
        poll_s: float = 30.0,
    ) -> None:
        self._settings = LogSettings(url, prefix, session_s, poll_s)
        self._prefix = prefix
        self._max_message_bytes = max_message_bytes
        self._topics: dict[str, LogTopic] = {}
        self._link = Link(url, {}, self._create_schema)

    async def ensure_topics(self, topics: Sequence[TopicSettings]) -> None:
        async with self._link.use() as connection:
            await connection.execute(
                _ENSURE_TOPICS,
                [self._prefix + topic.name for topic in topics],
                [topic.partitions for topic in topics],
                [topic.kept for topic in topics],
                [topic.retention_s for topic in topics],
            )
            await self._load_topics(connection)

    async def take_over(self, writer: Writer) -> None:
        async with self._link.use() as connection:
            await connection.execute(_TAKE_OVER, self._prefix + writer.name, writer.id)

    async def topics(self, names: Sequence[str]) -> dict[str, LogTopic]:
        """What the database knows of these topics. Raises BusUnavailable when one doesn't exist."""
        if any(name not in self._topics for name in names):
            async with self._link.use() as connection:
                await self._load_topics(connection)
        if missing := [name for name in names if name not in self._topics]:
            raise BusUnavailable(f"no such topics: {', '.join(missing)}")
        return {name: self._topics[name] for name in names}

    async def publish(self, messages: Sequence[Outbound], writer: Writer | None = None) -> Published:
        topics = await self.topics(sorted({message.topic for message in messages}))
        outcome = Published()
        held: set[tuple[str, bytes]] = set()
        batches: dict[str, list[int]] = {}
        for index, message in enumerate(messages):
            if held and (message.topic, message.key) in held:
                continue
            if refusal := too_large(message, self._max_message_bytes):
                outcome.refused[index] = refusal
                held.add((message.topic, message.key))
                continue
            batches.setdefault(message.topic, []).append(index)
        for name, indices in batches.items():
            try:
                await self._append(topics[name], [messages[index] for index in indices], writer)
            except BusUnavailable:
                if not outcome.sent:
                    raise
                break
            outcome.sent.extend(indices)
        outcome.sent.sort()
        return outcome

    def consumer(self, group: str, topics: Sequence[str], revoked: Revoked) -> Consumer:
        return PostgresMember(self._settings, self.topics, group, topics, revoked)

    async def check(self) -> None:
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT_S), self._link.use() as connection:
                await connection.fetchval("SELECT 1")
        except TimeoutError as error:
            raise BusUnavailable("no answer in time") from error

    async def redact(self, topics: Sequence[str], keys: frozenset[bytes], redact: Redact) -> frozenset[bytes]:
        left: set[bytes] = set()
        for topic in (await self.topics(topics)).values():
            left |= await redact_topic(self._link, topic.id, keys, redact)
        return keys - left

    async def maintain(self) -> None:
        async with self._link.use() as connection:
            await self._load_topics(connection)
        for topic in tuple(self._topics.values()):
            if topic.kept == "compacted":
                await self._chunk(_COMPACT, topic.id)
                continue
            while await self._chunk(_DROP_OLD, topic.id, float(topic.retention_s), _CHUNK) == _CHUNK:
                pass

    async def close(self) -> None:
        await self._link.close()

    async def _append(self, topic: LogTopic, messages: Sequence[Outbound], writer: Writer | None) -> None:
        """Append messages of one topic in one statement. Raises BusUnavailable, WriterSuperseded."""
        partitions = [partition_of(message.key, topic.partitions) for message in messages]
        keys = [message.key for message in messages]
        lengths = [len(message.value) for message in messages]
        headers: list[str | None] | None = None
        if any(message.headers for message in messages) or topic.kept == "compacted":
            headers = [_text(message) for message in messages]
        body: Any
        if topic.kept == "compacted":
            body = [compress(message.value) for message in messages]
        else:
            body = compress(b"".join([message.value for message in messages]))
        statements = _APPEND_SINGLY if topic.kept == "compacted" else _APPEND
        held = () if writer is None else (self._prefix + writer.name, writer.id)
        async with self._link.use() as connection:
            appended = await connection.fetch(
                statements[writer is not None], topic.id, len(messages), partitions, keys, headers, lengths, body, *held
            )
        if not appended:
            if writer is None:
                raise BusUnavailable(f"there is no topic {topic.id} any more")
            raise WriterSuperseded(f"another process publishes for {self._prefix + writer.name} now")

    async def _chunk(self, statement: str, *arguments: Any) -> int:
        """Run one deletion unless another process is at it; returns how many rows went."""
        async with self._link.use() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _MAINTENANCE_LOCK):
                return 0
            return int((await connection.execute(statement, *arguments)).rpartition(" ")[2])

    @staticmethod
    async def _create_schema(connection: Any) -> None:
        await connection.execute(SCHEMA)

    async def _load_topics(self, connection: Any) -> None:
        rows = await connection.fetch("SELECT id, name, partitions, kept, retention_s FROM bus.topics")
        self._topics = {
            row["name"].removeprefix(self._prefix): LogTopic(
                row["id"], row["partitions"], row["kept"], row["retention_s"]
            )
            for row in rows
            if row["name"].startswith(self._prefix)
        }


def _text(message: Outbound) -> str | None:
    return orjson.dumps(dict(message.headers)).decode() if message.headers else None
