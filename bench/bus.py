"""Events a second from the outbox of one service to the inbox of another, on both engines.

The baselines do the same durable steps without what the kit adds (order per key, positions, envelopes, lanes, dead
letters): bare SQL in batches of 500 on the outbox and inbox side, and between them bare aiokafka (`send`, `getmany`) or
one bare table in PostgreSQL. The handler does nothing, so that what is measured is the way.
"""

import argparse
import asyncio
import gc
import json
import math
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import SecretStr

from bench._cpu import cpu_s
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.kafka.broker import KafkaBroker, KafkaUnavailable
from shared.contracts.events import RecordPredicted, Uncertainty
from shared.contracts.values import ScoredFor
from shared.kit import migrations
from shared.kit.bus import Bus, Outbound, TopicSettings, connect_bus, service_topics
from shared.kit.clock import new_id, utc_now
from shared.kit.consuming import EventSet, Handlers, Subscription, attach
from shared.kit.database import Database, Session
from shared.kit.outbox import Outgoing, event_model, publish_many, set_of
from shared.kit.relay import Relay
from shared.kit.runner import Runner
from shared.kit.settings import Settings

BATCH = 500
TINY = "tests.service.kit.tiny"


def payload(number: int) -> RecordPredicted:
    """An event of the size that the loop's most frequent ones have: about 900 bytes with its envelope."""
    labels = [f"class_{label}" for label in range(10)]
    return RecordPredicted(
        model_id=new_id(),
        model_version=3,
        schema_version=1,
        answers={"label": {"label": labels[number % 10]}},
        confidence=0.93,
        uncertainty=Uncertainty(entropy=0.4, margin=0.8, least_confidence=0.07),
        acquisition_score=0.2,
        scored_for=ScoredFor.ROUTING,
        distributions={"label": dict.fromkeys(labels, 0.1)},
    )


def first_message() -> Outbound:
    """One event by itself, as the relay would send it."""
    event = event_model(RecordPredicted)(
        id=new_id(), type="RecordPredicted", version=1, occurred_at=utc_now(), payload=payload(0)
    )
    return Outbound("predictions", new_id().bytes, event.model_dump_json().encode())


class Meter:
    """Wall time, CPU of this process and of PostgreSQL with all its processes."""

    def __init__(self, postgres_pid: int) -> None:
        self._pid = postgres_pid
        self._began = (time.perf_counter(), time.process_time(), cpu_s(self._pid))

    def read(self, events: int) -> dict[str, float]:
        wall, client, server = self._began
        return {
            "events_per_s": round(events / (time.perf_counter() - wall)),
            "client_us": round((time.process_time() - client) / events * 1e6, 1),
            "postgres_us": round((cpu_s(self._pid) - server) / events * 1e6, 1),
        }


