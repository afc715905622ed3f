"""Whatever comes in whatever order, however often: each event has its effect once."""

import asyncio
import random
from typing import Any
from uuid import UUID

import orjson
import pytest

from shared.contracts.envelope import Event
from shared.contracts.events import AnnotatorChanged, RecordAccepted, RecordErased
from shared.kit import parking
from shared.kit.clock import new_id
from shared.kit.consuming import consume_batch, release_parked
from shared.kit.database import Database, Session
from tests.service.kit_events.conftest import Effects, accepted, annotator_changed, erased


async def test_one_event_delivered_thirty_times_has_one_effect(effects: Effects) -> None:
    delivery = annotator_changed()
    await asyncio.gather(*(effects.consume(delivery) for _ in range(30)))
    assert await effects.value("SELECT count(*) FROM effects") == 1
    assert len(await effects.published()) == 1


async def test_batches_that_overlap_have_each_effect_once(effects: Effects) -> None:
    deliveries = [annotator_changed() for _ in range(40)]
    batches = [deliveries[start : start + 20] for start in (0, 10, 20)] + [deliveries[::-1], deliveries + deliveries]
    left = await asyncio.gather(*(consume_batch(effects.database, effects.handlers, batch) for batch in batches))
    for aside in left:
        await effects.consume(*(each.delivery for each in aside))
    assert await effects.value("SELECT count(*) FROM effects") == 40
    assert len(await effects.published()) == 40


async def test_a_handler_that_fails_leaves_nothing_behind(effects: Effects) -> None:
    async def fail_late(session: Session, event: Event[Any]) -> None:
        await session.raw.execute("INSERT INTO effects (event_id) VALUES ($1)", event.id)
        raise ZeroDivisionError

    effects.hooks[AnnotatorChanged] = fail_late
    delivery = annotator_changed()
    with pytest.raises(ZeroDivisionError):
        await effects.consume(delivery)
    for table in ("effects", "inbox", "outbox", "parked"):
        assert await effects.value(f"SELECT count(*) FROM {table}") == 0
    effects.hooks.clear()
    await effects.consume(delivery)
    assert await effects.value("SELECT count(*) FROM effects") == 1


async def test_events_of_a_key_have_their_effects_in_order(effects: Effects) -> None:
    records = [new_id() for _ in range(5)]
    batch = [accepted(record, revision) for revision in range(1, 11) for record in records]
    assert await consume_batch(effects.database, effects.handlers, batch) == []
    for record in records:
        assert await effects.revisions(record) == list(range(1, 11))


async def test_one_bad_event_spoils_no_batch_but_holds_back_its_key(effects: Effects) -> None:
    bad, good = new_id(), new_id()

    async def fail_on_the_second(_: Session, event: Event[Any]) -> None:
        if event.record_id == bad and event.revision == 2:
            raise ZeroDivisionError

    effects.hooks[RecordAccepted] = fail_on_the_second
    batch = [accepted(record, revision) for revision in (1, 2, 3) for record in (bad, good)]
    aside = await consume_batch(effects.database, effects.handlers, batch)
    assert [(each.delivery.event.revision, type(each.error)) for each in aside] == [
        (2, ZeroDivisionError),
        (3, type(None)),
    ]
    assert await effects.revisions(bad) == [1]
    assert await effects.revisions(good) == [1, 2, 3]
    effects.hooks.clear()
    await effects.consume(*(each.delivery for each in aside))
    assert await effects.revisions(bad) == [1, 2, 3]


async def test_an_event_that_came_too_early_waits_and_has_its_effect_when_what_it_needs_comes(
    effects: Effects,
) -> None:
    record = new_id()
    await effects.consume(erased(record, 2), erased(record, 3))
    assert await effects.revisions(record) == []
    assert await effects.value("SELECT count(*) FROM parked") == 2
    await effects.consume(accepted(record))
    assert await effects.revisions(record) == [1, 2, 3]
    assert await effects.value("SELECT count(*) FROM parked") == 0


async def test_either_order_of_two_events_ends_the_same(effects: Effects) -> None:
    one, other = new_id(), new_id()
    await effects.consume(accepted(one), erased(one))
    await effects.consume(erased(other), accepted(other))
    assert await effects.revisions(one) == await effects.revisions(other) == [1, 2]


async def test_early_events_in_a_batch_are_parked_and_the_others_are_not_disturbed(effects: Effects) -> None:
    records = [new_id() for _ in range(10)]
    batch = [erased(record) for record in records[:5]] + [accepted(record) for record in records[5:]]
    assert await consume_batch(effects.database, effects.handlers, batch) == []
    assert await effects.value("SELECT count(*) FROM parked") == 5
    assert await effects.value("SELECT count(*) FROM effects") == 5
    assert await consume_batch(effects.database, effects.handlers, [accepted(each) for each in records[:5]]) == []
    await effects.release_all()
    for record in records[:5]:
        assert await effects.revisions(record) == [1, 2]


