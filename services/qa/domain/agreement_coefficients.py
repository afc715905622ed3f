"""Agreement on one question, from counts of patterns: coefficients with their intervals and what they stand on."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from services.qa.domain.agreement_counts import BASIS, LEFT_OUT
from services.qa.domain.agreement_intervals import Interval, intervals
from services.qa.domain.arrays import Floats
from services.qa.domain.class_draws import ClassDraws
from services.qa.domain.class_tables import UNKNOWN, ClassTable, CountedPattern, Estimate, WeightedAgreement
from services.qa.domain.class_weights import (
    MOST_ORDERED,
    ClassScale,
    ClassWeights,
    Weighting,
    class_weights,
    weights_of_disagreement,
)

_MOST_RANK: Final = 10_000_000
"""Ranks are rounded to this, so that their squares stay exact."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """With its 95 % interval and standard error. None where it is not defined: nothing varies, or nothing is compared.

    `records`: how many it compares answers of; `annotations`: how many answers it uses, those to other records included.
    """

    value: float | None
    low: float | None
    high: float | None
    standard_error: float | None = None
    records: int = 0
    annotations: int = 0


UNDEFINED: Final = Coefficient(None, None, None)


@dataclass(frozen=True, slots=True)
class OrderedAgreement:
    """Of classes that have an order: neighbours agree more than those far apart."""

    krippendorff_alpha_ordinal: Coefficient
    gwet_ac2_linear: Coefficient
    gwet_ac2_quadratic: Coefficient
    gwet_ac2_ordinal: Coefficient
    fleiss_kappa_linear: Coefficient
    fleiss_kappa_quadratic: Coefficient


NOT_ORDERED_YET: Final = OrderedAgreement(*[UNDEFINED] * 6)


@dataclass(frozen=True, slots=True)
class QuestionAgreement:
    """`records`: those with at least two due answers, `annotations`: these answers. Kappas only of classes.

    `single_annotations`: due answers without another to compare; they count in the shares of the classes.
    `records_left_out`: those with at least two answers of which no two are due, `annotations_left_out`: all answers to
    records with at least two that are not compared.
    """

    records: int
    annotations: int
    percent_agreement: Coefficient | None
    fleiss_kappa: Coefficient | None
    krippendorff_alpha: Coefficient
    gwet_ac1: Coefficient | None = None
    brennan_prediger: Coefficient | None = None
    ordered: OrderedAgreement | None = None
    basis: str = BASIS
    single_annotations: int = 0
    records_left_out: int = 0
    annotations_left_out: int = 0


def nothing_yet(*, classes: bool, ordered: bool) -> QuestionAgreement:
    """Return what is known of a question before anything was counted."""
    undefined = UNDEFINED if classes else None
    return QuestionAgreement(
        0, 0, undefined, undefined, UNDEFINED, undefined, undefined, NOT_ORDERED_YET if ordered else None
    )


def of_classes(patterns: Sequence[CountedPattern], scale: ClassScale | None = None) -> QuestionAgreement:
    """Measure a question that chooses one class; without a scale, it has the classes that were answered, in no order."""
    counted = counted_patterns(patterns)
    left_out = [one for one in patterns if one.text == LEFT_OUT]
    ordered = scale is not None and scale.ordered and len(scale.classes) <= MOST_ORDERED
    table = ClassTable(counted, scale if scale is None or ordered else ClassScale(scale.classes))
    measured = _Measured(table, ordered=ordered) if table.paired_records else None
    nothing = nothing_yet(classes=True, ordered=ordered)
    return QuestionAgreement(
        records=table.paired_records,
        annotations=table.paired_answers,
        percent_agreement=nothing.percent_agreement if measured is None else measured.percent,
        fleiss_kappa=nothing.fleiss_kappa if measured is None else measured.fleiss,
        krippendorff_alpha=nothing.krippendorff_alpha if measured is None else measured.krippendorff,
        gwet_ac1=nothing.gwet_ac1 if measured is None else measured.gwet,
        brennan_prediger=nothing.brennan_prediger if measured is None else measured.brennan_prediger,
        ordered=nothing.ordered if measured is None else measured.ordered,
        single_annotations=table.answers - table.paired_answers,
        records_left_out=sum(one.records for one in left_out),
        annotations_left_out=sum(one.units for one in left_out),
    )


def counted_patterns(patterns: Sequence[CountedPattern]) -> list[CountedPattern]:
    """Return the patterns that count, in the order of their texts."""
    return sorted((one for one in patterns if one.records and one.text != LEFT_OUT), key=lambda one: one.text)


class _Measured:
    """Every coefficient of a table of which something is compared."""

    def __init__(self, table: ClassTable, *, ordered: bool) -> None:
        weights = [class_weights(Weighting.NOMINAL, table.classes)]
        if ordered:
            weights += [class_weights(one, table.classes) for one in list(Weighting)[1:]]
            weights.append(_by_rank(table))
        estimates = [_estimates(WeightedAgreement(table, one)) for one in weights]
        found = _intervals(table, weights, estimates)
        self._table = table
        coefficients = [
            [self._coefficient(*each) for each in zip(of_one, intervals_of_one, (0, 1, 1, 1, 0), strict=True)]
            for of_one, intervals_of_one in zip(estimates, found, strict=True)
        ]
        self.percent, self.fleiss, self.gwet, self.brennan_prediger, self.krippendorff = coefficients[0]
        self.ordered = _ordered(coefficients[1:]) if ordered else None

    def _coefficient(self, estimate: Estimate, interval: Interval, uses_singles: int) -> Coefficient:
        answers = self._table.answers if uses_singles else self._table.paired_answers
        return Coefficient(
            estimate.value, *interval, estimate.standard_error, self._table.paired_records, annotations=answers
        )


def _estimates(agreement: WeightedAgreement) -> list[Estimate]:
    return [
        agreement.percent(),
        agreement.fleiss(),
        agreement.gwet(),
        agreement.brennan_prediger(),
        agreement.krippendorff(),
    ]


def _ordered(by_weighting: Sequence[Sequence[Coefficient]]) -> OrderedAgreement:
    linear, quadratic, ordinal, by_rank = by_weighting
    return OrderedAgreement(
        krippendorff_alpha_ordinal=by_rank[4],
        gwet_ac2_linear=linear[2],
        gwet_ac2_quadratic=quadratic[2],
        gwet_ac2_ordinal=ordinal[2],
        fleiss_kappa_linear=linear[1],
        fleiss_kappa_quadratic=quadratic[1],
    )


def _intervals(
    table: ClassTable, weights: Sequence[ClassWeights], estimates: Sequence[Sequence[Estimate]]
) -> list[list[Interval]]:
    draws = ClassDraws(table)
    weighted = [draws.weighted(one) for one in weights]

    def statistics(drawn: Floats) -> Floats:
        sums = draws.sums(drawn)
        return np.concatenate([one.statistics(drawn, sums) for one in weighted])

    found = intervals(draws.masses, [one for of_one in estimates for one in of_one], statistics)
    each = len(estimates[0])
    return [found[first:last] for first, last in pairwise(range(0, len(found) + 1, each))]


def _by_rank(table: ClassTable) -> ClassWeights:
    """Krippendorff's ordinal metric: the squared number of answers from the middle of one class to that of the other."""
    paired = table.records * table.paired
    totals = [int(one) for one in paired @ table.counts]
    before = np.cumsum([0, *totals])
    middles = [2 * int(first) + own for first, own in zip(before[:-1], totals, strict=True)]
    step = max(1, -(-2 * sum(totals) // _MOST_RANK))
    return weights_of_disagreement([[(one // step - other // step) ** 2 for other in middles] for one in middles])


__all__ = [
    "NOT_ORDERED_YET",
    "UNDEFINED",
    "UNKNOWN",
    "ClassScale",
    "Coefficient",
    "CountedPattern",
    "OrderedAgreement",
    "QuestionAgreement",
    "counted_patterns",
    "nothing_yet",
    "of_classes",
]
