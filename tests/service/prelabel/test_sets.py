"""Events come in sets: what a set costs does not grow with it, and their order within a record is kept."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.prelabel.operations import registry
from services.prelabel.storage import labels, models
from services.prelabel.storage.labels import TrainableLabels
from services.prelabel.storage.runs import RunState
from shared.contracts.envelope import Event
from shared.contracts.events import (
    GoldPlaced,
    GoldWithdrawn,
    LabelFinalized,
    ModelChanged,
    RecordErased,
    RecordPredicted,
)
from shared.contracts.values import LabelMethod, ModelStage, Split
from shared.kit.clock import new_id, utc_now
from shared.kit.consuming import EventSet
from tests.service.prelabel.world import World, accepted, text_manifest, text_model
from tests.support.service import envelope
from tests.support.statements import sent_statements

MANY = 60


async def handle(world: World, events: Sequence[Event[Any]]) -> list[str]:
    """Have the service's handler take the events as one set; returns the statements that it sent."""
    runtime = world.service.runtime
    subscription = next(each for each in runtime.spec.subscriptions(runtime) if each.payload is type(events[0].payload))
    sent: list[str] = []

    def note(query: Any) -> None:
        if "typeinfo" not in query.query and "set_config('jit'" not in query.query:  # asyncpg asks once a connection
            sent.append(query.query)

    async with runtime.database.transaction() as session:
        session.raw.add_query_logger(note)
        try:
            await subscription.handle(session, EventSet(events))
        finally:
            session.raw.remove_query_logger(note)
    return sent


def arrivals(world: World, count: int) -> list[Event[Any]]:
    return [
        envelope(accepted({"message": f"where is parcel {number}"}), world.project_id, new_id())
        for number in range(count)
    ]


def label(world: World, record_id: UUID, revision: int, topic: str = "billing") -> Event[LabelFinalized]:
    payload = LabelFinalized(
        label_revision=1, round=1, method=LabelMethod.CONSENSUS, answers={"topic": {"label": topic}}, confidence=0.9,
        schema_version=1, guideline_version=1, split=Split.TRAIN, trainable=True, annotations=2,
    )  # fmt: skip
    return envelope(payload, world.project_id, record_id, revision)


async def states(world: World, record_ids: Sequence[UUID]) -> list[tuple[str, int, str | None]]:
    rows = await world.fetch(
        "SELECT state, state_revision, label FROM records WHERE record_id = ANY($1) ORDER BY record_id", record_ids
    )
    return [tuple(row) for row in rows]


async def test_a_set_of_records_costs_a_handful_of_statements(world: World) -> None:
    await world.begin()
    await world.service.deliver_many(arrivals(world, 1))  # the project is parsed once
    sent = await handle(world, arrivals(world, MANY))
    assert len(sent) <= 5, sent
    found = await world.fetch(
        "SELECT count(*) FROM records WHERE project_id = $1 AND first_prediction_id IS NOT NULL", world.project_id
    )
    assert found[0][0] == MANY + 1


async def test_each_record_of_a_set_is_predicted_once_and_names_its_cause(world: World) -> None:
    await world.begin()
    events = arrivals(world, 5)
    await world.service.deliver_many([*events, *events])
    mine = [event for event in await world.service.published(RecordPredicted) if event.project_id == world.project_id]
    assert sorted(event.caused_by for event in mine if event.caused_by) == sorted(event.id for event in events)


async def test_records_of_a_project_that_is_not_here_wait_and_the_others_do_not(world: World) -> None:
    early, present = World(world.service), world
    await present.begin()
    events = [*arrivals(early, 3), *arrivals(present, 3)]
    await world.service.deliver_many(events)
    assert len(await world.fetch("SELECT 1 FROM records WHERE record_id = ANY($1)", [e.record_id for e in events])) == 3
    await early.begin()
    assert len(await world.fetch("SELECT 1 FROM records WHERE record_id = ANY($1)", [e.record_id for e in events])) == 6


async def test_labels_of_a_set_cost_the_same_whatever_its_size(world: World) -> None:
    await world.begin()
    events = arrivals(world, MANY)
    await world.service.deliver_many(events)
    records = [event.record_id for event in events if event.record_id]
    sent = await handle(world, [label(world, record_id, 1) for record_id in records])
    assert len(sent) <= 3, sent
    assert await states(world, records) == [("finalized", 1, "billing")] * MANY


async def test_of_several_events_of_a_record_in_a_set_the_newest_stands(world: World) -> None:
    await world.begin()
    events = arrivals(world, 2)
    await world.service.deliver_many(events)
    one, other = (event.record_id for event in events if event.record_id)
    await world.service.deliver_many(
        [label(world, one, 1), label(world, one, 3, "other"), label(world, one, 2, "delivery"), label(world, other, 1)]
    )
    assert await states(world, [one]) == [("finalized", 3, "other")]
    await world.service.deliver_many(
        [
            envelope(GoldPlaced(schema_version=1, exposures=1), world.project_id, one, 5),
            envelope(GoldPlaced(schema_version=1, exposures=1), world.project_id, one, 4),
        ]
    )
    assert await states(world, [one]) == [("gold", 5, None)]
    await world.service.deliver_many([envelope(GoldWithdrawn(reason="a mistake"), world.project_id, one, 4)])
    assert await states(world, [one]) == [("gold", 5, None)]


