"""A database with the kit's tables, a table for effects, and handlers whose effects can be counted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import Event, Payload
from shared.contracts.events import AnnotatorChanged, RecordAccepted, RecordErased
from shared.contracts.values import AnnotatorStatus, Origin, Pool, Split
from shared.kit.clock import new_id, utc_now
from shared.kit.consuming import Delivery, EventSet, Handlers, Subscription, attach, consume, release_parked
from shared.kit.database import Database, Session
from shared.kit.outbox import Outgoing, event_model, publish_many
from shared.kit.parking import release_some
from shared.kit.settings import Settings
from tests.support.outbox import OutboxEvent, outbox_events
from tests.support.postgres import drop_database, migrated_database
from tests.support.service import settings_for

TINY = "tests.service.kit.tiny"

Hook = Callable[[Session, Event[Any]], Awaitable[tuple[str, UUID] | None]]
"""May fail, or return what the event needs."""


class Effects:
    """A service made for these tests: it has records, and counts what happens to them.

    `RecordAccepted` brings a record. `RecordErased` needs it. `AnnotatorChanged` needs nothing and publishes its twin.
    """

    def __init__(self, database: Database, group: str = "tiny") -> None:
        self.database = database
        self.hooks: dict[type[Payload], Hook] = {}  # called before the effect
        self.handlers = Handlers(
            group,
            [
                Subscription(RecordAccepted, self._on_records_accepted),
                Subscription(RecordErased, self._on_records_erased),
                Subscription(AnnotatorChanged, self._on_annotators_changed),
            ],
        )

    async def _on_records_accepted(self, session: Session, events: EventSet[RecordAccepted]) -> None:
        ready = [event for event in events if await self._has_what_it_needs(session, events, event)]
        ids = sorted({event.record_id for event in ready if event.record_id is not None})
        await session.raw.execute("INSERT INTO records SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING", ids)
        await self._write(session, ready)
        await release_parked(session, "record", ids)

    async def _on_records_erased(self, session: Session, events: EventSet[RecordErased]) -> None:
        ready = []
        ids = sorted({event.record_id for event in events if event.record_id is not None})
        rows = await session.raw.fetch("SELECT id FROM records WHERE id = ANY($1) ORDER BY id FOR UPDATE", ids)
        there = {row["id"] for row in rows}
        for event in events:
            if not await self._has_what_it_needs(session, events, event):
                continue
            assert event.record_id is not None
            if event.record_id in there:
                ready.append(event)
            else:
                events.park(event, "record", event.record_id)
        await self._write(session, ready)

    async def _on_annotators_changed(self, session: Session, events: EventSet[AnnotatorChanged]) -> None:
        ready = [event for event in events if await self._has_what_it_needs(session, events, event)]
        await self._write(session, ready)
        await publish_many(session, [Outgoing(payload=event.payload, key=new_id(), cause=event) for event in ready])

    async def _has_what_it_needs(self, session: Session, events: EventSet[Any], event: Event[Any]) -> bool:
        hook = self.hooks.get(type(event.payload))
        need = None if hook is None else await hook(session, event)
        if need is None:
            return True
        events.park(event, *need)
        return False

    async def _write(self, session: Session, events: Sequence[Event[Any]]) -> None:
        columns = zip(*((event.id, event.record_id, event.revision, event.type) for event in events), strict=True)
        if events:
            await session.raw.execute(
                "INSERT INTO effects (event_id, record_id, revision, type)"
                " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[])",
                *map(list, columns),
            )

    async def consume(self, *deliveries: Delivery) -> None:
        """Each by itself, and then what it releases."""
        for delivery in deliveries:
            await consume(self.database, self.handlers, delivery)
            await self.release_all()

    async def release_all(self) -> None:
        while await release_some(self.database, self.handlers):
            pass

    async def rows(self, statement: str, *arguments: Any) -> list[Any]:
        async with self.database.transaction() as session:
            found: list[Any] = await session.raw.fetch(statement, *arguments)
        return found

    async def value(self, statement: str, *arguments: Any) -> Any:
        return (await self.rows(statement, *arguments))[0][0]

    async def published(self) -> list[OutboxEvent]:
        async with self.database.transaction() as session:
            return await outbox_events(session.raw)

    async def revisions(self, record_id: UUID) -> list[int]:
        """Of the effects on a record, in order."""
        rows = await self.rows("SELECT revision FROM effects WHERE record_id = $1 ORDER BY seq", record_id)
        return [row[0] for row in rows]


@pytest.fixture(scope="module")
async def settings() -> AsyncIterator[Settings]:
    url = migrated_database(TINY)
    yield settings_for(Settings, url)
    drop_database(url)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    opened = Database(settings)
    async with opened.transaction() as session:
        await session.raw.execute("""
            CREATE TABLE IF NOT EXISTS records (id uuid PRIMARY KEY);
            CREATE TABLE IF NOT EXISTS effects (
                seq bigserial, event_id uuid, record_id uuid, revision integer, type text
            );
            TRUNCATE outbox, outbox_queue, outbox_positions, inbox, parked, parked_releases, records, effects;
            TRUNCATE partition_holders, event_attempts;
            UPDATE relay SET position = 0;
            DELETE FROM leases;
            UPDATE relay SET epoch = 0;
        """)
    yield opened
    await opened.close()


@pytest.fixture
async def effects(database: Database) -> Effects:
    made = Effects(database)
    attach(database, made.handlers)
    return made


def accepted(record_id: UUID, revision: int = 1, text: str = "text") -> Delivery:
    payload = RecordAccepted(schema_version=1, fields={"text": text}, split=Split.TRAIN, origin=Origin.COLLECTED)
    return delivery(payload, "records", record_id, revision)


def erased(record_id: UUID, revision: int = 2) -> Delivery:
    return delivery(RecordErased(reason="by right"), "records", record_id, revision)


def annotator_changed() -> Delivery:
    annotator_id = new_id()
    payload = AnnotatorChanged(annotator_id=annotator_id, pool=Pool.CROWD, status=AnnotatorStatus.ACTIVE)
    return delivery(payload, "annotators", None, 1, annotator_id)


def delivery(
    payload: Payload, topic: str, record_id: UUID | None, revision: int = 1, key: UUID | None = None
) -> Delivery:
    event = event_model(type(payload))(
        id=new_id(),
        type=payload.event_type(),
        version=payload.event_version,
        occurred_at=utc_now(),
        record_id=record_id,
        revision=revision,
        payload=payload,
    )
    key = key or record_id
    assert key is not None
    return Delivery(topic, key.bytes, event.model_dump_json().encode(), event)


async def cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
