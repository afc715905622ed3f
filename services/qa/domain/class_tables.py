"""How often each class was answered in records that are alike, and the coefficients of agreement that follow.

Values are computed in integers and rounded once, so equal counts give equal values to the last digit. With r answers to a
record, n_k of them class k, n records with at least one answer, n2 of them with at least two, q classes, weights w:
    agreement of a record   a = sum_kl n_k n_l w_kl / (r (r - 1)) - 1 / (r - 1);  p_a: its mean over the n2
    share of a class        s_k = n_k / r;  pi_k: its mean over the n
    Fleiss                  (p_a - p_e) / (1 - p_e) with p_e = sum_kl w_kl pi_k pi_l
    Gwet's AC1, AC2         the same with p_e = sum(w) / (q (q - 1)) sum_k pi_k (1 - pi_k)
    Brennan-Prediger        the same with p_e = sum(w) / q^2
    Krippendorff            1 - (N - 1) sum over the n2 of r (1 - a) / sum_kl N_k N_l (1 - w_kl), N_k the answers of these

Standard errors are of records drawn from many, by linearisation, as in Gwet.

Sources: Fleiss 1971 (Psychological Bulletin 76); Gwet 2008 (British Journal of Mathematical and Statistical Psychology 61) and
2014, "Handbook of Inter-Rater Reliability", 4th edition, chapters 2, 3 and 5, whose treatment of missing answers this is;
Brennan and Prediger 1981 (Educational and Psychological Measurement 41); Krippendorff 2011, "Computing Krippendorff's
alpha-reliability".
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm, sqrt
from typing import Any, Final

import numpy as np
from scipy import sparse

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.class_weights import ClassScale, ClassWeights

PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class CountedPattern:
    """`records` have the pattern `text`; `units`: the distances between the answers of each, summed over all."""

    text: str
    records: int
    units: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient with its standard error, None where it is not defined, and how many records it really rests on."""

    value: float | None
    standard_error: float | None = None
    effective_records: float = 0.0


UNKNOWN: Final = Estimate(None)


class ClassTable:
    """P patterns over K classes, in the order of their texts.

    `records` (P,) have the pattern, `sizes` (P,) answers each, `counts` (P, K) sparse: how many of them are which class.
    `classes`: how many the scale has, of which the K were answered (all of them, where the scale is ordered).
    """

    def __init__(self, patterns: Sequence[CountedPattern], scale: ClassScale | None = None) -> None:
        labels: list[list[str]] = [json.loads(one.text) for one in patterns]
        seen = {label for one in labels for label in one}
        self.columns = _columns(seen, scale)
        self.classes = max(len(self.columns), 0 if scale is None else len(scale.classes))
        place = {label: at for at, label in enumerate(self.columns)}
        rows = [row for row, one in enumerate(labels) for _ in one]
        at = [place[label] for one in labels for label in one]
        ones = np.ones(len(rows), np.int64)
        cells = sparse.coo_array((ones, (rows, at)), shape=(len(labels), len(place)))
        self.counts: Any = sparse.csr_array(cells)
        self.records: Integers = np.array([one.records for one in patterns], np.int64)
        self.sizes: Integers = np.array([len(one) for one in labels], np.int64)

    @property
    def paired(self) -> Flags:
        """(P,) whether there are two answers to compare."""
        return np.asarray(self.sizes >= PAIR)

    @property
    def paired_records(self) -> int:
        return int(self.records[self.paired].sum())

    @property
    def paired_answers(self) -> int:
        return int((self.records * self.sizes)[self.paired].sum())

    @property
    def answers(self) -> int:
        return int((self.records * self.sizes).sum())

    @property
    def shares(self) -> Any:
        """(P, K) sparse: the share of each class in a record's answers."""
        return sparse.csr_array(sparse.diags_array(1.0 / self.sizes) @ self.counts)

    def agreement(self, weights: ClassWeights) -> Floats:
        """(P,) the agreement of a record's answers; 0 where there is one."""
        pairs = np.maximum(1, self.sizes * (self.sizes - 1))
        agreeing = self.equal_pairs(weights) / weights.whole / pairs
        return np.asarray(np.where(self.paired, agreeing, 0.0), np.float64)

    def equal_pairs(self, weights: ClassWeights) -> Integers:
        """(P,) pairs of a record's answers in both orders, each in `weights.whole` parts, as far as they agree."""
        if weights.units is None:
            alike = self.counts.multiply(self.counts).sum(axis=1)
        else:
            alike = self.counts.multiply(self.counts @ weights.units).sum(axis=1)
        return np.asarray(alike, np.int64) - weights.whole * self.sizes


