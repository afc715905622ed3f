"""What models learnt from an erased record goes with it: a successor is trained without it, then the file is deleted."""

from uuid import UUID

import pytest

from services.prelabel.operations import unlearning
from shared.contracts.erasure import ErasedPlace, PlaceState
from shared.contracts.events import ModelChanged, RecordErased
from shared.contracts.policies import Policies
from shared.contracts.values import ModelStage, Split
from shared.kit.erasures import Erasure, find
from tests.service.prelabel.world import WORDS, World, policies

LEARNING = {"cold_start": 12, "batch_size": 12, "promotion_held_out": 6}


def learning(**changes: object) -> Policies:
    return policies(**(LEARNING | changes))


class Learnt:
    """A project whose champion was trained here, and the records that it learnt from."""

    def __init__(self, world: World, records: list[UUID], champion: UUID) -> None:
        self.world = world
        self.records = records
        self.champion = champion

    @classmethod
    async def of(cls, world: World, chosen: Policies | None = None) -> "Learnt":
        await world.begin(chosen=chosen or learning())
        records = [await labelled(world, label, number) for label in WORDS for number in range(8)]
        for label in WORDS:
            for number in range(4):
                await labelled(world, label, number, Split.VALIDATION)
        await work(world)
        return cls(world, records, await champion_of(world))

    async def erase(self, *record_ids: UUID) -> None:
        for record_id in record_ids:
            await self.world.service.deliver(
                RecordErased(reason="request"), project_id=self.world.project_id, record_id=record_id, revision=2
            )

    async def place(self, record_id: UUID) -> ErasedPlace:
        """What the report says of models."""
        async with self.world.service.database.transaction() as session:
            erasure = await find(session, record_id)
            assert erasure is not None
            return models_place(erasure, await unlearning.places(session, [erasure]))

    async def has_file(self, model_id: UUID) -> bool:
        return await self.world.service.runtime.objects.exists(f"models/{model_id}")


def models_place(erasure: Erasure, places: dict[UUID, list[ErasedPlace]]) -> ErasedPlace:
    return next(place for place in places[erasure.record_id] if place.place == "models")


async def labelled(world: World, label: str, number: int, split: Split = Split.TRAIN) -> UUID:
    record_id = await world.text(label, number, split)
    await world.label(record_id, split=split)
    return record_id


async def work(world: World) -> None:
    """A round of everything that learns and unlearns."""
    for loop in ("learn", "train", "compare", "unlearn"):
        world.service.runtime.resources.dirty.add(world.project_id)
        await world.service.run_loop(loop)


async def champion_of(world: World) -> UUID:
    [row] = await world.fetch(
        "SELECT model_id FROM models WHERE project_id = $1 AND stage = 'champion'", world.project_id
    )
    return UUID(str(row["model_id"]))


async def examples_of(world: World, model_id: UUID) -> set[UUID]:
    rows = await world.fetch(
        "SELECT record_id FROM training_examples JOIN training_runs USING (run_id) WHERE model_id = $1", model_id
    )
    return {row["record_id"] for row in rows}


async def test_a_successor_is_trained_without_the_record_and_the_file_of_the_old_model_goes(world: World) -> None:
    learnt = await Learnt.of(world)
    gone = learnt.records[0]
    assert gone in await examples_of(world, learnt.champion)
    await learnt.erase(gone)
    before = await learnt.place(gone)
    assert (before.state, before.reason, before.ids) == (PlaceState.PENDING, "training", [learnt.champion])

    await work(world)

    successor = await champion_of(world)
    assert successor != learnt.champion
    assert gone not in await examples_of(world, successor)
    assert not await learnt.has_file(learnt.champion)
    assert await learnt.has_file(successor)
    after = await learnt.place(gone)
    assert (after.state, after.ids) == (PlaceState.DONE, [learnt.champion])
    changes = [event.payload for event in await world.service.published(ModelChanged)]
    assert [one.stage for one in changes if one.model_id == learnt.champion][-1] is ModelStage.RETIRED


