"""The values that consensus speaks: who answered what, what follows, and how well each answer fits the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from pydantic import JsonValue

from services.qa.domain.stopping import NextVote
from shared.contracts.values import Calibrated

Answer = Mapping[str, JsonValue]
"""One question's answer, as `shared.contracts.answers` shapes it, for instance `{"label": "positive"}`."""

Distribution = Mapping[str, float]
"""Probability by class (`choice`; sums to 1) or by label (`multi_choice`; each on its own)."""


TIE = 1e-9
"""Probabilities and weights that differ by no more are equal: what differs is rounding."""

STRANGER = ""
"""The name of nobody: estimates serve it from the pool."""


def voter(annotator_id: UUID, era: int = 0) -> str:
    """The name under which an annotator's answers are estimated.

    After a drift alarm the answers since the change count as a new annotator's: the next `era`.
    """
    return f"{annotator_id}#{era}"


class TruthBasis(StrEnum):
    """How the truth of a record came to be known, where that says something of how sure its votes may make.

    `gold`: it was placed. `dispute`: an arbiter decided since the votes left it open. `differs`, `drawn`: an expert looked
    since a model differed, or by chance where it agreed.
    """

    GOLD = "gold"
    DISPUTE = "dispute"
    DIFFERS = "differs"
    DRAWN = "drawn"


@dataclass(frozen=True, slots=True)
class Vote:
    """One annotator's answer to one question of one record; `voter` as made by `voter()`.

    `counted`: it was there before the truth was known, and is not the truth itself (an arbiter's decision).
    """

    voter: str
    answer: Answer
    counted: bool = True


@dataclass(frozen=True, slots=True)
class ItemVotes:
    """All that is known of one record's question: its votes in order of submission, and what else speaks for an answer.

    `truth` is certain: a gold answer or an arbiter's decision. `prior` is the model's distribution, None when the
    record must be labelled by people alone (held out, audit) or when no model has seen it. A model's distribution is
    admitted only if the model was not trained on this record. `basis`: how the truth came to be known; None where it is not
    known, or by something that depends on whether the votes were right (a product's report). `worth`: for how many such
    records this one stands.
    """

    votes: Sequence[Vote]
    truth: Answer | None = None
    prior: Distribution | None = None
    basis: TruthBasis | None = None
    worth: float = 1.0


@dataclass(frozen=True, slots=True)
class Consensus:
    """What follows from the votes. `confidence` in [0, 1]: the posterior of `answer`: of spans and boxes as a whole, of
    several labels that of the least sure one.

    `tied`: the best answer is not unique, or a part of it stands at even votes; a tie is never final.
    `distribution` is the posterior by class or label, empty for spans and boxes. `method` goes into the lineage.
    `calibrated`: what the confidence was calibrated on. `coming`: how the next vote would speak, where that is known.
    """

    answer: Answer
    confidence: float
    tied: bool
    method: str
    distribution: Distribution = field(default_factory=dict)
    calibrated: Calibrated = Calibrated.DEFAULT
    coming: NextVote | None = None


@dataclass(frozen=True, slots=True)
class VoteOutcome:
    """How one vote fits the others (and the model, and the truth when known).

    `right`: the probability that the vote is right, the vote itself counted as a stranger's; for answers that are sets
    the expected share of their parts. `weight` in [0, 1]: its worth as evidence, 0 where nothing else is known of the item.
    """

    right: float
    weight: float