def _columns(seen: set[str], scale: ClassScale | None) -> list[str]:
    if scale is None or not scale.ordered:
        return sorted(seen)
    return [*scale.classes, *sorted(seen - set(scale.classes))]


@dataclass(frozen=True, slots=True)
class _Exact:
    """Sums of a table in exact numbers: p_a, numerators of pi over `whole`, answers of paired records by class."""

    agreement: Fraction
    shares: list[int]
    whole: int
    paired_totals: list[int]
    disagreement: Fraction


class WeightedAgreement:
    """The coefficients of a table under one weighting. The table has at least one record with two answers."""

    def __init__(self, table: ClassTable, weights: ClassWeights) -> None:
        self._table, self._weights = table, weights
        self._exact = _exact_sums(table, weights)
        self._records = int(table.records.sum())
        self._paired = table.paired_records
        self._agreement = table.agreement(weights)
        self._pi = np.array([Fraction(one, self._exact.whole) for one in self._exact.shares], np.float64)

    def percent(self) -> Estimate:
        """The share of agreeing pairs of answers, mean over the records."""
        deviations = np.where(self._table.paired, self._agreement - float(self._exact.agreement), 0.0)
        return self._estimate(float(self._exact.agreement), deviations, self._paired)

    def fleiss(self) -> Estimate:
        expected = Fraction(_quadratic_form(self._exact.shares, self._weights), self._exact.whole**2)
        matrix = self._weights.matrix
        mean_weights = self._pi if matrix is None else matrix @ self._pi
        return self._chance_corrected(expected, self._table.shares @ mean_weights)

    def gwet(self) -> Estimate:
        """AC1 under nominal weights, AC2 under others."""
        factor = self._gwet_factor()
        if factor is None:
            return UNKNOWN
        squares = Fraction(sum(one * one for one in self._exact.shares), self._exact.whole**2)
        return self._chance_corrected(factor * (1 - squares), float(factor) * (self._table.shares @ (1.0 - self._pi)))

    def brennan_prediger(self) -> Estimate:
        if self._weights.classes < PAIR:
            return UNKNOWN
        expected = self._weights.total / self._weights.classes**2
        return self._chance_corrected(expected, np.full(len(self._agreement), float(expected)))

    def krippendorff(self) -> Estimate:
        totals = self._exact.paired_totals
        answers = sum(totals)
        chance = Fraction(answers**2) - Fraction(_quadratic_form(totals, self._weights), 1)
        if chance == 0:
            return UNKNOWN
        value = 1 - (answers - 1) * self._exact.disagreement / chance
        return self._estimate(float(value), self._krippendorff_deviations(), self._paired)

    def _gwet_factor(self) -> Fraction | None:
        classes = self._weights.classes
        return None if classes < PAIR else self._weights.total / (classes * (classes - 1))

    def _chance_corrected(self, expected: Fraction, by_record: Floats) -> Estimate:
        """`by_record` (P,): what each record says about the agreement expected by chance; its mean is `expected`."""
        if expected == 1:
            return UNKNOWN
        value = (self._exact.agreement - expected) / (1 - expected)
        kappa, chance = float(value), float(expected)
        own = self._records / self._paired * (self._agreement - chance * self._table.paired)
        influence = (own - 2.0 * (1.0 - kappa) * (by_record - chance)) / (1.0 - chance)
        return self._estimate(kappa, influence - kappa, self._records)

    def _krippendorff_deviations(self) -> Floats:
        """As in irrCAC: shares by the mean number of answers, with the terms of how many a record has."""
        table, paired = self._table, self._table.paired
        sizes = table.sizes[paired].astype(np.float64)
        mean_size = table.paired_answers / self._paired
        more = (sizes - mean_size) / mean_size
        agreeing = self._agreement[paired] * sizes / mean_size
        observed = float(table.records[paired] @ agreeing) / self._paired
        pi = np.array(self._exact.paired_totals, np.float64) / table.paired_answers
        matrix = self._weights.matrix
        mean_weights = pi if matrix is None else matrix @ pi
        chance = float(pi @ mean_weights)
        alpha = (observed - chance) / (1.0 - chance)  # without the correction for few answers, which `corrected` has
        corrected = observed + (1.0 - observed) / table.paired_answers
        own = (agreeing - corrected * more - chance) / (1.0 - chance)
        by_chance = table.counts[paired] @ mean_weights / mean_size - chance * more
        deviations = np.zeros(len(table.records))
        deviations[paired] = own - 2.0 * (1.0 - alpha) * (by_chance - chance) / (1.0 - chance) - alpha
        return deviations

    def _estimate(self, value: float, deviations: Floats, records: int) -> Estimate:
        return estimate_of(value, deviations, self._table.records, records)