async def test_a_parked_event_delivered_again_is_parked_once(effects: Effects) -> None:
    record = new_id()
    delivery = erased(record)
    for _ in range(5):
        await effects.consume(delivery)
    assert await consume_batch(effects.database, effects.handlers, [delivery, delivery]) == []
    assert await effects.value("SELECT count(*) FROM parked") == 1
    await effects.consume(accepted(record), delivery)
    assert await effects.revisions(record) == [1, 2]


async def test_a_process_that_dies_between_parking_and_the_second_try_loses_nothing(
    effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = new_id()
    delivery = erased(record)
    real = parking.park

    async def park_late(database: Database, handlers: Any, early: Any) -> None:
        await effects.consume(accepted(record))  # what it needs comes just before the need's lock is taken
        monkeypatch.setattr(parking, "retry", die_at_once)
        await real(database, handlers, early)

    async def die_at_once(*_: Any) -> None:
        raise SystemError

    monkeypatch.setattr(parking, "park", park_late)
    with pytest.raises(SystemError):
        await effects.consume(delivery)
    monkeypatch.undo()
    assert await effects.value("SELECT count(*) FROM parked") == 1
    assert await effects.revisions(record) == [1]
    await effects.consume(delivery)  # it was never acknowledged
    assert await effects.revisions(record) == [1, 2]
    assert await effects.value("SELECT count(*) FROM parked") == 0


@pytest.mark.parametrize("seed", range(8))
async def test_no_event_is_left_waiting_when_both_come_at_the_same_moment(effects: Effects, seed: int) -> None:
    chance = random.Random(seed)
    records = [new_id() for _ in range(12)]
    jitter = {record: [chance.random() * 0.01 for _ in range(3)] for record in records}

    async def dawdle(_: Session, event: Event[Any]) -> None:
        await asyncio.sleep(jitter[event.record_id][2])  # type: ignore[index]

    effects.hooks[RecordErased] = effects.hooks[RecordAccepted] = dawdle

    async def late(delay_s: float, delivery: Any) -> None:
        await asyncio.sleep(delay_s)
        await effects.consume(delivery)

    await asyncio.gather(*(late(jitter[each][0], accepted(each)) for each in records),
                         *(late(jitter[each][1], erased(each)) for each in records))  # fmt: skip
    assert await effects.value("SELECT count(*) FROM parked") == 0
    for record in records:
        assert await effects.revisions(record) == [1, 2]


async def test_an_event_that_then_needs_something_else_waits_for_that(effects: Effects, database: Database) -> None:
    record, project = new_id(), new_id()
    known = False

    async def need_it_only_with_the_record(session: Session, event: Event[Any]) -> tuple[str, UUID] | None:
        if await session.raw.fetchval("SELECT true FROM records WHERE id = $1", event.record_id) and not known:
            return "project", project
        return None

    effects.hooks[RecordErased] = need_it_only_with_the_record
    await effects.consume(erased(record), accepted(record))
    [row] = await effects.rows("SELECT kind, key FROM parked")
    assert (row["kind"], row["key"]) == ("project", project)
    async with database.transaction() as session:
        await release_parked(session, "project", [new_id(), project])
    await effects.release_all()
    assert await effects.value("SELECT count(*) FROM parked") == 1  # released too soon: it waits on
    known = True
    async with database.transaction() as session:
        await release_parked(session, "project", [project])
    await effects.release_all()
    assert await effects.revisions(record) == [1, 2]


async def test_what_waits_for_one_thing_is_applied_in_the_order_of_its_keys(
    effects: Effects, database: Database
) -> None:
    project, known = new_id(), False

    async def need_the_project(_: Session, __: Event[Any]) -> tuple[str, UUID] | None:
        return None if known else ("project", project)

    effects.hooks[RecordAccepted] = need_the_project
    records = [new_id() for _ in range(120)]
    batch = [accepted(record, revision) for revision in (1, 2, 3) for record in records]
    for start in range(0, len(batch), 64):
        assert await consume_batch(effects.database, effects.handlers, batch[start : start + 64]) == []
    assert await effects.value("SELECT count(*) FROM parked") == 360
    known = True
    async with database.transaction() as session:
        await release_parked(session, "project", [project])
    await effects.release_all()
    rows = await effects.rows("SELECT record_id, revision FROM effects ORDER BY seq")
    assert [(row[0], row[1]) for row in rows] == [
        (each, revision) for each in sorted(records) for revision in (1, 2, 3)
    ]


async def test_a_parked_event_that_fails_goes_to_the_dead_letters_and_its_releaser_does_not_fail(
    effects: Effects,
) -> None:
    record = new_id()
    bad, good = erased(record, 2), erased(record, 3)
    await effects.consume(bad, good)

    async def fail(_: Session, event: Event[Any]) -> None:
        if event.revision == 2:
            raise ZeroDivisionError("the spring is gone")

    effects.hooks[RecordErased] = fail
    await effects.consume(accepted(record))
    assert await effects.revisions(record) == [1, 3]
    [letter] = await effects.published()
    assert (letter.topic, letter.envelope) == ("tiny.dead", bad.raw)
    assert "ZeroDivisionError: the spring is gone" in (letter.headers or "")
    effects.hooks.clear()
    await effects.consume(bad)  # replayed
    assert await effects.revisions(record) == [1, 3, 2]


async def test_a_failed_commit_has_neither_effect_nor_inbox_row(effects: Effects) -> None:
    async def poison_the_commit(session: Session, _: Event[Any]) -> None:
        await session.raw.execute(
            "INSERT INTO things (id, project_id, name) VALUES ($1, $2, 'x'), ($3, $2, 'x')",
            new_id(),
            new_id(),
            new_id(),
        )

    effects.hooks[AnnotatorChanged] = poison_the_commit
    bad, worse = annotator_changed(), annotator_changed()
    aside = await consume_batch(effects.database, effects.handlers, [bad, worse])
    assert {each.delivery.event.id for each in aside} == {bad.event.id, worse.event.id}
    assert await effects.value("SELECT count(*) FROM effects") == 0
    assert await effects.value("SELECT count(*) FROM inbox") == 0


async def test_two_members_in_opposite_order_do_not_stop_each_other(effects: Effects) -> None:
    records = [new_id() for _ in range(30)]
    await consume_batch(effects.database, effects.handlers, [accepted(record) for record in records])
    batches = [[erased(record, revision) for record in order]
               for revision in range(2, 8) for order in (records, records[::-1])]  # fmt: skip
    left = await asyncio.gather(*(consume_batch(effects.database, effects.handlers, batch) for batch in batches))
    assert left == [[]] * 12
    assert await effects.value("SELECT count(*) FROM effects") == 30 + 12 * 30


async def test_a_batch_locks_records_before_what_they_belong_to(effects: Effects) -> None:
    order: list[type[Any]] = []

    async def note(session: Session, event: Event[Any]) -> None:
        order.append(type(event.payload))

    effects.hooks = {AnnotatorChanged: note, RecordAccepted: note}
    batch = [annotator_changed(), accepted(new_id()), annotator_changed(), accepted(new_id())]
    assert await consume_batch(effects.database, effects.handlers, batch) == []
    assert order == [RecordAccepted, RecordAccepted, AnnotatorChanged, AnnotatorChanged]


async def test_a_set_is_one_transaction_whatever_its_size(effects: Effects) -> None:
    transactions: set[int] = set()
    count = 0

    async def note(session: Session, _: Event[Any]) -> None:
        nonlocal count
        count += 1
        transactions.add(await session.raw.fetchval("SELECT txid_current()"))

    effects.hooks = {AnnotatorChanged: note, RecordAccepted: note}
    batch = [made for _ in range(50) for made in (annotator_changed(), accepted(new_id()))]
    assert await consume_batch(effects.database, effects.handlers, batch) == []
    assert (count, len(transactions)) == (100, 2)


async def test_events_of_a_key_keep_their_order_across_types(effects: Effects) -> None:
    records = [new_id() for _ in range(20)]
    batch = [one for record in records for one in (accepted(record, 1), erased(record, 2), accepted(record, 3))]
    assert await consume_batch(effects.database, effects.handlers, batch) == []
    for record in records:
        assert await effects.revisions(record) == [1, 2, 3]


async def test_one_bad_event_among_hundreds_costs_a_few_transactions(effects: Effects) -> None:
    bad = annotator_changed()
    calls = 0

    async def fail_for_one(_: Session, event: Event[Any]) -> None:
        nonlocal calls
        calls += 1
        if event.id == bad.event.id:
            raise ZeroDivisionError

    effects.hooks[AnnotatorChanged] = fail_for_one
    batch = [*(annotator_changed() for _ in range(255)), bad]
    [aside] = await consume_batch(effects.database, effects.handlers, batch)
    assert (aside.delivery, type(aside.error)) == (bad, ZeroDivisionError)
    assert await effects.value("SELECT count(*) FROM effects") == 255
    assert len(await effects.published()) == 255
    assert calls < 4 * 256


async def test_what_a_set_publishes_names_the_event_that_caused_it(effects: Effects) -> None:
    batch = [annotator_changed() for _ in range(5)]
    assert await consume_batch(effects.database, effects.handlers, batch) == []
    causes = [orjson.loads(event.envelope)["caused_by"] for event in await effects.published()]
    assert sorted(causes) == sorted(str(delivery.event.id) for delivery in batch)
