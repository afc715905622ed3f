"""Gold, audits and held-out records look like any other task: what a lease shows does not reveal them."""

from uuid import UUID

import pytest

from shared.contracts.draws import draw
from shared.contracts.values import AssessmentStatus, Split
from shared.kit.clock import new_id
from tests.service.queue.world import World, policies, sentiment, shown
from tests.support.service import ServiceUnderTest


async def test_the_place_in_a_batch_does_not_reveal_which_line_a_task_stood_in(service: ServiceUnderTest) -> None:
    """What was drawn by chance is blind more often: were it first, a blind task in the last place would be gold."""
    chosen = policies(learning={"enabled": True, "random_rate": 0.5})
    world = await World(service, policies=chosen).open()
    for _ in range(20):
        await world.record(Split.TEST)
        await world.record(Split.TRAIN, selected=True)
    urgent = str(await world.record(Split.TEST, priority=3))
    for person in await world.people(3):
        leases = await person.lease(count=8)
        tokens = [lease["token"] for lease in leases if shown(lease) != urgent]
        assert tokens == sorted(tokens), "tokens are random"
        assert urgent not in [shown(lease) for lease in leases[1:]], "what is urgent comes first"


async def test_gold_wears_the_guideline_of_the_task_whose_place_it_takes(service: ServiceUnderTest) -> None:
    chosen = policies(gold={"entry_test": 0, "share": 1.0})
    world = await World(service, policies=chosen).open()
    gold = await world.record()
    await world.gold(gold)
    world.guidelines = 2
    await world.open()
    await world.record()
    person = await world.person()
    lease = await person.one()
    assert shown(lease) == str(gold)
    assert lease["guideline_version"] == 2


async def test_gold_shows_a_prediction_where_the_task_whose_place_it_takes_would(service: ServiceUnderTest) -> None:
    chosen = policies(gold={"entry_test": 0, "share": 1.0})
    world = await World(service, policies=chosen).open()
    gold = await world.record(Split.TRAIN, "negative", 0.6)
    await world.gold(gold)
    await world.record(Split.TRAIN, "positive", 0.6)
    [shows] = await (await world.person()).lease()
    assert (shown(shows), shows["prediction"]) == (str(gold), sentiment("negative"))
    blind_world = await World(service, policies=chosen).open()
    gold = await blind_world.record(Split.TRAIN, "negative", 0.6)
    await blind_world.gold(gold)
    await blind_world.record(Split.TEST, "positive", 0.6)
    [blind] = await (await blind_world.person()).lease()
    assert shown(blind) == str(gold)
    assert "prediction" not in blind


@pytest.mark.parametrize("count", [1, 2], ids=["single", "batch"])
async def test_gold_without_the_same_models_prediction_is_not_served_in_the_place_of_a_task_that_shows_one(
    service: ServiceUnderTest, count: int
) -> None:
    world = await World(service, policies=policies(gold={"entry_test": 0, "share": 1.0})).open()
    await world.gold(await world.record())
    older = await world.record(Split.TRAIN, "negative", 0.6)
    await world.gold(older)
    world.model_id = new_id()
    ordinary = {str(await world.record(Split.TRAIN, "positive", 0.6)) for _ in range(count)}
    assert {shown(lease) for lease in await (await world.person()).lease(count=count)} == ordinary
    await world.records(count, split=Split.TRAIN, label="positive", confidence=0.6)
    await world.predict(older, "negative", 0.6)  # gold is scored by a new champion like anything else
    assert str(older) in {shown(lease) for lease in await (await world.person()).lease(count=count)}


async def test_gold_of_which_the_model_is_sure_shows_no_prediction(service: ServiceUnderTest) -> None:
    """Where such a record is accepted unseen, none that shows its prediction comes to anybody."""
    world = await World(service, policies=policies(gold={"entry_test": 0, "share": 1.0})).open()
    sure = await world.record(Split.TRAIN, "negative", 0.95)
    await world.gold(sure)
    await world.threshold(0.9)
    shows, blind = await world.record(Split.TRAIN, "positive", 0.6), await world.record(Split.TEST, priority=-1)
    person = await world.person()
    assert shown(await person.one()) == str(shows)
    lease = await person.one()
    assert shown(lease) == str(sure)
    assert "prediction" not in lease
    await world.threshold(None, 2)
    await world.record(Split.TRAIN, "positive", 0.6, priority=1)
    lease = await (await world.person()).one()
    assert (shown(lease), lease["prediction"]) == (str(sure), sentiment("negative"))
    assert blind


async def test_gold_takes_the_place_of_a_task_and_never_of_nothing(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(gold={"entry_test": 0, "share": 1.0})).open()
    person = await world.person()
    golden = {str(one) for one in await world.records(3)}
    for record_id in golden:
        await world.gold(UUID(record_id))
    assert await person.nothing() == "done"
    await world.record()
    served = [shown(await person.one()) for _ in range(3)]
    assert set(served) == golden
    assert len(await person.lease()) == 1  # no gold is left for this person: the ordinary task comes
    assert await person.nothing() == "in_hand"


async def test_asking_again_does_not_change_whether_the_next_is_gold(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(gold={"entry_test": 0, "share": 0.5})).open()
    person = await world.person()
    for _ in range(20):
        await person.nothing()
    golden = await world.records(10)
    for record_id in golden:
        await world.gold(record_id)
    await world.records(12)
    dice = [draw(world.salt, "gold", person.annotator_id, number) for number in range(8)]
    served = [shown(await person.one()) for _ in range(8)]
    assert [UUID(one) in golden for one in served] == [die < 0.5 for die in dice]


async def test_the_entry_test_and_a_warning_bring_more_gold(service: ServiceUnderTest) -> None:
    chosen = policies(gold={"entry_test": 5, "share": 0.0, "warned_share": 1.0}, serving={"leases_per_annotator": 100})
    world = await World(service, policies=chosen).open()
    person = await world.person()
    golden = {str(one) for one in await world.records(20)}
    for record_id in golden:
        await world.gold(UUID(record_id))
    await world.records(80)
    served = [shown(await person.one()) in golden for _ in range(40)]
    assert sum(served) == 5
    await world.assess(person, AssessmentStatus.WARNED)
    assert shown(await person.one()) in golden


async def test_gold_under_an_older_schema_is_not_served_among_newer_tasks(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(gold={"entry_test": 0, "share": 1.0})).open()
    person = await world.person()
    await world.gold(await world.record())
    world.schemas = (*world.schemas, world.schemas[0])
    await world.open()
    ordinary = await world.record(record_id=new_id())
    assert shown(await person.one()) == str(ordinary)


async def test_gold_is_dealt_in_batches_at_any_place(service: ServiceUnderTest) -> None:
    world = await World(service, policies=policies(gold={"entry_test": 0, "share": 0.4})).open()
    golden = {str(one) for one in await world.records(30)}
    for record_id in golden:
        await world.gold(UUID(record_id))
    await world.records(150)
    places = set[int]()
    for person in await world.people(30):  # salts and ids are drawn anew: a place stays empty once in a million runs
        leases = await person.lease(count=5)
        assert len(leases) == 5
        places |= {place for place, lease in enumerate(leases) if shown(lease) in golden}
    assert places == {0, 1, 2, 3, 4}
