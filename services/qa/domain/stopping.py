"""Whether a record's next vote is worth its cost.

What a wrong label costs is weighed against the price of votes and of an arbiter, by backward induction over the votes that
may still come: the best answer so far is right with a probability, the next vote is for it or against it, and each moves
the probability by Bayes' rule. Looking one vote ahead is not enough: where two agree, no single vote changes the answer, so it
would seem worthless.

Sources: Wald 1947, "Sequential Analysis"; Arrow, Blackwell & Girshick 1949 (Econometrica 17), the finite horizon; DeGroot 1970,
"Optimal Statistical Decisions", chapter 12.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Self

HORIZON = 6
"""So many votes are looked ahead at most: later ones hardly change whether the next is worth it."""


class StoppingStep(Enum):
    ASK = auto()
    FINALIZE = auto()
    ARBITRATE = auto()


@dataclass(frozen=True, slots=True)
class StoppingCosts:
    """The price of a vote, of an arbiter's decision and of a wrong label, in any unit. An arbiter is taken to be right."""

    vote: float
    arbiter: float
    error: float

    @classmethod
    def of_target(cls, target: float) -> Self:
        """The costs under which, if the next vote settled it, one is asked for while the confidence is below `target`.

        A vote then costs (1 - target) of an error, and so does an arbiter, who is asked when nobody else may be.
        """
        return cls(vote=1.0 - target, arbiter=1.0 - target, error=1.0)


@dataclass(frozen=True, slots=True)
class NextVote:
    """How the next vote speaks: P(it is for the best answer | that is right), P(it is for it | that is wrong)."""

    if_right: float
    if_wrong: float

    def tempered(self, rate: float) -> "NextVote":
        """The vote whose likelihood ratios are these to the power of `rate`, in (0, 1]: it says less."""
        if not 0.0 < self.if_wrong < self.if_right < 1.0:
            return self
        towards = (self.if_right / self.if_wrong) ** rate
        away = ((1.0 - self.if_right) / (1.0 - self.if_wrong)) ** rate
        wrong = (1.0 - away) / (towards - away)
        return NextVote(towards * wrong, wrong)

    def outcomes(self, chance: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """(probability, chance of being right then) if the vote is for the best answer, and if it is not."""
        agrees = chance * self.if_right + (1.0 - chance) * self.if_wrong
        up = chance * self.if_right / agrees if agrees > 0.0 else chance
        down = chance * (1.0 - self.if_right) / (1.0 - agrees) if agrees < 1.0 else chance
        return (agrees, up), (1.0 - agrees, down)


DECISIVE: Final = NextVote(1.0, 0.0)
"""A vote that settles it."""

ORDINARY: Final = NextVote(0.85, 0.15)
"""A stranger's, where nothing better is known."""


def next_step(chance: float, coming: NextVote, *, votes_left: int, costs: StoppingCosts) -> StoppingStep:
    """What costs least in expectation. `chance`: that the best answer is right. About 20 microseconds.

    On equal costs a label is preferred to a vote, and a vote to an arbiter.
    """
    finalize = costs.error * (1.0 - chance)
    ask = costs.vote + _expected(chance, coming, min(votes_left, HORIZON), costs) if votes_left > 0 else float("inf")
    if finalize <= min(ask, costs.arbiter):
        return StoppingStep.FINALIZE
    return StoppingStep.ASK if ask <= costs.arbiter else StoppingStep.ARBITRATE


def _expected(chance: float, coming: NextVote, votes_left: int, costs: StoppingCosts) -> float:
    """The expected cost after the next vote, the best being done from then on.

    After n votes there are n + 1 states: only how many were for the answer counts.
    """
    layers: list[list[float]] = [[chance]]
    for _ in range(votes_left):
        before = layers[-1]
        layers.append([coming.outcomes(one)[0][1] for one in before] + [coming.outcomes(before[-1])[1][1]])
    values = [_ending(one, costs) for one in layers[-1]]
    for layer in reversed(layers[1:-1]):
        values = [min(_ending(one, costs), costs.vote + _mean(one, coming, values, at)) for at, one in enumerate(layer)]
    return _mean(chance, coming, values, 0)


def _mean(chance: float, coming: NextVote, after: Sequence[float], at: int) -> float:
    """States are ordered by how many votes were against the answer: `at` before the vote, `at` or one more after it."""
    (agrees, _), (differs, _) = coming.outcomes(chance)
    return agrees * after[at] + differs * after[at + 1]


def _ending(chance: float, costs: StoppingCosts) -> float:
    """What it costs to end now; where the other answer is likelier, that becomes the label."""
    return min(costs.error * min(1.0 - chance, chance), costs.arbiter)
