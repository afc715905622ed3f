"""When did an annotator's error rate rise? Two Bernoulli CUSUM charts over gold hits and leave-one-out consensus hits.

Page 1954 (Biometrika 41): S_t = max(0, S_{t-1} + x_t), x_t the log likelihood ratio of error rate p1 against p0, here
expected under the probability that the answer is right. The fast chart looks for a rise so large that a few dozen answers
show it; the slow one for a doubled error. p0 is the rate of everything before the present excursion of S, as in a
self-starting chart (Hawkins 1987, The Statistician 36), so a lucky start alone can't make an ordinary annotator look worse.

Gold and consensus have each their own p0: gold may be harder than ordinary records, and whoever is suspected gets more of
it, which would else look like a rise. An alarm takes evidence on gold: records that get harder, or a partner who
errs, make the consensus disagree with somebody who errs no more than before. The evidence on gold is then a walk with
negative drift under the sum of likelihood ratios, so that it passes g with probability at most exp(-g).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log


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


@dataclass(frozen=True, slots=True)
class ChartRule:
    """What one chart looks for: p1 = p0 + max((`factor` - 1) p0, `least_rise`), p0 at least `lowest`.

    `baseline_gold`, `baseline_consensus`: how many outcomes of either source, by weight, only tell the rate before.
    A warning stands from `warn` on until S is back at `clear`. The alarm: S >= `alarm`, of which gold gives `least_gold`.
    Gold that gives `unconfirmed` ends the excursion: the consensus alone has changed, and what it says now is its new p0.
    """

    name: str
    factor: float
    least_rise: float
    lowest: float
    baseline_gold: float
    baseline_consensus: float
    warn: float
    alarm: float
    least_gold: float
    clear: float = 1.0
    unconfirmed: float = -2.0


FAST = ChartRule("fast", 2.0, 0.25, 0.08, 0.0, 25.0, warn=5.0, alarm=9.0, least_gold=0.0)
SLOW = ChartRule("slow", 2.0, 0.0, 0.03, 60.0, 60.0, warn=2.5, alarm=5.0, least_gold=2.0)


@dataclass(frozen=True, slots=True)
class DriftRule:
    """The charts, and what both share: rates are shrunk to the pool's by `strength` pseudo-outcomes, p0 is at most `highest`."""

    charts: tuple[ChartRule, ...] = (FAST, SLOW)
    strength: float = 20.0
    highest: float = 0.5
    most: float = 0.95


@dataclass(frozen=True, slots=True)
class SourceEvidence:
    """What one source says of an excursion: of `answers` by weight so many are `wrong`, where `expected` is the rate before.

    `evidence`: the log likelihood ratio.
    """

    answers: float
    wrong: float
    expected: float
    evidence: float


