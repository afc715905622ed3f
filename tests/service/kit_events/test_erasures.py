"""What was published of erased records: out of every view at once, then out of the outbox, the bus and the parked events."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.erasure import ErasedPlace, PlaceState
from shared.contracts.events import LabelsErased, RecordAccepted, RecordErased
from shared.contracts.values import Origin, Split
from shared.kit import erasures
from shared.kit.clock import new_id, utc_now
from shared.kit.consuming import bury, consume
from shared.kit.database import Database, Session
from shared.kit.erasures import Erasure, ErasureSpec
from shared.kit.outbox import Outgoing, publish_many
from shared.kit.redaction import is_redacted
from shared.kit.relay import Relay
from tests.service.kit_events.conftest import Effects, cancelled, delivery
from tests.support.bus import ListBus
from tests.support.outbox import OutboxEvent, outbox_events
from tests.support.waiting import until

PROJECT = new_id()
SECRET = b"the secret text"


async def done_at_once(_: Session, erased: Any) -> dict[UUID, list[ErasedPlace]]:
    return {
        one.record_id: [ErasedPlace(place="content", state=PlaceState.DONE, done_at=one.erased_at)] for one in erased
    }


class ForgetfulBus(ListBus):
    """As a broker: it changes no message."""

    async def redact(self, *_: Any) -> frozenset[bytes]:
        return frozenset()


class Erasing:
    """A service that publishes records of one project and erases some of them."""

    def __init__(self, database: Database, bus: ListBus) -> None:
        self.database = database
        self.bus = bus
        spec = SimpleNamespace(name="ingest", erasure=ErasureSpec(done_at_once, LabelsErased))
        self._runtime = SimpleNamespace(database=database, spec=spec, settings=SimpleNamespace(event_retention_days=30))

    async def publish(self, *record_ids: UUID) -> None:
        payload = RecordAccepted(
            schema_version=1, fields={"text": SECRET.decode()}, split=Split.TRAIN, origin=Origin.COLLECTED
        )
        async with self.database.transaction() as session:
            await publish_many(
                session, [Outgoing(payload=payload, project_id=PROJECT, record_id=one) for one in record_ids]
            )

    async def erase(self, *record_ids: UUID) -> None:
        async with self.database.transaction() as session:
            await publish_many(
                session,
                [
                    Outgoing(payload=RecordErased(reason="request"), project_id=PROJECT, record_id=one, revision=2)
                    for one in record_ids
                ],
            )
            await erasures.note(session, [(one, PROJECT) for one in record_ids], utc_now())

    async def send(self) -> None:
        relay = asyncio.create_task(Relay(self.database, self.bus, "ingest").run())
        await until(self._all_sent)
        await cancelled(relay)

    async def _all_sent(self) -> bool:
        async with self.database.transaction() as session:
            return bool(await session.raw.fetchval("SELECT NOT EXISTS (SELECT FROM outbox_queue)"))

    async def work(self) -> float | None:
        """A round in which everything is due."""
        async with self.database.transaction() as session:
            await erasures.look_again(session, [PROJECT], utc_now())
        return await erasures.work(self._runtime, self.bus)

    async def outbox(self, record_id: UUID) -> list[OutboxEvent]:
        async with self.database.transaction() as session:
            return [event for event in await outbox_events(session.raw) if event.key == record_id]

    async def reports(self, record_id: UUID) -> list[LabelsErased]:
        return [
            LabelsErased.model_validate_json(event.envelope[event.envelope.index(b'"payload":') + 10 : -1])
            for event in await self.outbox(record_id)
            if event.type == "LabelsErased"
        ]

    async def erasure(self, record_id: UUID) -> Erasure:
        async with self.database.transaction() as session:
            found = await erasures.find(session, record_id)
        assert found is not None
        return found


@pytest.fixture
async def erasing(database: Database) -> Erasing:
    async with database.transaction() as session:
        await session.raw.execute("DELETE FROM erasures")
    return Erasing(database, ListBus())


async def test_the_payloads_of_an_erased_record_go_and_all_else_stays(erasing: Erasing) -> None:
    gone, kept = new_id(), new_id()
    await erasing.publish(kept, gone)
    await erasing.erase(gone)
    await erasing.send()
    [before] = await erasing.outbox(kept)
    await erasing.work()

    accepted, erased, *_ = await erasing.outbox(gone)
    assert is_redacted(accepted.envelope)
    assert SECRET not in accepted.envelope
    assert accepted.id
    assert erased.type == "RecordErased"
    assert (await erasing.outbox(kept))[0] == before
    sent = [message.value for message in erasing.bus.sent if message.key == gone.bytes]
    assert not any(SECRET in value for value in sent)
    assert any(SECRET in message.value for message in erasing.bus.sent if message.key == kept.bytes)


async def test_what_is_not_sent_yet_stays_until_it_is(erasing: Erasing) -> None:
    gone = new_id()
    await erasing.publish(gone)
    await erasing.erase(gone)
    await erasing.work()
    assert SECRET in (await erasing.outbox(gone))[0].envelope
    places = {place.place: place for place in (await erasing.erasure(gone)).report}
    assert (places["outbox"].state, places["outbox"].reason) == (PlaceState.PENDING, "not_read_yet")
    assert places["outbox"].until == erasures.latest((await erasing.erasure(gone)).erased_at, 30)

    await erasing.send()
    await erasing.work()
    assert SECRET not in (await erasing.outbox(gone))[0].envelope


async def test_a_report_is_published_again_only_when_it_has_changed(erasing: Erasing) -> None:
    gone = new_id()
    await erasing.publish(gone)
    await erasing.erase(gone)
    await erasing.work()
    await erasing.work()
    assert len(await erasing.reports(gone)) == 1
    await erasing.send()
    await erasing.work()
    await erasing.work()
    first, last = await erasing.reports(gone)
    assert [place.state for place in first.places] == [PlaceState.DONE, PlaceState.PENDING, PlaceState.PENDING]
    assert {place.state for place in last.places} == {PlaceState.DONE}
    assert (await erasing.erasure(gone)).look_at is None, "nothing is left to be looked at"


async def test_a_bus_that_changes_nothing_is_done_when_the_time_is_over(database: Database) -> None:
    erasing, gone = Erasing(database, ForgetfulBus()), new_id()
    await erasing.publish(gone)
    await erasing.erase(gone)
    await erasing.send()
    await erasing.work()
    erasure = await erasing.erasure(gone)
    bus = next(place for place in erasure.report if place.place == "bus")
    assert (bus.state, bus.reason, bus.until) == (
        PlaceState.PENDING, "kept_for_a_time", erasures.latest(erasure.erased_at, 30),
    )  # fmt: skip
    async with database.transaction() as session:
        await session.raw.execute("UPDATE erasures SET erased_at = erased_at - interval '31 days'")
    await erasing.work()
    assert {place.state for place in (await erasing.erasure(gone)).report} == {PlaceState.DONE}


async def test_parked_events_of_an_erased_record_go(erasing: Erasing, effects: Effects) -> None:
    gone, other = new_id(), new_id()

    async def early(_: Session, event: Any) -> tuple[str, UUID]:
        return "thing", event.record_id

    effects.hooks[RecordAccepted] = early
    payload = RecordAccepted(schema_version=1, fields={"text": "x"}, split=Split.TRAIN, origin=Origin.COLLECTED)
    for record_id in (gone, other):
        await consume(effects.database, effects.handlers, delivery(payload, "records", record_id))
    await erasing.erase(gone)
    await erasing.send()
    await erasing.work()
    rows = await effects.rows("SELECT event_key FROM parked")
    assert [row["event_key"] for row in rows] == [other.bytes]


async def test_an_event_of_an_erased_record_that_comes_too_early_is_not_parked(
    erasing: Erasing, effects: Effects
) -> None:
    """It came after what was parked had gone, and what it waits for may never come."""
    gone, other = new_id(), new_id()

    async def early(_: Session, event: Any) -> tuple[str, UUID]:
        return "thing", event.record_id

    effects.hooks[RecordAccepted] = early
    await erasing.erase(gone)
    await erasing.send()
    await erasing.work()
    for record_id in (gone, other):
        await consume(effects.database, effects.handlers, delivery(accepted(), "records", record_id))
    rows = await effects.rows("SELECT event_key FROM parked WHERE event_key = ANY($1)", [gone.bytes, other.bytes])
    assert [row["event_key"] for row in rows] == [other.bytes]


async def test_an_event_that_is_given_up_after_its_record_was_erased_is_a_dead_letter_without_its_payload(
    erasing: Erasing, effects: Effects
) -> None:
    gone, other = new_id(), new_id()
    await erasing.erase(gone)
    await erasing.send()
    await erasing.work()
    for record_id in (gone, other):
        letter = delivery(accepted(), "records", record_id)
        await bury(
            effects.database, "tiny", letter.topic, letter.key, letter.raw, letter.event.id, ValueError("it was wrong")
        )
    async with effects.database.transaction() as session:
        dead = {event.key: event for event in await outbox_events(session.raw) if event.topic == "tiny.dead"}
    assert SECRET not in dead[gone].envelope
    assert SECRET in dead[other].envelope


def accepted() -> RecordAccepted:
    return RecordAccepted(
        schema_version=1, fields={"text": SECRET.decode()}, split=Split.TRAIN, origin=Origin.COLLECTED
    )
