"""Agreement of two annotators on the records that both answered.

With p_kl the share of records that the first answered k and the second l, weights w and mean chance agreement p_e:
    (p_a - p_e) / (1 - p_e), p_a = sum_kl w_kl p_kl
    Cohen        p_e = sum_kl w_kl p_k. p_.l
    Scott        p_e = sum_kl w_kl pi_k pi_l with pi_k = (p_k. + p_.k) / 2
    Gwet's AC1   p_e = sum(w) / (q (q - 1)) sum_k pi_k (1 - pi_k)

Sources: Cohen 1960 (Educational and Psychological Measurement 20) and 1968 (Psychological Bulletin 70); Scott 1955 (Public
Opinion Quarterly 19); Gwet 2008 (British Journal of Mathematical and Statistical Psychology 61). Standard errors: Fleiss, Cohen
and Everitt 1969 (Psychological Bulletin 72), and Gwet 2014, "Handbook of Inter-Rater Reliability", chapters 4 and 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import sqrt
from typing import Final

import numpy as np

from services.qa.domain.agreement_coefficients import Coefficient
from services.qa.domain.agreement_intervals import AGREEING_MASS, DIFFERING_MASS, differing, intervals
from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.class_tables import UNKNOWN, Estimate, estimate_of
from services.qa.domain.class_weights import MOST_ORDERED, ClassScale, ClassWeights, Weighting, class_weights

_ROUNDS: Final = 400


@dataclass(frozen=True, slots=True)
class PairKappa:
    """`kappa` is Cohen's. The weighted ones only where the classes have an order."""

    annotators: tuple[str, str]
    records: int
    kappa: Coefficient
    scott_pi: Coefficient
    gwet_ac1: Coefficient
    kappa_linear: Coefficient | None = None
    kappa_quadratic: Coefficient | None = None


def of_pair(
    annotators: tuple[str, str], cells: Mapping[tuple[str, str], int], scale: ClassScale | None = None
) -> PairKappa:
    """Measure two annotators; `cells`: how often the first answered one class and the second another."""
    ordered = scale is not None and scale.ordered and len(scale.classes) <= MOST_ORDERED
    table = PairTable(cells, scale, ordered=ordered)
    nominal = class_weights(Weighting.NOMINAL, table.classes)
    wanted = [(nominal, "cohen"), (nominal, "scott"), (nominal, "gwet")]
    if ordered:
        wanted += [(class_weights(one, table.classes), "cohen") for one in (Weighting.LINEAR, Weighting.QUADRATIC)]
    return PairKappa(annotators, table.records, *table.measure(wanted))


class PairTable:
    """How often two annotators answered each combination of K classes: C cells, in the order of their classes."""

    def __init__(
        self, cells: Mapping[tuple[str, str], int], scale: ClassScale | None = None, *, ordered: bool = False
    ) -> None:
        kept = {labels: count for labels, count in sorted(cells.items()) if count}
        seen = {label for labels in kept for label in labels}
        columns = list(scale.classes) if scale is not None and ordered else sorted(seen)
        place = {label: at for at, label in enumerate(columns)}
        self._seen = len(columns)
        self.classes = max(self._seen, 0 if scale is None else len(scale.classes))
        self._first: Integers = np.array([place[one] for one, _ in kept], np.int64)
        self._second: Integers = np.array([place[other] for _, other in kept], np.int64)
        self._counts = list(kept.values())
        self.records = sum(self._counts)
        self._rows, self._columns = [0] * self._seen, [0] * self._seen
        for one, other, count in zip(self._first, self._second, self._counts, strict=True):
            self._rows[one] += count
            self._columns[other] += count

    def measure(self, wanted: Sequence[tuple[ClassWeights, str]]) -> list[Coefficient]:
        """Return the coefficients that are named by their weights and by whose chance agreement they take."""
        if not self.records:
            return [Coefficient(None, None, None)] * len(wanted)
        found = [self._estimate(*one) for one in wanted]
        drawn = _PairDraws(self._first, self._second, self._seen, self.classes, np.array(self._counts, np.float64))
        ends = intervals(drawn.masses, found, lambda weights: drawn.statistics(weights, wanted), rounds=_ROUNDS)
        return [
            Coefficient(one.value, *interval, one.standard_error, self.records, 2 * self.records)
            for one, interval in zip(found, ends, strict=True)
        ]

    def _value(self, weights: ClassWeights, chance: str) -> Fraction | None:
        observed = Fraction(
            sum(
                count * _units(weights, int(one), int(other))
                for one, other, count in zip(self._first, self._second, self._counts, strict=True)
            ),
            weights.whole * self.records,
        )
        expected = self._expected(weights, chance)
        return None if expected is None or expected == 1 else (observed - expected) / (1 - expected)

    def _expected(self, weights: ClassWeights, chance: str) -> Fraction | None:
        both = [one + other for one, other in zip(self._rows, self._columns, strict=True)]
        if chance == "cohen":
            return Fraction(_form(weights, self._rows, self._columns), weights.whole * self.records**2)
        if chance == "scott":
            return Fraction(_form(weights, both, both), 4 * weights.whole * self.records**2)
        if self.classes < 2:  # noqa: PLR2004  # a pair
            return None
        squares = Fraction(sum(one * one for one in both), 4 * self.records**2)
        return weights.total / (self.classes * (self.classes - 1)) * (1 - squares)

    def _estimate(self, weights: ClassWeights, chance: str) -> Estimate:
        exact = self._value(weights, chance)
        if exact is None:
            return UNKNOWN
        value = float(exact)
        counts = np.array(self._counts, np.float64)
        own = np.array([_units(weights, *each) for each in self._cells]) / weights.whole
        expected = float(self._expected(weights, chance) or 0)
        terms = own - (1.0 - value) * self._chance_terms(weights, chance)
        mean = float(counts @ own) / self.records - 2.0 * (1.0 - value) * expected
        found = estimate_of(value, (terms - mean) / (1.0 - expected), counts, self.records)
        # the published formula divides by the number of records, not by one less
        of_all = found.standard_error and found.standard_error * sqrt((self.records - 1) / self.records)
        return replace(found, standard_error=of_all)

    @property
    def _cells(self) -> list[tuple[int, int]]:
        return [(int(one), int(other)) for one, other in zip(self._first, self._second, strict=True)]

    def _chance_terms(self, weights: ClassWeights, chance: str) -> Floats:
        """(C,) what each cell says about twice the agreement by chance."""
        rows = np.array(self._rows, np.float64) / self.records
        columns = np.array(self._columns, np.float64) / self.records
        pi = (rows + columns) / 2.0
        if chance == "gwet":
            factor = float(weights.total) / (self.classes * (self.classes - 1))
            return np.asarray(factor * (2.0 - pi[self._first] - pi[self._second]), np.float64)
        of_first, of_second = (columns, rows) if chance == "cohen" else (pi, pi)
        matrix = weights.matrix
        if matrix is not None:
            of_first, of_second = matrix @ of_first, matrix @ of_second
        return np.asarray(of_first[self._first] + of_second[self._second], np.float64)


