"""A database with the kit's tables, a table for effects, and handlers whose effects can be counted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import Event, Payload
from shared.contracts.events import AnnotatorChanged, RecordAccepted, RecordErased
from shared.contracts.values import AnnotatorStatus, Origin, Pool, Split
from shared.kit.clock import new_id, utc_now
from shared.kit.consuming import Delivery, Handlers, NotYet, Subscription, attach, consume, release_parked
from shared.kit.database import Database, Session
from shared.kit.outbox import event_model, publish
from shared.kit.settings import Settings
from tests.support.postgres import drop_database, migrated_database
from tests.support.service import settings_for

TINY = "tests.service.kit.tiny"

Hook = Callable[[Session, Event[Any]], Awaitable[None]]


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
                Subscription(RecordAccepted, self._on_record_accepted),
                Subscription(RecordErased, self._on_record_erased),
                Subscription(AnnotatorChanged, self._on_annotator_changed),
            ],
        )

    async def _on_record_accepted(self, session: Session, event: Event[RecordAccepted]) -> None:
        await self._before(session, event)
        assert event.record_id is not None
        await session.raw.execute("INSERT INTO records VALUES ($1) ON CONFLICT DO NOTHING", event.record_id)
        await self._write(session, event)
        await release_parked(session, "record", event.record_id)

    async def _on_record_erased(self, session: Session, event: Event[RecordErased]) -> None:
        await self._before(session, event)
        assert event.record_id is not None
        if not await session.raw.fetchval("SELECT true FROM records WHERE id = $1 FOR UPDATE", event.record_id):
            raise NotYet("record", event.record_id)
        await self._write(session, event)

    async def _on_annotator_changed(self, session: Session, event: Event[AnnotatorChanged]) -> None:
        await self._before(session, event)
        await self._write(session, event)
        await publish(session, event.payload, key=new_id())

    async def _before(self, session: Session, event: Event[Any]) -> None:
        hook = self.hooks.get(type(event.payload))
        if hook is not None:
            await hook(session, event)

    async def _write(self, session: Session, event: Event[Any]) -> None:
        await session.raw.execute(
            "INSERT INTO effects (event_id, record_id, revision, type) VALUES ($1, $2, $3, $4)",
            event.id, event.record_id, event.revision, event.type,
        )  # fmt: skip

    async def consume(self, *deliveries: Delivery) -> None:
        for delivery in deliveries:
            await consume(self.database, self.handlers, delivery)

    async def rows(self, statement: str, *arguments: Any) -> list[Any]:
        async with self.database.transaction() as session:
            found: list[Any] = await session.raw.fetch(statement, *arguments)
        return found

    async def value(self, statement: str, *arguments: Any) -> Any:
        return (await self.rows(statement, *arguments))[0][0]

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
            TRUNCATE outbox, inbox, parked, parked_releases, records, effects;
            UPDATE relay SET position = 0;
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
