"""When did an annotator's error rate rise? Two charts over gold hits and leave-one-out consensus hits.

The fast chart finds within some dozen answers a rise by a quarter. It is a Bernoulli CUSUM (Page 1954, Biometrika 41): S_t =
max(0, S_{t-1} + x_t), x_t the log likelihood ratio of error rate p1 against p0, here expected under the probability that the
answer is right. p0 is the rate of everything before the present excursion of S, shrunk to the pool's, as in a self-starting
chart (Hawkins 1987, The Statistician 36). An alarm must hold also at the rate before that fits best: a lucky start else
makes an ordinary annotator look worse later.

The slow chart finds a doubled error. For every moment at which the rate may have changed it weighs what came since against
what came before (Lai 1995, JRSS B 57). The many answers beside the consensus say that there was a change, and since when:
their likelihood ratio is that of two Poisson rates against ones that hardly differ. Gold says whether it was the annotator
who changed: its Bayes factor is that of a doubled rate against the rate before. Both are needed, or much on gold alone.
Records that get harder, or a partner who errs, make the consensus disagree with somebody who errs no more than before; the
evidence on gold has then a negative drift, and exceeds g with a probability of about exp(-g).

Gold and consensus have each their own rate before: gold may be harder than ordinary records, and whoever is suspected gets
more of it, which would else look like a rise. But few gold answers tell it badly, so that it is expected to be as far from
the pool's as it is beside the consensus.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np

from services.qa.domain.arrays import Flags, Floats, Integers

_TINY = 1e-9
_MOMENTS = 300
"""At so many moments, at most, the slow chart looks for a change."""


@dataclass(frozen=True, slots=True)
class FollowedOutcome:
    """An answer as the charts see it: `wrong` of `weight` is wrong, both in [0, 1]; `on_gold`, or beside the consensus."""

    wrong: float
    weight: float
    on_gold: bool


@dataclass(frozen=True, slots=True)
class PoolError:
    """The mean error rates of all annotators on gold and beside the consensus; None where there were no outcomes."""

    gold: float | None = None
    consensus: float | None = None

    @property
    def any(self) -> float:
        """One of them, that of gold first; 0 without outcomes."""
        return next((one for one in (self.gold, self.consensus) if one is not None), 0.0)


@dataclass(frozen=True, slots=True)
class FastRule:
    """p0 is held in [`lowest`, `highest`]; p1 = p0 + max(p0, `least_rise`).

    The first `baseline` outcomes by weight only tell the rate before, beside `strength` pseudo-outcomes of the pool. A
    warning stands from `warn` on until S is back at `clear`. The alarm: S >= `alarm` of which gold gives `least_gold` where
    anybody answers gold, or S >= `alone` if gold gives no less than `against`; and the rise is `confirmed` at the rate before
    that fits best, where the pool counts `confirming_strength` pseudo-outcomes.
    """

    baseline: float = 25.0
    strength: float = 20.0
    lowest: float = 0.08
    highest: float = 0.5
    least_rise: float = 0.25
    warn: float = 5.0
    alarm: float = 9.0
    least_gold: float = 2.0
    alone: float = 16.0
    against: float = -0.5
    confirmed: float = 8.0
    confirming_strength: float = 4.0
    clear: float = 1.0


@dataclass(frozen=True, slots=True)
class SlowRule:
    """The alarm: both sources together give `alarm`, of which gold `least_gold`, or gold alone gives `gold_alarm`;
    `only_gold_alarm` where nobody answers beside the annotator, and half of the `baseline` suffices.

    A warning stands while both give `warn`, unless gold gives less than `unconfirmed`. A change counts only with `baseline`
    outcomes by weight before it. `ordinary`: by what factor rates may differ that have not changed; `factor`: what is looked for
    on gold. The rate before on gold is expected to be at least `lowest`, and stands on `strength` pseudo-outcomes and on one
    more for every `consensus_worth` outcomes beside the consensus, up to `most_strength`.
    """

    baseline: float = 120.0
    strength: float = 25.0
    consensus_worth: float = 1.0
    most_strength: float = 1_000.0
    lowest: float = 0.02
    factor: float = 2.0
    ordinary: float = 1.25
    warn: float = 3.0
    alarm: float = 5.0
    least_gold: float = 2.0
    gold_alarm: float = 5.0
    only_gold_alarm: float = 3.0
    unconfirmed: float = -3.0


@dataclass(frozen=True, slots=True)
class SourceEvidence:
    """What one source says of a change: of `answers` by weight since, so many are `wrong`; `before` is the rate before.

    `evidence`: the log likelihood ratio.
    """

    answers: float
    wrong: float
    before: float
    evidence: float


@dataclass(frozen=True, slots=True)
class Drift:
    """Where the chart stands that is nearest to its alarm, at the alarm if there was one.

    `changed_at`: index of the first outcome after the change, `alarmed_at` of the one that gave the alarm.
    `baseline_error`: the rate before, on gold if gold was answered since the change, else beside the consensus.
    """

    baseline_error: float
    statistic: float
    warned: bool
    alarmed: bool
    changed_at: int | None = None
    alarmed_at: int | None = None
    chart: str | None = None
    gold: SourceEvidence | None = None
    consensus: SourceEvidence | None = None


def follow(
    outcomes: Iterable[FollowedOutcome], pool: PoolError, fast: FastRule | None = None, slow: SlowRule | None = None
) -> Drift:
    """Replay an annotator's outcomes in the order of their answers, up to the first alarm of the fast chart or the end.

    What goes into the rate before raises no alarm: a bad start is spam's business.
    """
    charts = DriftCharts(pool, fast, slow)
    for outcome in outcomes:
        if charts.take(outcome):
            break
    return charts.drift()


class DriftCharts:
    """The charts of one annotator, fed outcome by outcome."""

    def __init__(self, pool: PoolError, fast: FastRule | None = None, slow: SlowRule | None = None) -> None:
        self._pool = pool
        self._slow = slow or SlowRule()
        self._fast = _FastChart(fast or FastRule(), pool)
        self._sums = _RunningSums()

    def take(self, outcome: FollowedOutcome) -> bool:
        """Whether the outcome, or one before it, raises the alarm of the fast chart."""
        if not self._fast.alarmed:
            self._fast.take(outcome, self._sums.taken)
            self._sums.add(outcome)
        return self._fast.alarmed

    def drift(self) -> Drift:
        """Where the charts stand. The slow one looks at all outcomes at once."""
        fast = self._fast.drift(self._sums.taken)
        if fast.alarmed:
            return fast
        slow = _look_back(self._sums, self._pool, self._slow)
        if slow is None or (not slow.alarmed and slow.statistic <= fast.statistic):
            return fast
        if slow.warned or not fast.warned:
            return slow
        return fast


class _RunningSums:
    """Sums before each outcome: wrong and weight on gold, wrong and weight beside the consensus."""

    def __init__(self) -> None:
        self.taken = 0
        self._sums = np.zeros((256, 4))
        self._now = [0.0, 0.0, 0.0, 0.0]

    def add(self, outcome: FollowedOutcome) -> None:
        source = 0 if outcome.on_gold else 2
        self._now[source] += outcome.wrong
        self._now[source + 1] += outcome.weight
        self.taken += 1
        if self.taken == len(self._sums):
            self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)])
        self._sums[self.taken] = self._now

    def moments(self) -> Integers:
        """Places at which the rate may have changed: all of the newest, fewer the longer ago."""
        back = np.unique(np.geomspace(1, max(self.taken, 1), _MOMENTS).astype(np.int64))
        return self.taken - back[back <= self.taken]

    def splits(self, moments: Integers) -> "tuple[_Split, _Split]":
        """Gold and consensus, before and since each of the moments."""
        before, since = self._sums[moments].T, (self._sums[self.taken] - self._sums[moments]).T
        return _Split(before[0], before[1], since[0], since[1]), _Split(before[2], before[3], since[2], since[3])


@dataclass(frozen=True, slots=True)
class _Split:
    """One source's sums before and since each of M moments."""

    wrong_before: Floats
    weight_before: Floats
    wrong_since: Floats
    weight_since: Floats

    def since(self, at: int, before: float, evidence: float) -> SourceEvidence | None:
        answers = float(self.weight_since[at])
        return SourceEvidence(answers, float(self.wrong_since[at]), before, evidence) if answers > _TINY else None


