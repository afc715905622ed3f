"""What happens to a record now. Every function is total: it gives exactly one decision and never raises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.contracts.policies import RedundancyPolicy
from shared.contracts.values import Answers

from services.qa.domain.voting import Consensus


@dataclass(frozen=True, slots=True)
class Wait:
    """Slots of this round are still open."""


@dataclass(frozen=True, slots=True)
class Finalize:
    """The answers stand, by `consensus` of people (`confidence`: of the least sure question)."""

    answers: Answers
    confidence: float


@dataclass(frozen=True, slots=True)
class AskMore:
    """The round should collect `slots_total` annotations in all (a target, counting those that no longer count)."""

    slots_total: int
    reason: str


@dataclass(frozen=True, slots=True)
class Arbitrate:
    """An arbiter must decide."""

    reason: str


@dataclass(frozen=True, slots=True)
class Relabel:
    """Open the next round: `slots_total` annotations, of experts alone, blind."""

    slots_total: int
    experts_only: bool
    blind: bool
    reason: str


Decision = Wait | Finalize | AskMore | Arbitrate


def decide(
    consensus: Mapping[str, Consensus],
    *,
    counted: int,
    voided: int,
    slots_total: int,
    policy: RedundancyPolicy,
    target: float | None = None,
) -> Decision:
    """What the votes of one round lead to.

    Args:
        consensus: What the counted votes say, by question; empty when nothing counts.
        counted: Annotations of this round that count.
        voided: Annotations of this round that used a slot and count no more (a paused annotator's).
        slots_total: Slots the round has now, as qa last requested or heard.
        policy: Numbers to ask for.
        target: Posterior to reach, default the policy's.
    """
    raise NotImplementedError


def after_arbitration(answers: Answers, rounds: int) -> Finalize:
    """An arbiter's answer is final."""
    raise NotImplementedError


def held_out_check(*, agrees: Sequence[bool], checked_before: bool) -> Relabel | None:
    """Whether an expert relabels a finalized held-out record blind: the champion differs on a question, once a record."""
    raise NotImplementedError


def after_feedback(*, contradicts: bool, reopened_this_revision: int, decided_after_reopening: bool) -> Relabel | Arbitrate | None:
    """What a product's report on a finalized label leads to: relabel once a revision, then an arbiter, then nothing."""
    raise NotImplementedError


def replacement_slots(*, counted: int, voided: int, slots_total: int, policy: RedundancyPolicy) -> AskMore | None:
    """New target of an open round after annotations in it were voided, None when its free slots suffice."""
    raise NotImplementedError
