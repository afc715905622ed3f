"""When did an annotator's error rate rise? A Bernoulli CUSUM over gold hits and leave-one-out consensus hits.

Page 1954 (Biometrika 41): S_t = max(0, S_{t-1} + x_t), x_t the log likelihood ratio of error rate p1 against p0, here
expected under the probability that the answer is right. An alarm is confirmed by the same sum with p0 from everything
before the change: a lucky start would else make an ordinary annotator look worse later.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.qa.domain.votes import VoteOutcome

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DriftRule:
    """What counts as a rise.

    p0 is the error rate of the annotator's first outcomes, `baseline_answers` by weight, shrunk to the pool's by
    `baseline_strength` pseudo-outcomes and held in [`lowest`, `highest`]; p1 = max(2 p0, p0 + `least_rise`).
    A warning stands from `warn` until `alarm` confirms or `clear` ends it.
    """

    baseline_answers: int = 25
    baseline_strength: float = 20.0
    lowest: float = 0.08
    highest: float = 0.30
    least_rise: float = 0.25
    warn: float = 5.0
    alarm: float = 9.0
    clear: float = 1.0


@dataclass(frozen=True, slots=True)
class Drift:
    """Where the CUSUM stands, at the alarm if there was one.

    `changed_at`: index of the first outcome after the change, `alarmed_at` of the one that gave the alarm.
    """

    baseline_error: float
    statistic: float
    warned: bool
    alarmed: bool
    changed_at: int | None = None
    alarmed_at: int | None = None


def follow(outcomes: Sequence[VoteOutcome], pool_error: float, rule: DriftRule | None = None) -> Drift:
    """Replay an annotator's outcomes in the order of their answers; `pool_error`: the mean error rate of all annotators.

    Gives the state at the first alarm, or at the end. The baseline itself raises no alarm: that is spam's business.
    """
    rule = rule or DriftRule()
    weight = np.array([outcome.weight for outcome in outcomes], np.float64)
    wrong = weight * np.array([1.0 - outcome.right for outcome in outcomes], np.float64)
    wrongs, weights = _running(wrong), _running(weight)
    first = min(int(np.searchsorted(weights, rule.baseline_answers)), len(outcomes))
    before, after = _rates(wrongs[first], weights[first], pool_error, rule)

    steps = _evidence(wrong, weight, before, after)
    steps[:first] = 0.0
    sums = _running(steps)
    lows = np.minimum.accumulate(sums)
    statistic = sums - lows
    for end in np.flatnonzero(statistic >= rule.alarm):
        start = int(np.flatnonzero(sums[:end] == lows[end])[-1])
        confirmed = _rates(wrongs[start], weights[start], pool_error, rule)
        excursion = _evidence(wrongs[end] - wrongs[start], weights[end] - weights[start], *confirmed)
        if excursion >= rule.alarm:
            return Drift(
                baseline_error=float(confirmed[0]),
                statistic=float(excursion),
                warned=True,
                alarmed=True,
                changed_at=start,
                alarmed_at=int(end) - 1,
            )
    return Drift(before, float(statistic[-1]), warned=_warned(statistic, rule), alarmed=False)


def _running(values: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values)])


def _rates(wrong: float, weight: float, pool_error: float, rule: DriftRule) -> tuple[float, float]:
    before = (wrong + rule.baseline_strength * pool_error) / (weight + rule.baseline_strength)
    before = float(min(max(before, rule.lowest), rule.highest))
    return before, max(2.0 * before, before + rule.least_rise)


def _evidence(wrong: Floats, weight: Floats, before: float, after: float) -> Floats:
    """Expected log likelihood ratio of outcomes of which `wrong` out of `weight` are wrong."""
    return np.asarray(
        wrong * np.log(after / before) + (weight - wrong) * np.log((1.0 - after) / (1.0 - before)), np.float64
    )


def _warned(statistic: Floats, rule: DriftRule) -> bool:
    warnings = np.flatnonzero(statistic >= rule.warn)
    return len(warnings) > 0 and bool((statistic[warnings[-1] :] > rule.clear).all())
