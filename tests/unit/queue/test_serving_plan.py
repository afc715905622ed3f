"""What is served next: lines, gold, reasons, and whether anybody is left."""

from collections import Counter
from dataclasses import fields
from typing import Any

import pytest

from services.queue.domain.leases import Why, why
from services.queue.domain.reasons import Reason, WhatIsLeft, nothing, of_kinds, why_nothing
from services.queue.domain.routing import Lane
from services.queue.domain.servability import Demand, Workforce, unservable
from services.queue.domain.serving_plan import Membership, ServingPlan, gold_chance, plan
from shared.contracts.answers import LabelSchema
from shared.contracts.answers.free_text import masked, words_of
from shared.contracts.policies import GoldPolicy, Policies
from shared.contracts.values import AnnotatorStatus, AssessmentStatus, Pool, TaskKind

BOTH = frozenset({TaskKind.ANNOTATION, TaskKind.ARBITRATION})
POLICIES = Policies.model_validate({"gold": {"entry_test": 2, "share": 0.1}, "learning": {"random_rate": 0.5}})


def membership(**changes: Any) -> Membership:
    facts: dict[str, Any] = {
        "pool": Pool.CROWD,
        "arbiter": False,
        "status": AnnotatorStatus.ACTIVE,
        "assessed": AssessmentStatus.ACTIVE,
        "granted": 0,
        "returned": 0,
        "gold_served": 2,
    }
    return Membership(**(facts | changes))


def planned(
    count: int = 1, gold: float = 0.99, lane: float = 0.99, *, arbiter: bool = False, kinds: Any = BOTH, **facts: Any
) -> ServingPlan:
    return plan(POLICIES, membership(**facts), arbiter, count, kinds, lambda _: gold, lambda _: lane)


def lines(found: ServingPlan) -> list[tuple[str, Lane]]:
    return [(want.pool, want.lane) for want in found.wants]


def test_the_drawn_line_comes_first_and_the_other_is_the_fallback() -> None:
    assert lines(planned(lane=0.4)) == [
        ("crowd", Lane.RANDOM),
        ("any", Lane.RANDOM),
        ("crowd", Lane.LEARNING),
        ("any", Lane.LEARNING),
    ]
    assert lines(planned(lane=0.6))[0] == ("crowd", Lane.LEARNING)


def test_experts_arbitrate_first_and_are_kept_for_what_needs_them() -> None:
    assert lines(planned(pool=Pool.EXPERT)) == [
        ("expert", Lane.ARBITRATION),
        ("expert", Lane.LEARNING),
        ("expert", Lane.RANDOM),
    ]


def test_an_arbiter_of_the_crowd_does_both() -> None:
    found = lines(planned(arbiter=True))
    assert found[0] == ("expert", Lane.ARBITRATION)
    assert ("any", Lane.LEARNING) in found
    assert len(found) == 5


def test_only_the_kinds_that_were_asked_for() -> None:
    assert lines(planned(kinds={TaskKind.ARBITRATION})) == []
    assert lines(planned(arbiter=True, kinds={TaskKind.ARBITRATION})) == [("expert", Lane.ARBITRATION)]
    assert planned(gold=0.0, kinds={TaskKind.ARBITRATION}).gold_places == ()


def test_gold_is_drawn_for_each_lease_of_a_batch() -> None:
    dice = [0.05, 0.5, 0.02, 0.5]
    found = plan(POLICIES, membership(granted=7), False, 4, BOTH, lambda n: dice[n - 7], lambda _: 0.9)
    assert found.gold_places == (1, 3)
    assert 0.0 <= found.gold_offset < 1.0


@pytest.mark.parametrize(
    ("assessed", "served", "chance"),
    [
        (AssessmentStatus.ACTIVE, 0, 0.5),
        (AssessmentStatus.ACTIVE, 4, 0.5),
        (AssessmentStatus.ACTIVE, 5, 0.08),
        (AssessmentStatus.WARNED, 5, 0.3),
        (AssessmentStatus.WARNED, 0, 0.5),
    ],
)
def test_the_chance_of_gold(assessed: AssessmentStatus, served: int, chance: float) -> None:
    assert gold_chance(GoldPolicy(), assessed, served) == chance