def _look_back(sums: _RunningSums, pool: PoolError, rule: SlowRule) -> Drift | None:
    """The slow chart; None when nothing speaks for a rise."""
    moments = sums.moments()
    gold, consensus = sums.splits(moments)
    of_consensus = _rise(consensus, rule.ordinary)
    shape, rate = _before_on_gold(gold, consensus, pool, rule)
    of_gold = _doubled(gold, shape, rate, rule.factor)
    together = of_consensus + of_gold
    possible: Flags = gold.weight_before + consensus.weight_before >= rule.baseline / 2
    only_gold = consensus.weight_before + consensus.weight_since < rule.baseline
    of_gold_needed = np.where(only_gold, rule.only_gold_alarm, rule.gold_alarm)
    possible &= only_gold | (gold.weight_before + consensus.weight_before >= rule.baseline)
    alarmed = possible & (((together >= rule.alarm) & (of_gold >= rule.least_gold)) | (of_gold >= of_gold_needed))
    is_alarmed = bool(alarmed.any())
    candidates = alarmed if is_alarmed else possible & (of_gold > rule.unconfirmed)
    at = int(np.where(candidates, together, -np.inf).argmax()) if candidates.any() else 0
    if not candidates.any() or together[at] <= 0.0:
        return None
    gold_before = float(shape[at] / rate[at])
    consensus_before = float(consensus.wrong_before[at] / max(consensus.weight_before[at], _TINY))
    return Drift(
        baseline_error=min(gold_before if gold.weight_since[at] else consensus_before, 1.0),
        statistic=float(together[at]),
        warned=is_alarmed or bool(together[at] >= rule.warn),
        alarmed=is_alarmed,
        changed_at=int(moments[at]) if is_alarmed else None,
        alarmed_at=sums.taken - 1 if is_alarmed else None,
        chart="slow",
        gold=gold.since(at, gold_before, float(of_gold[at])),
        consensus=consensus.since(at, consensus_before, float(of_consensus[at])),
    )


