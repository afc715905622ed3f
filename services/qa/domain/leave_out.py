"""Outcomes for kinds whose posterior has no closed leave-one-out form: take the vote out and ask the rest."""

from collections.abc import Sequence

from services.qa.domain.kinds.kind import Kind, QuestionEstimates
from services.qa.domain.voting import ItemVotes, Outcome


def outcomes_by_consensus(kind: Kind, items: Sequence[ItemVotes], estimates: QuestionEstimates) -> list[list[Outcome]]:
    """A vote is right with the confidence of the others' consensus if it hits that, else with the rest to one."""
    return [_outcomes(kind, item, estimates) for item in items]


def _outcomes(kind: Kind, item: ItemVotes, estimates: QuestionEstimates) -> list[Outcome]:
    if item.truth is not None:
        return [Outcome(float(kind.hit(vote.answer, item.truth)), 1.0) for vote in item.votes]
    found: list[Outcome] = []
    for at, vote in enumerate(item.votes):
        others = [*item.votes[:at], *item.votes[at + 1 :]]
        if not others:
            found.append(Outcome(0.5, 0.0))
            continue
        rest = kind.consensus(others, estimates, item.prior)
        hit = kind.hit(vote.answer, rest.answer)
        found.append(Outcome(rest.confidence if hit else 1.0 - rest.confidence, rest.confidence))
    return found