async def test_a_model_whose_file_is_gone_is_neither_promoted_nor_fetched_nor_rolled_back_to(world: World) -> None:
    learnt = await Learnt.of(world)
    await learnt.erase(learnt.records[0])
    await work(world)
    trainer, successor = world.service.token("trainer"), await champion_of(world)
    for method, path, body in (
        ("GET", f"/v1/models/{learnt.champion}/artifact", None),
        ("POST", f"/v1/models/{learnt.champion}/promotion", {"reason": "the old one"}),
        ("POST", f"/v1/models/{successor}/rollback", {"reason": "the old one"}),
    ):
        answer = await world.service.client.request(method, path, headers=trainer, json=body)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (410, "model-file-erased"), path
    assert await champion_of(world) == successor


async def test_a_record_that_no_model_learnt_from_leaves_models_alone(world: World) -> None:
    learnt = await Learnt.of(world)
    other = await world.text("billing", 50)
    await learnt.erase(other)
    await work(world)
    assert await champion_of(world) == learnt.champion
    assert (await learnt.place(other)).state is PlaceState.DONE


async def test_an_uploaded_model_is_not_claimed_to_have_learnt(world: World) -> None:
    await world.begin(chosen=learning(enabled=False))
    record_id = await labelled(world, "billing", 1)
    uploaded = await world.champion()
    learnt = Learnt(world, [record_id], uploaded)
    await learnt.erase(record_id)
    await work(world)
    assert (await learnt.place(record_id)).ids == []
    assert await learnt.has_file(uploaded)


async def test_with_learning_off_the_report_says_what_can_be_done(world: World) -> None:
    learnt = await Learnt.of(world)
    await world.begin(chosen=learning(enabled=False), revision=2)
    await learnt.erase(learnt.records[0])
    await work(world)
    place = await learnt.place(learnt.records[0])
    assert (place.state, place.reason) == (PlaceState.PENDING, "learning_off")
    assert place.next_step
    assert await learnt.has_file(learnt.champion)

    # somebody promotes another model: nothing keeps the file any more
    await world.champion()
    await work(world)
    assert (await learnt.place(learnt.records[0])).state is PlaceState.DONE
    assert not await learnt.has_file(learnt.champion)


async def test_with_too_few_labels_left_the_report_says_so(world: World) -> None:
    learnt = await Learnt.of(world)
    gone = [record_id for record_id in learnt.records if world.truth[record_id] != "billing"]
    await learnt.erase(*gone)
    await work(world)
    place = await learnt.place(gone[0])
    assert (place.state, place.reason) == (PlaceState.PENDING, "too_few_labels")
    assert await champion_of(world) == learnt.champion


async def test_a_record_that_is_erased_during_a_training_is_not_in_the_model(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt = await Learnt.of(world)
    gone, during = learnt.records[:2]
    put = world.service.runtime.objects.put
    erased = False

    async def erasing_put(key: str, data: bytes, media_type: str | None = None) -> None:
        nonlocal erased
        await put(key, data, media_type)
        if not erased and key.startswith("models/"):
            erased = True
            await learnt.erase(during)

    monkeypatch.setattr(world.service.runtime.objects, "put", erasing_put)
    await learnt.erase(gone)
    await work(world)
    await work(world)
    successor = await champion_of(world)
    assert erased
    assert {gone, during}.isdisjoint(await examples_of(world, successor))
    assert (await learnt.place(during)).state is PlaceState.DONE


async def test_a_deletion_that_failed_is_done_by_the_next_round(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt = await Learnt.of(world)
    await learnt.erase(learnt.records[0])

    async def broken(_: str) -> None:
        raise OSError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(world.service.runtime.objects, "delete", broken)
        with pytest.raises(OSError, match="away"):
            await work(world)
    place = await learnt.place(learnt.records[0])
    assert (place.state, place.reason) == (PlaceState.PENDING, "being_deleted")
    await world.service.run_loop("unlearn")
    assert (await learnt.place(learnt.records[0])).state is PlaceState.DONE
    assert not await learnt.has_file(learnt.champion)