def _rise(split: _Split, ordinary: float) -> Floats:
    """(M,) log likelihood ratio of two Poisson rates against ones that differ by the factor `ordinary`; 0 where they don't."""
    before = split.wrong_before / np.maximum(split.weight_before, _TINY)
    since = split.wrong_since / np.maximum(split.weight_since, _TINY)
    weight = np.maximum(split.weight_before + ordinary * split.weight_since, _TINY)
    null = np.maximum((split.wrong_before + split.wrong_since) / weight, _TINY)
    ratio = split.wrong_before * np.log(np.maximum(before, _TINY) / null)
    ratio += split.wrong_since * np.log(np.maximum(since, _TINY) / (ordinary * null))
    risen = (since > ordinary * before) & (split.weight_before > 0.0) & (split.weight_since > 0.0)
    return np.where(risen, np.maximum(ratio, 0.0), 0.0)


def _before_on_gold(gold: _Split, consensus: _Split, pool: PoolError, rule: SlowRule) -> tuple[Floats, Floats]:
    """(M,) shape and (M,) rate of the gamma distribution of the error rate on gold before each moment."""
    expected = np.full(len(gold.weight_before), max(pool.any, rule.lowest))
    strength = np.full(len(expected), rule.strength)
    if pool.gold is not None and pool.consensus is not None:
        own = (consensus.wrong_before + rule.strength * pool.consensus) / (consensus.weight_before + rule.strength)
        expected = np.maximum(pool.gold + own - pool.consensus, rule.lowest)
        strength += np.minimum(consensus.weight_before / rule.consensus_worth, rule.most_strength)
    return gold.wrong_before + strength * expected, gold.weight_before + strength


def _doubled(gold: _Split, shape: Floats, rate: Floats, factor: float) -> Floats:
    """(M,) log Bayes factor of `factor` times the rate before against that rate, which has the gamma distribution.

    The count of errors is Poisson, so both marginal likelihoods are negative binomial; at the same rate, hits and misses
    vary less than that.
    """
    wrong, weight = gold.wrong_since, gold.weight_since
    return np.asarray(
        wrong * log(factor) - (shape + wrong) * np.log((rate + factor * weight) / (rate + weight)), np.float64
    )


@dataclass(frozen=True, slots=True)
class _Grid:
    """Logs of rates before, of the rates after that belong to them, and of 1 minus either."""

    before: Floats
    right_before: Floats
    after: Floats
    right_after: Floats