class Bench:
    def __init__(self, server: EmbeddedPostgres, events: int) -> None:
        assert server.pid is not None
        self.server = server
        self.pid = server.pid
        self.events = events
        self.settings = Settings(
            database_url=SecretStr(server.ensure_database("service")),
            bus_url=SecretStr("unused://"),
            objects_url="memory://",
            objects_secret=SecretStr("a key of at least thirty-two bytes!"),
            actor_secret=SecretStr("a key of at least thirty-two bytes!"),
            oidc_issuer="https://nobody.invalid",
        )

    @asynccontextmanager
    async def filled(self) -> AsyncIterator[Database]:
        """A service whose outbox holds all events, unsent, and whose inbox is empty."""
        database = Database(self.settings)
        try:
            async with database.transaction() as session:
                await session.raw.execute(
                    "TRUNCATE outbox, outbox_queue, outbox_positions, inbox; UPDATE relay SET position = 0"
                )
            for start in range(0, self.events, BATCH):
                async with database.transaction() as session:
                    await publish_many(
                        session,
                        [Outgoing(payload=payload(n), record_id=new_id()) for n in range(start, start + BATCH)],
                    )
            async with database.transaction() as session:
                await session.raw.execute("ANALYZE outbox, outbox_queue")
            yield database
        finally:
            await database.close()

    async def publishing(self) -> dict[str, float]:
        """What it costs a service to publish an event, in statements of 500."""
        meter = Meter(self.pid)
        async with self.filled():
            return meter.read(self.events)

    async def ours(self, url: str, prefix: str) -> dict[str, Any]:
        """End to end at once; then apart, for the CPU of each half."""
        async with self.filled() as database:
            bus = connect_bus(url, prefix=prefix)
            whole = await self.through(database, bus, relay=True, runner=True)
            await bus.close()
        async with self.filled() as database:
            bus = connect_bus(url, prefix=f"{prefix}apart.")
            sending = await self.through(database, bus, relay=True, runner=False)
            receiving = await self.through(database, bus, relay=False, runner=True)
            await bus.close()
        return {"whole": whole, "outbox_to_topic": sending, "topic_to_inbox": receiving}

    async def through(self, database: Database, bus: Bus, *, relay: bool, runner: bool) -> dict[str, float]:
        """Until every event is through; measured from the moment on when everybody is at work."""
        handled = 0
        begun, through = asyncio.Event(), asyncio.Event()

        async def handle(_: Session, events: EventSet[RecordPredicted]) -> None:
            nonlocal handled
            handled += len(events)
            begun.set()
            if handled >= self.events + 1:
                through.set()

        handlers = Handlers("bench", [Subscription(RecordPredicted, handle)])
        attach(database, handlers)
        consumer = Runner(database, bus, handlers)
        tasks = []
        await bus.ensure_topics(service_topics("bench", 30))
        await bus.publish([first_message()])  # also makes the producer connect
        if runner:
            tasks.append(asyncio.create_task(consumer.run()))
            await begun.wait()  # in the second half alone, the backlog has begun, too: some events of the first batch
        meter = Meter(self.pid)
        if relay:
            tasks.append(asyncio.create_task(Relay(database, bus, "bench").run()))
        await (through.wait() if runner else _until_sent(database, self.events))
        read = meter.read(self.events)
        await consumer.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return read

    async def bare(
        self, carry: Callable[[list[Any]], Awaitable[None]], receive: Callable[[], Awaitable[list[Any]]]
    ) -> dict[str, float]:
        """The same durable steps in bare SQL; `carry` and `receive` are the way between."""
        async with self.filled() as database:
            dsn = self.settings.database_url.get_secret_value()
            sender, receiver = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
            await sender.execute("""
                DROP TABLE IF EXISTS plain_inbox, plain_outbox;
                CREATE TABLE plain_inbox (event_id uuid PRIMARY KEY);
                CREATE TABLE plain_outbox (
                    seq bigserial PRIMARY KEY, id uuid, key uuid, envelope bytea, position bigint
                )
            """)
            async with database.transaction() as session:
                rows = await session.raw.fetch("SELECT events, frame, key FROM outbox ORDER BY seq")
            events = [event for row in rows for event in set_of(row)]
            await sender.copy_records_to_table(
                "plain_outbox", columns=["id", "key", "envelope"],
                records=[(new_id(), UUID(bytes=event.key), event.envelope) for event in events],
            )  # fmt: skip
            meter = Meter(self.pid)

            async def send() -> None:
                last = 0
                while rows := await sender.fetch(
                    "SELECT seq, id, key, envelope FROM plain_outbox WHERE seq > $1 ORDER BY seq LIMIT $2", last, BATCH
                ):
                    await carry(rows)
                    last = rows[-1]["seq"]
                    await sender.execute(
                        "UPDATE plain_outbox SET position = seq WHERE seq = ANY($1::bigint[])",
                        [row["seq"] for row in rows],
                    )

            async def take() -> None:
                taken = 0
                while taken < self.events:
                    ids = await receive()
                    await receiver.execute("INSERT INTO plain_inbox SELECT unnest($1::uuid[])", ids)
                    taken += len(ids)

            await asyncio.gather(send(), take())
            read = meter.read(self.events)
            await sender.close()
            await receiver.close()
            return read

    async def bare_kafka(self, broker: KafkaBroker) -> dict[str, float]:
        topic = f"bare{time.monotonic_ns()}"
        bus = connect_bus(broker.url)
        await bus.ensure_topics([TopicSettings(topic, "retention", 3600)])
        await bus.close()
        producer = AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap, enable_idempotence=True, acks="all", compression_type="lz4",
            linger_ms=5, max_batch_size=256 * 1024,
        )  # fmt: skip
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=broker.bootstrap,
            group_id=topic,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await producer.start()
        await consumer.start()

        async def carry(rows: list[Any]) -> None:
            await asyncio.gather(*[await producer.send(topic, row["envelope"], row["id"].bytes) for row in rows])

        async def receive() -> list[Any]:
            found = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
            await consumer.commit({TopicPartition(*each): records[-1].offset + 1 for each, records in found.items()})
            return [asyncpg.pgproto.pgproto.UUID(record.key) for records in found.values() for record in records]

        try:
            return await self.bare(carry, receive)
        finally:
            await producer.stop()
            await consumer.stop()

    async def bare_postgres(self) -> dict[str, float]:
        dsn = self.server.ensure_database("bare")
        writer, reader = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
        await writer.execute("DROP TABLE IF EXISTS log; DROP TABLE IF EXISTS done")
        await writer.execute("CREATE TABLE log (position bigserial PRIMARY KEY, key bytea, value bytea)")
        await writer.execute("CREATE TABLE done (position bigint); INSERT INTO done VALUES (0)")
        last = 0

        async def carry(rows: list[Any]) -> None:
            await writer.execute(
                "INSERT INTO log (key, value) SELECT * FROM unnest($1::bytea[], $2::bytea[])",
                [row["id"].bytes for row in rows], [row["envelope"] for row in rows],
            )  # fmt: skip

        async def receive() -> list[Any]:
            nonlocal last
            while True:
                rows = await reader.fetch(
                    "SELECT * FROM log WHERE position > $1 ORDER BY position LIMIT $2", last, BATCH
                )
                if rows:
                    break
                await asyncio.sleep(0.001)
            last = rows[-1]["position"]
            await reader.execute("UPDATE done SET position = $1", last)
            return [asyncpg.pgproto.pgproto.UUID(row["key"]) for row in rows]

        try:
            return await self.bare(carry, receive)
        finally:
            await writer.close()
            await reader.close()


