"""Simulated annotators: how often they err, on what, how fast they are, and when they lose their eye.

Errors fall mostly on look-alike digits and mostly onto the look-alike. Three such people and a majority vote on every
record are right on about 94 % of them.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

CROWD = 20
EXPERTS = 2
LOOK_ALIKES = {4: 9, 9: 4, 3: 8, 8: 3, 1: 7, 7: 1}
_PLAIN_TO_LOOK_ALIKE = 0.25  # a plain digit is misread this much as often as a look-alike one
_SHARE_OF_LOOK_ALIKES = len(LOOK_ALIKES) / 10
_ONTO_THE_TWIN = 0.8
_SKIP_RATE = 0.03
_ACCURACY_LOWEST, _ACCURACY_HIGHEST = 0.80, 0.98
_EXPERT_LOWEST, _EXPERT_HIGHEST = 0.985, 0.99
_DRIFT_AFTER, _DRIFT_FROM, _DRIFT_TO = 40, 0.95, 0.60
_MEDIAN_S, _SPREAD = 4.0, 0.5


@dataclass
class Person:
    """`accuracy_at(n)` is the chance that their n-th answer (from 0) is right."""

    subject: str
    accuracy_at: Callable[[int], float]
    dice: random.Random
    expert: bool = False
    answered: int = field(default=0, init=False)

    def answer(self, truth: int) -> int:
        error = 1 - self.accuracy_at(self.answered)
        self.answered += 1
        if self.accuracy_at is _guessing:
            return self.dice.randrange(10)
        return misread(truth, self.dice) if self.dice.random() < error_on(truth, error) else truth

    def skips(self) -> bool:
        return not self.expert and self.dice.random() < _SKIP_RATE

    def seconds(self) -> float:
        """How long one answer takes: log-normal, median 4 s."""
        return _MEDIAN_S * self.dice.lognormvariate(0, _SPREAD)


def error_on(truth: int, mean_error: float) -> float:
    """A person's chance to misread this digit, given their mean over all ten."""
    look_alike = mean_error / (_SHARE_OF_LOOK_ALIKES + (1 - _SHARE_OF_LOOK_ALIKES) * _PLAIN_TO_LOOK_ALIKE)
    return min(1.0, look_alike if truth in LOOK_ALIKES else look_alike * _PLAIN_TO_LOOK_ALIKE)


def misread(truth: int, dice: random.Random) -> int:
    twin = LOOK_ALIKES.get(truth)
    if twin is not None and dice.random() < _ONTO_THE_TWIN:
        return twin
    return dice.choice([value for value in range(10) if value != truth])


def _guessing(_: int) -> float:
    return 0.1


def _drifting(answered: int) -> float:
    return _DRIFT_FROM if answered < _DRIFT_AFTER else _DRIFT_TO


def _steady(accuracy: float) -> Callable[[int], float]:
    return lambda _: accuracy


@dataclass(frozen=True)
class Crowd:
    """20 annotators, of whom one guesses and one drifts, and two experts."""

    annotators: list[Person]
    experts: list[Person]
    spammer: Person
    drifter: Person

    @property
    def everyone(self) -> list[Person]:
        return [*self.annotators, *self.experts]


def make_crowd(seed: int) -> Crowd:
    dice = random.Random(f"crowd-{seed}")  # noqa: S311  a simulation, no secret

    def person(subject: str, accuracy_at: Callable[[int], float], *, expert: bool = False) -> Person:
        return Person(subject, accuracy_at, random.Random(f"{seed}-{subject}"), expert)  # noqa: S311

    annotators = [
        person(f"annotator-{number:02d}", _steady(dice.uniform(_ACCURACY_LOWEST, _ACCURACY_HIGHEST)))
        for number in range(1, CROWD + 1)
    ]
    spammer, drifter = dice.sample(annotators, 2)
    spammer.accuracy_at = _guessing
    drifter.accuracy_at = _drifting
    experts = [
        person(f"expert-{number}", _steady(dice.uniform(_EXPERT_LOWEST, _EXPERT_HIGHEST)), expert=True)
        for number in range(1, EXPERTS + 1)
    ]
    return Crowd(annotators, experts, spammer, drifter)
