"""Intraclass correlations of numbers: how much of their variance lies between records.

With n records, k answers to each, mean squares between records (MSR), between annotators (MSC), within records (MSW) and of the
residual (MSE):
    ICC(1)    (MSR - MSW) / (MSR + (k - 1) MSW)          annotators differ from record to record
    ICC(1,k)  (MSR - MSW) / MSR                          of the mean of k answers
    ICC(2,1)  (MSR - MSE) / (MSR + (k - 1) MSE + k (MSC - MSE) / n)     the same annotators answered every record
    ICC(2,k)  (MSR - MSE) / (MSR + (MSC - MSE) / n)      of the mean of k answers

The intervals are of further records answered by these annotators: the hull of those by the F distribution, which are right for
normal numbers and hold the truth in half the cases and less where tails are heavy, and of those drawn as in
`agreement_intervals`, which are right for many records of any numbers. Where no answers to a record differ, half a record on
which they do is added.

Sources: Shrout and Fleiss 1979 (Psychological Bulletin 86); McGraw and Wong 1996 (Psychological Methods 1). With unequal numbers
of answers: the analysis of variance estimate with k_0, and Thomas and Hultquist 1978 (The Annals of Statistics 6), the variance
of the records' means with the harmonic mean of k, for the interval.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from services.qa.domain.agreement_coefficients import Coefficient
from services.qa.domain.agreement_intervals import DIFFERING_MASS, Interval, intervals
from services.qa.domain.arrays import Floats
from services.qa.domain.class_tables import estimate_of

_UPPER: Final = 0.975


@dataclass(frozen=True, slots=True)
class IntraclassCorrelations:
    """`single`: of one answer; `mean`: of the mean of `answers`, the mean number to a record."""

    single: Coefficient
    mean: Coefficient
    answers: float


def icc_1(records: Sequence[Sequence[float]]) -> IntraclassCorrelations:
    """ICC(1) and ICC(1,k) of records with any numbers of answers, whoever gave them; one with none is left out.

    Undefined with fewer than two records, without a record of two answers, or where nothing varies.
    """
    given = [np.asarray(one, np.float64) for one in records if len(one)]
    sizes = np.array([len(one) for one in given], np.float64)
    total, count = float(sizes.sum()), len(given)
    if count < 2 or total <= count:  # noqa: PLR2004  # a pair
        return _undefined(total / max(1, count))
    means = np.array([one.mean() for one in given])
    squares = np.array([float(((one - mean) ** 2).sum()) for one, mean in zip(given, means, strict=True)])
    within = float(squares.sum()) / (total - count)
    between = float(sizes @ (means - float(sizes @ means) / total) ** 2) / (count - 1)
    answers = (total - float(sizes @ sizes) / total) / (count - 1)
    if between == 0.0 and within == 0.0:
        return _undefined(answers)
    harmonic = count / float((1.0 / sizes).sum())

    def statistic(weights: Floats) -> Floats:
        own, added = weights[:, :-1], weights[:, -1]
        spread = _spread(own, means)
        inside = (own @ squares + added * spread * (harmonic - 1.0)) / (own @ (sizes - 1.0) + added * (harmonic - 1.0))
        return _ratio(harmonic * spread, inside, harmonic)

    value = float(_ratio(between, within, answers))
    drawn = _interval(value, means, squares - within * (sizes - 1.0), within * (total - count) / count, statistic)
    normal = _of_normal(harmonic * float(means.var(ddof=1)), within, (count - 1.0, total - count))
    interval = _hull(drawn, [float(_ratio(*one, harmonic)) for one in normal])
    return _correlations(value, interval, answers, int((sizes > 1).sum()), int(total))


def icc_2(records: Floats) -> IntraclassCorrelations:
    """ICC(2,1) and ICC(2,k) of (n, k) numbers, a column for each annotator; a record with a nan is left out.

    Undefined with fewer than two records or annotators, or where nothing varies.
    """
    table = np.asarray(records, np.float64)
    table = table[np.isfinite(table).all(axis=1)]
    count, answers = table.shape
    if count < 2 or answers < 2:  # noqa: PLR2004  # a pair
        return _undefined(float(answers))
    means = table.mean(axis=1)
    apart = table - means[:, None]
    of_annotators = apart.mean(axis=0)
    freedom = (count - 1) * (answers - 1)
    squares = ((apart - of_annotators) ** 2).sum(axis=1)
    residual = float(squares.sum()) / freedom
    between = answers * float(means.var(ddof=1))
    annotators = count * float((of_annotators**2).sum()) / (answers - 1)
    if between == 0.0 and residual == 0.0:
        return _undefined(float(answers))

    def statistic(weights: Floats) -> Floats:
        own, added = weights[:, :-1], weights[:, -1]
        total = own.sum(axis=1)
        shares = own / total[:, None]
        spread = _spread(own, means)
        middles = shares @ apart
        of_all = (shares @ (apart**2).sum(axis=1) - (middles**2).sum(axis=1)) * _wider(count) / (answers - 1)
        inside = (total * of_all + added * spread) / (total + added)
        # what the annotators' means owe to the records at hand and to the draw is no difference between annotators
        annotators = (middles**2).sum(axis=1) / (answers - 1) - inside * (1.0 / count + 1.0 / (count + 1.0))
        return _two_ways(answers * spread, inside, annotators, answers)

    apart_variance = (annotators - residual) / count
    value = float(_two_ways(between, residual, apart_variance, answers))
    drawn = _interval(value, means, squares - squares.mean(), float(squares.mean()), statistic)
    normal = _of_normal(between, residual, (count - 1.0, float(freedom)))
    interval = _hull(drawn, [float(_two_ways(*one, apart_variance, answers)) for one in normal])
    return _correlations(value, interval, float(answers), count, table.size)


def _wider(count: int) -> float:
    return (count + 1.0) / (count - 1.0)


def _spread(weights: Floats, means: Floats) -> Floats:
    """(R,) the variance of the records' means under each draw's weights, in the mean that of the sample."""
    total = weights.sum(axis=1)
    centred = means - means.mean()
    square = weights @ centred**2 / total - (weights @ centred / total) ** 2
    return np.asarray(square * _wider(len(means)), np.float64)


def _ratio(between: Floats | float, within: Floats | float, answers: float) -> Floats:
    return np.asarray((between - within) / (between + (answers - 1.0) * within), np.float64)


def _two_ways(between: Floats | float, residual: Floats | float, annotators: Floats | float, answers: int) -> Floats:
    """`annotators`: the variance between them."""
    whole = between + (answers - 1.0) * residual + answers * np.maximum(annotators, -residual / answers)
    return np.asarray((between - residual) / whole, np.float64)


def _interval(
    value: float, means: Floats, deviations: Floats, within: float, statistic: Callable[[Floats], Floats]
) -> Interval:
    """`deviations` (n,): of the squares within each record from what was to be expected, `within`, the mean of them."""
    spread = float(means.var())
    influence = ((means - means.mean()) ** 2 / spread - 1.0) if spread > 0.0 else np.zeros(len(means))
    if within > 0.0:
        influence = influence - deviations / within
    estimate = estimate_of(value, influence, np.ones(len(means)), len(means))
    masses = np.r_[np.ones(len(means)), 0.0 if within > 0.0 else DIFFERING_MASS]
    return intervals(masses, [estimate], lambda weights: statistic(weights)[None])[0]


def _of_normal(between: float, within: float, freedom: tuple[float, float]) -> list[tuple[float, float]]:
    """Mean squares at the ends of the interval of their ratio, by the F distribution."""
    above, below = freedom
    return [
        (between, within * float(special.fdtri(above, below, _UPPER))),
        (between * float(special.fdtri(below, above, _UPPER)), within),
    ]


def _hull(drawn: Interval, ends: Sequence[float]) -> Interval:
    low, high = drawn
    return (None, None) if low is None or high is None else (min(low, ends[0]), max(high, ends[1]))


def _correlations(
    value: float, interval: Interval, answers: float, records: int, annotations: int
) -> IntraclassCorrelations:
    low, high = interval
    return IntraclassCorrelations(
        Coefficient(value, low, high, None, records, annotations),
        Coefficient(
            _of_mean(value, answers), _of_mean(low, answers), _of_mean(high, answers), None, records, annotations
        ),
        answers,
    )


def _of_mean(single: float | None, answers: float) -> float | None:
    """Spearman and Brown's formula; None at the least possible value, where it has none."""
    if single is None or 1.0 + (answers - 1.0) * single <= 0.0:
        return None
    return answers * single / (1.0 + (answers - 1.0) * single)


def _undefined(answers: float) -> IntraclassCorrelations:
    nothing = Coefficient(None, None, None)
    return IntraclassCorrelations(nothing, nothing, answers)