@dataclass(frozen=True, slots=True)
class Drift:
    """Where the chart stands that is nearest to its alarm, at the alarm if there was one.

    `changed_at`: index of the first outcome after the change, `alarmed_at` of the one that gave the alarm.
    `baseline_error`: p0 on gold if gold was answered since the change, else beside the consensus.
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


def follow(outcomes: Iterable[FollowedOutcome], pool: PoolError, rule: DriftRule | None = None) -> Drift:
    """Replay an annotator's outcomes in the order of their answers, up to the first alarm or the end.

    What goes into the rate before raises no alarm: a bad start is spam's business.
    """
    charts = DriftCharts(pool, rule)
    for outcome in outcomes:
        if charts.take(outcome):
            break
    return charts.drift()


class DriftCharts:
    """The charts of one annotator, fed outcome by outcome."""

    def __init__(self, pool: PoolError, rule: DriftRule | None = None) -> None:
        rule = rule or DriftRule()
        self._charts = [_Chart(one, rule, pool) for one in rule.charts]
        self._taken = 0
        self._alarmed: _Chart | None = None

    def take(self, outcome: FollowedOutcome) -> bool:
        """Whether the outcome, or one before it, raises the alarm."""
        if self._alarmed is None:
            for chart in self._charts:
                if chart.take(outcome, self._taken):
                    self._alarmed = chart
                    break
            self._taken += 1
        return self._alarmed is not None

    @property
    def warned(self) -> bool:
        """Whether somebody should look: with more gold."""
        return any(chart.warned for chart in self._charts)

    def drift(self) -> Drift:
        """Where the charts stand."""
        chart = self._alarmed or max(self._charts, key=lambda one: one.statistic / one.rule.alarm)
        gold, consensus = chart.gold, chart.consensus
        alarmed = self._alarmed is not None
        return Drift(
            baseline_error=(gold if gold.answers else consensus).before,
            statistic=chart.statistic,
            warned=alarmed or self.warned,
            alarmed=alarmed,
            changed_at=chart.began if alarmed else None,
            alarmed_at=self._taken - 1 if alarmed else None,
            chart=chart.rule.name if chart.statistic else None,
            gold=gold.since(),
            consensus=consensus.since(),
        )


class _Source:
    """One source of outcomes: its sums before the excursion, since it began, and the rates that follow."""

    __slots__ = ("_right_step", "_wrong_step", "answers", "before", "evidence", "pooled", "strength", "weight", "wrong",
                 "wrongs")

    def __init__(self, pooled: float, strength: float) -> None:
        self.pooled, self.strength = pooled, strength
        self.wrongs = self.weight = 0.0
        self.before = pooled
        self.begin()
        self._wrong_step = self._right_step = 0.0

    def begin(self) -> None:
        self.answers = self.wrong = self.evidence = 0.0

    def learn(self, wrong: float, weight: float) -> None:
        """Count an outcome as one before any excursion."""
        self.wrongs += wrong
        self.weight += weight

    def absorb(self) -> None:
        """The excursion is over: what it saw belongs to the rate before."""
        self.learn(self.wrong, self.answers)
        self.begin()

    def forget(self) -> None:
        """The rate has another level since the excursion began, which is no drift of the annotator."""
        self.wrongs, self.weight = self.wrong, self.answers
        self.begin()

    def rate(self) -> float:
        return (self.wrongs + self.strength * self.pooled) / (self.weight + self.strength)

    def compare(self, before: float, after: float) -> None:
        """Weigh what comes by these two rates."""
        self.before = before
        self._wrong_step, self._right_step = log(after / before), log((1.0 - after) / (1.0 - before))

    def weigh(self, wrong: float, weight: float) -> None:
        self.answers += weight
        self.wrong += wrong
        self.evidence += wrong * self._wrong_step + (weight - wrong) * self._right_step

    def since(self) -> SourceEvidence | None:
        return SourceEvidence(self.answers, self.wrong, self.before, self.evidence) if self.answers else None


class _Chart:
    __slots__ = ("_highest", "_most", "_pool_gold", "began", "consensus", "gold", "rule", "statistic", "warned")

    def __init__(self, chart: ChartRule, rule: DriftRule, pool: PoolError) -> None:
        self.rule = chart
        self._highest, self._most = rule.highest, rule.most
        either = pool.consensus if pool.gold is None else pool.gold
        fallback = 0.0 if either is None else either
        self.gold = _Source(fallback if pool.gold is None else pool.gold, rule.strength)
        self.consensus = _Source(fallback if pool.consensus is None else pool.consensus, rule.strength)
        self.statistic, self.warned, self.began = 0.0, False, 0
        self._compare()

    def take(self, outcome: FollowedOutcome, place: int) -> bool:
        """Whether the outcome raises the alarm."""
        rule = self.rule
        source, least = (
            (self.gold, rule.baseline_gold) if outcome.on_gold else (self.consensus, rule.baseline_consensus)
        )
        if outcome.weight <= 0.0:
            return False
        if source.weight < least or self.gold.weight + self.consensus.weight < rule.baseline_consensus:
            source.learn(outcome.wrong, outcome.weight)
            if not self.statistic:
                self._rest(place)
            return False
        source.weigh(outcome.wrong, outcome.weight)
        self.statistic = self.gold.evidence + self.consensus.evidence
        if self.statistic <= 0.0:
            self.gold.absorb()
            self.consensus.absorb()
            self._rest(place)
        elif self.gold.evidence <= rule.unconfirmed:
            self.gold.absorb()
            self.consensus.forget()
            self._rest(place)
        elif self.statistic >= rule.alarm and self.gold.evidence >= rule.least_gold:
            self.warned = True
            return True
        else:
            self.warned = self.statistic >= rule.warn or (self.warned and self.statistic > rule.clear)
        return False

    def _rest(self, place: int) -> None:
        self.statistic, self.warned, self.began = 0.0, False, place + 1
        self._compare()

    def _compare(self) -> None:
        gold, consensus = self._within(self.gold.rate()), self._within(self.consensus.rate())
        # What doubles is the annotator's error; beside the consensus stand the others' errors, too.
        for source, before, own in ((self.gold, gold, gold), (self.consensus, consensus, min(gold, consensus))):
            rise = max((self.rule.factor - 1.0) * own, self.rule.least_rise)
            source.compare(before, min(before + rise, self._most))

    def _within(self, rate: float) -> float:
        return min(max(rate, self.rule.lowest), self._highest)