class _PairDraws:
    """Weights of C cells, and of added records: K agreeing ones and one that differs; what nobody answered is a class."""

    def __init__(self, first: Integers, second: Integers, seen: int, classes: int, counts: Floats) -> None:
        classes = max(2, classes)
        each = np.full(seen, 1.0 / classes)
        self._added = np.r_[each, 1.0 - each.sum()] if seen < classes else each
        eye = np.eye(len(self._added))
        self._first, self._second = eye[first], eye[second]
        self._cells = (first, second)
        self._counts = counts
        self.masses = np.r_[counts, AGREEING_MASS * self._added, DIFFERING_MASS]

    def statistics(self, weights: Floats, wanted: Sequence[tuple[ClassWeights, str]]) -> Floats:
        """(C, R) of the wanted coefficients."""
        cells = len(self._counts)
        own, agreeing, differ = weights[:, :cells], weights[:, cells:-1], weights[:, -1]
        added = agreeing + differ[:, None] * self._added
        total = weights.sum(axis=1)
        rows = (own @ self._first + added) / total[:, None]
        columns = (own @ self._second + added) / total[:, None]
        found = []
        for weighting, chance in wanted:
            agreement = self._agreement(weighting)
            observed = (own @ agreement + agreeing.sum(axis=1) + differ * self._differing(weighting, agreement)) / total
            expected = _drawn_chance(weighting, chance, rows, columns)
            found.append((observed - expected) / (1.0 - expected))
        return np.stack(found)

    def _agreement(self, weighting: ClassWeights) -> Floats:
        first, second = self._cells
        matrix = weighting.matrix
        return np.asarray(first == second if matrix is None else matrix[first, second], np.float64)

    def _differing(self, weighting: ClassWeights, agreement: Floats) -> float:
        different = agreement < 1.0
        classes = weighting.classes
        most = float(classes * classes - weighting.total) / max(1, classes * (classes - 1))
        unequal = float(self._counts[different] @ (1.0 - agreement[different]))
        return 1.0 - differing(2.0, unequal, float(self._counts[different].sum()), most)


def _drawn_chance(weighting: ClassWeights, chance: str, rows: Floats, columns: Floats) -> Floats:
    if chance == "cohen":
        return _drawn_form(weighting, rows, columns)
    pi = (rows + columns) / 2.0
    if chance == "scott":
        return _drawn_form(weighting, pi, pi)
    classes = max(2, weighting.classes)
    factor = float(weighting.total) / (classes * (classes - 1))
    return np.asarray(factor * (1.0 - (pi**2).sum(axis=1)), np.float64)


def _drawn_form(weighting: ClassWeights, rows: Floats, columns: Floats) -> Floats:
    matrix = weighting.matrix
    weighted = rows if matrix is None else rows @ matrix
    return np.asarray((weighted * columns).sum(axis=1), np.float64)


def _units(weights: ClassWeights, one: int, other: int) -> int:
    return int(one == other) if weights.units is None else int(weights.units[one, other])


def _form(weights: ClassWeights, rows: Sequence[int], columns: Sequence[int]) -> int:
    """The sum over pairs of classes of their totals' product, in units of the weights."""
    if weights.units is None:
        return sum(one * other for one, other in zip(rows, columns, strict=True))
    units = weights.units.tolist()
    return sum(
        one * other * units[row][column]
        for row, one in enumerate(rows)
        if one
        for column, other in enumerate(columns)
        if other
    )