async def test_erasing_a_set_leaves_tombstones_of_what_is_here_and_what_is_to_come(world: World) -> None:
    await world.begin()
    here, to_come = arrivals(world, 3), arrivals(world, 3)
    await world.service.deliver_many(here)
    erased = [
        envelope(RecordErased(reason="asked for"), world.project_id, event.record_id, 2) for event in (*here, *to_come)
    ]
    await world.service.deliver_many(erased)
    await world.service.deliver_many(to_come)
    ids = [event.record_id for event in erased if event.record_id]
    assert {state for state, _, _ in await states(world, ids)} == {"erased"}
    for table in ("contents", "predictions"):
        assert await world.fetch(f"SELECT 1 FROM {table} WHERE record_id = ANY($1)", ids) == []


async def test_a_superseded_prediction_is_pruned_when_its_time_is_over_and_the_newest_stays(world: World) -> None:
    await world.begin()
    record_id = await world.text("billing", 1)
    for repetitions in (3, 4):
        await world.champion(text_model(repetitions))
        await world.service.run_loop("score")
    await world.service.run_loop("prune")
    revisions = "SELECT revision FROM predictions WHERE record_id = $1 ORDER BY revision"
    assert [row[0] for row in await world.fetch(revisions, record_id)] == [2, 3]
    await world.fetch("UPDATE superseded_predictions SET superseded_at = superseded_at - interval '31 days'")
    await world.service.run_loop("prune")
    assert [row[0] for row in await world.fetch(revisions, record_id)] == [3]


async def test_the_first_prediction_without_a_model_is_kept_with_its_record(world: World) -> None:
    await world.begin()
    record_id = await world.text("billing", 1)
    (said,) = [one for one in await world.service.published(RecordPredicted) if one.record_id == record_id]
    await world.champion()
    await world.service.run_loop("score")
    answer = await world.service.client.get(
        f"/v1/records/{record_id}/predictions", headers=world.service.token("auditor")
    )
    newest, first = answer.json()["items"]
    assert (newest["revision"], newest["prediction"]["model_version"]) == (2, 1)
    assert (first["revision"], first["prediction_id"]) == (1, str(said.id))
    assert RecordPredicted.model_validate(first["prediction"]) == said.payload


async def challengers(world: World, count: int) -> list[UUID]:
    """Models that wait for their comparison, each as if a run of its own had made it."""
    runtime, made = world.service.runtime, []
    for number in range(count):
        model_id, now = new_id(), utc_now()
        await registry.write_file(runtime.database, runtime.objects, model_id, bytes([number]), now)
        async with runtime.database.transaction() as session:
            await registry.register(
                session, model_id=model_id, project_id=world.project_id, manifest=text_manifest(), data=bytes([number]),
                reason="trained", created_by="labels", now=now, training_run_id=new_id(), trained_on=2,
            )  # fmt: skip
        made.append(model_id)
    return made


async def test_challengers_end_in_as_many_statements_as_one(world: World) -> None:
    await world.begin()
    made = await challengers(world, 8)

    async def end(some: Sequence[UUID]) -> list[str]:
        with sent_statements(world.service.database) as sent:
            async with world.service.database.transaction() as session:
                locked = await models.lock(session, some)
                await registry.reject_all(session, list(locked.values()), "enough", RunState.SUPERSEDED, utc_now())
        return sent

    assert await end(made[:1]) == await end(made[1:])
    changes = [event.payload for event in await world.service.published(ModelChanged)]
    last = {one.model_id: (one.stage, one.reason) for one in changes}
    assert [last[model_id] for model_id in made] == [(ModelStage.REJECTED, "enough")] * 8


async def test_gold_that_many_models_learnt_from_is_counted_in_as_many_statements_as_that_of_one(world: World) -> None:
    await world.begin()
    made = await challengers(world, 6)

    async def count(some: Sequence[UUID]) -> list[str]:
        await world.fetch(
            "INSERT INTO contaminations (run_id, record_id) SELECT training_run_id, gen_random_uuid() FROM models,"
            " generate_series(1, 3) WHERE model_id = ANY($1)",
            some,
        )
        with sent_statements(world.service.database) as sent:
            async with world.service.database.transaction() as session:
                assert await registry.count_contaminated(session) == len(some)
        return sent

    assert await count(made[:1]) == await count(made[1:])
    rows = await world.fetch("SELECT contaminated_by, revision FROM models WHERE model_id = ANY($1)", made)
    assert [tuple(row) for row in rows] == [(3, 2)] * 6
    async with world.service.database.transaction() as session:
        assert await registry.count_contaminated(session) == 0


async def test_which_projects_have_labels_of_two_classes_is_asked_once_for_all(world: World) -> None:
    """Of the version that is learnt, and those of machines where they are admitted."""
    one, two, other_version, by_machine = (World(world.service) for _ in range(4))
    for each in (one, two, other_version, by_machine):
        await each.begin(versions=2)
        for number, label in enumerate(("billing", "billing", "delivery")):
            record_id = await each.text(label, number)
            odd = label == "delivery"
            await each.label(
                record_id, "billing" if each is one else label,
                schema_version=1 if odd and each is other_version else 2,
                method=LabelMethod.AUTO_ACCEPT if odd and each is by_machine else LabelMethod.CONSENSUS,
            )  # fmt: skip

    async def found(*, machine: bool) -> set[UUID]:
        wanted = [TrainableLabels(each.project_id, 2, machine) for each in (one, two, other_version, by_machine)]
        async with world.service.database.transaction() as session:
            return await labels.with_two_classes(session, wanted)

    assert await found(machine=False) == {two.project_id}
    assert await found(machine=True) == {two.project_id, by_machine.project_id}
