"""How much human work a record needs. Draws come in as numbers in [0, 1); nothing here rolls dice."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from shared.contracts.policies import Policies
from shared.contracts.values import Answers, Pool, Route, Split


class Lane(StrEnum):
    """From which line a task is served. Lanes are never shown to an annotator."""

    GOLD = "gold"
    RANDOM = "random"  # drawn by chance: held out, the random share, audits
    LEARNING = "learning"  # chosen because the model would learn from it
    ARBITRATION = "arbitration"


class Draws(Protocol):
    """The record's dice, keyed by the project's salt: the same on every redelivery and re-scoring."""

    @property
    def explore(self) -> float: ...
    @property
    def audit(self) -> float: ...
    @property
    def blind(self) -> float: ...
    @property
    def serve(self) -> float: ...


@dataclass(frozen=True, slots=True)
class RoutingEvidence:
    """What the newest routing prediction says, as far as it answers the round's schema version.

    `with_model` False is cold start. `threshold` is what the answers' confidence must reach to be accepted unseen,
    None where there is no such evidence. `selection` is the chance with which a learning batch chose the record, None
    while it waits for its turn.
    """

    with_model: bool = False
    confidence: float | None = None
    threshold: float | None = None
    selection: float | None = None


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """`opened`: annotators may lease its slots now; else they are held until the record is selected.

    `probability` is the chance with which the draws decided as they did.
    """

    route: Route
    slots: int
    lane: Lane
    pool: Pool | None
    opened: bool
    blind: bool
    audit: bool
    explored: bool
    threshold: float | None
    probability: float


Thresholds = Mapping[tuple[str, str | None], float | None]
"""By (question, label); label None is every class without a threshold of its own. None: accept nothing of it."""


def threshold_for(thresholds: Thresholds, answers: Answers, questions: Collection[str]) -> float | None:
    """The confidence from which these answers may be accepted: the strictest of their questions'.

    None when any question of the schema is unanswered or has no threshold for its answer.
    """
    if not answers or set(questions) != set(answers):
        return None
    strictest = 0.0
    for question, answer in answers.items():
        label = answer.get("label")
        key = (question, label if isinstance(label, str) else None)
        found = thresholds[key] if key in thresholds else thresholds.get((question, None))
        if found is None:
            return None
        strictest = max(strictest, found)
    return strictest


def terms_of(policies: Policies) -> tuple[float, ...]:
    """All of the policies that `decide` goes by."""
    redundancy, learning, auto_accept, serving = (
        policies.redundancy,
        policies.learning,
        policies.auto_accept,
        policies.serving,
    )
    return (
        redundancy.without_model,
        redundancy.with_model,
        redundancy.held_out,
        learning.enabled,
        learning.random_share,
        auto_accept.enabled,
        auto_accept.audit_share,
        serving.blind_share,
        serving.expert_below,
    )


def accepted_unseen(policies: Policies, evidence: RoutingEvidence) -> bool:
    """Whether people see such a record only where it is drawn by chance."""
    confidence, threshold = evidence.confidence, evidence.threshold
    return policies.auto_accept.enabled and threshold is not None and confidence is not None and confidence >= threshold


def for_experts(policies: Policies, evidence: RoutingEvidence) -> bool:
    """Whether the model is so unsure of such a record that it is an expert's."""
    confidence = evidence.confidence
    return evidence.with_model and confidence is not None and confidence < policies.serving.expert_below


def decide(policies: Policies, split: Split, evidence: RoutingEvidence, draws: Draws) -> RouteDecision:
    """Route a record that is not gold and whose slots nobody has touched."""
    redundancy, learning, blind_share = policies.redundancy, policies.learning, policies.serving.blind_share
    ordinary = redundancy.with_model if evidence.with_model else redundancy.without_model
    if split.held_out:
        return _people(redundancy.held_out, Lane.RANDOM, blind=True, probability=1.0)
    if draws.explore < learning.random_share:
        return _people(
            ordinary,
            Lane.RANDOM,
            blind=draws.blind < blind_share,
            explored=True,
            probability=learning.random_share,
        )
    chance = 1.0 - learning.random_share
    threshold = evidence.threshold
    if accepted_unseen(policies, evidence):
        audit_share = policies.auto_accept.audit_share
        if draws.audit < audit_share:
            # Blind, so people don't see a model's answer: as many people as without a model.
            return _people(
                redundancy.without_model,
                Lane.RANDOM,
                blind=True,
                audit=True,
                threshold=threshold,
                probability=chance * audit_share,
            )
        return RouteDecision(
            Route.AUTO_ACCEPT,
            slots=0,
            lane=Lane.LEARNING,
            pool=None,
            opened=False,
            blind=False,
            audit=False,
            explored=False,
            threshold=threshold,
            probability=chance * (1.0 - audit_share),
        )
    opened = evidence.selection is not None or not learning.enabled
    probability = chance * (1.0 if evidence.selection is None else evidence.selection)
    unsure = for_experts(policies, evidence)
    return RouteDecision(
        Route.EXPERT if unsure else Route.PEOPLE,
        slots=1 if unsure else ordinary,
        lane=Lane.LEARNING,
        pool=Pool.EXPERT if unsure else None,
        opened=opened,
        blind=draws.blind < blind_share,
        audit=False,
        explored=False,
        threshold=None,
        probability=probability,
    )


def _people(
    slots: int,
    lane: Lane,
    *,
    blind: bool,
    probability: float,
    audit: bool = False,
    explored: bool = False,
    threshold: float | None = None,
) -> RouteDecision:
    return RouteDecision(
        Route.PEOPLE,
        slots=slots,
        lane=lane,
        pool=None,
        opened=True,
        blind=blind,
        audit=audit,
        explored=explored,
        threshold=threshold,
        probability=probability,
    )


_MOST_URGENT = 1_000_000


def rank_of(priority: int, *, urgent: bool = False) -> int:
    """Where a slot stands in its lane: lower is served earlier. `urgent`: others wait for it to finish the record."""
    return -2 * max(-_MOST_URGENT, min(_MOST_URGENT, priority)) - (1 if urgent else 0)