@lru_cache
def _grid(rule: FastRule) -> _Grid:
    before = np.linspace(0.005, 0.7, 140)
    after = np.minimum(before + np.maximum(before, rule.least_rise), 0.98)
    return _Grid(np.log(before), np.log1p(-before), np.log(after), np.log1p(-after))


class _Source:
    """One source of outcomes of the fast chart: its sums before the excursion and since it began, and the rate before."""

    __slots__ = (
        "_pseudo_wrong",
        "_right_step",
        "_wrong_step",
        "answers",
        "before",
        "evidence",
        "weight",
        "wrong",
        "wrongs",
    )

    def __init__(self, pooled: float, rule: FastRule) -> None:
        self._pseudo_wrong = rule.strength * pooled
        self.wrongs, self.weight = self._pseudo_wrong, rule.strength
        self.answers = self.wrong = self.evidence = 0.0
        self.compare(rule)

    def absorb(self, rule: FastRule) -> None:
        """The excursion is over: what it saw belongs to the rate before."""
        self.wrongs += self.wrong
        self.weight += self.answers
        self.answers = self.wrong = self.evidence = 0.0
        self.compare(rule)

    def compare(self, rule: FastRule) -> None:
        before = min(max(self.wrongs / self.weight, rule.lowest), rule.highest)
        after = before + max(before, rule.least_rise)
        self.before = before
        after = min(after, 0.95)  # a rate
        self._wrong_step, self._right_step = log(after / before), log((1.0 - after) / (1.0 - before))

    def weigh(self, outcome: FollowedOutcome) -> None:
        self.answers += outcome.weight
        self.wrong += outcome.wrong
        self.evidence += outcome.wrong * self._wrong_step + (outcome.weight - outcome.wrong) * self._right_step

    def profiled(self, rule: FastRule) -> float:
        """The log likelihood ratio of a rise against none, each at the rate before that fits it best."""
        grid = _grid(rule)
        right = self.answers - self.wrong
        share = (rule.strength - rule.confirming_strength) / rule.strength
        wrongs, weight = self.wrongs - share * self._pseudo_wrong, self.weight - share * rule.strength
        base = wrongs * grid.before + (weight - wrongs) * grid.right_before
        steady = base + self.wrong * grid.before + right * grid.right_before
        risen = base + self.wrong * grid.after + right * grid.right_after
        return float(risen.max() - steady.max())

    def since(self) -> SourceEvidence | None:
        return SourceEvidence(self.answers, self.wrong, self.before, self.evidence) if self.answers else None


class _FastChart:
    def __init__(self, rule: FastRule, pool: PoolError) -> None:
        self._rule = rule
        self._gold, self._consensus = (
            _Source(pool.any if one is None else one, rule) for one in (pool.gold, pool.consensus)
        )
        self._least_gold = 0.0 if pool.gold is None else rule.least_gold
        self._statistic, self._began, self._taken = 0.0, 0, 0.0
        self._warned = False
        self.alarmed = False

    def take(self, outcome: FollowedOutcome, place: int) -> None:
        rule, gold, consensus = self._rule, self._gold, self._consensus
        (gold if outcome.on_gold else consensus).weigh(outcome)
        self._taken += outcome.weight
        self._statistic = gold.evidence + consensus.evidence
        if self._statistic <= 0.0 or self._taken <= rule.baseline:
            gold.absorb(rule)
            consensus.absorb(rule)
            self._statistic, self._warned, self._began = 0.0, False, place + 1
        elif self._statistic >= rule.alarm:
            self._warned = True
            shown = gold.evidence >= self._least_gold or (
                self._statistic >= rule.alone and gold.evidence >= rule.against
            )
            self.alarmed = shown and gold.profiled(rule) + consensus.profiled(rule) >= rule.confirmed
        else:
            self._warned = self._statistic >= rule.warn or (self._warned and self._statistic > rule.clear)

    def drift(self, taken: int) -> Drift:
        gold, consensus = self._gold, self._consensus
        return Drift(
            baseline_error=(gold if gold.answers else consensus).before,
            statistic=self._statistic,
            warned=self._warned,
            alarmed=self.alarmed,
            changed_at=self._began if self.alarmed else None,
            alarmed_at=taken - 1 if self.alarmed else None,
            chart="fast" if self._statistic else None,
            gold=gold.since(),
            consensus=consensus.since(),
        )