def estimate_of(value: float, deviations: Floats, times: Integers | Floats, records: int) -> Estimate:
    """Return a coefficient with its standard error, from how far each of P patterns moves it.

    `deviations` (P,): of a record with the pattern, `times` (P,): how many have it; `records`: how many there are.

    A variance that few records make is known as badly as from few: from k normal ones its relative variance is 2 / (k - 1), from
    these (kurtosis - 1) / records, so they are worth that k.
    """
    if records < PAIR:
        return Estimate(value, None, records)
    squares = deviations**2
    total = float(times @ squares)
    if total == 0.0:
        return Estimate(value, 0.0, records)
    kurtosis = records * float(times @ squares**2) / total**2
    worth = min(float(records), 1.0 + 2.0 * records / max(kurtosis - 1.0, 1e-9))
    return Estimate(value, sqrt(total / (records * (records - 1))), worth)


def _exact_sums(table: ClassTable, weights: ClassWeights) -> _Exact:
    sizes = [int(one) for one in np.unique(table.sizes)]
    equal_pairs = table.records * table.equal_pairs(weights)
    of_shares, of_pairs = lcm(*sizes), lcm(*(size * (size - 1) for size in sizes if size >= PAIR))
    shares = np.zeros(len(table.columns), object)
    totals = np.zeros(len(table.columns), object)
    agreeing, disagreeing, paired = 0, Fraction(), 0
    for size in sizes:
        own = table.sizes == size
        counts = (table.records[own] @ table.counts[own]).astype(object)
        shares += counts * (of_shares // size)
        if size < PAIR:
            continue
        totals += counts
        equal, records = int(equal_pairs[own].sum()), int(table.records[own].sum())
        paired += records
        agreeing += equal * (of_pairs // (size * (size - 1)))
        disagreeing += Fraction(records * size * (size - 1) * weights.whole - equal, (size - 1) * weights.whole)
    return _Exact(
        Fraction(agreeing, of_pairs * weights.whole * paired),
        [int(one) for one in shares],
        of_shares * int(table.records.sum()),
        [int(one) for one in totals],
        disagreeing,
    )


def _quadratic_form(totals: Sequence[int], weights: ClassWeights) -> Fraction:
    """The sum over pairs of classes of their totals' product, weighted."""
    if weights.units is None:
        return Fraction(sum(one * one for one in totals))
    vector = np.array(totals, object)
    return Fraction(int(vector @ (weights.units.astype(object) @ vector)), weights.whole)
