"""The bus as an append-only log in a PostgreSQL database of its own: durable, one machine, no broker.

Appends to a topic are serialised by an advisory lock held to the end of the transaction, so positions are commit order
and a reader that has seen one will never see a smaller one come after. Only appends NOTIFY.
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
    Revoked,
    TopicSettings,
    partition_of,
    too_large,
)
from shared.kit.bus.postgres_link import CHANNEL, Link, LogSettings, Topic
from shared.kit.bus.postgres_member import PostgresMember
from shared.kit.exceptions import BusUnavailable

_CHECK_TIMEOUT_S: Final = 3.0
_CHUNK: Final = 2_000
_LOCK_SPACE: Final = 0x746F7563  # the first number of our advisory locks: "touc"
_SCHEMA_LOCK: Final = 0x7363686D
_MAINTENANCE_LOCK: Final = 0x6D61696E

# One simple query is one transaction: the lock lasts until all of it is committed.
_SCHEMA: Final = f"""
SELECT pg_advisory_xact_lock({_SCHEMA_LOCK});
CREATE SCHEMA IF NOT EXISTS bus;
CREATE TABLE IF NOT EXISTS bus.topics (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    partitions integer NOT NULL,
    kept text NOT NULL,
    retention_s bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS bus.log (
    topic integer NOT NULL,
    partition integer NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    key bytea NOT NULL,
    value bytea NOT NULL,
    headers text,
    appended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, partition, position)
);
CREATE TABLE IF NOT EXISTS bus.members (
    consumer_group text NOT NULL,
    member uuid NOT NULL,
    topics integer[] NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (consumer_group, member)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS bus.leases (
    consumer_group text NOT NULL,
    topic integer NOT NULL,
    partition integer NOT NULL,
    member uuid,
    epoch bigint NOT NULL DEFAULT 0,
    position bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer_group, topic, partition)
) WITH (fillfactor = 50);
"""

_ENSURE_TOPIC: Final = """
INSERT INTO bus.topics AS t (name, partitions, kept, retention_s) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET kept = excluded.kept, retention_s = excluded.retention_s
WHERE (t.kept, t.retention_s) IS DISTINCT FROM (excluded.kept, excluded.retention_s)
"""
_APPEND: Final = """
INSERT INTO bus.log (topic, partition, key, value, headers)
SELECT topic, partition, key, value, headers
FROM unnest($1::int[], $2::int[], $3::bytea[], $4::bytea[], $5::text[])
    WITH ORDINALITY AS row (topic, partition, key, value, headers, place)
ORDER BY place
"""
_DROP_OLD: Final = """
DELETE FROM bus.log WHERE (topic, partition, position) IN (
    SELECT topic, partition, position FROM bus.log WHERE topic = $1 AND partition = $2 ORDER BY position LIMIT $4
) AND appended_at < clock_timestamp() - make_interval(secs => $3)
"""
_COMPACT: Final = """
DELETE FROM bus.log AS old WHERE topic = $1 AND EXISTS (
    SELECT FROM bus.log AS new
    WHERE new.topic = old.topic AND new.partition = old.partition AND new.key = old.key AND new.position > old.position
)
"""


class PostgresBus:
    """See `LogSettings` for `lease_s` and `poll_s`."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "",
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        lease_s: float = 10.0,
        poll_s: float = 1.0,
    ) -> None:
        self._settings = LogSettings(url, prefix, lease_s, poll_s)
        self._prefix = prefix
        self._max_message_bytes = max_message_bytes
        self._topics: dict[str, Topic] = {}
        self._link = Link(url, {}, self._create_schema)

    async def ensure_topics(self, topics: Sequence[TopicSettings]) -> None:
        async with self._link.use() as connection:
            rows = [(self._prefix + topic.name, topic.partitions, topic.kept, topic.retention_s) for topic in topics]
            await connection.executemany(_ENSURE_TOPIC, sorted(rows))
            await self._load_topics(connection)

    async def topics(self, names: Sequence[str]) -> dict[str, Topic]:
        """What the database knows of these topics. Raises BusUnavailable when one doesn't exist."""
        if any(name not in self._topics for name in names):
            async with self._link.use() as connection:
                await self._load_topics(connection)
        if missing := [name for name in names if name not in self._topics]:
            raise BusUnavailable(f"no such topics: {', '.join(missing)}")
        return {name: self._topics[name] for name in names}

    async def publish(self, messages: Sequence[Outbound]) -> Published:
        topics = await self.topics(sorted({message.topic for message in messages}))
        outcome = Published()
        held: set[tuple[str, bytes]] = set()
        rows: list[tuple[int, int, bytes, bytes, str | None]] = []
        for index, message in enumerate(messages):
            if (message.topic, message.key) in held:
                continue
            if refusal := too_large(message, self._max_message_bytes):
                outcome.refused[index] = refusal
                held.add((message.topic, message.key))
                continue
            topic = topics[message.topic]
            headers = orjson.dumps(dict(message.headers)).decode() if message.headers else None
            partition = partition_of(message.key, topic.partitions)
            rows.append((topic.id, partition, message.key, message.value, headers))
            outcome.sent.append(index)
        if rows:
            async with self._link.use() as connection:
                await _append(connection, rows)
        return outcome

    def consumer(self, group: str, topics: Sequence[str], revoked: Revoked) -> Consumer:
        return PostgresMember(self._settings, self.topics, group, topics, revoked)

    async def check(self) -> None:
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT_S), self._link.use() as connection:
                await connection.fetchval("SELECT 1")
        except TimeoutError as error:
            raise BusUnavailable("no answer in time") from error

    async def maintain(self) -> None:
        async with self._link.use() as connection:
            await self._load_topics(connection)
        for topic in tuple(self._topics.values()):
            if topic.kept == "compacted":
                await self._chunk(_COMPACT, topic.id)
                continue
            for partition in range(topic.partitions):
                while await self._chunk(_DROP_OLD, topic.id, partition, float(topic.retention_s), _CHUNK) == _CHUNK:
                    pass

    async def close(self) -> None:
        await self._link.close()

    async def _chunk(self, statement: str, *arguments: Any) -> int:
        """Run one deletion unless another process is at it; answers how many rows went."""
        async with self._link.use() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _MAINTENANCE_LOCK):
                return 0
            return int((await connection.execute(statement, *arguments)).rpartition(" ")[2])

    @staticmethod
    async def _create_schema(connection: Any) -> None:
        await connection.execute(_SCHEMA)

    async def _load_topics(self, connection: Any) -> None:
        rows = await connection.fetch("SELECT id, name, partitions, kept, retention_s FROM bus.topics")
        self._topics = {
            row["name"].removeprefix(self._prefix): Topic(row["id"], row["partitions"], row["kept"], row["retention_s"])
            for row in rows
            if row["name"].startswith(self._prefix)
        }


async def _append(connection: Any, rows: Sequence[tuple[int, int, bytes, bytes, str | None]]) -> None:
    """Three round trips: begin and lock, insert, notify and commit. The locks are taken in the order of topic ids."""
    touched = sorted({row[0] for row in rows})
    locks = ";".join(f"SELECT pg_advisory_xact_lock({_LOCK_SPACE}, {topic})" for topic in touched)
    try:
        await connection.execute(f"BEGIN;{locks}")
        await connection.execute(_APPEND, *(list(column) for column in zip(*rows, strict=True)))
        await connection.execute(f"NOTIFY {CHANNEL}, '{','.join(map(str, touched))}';COMMIT")
    except BaseException:
        connection.terminate()  # its transaction goes with it
        raise
