"""The routing table: who must look at a record, for every way the facts and the dice may fall."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.queue.domain.routing import Draws, Lane, RouteDecision, RoutingEvidence, decide, rank_of, threshold_for
from shared.contracts.policies import Policies
from shared.contracts.values import Pool, Route, Split


@dataclass(frozen=True)
class Fallen:
    """Dice that have fallen."""

    explore: float
    audit: float
    blind: float
    serve: float


POLICIES = Policies.model_validate(
    {
        "redundancy": {"without_model": 2, "with_model": 1, "held_out": 3},
        "learning": {"random_share": 0.1},
        "auto_accept": {"audit_share": 0.05},
        "serving": {"blind_share": 0.2, "expert_below": 0.3},
    }
)
NEVER = Fallen(explore=0.99, audit=0.99, blind=0.99, serve=0.5)
"""No die falls."""
COLD = RoutingEvidence()
SURE = RoutingEvidence(with_model=True, confidence=0.97, threshold=0.95)
CHOSEN = RoutingEvidence(with_model=True, confidence=0.8, threshold=0.95, selection=0.5)

TABLE: list[tuple[str, Split, RoutingEvidence, Draws, dict[str, Any]]] = [
    ("cold start waits for selection", Split.TRAIN, COLD, NEVER,
     {"route": Route.PEOPLE, "slots": 2, "lane": Lane.LEARNING, "opened": False, "blind": False, "probability": 0.9}),
    ("cold start, selected", Split.TRAIN, RoutingEvidence(selection=0.25), NEVER,
     {"route": Route.PEOPLE, "slots": 2, "opened": True, "probability": 0.225}),
    ("a model needs fewer people", Split.TRAIN, CHOSEN, NEVER,
     {"route": Route.PEOPLE, "slots": 1, "opened": True, "threshold": None}),
    ("sure enough", Split.TRAIN, SURE, NEVER,
     {"route": Route.AUTO_ACCEPT, "slots": 0, "threshold": 0.95, "probability": 0.9 * 0.95}),
    ("exactly sure enough", Split.TRAIN, RoutingEvidence(with_model=True, confidence=0.95, threshold=0.95), NEVER,
     {"route": Route.AUTO_ACCEPT}),
    ("sure enough but drawn as an audit", Split.TRAIN, SURE, Fallen(0.99, 0.049, 0.99, 0.5),
     {"route": Route.PEOPLE, "audit": True, "blind": True, "lane": Lane.RANDOM, "opened": True, "slots": 2,
      "probability": 0.9 * 0.05}),
    ("sure enough but of the random share", Split.TRAIN, SURE, Fallen(0.09, 0.0, 0.99, 0.5),
     {"route": Route.PEOPLE, "explored": True, "audit": False, "lane": Lane.RANDOM, "opened": True, "slots": 1,
      "probability": 0.1}),
    ("sure enough but held out", Split.TEST, SURE, Fallen(0.0, 0.0, 0.99, 0.5),
     {"route": Route.PEOPLE, "slots": 3, "blind": True, "explored": False, "audit": False, "lane": Lane.RANDOM,
      "opened": True, "probability": 1.0}),
    ("held out without a model", Split.VALIDATION, COLD, NEVER, {"slots": 3, "blind": True, "opened": True}),
    ("without a threshold nothing is accepted", Split.TRAIN, RoutingEvidence(with_model=True, confidence=1.0), NEVER,
     {"route": Route.PEOPLE}),
    ("the model is lost", Split.TRAIN, RoutingEvidence(with_model=True, confidence=0.29, selection=1.0), NEVER,
     {"route": Route.EXPERT, "slots": 1, "pool": Pool.EXPERT, "opened": True}),
    ("drawn blind before the route is known", Split.TRAIN, CHOSEN, Fallen(0.99, 0.99, 0.19, 0.5), {"blind": True}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("split", "evidence", "draws", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_the_routing_table(split: Split, evidence: RoutingEvidence, draws: Draws, expected: dict[str, Any]) -> None:
    decision = decide(POLICIES, split, evidence, draws)
    found = {name: getattr(decision, name) for name in expected}
    assert found == {
        name: pytest.approx(value) if isinstance(value, float) else value for name, value in expected.items()
    }


def test_without_learning_everything_is_open_at_once() -> None:
    decision = decide(Policies.model_validate({"learning": {"enabled": False}}), Split.TRAIN, COLD, NEVER)
    assert decision.opened


def test_auto_accept_can_be_switched_off() -> None:
    decision = decide(Policies.model_validate({"auto_accept": {"enabled": False}}), Split.TRAIN, SURE, NEVER)
    assert decision.route is Route.PEOPLE


share = st.floats(0, 1)


@given(
    split=st.sampled_from(Split),
    evidence=st.builds(
        RoutingEvidence,
        with_model=st.booleans(),
        confidence=st.none() | share,
        threshold=st.none() | share,
        selection=st.none() | share,
    ),
    draws=st.builds(Fallen, *(st.floats(0, 1, exclude_max=True) for _ in range(4))),
)
def test_what_is_always_true_of_a_route(split: Split, evidence: RoutingEvidence, draws: Draws) -> None:
    decision: RouteDecision = decide(POLICIES, split, evidence, draws)
    assert (decision.slots == 0) == (decision.route is Route.AUTO_ACCEPT)
    assert 0.0 <= decision.probability <= 1.0
    if split.held_out:
        assert decision.blind
        assert decision.route is Route.PEOPLE
    if decision.route is Route.AUTO_ACCEPT:
        assert evidence.threshold is not None
        assert evidence.confidence is not None
        assert evidence.confidence >= evidence.threshold
    if decision.audit:
        assert decision.blind
    if decision.lane is Lane.RANDOM:
        assert decision.opened


THRESHOLDS = {("tone", None): 0.9, ("tone", "good"): 0.8, ("tone", "bad"): None, ("topic", None): 0.95}


@pytest.mark.parametrize(
    ("answers", "questions", "expected"),
    [
        ({"tone": {"label": "good"}}, ["tone"], 0.8),
        ({"tone": {"label": "so-so"}}, ["tone"], 0.9),
        ({"tone": {"label": "bad"}}, ["tone"], None),
        ({"tone": {"label": "good"}, "topic": {"label": "x"}}, ["tone", "topic"], 0.95),
        ({"tone": {"label": "good"}}, ["tone", "topic"], None),
        ({"tone": {"labels": ["good"]}}, ["tone"], 0.9),
        ({"other": {"label": "good"}}, ["other"], None),
        ({}, [], None),
    ],
)
def test_the_threshold_is_the_strictest_of_all_questions(
    answers: Any, questions: list[str], expected: float | None
) -> None:
    assert threshold_for(THRESHOLDS, answers, questions) == expected


def test_rank_puts_priority_first_and_the_urgent_before_their_equals() -> None:
    assert rank_of(1) < rank_of(0, urgent=True) < rank_of(0) < rank_of(-1, urgent=True)
    assert rank_of(2**40) == rank_of(10**6)
