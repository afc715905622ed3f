"""What is published is in the outbox exactly when its transaction is committed, complete and in order."""

import contextlib
from uuid import UUID

import pytest

from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.events import RecordAccepted, RecordErased, WorkLogged
from shared.contracts.topics import parse_event
from shared.contracts.values import Origin, Split, TaskKind
from shared.kit import telemetry
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Database, Session
from shared.kit.exceptions import EventTooLarge, KeyMissing
from shared.kit.outbox import Outgoing, publish, publish_many
from tests.service.kit_events.conftest import Effects, annotator_changed

ERASED = RecordErased(reason="by right")


async def _publish_and_fail(session: Session) -> None:
    await publish(session, ERASED, record_id=new_id())
    raise ZeroDivisionError


async def test_a_rolled_back_transaction_has_published_nothing(database: Database, effects: Effects) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            await _publish_and_fail(session)

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await effects.value("SELECT count(*) FROM outbox") == 0


async def test_what_a_savepoint_takes_back_was_not_published(database: Database, effects: Effects) -> None:
    async with database.transaction() as session:
        await publish(session, ERASED, record_id=new_id())
        with contextlib.suppress(ZeroDivisionError):
            async with session.savepoint():
                await _publish_and_fail(session)
    assert await effects.value("SELECT count(*) FROM outbox") == 1


async def test_the_envelope_is_complete(database: Database, effects: Effects) -> None:
    project_id, record_id = new_id(), new_id()
    before = utc_now()
    with telemetry.span("a request", parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        async with database.transaction() as session:
            event_id = await publish(session, ERASED, project_id=project_id, record_id=record_id, revision=3)
    [row] = await effects.rows("SELECT * FROM outbox")
    event = parse_event(row["envelope"])
    assert (event.id, event.type, event.version, event.revision) == (event_id, "RecordErased", 1, 3)
    assert (event.project_id, event.record_id, event.payload) == (project_id, record_id, ERASED)
    assert before <= event.occurred_at <= utc_now()
    assert event.traceparent is not None
    assert event.traceparent.split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert event.caused_by is None
    assert (row["topic"], row["type"], row["key"]) == ("records", "RecordErased", record_id)
    assert event.model_dump_json().encode() == row["envelope"]


async def test_the_key_comes_from_the_registry_s_entry(database: Database, effects: Effects) -> None:
    now, annotator_id = utc_now(), new_id()
    work = WorkLogged(
        annotator_id=annotator_id, task_id=new_id(), task_kind=TaskKind.ANNOTATION, activity="skipped",
        leased_at=now, ended_at=now,
    )  # fmt: skip
    given = new_id()
    async with database.transaction() as session:
        await publish(session, work)
        await publish(session, ERASED, record_id=new_id(), key=given)
    assert [row["key"] for row in await effects.rows("SELECT key FROM outbox ORDER BY seq")] == [annotator_id, given]


async def test_an_event_about_nothing_is_refused(database: Database) -> None:
    with pytest.raises(KeyMissing, match="record_id"):
        async with database.transaction() as session:
            await publish(session, ERASED, project_id=new_id())


@pytest.mark.parametrize("revision", [0, -1])
async def test_a_revision_below_one_is_refused(database: Database, revision: int) -> None:
    with pytest.raises(ValueError, match="revision"):
        async with database.transaction() as session:
            await publish(session, ERASED, record_id=new_id(), revision=revision)


async def test_an_event_over_512_kib_is_refused_and_the_largest_is_not(database: Database, effects: Effects) -> None:
    def with_text(length: int) -> RecordAccepted:
        return RecordAccepted(
            schema_version=1, fields={"text": "x" * length}, split=Split.TRAIN, origin=Origin.COLLECTED
        )

    async with database.transaction() as session:
        await publish(session, with_text(1), record_id=new_id())
    besides = await effects.value("SELECT length(envelope) FROM outbox") - 1
    async with database.transaction() as session:
        await publish(session, with_text(MAX_EVENT_BYTES - besides), record_id=new_id())
        with pytest.raises(EventTooLarge):
            await publish(session, with_text(MAX_EVENT_BYTES - besides + 1), record_id=new_id())


async def test_many_events_keep_their_order(database: Database, effects: Effects) -> None:
    records = [new_id() for _ in range(300)]
    async with database.transaction() as session:
        assert await publish_many(session, []) == []
        ids = await publish_many(session, [Outgoing(payload=ERASED, record_id=each) for each in records])
    rows = await effects.rows("SELECT id, key FROM outbox ORDER BY seq")
    assert [row["key"] for row in rows] == records
    assert [row["id"] for row in rows] == ids


async def test_what_a_handler_publishes_names_its_cause(effects: Effects) -> None:
    delivery = annotator_changed()
    await effects.consume(delivery)
    event = parse_event(await effects.value("SELECT envelope FROM outbox"))
    assert event.caused_by == delivery.event.id


async def test_a_trace_goes_on_through_an_event(effects: Effects) -> None:
    delivery = annotator_changed()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = delivery.event.model_copy(update={"traceparent": trace})
    await effects.consume(delivery._replace(event=event))
    published = parse_event(await effects.value("SELECT envelope FROM outbox"))
    assert published.traceparent is not None
    assert published.traceparent.split("-")[1] == trace.split("-")[1]


async def test_an_id_that_is_given_is_kept(database: Database, effects: Effects) -> None:
    event_id = new_id()
    async with database.transaction() as session:
        assert await publish(session, ERASED, record_id=new_id(), event_id=event_id) == event_id
    found: UUID = await effects.value("SELECT id FROM outbox")
    assert found == event_id


async def test_ids_may_be_of_the_database_driver_s_kind(database: Database, effects: Effects) -> None:
    async with database.transaction() as session:
        record_id = await session.raw.fetchval("SELECT gen_random_uuid()")
        await publish(session, ERASED, record_id=record_id, project_id=record_id)
    assert parse_event(await effects.value("SELECT envelope FROM outbox")).project_id == record_id
