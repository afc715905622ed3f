"""Coefficients of agreement of classes for records of random weights: what their intervals are drawn with."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from services.qa.domain.agreement_intervals import AGREEING_MASS, DIFFERING_MASS, differing
from services.qa.domain.arrays import Floats
from services.qa.domain.class_tables import ClassTable
from services.qa.domain.class_weights import ClassWeights


@dataclass(frozen=True, slots=True)
class _Drawn:
    """R draws: records of one answer and more (R,), of two and more (R,), mean shares and shares of all answers (R, K)."""

    records: Floats
    paired: Floats
    shares: Floats
    answer_shares: Floats


class ClassDraws:
    """Linear sums of the weights of P patterns and of the added records; a class that nobody answered is one of K.

    The last columns of the weights are the K classes' agreeing records and the differing one.
    """

    def __init__(self, table: ClassTable) -> None:
        self._table = table
        self._sizes = table.sizes.astype(np.float64)
        self._paired = table.paired.astype(np.float64)
        seen, classes = len(table.columns), max(2, table.classes)
        each = np.full(seen, 1.0 / classes)
        self._added = np.r_[each, 1.0 - each.sum()] if seen < classes else each
        self._classes = len(self._added)
        self._mean_size = table.paired_answers / table.paired_records
        self._counts = _widened(table.counts, self._classes)
        self._shares = _widened(table.shares, self._classes)
        self.masses = np.r_[table.records, AGREEING_MASS * self._added, DIFFERING_MASS]

    def sums(self, weights: Floats) -> _Drawn:
        patterns, agreeing, differ = self._parts(weights)
        added = agreeing + differ[:, None] * self._added
        records = weights.sum(axis=1)
        paired = patterns * self._paired
        shares = (self._shares.T @ patterns.T).T + added
        answers = (self._counts.T @ paired.T).T + self._mean_size * added
        return _Drawn(
            records,
            paired.sum(axis=1) + added.sum(axis=1),
            np.asarray(shares / records[:, None], np.float64),
            np.asarray(answers / answers.sum(axis=1)[:, None], np.float64),
        )

    def _parts(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        patterns = len(self._sizes)
        return weights[:, :patterns], weights[:, patterns:-1], weights[:, -1]

    def weighted(self, weighting: ClassWeights) -> "WeightedDraws":
        return WeightedDraws(self, weighting)

    def agreement(self, weighting: ClassWeights) -> tuple[Floats, float]:
        """(P,) the agreement of each pattern, and that of the added record that differs."""
        own = self._table.agreement(weighting)
        differ = self._table.paired & (own < 1.0)
        records = self._table.records[differ].astype(np.float64)
        classes = weighting.classes
        pairs = max(1, classes * (classes - 1))
        most = float(classes * classes - weighting.total) / pairs  # of two different classes, in the mean
        added = differing(self._mean_size, float(records @ (1.0 - own[differ])), float(records.sum()), most)
        return own, 1.0 - added

    def mean_agreement(self, weights: Floats, drawn: _Drawn, own: Floats, added: float) -> Floats:
        """(R,) mean over the records of two answers and more."""
        patterns, agreeing, differ = self._parts(weights)
        total = patterns @ (own * self._paired) + agreeing.sum(axis=1) + differ * added
        return np.asarray(total / drawn.paired, np.float64)

    def mean_disagreement(self, weights: Floats, own: Floats, added: float) -> Floats:
        """(R,) mean over the answers to the records of two answers and more."""
        patterns, agreeing, differ = self._parts(weights)
        sizes = self._sizes * self._paired
        unequal = patterns @ (sizes * (1.0 - own)) + differ * (self._mean_size * (1.0 - added))
        answers = patterns @ sizes + self._mean_size * (agreeing.sum(axis=1) + differ)
        return np.asarray(unequal / answers, np.float64)


class WeightedDraws:
    """The coefficients of each draw under one weighting: percent agreement, Fleiss, Gwet, Brennan-Prediger, Krippendorff."""

    def __init__(self, draws: ClassDraws, weighting: ClassWeights) -> None:
        self._draws, self._weighting = draws, weighting
        self._own, self._added = draws.agreement(weighting)
        matrix = weighting.matrix
        self._form = _sum_of_squares if matrix is None else partial(_quadratic_forms, matrix)

    def statistics(self, weights: Floats, drawn: _Drawn) -> Floats:
        """(5, R)."""
        observed = self._draws.mean_agreement(weights, drawn, self._own, self._added)
        unequal = self._draws.mean_disagreement(weights, self._own, self._added)
        classes, total = max(2, self._weighting.classes), float(self._weighting.total)
        by_shares = self._form(drawn.shares)
        by_scale = total / (classes * (classes - 1)) * (1.0 - _sum_of_squares(drawn.shares))
        even = np.full(len(observed), total / classes**2)
        corrected = [(observed - chance) / (1.0 - chance) for chance in (by_shares, by_scale, even)]
        return np.stack([observed, *corrected, 1.0 - unequal / (1.0 - self._form(drawn.answer_shares))])


def _widened(counts: Any, classes: int) -> Any:
    """With a column of zeros for the classes that nobody answered."""
    missing = classes - counts.shape[1]
    if missing == 0:
        return counts
    return sparse.csr_array(sparse.hstack([counts, sparse.csr_array((counts.shape[0], missing))]))


def _sum_of_squares(shares: Floats) -> Floats:
    return np.asarray((shares**2).sum(axis=1), np.float64)


def _quadratic_forms(matrix: Floats, shares: Floats) -> Floats:
    return np.asarray(((shares @ matrix) * shares).sum(axis=1), np.float64)