def test_batches_look_at_more_than_they_take() -> None:
    quotas: Counter[Lane] = Counter()
    dice = [0.4, 0.6, 0.6]
    found = plan(POLICIES, membership(), False, 3, BOTH, lambda _: 0.99, lambda n: dice[n])
    for want in found.wants[:4]:
        quotas[want.lane] = want.quota
        assert want.take >= want.quota
    assert quotas == {Lane.LEARNING: 2, Lane.RANDOM: 1}


def left_with(*there: str) -> WhatIsLeft:
    return WhatIsLeft(**{one.name: one.name in there for one in fields(WhatIsLeft)})


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        (left_with(), Reason.NOTHING_YET),
        (left_with("ever"), Reason.DONE),
        (left_with("ever", "given_up"), Reason.DONE),
        (left_with("ever", "given_up", "may_come"), Reason.BEING_DECIDED),
        (left_with("ever", "given_up", "may_come", "had_given_up"), Reason.BEING_DECIDED),
        (left_with("ever", "given_up", "had_given_up", "arbiter_to_come"), Reason.OTHERS_NEEDED),
        (left_with("ever", "given_up", "others_given_up"), Reason.NO_SKILL),
        (left_with("ever", "given_up", "arbiter_to_come"), Reason.BEING_DECIDED),
        (left_with("ever", "given_up", "may_come", "open_tasks", "leased"), Reason.ALL_LEASED),
        (left_with("open_records"), Reason.BEING_DECIDED),
        (left_with("open_records", "leased"), Reason.ALL_LEASED),
        (left_with("open_records", "open_tasks", "disputes"), Reason.BEING_DECIDED),
        (left_with("open_records", "open_tasks", "disputes", "leased"), Reason.ALL_LEASED),
        (left_with("open_records", "open_tasks", "disputes", "for_others"), Reason.NO_SKILL),
        (left_with("open_records", "open_tasks", "disputes", "had"), Reason.OTHERS_NEEDED),
        (left_with("open_records", "open_tasks"), Reason.ALL_ANSWERED),
        (left_with("open_tasks"), Reason.ALL_ANSWERED),
        (left_with("open_records", "open_tasks", "leased"), Reason.ALL_LEASED),
        (left_with("open_records", "open_tasks", "leased", "in_hand"), Reason.IN_HAND),
        (left_with("open_records", "open_tasks", "disputes", "in_hand"), Reason.IN_HAND),
        (left_with("open_tasks", "for_us", "leased", "in_hand"), Reason.ALL_LEASED),
        (left_with("open_tasks", "had", "leased", "in_hand"), Reason.IN_HAND),
        (left_with("open_tasks", "for_us", "had", "for_others"), Reason.ALL_LEASED),
        (left_with("open_tasks", "for_others", "leased"), Reason.NO_SKILL),
        (left_with("open_tasks", "for_others", "held", "leased", "in_hand"), Reason.IN_HAND),
        (left_with("open_tasks", "disputes", "other_kinds"), Reason.OTHER_KINDS),
        (left_with("open_tasks", "disputes", "other_kinds", "leased"), Reason.ALL_LEASED),
        (left_with("other_kinds"), Reason.NOTHING_YET),
        (left_with("open_tasks", "for_others", "held"), Reason.NOT_SELECTED),
        (left_with("open_tasks", "had"), Reason.OTHERS_NEEDED),
        (left_with("open_tasks", "had", "for_others"), Reason.OTHERS_NEEDED),
        (left_with("open_tasks", "had", "held"), Reason.NOT_SELECTED),
    ],
)
def test_why_there_is_nothing(left: WhatIsLeft, reason: Reason) -> None:
    assert why_nothing(left) is reason


