"""A label says what its confidence was calibrated on, and open records are decided again when estimates change."""

from dataclasses import replace
from uuid import UUID

import numpy as np

from services.qa.domain.calibration import EXPONENTS, LEAST_KNOWN, TEMPERATURES, Calibration
from services.qa.domain.kinds.choice import ChoiceKind
from services.qa.resources import Pauses
from services.qa.storage import estimates
from services.qa.storage.estimates import SchemaKey
from shared.contracts.events import AnnotationsRequested, LabelFinalized
from shared.contracts.policies import Policies, RedundancyPolicy, VotingCosts
from shared.contracts.values import Calibrated
from shared.kit.clock import new_id, utc_now
from tests.service.qa.test_releases import lines, release
from tests.service.qa.world import LABELS, SCHEMA, World, animal

PEOPLE = [new_id() for _ in range(6)]


async def answered_gold(world: World, count: int) -> None:
    """Gold that six people answer; each errs once in twelve."""
    for number in range(count):
        record_id, truth = await world.open_record(), number % len(LABELS)
        body = {"answers": animal(LABELS[truth])}
        await world.put(f"/projects/{world.project_id}/records/{record_id}/gold", body)
        for who, annotator_id in enumerate(PEOPLE):
            is_wrong = (number + 2 * who) % 12 == 0
            label = LABELS[(truth + is_wrong) % len(LABELS)]
            await world.deliver(world.annotated(record_id, label, annotator_id=annotator_id))


async def estimate(world: World) -> None:
    world.service.runtime.resources.pauses = Pauses()
    await world.service.run_loop("estimate")


async def test_once_enough_gold_is_answered_labels_are_calibrated_on_it(world: World) -> None:
    before = await world.finalized()
    await answered_gold(world, int(LEAST_KNOWN) + 2)
    await estimate(world)
    (method,) = (await world.get(f"/projects/{world.project_id}/consensus-methods"))["items"]
    assert method["calibrated"] == "gold"
    assert method["known_answers"] == LEAST_KNOWN + 2
    after = await world.open_record(slots=3)
    votes = [world.annotated(after, "cat", annotator_id=PEOPLE[at], slot=at + 1) for at in range(3)]
    await world.deliver(*votes)

    (published,) = await world.published(LabelFinalized, after)
    assert published.calibrated is Calibrated.GOLD
    assert [(await world.label(one))["calibrated"] for one in (before, after)] == ["default", "gold"]
    listed = {
        one["record_id"]: one["calibrated"]
        for one in (await world.get(f"/projects/{world.project_id}/labels"))["items"]
    }
    assert listed == {str(before): "default", str(after): "gold"}
    parameters = (await world.lineage(after))["labels"][0]["parameters"]
    assert parameters["questions"]["animal"]["calibrated"] == parameters["calibrated"] == "gold"


async def test_a_release_says_what_each_confidence_was_calibrated_on(world: World) -> None:
    record_id = await world.finalized()
    (line,) = await lines(world, await release(world), "train")
    assert line["record_id"] == str(record_id)
    assert line["label"]["calibrated"] == "default"


async def test_a_decision_rests_on_no_calibration(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.annotated(record_id, "cat"), world.unservable(record_id), world.decided(record_id, "dog"))
    assert (await world.label(record_id))["calibrated"] == "default"


async def store(world: World, calibration: Calibration) -> None:
    """Estimates of nobody, with this calibration."""
    kind = ChoiceKind(SCHEMA.questions[0])  # type: ignore[arg-type]  # it is a choice
    facets = {name: replace(one, calibration=calibration) for name, one in kind.unknown().items()}
    async with world.service.database.transaction() as session:
        await estimates.save(
            session, SchemaKey(world.project_id, 1), {"animal": kind.to_stored(facets)}, votes=0, now=utc_now()
        )


def of_temperature(one: float) -> Calibration:
    mixture = np.zeros((len(TEMPERATURES), len(EXPONENTS)))
    mixture[int(np.abs(TEMPERATURES - one).argmin()), 0] = 1.0
    return Calibration(mixture, 0.0)


async def waiting(world: World) -> UUID:
    """Two agree, of whom too little is known by now: a third is asked."""
    await store(world, of_temperature(4.0))
    record_id = await world.open_record()
    await world.deliver(world.annotated(record_id, "cat"), world.annotated(record_id, "cat", slot=2))
    assert [one.slots_total for one in await world.published(AnnotationsRequested, record_id)] == [3]
    return record_id


async def test_open_records_are_decided_again_when_estimates_have_changed_much(world: World) -> None:
    record_id = await waiting(world)
    await estimate(world)  # two votes: what is usual is all that is known, and that is surer than what was stored
    await world.service.run_loop("decide_again")
    (published,) = await world.published(LabelFinalized, record_id)
    assert (published.annotations, published.round) == (2, 1)
    assert (await world.state(record_id))["state"] == "finalized"


async def test_a_record_that_is_still_unsure_waits_on_and_a_closed_one_is_left_alone(world: World) -> None:
    closed = await world.finalized("dog")
    record_id = await waiting(world)
    await world.deliver(world.annotated(await world.open_record(), "cat"))
    differing = await world.open_record()
    await world.deliver(world.annotated(differing, "cat"), world.annotated(differing, "dog", slot=2))
    await estimate(world)
    await world.service.run_loop("decide_again")
    await world.service.run_loop("decide_again")
    assert len(await world.published(LabelFinalized, record_id)) == 1
    assert len(await world.published(LabelFinalized, closed)) == 1
    assert await world.published(LabelFinalized, differing) == []
    assert [one.slots_total for one in await world.published(AnnotationsRequested, differing)] == [3]


async def test_where_nothing_changed_nothing_is_decided_again(world: World) -> None:
    await estimate(world)
    record_id = await world.open_record()
    await world.deliver(world.annotated(record_id, "cat"), world.annotated(record_id, "dog", slot=2))
    await estimate(world)
    await world.service.run_loop("decide_again")
    assert (await world.state(record_id))["state"] == "open"


async def test_a_policy_of_costs_asks_while_the_next_vote_is_worth_it(world: World) -> None:
    cheap = VotingCosts(vote=1.0, arbiter=100.0, error=10.0)
    dear = VotingCosts(vote=1.0, arbiter=100.0, error=1_000.0)
    for costs, ended in ((cheap, True), (dear, False)):
        world.policies = Policies(redundancy=RedundancyPolicy(costs=costs))
        await world.deliver(world.project())
        record_id = await world.finalized()
        assert (len(await world.published(LabelFinalized, record_id)) == 1) is ended
