"""Simulated annotators under the whole drift policy: charts, warning, and the gold share that queue gives whoever is warned.

Everybody's answers are gold or ordinary by the dice of `services.queue.domain.serving_plan`; an ordinary record gets votes
of others (four classes, each other errs with `OTHERS_ERR`) until their consensus is sure or an arbiter decides, and its outcome is
the leave-one-out posterior, as in `class_votes.leave_one_out`. qa assesses every `ASSESSED_EVERY` answers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, log

import numpy as np

from services.qa.domain.drift import DriftCharts, FastRule, FollowedOutcome, PoolError, SlowRule
from services.queue.domain.serving_plan import gold_chance
from shared.contracts.policies import GoldPolicy
from shared.contracts.values import AssessmentStatus

OTHERS_ERR = 0.1
ASSESSED_EVERY = 25
_CLASSES = 4
_STRANGER, _SURE, _MOST_VOTES = 0.85, 0.98, 5
_DRAWN = 4_000

ErrorAt = Callable[[int], float]
"""The error rate once so many gold answers were given."""


@dataclass
class ConsensusDraws:
    """How wrong an ordinary answer looks beside the others', drawn beforehand: by whether it is."""

    of_right: list[float]
    of_wrong: list[float]

    @classmethod
    def of(cls, generator: np.random.Generator, others_err: float = OTHERS_ERR) -> "ConsensusDraws":
        return cls(*([_looks_wrong(generator, own, others_err) for _ in range(_DRAWN)] for own in (0, 1)))

    def mean(self, error: float) -> float:
        """The mean of an annotator who errs so often."""
        return (1.0 - error) * float(np.mean(self.of_right)) + error * float(np.mean(self.of_wrong))


def _looks_wrong(generator: np.random.Generator, own: int, others_err: float) -> float:
    """The true class is 0."""
    others: list[int] = []
    while True:
        others.append(0 if generator.random() >= others_err else int(generator.integers(1, _CLASSES)))
        if max(_posterior([(own, 1.0 - others_err)], others, others_err)) >= _SURE:
            break
        if len(others) == _MOST_VOTES - 1:
            return float(own != 0)
    return 1.0 - _posterior([(own, _STRANGER)], others, others_err)[own]


def _posterior(own: list[tuple[int, float]], others: list[int], others_err: float) -> list[float]:
    scores = [0.0] * _CLASSES
    for answer, accuracy in [*own, *((one, 1.0 - others_err) for one in others)]:
        scores[answer] += log(accuracy * (_CLASSES - 1) / (1.0 - accuracy))
    shares = [exp(one - max(scores)) for one in scores]
    return [one / sum(shares) for one in shares]


@dataclass
class Life:
    """What came of it: by alarm the gold answers given before."""

    alarms: list[int] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    answers: int = 0
    gold: int = 0
    gold_wrong: int = 0
    warned_answers: int = 0


def live(
    generator: np.random.Generator,
    error_at: ErrorAt,
    most_gold: int,
    pool: PoolError,
    draws: ConsensusDraws | None,
    *,
    consensus_error_at: ErrorAt | None = None,
    policy: GoldPolicy | None = None,
    fast: FastRule | None = None,
    slow: SlowRule | None = None,
    until_alarm: bool = False,
) -> Life:
    """An annotator's answers until they gave so many on gold.

    Without `draws` nobody answers beside them: gold alone says anything. After an alarm a new era begins, as when a person
    reinstates them.
    """
    policy = policy or GoldPolicy()
    life, charts, status = Life(), DriftCharts(pool, fast, slow), AssessmentStatus.ACTIVE
    dice: list[float] = []
    while life.gold < most_gold:
        if len(dice) < 3:  # as many as an answer takes
            dice = generator.random(3_000).tolist()
        life.answers += 1
        life.warned_answers += status is AssessmentStatus.WARNED
        on_gold = dice.pop() < gold_chance(policy, status, life.gold)
        rate = error_at(life.gold) if on_gold or consensus_error_at is None else consensus_error_at(life.gold)
        wrong = dice.pop() < rate
        place = int(dice.pop() * _DRAWN)
        outcome = None
        if on_gold:
            life.gold += 1
            life.gold_wrong += wrong
            outcome = FollowedOutcome(float(wrong), 1.0, on_gold=True)
        elif draws is not None:
            outcome = FollowedOutcome((draws.of_wrong if wrong else draws.of_right)[place], 1.0, on_gold=False)
        if outcome is not None:
            charts.take(outcome)
        if life.answers % ASSESSED_EVERY:
            continue
        drift = charts.drift()
        status = AssessmentStatus.WARNED if drift.warned else AssessmentStatus.ACTIVE
        if drift.alarmed:
            life.alarms.append(life.gold)
            life.charts.append(drift.chart or "")
            if until_alarm:
                break
            charts, status = DriftCharts(pool, fast, slow), AssessmentStatus.ACTIVE
    return life
