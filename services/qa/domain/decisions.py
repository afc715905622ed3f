"""What happens to a record now. Every function is total: it gives one decision and never raises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.qa.domain.lineage import canonical
from services.qa.domain.record_consensus import answers_of
from services.qa.domain.stopping import DECISIVE, ORDINARY, StoppingCosts, StoppingStep, next_step
from services.qa.domain.votes import Consensus
from shared.contracts.policies import RedundancyPolicy
from shared.contracts.values import Answers, Calibrated

_MOST_DISPUTED_BYTES = 400_000
"""An event has an end; an arbiter who sees the first of many large answers sees enough."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Slots of this round are still open."""


@dataclass(frozen=True, slots=True)
class Finalize:
    """The answers stand; `confidence` is that of the least sure question; `calibrated` is `gold` where that of each is."""

    answers: Answers
    confidence: float
    calibrated: Calibrated = Calibrated.DEFAULT


@dataclass(frozen=True, slots=True)
class AskMore:
    """The round should collect `slots_total` annotations in all: a target that includes those that count no more."""

    slots_total: int
    reason: str


@dataclass(frozen=True, slots=True)
class Arbitrate:
    """An arbiter must decide."""

    reason: str


@dataclass(frozen=True, slots=True)
class Relabel:
    """Open the next round: `slots_total` annotations, of experts alone or of anybody, blind or not."""

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
) -> Decision:
    """What the votes of one round lead to.

    Args:
        consensus: The consensus of the counted votes, by question; empty when nothing counts or no question was answered.
        counted: Annotations of this round that count.
        voided: Annotations of this round that took a slot and count no more (a paused annotator's).
        slots_total: Slots that the round has, as last requested or routed.
        policy: The numbers to ask for and the posterior to reach.

    A round may collect `policy.maximum` annotations that count; with none left to ask, an arbiter decides. Of several questions
    one that is worth a vote is enough to ask for it, and one that none may answer any more is enough for an arbiter.
    """
    if counted + voided < slots_total:
        return Wait()
    if counted == 0:
        return AskMore(slots_total=slots_total + 1, reason="votes_voided")
    votes_left = max(policy.maximum - counted, 0)
    steps = {name: _step_of(one, votes_left, policy) for name, one in consensus.items()}
    unsure = [name for name, step in steps.items() if step is not StoppingStep.FINALIZE]
    if not unsure:
        confidence = min((one.confidence for one in consensus.values()), default=1.0)
        is_default = any(one.calibrated is Calibrated.DEFAULT for one in consensus.values())
        calibrated = Calibrated.GOLD if consensus and not is_default else Calibrated.DEFAULT
        return Finalize(answers_of(consensus), confidence, calibrated)
    tied = any(consensus[name].tied for name in unsure)
    if any(steps[name] is StoppingStep.ASK for name in unsure):
        return AskMore(slots_total=slots_total + 1, reason="tie" if tied else "unsure")
    return Arbitrate("tie" if tied else "unsure")


def _step_of(one: Consensus, votes_left: int, policy: RedundancyPolicy) -> StoppingStep:
    """What a question asks for; a tie is never final. A target stands for costs (`StoppingCosts.of_target`)."""
    if policy.costs is None:
        costs, coming = StoppingCosts.of_target(policy.posterior_target), DECISIVE
    else:
        costs, coming = StoppingCosts(**policy.costs.model_dump()), one.coming or ORDINARY
    found = next_step(one.confidence, coming, votes_left=votes_left, costs=costs)
    if one.tied and found is StoppingStep.FINALIZE:
        return StoppingStep.ASK if votes_left else StoppingStep.ARBITRATE
    return found


def held_out_check(reason: str, *, checked_before: bool) -> Relabel | None:
    """Whether an expert relabels a finalized held-out record blind, once a record.

    `reason`: the champion differs from people, whose own errors would else be held against it; or they agree and chance
    drew the record, since people may share the champion's mistakes.
    """
    return None if checked_before else Relabel(slots_total=1, experts_only=True, blind=True, reason=reason)


def after_feedback(*, contradicts: bool, reopened: bool, arbitrated_since: bool) -> Relabel | Arbitrate | None:
    """What a product's report on a finalized label leads to.

    Args:
        contradicts: The correction differs from the label.
        reopened: Feedback has re-opened this revision of the label before, or made the revision by re-opening it.
        arbitrated_since: An arbiter has decided after feedback, under the present schema version: that is final.
    """
    if not contradicts or arbitrated_since:
        return None
    if reopened:
        return Arbitrate("contradicted_again")
    return Relabel(slots_total=2, experts_only=False, blind=True, reason="contradicted_by_feedback")


def disputed_answers(answers: Sequence[Answers]) -> list[Answers]:
    """The differing answers in an order independent of who gave them, as many as an event holds."""
    distinct = sorted({canonical(dict(one)): one for one in answers}.items())
    kept: list[Answers] = []
    size = 0
    for text, one in distinct:
        size += len(text)
        if size > _MOST_DISPUTED_BYTES:
            break
        kept.append(one)
    return kept
