"""Events whose handler knows repeats by the rows that it wrote: each has its effect once, and the inbox stays empty."""

import asyncio
from uuid import UUID

import pytest

from shared.contracts.events import RecordAccepted, RecordErased
from shared.kit.clock import new_id
from shared.kit.consuming import EventSet, Handlers, Subscription, attach, bury, consume_batch, release_parked
from shared.kit.database import Database, Session
from tests.service.kit_events.conftest import Effects, accepted, erased

NEED = ("project", UUID(int=7))


class Keeper(Effects):
    """Keeps records, each once: only a record that is new has an effect. `early` is what they wait for meanwhile."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.early: tuple[str, UUID] | None = None
        self.handled = 0
        self.handlers = Handlers(
            "tiny",
            [
                Subscription(RecordAccepted, self._keep, idempotent=True),
                Subscription(RecordErased, self._on_records_erased),
            ],
        )

    async def _keep(self, session: Session, events: EventSet[RecordAccepted]) -> None:
        self.handled += len(events)
        if self.early is not None:
            for event in events:
                events.park(event, *self.early)
            return
        insert = "INSERT INTO records SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING RETURNING id"
        ids = sorted(event.record_id for event in events if event.record_id)
        new = {row["id"] for row in await session.raw.fetch(insert, ids)}
        await self._write(session, [event for event in events if event.record_id in new])
        await release_parked(session, "record", new)

    async def bring(self) -> None:
        """What early events wait for comes."""
        self.early = None
        async with self.database.transaction() as session:
            await release_parked(session, NEED[0], [NEED[1]])
        await self.release_all()

    async def inbox(self) -> int:
        found: int = await self.value("SELECT count(*) FROM inbox")
        return found


@pytest.fixture
async def keeper(database: Database) -> Keeper:
    made = Keeper(database)
    attach(database, made.handlers)
    return made


async def test_however_often_it_comes_it_has_one_effect_and_no_row_in_the_inbox(keeper: Keeper) -> None:
    delivery = accepted(new_id())
    await asyncio.gather(*(keeper.consume(delivery) for _ in range(30)))
    assert await keeper.value("SELECT count(*) FROM effects") == 1
    assert await keeper.inbox() == 0


async def test_it_is_given_to_its_handler_once_a_set(keeper: Keeper) -> None:
    deliveries = [accepted(new_id()) for _ in range(5)]
    assert await consume_batch(keeper.database, keeper.handlers, deliveries + deliveries[::-1]) == []
    assert keeper.handled == 5
    assert await keeper.value("SELECT count(*) FROM effects") == 5


async def test_one_that_is_parked_waits_when_it_comes_again(keeper: Keeper) -> None:
    delivery = accepted(new_id())
    keeper.early = NEED
    await keeper.consume(delivery)
    await asyncio.gather(*(keeper.consume(delivery) for _ in range(5)))
    assert await keeper.value("SELECT count(*) FROM parked") == 1
    assert await keeper.value("SELECT count(*) FROM effects") == 0
    await keeper.bring()
    assert await keeper.value("SELECT count(*) FROM effects") == 1
    await keeper.consume(delivery)
    assert await keeper.value("SELECT count(*) FROM effects") == 1
    assert await keeper.value("SELECT count(*) FROM parked") == 0


async def test_what_comes_after_it_of_its_key_comes_after_it(keeper: Keeper) -> None:
    record = new_id()
    keeper.early = NEED
    await keeper.consume(accepted(record), erased(record))
    assert await keeper.revisions(record) == []
    await keeper.bring()
    assert await keeper.revisions(record) == [1, 2]


async def test_one_that_was_given_up_has_its_effect_when_it_is_sent_again(keeper: Keeper) -> None:
    delivery = accepted(new_id())
    await bury(
        keeper.database, "tiny", delivery.topic, delivery.key, delivery.raw, delivery.event.id, ZeroDivisionError()
    )
    assert await keeper.inbox() == 0
    await keeper.consume(delivery, delivery)
    assert await keeper.value("SELECT count(*) FROM effects") == 1


async def test_one_that_an_earlier_release_wrote_into_the_inbox_has_no_second_effect(keeper: Keeper) -> None:
    record = new_id()
    before = Effects(keeper.database)  # its handlers are not idempotent
    delivery = accepted(record)
    await before.consume(delivery)
    assert await keeper.inbox() == 1
    await keeper.consume(delivery)
    assert await keeper.revisions(record) == [1]
