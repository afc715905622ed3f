"""What is published is in the outbox exactly when its transaction is committed, complete and in order."""

import contextlib

import pytest

from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.events import RecordAccepted, RecordErased, WorkLogged
from shared.contracts.values import Origin, Split, TaskKind
from shared.kit import telemetry
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Database, Session
from shared.kit.exceptions import EventTooLarge, KeyMissing
from shared.kit.outbox import Outgoing, publish, publish_many
from tests.service.kit_events.conftest import Effects, annotator_changed
from tests.support.events import parse_event

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
    assert await effects.published() == []


async def test_what_a_savepoint_takes_back_was_not_published(database: Database, effects: Effects) -> None:
    async with database.transaction() as session:
        await publish(session, ERASED, record_id=new_id())
        with contextlib.suppress(ZeroDivisionError):
            async with session.savepoint():
                await _publish_and_fail(session)
    assert len(await effects.published()) == 1


async def test_the_envelope_is_complete(database: Database, effects: Effects) -> None:
    project_id, record_id = new_id(), new_id()
    before = utc_now()
    with telemetry.span("a request", parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        async with database.transaction() as session:
            event_id = await publish(session, ERASED, project_id=project_id, record_id=record_id, revision=3)
    [row] = await effects.published()
    event = parse_event(row.envelope)
    assert (event.id, event.type, event.version, event.revision) == (event_id, "RecordErased", 1, 3)
    assert (event.project_id, event.record_id, event.payload) == (project_id, record_id, ERASED)
    assert before <= event.occurred_at <= utc_now()
    assert event.traceparent is not None
    assert event.traceparent.split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert event.caused_by is None
    assert (row.topic, row.key, row.project_id) == ("records", record_id, project_id)
    assert event.model_dump_json().encode() == row.envelope


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
    assert [event.key for event in await effects.published()] == [annotator_id, given]


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
    [short] = await effects.published()
    besides = len(short.envelope) - 1
    async with database.transaction() as session:
        await publish(session, with_text(MAX_EVENT_BYTES - besides), record_id=new_id())
        with pytest.raises(EventTooLarge):
            await publish(session, with_text(MAX_EVENT_BYTES - besides + 1), record_id=new_id())


async def test_many_events_keep_their_order(database: Database, effects: Effects) -> None:
    records = [new_id() for _ in range(300)]
    async with database.transaction() as session:
        assert await publish_many(session, []) == []
        ids = await publish_many(session, [Outgoing(payload=ERASED, record_id=each) for each in records])
    events = await effects.published()
    assert [event.key for event in events] == records
    assert [event.id for event in events] == ids


async def test_events_of_a_key_keep_their_order_among_topics_and_projects(database: Database, effects: Effects) -> None:
    projects, keys = [new_id(), new_id()], [new_id(), new_id(), new_id()]
    items = [
        Outgoing(payload=ERASED, project_id=projects[number % 2], key=keys[number % 3], revision=number + 1)
        for number in range(30)
    ]
    async with database.transaction() as session:
        await publish_many(session, items)
    events = await effects.published()
    for key in keys:
        revisions = [parse_event(event.envelope).revision for event in events if event.key == key]
        assert revisions == [item.revision for item in items if item.key == key]
    assert all(parse_event(event.envelope).project_id == event.project_id for event in events)


async def test_what_is_published_together_of_a_topic_and_a_project_is_one_row(
    database: Database, effects: Effects
) -> None:
    projects = [new_id(), new_id()]
    items = [Outgoing(payload=ERASED, project_id=projects[n % 2], record_id=new_id()) for n in range(1_200)]
    async with database.transaction() as session:
        await publish_many(session, items)
    assert await effects.value("SELECT array_agg(events ORDER BY seq) FROM outbox") == [500, 500, 100, 100]


async def test_large_events_are_divided_among_rows(database: Database, effects: Effects) -> None:
    large = RecordAccepted(schema_version=1, fields={"text": "x" * 400_000}, split=Split.TRAIN, origin=Origin.COLLECTED)
    async with database.transaction() as session:
        await publish_many(session, [Outgoing(payload=large, record_id=new_id()) for _ in range(7)])
    assert await effects.value("SELECT array_agg(events ORDER BY seq) FROM outbox") == [3, 3, 1]


async def test_what_a_handler_publishes_names_its_cause(effects: Effects) -> None:
    delivery = annotator_changed()
    await effects.consume(delivery)
    [published] = await effects.published()
    event = parse_event(published.envelope)
    assert event.caused_by == delivery.event.id


async def test_a_trace_goes_on_through_an_event(effects: Effects) -> None:
    delivery = annotator_changed()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = delivery.event.model_copy(update={"traceparent": trace})
    await effects.consume(delivery._replace(event=event))
    [row] = await effects.published()
    published = parse_event(row.envelope)
    assert published.traceparent is not None
    assert published.traceparent.split("-")[1] == trace.split("-")[1]


async def test_an_id_that_is_given_is_kept(database: Database, effects: Effects) -> None:
    event_id = new_id()
    async with database.transaction() as session:
        assert await publish(session, ERASED, record_id=new_id(), event_id=event_id) == event_id
    assert [event.id for event in await effects.published()] == [event_id]


async def test_ids_may_be_of_the_database_driver_s_kind(database: Database, effects: Effects) -> None:
    async with database.transaction() as session:
        record_id = await session.raw.fetchval("SELECT gen_random_uuid()")
        await publish(session, ERASED, record_id=record_id, project_id=record_id)
    assert parse_event((await effects.published())[0].envelope).project_id == record_id