async def _until_sent(database: Database, events: int) -> None:
    while True:
        async with database.transaction() as session:
            if await session.raw.fetchval("SELECT position FROM relay") == events:
                return
        await asyncio.sleep(0.02)


async def measure(events: int, rounds: int, folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = {"name": "bus", "events": events}
    ratios: list[float] = []
    with EmbeddedPostgres(folder / "postgres") as server:
        bench = Bench(server, events)
        gc.collect()
        gc.freeze()  # as a service does once it has started
        migrations.upgrade_apart(TINY, bench.settings.database_url.get_secret_value())
        result["publish"] = await bench.publishing()
        for engine in ("postgres", "kafka"):
            try:
                ours, bare = await _rounds(bench, engine, rounds, folder)
            except KafkaUnavailable as error:
                print(f"left out: Apache Kafka ({error})", file=sys.stderr)
                continue
            ratio = ours["whole"]["events_per_s"] / bare["events_per_s"]
            ratios.append(ratio)
            result[engine] = {"ratio": round(ratio, 3), "ours": ours, "bare": bare}
    result["ratio"] = round(math.prod(ratios) ** (1 / len(ratios)), 3)
    return result


async def _rounds(bench: Bench, engine: str, rounds: int, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The best round of each, taken by turns."""
    if engine == "postgres":
        url = bench.server.ensure_database("bus")
        pairs = [(await bench.ours(url, f"r{n}."), await bench.bare_postgres()) for n in range(rounds)]
    else:
        with KafkaBroker(folder / "kafka") as broker:
            pairs = [(await bench.ours(broker.url, f"r{n}."), await bench.bare_kafka(broker)) for n in range(rounds)]
    return (
        max((ours for ours, _ in pairs), key=lambda each: float(each["whole"]["events_per_s"])),
        max((bare for _, bare in pairs), key=lambda each: float(each["events_per_s"])),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as folder:
        result = uvloop.run(measure(arguments.events // BATCH * BATCH, arguments.rounds, Path(folder)))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
