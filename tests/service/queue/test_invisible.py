"""Gold, audits and held-out records look like any other task: what a lease shows does not reveal them."""

import random
from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import UUID

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from shared.contracts.draws import draw
from shared.contracts.values import AssessmentStatus, Split
from shared.kit.clock import new_id, utc_now
from tests.service.queue.world import World, policies, shown
from tests.support.service import ServiceUnderTest

GOLDEN = policies(
    gold={"entry_test": 0, "share": 0.25, "warned_share": 0.5, "exposures": 50},
    serving={"blind_share": 0.4, "leases_per_annotator": 1000},
    learning={"enabled": True, "random_share": 0.1, "random_rate": 0.5},
    redundancy={"without_model": 2, "with_model": 2, "held_out": 2},
    auto_accept={"audit_share": 0.5},
)
KEYS = ("prediction", "disputed")
RECORDS = 800


def features(lease: dict[str, Any], place: int, asked_at: datetime, size: int) -> list[float]:
    """All that an envelope holds but for the record's content."""
    until = datetime.fromisoformat(lease["until"])
    task_id, token = UUID(lease["task_id"]), UUID(lease["token"])
    return [
        place,
        (until - asked_at).total_seconds(),
        until.microsecond,
        lease["schema_version"],
        lease["guideline_version"],
        len(lease),
        *(name in lease for name in KEYS),
        hash(lease["kind"]) % 97,
        hash(lease["why"]) % 97,
        hash(tuple(lease)) % 97,
        size,
        *(part / 2**32 for part in (task_id.int >> 96, task_id.int & 0xFFFFFFFF, token.int >> 96, token.int & 0xFFFF)),
        task_id.version or 0,
        token.version or 0,
    ]


async def test_a_classifier_on_lease_envelopes_cannot_find_gold(service: ServiceUnderTest) -> None:
    dice = random.Random(7)
    world = await World(service, policies=GOLDEN, guidelines=2).open()
    await world.publish(world.threshold_of(0.9))
    gold = set[str]()
    for number in range(RECORDS):
        split = Split.TRAIN if dice.random() < 0.7 else Split.TEST
        record_id = await world.record(split, "positive", dice.random(), selected=dice.random() < 0.8)
        if number % 4 == 0:
            await world.gold(record_id)
            gold.add(str(record_id))
        if number == RECORDS // 2:  # half of the gold was placed under an older guideline
            world.guidelines = 3
            await world.open()
    seen, is_gold_flags, tasks = [], [], []
    for person in await world.people(10):
        for _ in range(RECORDS // 50):
            asked_at = utc_now()
            answer = await person.ask(5)
            for place, lease in enumerate(answer.json()["leases"]):
                if "prediction" in lease:
                    continue  # gold never shows one, and is marked so; among those that show none nothing more may be found out
                size = len(str({name: value for name, value in lease.items() if name != "record"}))
                seen.append(features(lease, place, asked_at, size))
                is_gold_flags.append(shown(lease) in gold)
                tasks.append(lease["task_id"])
    # A task is never learnt from and guessed at: that gold comes to many, only many together could find out.
    folds = GroupKFold(5)
    forest = RandomForestClassifier(200, min_samples_leaf=5, random_state=1, n_jobs=1)
    guessed = cross_val_predict(
        forest, np.array(seen, dtype=float), is_gold_flags, groups=tasks, cv=folds, method="predict_proba"
    )[:, 1]
    score = roc_auc_score(is_gold_flags, guessed)
    # The standard error of an AUC of 0.5 (Hanley and McNeil 1982), for as many guesses as there are tasks.
    positives = len({task for task, is_gold in zip(tasks, is_gold_flags, strict=True) if is_gold})
    negatives = len(set(tasks)) - positives
    assert min(positives, negatives) > 100
    error = ((positives + negatives + 1) / (12 * positives * negatives)) ** 0.5
    assert score < 0.5 + 3 * error, score


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
    assert await person.nothing() == "all_leased"


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


async def test_a_classifier_on_response_times_cannot_find_gold(service: ServiceUnderTest) -> None:
    """Gold took twice as long when it went by another road (AUC .84)."""
    chosen = policies(gold={"entry_test": 0, "share": 0.5, "exposures": 50}, serving={"leases_per_annotator": 1000})
    world = await World(service, policies=chosen).open()
    golden = {str(one) for one in await world.records(25)}
    for record_id in golden:
        await world.gold(UUID(record_id))
    await world.records(450)
    people = await world.people(10)
    for person in people:
        await person.one()  # who asks for the first time is not known yet
    took, is_gold_flags = [], []
    for _ in range(40):
        for person in people:
            begun = perf_counter()
            answer = await person.ask()
            took.append(perf_counter() - begun)
            is_gold_flags.append(shown(answer.json()["leases"][0]) in golden)
    gold_took, ordinary_took = sum(is_gold_flags), len(is_gold_flags) - sum(is_gold_flags)
    assert min(gold_took, ordinary_took) > 80
    score = roc_auc_score(is_gold_flags, took)
    error = ((gold_took + ordinary_took + 1) / (12 * gold_took * ordinary_took)) ** 0.5
    assert abs(score - 0.5) < 3.5 * error, score
