"""Intraclass correlations of numbers: how much of their variance lies between records.

With n records, k answers to each, mean squares between records (MSR), between annotators (MSC), within records (MSW) and of the
residual (MSE):
    ICC(1)    (MSR - MSW) / (MSR + (k - 1) MSW)          annotators differ from record to record
    ICC(1,k)  (MSR - MSW) / MSR                          of the mean of k answers
    ICC(2,1)  (MSR - MSE) / (MSR + (k - 1) MSE + k (MSC - MSE) / n)     the same annotators answered every record
    ICC(2,k)  (MSR - MSE) / (MSR + (MSC - MSE) / n)      of the mean of k answers

The intervals assume normal numbers and annotators drawn from many. They are too narrow where numbers have heavy tails.

Sources: Shrout and Fleiss 1979 (Psychological Bulletin 86); McGraw and Wong 1996 (Psychological Methods 1). With unequal numbers
of answers: the analysis of variance estimate with k_0, and Thomas and Hultquist 1978 (The Annals of Statistics 6) for the
interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from services.qa.domain.agreement_coefficients import Coefficient
from services.qa.domain.arrays import Floats

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
    within = sum(float(((one - mean) ** 2).sum()) for one, mean in zip(given, means, strict=True)) / (total - count)
    overall = float(sizes @ means) / total
    between = float(sizes @ (means - overall) ** 2) / (count - 1)
    answers = (total - float(sizes @ sizes) / total) / (count - 1)
    if between == 0.0 and within == 0.0:
        return _undefined(answers)
    harmonic = count / float((1.0 / sizes).sum())
    spread = harmonic * float(means.var(ddof=1))
    freedom = (count - 1.0, total - count)
    ends = [
        _single_of_ratio(spread, within * _quantile(*freedom), harmonic),
        _single_of_ratio(spread * _quantile(*freedom[::-1]), within, harmonic),
    ]
    value = _single_of_ratio(between, within, answers)
    return _correlations(value, ends, answers, int((sizes > 1).sum()), int(total))


def icc_2(records: Floats) -> IntraclassCorrelations:
    """ICC(2,1) and ICC(2,k) of (n, k) numbers, a column for each annotator; a record with a nan is left out."""
    table = np.asarray(records, np.float64)
    table = table[np.isfinite(table).all(axis=1)]
    count, answers = table.shape
    if count < 2 or answers < 2:  # noqa: PLR2004  # a pair
        return _undefined(float(answers))
    between, annotators, residual = _mean_squares(table)
    if between == 0.0 and residual == 0.0:
        return _undefined(float(answers))
    apart = answers * (annotators - residual) / count
    value = (between - residual) / (between + (answers - 1) * residual + apart)
    return _correlations(
        value, _ends_of_two_ways(table.shape, between, annotators, residual, value), answers, count, table.size
    )


def _mean_squares(table: Floats) -> tuple[float, float, float]:
    """Between records, between annotators, and of the residual."""
    count, answers = table.shape
    overall = float(table.mean())
    of_records, of_annotators = table.mean(axis=1), table.mean(axis=0)
    residual = table - of_records[:, None] - of_annotators[None, :] + overall
    return (
        answers * float(((of_records - overall) ** 2).sum()) / (count - 1),
        count * float(((of_annotators - overall) ** 2).sum()) / (answers - 1),
        float((residual**2).sum()) / ((count - 1) * (answers - 1)),
    )


def _ends_of_two_ways(
    shape: tuple[int, ...], between: float, annotators: float, residual: float, value: float
) -> list[float]:
    """Shrout and Fleiss 1979, by Satterthwaite's approximation of the degrees of freedom."""
    count, answers = shape
    if residual == 0.0:
        return [value, value]
    ratio = annotators / residual
    held = min(max(value, 0.0), 1.0)
    part = count * (1.0 + (answers - 1) * held) - answers * held
    freedom = (answers - 1) * (count - 1) * (answers * held * ratio + part) ** 2
    freedom /= (count - 1) * (answers * held * ratio) ** 2 + part**2
    noise = answers * annotators + (answers * count - answers - count) * residual
    upper, lower = _quantile(count - 1, freedom), _quantile(freedom, count - 1)
    return [
        count * (between - upper * residual) / (upper * noise + count * between),
        count * (lower * between - residual) / (noise + count * lower * between),
    ]


def _quantile(above: float, below: float) -> float:
    """Of the F distribution with these degrees of freedom."""
    return float(special.fdtri(above, below, _UPPER))


def _single_of_ratio(between: float, within: float, answers: float) -> float:
    return (between - within) / (between + (answers - 1.0) * within)


def _correlations(
    value: float, ends: Sequence[float], answers: float, records: int, annotations: int
) -> IntraclassCorrelations:
    low, high = (min(1.0, max(-1.0 / (answers - 1.0) if answers > 1.0 else -1.0, end)) for end in ends)
    of_mean = [_of_mean(one, answers) for one in (value, low, high)]
    return IntraclassCorrelations(
        Coefficient(value, min(low, value), max(high, value), None, records, annotations),
        Coefficient(of_mean[0], of_mean[1], of_mean[2], None, records, annotations),
        answers,
    )


def _of_mean(single: float, answers: float) -> float | None:
    """Spearman and Brown's formula; None at the least possible value, where it has none."""
    whole = 1.0 + (answers - 1.0) * single
    return answers * single / whole if whole > 0.0 else None


def _undefined(answers: float) -> IntraclassCorrelations:
    nothing = Coefficient(None, None, None)
    return IntraclassCorrelations(nothing, nothing, answers)
