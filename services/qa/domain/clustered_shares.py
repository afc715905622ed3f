"""Shares of answers that come in clusters: several of one record, and many of one annotator.

Answers of one annotator are alike, and so are those to one record, so n answers say less than n independent ones would. How
much less is estimated over the whole project (an intraclass correlation for each of the two), and, for a difference, also
from the clusters of the two parts themselves (Cameron, Gelbach and Miller 2011, two-way clustering: the variance over records
plus that over annotators less that over single answers); the larger variance counts. A share's interval is Clopper and
Pearson's on the effective number of answers (Korn and Graubard 1998, Survey Methodology 24), which also holds at 0 and at 1.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from scipy import stats

from services.qa.domain.arrays import Flags, Floats, Integers

LEVEL: Final = 0.95
_UPPER: Final = 0.5 + LEVEL / 2.0


@dataclass(frozen=True, slots=True, eq=False)
class ClusteredAnswers:
    """Values in [0, 1] of answers, with the record and the annotator of each, counted from 0; shape [n].

    Where `annotators` is None nobody in particular gave them, as a label.
    """

    values: Floats
    records: Integers
    annotators: Integers | None = None

    def part(self, inside: Flags) -> "ClusteredAnswers":
        """Those of the answers."""
        annotators = None if self.annotators is None else self.annotators[inside]
        return ClusteredAnswers(self.values[inside], self.records[inside], annotators)


class Correlations(NamedTuple):
    """How much alike two answers to one record are, and two of one annotator: intraclass correlations in [0, 1].

    `annotators_df`: degrees of freedom of the second.
    """

    records: float
    annotators: float
    annotators_df: float


class ShareInterval(NamedTuple):
    """A share and its 95 % interval."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """A share less that of the others, its 95 % interval, and the probability of one as large if there were none."""

    value: float
    low: float
    high: float
    p_value: float


def correlations(answers: ClusteredAnswers) -> Correlations:
    """The correlations by the mean product of two deviations in one cluster, over the variance (Fisher's pairwise estimator).

    The mean that deviations are taken from is estimated from the same clusters: the product is raised by their number for that.
    """
    if len(answers.values) == 0:
        return Correlations(0.0, 0.0, 1.0)
    rests = answers.values - answers.values.mean()
    of_records = _correlation(rests, answers.records)[0]
    if answers.annotators is None:
        return Correlations(of_records, 0.0, np.inf)
    of_annotators, clusters = _correlation(rests, answers.annotators)
    return Correlations(of_records, of_annotators, max(clusters - 1.0, 1.0))


def _correlation(rests: Floats, clusters: Integers) -> tuple[float, float]:
    """The correlation within clusters, and how many clusters of one size would say as much."""
    sizes = np.bincount(clusters).astype(np.float64)
    sums = np.bincount(clusters, weights=rests)
    variance = float((rests**2).mean())
    pairs = float((sizes * (sizes - 1.0)).sum())
    effective = float(sizes.sum() ** 2 / (sizes**2).sum())
    if variance <= 0.0 or pairs <= 0.0:
        return 0.0, effective
    products = float((sums**2).sum() - (rests**2).sum())
    raised = effective / max(effective - 1.0, 1.0)
    return min(max(products / pairs / variance * raised, 0.0), 1.0), effective


def effective_answers(answers: ClusteredAnswers, like: Correlations) -> tuple[float, float]:
    """As how many independent answers these count, and the degrees of freedom of that (Satterthwaite 1946)."""
    count = len(answers.values)
    of_records = _crowding(answers.records) * like.records
    of_annotators = 0.0 if answers.annotators is None else _crowding(answers.annotators) * like.annotators
    parts = 1.0 + of_records + of_annotators
    by_answers = (1.0 + of_records) ** 2 / max(count - 1, 1)
    freedom = parts**2 / (by_answers + of_annotators**2 / like.annotators_df)
    return count / parts, max(freedom, 1.0)


def _crowding(clusters: Integers) -> float:
    """How many others of its cluster an answer has, on average."""
    sizes = np.bincount(clusters).astype(np.float64)
    return float((sizes**2).sum() / sizes.sum() - 1.0)


def share_interval(answers: ClusteredAnswers, like: Correlations) -> ShareInterval:
    """The share of answers (one at least), with the interval for further records and annotators of the same kind."""
    value = float(answers.values.mean())
    count, freedom = effective_answers(answers, like)
    widened = count * (stats.norm.ppf(_UPPER) / stats.t.ppf(_UPPER, freedom)) ** 2
    hits = value * widened
    low = float(stats.beta.ppf(1.0 - _UPPER, hits, widened - hits + 1.0)) if hits > 0.0 else 0.0
    high = float(stats.beta.ppf(_UPPER, hits + 1.0, widened - hits)) if hits < widened else 1.0
    return ShareInterval(value, min(low, value), max(high, value))


def difference(answers: ClusteredAnswers, inside: Flags, like: Correlations) -> Difference:
    """How the share of the answers inside differs from that of the others; there are some of both."""
    value = float(answers.values[inside].mean() - answers.values[~inside].mean())
    by_model, model_freedom = _expected_variance(answers, inside, like)
    by_clusters, cluster_freedom = _two_way_variance(answers, inside)
    variance, freedom = (by_clusters, cluster_freedom) if by_clusters > by_model else (by_model, model_freedom)
    if variance <= 0.0:
        return Difference(value, value, value, 1.0)
    error = variance**0.5
    reach = float(stats.t.ppf(_UPPER, freedom)) * error
    p_value = float(2.0 * stats.t.sf(abs(value) / error, freedom))
    return Difference(value, max(value - reach, -1.0), min(value + reach, 1.0), p_value)


def _expected_variance(answers: ClusteredAnswers, inside: Flags, like: Correlations) -> tuple[float, float]:
    """The variance of the difference if there is none, by the correlations, and its degrees of freedom.

    Clusters that have answers in both parts count for as much as they have more of them in one.
    """
    weights = np.where(inside, 1.0 / inside.sum(), -1.0 / (~inside).sum())
    spread = float((answers.values**2).mean() - answers.values.mean() ** 2)
    single = float((weights**2).sum())
    by_record = max(float((np.bincount(answers.records, weights) ** 2).sum()) - single, 0.0) * like.records
    by_annotator = 0.0
    if answers.annotators is not None:
        by_annotator = max(float((np.bincount(answers.annotators, weights) ** 2).sum()) - single, 0.0) * like.annotators
    whole = single + by_record + by_annotator
    fewest = min(int(inside.sum()), int((~inside).sum()))
    by_answers = (single + by_record) ** 2 / max(fewest - 1, 1)
    return spread * whole, max(whole**2 / (by_answers + by_annotator**2 / like.annotators_df), 1.0)


def _two_way_variance(answers: ClusteredAnswers, inside: Flags) -> tuple[float, float]:
    """The variance of the difference from the clusters themselves, and its degrees of freedom."""
    rests = np.where(inside, answers.values - answers.values[inside].mean(), 0.0) / inside.sum()
    rests -= np.where(inside, 0.0, answers.values - answers.values[~inside].mean()) / (~inside).sum()
    by_record, of_records = _cluster_sum(rests, answers.records, inside)
    if answers.annotators is None:
        return by_record, of_records
    by_annotator, of_annotators = _cluster_sum(rests, answers.annotators, inside)
    single = float((rests**2).sum())
    both = by_record + by_annotator - single
    variance = max(both, by_record, by_annotator)
    return variance, of_annotators if by_annotator > single else min(of_records, of_annotators)


def _cluster_sum(rests: Floats, clusters: Integers, inside: Flags) -> tuple[float, float]:
    """The sum of the squares of clusters, raised for their number, and the degrees of freedom: of the part with fewer."""
    total = float((np.bincount(clusters, weights=rests) ** 2).sum())
    fewest = min(_effective(clusters[inside]), _effective(clusters[~inside]))
    return total * fewest / max(fewest - 1.0, 0.5), max(fewest - 1.0, 1.0)


def _effective(clusters: Integers) -> float:
    sizes = np.bincount(clusters).astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def adjusted(p_values: Floats) -> Floats:
    """The q value of each of the tests: reported below q, a share of q of the reports is false on average.

    Benjamini and Hochberg 1995 (JRSS B 57), the step-up procedure; for tests that are independent or depend on each other as
    those of one set of answers do (Benjamini and Yekutieli 2001, positive dependence).
    """
    count = len(p_values)
    order = np.argsort(p_values)
    scaled = p_values[order] * count / np.arange(1, count + 1)
    q_values = np.empty(count)
    q_values[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q_values
