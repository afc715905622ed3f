"""When did an annotator's error rate rise? A Bernoulli CUSUM over gold hits and leave-one-out consensus hits.

Page 1954 (Biometrika 41): S_t = max(0, S_{t-1} + x_t), x_t the log likelihood ratio of error rate p1 against p0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from services.qa.domain.voting import Outcome


@dataclass(frozen=True, slots=True)
class DriftRule:
    """What counts as a rise.

    p0 is the error rate of the annotator's first `baseline_answers` outcomes, shrunk to the pool's by
    `baseline_strength` pseudo-outcomes and held in [`lowest`, `highest`]; p1 = max(2 p0, p0 + `least_rise`).
    A warning stands from `warn` until `alarm` confirms or `clear` ends it.
    """

    baseline_answers: int = 25
    baseline_strength: float = 10.0
    lowest: float = 0.08
    highest: float = 0.30
    least_rise: float = 0.25
    warn: float = 5.0
    alarm: float = 8.0
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


def follow(outcomes: Sequence[Outcome], pool_error: float, rule: DriftRule | None = None) -> Drift:
    """Replay an annotator's outcomes in the order of their answers; `pool_error`: the mean error rate of all annotators.

    Gives the state at the first alarm, or at the end.
    """
    rule = rule or DriftRule()
    right = np.array([outcome.right for outcome in outcomes], np.float64)
    weight = np.array([outcome.weight for outcome in outcomes], np.float64)
    first = slice(0, rule.baseline_answers)
    wrong = float(((1.0 - right[first]) * weight[first]).sum())
    seen = float(weight[first].sum())
    before = (wrong + rule.baseline_strength * pool_error) / (seen + rule.baseline_strength)
    before = min(max(before, rule.lowest), rule.highest)
    after = max(2.0 * before, before + rule.least_rise)
    if not outcomes:
        return Drift(before, 0.0, warned=False, alarmed=False)

    steps = weight * (right * log((1.0 - after) / (1.0 - before)) + (1.0 - right) * log(after / before))
    sums = np.concatenate([[0.0], np.cumsum(steps)])
    lows = np.minimum.accumulate(sums)
    statistic = (sums - lows)[1:]
    alarms = np.flatnonzero(statistic >= rule.alarm)
    if len(alarms) > 0:
        end = int(alarms[0])
        changed = int(np.flatnonzero(sums[: end + 1] == lows[end + 1])[-1])
        return Drift(before, float(statistic[end]), warned=True, alarmed=True, changed_at=changed, alarmed_at=end)
    return Drift(before, float(statistic[-1]), warned=_warned(statistic, rule), alarmed=False)


def _warned(statistic: np.ndarray[tuple[int], np.dtype[np.float64]], rule: DriftRule) -> bool:
    warnings = np.flatnonzero(statistic >= rule.warn)
    return len(warnings) > 0 and bool((statistic[warnings[-1] :] > rule.clear).all())