ANNOTATIONS, DISPUTES = frozenset({TaskKind.ANNOTATION}), frozenset({TaskKind.ARBITRATION})


@pytest.mark.parametrize(
    ("left", "kinds", "arbitrates", "reason"),
    [
        (left_with("open_tasks", "for_others"), DISPUTES, False, Reason.OTHER_KINDS),
        (left_with("open_tasks", "leased", "held"), DISPUTES, True, Reason.OTHER_KINDS),
        (left_with("open_tasks", "disputes"), DISPUTES, False, Reason.NO_SKILL),
        (left_with("open_tasks", "deciding"), DISPUTES, False, Reason.NO_SKILL),
        (left_with("open_tasks", "deciding"), DISPUTES, True, Reason.ALL_LEASED),
        (left_with("open_tasks", "had"), DISPUTES, True, Reason.OTHERS_NEEDED),
        (left_with("open_tasks", "disputes"), ANNOTATIONS, True, Reason.OTHER_KINDS),
        (left_with("open_tasks", "disputes"), ANNOTATIONS, False, Reason.BEING_DECIDED),
        (left_with("open_tasks", "disputes", "leased"), ANNOTATIONS, True, Reason.ALL_LEASED),
        (left_with("open_tasks", "deciding"), BOTH, True, Reason.BEING_DECIDED),
        (left_with("ever"), DISPUTES, True, Reason.DONE),
    ],
)
def test_why_there_is_nothing_of_some_kinds(
    left: WhatIsLeft, kinds: frozenset[TaskKind], arbitrates: bool, reason: Reason
) -> None:
    assert why_nothing(of_kinds(left, kinds, arbitrates=arbitrates)) is reason


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_time_to_ask_again_and_a_next_step(reason: Reason) -> None:
    none = nothing(reason, 5)
    assert 1 <= none.retry_after_s <= 600
    assert none.next_step.endswith(".")


@pytest.mark.parametrize(
    ("kind", "workforce", "found"),
    [
        (TaskKind.ANNOTATION, Workforce(active=1, eligible=1, left=1, skips=2), False),
        (TaskKind.ANNOTATION, Workforce(active=1, eligible=1, left=1, skips=3), True),
        (TaskKind.ANNOTATION, Workforce(active=1, eligible=1, left=0, skips=0), True),
        (TaskKind.ANNOTATION, Workforce(active=1, eligible=0, left=0, skips=0), True),
        (TaskKind.ANNOTATION, Workforce(active=0, eligible=0, left=0, skips=0), False),
        (TaskKind.ARBITRATION, Workforce(active=0, eligible=0, left=0, skips=0), True),
    ],
)
def test_who_is_left_to_serve_a_task(kind: TaskKind, workforce: Workforce, found: bool) -> None:
    assert (unservable(Demand(kind, "any", None), workforce, most_skips=3) is not None) is found


def test_why_does_not_reveal_gold() -> None:
    assert {why(TaskKind.ANNOTATION, prediction_shown=shown) for shown in (True, False)} == {
        Why.CHECK_PREDICTION,
        Why.OWN_ANSWER,
    }
    assert why(TaskKind.ARBITRATION, prediction_shown=False) is Why.DECIDE_DISPUTE


def test_only_free_text_is_masked() -> None:
    schema = LabelSchema.model_validate(
        {
            "fields": [{"name": "text", "kind": "text"}],
            "questions": [{"name": "who", "kind": "choice", "labels": ["10.0.0.1", "other"]}],
        }
    )
    words = words_of(schema)
    answers: Any = {"who": {"label": "10.0.0.1", "remark": "10.0.0.1 is Ada", "parts": [{"text": "Ada"}], "n": 1}}
    assert masked(answers, words, lambda _: "***") == {
        "who": {"label": "10.0.0.1", "remark": "***", "parts": [{"text": "***"}], "n": 1}
    }
